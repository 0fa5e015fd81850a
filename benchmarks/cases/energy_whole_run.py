"""BESTEST buildings for a year, from the description to the hours: ours against whole runs of other programs.

Ours holds the reading of the weather file, the light on walls and behind glass, the coefficients of the case (two runs
of the full network), the network of nodes of each building, its reduction to six modes, four weeks of warm-up and the
year, with hourly heating, cooling and air temperature. Other programs do one building at a time; ours is timed for one
building and for many:

- *own* buildings differ in the insulation of every wall, so that each is assembled and reduced by itself
  (`build_networks`); once more in *single* precision;
- *like* ones share a construction and differ in leaks only;
- *city* ones, own too, are described by what a city model knows (U-values, g-value, class of thermal mass, areas, a
  floor on the ground) and are assembled all at once, as `simulate_energy` does; once more in *single* precision.

Ratios are CPU seconds per building on one thread. Imports and compilation are apart for all; annual sums and peaks
stand beside each ratio (ours first), those of ours of the building that the others have too.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from harness import Case, Job, clock, new_record

sys.path.append(str(Path(__file__).parents[2]))  # the cases are those of the tests

WARMUP_H = 672
CASES_RUN = ("600", "900")
OWN = {"own": "numba", "own, single": "numba_single"}
CITY = {"city": "numba", "city, single": "numba_single"}


def prepare(case_name: str, buildings: int, kind: str, epw: Path) -> Job:
    """Return a call that gives the hours of the first building (3, 8760): heating and cooling in W, air in °C."""
    from tests.validation.energy.bestest import COLUMNS, OVERHEATING_C, Building
    from tests.validation.energy.bestest_cases import CASES
    from tests.validation.energy.bestest_sun import read_site
    from twin.energy.construction_batch import build_networks
    from twin.energy.reduction import reduce_zones
    from twin.kernels.energy.network_contract import ZONE
    from twin.kernels.registry import get

    spread = np.random.default_rng(1).uniform(0.9, 1.1, buildings)
    spread[0] = 1.0

    def job() -> np.ndarray:
        made = Building(read_site(epw), CASES[case_name])
        parts, own = made.elements, made.own
        zones = np.repeat(made.arrays(made.network)[0], buildings, axis=0)
        if kind in OWN:
            varied = [replace(e, layers=tuple(_thicker(layer, spread) for layer in e.layers)) for e in parts]
            modes = reduce_zones(build_networks(varied, COLUMNS, radiant=0.6, room_k=own.room_k), zones)
        else:
            modes = reduce_zones([made.network], zones[:1])
            modes = type(modes)(*(np.repeat(values, buildings, axis=0) for values in modes))
            modes.zones[:, ZONE["h_leak_w_k"]] *= spread
        shared = made.drive, *made.profiles.values(), np.zeros(buildings, np.int64)
        kernel = get("energy.zone_modal", OWN.get(kind, "numba"))
        heating, cooling, air, *_ = kernel(*shared, *modes, 20.0, OVERHEATING_C, WARMUP_H, 1)
        return np.stack([heating[0], cooling[0], air[0]])

    return job


def prepare_city(case_name: str, buildings: int, variant: str, epw: Path) -> Job:
    """Return the same from U-values, g-value and the class of mass that is nearest, the floor on the ground."""
    from twin.city.epw import read_epw
    from twin.city.synthetic import generate_city
    from twin.energy.assembly import CONVECTIVE, assemble
    from twin.energy.drives import SunOnBuildings, drives
    from twin.energy.fabric import LIGHT_MASS, MEDIUM_MASS, Fabric
    from twin.energy.parameters import EnergyParameters
    from twin.kernels.energy.network_contract import ZONE_COLUMNS
    from twin.kernels.registry import get
    from twin.solar.model import SolarParameters, facade_gains, prepare_roofs

    small = generate_city(100, seed=1)
    roofs = prepare_roofs(small)
    spread = np.random.default_rng(1).uniform(0.9, 1.1, buildings)
    spread[0] = 1.0
    one, compass = np.ones(buildings), np.ones((buildings, 8))

    def job() -> np.ndarray:
        weather = read_epw(epw)
        sun = SunOnBuildings(**vars(facade_gains(small, weather, SolarParameters(), roofs)))
        table = drives(weather, sun._replace(shading=compass, roof_shading=one), EnergyParameters(blind_share=0.0))
        walls = np.tile([21.6, 0.0, 16.2, 0.0, 9.6, 0.0, 16.2, 0.0], (buildings, 1))
        windows = np.tile([0.0, 0.0, 0.0, 0.0, 12.0, 0.0, 0.0, 0.0], (buildings, 1))
        area = {"wall": 63.6, "roof": 48.0, "floor": 48.0, "inner_floor": 0.0, "inner_wall": 0.0, "party": 0.0}
        u_value = {"wall": 0.514, "roof": 0.318, "floor": 0.039, "window": 2.10}
        made = assemble(
            Fabric(
                {name: value * one for name, value in (area | {"window": 12.0}).items()},
                walls,
                windows,
                {name: value * spread for name, value in u_value.items()},
                0.769 * one,
                np.full(buildings, MEDIUM_MASS if case_name == "900" else LIGHT_MASS),
                28.0 * one,
                compass,
                one,
            )
        )
        values = {
            "h_leak_w_k": 0.5 * 129.6 * 1031.0 / 3600.0,
            "air_capacity_j_k": 129.6 * 1031.0,
            "internal_w": 1.0,
            "direct_gain_w": made.direct_gain,
            "direct_air_w_k": made.direct_air_w_k,
            "heating_limit_w": 1e6,
            "cooling_limit_w": 1e6,
            "surface_film_w_k": made.film_w_k,
            "convective_w": CONVECTIVE,
        }
        zones = np.column_stack([values.get(name, 0.0) * one for name in ZONE_COLUMNS])
        inner = made.capacity_j_k, made.conductance_w_k, made.air_in_w_k, made.drive_in, made.gain_in
        modes = get("energy.zone_reduction", "numba")(zones, made.direct, made.solar_in, *inner, 6)
        rows = (np.full((1, 8760), value) for value in (20.0, 27.0, 200.0, 0.0))
        shared = table, *rows, np.zeros(buildings, np.int64)
        heating, cooling, air, *_ = get("energy.zone_modal", variant)(*shared, *modes, 20.0, 27.0, WARMUP_H, 1)
        return np.stack([heating[0], cooling[0], air[0]])

    return job


def _thicker(layer: Any, factor: np.ndarray) -> Any:
    """Return a layer of insulation with a thickness for each building; other layers as they are."""
    return replace(layer, thickness_m=layer.thickness_m * factor) if layer.conductivity_w_mk <= 0.04 else layer


def measure(case: Case, quick: bool) -> list[dict[str, Any]]:
    """Run ours and each peer in turn."""
    import numba

    from cases import energy_peers as peers

    epw = peers.weather()
    numba.set_num_threads(1)
    many = 100 if quick else 5000
    sizes = ((1, "own"), *((many, kind) for kind in (*OWN, "like", *CITY)))
    records = []
    for name in CASES_RUN:
        jobs = {(count, kind): prepare(name, count, kind, epw) for count, kind in sizes if kind not in CITY}
        jobs |= {(many, kind): prepare_city(name, many, variant, epw) for kind, variant in CITY.items()}
        hours, first = {}, {}
        for size, job in jobs.items():
            _, first[size], hours[size] = clock(job)
        mine: dict[tuple[int, str], list[tuple[float, float]]] = {size: [] for size in sizes}
        theirs: dict[str, list[dict[str, Any]]] = {}
        answers: dict[str, np.ndarray] = {}
        present = [program for program in peers.PROGRAMS if program.python()]
        for _ in range(1 if quick else 3):
            for program in present:
                for size, job in jobs.items():
                    mine[size].append(clock(job)[:2])
                said, answers[program.name] = peers.run(program, name, epw)
                theirs.setdefault(program.name, []).append(said)
        for program in peers.PROGRAMS:
            for size in sizes:
                record = new_record(case, size[0]) | {"peer": program.name, "ours_first_call_s": first[size]}
                what = "one building" if size[0] == 1 else f"{size[0]:,} {size[1]}"
                record |= {"label": f"{name}, {what}", "repetitions": len(theirs.get(program.name, []))}
                if not mine[size]:
                    mine[size].append(clock(jobs[size])[:2])
                cpu, wall = (statistics.median(column) / size[0] for column in zip(*mine[size], strict=True))
                record |= {"ours_cpu_s": cpu, "ours_wall_s": wall, "building_hours_per_s": 8760.0 / cpu}
                if program.name in theirs:
                    said = theirs[program.name]
                    record["peer_version"] = str(said[0]["version"]).split("-")[0]
                    record["peer_cpu_s"] = statistics.median(s["cpu_s"] for s in said)
                    record["peer_wall_s"] = statistics.median(s["wall_s"] for s in said)
                    record["ratio"] = record["peer_cpu_s"] / cpu
                    record["agreement"] = peers.agreement(hours[size], answers[program.name])
                else:
                    record["agreement"] = f"peer missing: {program.package}; {program.variable} names its place"
                records.append(record)
    return records


CASES = [
    Case(
        name="energy-whole-run",
        work="a year of BESTEST buildings from the description to the hours, CPU seconds per building",
        size_unit="buildings",
        measure=measure,
    )
]
