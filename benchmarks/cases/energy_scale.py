"""A year of every building of a large synthetic city, hourly, with sums by feeder and by district.

Each building is assembled, reduced to six modes and stepped; lives in its homes, charges its cars, is supplied with
heat and metered behind its PV and battery (`simulate_energy` and `building_balance`, blocks of `BLOCK` buildings).
Nothing hourly is kept but the sums of the net electricity of each feeder (`FEEDER` neighbours) and of the district heat
of each district (`DISTRICT` feeders). Apart, and outside the clock, are the city itself, the kernels (compiled on a
small city) and the light of the sun domain: the irradiance of eight orientations is that of the city's weather, the
shading of each building is drawn. Each size runs in a process of its own; its peak memory holds the city too.

``ENERGY_SCALE_BUILDINGS`` names other sizes, separated by commas.
"""

from __future__ import annotations

import math
import os
import time
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from harness import Case, Job, run_case

BLOCK = 2048
FEEDER, DISTRICT = 200, 10


def _inhabited(city: Any) -> Any:
    """Return the city with PV on a third of its roofs, batteries with half of that, and cars with a fifth of homes."""
    buildings, rng = city.buildings.copy(), np.random.default_rng(5)
    drawn = rng.uniform(0.0, 1.0, (3, len(buildings)))
    buildings["pv_share"] = np.where(drawn[0] < 1.0 / 3.0, 0.6, 0.0)
    buildings["battery_kwh"] = np.where(drawn[0] < 1.0 / 6.0, 8.0, 0.0)
    homes = buildings["population"].to_numpy(np.float64) / 2.0
    buildings["electric_cars"] = np.floor(0.2 * homes + drawn[1])
    return city.replace(buildings=buildings)


def _sun(city: Any) -> Any:
    """Return the light of the city's weather, computed on a small city, with a drawn shading of each building."""
    from twin.city.synthetic import generate_city
    from twin.energy.drives import SunOnBuildings
    from twin.solar.model import SolarParameters, facade_gains, prepare_roofs

    small = generate_city(120, seed=1)
    gains = facade_gains(small, city.weather, SolarParameters(), prepare_roofs(small))
    rng, count = np.random.default_rng(6), len(city.buildings)
    drawn = {"shading": rng.uniform(0.4, 1.0, (count, 8)), "roof_shading": rng.uniform(0.8, 1.0, count)}
    return SunOnBuildings(**(vars(gains) | drawn))


def _city(size: int) -> Job:
    from twin.city.synthetic import generate_city

    small, city = _inhabited(generate_city(256, seed=2)), _inhabited(generate_city(size, seed=1))
    sun = _sun(city)
    begun = time.perf_counter()
    few = sun._replace(shading=sun.shading[:1].repeat(256, 0), roof_shading=sun.roof_shading[:1].repeat(256))
    _year(small, few)
    first = time.perf_counter() - begun

    def job() -> dict[str, Any]:
        return _year(city, sun) | {"ours_first_call_s": first}

    return job


def _year(city: Any, sun: Any) -> dict[str, Any]:
    from twin.energy.model import simulate_energy
    from twin.energy.parameters import EnergyParameters
    from twin.scenario.balance import ElectricityParameters, building_balance
    from twin.solar.storage import StorageParameters

    parameters = EnergyParameters()
    count = len(city.buildings)
    feeders = np.zeros((-(-count // FEEDER), 8760))
    districts = np.zeros((-(-len(feeders) // DISTRICT), 8760))
    output = (0.85 * sun.horizontal_w_m2 / 1000.0).astype(np.float32)
    stages = {"energy_cpu_s": 0.0, "meter_cpu_s": 0.0, "sums_cpu_s": 0.0}
    heat = 0.0
    for start in range(0, count, BLOCK):
        rows = slice(start, min(start + BLOCK, count))
        here = city.buildings.iloc[rows]
        marks = [time.process_time()]
        energy = simulate_energy(city, city.weather, sun, parameters, seed=1, rows=rows)
        marks.append(time.process_time())
        kwp = 0.15 * here["pv_share"].to_numpy() * here["footprint_area_m2"].to_numpy()
        balance = building_balance(
            here.index,
            energy.electricity_kw,
            kwp.astype(np.float32)[:, None] * output,
            ElectricityParameters(),
            battery_kwh=here["battery_kwh"].to_numpy(np.float64),
            storage=StorageParameters(),
            vehicles_kw=energy.vehicles_kw,
            charging_kw=here["electric_cars"].to_numpy(np.float64) * parameters.home_charger_kw,
        )
        marks.append(time.process_time())
        _add(feeders, balance.net_kw, start, FEEDER)
        _add(districts, energy.district_heating_kw, start, FEEDER * DISTRICT)
        marks.append(time.process_time())
        for name, (before, after) in zip(stages, pairwise(marks), strict=True):
            stages[name] += after - before
        heat += energy.totals["heating_kwh_a"]
    return stages | {
        "heating_gwh": heat / 1e6,
        "feeders": len(feeders),
        "highest_feeder_kw": float(feeders.max()),
        "districts": len(districts),
        "highest_district_kw": float(districts.max()),
    }


def _add(sums: np.ndarray, hourly: np.ndarray, start: int, group: int) -> None:
    """Add the hours of consecutive buildings from `start` on to those of their group."""
    of = np.arange(start, start + len(hourly)) // group
    for row in range(int(of[0]), int(of[-1]) + 1):
        sums[row] += hourly[of == row].sum(axis=0, dtype=np.float64)


def measure(case: Case, quick: bool) -> list[dict[str, Any]]:
    """Measure cities of growing size."""
    named = os.environ.get("ENERGY_SCALE_BUILDINGS")
    sizes = tuple(int(size) for size in named.split(",")) if named else case.sizes
    records = run_case(replace(case, sizes=sizes, measure=None, isolated=True), quick and not named)
    for record in records:
        size, cpu = record["size"], record["ours_cpu_s"]
        record["building_hours_per_s"] = 8760.0 * size / cpu
        stages = ", ".join(f"{what} {record[f'{what}_cpu_s']:.3g}" for what in ("energy", "meter", "sums"))
        record["agreement"] = f"{record['building_hours_per_s'] / 1e6:.2f} M building-hours/s/core; {stages} s CPU"
    for before, record in pairwise(records):
        ratio = record["ours_cpu_s"] / before["ours_cpu_s"], record["size"] / before["size"]
        record["slope"] = math.log(ratio[0]) / math.log(ratio[1])
        record["agreement"] += f"; slope {record['slope']:.2f}"
    return records


CASES = [
    Case(
        name="energy-scale",
        work="every building of a synthetic city, a year, with sums by feeder and district",
        size_unit="buildings",
        sizes=(10_000, 100_000),
        quick_sizes=(500, 2_000),
        prepare=_city,
        measure=measure,
    )
]
