"""Every roof of a large city in every hour of a year: time, memory, and how both grow.

A synthetic city (`twin.city.synthetic`, about 670 buildings per km2, an eighth of the ground built on) is rasterised at
1 m and lit tile by tile, walls and sky views too (`prepare_roofs`); then the irradiation and the PV yield of all roofs
are simulated block by block (`simulate_solar`), nothing hourly kept but the sunlit shares in a file. Each size runs in
a process of its own. The growth of the kernel alone against cells, suns and roofs follows; slopes are log-log, each
against the size before.

``SOLAR_SCALE_KM2`` names other areas, separated by commas.
"""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from harness import Case, Job, clock, new_record, run_case

from cases.solar_scene import LEVEL_WITHOUT_TREES, heights, labels

BUILDINGS_PER_KM2 = 670
BLOCK = 5000  # buildings simulated at once
MUNICH_KM2 = 436.0
SUNS = 64


def _city(km2: int) -> Job:
    from twin.city.synthetic import generate_city
    from twin.solar.model import SolarParameters, prepare_roofs, simulate_solar

    parameters = SolarParameters()
    small, city = generate_city(120, seed=1), generate_city(BUILDINGS_PER_KM2 * km2, seed=1)
    simulate_solar(small, small.weather, parameters, prepare_roofs(small))  # compiles
    west, south, east, north = city.buildings.total_bounds

    def job() -> dict[str, Any]:
        with tempfile.TemporaryDirectory(prefix="solar-scale-") as folder:
            cpu, wall, roofs = clock(lambda: prepare_roofs(city, store=Path(folder) / "lit.npy"))
            answer: dict[str, Any] = {"light_cpu_s": cpu, "light_wall_s": wall}
            cpu, wall, kwh = time.process_time(), time.perf_counter(), 0.0
            for start in range(0, len(city.buildings), BLOCK):
                rows = slice(start, start + BLOCK)
                kwh += simulate_solar(city, city.weather, parameters, roofs, rows=rows).totals["pv_potential_kwh_a"]
            answer |= {"yield_cpu_s": time.process_time() - cpu, "yield_wall_s": time.perf_counter() - wall}
            planes, hours = roofs.lit.shape
        area = (east - west) * (north - south) / 1e6
        return answer | {"planes": planes, "hours": hours, "km2": area, "pv_potential_kwh_a": kwh}

    return job


def _areas(case: Case, quick: bool) -> list[dict[str, Any]]:
    named = os.environ.get("SOLAR_SCALE_KM2")
    sizes = tuple(int(km2) for km2 in named.split(",")) if named else case.sizes
    records = run_case(replace(case, sizes=sizes, measure=None, isolated=True), quick)
    for record in records:
        record["label"] = f"{record['km2']:.1f} km2, {record['planes']:,} roofs"
        record["agreement"] = f"light {record['light_wall_s']:.3g} s, yield {record['yield_wall_s']:.3g} s wall"
    for before, record in pairwise(records):
        record["slope"] = _slope(record["ours_cpu_s"], before["ours_cpu_s"], record["km2"], before["km2"])
        munich = record["ours_wall_s"] * (MUNICH_KM2 / record["km2"]) ** record["slope"]
        record["munich_wall_s"] = munich
        record["agreement"] += f"; slope {record['slope']:.2f}, Munich's 436 km2 {munich / 60:.1f} min"
    return records


def _slope(time_s: float, time_before_s: float, size: float, size_before: float) -> float:
    return math.log(time_s / time_before_s) / math.log(size / size_before)


def _shade(side: int, suns: int, roofs: int) -> Job:
    """Return a call of `solar.sunlit_cells` with as many roofs; more than there are boxes are squares of the grid."""
    from twin.kernels import solar  # noqa: F401
    from twin.kernels.registry import get

    kernel, surface = get("solar.sunlit_cells", "numba"), heights(side)
    if roofs:
        edge = max(1, math.isqrt(roofs))
        place = np.arange(side) * edge // side
        label, count = (place[:, None] * edge + place).astype(np.int32), edge * edge
    else:
        label, count = labels(side)
    rng = np.random.default_rng(1)
    place = rng.uniform(0.0, 360.0, suns), rng.uniform(5.0, 65.0, suns)
    return lambda: kernel(surface, surface, *LEVEL_WITHOUT_TREES, label, count, 1.0, 0, 0, *place)


def _growth(case: Case, quick: bool) -> list[dict[str, Any]]:
    last = 2 if quick else 4
    series: tuple[tuple[str, tuple[int, ...], Callable[[int], Job]], ...] = (
        ("cells", (500, 1000, 2000, 4000), lambda side: _shade(side, SUNS, 0)),
        ("suns", (64, 256, 1024, 4096), lambda suns: _shade(500, suns, 0)),
        ("roofs", (100, 1024, 10_000, 99_856), lambda roofs: _shade(1000, SUNS, roofs)),
    )
    records = []
    for what, sizes, prepare in series:
        before = None
        for size in sizes[:last]:
            number = size * size if what == "cells" else size
            job = prepare(size)
            record = new_record(case, number) | {"label": f"{number:,} {what}", "size_unit": what}
            record |= {"agreement": "kernel", "repetitions": 3}
            record["ours_first_call_s"] = clock(job)[0]
            times = sorted(clock(job)[:2] for _ in range(3))
            record["ours_cpu_s"], record["ours_wall_s"] = times[1]
            if before:
                record["slope"] = _slope(record["ours_cpu_s"], before["ours_cpu_s"], number, before["size"])
                record["agreement"] = f"kernel, slope {record['slope']:.2f}"
            records.append(record)
            before = record
    return records


def measure(case: Case, quick: bool) -> list[dict[str, Any]]:
    """Measure cities of growing area, then the kernel."""
    return _areas(case, quick) + _growth(case, quick)


CASES = [
    Case(
        name="solar-scale",
        work="light and PV yield of every roof of a city in every hour of a year",
        size_unit="km2",
        sizes=(1, 4, 16, 100),
        quick_sizes=(1,),
        prepare=_city,
        measure=measure,
    )
]
