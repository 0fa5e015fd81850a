"""The sweep against exact geometry: beam on roofs among boxes, sky views through patches, lengths of shadows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

import twin.kernels.solar.sweep_numba  # noqa: F401
from tests.figures import Recorder
from twin.kernels.registry import get
from twin.kernels.solar.cut_cells import NO_CUT, NO_CUT_PLANE, QUARTERS, cut_cells, quarter_ways

NONE = np.zeros((0, 0), np.float32)
SUNS = 24


@dataclass(frozen=True)
class Box:
    """A box on the plain: centre (south, east), half depth and width, turn, height; metres and radians."""

    south: float
    east: float
    half_depth: float
    half_width: float
    turn: float
    height: float

    def local(self, south: np.ndarray, east: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        c, s = np.cos(self.turn), np.sin(self.turn)
        return (south - self.south) * c + (east - self.east) * s, (east - self.east) * c - (south - self.south) * s


@dataclass(frozen=True)
class Scene:
    """Boxes on a square of `side` metres, and their raster."""

    boxes: list[Box]
    cell: float
    south: np.ndarray
    east: np.ndarray
    height: np.ndarray
    label: np.ndarray
    cuts: tuple[np.ndarray, np.ndarray] = (NO_CUT, NO_CUT_PLANE)


def scene(cell: float, turned: bool, rng: np.random.Generator, side: float = 600.0) -> Scene:
    """Return 900 boxes per km² of 8 to 40 m, up to 52 m high, on whole metres or anywhere and turned."""
    boxes = []
    for _ in range(int(900 * (side / 1000.0) ** 2)):
        (south, east), (depth, width) = rng.uniform(20.0, side - 20.0, 2), rng.uniform(8.0, 40.0, 2)
        turn = rng.uniform(0.0, np.pi) if turned else 0.0
        if not turned:
            south, east, depth, width = (
                np.round(south),
                np.round(east),
                2 * np.round(depth / 2),
                2 * np.round(width / 2),
            )
        boxes.append(Box(south, east, depth / 2, width / 2, turn, float(np.float32(rng.uniform(4.0, 52.0)))))
    centre = (np.arange(int(side / cell)) + 0.5) * cell
    south, east = np.meshgrid(centre, centre, indexing="ij")
    height, label = raster(boxes, south, east)
    quarters = [raster(boxes, south - y, east + x)[0] for x, y in (quarter_ways(q, cell) for q in range(QUARTERS))]
    level = np.zeros_like(height)
    cuts = cut_cells(cell, height, level, level, [(quarter, level, level) for quarter in quarters])
    return Scene(boxes, cell, south, east, height, label, cuts)


def raster(boxes: list[Box], south: np.ndarray, east: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the height and the box at points on a grid."""
    height, label = np.zeros(south.shape, np.float32), np.full(south.shape, -1, np.int32)
    for b, box in enumerate(boxes):
        reach = np.hypot(box.half_depth, box.half_width) + 1.0
        near = window(south, box.south - reach, box.south + reach, box.east - reach, box.east + reach)
        u, v = box.local(south[near], east[near])
        inside = (np.abs(u) < box.half_depth) & (np.abs(v) < box.half_width) & (box.height > height[near])
        height[near][inside], label[near][inside] = box.height, b
    return height, label


def window(grid: np.ndarray, south: float, to_south: float, east: float, to_east: float) -> tuple[slice, slice]:
    """Return the cells of a square grid between the given lines, a few more at the ends."""
    cell, first = grid[1, 0] - grid[0, 0], grid[0, 0]
    return tuple(
        slice(max(0, int((a - first) / cell) - 1), max(0, int((b - first) / cell) + 2))
        for a, b in ((south, to_south), (east, to_east))
    )


def exactly_lit(city: Scene, azimuth: float, altitude: float) -> np.ndarray:
    """Return which centres of roof cells the sun reaches: the ray from each against every box that could shade it."""
    toward_south, toward_east = -np.cos(np.radians(azimuth)), np.sin(np.radians(azimuth))
    rise = np.tan(np.radians(altitude))
    lit = np.ones(city.height.shape, bool)
    for box in city.boxes:
        reach, length = np.hypot(box.half_depth, box.half_width) + 1.0, box.height / rise
        ends = (box.south, box.south - toward_south * length), (box.east, box.east - toward_east * length)
        near = window(city.south, *(f(e) + d for e in ends for f, d in ((min, -reach), (max, reach))))
        roof = (city.label[near] >= 0) & (city.height[near] < box.height)
        u, v = box.local(city.south[near][roof], city.east[near][roof])
        du, dv = Box(0.0, 0.0, 1.0, 1.0, box.turn, 1.0).local(np.array(toward_south), np.array(toward_east))
        with np.errstate(divide="ignore", invalid="ignore"):
            across = [np.sort([(-h - p) / d, (h - p) / d], axis=0) for p, d, h in
                      ((u, du, box.half_depth), (v, dv, box.half_width))]  # fmt: skip
        enters = np.maximum(np.maximum(across[0][0], across[1][0]), 0.0)
        leaves = np.minimum(across[0][1], across[1][1])
        lit[near][roof] &= ~(enters < np.minimum(leaves, (box.height - city.height[near][roof]) / rise) - 1e-9)
    return lit


def embree_lit(city: Scene, azimuth: float, altitude: float) -> np.ndarray:
    """Return the same by rays against triangles."""
    trimesh = pytest.importorskip("trimesh")
    pytest.importorskip("embreex")
    parts = []
    for box in city.boxes:
        part = trimesh.creation.box((2 * box.half_width, 2 * box.half_depth, box.height))
        part.apply_transform(trimesh.transformations.rotation_matrix(box.turn, [0.0, 0.0, 1.0]))
        part.apply_translation([box.east, -box.south, box.height / 2])
        parts.append(part)
    mesh = trimesh.util.concatenate(parts)
    origin = np.stack([city.east, -city.south, city.height + 1e-3], axis=-1).reshape(-1, 3)
    turn, rise = np.radians(azimuth), np.radians(altitude)
    toward = [np.sin(turn) * np.cos(rise), np.cos(turn) * np.cos(rise), np.sin(rise)]
    hit = mesh.ray.intersects_any(origin, np.broadcast_to(toward, origin.shape))
    return ~hit.reshape(city.height.shape)


def sunlit(city: Scene, label: np.ndarray, azimuth: np.ndarray, altitude: np.ndarray) -> np.ndarray:
    """Return the lit cells of each label [labels, suns]."""
    return get("solar.sunlit_cells", "numba")(
        city.height,
        city.height,
        NONE,
        NONE,
        NONE,
        NONE,
        label,
        int(label.max()) + 1,
        city.cell,
        0,
        0,
        azimuth,
        altitude,
        *city.cuts,
    )[0]


def roof_beams(cell: float, turned: bool, seeds: int, side: float) -> tuple[float, float]:
    """Return the bias of the beam on all roofs, and the 95th percentile of what single roofs are off, of unshaded."""
    ours, exact, off = 0.0, 0.0, []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        city = scene(cell, turned, rng, side)
        azimuth, altitude = rng.uniform(0.0, 360.0, SUNS), rng.uniform(5.0, 65.0, SUNS)
        beam = np.sin(np.radians(altitude))
        label = np.full_like(city.label, -1)
        centre = (slice(int(100 / cell), -int(100 / cell)),) * 2
        label[centre] = city.label[centre]
        got = sunlit(city, label, azimuth, altitude) @ beam
        inner = replace(city, **{name: getattr(city, name)[centre] for name in ("south", "east", "height", "label")})
        truth = sum(
            w * np.bincount(inner.label[(inner.label >= 0) & exactly_lit(inner, a, e)], minlength=len(got))
            for a, e, w in zip(azimuth, altitude, beam, strict=True)
        )
        size = np.bincount(label[label >= 0], minlength=len(got))
        ours, exact = ours + got.sum(), exact + truth.sum()
        large = size * cell**2 >= 60.0
        off.append(np.abs(got - truth)[large] / size[large] / beam.sum())
    return ours / exact - 1.0, float(np.percentile(np.concatenate(off), 95.0))


@pytest.mark.parametrize(
    ("cell", "turned", "seeds", "side", "bias_limit", "roof_limit"),
    [
        (1.0, False, 3, 600.0, 0.15, 0.8),
        (0.5, False, 1, 500.0, 0.1, 0.5),
        (1.0, True, 3, 600.0, 0.15, 0.8),
        (0.5, True, 1, 500.0, 0.15, 0.6),
    ],
)
def test_beam_on_roofs(
    cell: float, turned: bool, seeds: int, side: float, bias_limit: float, roof_limit: float, figure: Recorder
) -> None:
    bias, roof = roof_beams(cell, turned, seeds, side)
    kind = f"{'turned boxes' if turned else 'boxes along the grid'}, {cell:g} m"
    source = f"exact rays against boxes, {SUNS} suns of 5° to 65°"
    figure.check(f"Beam on roofs: bias, {kind}", 100 * bias, 0.0, bias_limit, "%", source)
    figure.check(f"Beam on roofs: 95 % of roofs within, {kind}", 100 * roof, 0.0, roof_limit, "% of unshaded", source)


def test_exact_rays_are_those_of_embree() -> None:
    rng = np.random.default_rng(3)
    city = scene(1.0, True, rng, 150.0)
    for azimuth, altitude in zip(rng.uniform(0.0, 360.0, 8), rng.uniform(5.0, 65.0, 8), strict=True):
        differ = exactly_lit(city, azimuth, altitude) != embree_lit(city, azimuth, altitude)
        assert differ[city.label >= 0].mean() < 1e-3


def patches(split: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return directions (degrees) of Reinhart's patches and their share of a flat plane's sky.

    `split` 2 gives 577 patches, seen at their middles. Finer ones are for points: there one direction of each patch is
    taken, spread over the height of its band by the golden ratio, for a skyline of one altitude would see all middles
    of a band or none.
    """
    width = np.radians(90.0 / (7 * split + 0.5))
    azimuth, altitude, weight = [], [], []
    counts = [split * n for n in (30, 30, 24, 24, 18, 12, 6) for _ in range(split)] + [1]
    for band, count in enumerate(counts):
        low, high = np.sin(band * width) ** 2, np.sin(min((band + 1) * width, np.pi / 2)) ** 2
        spread = (0.5 + np.arange(count) * (np.sqrt(5.0) - 1.0) / 2.0) % 1.0
        inside = np.arcsin(np.sqrt(low + (high - low) * spread))
        middle = np.full(count, min((band + 0.5) * width, np.pi / 2))
        azimuth.append((np.arange(count) + 0.5) * 360.0 / count)
        altitude.append(np.degrees(middle if split == 2 else inside))
        weight.append(np.full(count, (high - low) / count))
    return np.concatenate(azimuth), np.concatenate(altitude), np.concatenate(weight)


def flat_view(height: np.ndarray, cells: np.ndarray, split: int) -> float:
    """Return the mean sky view of the marked cells."""
    azimuth, altitude, weight = patches(split)
    city = Scene([], 1.0, NONE, NONE, height.astype(np.float32), NONE)
    lit = sunlit(city, np.where(cells, 0, -1).astype(np.int32), azimuth, altitude)[0]
    return float(lit @ weight / cells.sum())


CANYONS = [  # cos(atan 2r); sqrt(1 + r²) - r; (1 + 1/r - sqrt(1 + 1/r²)) / 2
    (0.25, 0.894427, 0.780776, 0.438447),
    (0.5, 0.707107, 0.618034, 0.381966),
    (1.0, 0.447214, 0.414214, 0.292893),
    (2.0, 0.242536, 0.236068, 0.190983),
    (3.0, 0.164399, 0.162278, 0.139620),
]
WIDTH = 41


def canyon(ratio: float, turn_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """Return heights around a street of `WIDTH` metres, and the distance from its axis of the cells in the middle."""
    reach = {0.0: (450, 40), 90.0: (40, 450)}.get(turn_deg, (300, 300))
    south, east = np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij")
    aside = east * np.cos(np.radians(turn_deg)) + south * np.sin(np.radians(turn_deg))
    return np.where(np.abs(aside) < WIDTH / 2, 0.0, ratio * WIDTH), np.where(np.hypot(south, east) < 60.0, aside, 1e3)


@pytest.mark.parametrize(("turn_deg", "split"), [(0.0, 6), (90.0, 6), (29.0, 4)])
@pytest.mark.parametrize(("ratio", "centre", "mean", "_wall"), CANYONS)
def test_canyon_floor(
    ratio: float, centre: float, mean: float, _wall: float, turn_deg: float, split: int, figure: Recorder
) -> None:
    height, aside = canyon(ratio, turn_deg)
    source = "closed form, H/W 0.25 to 3"
    seen = flat_view(height, np.abs(aside) < 0.6, split), flat_view(height, np.abs(aside) < WIDTH / 2, 2)
    figure.check("Sky view by sweeps: middle of a canyon", seen[0], centre, 0.005, "-", source)
    figure.check("Sky view by sweeps: floor of a canyon, 577 patches", seen[1], mean, 0.005, "-", source)


@pytest.mark.parametrize("turn_deg", [0.0, 90.0])
@pytest.mark.parametrize(("ratio", "_centre", "_mean", "wall"), CANYONS)
def test_canyon_wall(
    ratio: float, _centre: float, _mean: float, wall: float, turn_deg: float, figure: Recorder
) -> None:
    height, _ = canyon(ratio, turn_deg)
    azimuth, altitude, weight = patches()
    along, front = np.arange(430, 470), np.full(40, 40 - WIDTH // 2)
    row, column = (along, front) if turn_deg == 0.0 else (front, along)
    share = get("solar.wall_sunlit", "numba")(
        height.astype(np.float32), NONE, NONE, NONE, NONE, np.ones(len(azimuth)), row, column, np.zeros(40, np.float32),
        np.full(40, ratio * WIDTH, np.float32), 1.0, 0, 0, azimuth, altitude,
    ).mean(axis=0)  # fmt: skip
    faces = np.radians(azimuth - (90.0 if turn_deg == 0.0 else 180.0))
    seen = weight * np.maximum(np.cos(faces), 0.0) / np.tan(np.radians(altitude))
    name, source = "Sky view by sweeps: wall of a canyon, 577 patches", "closed form, H/W 0.25 to 3"
    figure.check(name, 0.5 * share @ seen / seen.sum(), wall, 0.005, "-", source)


@pytest.mark.parametrize(("ratio", "expected"), [(0.5, 0.8), (1.0, 0.5), (2.0, 0.2)])
def test_round_court(ratio: float, expected: float, figure: Recorder) -> None:
    south, east = np.meshgrid(np.arange(-70, 71), np.arange(-70, 71), indexing="ij")
    height = np.where(np.hypot(south, east) < 40.0, 0.0, ratio * 40.0)
    seen = flat_view(height, np.hypot(south, east) < 1.5, 6)
    figure.check("Sky view by sweeps: round court", seen, expected, 0.005, "-", "R²/(R² + H²), H/R 0.5 to 2")


@pytest.mark.parametrize(("ratio", "expected"), [(0.5, 0.947214), (1.0, 0.853553), (2.0, 0.723607)])
def test_long_wall(ratio: float, expected: float, figure: Recorder) -> None:
    south, east = np.meshgrid(np.arange(-600, 601), np.arange(-10, 61), indexing="ij")
    height = np.where(east >= 40, ratio * 39.5, 0.0)
    seen = flat_view(height, (east == 0) & (np.abs(south) < 20), 6)
    figure.check("Sky view by sweeps: before a long wall", seen, expected, 0.005, "-", "(1 + cos atan(H/d))/2")


@pytest.mark.parametrize("azimuth_deg", [180.0, 215.0])
@pytest.mark.parametrize(("tilt", "expected"), [(10.0, 0.992404), (30.0, 0.933013), (60.0, 0.75)])
def test_tilted_plane(tilt: float, expected: float, azimuth_deg: float, figure: Recorder) -> None:
    """A plane shades itself from what is behind it, and from nothing else."""
    south, east = np.meshgrid(np.arange(-60.0, 61.0), np.arange(-60.0, 61.0), indexing="ij")
    turn, slope = np.radians(azimuth_deg), np.tan(np.radians(tilt))
    downhill = np.array([-np.cos(turn), np.sin(turn)])
    height = (400.0 - slope * (south * downhill[0] + east * downhill[1])).astype(np.float32)
    label = np.where((np.abs(south) < 10) & (np.abs(east) < 10), 0, -1).astype(np.int32)
    slopes = (np.full_like(height, slope * k) for k in (-downhill[1], downhill[0]))
    azimuth, altitude, weight = patches(4)
    lit = get("solar.sunlit_cells", "numba")(
        height, height, *slopes, NONE, NONE, label, 1, 1.0, 0, 0, azimuth, altitude
    )[0][0]
    toward = np.cos(np.radians(azimuth - azimuth_deg)) / np.tan(np.radians(altitude))
    cosine = np.maximum(np.cos(np.radians(tilt)) + np.sin(np.radians(tilt)) * toward, 0.0)
    seen = float(lit @ (weight * cosine) / (label == 0).sum())
    figure.check("Sky view by sweeps: tilted plane", seen, expected, 0.005, "-", "(1 + cos β)/2, β 10° to 60°")


@pytest.mark.parametrize("azimuth_deg", [0.0, 90.0, 180.0, 270.0])
@pytest.mark.parametrize("altitude", [5.0, 20.0, 45.0, 70.0])
def test_shadow_length(altitude: float, azimuth_deg: float, figure: Recorder) -> None:
    """The mean over walls of all heights; single shadows end at cell borders."""
    size, heights = 400, np.linspace(8.0, 28.0, 40)
    length = heights / np.tan(np.radians(altitude))
    shaded = []
    for top in heights:
        height = np.zeros((size, 20), np.float32)
        height[195:205] = top
        height = np.ascontiguousarray(height.T) if azimuth_deg % 180.0 == 90.0 else height
        label = np.where(height > 0.0, -1, 0).astype(np.int32)
        lit = sunlit(Scene([], 1.0, NONE, NONE, height, NONE), label, np.array([azimuth_deg]), np.array([altitude]))
        shaded.append(((label == 0).sum() - lit[0, 0]) / 20)
    name = "Shadow of a wall by sweeps: length, single and mean"
    figure.check(name, shaded, np.minimum(length, 195.0), 0.51, "m", "H/tan(altitude), 5° to 70°, cells of 1 m")
    if length.max() < 195.0:
        figure.check(name, np.mean(shaded), np.mean(length), 0.1, "m", "H/tan(altitude), 5° to 70°, cells of 1 m")
