"""Hourly electricity of heat pumps with a COP that follows source and sink temperature.

COP regressions on the temperature lift, the least lift of 15 K and the correction of catalogue to field values by
0.85 are those of Ruhnau, Hirth and Praktiknjo 2019, "Time series of heat demand and heat pump efficiency for energy
system modeling", Scientific Data 6:189, doi 10.1038/s41597-019-0199-y. Beyond the lift where the parabola turns
upward its lowest value is kept.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant

AIR, GROUND = 0, 1
COEFFICIENTS = np.array([[6.08, -0.09, 0.0005], [10.29, -0.21, 0.0012]])
LEAST_LIFT_K = 15.0
ANNUAL = ("space_heat", "hot_water", "compressor", "backup")


def cop(kind: int, lift_k: NDArray[np.float64], correction: float) -> NDArray[np.float64]:
    """Return the COP at a temperature lift, never below 1.

    Parameters
    ----------
    kind : int
        `AIR` or `GROUND`.
    lift_k : float64 array
        Sink minus source temperature.
    correction : float
        Field over catalogue performance.
    """
    a, b, c = COEFFICIENTS[kind]
    lift = np.clip(lift_k, LEAST_LIFT_K, -b / (2.0 * c))
    return np.maximum(1.0, correction * (a + b * lift + c * lift * lift))


def reference(
    space_heat_w: NDArray[np.float32],
    hot_water_w: NDArray[np.float32],
    outdoor_c: NDArray[np.float64],
    source_c: NDArray[np.float64],
    kind: NDArray[np.int64],
    sink_c: NDArray[np.float64],
    limit_w: NDArray[np.float64],
    correction: float,
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Cover hot water first, then space heat, up to the capacity; an electric heater does the rest.

    Parameters
    ----------
    space_heat_w, hot_water_w : float32 (n, t)
        Heat to be supplied.
    outdoor_c : float64 (t,)
        Outdoor air, which sets the flow temperature.
    source_c : float64 (2, t)
        Temperature of air and of ground.
    kind : int64 (n,)
        `AIR` or `GROUND`.
    sink_c : float64 (n, 3)
        Flow temperature at 0 °C outside, its fall per kelvin outside, and hot-water temperature.
    limit_w : float64 (n,)
        Thermal capacity of the heat pump.
    correction : float
        Field over catalogue performance.

    Returns
    -------
    electricity_w : float32 (n, t)
        Compressor and back-up heater.
    annual : float64 (n, 4)
        Wh, `ANNUAL`: heat from the heat pump for space and for water, compressor electricity, back-up heat.
    """
    n, hours = space_heat_w.shape
    electricity, annual = np.zeros((n, hours), np.float32), np.zeros((n, len(ANNUAL)))
    for i in range(n):
        source = source_c[kind[i]]
        flow, slope, water = sink_c[i]
        space, hot = space_heat_w[i].astype(np.float64), hot_water_w[i].astype(np.float64)
        from_water = np.minimum(hot, limit_w[i])
        from_space = np.minimum(space, limit_w[i] - from_water)
        compressor = from_space / cop(kind[i], flow - slope * outdoor_c - source, correction)
        compressor += from_water / cop(kind[i], water - source, correction)
        backup = hot + space - from_water - from_space
        electricity[i] = compressor + backup
        annual[i] = from_space.sum(), from_water.sum(), compressor.sum(), backup.sum()
    return electricity, annual


@njit(cache=True)
def _cop(a: float, b: float, c: float, lift_k: float, correction: float) -> float:
    lift = min(max(lift_k, 15.0), -b / (2.0 * c))
    return max(1.0, correction * (a + b * lift + c * lift * lift))


@njit(cache=True, parallel=True)
def fast(
    space_heat_w: NDArray[np.float32],
    hot_water_w: NDArray[np.float32],
    outdoor_c: NDArray[np.float64],
    source_c: NDArray[np.float64],
    kind: NDArray[np.int64],
    sink_c: NDArray[np.float64],
    limit_w: NDArray[np.float64],
    correction: float,
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """One pass over the hours of each building, buildings in parallel. See `reference`."""
    n, hours = space_heat_w.shape
    electricity, annual = np.empty((n, hours), np.float32), np.empty((n, 4))
    for i in prange(n):
        k = kind[i]
        a, b, c = COEFFICIENTS[k, 0], COEFFICIENTS[k, 1], COEFFICIENTS[k, 2]
        q_space = q_water = q_compressor = q_backup = 0.0
        for t in range(hours):
            space, hot = np.float64(space_heat_w[i, t]), np.float64(hot_water_w[i, t])
            from_water = min(hot, limit_w[i])
            from_space = min(space, limit_w[i] - from_water)
            source = source_c[k, t]
            flow = sink_c[i, 0] - sink_c[i, 1] * outdoor_c[t]
            compressor = from_space / _cop(a, b, c, flow - source, correction)
            compressor += from_water / _cop(a, b, c, sink_c[i, 2] - source, correction)
            backup = hot + space - from_water - from_space
            electricity[i, t] = compressor + backup
            q_space += from_space
            q_water += from_water
            q_compressor += compressor
            q_backup += backup
        annual[i, 0], annual[i, 1], annual[i, 2], annual[i, 3] = q_space, q_water, q_compressor, q_backup
    return electricity, annual


def sample(size: int, rng: np.random.Generator) -> Inputs:
    """Return `size` random heat pumps over ten days."""
    hours = 240
    outdoor = rng.uniform(-15.0, 15.0) + 5.0 * np.sin(np.arange(hours) * 2.0 * np.pi / 24.0)
    space = np.maximum(0.0, rng.normal(4e3, 4e3, (size, hours))).astype(np.float32)
    return {
        "space_heat_w": space,
        "hot_water_w": rng.uniform(0.0, 2e3, (size, hours)).astype(np.float32),
        "outdoor_c": outdoor,
        "source_c": np.stack([outdoor, np.full(hours, 1.0)]),
        "kind": rng.integers(0, 2, size),
        "sink_c": np.column_stack([rng.uniform(30.0, 50.0, size), rng.uniform(0.3, 1.0, size), np.full(size, 55.0)]),
        "limit_w": rng.uniform(0.0, 1e4, size),
        "correction": 0.85,
    }


def _run(kernel: Kernel, inputs: Inputs) -> tuple[NDArray[np.float64], ...]:
    return tuple(kernel(*(inputs[a.name] for a in FAMILY.inputs)))


def _heat_is_supplied(kernel: Kernel, inputs: Inputs) -> None:
    annual = _run(kernel, inputs)[1]
    need = inputs["space_heat_w"].astype(float).sum(axis=1) + inputs["hot_water_w"].astype(float).sum(axis=1)
    np.testing.assert_allclose(annual[:, 0] + annual[:, 1] + annual[:, 3], need, rtol=1e-9)


def _never_more_than_direct(kernel: Kernel, inputs: Inputs) -> None:
    electricity = _run(kernel, inputs)[0]
    assert np.all(electricity >= 0.0)
    assert np.all(electricity <= (inputs["space_heat_w"] + inputs["hot_water_w"]) * (1.0 + 1e-6))


def _warmer_source_never_costs(kernel: Kernel, inputs: Inputs) -> None:
    warmer = {**inputs, "source_c": inputs["source_c"] + 3.0}
    assert np.all(_run(kernel, warmer)[1][:, 2] <= _run(kernel, inputs)[1][:, 2] * (1.0 + 1e-12))


def _capacity_never_hurts(kernel: Kernel, inputs: Inputs) -> None:
    endless = {**inputs, "limit_w": np.full_like(inputs["limit_w"], 1e12)}
    before, after = _run(kernel, inputs)[1], _run(kernel, endless)[1]
    assert np.all(after[:, 3] == 0.0)
    assert np.all(after[:, 2] <= (before[:, 2] + before[:, 3]) * (1.0 + 1e-12))


FAMILY = declare(
    Family(
        name="energy.heat_pump",
        purpose="Hourly electricity of air and ground heat pumps with electric back-up.",
        inputs=(
            Array("space_heat_w", ("n", "t"), "float32", "W"),
            Array("hot_water_w", ("n", "t"), "float32", "W"),
            Array("outdoor_c", ("t",), "float64", "degC"),
            Array("source_c", ("kinds", "t"), "float64", "degC"),
            Array("kind", ("n",), "int64", "-"),
            Array("sink_c", ("n", "columns"), "float64", "degC, K/K, degC"),
            Array("limit_w", ("n",), "float64", "W"),
            Array("correction", (), "float64", "-"),
        ),
        outputs=(
            Array("electricity_w", ("n", "t"), "float32", "W"),
            Array("annual", ("n", "flows"), "float64", "Wh"),
        ),
        sample=sample,
        work=lambda inputs: float(inputs["space_heat_w"].size),
        work_unit="building·hour",
        source="Ruhnau, Hirth and Praktiknjo 2019, doi 10.1038/s41597-019-0199-y",
        rtol=1e-6,
        atol=1e-6,
        properties=(
            Property("heat demand is supplied", _heat_is_supplied),
            Property("never more electricity than direct heating", _never_more_than_direct),
            Property("a warmer source never raises the electricity", _warmer_source_never_costs),
            Property("more capacity never raises the electricity", _capacity_never_hurts),
        ),
    )
)

variant("energy.heat_pump", "reference")(reference)
variant("energy.heat_pump", "numba")(fast)
