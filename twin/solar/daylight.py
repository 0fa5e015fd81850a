"""The vertical sky component at windows: what a permit asks of new height beside them.

It is the light of the CIE standard overcast sky on the outside of a vertical wall, over that on open level ground under
the whole sky; no sun, no reflected light. In the open it is 39.6 %, and opposite an endless row of buildings that rises
to the angle θ it is ``(π/2 (1 - sin θ) + 4/3 cos² θ) · 3 / (7 π)``: 27 % at 25°.

Sources: P. Moon, D. E. Spencer, Illumination from a non-uniform sky, Illum. Eng. 37 (1942) 707-726 (luminance
``(1 + 2 sin altitude) / 3`` of the zenith's, the CIE overcast sky of ISO 15469); P. Littlefair, S. King, G. Howlett,
C. Ticleanu, A. Longfield, Site layout planning for daylight and sunlight, BRE 209 (2022), as recalled: windows are
looked at in their middle, and trees are left out.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from twin.solar.scene import Walls
from twin.solar.sky import Sky, cosines
from twin.solar.tiles import View, batches

Float = NDArray[np.float64]
Int = NDArray[np.int64]

SIDES = 8

OPEN_VSC = (math.pi / 2.0 + 4.0 / 3.0) * 3.0 / (7.0 * math.pi)
"""Vertical sky component of a wall that nothing stands before: 0.396."""
HALF_WINDOW_M = 0.5
"""Windows are taken as 1 m high (assumption): a storey counts where the free wall has that much around its middle."""


def window_points(walls: Walls, storey_m: Float) -> Walls:
    """Return the windows of walls: one in each strip and storey, in the middle of the storey's height.

    Storeys are counted from the lowest foot of the building's free walls; the gable under a roof may hold one more.
    No window is where less than its height is free.

    Parameters
    ----------
    walls : Walls
        Strips sorted by building.
    storey_m : float64 [n]
        Height of the storeys of each building of the city.

    Returns
    -------
    Walls
        Sorted by building; `foot_m` and `top_m` are the window's lower and upper edge.
    """
    building, which = np.unique(walls.building, return_inverse=True)
    ground = np.full(len(building), np.inf)
    np.minimum.at(ground, which, walls.foot_m)
    base, step = ground[which], storey_m[walls.building]
    first = np.ceil((walls.foot_m + HALF_WINDOW_M - base) / step - 0.5).astype(np.int64)
    last = np.floor((walls.top_m - HALF_WINDOW_M - base) / step - 0.5).astype(np.int64)
    count = np.maximum(last - first + 1, 0)
    strip = np.repeat(np.arange(len(walls)), count)
    storey = first[strip] + np.arange(len(strip)) - np.repeat(np.cumsum(count) - count, count)
    middle = base[strip] + (storey + 0.5) * step[strip]
    return replace(walls.take(strip), foot_m=middle - HALF_WINDOW_M, top_m=middle + HALF_WINDOW_M)


def vertical_sky_components(view: View, windows: Walls, sky: Sky) -> Float:
    """Return the vertical sky component of windows of a tile's buildings, float64 [windows], as a share (0 to 0.396).

    Parameters
    ----------
    view : View
    windows : Walls
        From `window_points`.
    sky : Sky
        Patches that are looked at, one direction each.
    """
    total, whole = np.zeros(len(windows)), np.zeros(len(windows))
    facing, which = np.unique(windows.azimuth_deg, return_inverse=True)
    upright = np.full(len(facing), 90.0)
    luminance = (1.0 + 2.0 * np.sin(np.radians(sky.altitude_deg))) * sky.solid_angle
    for some in batches(sky.azimuth_deg, sky.altitude_deg, len(windows)):
        azimuth, altitude = sky.azimuth_deg[some], sky.altitude_deg[some]
        weight = cosines(upright, facing, azimuth, altitude) * luminance[some]
        light = view.on_walls(windows, azimuth, altitude, np.ones(len(some)))
        for column in range(len(some)):  # one by one: the sums do not depend on how many fit at once
            of_window = weight[which, column]
            whole += of_window
            total += of_window * light[:, column]
    return OPEN_VSC * np.divide(total, whole, out=np.zeros_like(total), where=whole > 0.0)


def by_side(building: Int, side: Int, values: Float, buildings: int) -> NDArray[np.float32]:
    """Return the least of the windows of each side of buildings, and the mean of all, float32 [buildings, 9].

    Parameters
    ----------
    building : int64 [windows]
        Ascending.
    side : int64 [windows]
        0 north, 1 north-east, …
    values : float64 [windows]
    buildings : int
        Number of buildings; 0 stands where there is no window.
    """
    out = np.zeros((buildings, SIDES + 1), np.float32)
    own, start, count = np.unique(building, return_index=True, return_counts=True)
    if len(own):
        least = np.full((buildings, SIDES), np.inf)
        np.minimum.at(least, (building, side), values)
        out[:, :SIDES] = np.where(np.isfinite(least), least, 0.0)
        out[own, SIDES] = np.add.reduceat(values, start) / count
    return out


def lowest(by_side: NDArray[np.float32]) -> Float:
    """Return the least of all windows of buildings, from the sides of `by_side`, float64 [buildings]; 0 without any."""
    sides = by_side[:, :SIDES].astype(np.float64)
    least = np.where(sides > 0.0, sides, np.inf).min(axis=1)
    return np.asarray(np.where(np.isfinite(least), least, 0.0))
