"""Declarations of the sweep families: what goes in and out, samples, and the laws that every variant obeys."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare

CELLS, BEAM, WALLS = "solar.sunlit_cells", "solar.beam_sum", "solar.wall_sunlit"
SOURCE = (
    "Ratti & Richens 2004, doi:10.1068/b2665 (shadow volumes); Stewart 1998, doi:10.1109/2945.675656 (sweeps); "
    "near-edge term: a cell casts from its edge, as high as its plane is there"
)
GRIDS = ("surface_m", "receiver_m", "slope_x", "slope_y", "canopy_m", "trunk_m", "label", "nx", "ny", "nz")


def _city(size: int, rng: np.random.Generator) -> Inputs:
    """Return boxes, a pitched roof and, for half of the seeds, trees on a sloping ground; suns of all octants."""
    rows, columns = 8 + int(5 * math.sqrt(size)), 9 + int(6 * math.sqrt(size))
    ground = 40.0 + np.linspace(0.0, 2.0, rows)[:, None] + np.linspace(0.0, 1.0, columns)[None, :]
    surface, label = ground.astype(np.float32), np.full((rows, columns), -1, np.int32)
    normal = np.zeros((3, rows, columns), np.float32)
    normal[2] = 1.0
    buildings = max(3, rows * columns // 90)
    slope = np.zeros((2, rows, columns), np.float32)
    for b in range(buildings):
        i, j, depth, width = (int(rng.integers(0, n)) for n in (rows - 3, columns - 3, 9, 9))
        here = np.s_[i : i + depth + 3, j : j + width + 3]
        tilt = math.radians(rng.choice([0.0, 20.0, 35.0]))
        facing = rng.uniform(0.0, 2.0 * math.pi)
        up = math.tan(tilt) * np.array([math.sin(facing), math.cos(facing)])  # per metre to the east and to the north
        south, east = np.indices(surface[here].shape)
        rise = up[0] * east - up[1] * south
        surface[here] = np.float32(rng.uniform(44.0, 70.0)) + rise
        normal[:, *here] = np.array([*(-math.cos(tilt) * up), math.cos(tilt)])[:, None, None]
        slope[:, *here] = up[:, None, None]
        label[here] = b if b % 4 else -1
    trees = rng.random() < 0.5
    crown = (rng.random(surface.shape) < 0.1) & (surface < 45.0)
    canopy = np.where(crown, surface + rng.uniform(6.0, 20.0, surface.shape), 0.0).astype(np.float32)
    trunk = np.where(crown, canopy - rng.uniform(2.0, 5.0, surface.shape), 0.0).astype(np.float32)
    azimuth = (np.arange(20) * 45.0 + rng.uniform(0.0, 45.0, 20)) % 360.0
    altitude = np.concatenate([[-5.0, 0.0, 0.4, 2.0, 89.0], rng.uniform(3.0, 80.0, 15)])
    return {
        "surface_m": surface,
        "receiver_m": surface.copy(),
        "slope_x": slope[0],
        "slope_y": slope[1],
        "canopy_m": canopy if trees else np.zeros((0, 0), np.float32),
        "trunk_m": trunk if trees else np.zeros((0, 0), np.float32),
        "label": label,
        "receivers": buildings,
        "nx": normal[0],
        "ny": normal[1],
        "nz": normal[2],
        "transmissivity": 0.3,
        "cell_m": 1.0,
        "first_row": int(rng.integers(-50, 5000)),
        "first_column": int(rng.integers(-50, 5000)),
        "azimuth_deg": rng.permutation(azimuth),
        "altitude_deg": altitude,
        "weight": rng.uniform(50.0, 900.0, 20).astype(np.float32),
        **_cuts(surface, slope, rng),
    }


def _cuts(surface: NDArray[np.float32], slope: NDArray[np.float32], rng: np.random.Generator) -> Inputs:
    """Return cuts of a tenth of the quarters, over each of which is what stands over another cell nearby."""
    cut = np.argwhere(rng.random((*surface.shape, 4)) < 0.1)
    i, j = np.clip(cut[:, :2].T + rng.integers(-2, 3, (2, len(cut))), 0, np.array(surface.shape)[:, None] - 1)
    return {"cut": cut, "cut_plane": np.stack([surface[i, j], *slope[:, i, j]], axis=1).astype(np.float32)}


def _sample_cells(size: int, rng: np.random.Generator) -> Inputs:
    city = _city(size, rng)
    return {a.name: city[a.name] for a in CELL_INPUTS}


def _sample_beam(size: int, rng: np.random.Generator) -> Inputs:
    city = _city(size, rng)
    return {a.name: city[a.name] for a in BEAM_INPUTS}


def _sample_walls(size: int, rng: np.random.Generator) -> Inputs:
    city = _city(size, rng)
    rows, columns = city["surface_m"].shape
    city["row"], city["column"] = rng.integers(0, rows, 3 * size), rng.integers(0, columns, 3 * size)
    city["foot_m"] = city["surface_m"][city["row"], city["column"]]
    city["top_m"] = city["foot_m"] + rng.uniform(3.0, 20.0, 3 * size).astype(np.float32)
    city["transmissivity"] = rng.uniform(0.0, 1.0, len(city["azimuth_deg"]))
    return {a.name: city[a.name] for a in WALL_INPUTS}


def _call(kernel: Kernel, inputs: Inputs, **changes: object) -> list[NDArray]:
    out = kernel(*(inputs | changes).values())
    return [np.asarray(a) for a in (out if isinstance(out, tuple) else (out,))]


def _check_higher(kernel: Kernel, inputs: Inputs) -> None:
    """Check that a surface that rises under unchanged receivers never lights anything."""
    raised = inputs["surface_m"].copy()
    raised[::5, ::3] += np.float32(7.5)
    assert np.all(_call(kernel, inputs, surface_m=raised)[0] <= _call(kernel, inputs)[0])


def _check_suns(kernel: Kernel, inputs: Inputs) -> None:
    """Check that the suns may come in any order, and that those below the horizon light nothing."""
    order = np.argsort(inputs["altitude_deg"] * 7.0 % 1.0)
    series = ("azimuth_deg", "altitude_deg", "transmissivity", "weight")
    turned = {k: inputs[k][order] for k in series if np.ndim(inputs.get(k, 0.0)) == 1}
    down = inputs["altitude_deg"] <= 0.0
    for before, after in zip(_call(kernel, inputs), _call(kernel, inputs, **turned), strict=True):
        if "weight" in inputs:
            np.testing.assert_allclose(after, before, rtol=1e-5)
        else:
            assert np.array_equal(after, before[:, order])
            assert not before[:, down].any()


def _check_padding(kernel: Kernel, inputs: Inputs) -> None:
    """Check that a tile with a wide low margin, starting elsewhere, gives the same bits."""
    north, west, margin = 5, 3, ((5, 2), (3, 9))
    wide = {
        name: np.pad(inputs[name], margin, constant_values=-1 if name == "label" else 0)
        for name in GRIDS
        if name in inputs and inputs[name].size > 0
    }
    moved = {k: inputs[k] + n for k, n in (("row", north), ("column", west), ("cut", [north, west, 0])) if k in inputs}
    start = {"first_row": inputs["first_row"] - north, "first_column": inputs["first_column"] - west}
    for before, after in zip(_call(kernel, inputs), _call(kernel, inputs, **wide, **moved, **start), strict=True):
        inner = after[north:-2, west:-9] if "weight" in inputs else after
        assert np.array_equal(inner, before)


def _check_turns(kernel: Kernel, inputs: Inputs) -> None:
    """Check that a scene mirrored over each axis and the diagonal, suns included, is lit as it was."""
    rows, columns = inputs["surface_m"].shape
    azimuth = inputs["azimuth_deg"]
    east_west = {"azimuth_deg": (360.0 - azimuth) % 360.0, "first_column": 1 - columns - inputs["first_column"]}
    north_south = {"azimuth_deg": (180.0 - azimuth) % 360.0, "first_row": 1 - rows - inputs["first_row"]}
    diagonal = {
        "azimuth_deg": (270.0 - azimuth) % 360.0,
        "first_row": inputs["first_column"],
        "first_column": inputs["first_row"],
    }
    if "row" in inputs:
        east_west["column"] = columns - 1 - inputs["column"]
        north_south["row"] = rows - 1 - inputs["row"]
        diagonal |= {"row": inputs["column"], "column": inputs["row"]}
    east_west["slope_x"], north_south["slope_y"] = -inputs["slope_x"], -inputs["slope_y"]
    diagonal |= {"slope_x": -inputs["slope_y"], "slope_y": -inputs["slope_x"]}
    if "cut" in inputs:
        (row, column, quarter), (height, x, y) = inputs["cut"].T, inputs["cut_plane"].T
        for changes, cut, plane in (
            (east_west, (row, columns - 1 - column, quarter ^ 1), (height, -x, y)),
            (north_south, (rows - 1 - row, column, quarter ^ 2), (height, x, -y)),
            (diagonal, (column, row, quarter % 2 * 2 + quarter // 2), (height, -y, -x)),
        ):
            changes |= {"cut": np.stack(cut, axis=1), "cut_plane": np.stack(plane, axis=1)}
    if "nx" in inputs:
        east_west["nx"], north_south["ny"] = -inputs["nx"], -inputs["ny"]
        diagonal |= {"nx": -inputs["ny"], "ny": -inputs["nx"]}
    before = _call(kernel, inputs)
    for changes, turn in ((east_west, np.fliplr), (north_south, np.flipud), (diagonal, np.transpose)):
        scene = inputs | changes
        scene = {k: np.ascontiguousarray(turn(v)) if k in GRIDS else v for k, v in scene.items()}
        for a, b in zip(before, _call(kernel, scene), strict=True):
            np.testing.assert_allclose(b, turn(a) if "weight" in inputs else a, rtol=1e-5, atol=1e-5)


PROPERTIES = (
    Property("a higher surface never lights another cell", _check_higher),
    Property("mirrors of the scene with its suns are lit alike", _check_turns),
    Property("a tile that starts elsewhere gives the same bits", _check_padding),
    Property("the order of suns does not matter; suns that are down light nothing", _check_suns),
)


def _grid(*names: str, unit: str = "m") -> tuple[Array, ...]:
    return tuple(Array(name, ("rows", "columns"), "float32", unit) for name in names)


SLOPES = tuple(Array(name, ("sloped_rows", "sloped_columns"), "float32", "-") for name in ("slope_x", "slope_y"))
TREES = tuple(Array(name, ("tree_rows", "tree_columns"), "float32", "m") for name in ("canopy_m", "trunk_m"))
PLACE = (
    Array("cell_m", (), "float64", "m"),
    Array("first_row", (), "int64", "-"),
    Array("first_column", (), "int64", "-"),
    Array("azimuth_deg", ("suns",), "float64", "deg clockwise from north"),
    Array("altitude_deg", ("suns",), "float64", "deg"),
)
CELL_INPUTS = (
    *_grid("surface_m", "receiver_m"),
    *SLOPES,
    *TREES,
    Array("label", ("rows", "columns"), "int32", "-"),
    Array("receivers", (), "int64", "-"),
    *PLACE,
    Array("cut", ("cuts", "three"), "int64", "-"),
    Array("cut_plane", ("cuts", "three"), "float32", "m"),
)
BEAM_INPUTS = (
    *_grid("surface_m", "receiver_m"),
    *SLOPES,
    *TREES,
    *_grid("nx", "ny", "nz", unit="-"),
    Array("transmissivity", (), "float64", "-"),
    *PLACE,
    Array("weight", ("suns",), "float32", "W/m²"),
)
WALL_INPUTS = (
    *_grid("surface_m"),
    *SLOPES,
    *TREES,
    Array("transmissivity", ("suns",), "float64", "-"),
    Array("row", ("walls",), "int64", "-"),
    Array("column", ("walls",), "int64", "-"),
    Array("foot_m", ("walls",), "float32", "m"),
    Array("top_m", ("walls",), "float32", "m"),
    *PLACE,
)


def _cell_suns(inputs: Inputs) -> float:
    return float(inputs["surface_m"].size * len(inputs["azimuth_deg"]))


declare(
    Family(
        name=CELLS,
        purpose="Sunlit cells of every receiver (roof plane) on a raster city, for every sun.",
        inputs=CELL_INPUTS,
        outputs=tuple(Array(name, ("receivers", "suns"), "int32", "cells") for name in ("lit", "behind")),
        sample=_sample_cells,
        work=_cell_suns,
        work_unit="cell·sun",
        source=SOURCE,
        rtol=0.0,
        atol=0.0,
        properties=PROPERTIES,
    )
)
declare(
    Family(
        name=BEAM,
        purpose="Beam light on every cell of a raster city, summed over many suns.",
        inputs=BEAM_INPUTS,
        outputs=(Array("beam", ("rows", "columns"), "float32", "W/m²"),),
        sample=_sample_beam,
        work=_cell_suns,
        work_unit="cell·sun",
        source=SOURCE,
        rtol=1e-5,
        atol=1e-3,
        properties=PROPERTIES,
    )
)
declare(
    Family(
        name=WALLS,
        purpose="Sunlit share of vertical wall strips in a raster city, for every sun.",
        inputs=WALL_INPUTS,
        outputs=(Array("share", ("walls", "suns"), "float32", "-"),),
        sample=_sample_walls,
        work=_cell_suns,
        work_unit="cell·sun",
        source=SOURCE,
        rtol=0.0,
        atol=1e-5,
        properties=PROPERTIES,
    )
)
