"""From footprints and roof planes to a raster of heights: what casts shadow, and which plane each cell belongs to.

Family ``solar.rasterise``. A polygon covers the cells whose centre lies in it (even-odd rule, so courtyards stay open;
cells on a common border belong to one side only). Within a polygon the roof is the lower envelope of its planes: one
plane for a roof surface of a 3D model, two for a gable, four for a hip. Where polygons overlap the higher roof wins,
and of two equal ones the first. Cells are counted over the whole city, so that every tile gives a cell the same bits.

Source: J. Foley, A. van Dam, S. Feiner, J. Hughes, Computer Graphics: Principles and Practice, 2nd ed. 1990, 3.6
(scan conversion of polygons).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from twin.kernels.jit import njit
from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]

RASTERISE = "solar.rasterise"


def _sample(size: int, rng: np.random.Generator) -> Inputs:
    """Return a window of 48 by 40 cells with `size` rotated boxes, each with one, two or four planes."""
    count = max(1, size)
    middle = rng.uniform([-5.0, -5.0], [45.0, 53.0], (count, 2))
    turn = rng.uniform(0.0, math.pi, count)
    half = rng.uniform(0.3, 9.0, (count, 2))
    u, v = np.array([1.0, 1.0, -1.0, -1.0]), np.array([1.0, -1.0, -1.0, 1.0])
    sine, cosine = np.sin(turn)[:, None], np.cos(turn)[:, None]
    x = 100.0 + middle[:, :1] + half[:, :1] * u * cosine - half[:, 1:] * v * sine
    y = 1000.0 - middle[:, 1:] + half[:, :1] * u * sine + half[:, 1:] * v * cosine
    planes = rng.choice([1, 2, 4], count)
    start = np.concatenate([[0], np.cumsum(planes)])
    owner = np.repeat(np.arange(count), planes)
    facing = turn[owner] + np.array([0.0, math.pi, math.pi / 2, -math.pi / 2])[np.arange(start[-1]) - start[owner]]
    slope = np.where(planes == 1, 0.0, np.tan(rng.uniform(0.1, 1.0, count)))[owner]
    eaves = rng.uniform(3.0, 20.0, count)[owner]
    reach = half.min(axis=1)[owner]
    return {
        "ground_m": rng.uniform(0.0, 2.0, (48, 40)).astype(np.float32),
        "edge_start": np.arange(count + 1) * 4,
        "x1": x.ravel(),
        "y1": y.ravel(),
        "x2": np.roll(x, -1, axis=1).ravel(),
        "y2": np.roll(y, -1, axis=1).ravel(),
        "plane_start": start,
        "label": np.arange(start[-1], dtype=np.int32),
        "x0": 100.0 + middle[owner, 0],
        "y0": 1000.0 - middle[owner, 1],
        "z0": eaves + slope * reach,
        "slope_x": -slope * np.cos(facing),
        "slope_y": -slope * np.sin(facing),
        "low_m": eaves,
        "high_m": eaves + slope * reach * 0.9,
        "first_row": -1000,
        "first_column": 100,
        "cell_m": 1.0,
    }


def _check_higher(kernel: Kernel, inputs: Inputs) -> None:
    surface, slope_x, slope_y, label = kernel(*inputs.values())
    assert np.all(surface >= inputs["ground_m"])
    assert np.array_equal(surface[label < 0], inputs["ground_m"][label < 0])
    assert not slope_x[label < 0].any()
    assert not slope_y[label < 0].any()


def _check_window(kernel: Kernel, inputs: Inputs) -> None:
    """Check that a smaller window holds the same bits."""
    whole = kernel(*inputs.values())
    part = np.s_[11:40, 7:33]
    cut = inputs | {"ground_m": np.ascontiguousarray(inputs["ground_m"][part]), "first_row": -989, "first_column": 107}
    for a, b in zip(whole, kernel(*cut.values()), strict=True):
        assert np.array_equal(a[part], b)


declare(
    Family(
        name=RASTERISE,
        purpose="Heights of ground and roofs on a raster, and the roof plane of every cell.",
        inputs=(
            Array("ground_m", ("rows", "columns"), "float32", "m"),
            Array("edge_start", ("polygons+1",), "int64", "-"),
            Array("x1", ("edges",), "float64", "m"),
            Array("y1", ("edges",), "float64", "m"),
            Array("x2", ("edges",), "float64", "m"),
            Array("y2", ("edges",), "float64", "m"),
            Array("plane_start", ("polygons+1",), "int64", "-"),
            Array("label", ("planes",), "int32", "-"),
            Array("x0", ("planes",), "float64", "m"),
            Array("y0", ("planes",), "float64", "m"),
            Array("z0", ("planes",), "float64", "m"),
            Array("slope_x", ("planes",), "float64", "-"),
            Array("slope_y", ("planes",), "float64", "-"),
            Array("low_m", ("planes",), "float64", "m"),
            Array("high_m", ("planes",), "float64", "m"),
            Array("first_row", (), "int64", "-"),
            Array("first_column", (), "int64", "-"),
            Array("cell_m", (), "float64", "m"),
        ),
        outputs=(
            Array("surface_m", ("rows", "columns"), "float32", "m"),
            Array("slope_x", ("rows", "columns"), "float32", "-"),
            Array("slope_y", ("rows", "columns"), "float32", "-"),
            Array("label", ("rows", "columns"), "int32", "-"),
        ),
        sample=_sample,
        work=lambda inputs: float(inputs["ground_m"].size),
        work_unit="cell",
        source="Foley et al. 1990, Computer Graphics: Principles and Practice, 3.6",
        rtol=0.0,
        atol=0.0,
        properties=(
            Property("roofs stand on the ground, which is level inside of its cells", _check_higher),
            Property("a window holds the bits of the whole", _check_window),
        ),
    )
)


@variant(RASTERISE, "reference")
def rasterise_reference(
    ground_m: Float32,
    edge_start: Int64,
    x1: Float,
    y1: Float,
    x2: Float,
    y2: Float,
    plane_start: Int64,
    label: Int32,
    x0: Float,
    y0: Float,
    z0: Float,
    slope_x: Float,
    slope_y: Float,
    low_m: Float,
    high_m: Float,
    first_row: int,
    first_column: int,
    cell_m: float,
) -> tuple[Float32, Float32, Float32, Int32]:
    """Test every cell centre against every polygon.

    Parameters
    ----------
    ground_m : float32 [rows, columns], m
        Height of the ground, row 0 in the north.
    edge_start : int64 [polygons + 1]
        Edges of each polygon, all its rings, in ``x1 … y2``.
    x1, y1, x2, y2 : float64 [edges], m
    plane_start : int64 [polygons + 1]
        Planes of each polygon.
    label : int32 [planes]
        Written to the cells of the plane; -1 for what only casts shadow.
    x0, y0, z0, slope_x, slope_y : float64 [planes]
        Height at (x, y) is ``z0 + slope_x (x - x0) + slope_y (y - y0)``, m.
    low_m, high_m : float64 [planes]
        Heights that the plane keeps within, m.
    first_row, first_column : int
        Global cell of the window's first: its centre is at x = (column + 1/2) cell, y = -(row + 1/2) cell.
    cell_m : float
        Width of a cell, m.

    Returns
    -------
    surface_m : float32 [rows, columns], m
        Highest of ground and roofs.
    slope_x, slope_y : float32 [rows, columns]
        Slopes of the plane of each cell; 0 on the ground and where the plane keeps to a limit.
    label : int32 [rows, columns]
        Label of the plane of each cell, -1 on the ground.
    """
    rows, columns = ground_m.shape
    surface, owner = ground_m.copy(), np.full(ground_m.shape, -1, np.int32)
    slopes = np.zeros((2, *ground_m.shape), np.float32)
    y = -(first_row + np.arange(rows) + 0.5) * cell_m
    x = (first_column + np.arange(columns) + 0.5) * cell_m
    for p in range(len(edge_start) - 1):
        inside = np.zeros(ground_m.shape, bool)
        for e in range(edge_start[p], edge_start[p + 1]):
            # From the lower end, so that both polygons along a common edge cut it at the same bits.
            a, b = ((x1[e], y1[e]), (x2[e], y2[e])) if y1[e] <= y2[e] else ((x2[e], y2[e]), (x1[e], y1[e]))
            for i in np.flatnonzero((a[1] <= y) & (y < b[1])):
                inside[i] ^= x >= a[0] + (y[i] - a[1]) * ((b[0] - a[0]) / (b[1] - a[1]))
        for i, j in np.argwhere(inside):
            of = range(plane_start[p], plane_start[p + 1])
            raw = [z0[k] + (slope_x[k] * (x[j] - x0[k]) + slope_y[k] * (y[i] - y0[k])) for k in of]
            k = of[int(np.argmin(raw))]
            height = np.float32(min(max(min(raw), low_m[k]), high_m[k]))
            if height > surface[i, j]:
                surface[i, j], owner[i, j] = height, label[k]
                inside_limits = low_m[k] <= min(raw) <= high_m[k]
                slopes[:, i, j] = (slope_x[k], slope_y[k]) if inside_limits else 0.0
    return surface, slopes[0], slopes[1], owner


@njit(cache=True)
def _cuts(start, stop, x1, y1, x2, y2, y, cuts):  # type: ignore[no-untyped-def]
    """Write the sorted crossings of a row at height y with the edges of a polygon; return how many."""
    n = 0
    for e in range(start, stop):
        ax, ay, bx, by = x1[e], y1[e], x2[e], y2[e]
        if ay > by:
            ax, ay, bx, by = bx, by, ax, ay
        if ay <= y and y < by:
            x = ax + (y - ay) * ((bx - ax) / (by - ay))
            k = n
            while k > 0 and cuts[k - 1] > x:
                cuts[k] = cuts[k - 1]
                k -= 1
            cuts[k] = x
            n += 1
    return n


@njit(cache=True)
def _first(cut, cell_m):  # type: ignore[no-untyped-def]
    """Return the first global column whose centre is not west of a crossing."""
    column = math.ceil(cut / cell_m - 0.5)
    while (column - 0.5) * cell_m >= cut:
        column -= 1
    while (column + 0.5) * cell_m < cut:
        column += 1
    return column


@njit(cache=True)
def _lowest(start, stop, x, y, x0, y0, z0, slope_x, slope_y):  # type: ignore[no-untyped-def]
    """Return the lowest plane at a point, and its height."""
    best, height = start, 0.0
    for k in range(start, stop):
        z = z0[k] + (slope_x[k] * (x - x0[k]) + slope_y[k] * (y - y0[k]))
        if k == start or z < height:
            best, height = k, z
    return best, height


@njit(cache=True)
def _rows(start, stop, y1, cell_m):  # type: ignore[no-untyped-def]
    """Return the global rows that a polygon may touch, first and one after the last."""
    low, high = y1[start], y1[start]
    for e in range(start, stop):
        low, high = min(low, y1[e]), max(high, y1[e])
    return math.floor(-high / cell_m) - 1, math.floor(-low / cell_m) + 2


@variant(RASTERISE, "numba")
@njit(cache=True)
def rasterise_numba(  # type: ignore[no-untyped-def]
    ground_m, edge_start, x1, y1, x2, y2, plane_start, label, x0, y0, z0, slope_x, slope_y, low_m, high_m,
    first_row, first_column, cell_m,
):  # fmt: skip
    """Fill the spans of every polygon row by row; same arguments as the reference."""
    rows, columns = ground_m.shape
    surface = ground_m.copy()
    slopes = np.zeros((2, rows, columns), np.float32)
    owner = np.full((rows, columns), -1, np.int32)
    longest = 0
    for p in range(edge_start.size - 1):
        longest = max(longest, edge_start[p + 1] - edge_start[p])
    cuts = np.empty(longest)
    for p in range(edge_start.size - 1):
        start, stop = edge_start[p], edge_start[p + 1]
        if start == stop:
            continue
        above, below = _rows(start, stop, y1, cell_m)
        for row in range(max(above, first_row), min(below, first_row + rows)):
            y = -(row + 0.5) * cell_m
            n = _cuts(start, stop, x1, y1, x2, y2, y, cuts)
            for c in range(0, n - 1, 2):
                west = max(_first(cuts[c], cell_m), first_column)
                east = min(_first(cuts[c + 1], cell_m), first_column + columns)
                for column in range(west, east):
                    x = (column + 0.5) * cell_m
                    k, z = _lowest(plane_start[p], plane_start[p + 1], x, y, x0, y0, z0, slope_x, slope_y)
                    height = np.float32(min(max(z, low_m[k]), high_m[k]))
                    i, j = row - first_row, column - first_column
                    if height > surface[i, j]:
                        free = low_m[k] <= z <= high_m[k]
                        slopes[0, i, j], slopes[1, i, j] = (slope_x[k], slope_y[k]) if free else (0.0, 0.0)
                        surface[i, j], owner[i, j] = height, label[k]
    return surface, slopes[0], slopes[1], owner


@njit(cache=True)
def covered_cells(edge_start, x1, y1, x2, y2, plane_start, x0, y0, z0, slope_x, slope_y, cell_m):  # type: ignore[no-untyped-def]
    """Return how many cell centres each plane covers, whatever else stands there: int64 [planes]."""
    counts = np.zeros(x0.size, np.int64)
    longest = 0
    for p in range(edge_start.size - 1):
        longest = max(longest, edge_start[p + 1] - edge_start[p])
    cuts = np.empty(longest)
    for p in range(edge_start.size - 1):
        start, stop = edge_start[p], edge_start[p + 1]
        if start == stop:
            continue
        above, below = _rows(start, stop, y1, cell_m)
        for row in range(above, below):
            y = -(row + 0.5) * cell_m
            n = _cuts(start, stop, x1, y1, x2, y2, y, cuts)
            for c in range(0, n - 1, 2):
                west, east = _first(cuts[c], cell_m), _first(cuts[c + 1], cell_m)
                if plane_start[p + 1] - plane_start[p] == 1:
                    counts[plane_start[p]] += max(0, east - west)
                    continue
                for column in range(west, east):
                    x = (column + 0.5) * cell_m
                    k, _ = _lowest(plane_start[p], plane_start[p + 1], x, y, x0, y0, z0, slope_x, slope_y)
                    counts[k] += 1
    return counts
