"""Rows of modules on a flat roof: what the rows take from each other.

Rows are infinitely long, parallel, of one tilt and one distance; the ground coverage ratio (GCR) is the slant length of
a row over the distance from row to row. All but the first row see the row before them. Closed forms across the rows:

- the beam: K. S. Anderson and A. R. Jensen, "Shaded fraction and backtracking in single-axis trackers on rolling
  terrain", Journal of Renewable and Sustainable Energy 16 (2024) 023504, doi:10.1063/5.0202220, equation 32 on level
  ground;
- the views: crossed strings, H. C. Hottel, see for rows J. Appelbaum, "Current mismatch in PV panels resulting from
  different locations of cells in the panel", Solar Energy 126 (2016) 264-275, doi:10.1016/j.solener.2016.01.013.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


class RowViews(NamedTuple):
    """View factors of the front of a row, mean over its height; the three add up to 1."""

    sky: float
    ground: float
    row: float


def row_views(tilt_deg: float, ground_coverage: float) -> RowViews:
    """Return what the front of a row sees: sky above the row before it, roof between the rows, back of that row.

    Parameters
    ----------
    tilt_deg : float
        0 to 90.
    ground_coverage : float
        Above 0, at most 1; rows that do not overlap from above need ``ground_coverage cos(tilt) <= 1``.
    """
    tilt = math.radians(tilt_deg)
    width, height, pitch = math.cos(tilt), math.sin(tilt), 1.0 / ground_coverage
    # Per slant length. The row starts at the origin and rises away from the row before it, whose foot is at -pitch.
    top_to_top, foot_to_top = pitch, math.hypot(pitch - width, height)
    foot_to_foot, top_to_foot = pitch, math.hypot(pitch + width, height)
    sky = 0.5 * (1.0 + top_to_top - foot_to_top)
    ground = 0.5 * (1.0 + foot_to_foot - top_to_foot)
    return RowViews(sky, ground, 1.0 - sky - ground)


def row_shade(
    zenith_deg: Float, azimuth_deg: Float, tilt_deg: float, row_azimuth_deg: float, ground_coverage: float
) -> Float:
    """Return the share of a row that the row before it keeps from the beam, float64 like `zenith_deg`.

    Parameters
    ----------
    zenith_deg, azimuth_deg : float64 [...]
        Sun; below the horizon the rows count as shaded entirely.
    tilt_deg, row_azimuth_deg : float
        Tilt, and the direction that the modules face.
    ground_coverage : float
    """
    zenith, turn = np.radians(zenith_deg), np.radians(np.asarray(azimuth_deg) - row_azimuth_deg)
    tilt = math.radians(tilt_deg)
    # In the plane across the rows; with the sun behind the rows their backs are lit.
    ahead, up = np.sin(zenith) * np.cos(turn), np.cos(zenith)
    facing = up * math.cos(tilt) + ahead * math.sin(tilt)
    front = (up > 0.0) & (facing > 0.0)
    # A ray through the top of the row before meets the row at this share of its slant length above the foot.
    lit = np.divide(up / ground_coverage, facing, out=np.full(np.shape(up), np.inf), where=front)
    return np.where(up > 0.0, np.clip(1.0 - lit, 0.0, 1.0), 1.0)


def rack_rows(depth_m: float, slant_m: float, tilt_deg: float, ground_coverage: float) -> int:
    """Return how many rows of a slant length stand on a roof of a depth: the first and the last use no gap."""
    run = slant_m * math.cos(math.radians(tilt_deg))
    if depth_m < run:
        return 0
    return 1 + math.floor((depth_m - run) * ground_coverage / slant_m + 1e-9)


def coverage_without_shade(tilt_deg: float, profile_deg: float) -> float:
    """Return the greatest ground coverage ratio at which no row shades the next when the sun stands at a profile angle.

    The profile angle is the sun's altitude projected on the plane across the rows; layouts often take that of noon at
    the winter solstice.
    """
    tilt, profile = math.radians(tilt_deg), math.radians(profile_deg)
    return math.sin(profile) / math.sin(profile + tilt)
