"""Sun on façades by building and orientation: gains of the heat balance, and what PV on walls would get."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import twin.kernels.solar.plane  # noqa: F401 registers the families
from twin.city.climate import MONTH_OF_HOUR
from twin.city.model import HOURS, City, Weather
from twin.kernels.registry import get
from twin.kernels.solar.window import diffuse_transmittance, transmittance
from twin.solar.irradiance import Irradiance, irradiance_of, reflected_light
from twin.solar.parameters import SolarParameters
from twin.solar.reflection import Reflected
from twin.solar.roofs import FACADE_AZIMUTHS, Roofs

Float = NDArray[np.float64]
Int = NDArray[np.int64]
UInt8 = NDArray[np.uint8]

NO_GLASS = np.empty(0, np.float32)
IN_THE_OPEN = np.empty((0, 0), np.uint8)


@dataclass(frozen=True)
class FacadeGains:
    """Irradiance on unshaded walls and roofs, and how much of it reaches those of each building.

    `azimuth_deg` [8]; `irradiance_w_m2` [8, 8760]; `transmitted_w_m2` [8, 8760], behind two clear panes
    (`twin.kernels.solar.window`); `horizontal_w_m2` [8760]; `shading` [buildings, 8], share of the year's irradiation,
    1 where nothing stands around; light from walls opposite may bring it above; `roof_shading` [buildings], share of
    the sky that the roof sees, weighted by area.
    """

    azimuth_deg: Float
    irradiance_w_m2: Float
    transmitted_w_m2: Float
    horizontal_w_m2: Float
    shading: Float
    roof_shading: Float


def facade_gains(
    city: City, weather: Weather, parameters: SolarParameters, roofs: Roofs, *, variant: str = "numba"
) -> FacadeGains:
    """Return the irradiance on unshaded walls of eight orientations and each building's annual shading factors.

    The shading factor is the year's irradiation on the walls among their neighbours over that of the same walls in
    the open, reflected light counted in both.

    Raises
    ------
    DataError
        The roofs were prepared for other buildings.
    """
    roofs.planes(city)
    light = irradiance_of(weather, parameters, variant)
    half, none = np.full(8, 0.5, np.float32), np.zeros(8, np.float32)
    one, wall = np.ones(8, np.float32), np.full(8, 90.0)
    poa, _ = get("solar.plane_irradiance", variant)(
        wall, FACADE_AZIMUTHS, IN_THE_OPEN, one, one, half, none, *light.in_the_open, NO_GLASS
    )
    irradiance, transmitted = np.zeros((8, HOURS)), np.zeros((8, HOURS))
    irradiance[:, light.hours] = poa
    transmitted[:, light.hours] = _behind_glass(light, poa)
    annual = facade_irradiation(light, reflected_light(light, roofs, parameters), roofs)
    open_wall = irradiance.sum(axis=1)
    shading = np.divide(annual, open_wall, out=np.ones_like(annual), where=open_wall > 0.0)
    horizontal = np.array(weather.ghi_w_m2, np.float64)
    return FacadeGains(FACADE_AZIMUTHS.copy(), irradiance, transmitted, horizontal, shading, _roof_shading(roofs))


def _behind_glass(light: Irradiance, poa: NDArray[np.float32]) -> Float:
    """Return what passes two clear panes in walls in the open, float64 [8, t]; diffuse light comes from all round."""
    turn = np.radians(light.azimuth_deg - FACADE_AZIMUTHS[:, None])
    cosine = np.maximum(np.sin(np.radians(light.zenith_deg)) * np.cos(turn), 0.0) * (light.zenith_deg < 90.0)
    sun = light.direct * cosine
    passed = sun * transmittance(cosine.ravel()).reshape(cosine.shape)
    return np.asarray(passed + diffuse_transmittance() * np.maximum(poa - sun, 0.0))


def _roof_shading(roofs: Roofs) -> Float:
    """Return the share of the sky that each building's roof sees, float64 [buildings]; 1 without roof planes."""
    area = np.bincount(roofs.plane_building, roofs.area_m2, minlength=roofs.buildings)
    seen = np.bincount(roofs.plane_building, roofs.area_m2 * roofs.sky_share, minlength=roofs.buildings)
    return np.divide(seen, area, out=np.ones(roofs.buildings), where=area > 0.0)


def facade_irradiation(light: Irradiance, reflected: Reflected, roofs: Roofs) -> Float:
    """Return the year's irradiation of each building's walls by orientation, float64 [buildings, 8] in Wh/m2.

    The sun is summed by month and hour of the day, as `Roofs.facade_lit` tells the sunlit share.
    """
    sky = np.maximum(0.5 * light.isotropic + light.band, 0.0).sum()
    zenith, bins = np.radians(light.zenith_deg), MONTH_OF_HOUR[light.hours] * 24 + light.hours % 24
    annual = roofs.facade_sky * sky + reflected.on_facades(roofs.facade_sky)
    for k, azimuth in enumerate(FACADE_AZIMUTHS):
        ahead = np.maximum(np.sin(zenith) * np.cos(np.radians(light.azimuth_deg - azimuth)), 0.0)
        sun = np.bincount(bins, light.direct * ahead * (light.zenith_deg < 90.0), minlength=288)
        annual[:, k] += roofs.facade_lit[:, k].reshape(-1, 288) @ (sun / 255.0)
    return np.asarray(annual, np.float64)


def facade_lit_at(
    roofs: Roofs, building: NDArray[np.int64], orientation: NDArray[np.int64], light: Irradiance
) -> UInt8:
    """Return the sunlit share of walls in the hours of `light`, uint8 [walls, t], as the mean day of each month."""
    out: UInt8 = roofs.facade_lit[building, orientation][:, MONTH_OF_HOUR[light.hours], light.hours % 24]
    return np.ascontiguousarray(out)
