"""A battery behind a building's meter, charged with surplus PV and emptied by the building's own demand.

Greedy dispatch, "maximise self-consumption": PV serves the demand of its hour first; a surplus charges the battery as
far as its power and free capacity allow and is fed in beyond that; a shortfall empties it before the grid is asked.
For a flat price this is the best that any dispatch can do (J. Weniger, T. Tjaden, V. Quaschning, Sizing of residential
PV battery systems, Energy Procedia 46 (2014) 78-87, doi:10.1016/j.egypro.2014.01.160, use the same rule).
"""

from __future__ import annotations

import numpy as np
from numba import prange
from numpy.typing import NDArray

from twin.kernels.jit import njit
from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant

Float = NDArray[np.float64]
NAMES = ("direct", "charged", "discharged", "exported", "imported", "stored")


def _sample(size: int, rng: np.random.Generator) -> Inputs:
    hours = 240
    sun = np.clip(np.sin((np.arange(hours) % 24 - 6) / 12 * np.pi), 0.0, None)
    kwp = rng.uniform(0.0, 20.0, size)
    kwp[::5] = 0.0
    capacity = np.where(rng.random(size) < 0.2, 0.0, rng.uniform(0.0, 30.0, size))
    return {
        "demand_kw": (rng.gamma(2.0, 1.0, (size, hours))).astype(np.float32),
        "pv_kw": (kwp[:, None] * sun * rng.uniform(0.2, 1.0, (size, hours))).astype(np.float32),
        "capacity_kwh": capacity,
        "power_kw": capacity * rng.uniform(0.2, 1.5, size),
        "efficiency": 0.95,
    }


def _check_conservation(kernel: Kernel, inputs: Inputs) -> None:
    direct, charged, discharged, exported, imported, stored = kernel(*inputs.values())
    demand, pv = (inputs[k].sum(axis=1, dtype=np.float64) for k in ("demand_kw", "pv_kw"))
    np.testing.assert_allclose(direct + charged + exported, pv, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(direct + discharged + imported, demand, rtol=1e-9, atol=1e-9)
    efficiency = inputs["efficiency"]
    np.testing.assert_allclose(charged * efficiency - discharged / efficiency, stored, rtol=1e-9, atol=1e-9)
    for values in (direct, charged, discharged, exported, imported, stored):
        assert values.min() >= -1e-9
    assert np.all(stored <= inputs["capacity_kwh"] * (1 + 1e-12) + 1e-12)


def _check_capacity(kernel: Kernel, inputs: Inputs) -> None:
    less = kernel(*inputs.values())
    more = kernel(*(inputs | {"capacity_kwh": inputs["capacity_kwh"] + 3.0, "power_kw": inputs["power_kw"]}).values())
    assert np.all(more[4] <= less[4] + 1e-9)
    assert np.all(more[3] <= less[3] + 1e-9)
    none = kernel(*(inputs | {"capacity_kwh": np.zeros_like(inputs["capacity_kwh"])}).values())
    assert not none[1].any()
    np.testing.assert_allclose(none[0], np.minimum(inputs["demand_kw"], inputs["pv_kw"]).sum(axis=1, dtype=np.float64))


declare(
    Family(
        name="solar.battery",
        purpose="Energy that PV, battery and grid exchange behind each meter over the hours, by greedy dispatch.",
        inputs=(
            Array("demand_kw", ("buildings", "hours"), "float32", "kW"),
            Array("pv_kw", ("buildings", "hours"), "float32", "kW"),
            Array("capacity_kwh", ("buildings",), "float64", "kWh"),
            Array("power_kw", ("buildings",), "float64", "kW"),
            Array("efficiency", (), "float64", "-"),
        ),
        outputs=tuple(Array(name, ("buildings",), "float64", "kWh") for name in NAMES),
        sample=_sample,
        work=lambda inputs: float(inputs["pv_kw"].size),
        work_unit="building·hour",
        source="Weniger, Tjaden and Quaschning 2014, doi:10.1016/j.egypro.2014.01.160",
        sizes=(10, 1000, 10_000),
        properties=(
            Property("energy is conserved", _check_conservation),
            Property("more capacity never buys or feeds in more", _check_capacity),
        ),
    )
)


@variant("solar.battery", "reference")
def battery_reference(
    demand_kw: NDArray[np.float32],
    pv_kw: NDArray[np.float32],
    capacity_kwh: Float,
    power_kw: Float,
    efficiency: float,
) -> tuple[Float, ...]:
    """Return what flowed where over all hours; the battery begins empty.

    Parameters
    ----------
    demand_kw, pv_kw : float32 [buildings, hours]
        Hourly means.
    capacity_kwh : float64 [buildings]
        Usable capacity; 0 for none.
    power_kw : float64 [buildings]
        Largest power into and out of the battery, at the meter.
    efficiency : float
        Of charging, and again of discharging (square root of the round trip).

    Returns
    -------
    direct, charged, discharged, exported, imported, stored : float64 [buildings], kWh
        PV used in its hour; PV put into the battery; energy taken out of it; PV fed in; energy bought; what the
        battery holds at the end.
    """
    sums = np.zeros((len(NAMES), len(pv_kw)))
    held = np.zeros(len(pv_kw))
    for t in range(pv_kw.shape[1]):
        demand, pv = demand_kw[:, t].astype(np.float64), pv_kw[:, t].astype(np.float64)
        direct = np.minimum(demand, pv)
        surplus, lack = pv - direct, demand - direct
        into = np.minimum(np.minimum(surplus, power_kw), (capacity_kwh - held) / efficiency)
        out = np.minimum(np.minimum(lack, power_kw), held * efficiency)
        held = np.clip(held + into * efficiency - out / efficiency, 0.0, capacity_kwh)
        sums[:5] += np.stack([direct, into, out, surplus - into, lack - out])
    sums[5] = held
    return tuple(sums)


@njit(cache=True)
def _year(demand, pv, capacity, power, efficiency, out):  # type: ignore[no-untyped-def]
    held = 0.0
    direct_sum, charged, discharged, exported, imported = 0.0, 0.0, 0.0, 0.0, 0.0
    for t in range(len(pv)):
        d, p = np.float64(demand[t]), np.float64(pv[t])
        direct = min(d, p)
        surplus, lack = p - direct, d - direct
        into = min(surplus, power, (capacity - held) / efficiency)
        taken = min(lack, power, held * efficiency)
        held = min(max(held + into * efficiency - taken / efficiency, 0.0), capacity)
        direct_sum += direct
        charged += into
        discharged += taken
        exported += surplus - into
        imported += lack - taken
    out[0], out[1], out[2], out[3], out[4], out[5] = direct_sum, charged, discharged, exported, imported, held


@njit(cache=True, parallel=True)
def _all(demand_kw, pv_kw, capacity_kwh, power_kw, efficiency, out):  # type: ignore[no-untyped-def]
    for i in prange(len(pv_kw)):
        _year(demand_kw[i], pv_kw[i], capacity_kwh[i], power_kw[i], efficiency, out[i])


@variant("solar.battery", "numba")
def battery_numba(
    demand_kw: NDArray[np.float32],
    pv_kw: NDArray[np.float32],
    capacity_kwh: Float,
    power_kw: Float,
    efficiency: float,
) -> tuple[Float, ...]:
    """Compute the same, one building after the other, buildings in parallel; same arguments as the reference."""
    out = np.empty((len(pv_kw), len(NAMES)))
    _all(demand_kw, pv_kw, capacity_kwh, power_kw, efficiency, out)
    return tuple(np.ascontiguousarray(out.T))
