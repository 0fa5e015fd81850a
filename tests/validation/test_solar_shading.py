"""Shading against closed formulas: sky view factors of canyons, courts and walls, and the length of shadows."""

from __future__ import annotations

import numpy as np
import pytest

import twin.kernels.solar.horizon
import twin.kernels.solar.roof  # noqa: F401
from tests.figures import Recorder
from tests.solar_scenes import horizons, rectangle, sky_view
from twin.kernels.registry import get

LONG = 5000.0
VARIANTS = ("reference", "numba")


def canyon(ratio: float, width: float = 20.0) -> tuple[list[np.ndarray], list[float]]:
    """Return two long slabs on both sides of a street along the y axis, `ratio` times as high as it is wide."""
    walls = [rectangle(width / 2, -LONG, width / 2 + 5, LONG), rectangle(-width / 2 - 5, -LONG, -width / 2, LONG)]
    return walls, [ratio * width] * 2


@pytest.mark.parametrize("bins", [72, 360])
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    ("ratio", "centre", "mean", "wall"),
    [  # cos(atan 2r); sqrt(1 + r²) - r; (1 + 1/r - sqrt(1 + 1/r²)) / 2
        (0.25, 0.894427, 0.780776, 0.438447),
        (0.5, 0.707107, 0.618034, 0.381966),
        (1.0, 0.447214, 0.414214, 0.292893),
        (2.0, 0.242536, 0.236068, 0.190983),
        (3.0, 0.164399, 0.162278, 0.139620),
    ],
)
def test_street_canyon(
    ratio: float, centre: float, mean: float, wall: float, variant: str, bins: int, figure: Recorder
) -> None:
    polygons, tops = canyon(ratio)
    x = np.concatenate([[0.0], (np.arange(40) + 0.5) / 40 * 20.0 - 10.0])
    floor = np.stack([x, np.zeros_like(x), np.zeros_like(x)], axis=1)
    view = sky_view(horizons(floor, polygons, tops, bins, variant), 0.0, 0.0, variant)
    source = "closed form, H/W 0.25 to 3"
    figure.check("Sky view in a street canyon: middle of the floor", view[0], centre, 0.005, "-", source)
    figure.check("Sky view in a street canyon: mean of the floor", view[1:].mean(), mean, 0.005, "-", source)

    # A point of the western wall faces east (90°); only the opposite wall stands in its sky.
    z = (np.arange(40) + 0.5) / 40 * tops[0]
    points = np.stack([np.full_like(z, -10.0), np.zeros_like(z), z], axis=1)
    view = sky_view(horizons(points, polygons[:1], tops[:1], bins, variant), 90.0, 90.0, variant)
    figure.check("Sky view in a street canyon: mean of the wall", view.mean(), wall, 0.005, "-", source)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("ratio", "expected"), [(0.5, 0.8), (1.0, 0.5), (2.0, 0.2)])
def test_round_court(ratio: float, expected: float, variant: str, figure: Recorder) -> None:
    turn = np.arange(720) / 720 * 2 * np.pi
    ring = 15.0 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    view = sky_view(horizons(np.zeros((1, 3)), [ring], [ratio * 15.0], 72, variant), 0.0, 0.0, variant)
    figure.check("Sky view in a round court", view[0], expected, 0.001, "-", "R²/(R² + H²), H/R 0.5 to 2")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("ratio", "expected"), [(0.5, 0.947214), (1.0, 0.853553), (2.0, 0.723607)])
def test_infinite_wall(ratio: float, expected: float, variant: str, figure: Recorder) -> None:
    wall = [rectangle(10.0, -LONG, 12.0, LONG)]
    view = sky_view(horizons(np.zeros((1, 3)), wall, [ratio * 10.0], 72, variant), 0.0, 0.0, variant)
    figure.check("Sky view before a long wall", view[0], expected, 0.005, "-", "(1 + cos atan(H/d))/2, H/d 0.5 to 2")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("tilt", "expected"), [(10.0, 0.992404), (30.0, 0.933013), (60.0, 0.75), (90.0, 0.5)])
def test_tilted_plane(tilt: float, expected: float, variant: str, figure: Recorder) -> None:
    view = sky_view(np.zeros((1, 72)), tilt, 200.0, variant)[0]
    figure.check("Sky view of a tilted plane", view, expected, 1e-6, "-", "(1 + cos β)/2, β 10° to 90°")
    # A horizon that only follows the plane itself hides nothing more: the plane faces 0°, its back is up to the tilt.
    sector = np.radians(np.arange(360.0))
    own = np.degrees(np.arctan(np.tan(np.radians(min(tilt, 89.9))) * np.maximum(0.0, -np.cos(sector))))
    seen = sky_view(own[None, :], tilt, 0.0, variant)[0]
    assert seen == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("altitude", [5.0, 20.0, 45.0, 70.0])
def test_shadow_length(altitude: float, variant: str, figure: Recorder) -> None:
    height = 12.0
    length = height / np.tan(np.radians(altitude))
    points = np.array([[-length * 0.999, 0.0, 0.0], [-length * 1.001, 0.0, 0.0]])
    seen = horizons(points, [rectangle(0.0, -LONG, 5.0, LONG)], [height], 72, variant)
    sun = {"zenith": np.array([90.0 - altitude]), "azimuth": np.array([90.0])}
    beam, none = np.array([800.0]), np.zeros(1)
    poa, _, annual, unshaded = get("solar.roof_irradiance", variant)(
        seen.astype(np.float32),
        np.arange(3),
        np.ones(2),
        np.zeros(2),
        np.zeros(2),
        *sun.values(),
        beam,
        beam,
        none,
        none,
        none,
    )
    name, source = "Shadow of a wall: lit share at 99.9 % and 100.1 % of its length", "H/tan(altitude), 5° to 70°"
    figure.check(name, (poa[:, 0] > 0.0).astype(float), [0.0, 1.0], 0.0, "-", source)
    assert poa[0, 0] == 0.0
    assert poa[1, 0] == pytest.approx(800.0 * np.sin(np.radians(altitude)))
    assert annual[0] == 0.0
    assert unshaded[0] == unshaded[1]
