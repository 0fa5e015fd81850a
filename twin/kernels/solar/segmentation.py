"""Roof planes grown over a height raster: cells that touch, lie in one plane and face one way.

Sources: T. Rabbani, F. van den Heuvel, G. Vosselman, Segmentation of point clouds using smoothness constraint, ISPRS
Archives 36-5 (2006) 248-253 (seeds by rising residual of the local fit, growth under a limit on the angle between
normals); G. Vosselman, B. Gorte, G. Sithole, T. Rabbani, Recognising structure in laser scanner point clouds, ISPRS
Archives 46-8/W2 (2004) 33-38 (planes by region growing with the distance to the plane, fitted again as it grows).
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

from twin.kernels.jit import njit
from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant

Float32 = NDArray[np.float32]
Int = NDArray[np.int64]
Int32 = NDArray[np.int32]

FIRST_FIT = 8
"""Cells after which a growing plane is fitted for the first time, and again whenever their number has doubled."""


def _sample(size: int, rng: np.random.Generator) -> Inputs:
    """Return `size` gabled roofs of 8 by 8 m, turned at random, in a row."""
    row, column = np.mgrid[0:10, 0 : 10 * size]
    house = column // 10
    inside = (row > 0) & (row < 9) & (column % 10 > 0) & (column % 10 < 9)
    turn = rng.uniform(0.0, 2 * math.pi, size)[house]
    away = (column % 10 - 4.5) * np.sin(turn) - (row - 4.5) * np.cos(turn)
    steep = np.tan(rng.uniform(0.2, 0.8, size))[house]
    height = 12.0 - steep * np.abs(away) + rng.normal(0.0, 0.05, away.shape)
    down = -steep * np.sign(away)
    noise = rng.normal(0.0, 0.02, (2, *away.shape))
    return {
        "height_m": height.astype(np.float32),
        "building": np.where(inside, house, -1).astype(np.int32),
        "slope_east": (down * np.sin(turn) + noise[0]).astype(np.float32),
        "slope_north": (down * np.cos(turn) + noise[1]).astype(np.float32),
        "seed": rng.permutation(np.flatnonzero(inside)),
        "cell_m": 1.0,
        "tolerance_m": 0.3,
        "min_cosine": math.cos(math.radians(20.0)),
        "min_cells": 4,
    }


def _regions(kernel: Kernel, inputs: Inputs) -> Int32:
    return np.asarray(kernel(*inputs.values()))


def _check_one_building(kernel: Kernel, inputs: Inputs) -> None:
    """Check that a region lies in one building and has at least the fewest cells."""
    region, building = _regions(kernel, inputs), inputs["building"]
    assert np.all(region[building < 0] == -1)
    for number in range(region.max() + 1):
        cells = region == number
        assert cells.sum() >= inputs["min_cells"]
        assert len(np.unique(building[cells])) == 1


def _check_names(kernel: Kernel, inputs: Inputs) -> None:
    """Check that the numbers of the buildings do not matter."""
    turned = np.where(inputs["building"] < 0, -1, inputs["building"].max() - inputs["building"]).astype(np.int32)
    assert np.array_equal(_regions(kernel, inputs | {"building": turned}), _regions(kernel, inputs))


declare(
    Family(
        name="solar.roof_regions",
        purpose="Plane regions of the roofs in a height raster, grown from seeds; -1 where a cell is in none.",
        inputs=(
            Array("height_m", ("rows", "columns"), "float32", "m"),
            Array("building", ("rows", "columns"), "int32", "-"),
            Array("slope_east", ("rows", "columns"), "float32", "m/m"),
            Array("slope_north", ("rows", "columns"), "float32", "m/m"),
            Array("seed", ("seeds",), "int64", "-"),
            Array("cell_m", (), "float64", "m"),
            Array("tolerance_m", (), "float64", "m"),
            Array("min_cosine", (), "float64", "-"),
            Array("min_cells", (), "int64", "-"),
        ),
        outputs=(Array("region", ("rows", "columns"), "int32", "-"),),
        sample=_sample,
        work=lambda inputs: float((inputs["building"] >= 0).sum()),
        work_unit="cell",
        source="Rabbani et al. 2006 (ISPRS Archives 36-5, 248-253); Vosselman et al. 2004 (46-8/W2, 33-38)",
        sizes=(10, 1000, 10_000),
        properties=(
            Property("a region lies in one building and is not too small", _check_one_building),
            Property("the numbers of the buildings do not matter", _check_names),
        ),
    )
)


@variant("solar.roof_regions", "reference")
def roof_regions_reference(
    height_m: Float32,
    building: Int32,
    slope_east: Float32,
    slope_north: Float32,
    seed: Int,
    cell_m: float,
    tolerance_m: float,
    min_cosine: float,
    min_cells: int,
) -> Int32:
    """Grow plane regions cell by cell.

    Parameters
    ----------
    height_m : float32 (r, c), row 0 in the north
    building : int32 (r, c)
        Number of the building that a cell belongs to; negative outside.
    slope_east, slope_north : float32 (r, c)
        Local slope of the surface; NaN where none could be fitted.
    seed : int64 (s,)
        Flat indices of cells with a slope, in the order in which they are tried.
    cell_m, tolerance_m : float
        Side of a cell; farthest that a cell may lie from the plane, both in m.
    min_cosine : float
        Cosine of the largest angle between the normal of a cell and that of the plane.
    min_cells : int
        Fewest cells of a region.

    Returns
    -------
    int32 (r, c)
        Number of the region in the order of growth, -1 in none.
    """
    rows, columns = height_m.shape
    region = np.full((rows, columns), -1, np.int32)
    regions = 0
    for start in seed:
        r0, c0 = divmod(int(start), columns)
        if region[r0, c0] >= 0:
            continue
        slopes = (float(slope_east[r0, c0]), float(slope_north[r0, c0]))
        mean = (0.0, 0.0, float(height_m[r0, c0]))
        members, waiting, next_fit = [(r0, c0)], deque([(r0, c0)]), FIRST_FIT
        region[r0, c0] = regions
        while waiting:
            r, c = waiting.popleft()
            for i, j in ((r - 1, c), (r, c - 1), (r, c + 1), (r + 1, c)):
                if not (0 <= i < rows and 0 <= j < columns) or building[i, j] != building[r0, c0] or region[i, j] >= 0:
                    continue
                x, y = (j - c0) * cell_m, (r0 - i) * cell_m
                plane = mean[2] + slopes[0] * (x - mean[0]) + slopes[1] * (y - mean[1])
                if abs(float(height_m[i, j]) - plane) > tolerance_m:
                    continue
                local = (float(slope_east[i, j]), float(slope_north[i, j]))
                if not math.isnan(local[0]):
                    dot = 1.0 + local[0] * slopes[0] + local[1] * slopes[1]
                    if dot < min_cosine * math.hypot(1.0, *local) * math.hypot(1.0, *slopes):
                        continue
                region[i, j] = regions
                members.append((i, j))
                waiting.append((i, j))
                if len(members) == next_fit:
                    next_fit *= 2
                    x = np.array([(c - c0) * cell_m for _, c in members])
                    y = np.array([(r0 - r) * cell_m for r, _ in members])
                    z = np.array([float(height_m[cell]) for cell in members])
                    centred = np.stack([x - x.mean(), y - y.mean()], axis=1)
                    moments = centred.T @ centred
                    if np.linalg.det(moments) > 1e-6 * np.trace(moments) ** 2:
                        east, north = np.linalg.solve(moments, centred.T @ (z - z.mean()))
                        slopes, mean = (float(east), float(north)), (float(x.mean()), float(y.mean()), float(z.mean()))
        if len(members) < min_cells:
            for cell in members:
                region[cell] = -1
        else:
            regions += 1
    return region


@njit(cache=True)
def _fits(
    height: float, local_east: float, local_north: float, x: float, y: float, plane: NDArray[np.float64],
    tolerance_m: float, min_cosine: float,
) -> bool:  # fmt: skip
    """Return whether a cell lies in a plane (mean x, y, z, slopes east and north) and faces its way."""
    at = plane[2] + plane[3] * (x - plane[0]) + plane[4] * (y - plane[1])
    if abs(height - at) > tolerance_m:
        return False
    if math.isnan(local_east):
        return True
    dot = 1.0 + local_east * plane[3] + local_north * plane[4]
    local = 1.0 + local_east * local_east + local_north * local_north
    whole = 1.0 + plane[3] * plane[3] + plane[4] * plane[4]
    return bool(dot >= min_cosine * math.sqrt(local * whole))


@njit(cache=True)
def _fit(sums: NDArray[np.float64], plane: NDArray[np.float64]) -> None:
    """Fit a plane to the sums n, x, y, z, xx, xy, yy, xz, yz; leave it as it is where they lie on a line."""
    n = sums[0]
    xx, xy, yy = sums[4] - sums[1] * sums[1] / n, sums[5] - sums[1] * sums[2] / n, sums[6] - sums[2] * sums[2] / n
    xz, yz = sums[7] - sums[1] * sums[3] / n, sums[8] - sums[2] * sums[3] / n
    determinant = xx * yy - xy * xy
    if determinant > 1e-6 * (xx + yy) ** 2:
        plane[0], plane[1], plane[2] = sums[1] / n, sums[2] / n, sums[3] / n
        plane[3] = (xz * yy - yz * xy) / determinant
        plane[4] = (yz * xx - xz * xy) / determinant


@njit(cache=True)
def _add(sums: NDArray[np.float64], x: float, y: float, z: float) -> None:
    sums[0] += 1.0
    sums[1] += x
    sums[2] += y
    sums[3] += z
    sums[4] += x * x
    sums[5] += x * y
    sums[6] += y * y
    sums[7] += x * z
    sums[8] += y * z


@variant("solar.roof_regions", "numba")
@njit(cache=True)
def roof_regions(
    height_m: Float32,
    building: Int32,
    slope_east: Float32,
    slope_north: Float32,
    seed: Int,
    cell_m: float,
    tolerance_m: float,
    min_cosine: float,
    min_cells: int,
) -> Int32:
    """Compiled `roof_regions_reference`, with the sums of the fit carried along."""
    rows, columns = height_m.shape
    region = np.full((rows, columns), np.int32(-1))
    queue = np.empty(building.size, np.int64)
    plane, sums = np.empty(5), np.empty(9)
    regions = 0
    for start in seed:
        r0, c0 = start // columns, start % columns
        if region[r0, c0] >= 0:
            continue
        # Heights relative to the seed keep the sums exact enough whatever the height above sea level.
        base = np.float64(height_m[r0, c0])
        plane[:3] = 0.0
        plane[3], plane[4] = slope_east[r0, c0], slope_north[r0, c0]
        sums[:] = 0.0
        _add(sums, 0.0, 0.0, 0.0)
        next_fit, head, tail = FIRST_FIT, 0, 1
        queue[0] = start
        region[r0, c0] = regions
        while head < tail:
            r, c = queue[head] // columns, queue[head] % columns
            head += 1
            for side in range(4):
                i = r + (side == 3) - (side == 0)
                j = c + (side == 2) - (side == 1)
                if i < 0 or j < 0 or i >= rows or j >= columns:
                    continue
                if building[i, j] != building[r0, c0] or region[i, j] >= 0:
                    continue
                x, y, z = (j - c0) * cell_m, (r0 - i) * cell_m, np.float64(height_m[i, j]) - base
                east, north = np.float64(slope_east[i, j]), np.float64(slope_north[i, j])
                if not _fits(z, east, north, x, y, plane, tolerance_m, min_cosine):
                    continue
                region[i, j] = regions
                queue[tail] = i * columns + j
                tail += 1
                _add(sums, x, y, z)
                if tail == next_fit:
                    next_fit *= 2
                    _fit(sums, plane)
        if tail < min_cells:
            for k in range(tail):
                region[queue[k] // columns, queue[k] % columns] = -1
        else:
            regions += 1
    return region
