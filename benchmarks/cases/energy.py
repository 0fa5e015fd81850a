"""The kernels of the zones alone: a year of buildings as six modes, and how its cost grows.

Light and heavy rooms of ASHRAE 140 with real constructions, 15 shared drives, two weeks of warm-up, and 64 profiles of
set-points, gains and air flow that the buildings share at random; hourly heating, cooling and air temperature are
written. The work of a row is building-hours of the year (the warm-up is not counted). One thread unless a row says
so; CPU seconds, medians, variants in turn; the first call, which compiles or loads, apart. Single precision is compared
with double before it counts. Other rows are the full network of nodes, the simple hourly method (5R1C), the preparation
(assembly of networks by the city's way, and their reduction), and the kernels that follow the zone, each on random
inputs of its own family. ``with supply`` adds up zone, three mixes of loads, supply and meter.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from harness import Case, Job, clock, new_record

sys.path.append(str(Path(__file__).parents[2]))  # the rooms are those of the tests

DRIVES, PROFILES, WARMUP_H, HOURS = 15, 64, 336, 8760
DOUBLE, SINGLE = "numba", "numba_single"
FOLLOWING = {"energy.load_mix": 3, "energy.heat_supply": 1, "energy.meter": 1}
"""What follows the zone: appliances, hot water and cars are three mixes."""
START_C, OVERHEATING_C = 20.0, 27.0


def rooms(kinds: int = 16) -> tuple[list[Any], np.ndarray]:
    """Return networks of light and heavy rooms and the table of their zones; rooms differ in size by up to 15 %."""
    from tests.validation.energy.bestest import COLUMNS, elements, zone_values
    from tests.validation.energy.bestest_cases import CASES
    from twin.energy.constructions import build_network
    from twin.kernels.energy.network_contract import ZONE_COLUMNS

    networks, zones = [], []
    for kind in range(kinds):
        case, scale = CASES["900" if kind % 2 else "600"], 1.0 + 0.02 * (kind // 2)
        parts = [replace(e, area_m2=scale * e.area_m2) for e in elements(case)]
        made = build_network(parts, COLUMNS, radiant=0.6)
        cut = {"drive_in": made.drive_in[:, :DRIVES], "direct": made.direct[:DRIVES]}
        networks.append(made._replace(**cut, solar_in=made.solar_in[:DRIVES]))
        values = {name: scale * value for name, value in zone_values(case).items()}
        values |= {"heating_limit_w": 6000.0, "cooling_limit_w": 6000.0, "airing_w_k": 60.0, "surface_film_w_k": 350.0}
        zones.append([values.get(name, 0.0) for name in ZONE_COLUMNS])
    return networks, np.array(zones)


def shared(hours: int) -> tuple[np.ndarray, ...]:
    """Return 15 drives and 64 profiles of set-points, gains and air flow."""
    hour, rng = np.arange(hours), np.random.default_rng(2)
    sun = np.maximum(0.0, np.sin(np.pi * (hour % 24 - 5) / 14.0))
    drive = 300.0 * sun[:, None] * rng.uniform(0.1, 1.0, (hours, DRIVES))
    air = 8.0 - 10.0 * np.cos(2.0 * np.pi * hour / HOURS) + 4.0 * np.sin(2.0 * np.pi * (hour - 9) / 24.0)
    drive[:, 0] = air
    drive[:, 1:9] = air[:, None] + 0.03 * drive[:, 1:9]
    away = (hour + rng.integers(0, 24, (PROFILES, 1))) % 24 < 8
    low, high = np.where(away, 17.0, 20.0 + rng.uniform(0.0, 2.0, (PROFILES, 1))), np.full((PROFILES, hours), 27.0)
    gain = rng.uniform(50.0, 400.0, (PROFILES, hours))
    return drive, low, high, gain, np.where(away, 0.3, 1.0)


def modal(buildings: int, hours: int = HOURS, modes: int = 6, record: int = 1) -> tuple[Any, ...]:
    """Return the arguments of ``energy.zone_modal``."""
    from twin.energy.reduction import reduce_zones

    networks, zones = rooms()
    row = np.arange(buildings) % len(networks)
    reduced = [np.ascontiguousarray(values[row]) for values in reduce_zones(networks, zones, modes=modes)]
    profile = np.random.default_rng(3).integers(0, PROFILES, buildings)
    return *shared(hours), profile, *reduced, START_C, OVERHEATING_C, WARMUP_H, record


def network(buildings: int) -> tuple[Any, ...]:
    """Return the arguments of ``energy.zone_network`` for light rooms."""
    found, zones = rooms(1)
    made, names = found[0], ("capacity_j_k", "conductance_w_k", "air_in_w_k", "drive_in", "gain_in")
    zones[:, 4:6] = made.direct_gain, made.direct_air
    arrays = [zones[0], made.direct, made.solar_in, *(getattr(made, name) for name in names)]
    profile = np.random.default_rng(3).integers(0, PROFILES, buildings)
    many = [np.repeat(a[None], buildings, axis=0) for a in arrays]
    return *shared(HOURS), profile, *many, START_C, OVERHEATING_C, WARMUP_H


def assembly(buildings: int) -> Job:
    """Return a call that assembles the networks of distinct buildings the city's way, and one that reduces them."""
    from twin.city.synthetic import generate_city
    from twin.energy import assembly as way
    from twin.energy.archetypes import archetypes_of
    from twin.energy.envelope import build_shells
    from twin.energy.parameters import EnergyParameters, Factors
    from twin.energy.profiles import build_profiles
    from twin.energy.zones import block_of, draw_behaviour, fabric_of, zones_of

    city, parameters = generate_city(buildings, seed=1), EnergyParameters()
    known = archetypes_of(city)
    shells = build_shells(city.buildings, slice(None), known.uses)
    behaviour = draw_behaviour(city.buildings.index, parameters, 1, 0)
    block = block_of(city.buildings, shells, known, behaviour, Factors.neutral(buildings))
    profiles = build_profiles(known.uses, parameters, np.asarray(city.weather.temperature_c))
    zones = zones_of(block, profiles, city.weather, parameters)
    fabric = fabric_of(block, zones, np.ones((buildings, 8)), np.ones(buildings), parameters)
    return lambda: way.assemble(fabric)


def reduction(buildings: int, modes: int = 6) -> Job:
    """Return a call that reduces the networks of `assembly`."""
    from twin.kernels.energy.network_contract import ZONE_COLUMNS
    from twin.kernels.registry import get

    made, zones = assembly(buildings)(), np.zeros((buildings, len(ZONE_COLUMNS)))
    zones[:, 5] = made.direct_air_w_k
    arrays = made.direct, made.solar_in, made.capacity_j_k, made.conductance_w_k, made.air_in_w_k, made.drive_in
    return lambda: get("energy.zone_reduction", DOUBLE)(zones, *arrays, made.gain_in, modes)


class Rows:
    """The records of a run; `best` holds CPU seconds per building-hour by name."""

    def __init__(self, case: Case, quick: bool) -> None:
        self.case, self.repetitions = case, 3 if quick else 7
        self.records: list[dict[str, Any]] = []
        self.best: dict[str, float] = {}

    def add(
        self, jobs: dict[str, Job], work: float, unit: str = "building-hours", notes: str = "", **more: Any
    ) -> None:
        """Time jobs in turn; `work` is what each call does."""
        first = {name: clock(job)[1] for name, job in jobs.items()}
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in jobs}
        for _ in range(self.repetitions):
            for name, job in jobs.items():
                times[name].append(clock(job)[:2])
        for name, of_job in times.items():
            cpu, wall = (statistics.median(column) for column in zip(*of_job, strict=True))
            self.best[name] = cpu / work
            rate = (
                f"{work / cpu / 1e6:.1f} M {unit}/s/core" if unit != "buildings" else f"{cpu / work * 1e3:.3g} ms each"
            )
            record = new_record(self.case, int(work)) | {"label": name, "ours_first_call_s": first[name]}
            record |= {"ours_cpu_s": cpu, "ours_wall_s": wall, "work_unit": unit, "work_per_cpu_s": work / cpu}
            record |= {"agreement": rate + (f"; {notes}" if notes else ""), "repetitions": self.repetitions} | more
            self.records.append(record)


def kernel_job(family: str, variant: str, arguments: tuple[Any, ...]) -> Job:
    """Return a call of a kernel."""
    from twin.kernels.registry import get

    kernel: Callable[..., Any] = get(family, variant)
    return lambda: kernel(*arguments)


def apart(arguments: tuple[Any, ...]) -> str:
    """Return how far single precision is from double in the sums of the buildings."""
    one, other = (kernel_job("energy.zone_modal", variant, arguments)() for variant in (DOUBLE, SINGLE))
    year = np.abs(other[3][:, :2] - one[3][:, :2]).sum(axis=1) / one[3][:, :2].sum(axis=1)
    air = np.abs(other[2] - one[2]).max()
    return f"single: years within {year.max():.1e}, air {air:.1e} K"


def measure(case: Case, quick: bool) -> list[dict[str, Any]]:
    """Time the variants, then the growth, then what stands around them."""
    import numba

    from twin.kernels.registry import families

    most = numba.config.NUMBA_NUM_THREADS
    numba.set_num_threads(1)
    rows, count = Rows(case, quick), 256 if quick else 2048

    def zones(label: str, arguments: tuple[Any, ...], notes: str = "") -> None:
        jobs = {
            f"{variant}, {label}": kernel_job("energy.zone_modal", variant, arguments) for variant in (DOUBLE, SINGLE)
        }
        rows.add(jobs, float(arguments[5].size * arguments[0].shape[0]), notes=notes, threads=numba.get_num_threads())

    main = modal(count)
    zones("zone", main, apart(main))
    zones("zone without hourly results", modal(count, record=0))
    for buildings in (64, 512) if quick else (64, 512, 4096, 8192):
        zones(f"{buildings:,} buildings", modal(buildings))
    for hours in (2190,) if quick else (730, 2190, 4380):
        zones(f"{hours:,} hours", modal(count, hours))
    for modes in (3, 4, 8, 12):
        zones(f"{modes} modes", modal(count, modes=modes))
    for threads in range(2, most + 1):
        numba.set_num_threads(threads)
        zones(f"{threads} threads", main)
    numba.set_num_threads(1)
    few = 32 if quick else 128
    rows.add({"network of 25 nodes": kernel_job("energy.zone_network", DOUBLE, network(few))}, float(few * HOURS))

    known = families()
    simple = known["energy.zone_balance"].sample(count, np.random.default_rng(1))
    arguments = tuple(simple.values())
    work = known["energy.zone_balance"].work(simple)
    rows.add({"5R1C, own random inputs": kernel_job("energy.zone_balance", DOUBLE, arguments)}, work)
    prepared = 500 if quick else 10_000
    rows.add({"assembly": assembly(prepared), "reduction": reduction(prepared)}, float(prepared), "buildings")
    for name in FOLLOWING:
        made = known[name].sample(count, np.random.default_rng(1))
        rows.add({name: kernel_job(name, DOUBLE, tuple(made.values()))}, known[name].work(made))
    for variant in (DOUBLE, SINGLE):
        rest = sum(times * rows.best[name] for name, times in FOLLOWING.items())
        seconds = rows.best[f"{variant}, zone"] + rest
        record = new_record(case, 1) | {
            "label": f"{variant} with supply",
            "ours_cpu_s": seconds,
            "ours_wall_s": seconds,
        }
        record |= {"agreement": f"{1e-6 / seconds:.1f} M building-hours/s/core, sum of the rows above"}
        rows.records.append(record | {"repetitions": 0, "work_per_cpu_s": 1.0 / seconds})
    return rows.records


CASES = [
    Case(
        name="energy-zone",
        work="a year of zones by six modes, and what stands around them",
        size_unit="building-hours",
        measure=measure,
    )
]
