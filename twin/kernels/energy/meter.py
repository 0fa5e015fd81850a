"""What crosses each building's meter hour by hour: demand, cars, PV and a battery behind it.

PV serves the demand of its hour first, then cars, then the battery, and is fed in beyond that; a shortfall empties the
battery before the grid is asked (greedy dispatch, the best for a flat price: Weniger, Tjaden and Quaschning 2014, doi
10.1016/j.egypro.2014.01.160). The battery begins the year as it leaves the hours before it.

Cars that are charged as they come (`charging_hours` 1) are demand. Cars that wait take their energy within so many
hours after it would have been drawn: evenly over these hours at least, which flattens the evening peak, and ahead of
that as far as PV leaves a surplus and the power of the charging points allows. With m the moving average of what came
and l the energy ahead of it (0 at first):

    least = max(m - l, 0);  most = min(power, waiting);  charged = clip(surplus, least, most);  l += charged - m

So what came in an hour is charged at the end of the hours at the latest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant

Float = NDArray[np.float64]
Single = NDArray[np.float32]

STORE = ("capacity_kwh", "power_kw", "efficiency", "charging_kw", "charging_hours")
"""Columns of `store`: usable capacity of the battery, its power at the meter in both directions, efficiency of charging
and again of discharging; power of the charging points for cars and the hours, whole, within which cars are charged."""
SIGNALS = ("price_eur_kwh", "export_price_eur_kwh", "co2_kg_kwh", "export_co2_kg_kwh")
"""Rows of `signals`: of electricity bought and of electricity fed in."""
ANNUAL = (
    "demand",  # without cars
    "vehicles",  # drawn by cars
    "generated",
    "imported",
    "exported",
    "used",  # own PV used in its hour or out of the battery
    "charged",  # into the battery, at the meter
    "discharged",  # out of it, at the meter
    "stored",  # more in the battery at the end than at the beginning
    "waiting",  # more energy that cars wait for
    "cost_eur",
    "co2_kg",
    "peak_import_kw",
    "peak_export_kw",
)
"""Columns of the results of the run, kWh where not said."""


def reference(
    demand_kw: Single,
    pv_kw: Single,
    vehicles_kw: Single,
    vehicle_row: NDArray[np.int64],
    store: Float,
    signals: Float,
    warmup: int,
) -> tuple[Single, Float]:
    """Balance each building behind its meter.

    Parameters
    ----------
    demand_kw, pv_kw : float32 (n, t)
        Hourly means; demand without cars.
    vehicles_kw : float32 (m, t)
        What cars would draw as they come; at most the power of their charging points.
    vehicle_row : int64 (n,)
        The row of each building in `vehicles_kw`; below 0 without cars.
    store : float64 (n, len(STORE))
    signals : float64 (4, t)
        `SIGNALS`.
    warmup : int
        Last hours of the series that are run through before the first, 0 … t.

    Returns
    -------
    net_kw : float32 (n, t)
        Bought where above zero, fed in where below.
    annual : float64 (n, len(ANNUAL))
    """
    n, hours = demand_kw.shape
    capacity, power, efficiency, points, window = store.T
    window = np.maximum(window.astype(np.int64), 1)
    net, annual = np.zeros((n, hours), np.float32), np.zeros((n, len(ANNUAL)))
    column = {name: annual[:, k] for k, name in enumerate(ANNUAL)}
    held, ahead, waiting = np.zeros(n), np.zeros(n), np.zeros(n)
    before = np.zeros((2, n))
    has_car = vehicle_row >= 0
    came = np.zeros((n, hours))
    came[has_car] = vehicles_kw[vehicle_row[has_car]]
    for step in range(-warmup, hours):
        t = step % hours
        if step == 0:
            before = np.stack([held, waiting])
        demand, pv = demand_kw[:, t].astype(np.float64), pv_kw[:, t].astype(np.float64)
        # Mean of what came in the last hours; what came before the first hour of the run is not known.
        back = np.arange(int(window.max()))[None, :] if n else np.zeros((0, 0), np.int64)
        seen = (back < window[:, None]) & (step - back >= -warmup)
        least = (came[np.arange(n)[:, None], (t - back) % hours] * seen).sum(axis=1) / window
        waiting = waiting + came[:, t]
        least_now = np.minimum(np.maximum(least - ahead, 0.0), waiting)
        most = np.maximum(np.minimum(points, waiting), least_now)
        car = np.where(window > 1, np.clip(np.maximum(pv - demand, 0.0), least_now, most), came[:, t])
        ahead = ahead + car - least
        waiting = np.maximum(waiting - car, 0.0)
        load = demand + car
        direct = np.minimum(load, pv)
        surplus, lack = pv - direct, load - direct
        into = np.minimum(np.minimum(surplus, power), (capacity - held) / efficiency)
        out = np.minimum(np.minimum(lack, power), held * efficiency)
        held = np.clip(held + into * efficiency - out / efficiency, 0.0, capacity)
        if step < 0:
            continue
        imported, exported = lack - out, surplus - into
        net[:, t] = imported - exported
        column["demand"] += demand
        column["vehicles"] += car
        column["generated"] += pv
        column["imported"] += imported
        column["exported"] += exported
        column["used"] += direct + out
        column["charged"] += into
        column["discharged"] += out
        column["cost_eur"] += imported * signals[0, t] - exported * signals[1, t]
        column["co2_kg"] += imported * signals[2, t] - exported * signals[3, t]
        np.maximum(column["peak_import_kw"], imported, out=column["peak_import_kw"])
        np.maximum(column["peak_export_kw"], exported, out=column["peak_export_kw"])
    column["stored"][:] = held - before[0]
    column["waiting"][:] = waiting - before[1]
    return net, annual


def sample(size: int, rng: np.random.Generator) -> Inputs:
    """Return `size` random buildings over ten days; some without PV, battery, cars or waiting."""
    hours = 250
    sun = np.clip(np.sin((np.arange(hours) % 24 - 6) / 12 * np.pi), 0.0, None)
    kwp = np.where(rng.random(size) < 0.2, 0.0, rng.uniform(0.0, 20.0, size))
    capacity = np.where(np.arange(size) % 2 == 0, 0.0, rng.uniform(0.0, 30.0, size))
    cars = np.arange(size) % 3 > 0
    points = np.where(cars, rng.choice([3.7, 11.0], size), 0.0)
    arrives = (rng.random((int(cars.sum()), hours)) < 0.1) * rng.uniform(0.0, 1.0, (int(cars.sum()), hours))
    columns = {
        "capacity_kwh": capacity,
        "power_kw": capacity * rng.uniform(0.2, 1.5, size),
        "efficiency": rng.uniform(0.85, 1.0, size),
        "charging_kw": points,
        "charging_hours": rng.choice([1.0, 8.0, 24.0], size),
    }
    day = np.sin(np.arange(hours) / 24 * 2 * np.pi)
    return {
        "demand_kw": rng.gamma(2.0, 1.0, (size, hours)).astype(np.float32),
        "pv_kw": (kwp[:, None] * sun * rng.uniform(0.2, 1.0, (size, hours))).astype(np.float32),
        "vehicles_kw": (points[cars][:, None] * arrives).astype(np.float32),
        "vehicle_row": np.where(cars, np.cumsum(cars) - 1, -1),
        "store": np.column_stack([columns[name] for name in STORE]),
        "signals": np.stack([0.2 + 0.1 * day, np.full(hours, 0.05), 0.1 - 0.05 * day, np.zeros(hours)]),
        "warmup": 48,
    }


def _run(kernel: Kernel, inputs: Inputs, **changes: object) -> tuple[Single, dict[str, Float]]:
    net, annual = kernel(*(inputs | changes).values())
    return net, dict(zip(ANNUAL, annual.T, strict=True))


def _with(inputs: Inputs, name: str, values: object) -> Float:
    store = np.array(inputs["store"])
    store[:, STORE.index(name)] = values
    return store


def _close(values: Float, expected: Float) -> None:
    np.testing.assert_allclose(values, expected, rtol=1e-9, atol=1e-8)


def _check_conservation(kernel: Kernel, inputs: Inputs) -> None:
    net, a = _run(kernel, inputs)
    demand, pv = (inputs[k].sum(axis=1, dtype=np.float64) for k in ("demand_kw", "pv_kw"))
    _close(a["demand"], demand)
    _close(a["generated"], pv)
    _close(a["used"] + a["imported"], demand + a["vehicles"])
    _close(a["used"] - a["discharged"] + a["charged"] + a["exported"], pv)
    efficiency = inputs["store"][:, STORE.index("efficiency")]
    _close(a["charged"] * efficiency - a["discharged"] / efficiency, a["stored"])
    row = inputs["vehicle_row"]
    came = np.where(row >= 0, inputs["vehicles_kw"].sum(axis=1, dtype=np.float64)[row], 0.0)
    _close(a["vehicles"] + a["waiting"], came)
    np.testing.assert_allclose(net.sum(axis=1, dtype=np.float64), a["imported"] - a["exported"], rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(np.maximum(net.max(axis=1), 0.0), a["peak_import_kw"], rtol=1e-6)
    np.testing.assert_allclose(np.maximum(-net.min(axis=1), 0.0), a["peak_export_kw"], rtol=1e-6)
    for name in ("vehicles", "imported", "exported", "used", "charged", "discharged"):
        assert a[name].min() >= -1e-9, name
    capacity = inputs["store"][:, STORE.index("capacity_kwh")]
    assert np.all(np.abs(a["stored"]) <= capacity * (1 + 1e-12) + 1e-12)


def _check_bill(kernel: Kernel, inputs: Inputs) -> None:
    net, a = _run(kernel, inputs)
    price, paid, dirty, credit = inputs["signals"]
    bought, fed = np.maximum(net, 0.0).astype(float), np.maximum(-net, 0.0).astype(float)
    np.testing.assert_allclose(a["cost_eur"], bought @ price - fed @ paid, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(a["co2_kg"], bought @ dirty - fed @ credit, rtol=1e-5, atol=1e-4)


def _check_capacity(kernel: Kernel, inputs: Inputs) -> None:
    capacity = inputs["store"][:, STORE.index("capacity_kwh")]
    none = _run(kernel, inputs, store=_with(inputs, "capacity_kwh", 0.0), warmup=0)[1]
    less = _run(kernel, inputs, warmup=0)[1]
    more = _run(kernel, inputs, store=_with(inputs, "capacity_kwh", capacity + 3.0), warmup=0)[1]
    assert not none["charged"].any()
    for fewer, larger in ((none, less), (less, more)):
        assert np.all(larger["imported"] <= fewer["imported"] + 1e-9)
        assert np.all(larger["exported"] <= fewer["exported"] + 1e-9)


def _check_waiting(kernel: Kernel, inputs: Inputs) -> None:
    """Cars are charged in time: the sum charged lies between what came and what came the hours before."""
    still = _with(inputs, "capacity_kwh", 0.0)
    net, _ = _run(kernel, inputs, store=still, warmup=0)
    car = net.astype(float) + inputs["pv_kw"] - inputs["demand_kw"]
    row, hours = inputs["vehicle_row"], net.shape[1]
    window = inputs["store"][:, STORE.index("charging_hours")].astype(int)
    points = inputs["store"][:, STORE.index("charging_kw")]
    for i in np.flatnonzero(row >= 0):
        came, charged = np.cumsum(inputs["vehicles_kw"][row[i]], dtype=float), np.cumsum(car[i])
        late = np.concatenate([np.zeros(window[i] - 1), came])[:hours]
        assert np.all(charged <= came + 1e-3)
        assert np.all(charged >= late - 1e-3)
        assert np.all(car[i] <= points[i] + 1e-4)
        assert np.all(car[i] >= -1e-4)


FAMILY = declare(
    Family(
        name="energy.meter",
        purpose="What each building buys and feeds in, with PV, a battery and electric cars behind its meter.",
        inputs=(
            Array("demand_kw", ("n", "t"), "float32", "kW"),
            Array("pv_kw", ("n", "t"), "float32", "kW"),
            Array("vehicles_kw", ("m", "t"), "float32", "kW"),
            Array("vehicle_row", ("n",), "int64", "-"),
            Array("store", ("n", "columns"), "float64", "see STORE"),
            Array("signals", ("signals", "t"), "float64", "EUR/kWh, kg/kWh"),
            Array("warmup", (), "int64", "h"),
        ),
        outputs=(
            Array("net_kw", ("n", "t"), "float32", "kW"),
            Array("annual", ("n", "sums"), "float64", "kWh, EUR, kg, kW"),
        ),
        sample=sample,
        work=lambda inputs: float(inputs["demand_kw"].size),
        work_unit="building·hour",
        source="battery: Weniger, Tjaden and Quaschning 2014, doi 10.1016/j.egypro.2014.01.160",
        rtol=1e-6,
        atol=1e-6,
        sizes=(12, 1000, 10_000),
        properties=(
            Property("energy is conserved", _check_conservation),
            Property("the bill is what the hours cost", _check_bill),
            Property("more capacity never buys or feeds in more", _check_capacity),
            Property("cars are charged in time and within their power", _check_waiting),
        ),
    )
)

variant("energy.meter", "reference")(reference)
