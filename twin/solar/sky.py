"""The sky in 577 patches, and what planes see of it.

Reinhart's subdivision MF 2 of Tregenza's sky: 14 bands of altitude of 180/29 degrees each with 60, 60, 60, 60, 48, 48,
48, 48, 36, 36, 24, 24, 12, 12 patches, and a cap around the zenith. Each patch is looked at in one direction, and the
directions of a band lie at different altitudes in it: a level horizon, as in a court, cuts through a band, not between
two. They repeat every 90°.

Sources: P. R. Tregenza, Subdivision of the sky hemisphere for luminance measurements, Lighting Res. Technol. 19 (1987)
13-14, doi:10.1177/096032718701900103; C. F. Reinhart, O. Walkenhorst, Validation of dynamic RADIANCE-based daylight
simulations for a test office with external blinds, Energy Build. 33 (2001) 683-697, doi:10.1016/S0378-7788(01)00058-5;
patch order and band heights as `reinhartb.cal` of Radiance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

PATCHES_IN_BAND = (60, 60, 60, 60, 48, 48, 48, 48, 36, 36, 24, 24, 12, 12)
BAND_DEG = 90.0 / (len(PATCHES_IN_BAND) + 0.5)
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0
LOWEST = PATCHES_IN_BAND[0]
"""Patches of the lowest band come first."""


@dataclass(frozen=True)
class Sky:
    """Patches of the sky: a direction in each (degrees, azimuth clockwise from north) and its solid angle (sr)."""

    azimuth_deg: Float
    altitude_deg: Float
    solid_angle: Float

    def cosines(self, tilt_deg: Float, azimuth_deg: Float) -> Float:
        """Return the cosine of incidence of each patch on planes, 0 where behind them; float64 [planes, patches]."""
        return cosines(tilt_deg, azimuth_deg, self.azimuth_deg, self.altitude_deg)

    def shares(self, visible: NDArray[np.float32], tilt_deg: Float, azimuth_deg: Float) -> tuple[Float, Float]:
        """Return the share of their own sky, and of its lowest band, that planes see.

        Parameters
        ----------
        visible : float32 [planes, patches]
            Share of the plane that sees the patch.
        tilt_deg, azimuth_deg : float64 [planes]
        """
        out = np.ones((2, len(tilt_deg)))
        for low in range(0, len(tilt_deg), 1024):
            some = slice(low, low + 1024)
            weight = self.cosines(tilt_deg[some], azimuth_deg[some]) * self.solid_angle
            seen = weight * visible[some]
            for share, count in zip(out, (len(self.solid_angle), LOWEST), strict=True):
                whole = np.ascontiguousarray(weight[:, :count]).sum(axis=1)
                part = np.ascontiguousarray(seen[:, :count]).sum(axis=1)
                np.divide(part, whole, out=share[some], where=whole > 0.0)
        return out[0], out[1]


def cosines(tilt_deg: Float, azimuth_deg: Float, sun_azimuth_deg: Float, sun_altitude_deg: Float) -> Float:
    """Return the cosine of incidence of suns on planes, 0 where behind them; float64 [planes, suns]."""
    tilt, rise = np.radians(tilt_deg)[:, None], np.radians(sun_altitude_deg)
    turn = np.radians(sun_azimuth_deg - np.asarray(azimuth_deg)[:, None])
    return np.asarray(np.maximum(np.cos(tilt) * np.sin(rise) + np.sin(tilt) * np.cos(rise) * np.cos(turn), 0.0))


@cache
def reinhart_sky() -> Sky:
    """Return the 577 patches of Reinhart's sky MF 2."""
    azimuth, altitude, angle = [], [], []
    for band, count in enumerate(PATCHES_IN_BAND):
        low, high = np.sin(np.radians(BAND_DEG * np.array([band, band + 1])))
        quarter = count // 4
        step = max(range(1, quarter), key=lambda k: (math.gcd(k, quarter) == 1, -abs(k - _GOLDEN * quarter)))
        level = (np.arange(count) * step % quarter + 0.5) / quarter
        azimuth.append((np.arange(count) + band * _GOLDEN % 1.0) * (360.0 / count) % 360.0)
        altitude.append(np.degrees(np.arcsin(low + (high - low) * level)))
        angle.append(np.full(count, 2.0 * np.pi * (high - low) / count))
    cap = 2.0 * np.pi * (1.0 - np.sin(np.radians(90.0 - BAND_DEG / 2)))
    return Sky(np.concatenate([*azimuth, [0.0]]), np.concatenate([*altitude, [90.0]]), np.concatenate([*angle, [cap]]))
