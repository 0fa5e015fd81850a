"""Shadows of a raster city: cells and suns per second against SOLWEIG's Rust kernel and Embree's rays.

Suns stand all round at three altitudes, or are hours of a year. Ours counts the sunlit cells of every roof
(`solar.sunlit_cells`) or adds up the light of every cell (`solar.beam_sum`), 32 suns in one call; SOLWEIG makes one
shadow map per sun, and Embree traces one ray per cell and sun towards it, through the boxes themselves. Times are those
of a thousand million cells and suns. Before they count, the share of lit cells is compared, sun by sun: rasters of 1 m
and exact boxes differ by up to one per cent.

The peers are no extras of the project: install `solweig` and `embreex` in a virtual environment of their own together
with numba, pandas and rich, and run the benchmark there with the repository on PYTHONPATH. Compare with
``NUMBA_NUM_THREADS=1``, so that no thread of ours waits for another.
"""

from __future__ import annotations

import importlib.util
import statistics
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
from harness import Case, clock, new_record

from cases.solar_scene import LEVEL_WITHOUT_TREES, SIDE, beam, boxes, heights, labels, octant_suns, year

ALTITUDES = (10.0, 30.0, 60.0)
SUNS, PEER_SUNS = 32, 8
TOLERANCE = 0.015  # of the cells
Shares = np.ndarray
Shadows = Callable[[np.ndarray, np.ndarray], Shares]  # of azimuths and altitudes


def _roofs(side: int) -> Shadows:
    from twin.kernels import solar  # noqa: F401
    from twin.kernels.registry import get

    kernel, surface = get("solar.sunlit_cells", "numba"), heights(side)
    label, roofs = labels(side)
    label = np.where(label < 0, roofs, label).astype(np.int32)  # the ground is one more receiver, to compare shares

    def call(azimuth: np.ndarray, altitude: np.ndarray) -> Shares:
        lit, _ = kernel(surface, surface, *LEVEL_WITHOUT_TREES, label, roofs + 1, 1.0, 0, 0, azimuth, altitude)
        return lit.sum(axis=0) / surface.size

    return call


def _cells(side: int) -> Shadows:
    kernel, size = beam(heights(side)), side * side

    def call(azimuth: np.ndarray, altitude: np.ndarray) -> Shares:
        total = kernel(azimuth, altitude, 1.0 / np.sin(np.radians(altitude)))
        return np.full(len(azimuth), total.sum(dtype=np.float64) / (size * len(azimuth)))  # only their mean is known

    return call


def _solweig(side: int) -> Shadows:
    from solweig.rustalgos import shadowing

    shadowing.disable_gpu()
    surface = heights(side)
    top = float(surface.max())

    def call(azimuth: np.ndarray, altitude: np.ndarray) -> Shares:
        suns = zip(azimuth.tolist(), altitude.tolist(), strict=True)
        maps = [shadowing.calculate_shadows_wall_ht_25(*sun, 1.0, top, surface) for sun in suns]
        return np.array([m.bldg_sh.mean(dtype=np.float64) for m in maps])

    return call


def box_triangles(side: int) -> np.ndarray:
    """Return the triangles (n, 3, 3) of the boxes without floors, x to the east, y to the north."""
    corners = [(0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7), (4, 5, 6, 7)]
    made = []
    for row, column, rows, columns, height in boxes(side):
        x, y = (column, column + columns), (side - row - rows, side - row)
        points = [(x[i], y[j], z) for z in (0.0, height) for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))]
        for a, b, c, d in corners:
            made += [[points[a], points[b], points[c]], [points[a], points[c], points[d]]]
    return np.array(made, np.float32)


def embree(side: int) -> Shadows:
    """Return occlusion rays that start a millimetre above every cell."""
    from embreex import rtcore_scene
    from embreex.mesh_construction import TriangleMesh

    scene = rtcore_scene.EmbreeScene()
    TriangleMesh(scene, box_triangles(side))
    centre = np.arange(side) + 0.5
    origin = (
        np.stack([*np.meshgrid(centre, side - centre), heights(side) + 1e-3], axis=-1).reshape(-1, 3).astype(np.float32)
    )

    def call(azimuth: np.ndarray, altitude: np.ndarray) -> Shares:
        shares = []
        for turn, rise in zip(np.radians(azimuth), np.radians(altitude), strict=True):
            flat = np.cos(rise)
            towards = np.array([flat * np.sin(turn), flat * np.cos(turn), np.sin(rise)], np.float32)
            hit = scene.run(origin, np.broadcast_to(towards, origin.shape).copy(), query="OCCLUDED")
            shares.append((hit < 0).mean())
        return np.array(shares)

    return call


PEERS = (("SOLWEIG (Rust)", "solweig", _solweig), ("Embree", "embreex", embree))


def _suns() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return azimuths and altitudes of SUNS suns each: at three altitudes, and evenly over the hours of a year."""
    groups = {f"{a:.0f} deg": (octant_suns(a, SUNS), np.full(SUNS, a)) for a in ALTITUDES}
    hours = year()
    high = np.flatnonzero(hours["zenith"] < 87.0)
    some = high[np.linspace(0, len(high) - 1, SUNS + 2).astype(int)[1:-1]]
    return groups | {"year": (hours["azimuth"][some], 90.0 - hours["zenith"][some])}


def measure(case: Case, quick: bool) -> list[dict[str, Any]]:
    """Measure both kernels against both peers under each group of suns, the calls in turn."""
    side, repetitions = (300, 1) if quick else (SIDE, 3)
    ours = {"sunlit_cells": _roofs(side), "beam_sum": _cells(side)}
    theirs = {name: prepare(side) if importlib.util.find_spec(package) else None for name, package, prepare in PEERS}
    records = []
    for group, many in _suns().items():
        few = tuple(a[SUNS // PEER_SUNS // 2 :: SUNS // PEER_SUNS] for a in many)
        shares = {name: call(*few) for name, call in ours.items()}
        first = {name: clock(lambda call=call, suns=many: call(*suns))[0] for name, call in ours.items()}
        answers = {name: call(*few) for name, call in theirs.items() if call}
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in (*ours, *theirs)}
        for _ in range(repetitions):
            for name, call in ours.items():
                times[name].append(_timed(call, many, side))
            for name, call in theirs.items():
                if call:
                    times[name].append(_timed(call, few, side))
        for mine in ours:
            for name, package, _ in PEERS:
                record = new_record(case, side * side) | {"label": f"{mine}, {group}", "kernel": mine, "suns": group}
                record |= {"ours_first_call_s": first[mine], "repetitions": repetitions, "peer": name}
                record["ours_cpu_s"], record["ours_wall_s"] = _median(times[mine])
                record |= _versus(shares[mine], answers.get(name), package)
                if times[name] and record["agreement"] != "differs":
                    record["peer_cpu_s"], record["peer_wall_s"] = _median(times[name])
                    record["ratio"] = record["peer_cpu_s"] / record["ours_cpu_s"]
                record["cell_suns_per_s"] = 1e9 / record["ours_cpu_s"]
                records.append(record)
    return records


def _timed(call: Shadows, suns: tuple[np.ndarray, ...], side: int) -> tuple[float, float]:
    """Return CPU and wall seconds per thousand million cells and suns."""
    cpu, wall, _ = clock(lambda: call(*suns))
    unit = 1e9 / (side * side * len(suns[0]))
    return cpu * unit, wall * unit


def _median(times: list[tuple[float, float]]) -> tuple[float, float]:
    cpu, wall = zip(*times, strict=True)
    return statistics.median(cpu), statistics.median(wall)


def _versus(mine: Shares, other: Shares | None, package: str) -> dict[str, Any]:
    if other is None:
        return {"agreement": f"peer missing: pip install {package}"}
    apart = abs(mine - other).max() if np.ptp(mine) > 0.0 else abs(mine.mean() - other.mean())
    said = f"lit shares {apart:.4f} apart"
    good = bool(apart < TOLERANCE)
    return {"agreement": said if good else "differs", "difference": said, "peer_version": version(package)}


CASES = [
    Case(
        name="solar-shading",
        work="seconds for 1e9 cells and suns; sunlit cells and summed light of a city of boxes",
        size_unit="cells",
        measure=measure,
    )
]
