"""Laws of the sweeps beyond those of the registry: tiles with halo, trees, threads, extremes of size and sun."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import twin.kernels.solar.sweep_numba  # noqa: F401
from twin.kernels.registry import get
from twin.kernels.solar.sweep import MIN_ALTITUDE_DEG, halo_cells
from twin.kernels.solar.sweep_rows import label_blocks, ones

MODEST = settings(max_examples=25, deadline=None)
NONE = np.zeros((0, 0), np.float32)
seeds = st.integers(0, 2**32 - 1)


def city(rng: np.random.Generator, rows: int, columns: int, relief: float) -> tuple[np.ndarray, np.ndarray]:
    """Return heights of boxes and one label for every cell of 5 × 5 metres."""
    height = np.zeros((rows, columns), np.float32)
    for _ in range(rows * columns // 60):
        i, j, a, b = rng.integers(0, rows), rng.integers(0, columns), *rng.integers(2, 9, 2)
        height[i : i + a, j : j + b] = rng.uniform(0.0, relief)
    i, j = np.indices(height.shape)
    return height, (i // 5 * (columns // 5 + 1) + j // 5).astype(np.int32)


def crowns(rng: np.random.Generator, height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    crown = rng.random(height.shape) < 0.15
    top = height + rng.uniform(3.0, 12.0, height.shape)
    return np.where(crown, top, 0.0).astype(np.float32), np.where(crown, top - 2.5, 0.0).astype(np.float32)


def suns(rng: np.random.Generator, count: int = 24, lowest: float = -5.0) -> tuple[np.ndarray, np.ndarray]:
    """Return azimuths, those of the axes and diagonals among them, and altitudes."""
    azimuth = np.where(rng.random(count) < 0.2, rng.integers(0, 8, count) * 45.0, rng.uniform(0.0, 360.0, count))
    return azimuth, rng.uniform(lowest, 89.9, count)


def count(height, top, under, label, azimuth, altitude, variant="numba", first=(0, 0)):
    return get("solar.sunlit_cells", variant)(
        height, height, NONE, NONE, top, under, label, int(label.max()) + 1, 1.0, *first, azimuth, altitude
    )


@MODEST
@given(seeds, st.integers(1, 30), st.integers(1, 30), st.booleans())
def test_fast_and_plain_agree_on_any_shape(seed: int, rows: int, columns: int, trees: bool) -> None:
    rng = np.random.default_rng(seed)
    height, label = city(rng, rows, columns, 30.0)
    label = np.where(rng.random(label.shape) < 0.3, -1, label % 7).astype(np.int32)
    label.flat[0] = 6
    top, under = crowns(rng, height) if trees else (NONE, NONE)
    first = tuple(int(n) for n in rng.integers(-(10**5), 10**5, 2))
    plain, fast = (count(height, top, under, label, *suns(rng2), v, first) for v, rng2 in
                   (("reference", np.random.default_rng(seed)), ("numba", np.random.default_rng(seed))))  # fmt: skip
    assert np.array_equal(plain, fast)


@MODEST
@given(seeds, st.booleans(), st.floats(MIN_ALTITUDE_DEG, 40.0))
def test_a_tile_with_its_halo_has_the_bits_of_the_whole(seed: int, trees: bool, lowest: float) -> None:
    rng = np.random.default_rng(seed)
    height, label = city(rng, 90, 80, 12.0)
    top, under = crowns(rng, height) if trees else (NONE, NONE)
    azimuth, altitude = suns(rng, lowest=lowest)
    whole = count(height, top, under, label, azimuth, altitude, first=(300, 77))
    halo = halo_cells(float(max(height.max(), top.max(initial=0.0))), 1.0, lowest)
    south, west, north, east = 60, 40, 35, 20  # on borders of labels
    rows = slice(max(0, north - halo), min(90, south + halo))
    columns = slice(max(0, east - halo), min(80, west + halo))
    inside = np.full_like(label, -1)
    inside[north:south, east:west] = label[north:south, east:west]
    cut = [g[rows, columns] if g.size else g for g in (height, top, under, inside)]
    part = get("solar.sunlit_cells", "numba")(
        cut[0],
        cut[0],
        NONE,
        NONE,
        *cut[1:],
        int(label.max()) + 1,
        1.0,
        300 + rows.start,
        77 + columns.start,
        azimuth,
        altitude,
    )
    these = np.unique(inside[inside >= 0])
    for a, b in zip(whole, part, strict=True):
        assert np.array_equal(a[these], b[these])


@MODEST
@given(seeds)
def test_trees_take_what_their_transmissivity_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, label = city(rng, 40, 33, 15.0)
    top, under = crowns(rng, height)
    azimuth, altitude = suns(rng)
    bare, _ = count(height, NONE, NONE, label, azimuth, altitude)
    lit, behind = count(height, top, under, label, azimuth, altitude)
    assert np.array_equal(lit, bare)
    assert np.all(behind <= lit)
    flat, up, weight = np.zeros_like(height), np.ones_like(height), np.ones(len(azimuth), np.float32)
    sums = [
        get("solar.beam_sum", "numba")(
            height, height, NONE, NONE, *trees, flat, flat, up, through, 1.0, 0, 0, azimuth, altitude, weight
        )
        for trees, through in (((NONE, NONE), 0.3), ((top, under), 1.0), ((top, under), 0.3), ((top, under), 0.0))
    ]
    np.testing.assert_allclose(sums[1], sums[0], rtol=1e-5)
    np.testing.assert_allclose(sums[2], sums[3] + 0.3 * (sums[1] - sums[3]), rtol=1e-5, atol=1e-5)
    by_label = np.bincount(label.ravel(), weights=sums[0].ravel())
    rise = np.where(altitude > 0.0, np.sin(np.radians(altitude)), 0.0)
    np.testing.assert_allclose(by_label, lit @ rise, rtol=1e-5, atol=1e-5)


@MODEST
@given(seeds, st.booleans())
def test_upright_cells_get_the_same_bits_beside_tilted_ones(seed: int, trees: bool) -> None:
    """Rows of upright cells are summed with less work; a cell in every row and column that is not prevents it."""
    rng = np.random.default_rng(seed)
    height, _ = city(rng, 37, 41, 15.0)
    crown = crowns(rng, height) if trees else (NONE, NONE)
    azimuth, altitude = suns(rng)
    weight = rng.uniform(50.0, 900.0, len(azimuth)).astype(np.float32)
    i, j = np.indices(height.shape)
    tilted = (i + j) % 37 == 0
    assert tilted.any(axis=0).all() and tilted.any(axis=1).all()
    flat, up = np.zeros_like(height), np.ones_like(height)
    normals = ((flat, flat, up), (flat, np.where(tilted, 0.6, flat), np.where(tilted, 0.8, up)))
    upright, mixed = (
        get("solar.beam_sum", "numba")(
            height, receiver, NONE, NONE, *crown, *(n.astype(np.float32) for n in normal), 0.3, 1.0, 5, 7, azimuth,
            altitude, weight,
        )
        for receiver, normal in zip((height, height.copy()), normals, strict=True)
    )  # fmt: skip
    assert np.array_equal(upright[~tilted], mixed[~tilted])


def test_light_passes_below_a_crown() -> None:
    """A crown from 3 to 9 m at 20 cells: a sun of 45° shades the ground from 3 to 9 cells behind it."""
    top, under = np.zeros((1, 60), np.float32), np.zeros((1, 60), np.float32)
    top[0, 20], under[0, 20] = 9.0, 3.0
    height, label = np.zeros((1, 60), np.float32), np.arange(60, dtype=np.int32)[None, :]
    _, behind = count(height, top, under, label, np.array([270.0]), np.array([45.0]))
    assert np.array_equal(np.flatnonzero(behind[:, 0]), np.arange(23, 30))


@MODEST
@given(seeds, st.floats(1.0, 20.0))
def test_walls_lose_light_where_something_rises(seed: int, rise: float) -> None:
    rng = np.random.default_rng(seed)
    height, _ = city(rng, 30, 30, 15.0)
    higher = height.copy()
    higher[10:14, 9:16] += np.float32(rise)
    azimuth, altitude = suns(rng)
    row, column = rng.integers(0, 30, 50), rng.integers(0, 30, 50)
    foot = height[row, column]
    place = row, column, foot, foot + np.float32(9.0), 1.0, 0, 0
    before, after = (
        get("solar.wall_sunlit", "numba")(
            h, NONE, NONE, NONE, NONE, np.full(len(azimuth), 0.3), *place, azimuth, altitude
        )
        for h in (height, higher)
    )  # fmt: skip
    assert np.all((after >= 0.0) & (before <= 1.0))
    assert np.all(after <= before)


@MODEST
@given(seeds, st.booleans())
def test_walls_among_level_roofs_are_lit_as_by_the_reference(seed: int, trees: bool) -> None:
    """The roofs of the registry's samples are tilted: blocks without a slope go another way."""
    rng = np.random.default_rng(seed)
    height, _ = city(rng, 40, 30, 15.0)
    azimuth, altitude = suns(rng)
    crown = rng.random(height.shape) < 0.1
    canopy, trunk = (np.where(crown, height + np.float32(h), 0.0).astype(np.float32) for h in (12.0, 8.0))
    row, column = rng.integers(0, 40, 50), rng.integers(0, 30, 50)
    foot = height[row, column]
    rise = np.zeros((2, *height.shape), np.float32)
    rise[:, 3, 4] = 0.3  # the blocks around it are not level
    for slopes in ((NONE, NONE), (rise[0], rise[1])):
        scene = height, *slopes, *((canopy, trunk) if trees else (NONE, NONE)), rng.random(len(azimuth))
        walls = row, column, foot, foot + np.float32(9.0), 1.0, 7, -3, azimuth, altitude
        fast, plain = (get("solar.wall_sunlit", name)(*scene, *walls) for name in ("numba", "reference"))
        np.testing.assert_allclose(fast, plain, rtol=0.0, atol=1e-5)


@given(st.floats(0.0, 300.0), st.floats(0.25, 2.0), st.floats(-5.0, 80.0))
@settings(max_examples=50, deadline=None)
def test_halo_reaches_as_far_as_shadows(relief: float, cell: float, altitude: float) -> None:
    length = relief / math.tan(math.radians(max(altitude, MIN_ALTITUDE_DEG)))
    assert length / cell + 1.0 <= halo_cells(relief, cell, altitude) <= length / cell + 3.0


@MODEST
@given(seeds, st.integers(1, 40), st.integers(1, 40))
def test_blocks_hold_every_labelled_cell_once(seed: int, rows: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    label = rng.integers(-1, 5, (rows, columns)).astype(np.int32)
    _, _, of, mask = label_blocks(label)
    found = np.zeros(5, np.int64)
    for k, m in zip(of, mask, strict=True):
        assert ones(m) == int(m).bit_count()
        found[k] += int(m).bit_count()
    assert np.array_equal(found, np.bincount(label[label >= 0], minlength=5))


@pytest.mark.parametrize("family", ["solar.sunlit_cells", "solar.wall_sunlit"])
def test_no_suns(family: str) -> None:
    height, label = city(np.random.default_rng(0), 9, 9, 5.0)
    none = np.zeros(0)
    if family == "solar.sunlit_cells":
        lit, behind = count(height, NONE, NONE, label, none, none)
        assert lit.shape == behind.shape == (int(label.max()) + 1, 0)
    else:
        row = np.array([1, 2])
        foot = np.zeros(2, np.float32)
        share = get(family, "numba")(
            height, NONE, NONE, NONE, NONE, none, row, row, foot, foot + 1, 1.0, 0, 0, none, none
        )
        assert share.shape == (2, 0)
