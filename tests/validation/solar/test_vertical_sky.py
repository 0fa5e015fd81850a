"""The vertical sky component of windows against closed forms for the CIE overcast sky."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.figures import Recorder
from tests.solar_scenes import Box, box_city, with_trees
from twin.city.model import City
from twin.solar.daylight import OPEN_VSC, SIDES, lowest
from twin.solar.roofs import prepare_roofs
from twin.solar.sky import reinhart_sky

LONG = 3000.0
SOURCE = "closed form, CIE overcast sky"


def opposite_a_row(angle: float) -> float:
    """Return the component opposite an endless row of buildings that rises to an angle (rad)."""
    return (math.pi / 2 * (1 - math.sin(angle)) + 4 / 3 * math.cos(angle) ** 2) * 3 / (7 * math.pi)


def street(height: float, width: float, turn: bool) -> list[Box]:
    """Return two long rows; the windows of the first look at the second along their whole length, and away from it."""
    boxes = [(0.0, 0.0, LONG, 12.0, height), (0.0, 12.0 + width, LONG, 12.0, height)]
    return [(y, x, d, w, h) for x, y, w, d, h in boxes] if turn else boxes


def test_closed_forms_are_those_of_the_guidance(figure: Recorder) -> None:
    # Integral of the sky over the half that a wall sees, and over all of it on the ground.
    sky = reinhart_sky()
    up = np.sin(np.radians(sky.altitude_deg))
    light = (1.0 + 2.0 * up) * sky.solid_angle
    wall = sky.cosines(np.array([90.0]), np.array([180.0]))[0]
    figure.check("VSC: wall in the open, 577 patches", (light * wall).sum() / (light * up).sum(), OPEN_VSC, 0.001, "-",
                 SOURCE)  # fmt: skip
    bre = "BRE 209: 'almost 40 %' in the open, 27 % at 25°, as recalled"
    figure.check("VSC: closed form in the open", OPEN_VSC, 0.396, 0.0005, "-", bre)
    figure.check("VSC: closed form at 25°", opposite_a_row(math.radians(25.0)), 0.27, 0.005, "-", bre)


@pytest.mark.parametrize("turn", [False, True], ids=["east-west", "north-south"])
@pytest.mark.parametrize(("height", "width"), [(9.0, 18.0), (12.0, 12.0), (18.0, 12.0), (21.0, 45.0)])
def test_windows_opposite_a_long_row(
    small_city: City, figure: Recorder, turn: bool, height: float, width: float
) -> None:
    city = box_city(small_city, street(height, width, turn))
    roofs = prepare_roofs(city)
    darkest = opposite_a_row(math.atan2(height - 1.5, width))
    figure.check(
        "VSC: lowest window opposite a long row", roofs.facade_vsc[0, 2 if turn else 0], darkest, 0.005, "-", SOURCE
    )
    middles = np.arange(1.5, height, 3.0)
    front = np.mean([opposite_a_row(math.atan2(height - z, width)) for z in middles])
    # The other long wall and the two short ones look at nothing; short walls are 24 m of 6024 m.
    mean = (LONG * (front + OPEN_VSC) + 24.0 * OPEN_VSC) / (2 * LONG + 24.0)
    figure.check("VSC: mean of the windows of a long row", roofs.facade_vsc[0, SIDES], mean, 0.002, "-", SOURCE)


def test_a_lone_building_has_all_of_it(small_city: City, figure: Recorder) -> None:
    city = box_city(small_city, [(0.0, 0.0, 30.0, 12.0, 12.0)])
    vsc = prepare_roofs(city).facade_vsc
    assert not vsc[0, 1:SIDES:2].any()
    figure.check("VSC: windows of a lone building", vsc[0, [0, 2, 4, 6, SIDES]], OPEN_VSC, 0.001, "-", SOURCE)


def test_floor_of_a_court(small_city: City, figure: Recorder) -> None:
    """A wall opposite a row of the same height that is as long as it is far: by integration over a fine sky."""
    height, width, long = 15.0, 10.0, 20.0
    boxes = [(0.0, 0.0, long, 10.0, height), (0.0, 10.0 + width, long, 10.0, height)]
    known = min(_integral(x, 1.5, width, long, height) for x in np.arange(1.25, long, 2.5))
    vsc = prepare_roofs(box_city(small_city, boxes)).facade_vsc[0, 0]  # its north side
    figure.check("VSC: lowest window opposite a short row", vsc, known, 0.005, "-", "integration of the sky by 0.25°")


def _integral(x: float, z: float, width: float, long: float, height: float) -> float:
    """Return the component of a point of a wall facing north, a row of some length before it."""
    step = 0.25
    azimuth, up = np.meshgrid(
        np.radians(np.arange(-90 + step / 2, 90, step)), np.radians(np.arange(step / 2, 90, step))
    )
    along, rise = x + width * np.tan(azimuth), z + width / np.cos(azimuth) * np.tan(up)
    free = ~((along > 0.0) & (along < long) & (rise < height))
    light = (1 + 2 * np.sin(up)) * np.cos(up)
    wall = (light * np.cos(up) * np.cos(azimuth) * free).sum()
    return float(wall / (2 * light * np.sin(up)).sum())


def test_trees_do_not_count_and_height_does(small_city: City) -> None:
    boxes = [(0.0, 0.0, 30.0, 12.0, 12.0), (0.0, 30.0, 30.0, 12.0, 6.0)]
    plain = box_city(small_city, boxes)
    before = prepare_roofs(plain).facade_vsc
    trees = with_trees(plain, [(5.0 * k, 20.0, 14.0, 2.0, 8.0) for k in range(7)])
    assert np.array_equal(prepare_roofs(trees).facade_vsc, before)
    after = prepare_roofs(box_city(small_city, [boxes[0], (*boxes[1][:4], 24.0)])).facade_vsc
    assert after[0, 0] < before[0, 0]
    assert after[0, SIDES] < before[0, SIDES]
    assert after[0, 4] == before[0, 4]  # the other side


def test_party_walls_have_no_windows(small_city: City) -> None:
    boxes = [(0.0, 0.0, 10.0, 10.0, 9.0), (10.0, 0.0, 10.0, 10.0, 9.0), (-10.0, -10.0, 40.0, 10.0, 30.0)]
    vsc = prepare_roofs(box_city(small_city, boxes)).facade_vsc
    assert np.all(lowest(vsc) > 0.0)
    assert vsc.max() <= OPEN_VSC + 1e-6
    assert vsc[0, 2] == vsc[1, 6] == 0.0  # between the two
    inside = [*boxes, (-10.0, 10.0, 40.0, 10.0, 30.0), (-10.0, 0.0, 10.0, 10.0, 30.0), (20.0, 0.0, 10.0, 10.0, 30.0)]
    hidden = prepare_roofs(box_city(small_city, inside)).facade_vsc
    assert not hidden[0].any() and lowest(hidden)[0] == 0.0  # walled in on all sides: no wall, no window
