"""Time and memory of a second real city from a PBF, and of a synthetic city generated, saved and loaded."""

from __future__ import annotations

import itertools
import tempfile
import time
from pathlib import Path
from typing import Any

from harness import Case, Job


def _import_other_extract(size: int) -> Job:
    def job() -> dict[str, Any]:
        import pyrosm

        from twin.city.importing import import_city
        from twin.city.package import load_city, save_city

        city = import_city(pyrosm.get_data("test_pbf"), "other")
        with tempfile.TemporaryDirectory() as folder:
            save_city(city, Path(folder) / "city")
            begun = time.perf_counter()
            load_city(Path(folder) / "city")
            return {"buildings": len(city.buildings), "links": len(city.links), "load_s": time.perf_counter() - begun}

    return job


def _generate_save_load(size: int) -> Job:
    def job() -> dict[str, Any]:
        from twin.city.package import load_city, save_city
        from twin.city.synthetic import generate_city

        marks = [time.perf_counter()]
        city = generate_city(size, seed=1)
        marks.append(time.perf_counter())
        with tempfile.TemporaryDirectory() as folder:
            save_city(city, Path(folder) / "city")
            marks.append(time.perf_counter())
            disk = sum(p.stat().st_size for p in (Path(folder) / "city").iterdir())
            load_city(Path(folder) / "city")
            marks.append(time.perf_counter())
        steps = [b - a for a, b in itertools.pairwise(marks)]
        names = ("generate_s", "save_s", "load_s")
        return dict(zip(names, steps, strict=True)) | {"disk_mb": disk / 1e6, "links": len(city.links)}

    return job


CASES = [
    Case(
        name="city-import",
        work="import the second extract of pyrosm, save, load",
        size_unit="buildings",
        sizes=(2208,),
        quick_sizes=(2208,),
        prepare=_import_other_extract,
        isolated=True,
    ),
    Case(
        name="city-scale",
        work="generate, save and load a synthetic city",
        size_unit="buildings",
        sizes=(1_000, 10_000, 100_000),
        quick_sizes=(1_000, 10_000),
        prepare=_generate_save_load,
        isolated=True,
    ),
]
