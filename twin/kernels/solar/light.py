"""The light of a weather year: sun and Perez coefficients for every hour, or for equal parts of the hours.

A weather file gives what arrives within an hour; the sun of an hour is that of `sun_of_year`, in the middle of the part
in which it is up. With two or more steps an hour the light is spread over those in which the sun is up. `Light.hourly`
puts them together again: one effective sun an hour, whose direct light on any plane that it reaches from the front is
the mean of the steps'.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.kernels.registry import get
from twin.kernels.solar.position import extraterrestrial_of_year, sun_of_year

Float = NDArray[np.float64]
HOURS = 8760


class Light(NamedTuple):
    """Series of one value per step of the year, in the order that the plane kernels take.

    zenith_deg, azimuth_deg of the sun; `beam` normal to it; the coefficients `direct` (with the beam), `isotropic`,
    `band` and `ground` of ``solar.sky``; all float64 [8760 · steps], in W/m².
    """

    zenith_deg: Float
    azimuth_deg: Float
    beam: Float
    direct: Float
    isotropic: Float
    band: Float
    ground: Float

    def hourly(self) -> Light:
        """Return one value per hour: means, the sun in the mean direction of the direct light."""
        if len(self.zenith_deg) == HOURS:
            return self
        sun = _vectors(self.zenith_deg, self.azimuth_deg)
        up = (self.zenith_deg < 90.0)[:, None]
        # Without direct light the mean direction of the sun while it is up.
        direct = _mean(sun * self.direct[:, None])
        middle = np.where(np.any(direct != 0.0, axis=1)[:, None], direct, _mean(sun * up))
        dark = ~np.any(middle != 0.0, axis=1)
        middle[dark] = _mean(sun)[dark]
        middle = middle / np.linalg.norm(middle, axis=1)[:, None]
        zenith = np.degrees(np.arccos(np.clip(middle[:, 2], -1.0, 1.0)))
        azimuth = np.degrees(np.arctan2(middle[:, 0], middle[:, 1])) % 360.0
        beam = np.sum(_mean(sun * self.beam[:, None]) * middle, axis=1)
        # Direct light along its own mean direction: never less than the beam in it.
        along = np.maximum(np.sum(direct * middle, axis=1), beam)
        return Light(zenith, azimuth, beam, along, *(_mean(s) for s in (self.isotropic, self.band, self.ground)))


def light_of_year(
    site: tuple[float, float, float, float],
    dni_w_m2: Float,
    dhi_w_m2: Float,
    ghi_w_m2: Float,
    albedo: float,
    *,
    temperature_c: float = 10.0,
    steps: int = 1,
    variant: str = "numba",
) -> Light:
    """Return sun and sky of a weather year.

    Parameters
    ----------
    site : tuple
        Latitude, longitude (degrees), local standard time minus universal time (h), elevation (m).
    dni_w_m2, dhi_w_m2, ghi_w_m2 : float64 [8760]
        Means of the hours from January 1, 00:00 local standard time.
    albedo : float
        Of the ground.
    temperature_c : float
        Mean of the year, for the refraction.
    steps : int
        Equal parts of each hour.
    """
    zenith, azimuth = sun_of_year(*site, temperature_c, steps=steps, variant=variant)
    up = (zenith < 90.0).reshape(HOURS, steps)
    count = up.sum(axis=1, keepdims=True)
    share = np.divide(steps * up, count, out=np.zeros(up.shape), where=count > 0)
    beam = (dni_w_m2[:, None] * share).ravel()
    # Diffuse light that a file reports for an hour without sun counts all the same.
    dhi = (dhi_w_m2[:, None] * np.where(count > 0, share, 1.0)).ravel()
    ghi, extra = np.repeat(ghi_w_m2, steps), np.repeat(extraterrestrial_of_year(), steps)
    return Light(zenith, azimuth, beam, *get("solar.sky", variant)(beam, dhi, ghi, zenith, extra, float(albedo)))


def _vectors(zenith_deg: Float, azimuth_deg: Float) -> Float:
    """Return unit vectors (east, north, up), float64 [n, 3]."""
    z, a = np.radians(zenith_deg), np.radians(azimuth_deg)
    return np.stack((np.sin(z) * np.sin(a), np.sin(z) * np.cos(a), np.cos(z)), axis=1)


def _mean(series: Float) -> Float:
    """Return the means over the steps of each hour; the steps are along the first axis."""
    return np.asarray(series.reshape(HOURS, -1, *series.shape[1:]).mean(axis=1))
