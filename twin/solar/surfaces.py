"""Surfaces that the year's light falls on, and the hours of light and of electricity that they get.

What `twin.solar.model` sums over the year and `twin.solar.hourly` writes hour by hour comes from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import twin.kernels.solar.plane
import twin.kernels.solar.pv_system  # noqa: F401 registers the families
from twin.city.model import Weather
from twin.kernels.registry import get
from twin.kernels.solar.pv_diode import cec_module
from twin.kernels.solar.pv_incidence import physical, polynomial
from twin.kernels.solar.pv_temperature import faiman_heating
from twin.kernels.solar.rack import row_shade, row_views
from twin.solar.irradiance import Irradiance, irradiance_of, reflected_light
from twin.solar.parameters import SolarParameters
from twin.solar.reflection import Reflected, views
from twin.solar.roofs import Roofs
from twin.solar.suitability import FLAT_TILT_DEG

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Int = NDArray[np.int64]
UInt8 = NDArray[np.uint8]

CHUNK = 256
"""Surfaces whose hourly irradiance is in memory at once: 256 × 4,700 h × 4 arrays of 4 bytes = 19 MB."""
SINGLE_DIODE_FROM = 0.5
"""`SolarParameters.single_diode` from which the five-parameter model is taken: a drawn number is a choice."""


class LitSurfaces(NamedTuple):
    """Planes that light falls on, in the order of the arguments of ``solar.plane_irradiance``."""

    tilt_deg: Float
    azimuth_deg: Float
    lit: UInt8
    sky_share: Float32
    band_share: Float32
    ground_view: Float32
    wall_view: Float32

    @classmethod
    def of(cls, tilt: Float, azimuth: Float, lit: UInt8, sky_share: Float32, band_share: Float32) -> LitSurfaces:
        """Return surfaces that see ground and walls where they do not see the sky."""
        ground, wall = (a.astype(np.float32) for a in views(tilt, sky_share))
        return cls(tilt, azimuth, lit, sky_share, band_share, ground, wall)

    def in_rows(self, racks: NDArray[np.bool_], light: Irradiance, coverage: float) -> LitSurfaces:
        """Return the same with some surfaces in rows on racks, which take sun, sky and ground from each other."""
        if not racks.any():
            return self
        tilt, azimuth = float(self.tilt_deg[racks][0]), float(self.azimuth_deg[racks][0])
        left = 1.0 - row_shade(light.zenith_deg, light.azimuth_deg, tilt, azimuth, coverage)
        sky, ground, _ = row_views(tilt, coverage)
        lit, seen = self.lit.copy(), np.where(racks, sky / (0.5 * (1.0 + np.cos(np.radians(tilt)))), 1.0)
        lit[racks] = np.rint(lit[racks] * left).astype(np.uint8)
        below = np.where(racks, ground * self.sky_share, self.ground_view)
        return self._replace(
            lit=lit,
            sky_share=(self.sky_share * seen).astype(np.float32),
            band_share=(self.band_share * seen).astype(np.float32),
            ground_view=below.astype(np.float32),
        )


@dataclass(frozen=True)
class Surroundings:
    """What all surfaces of a city share: the year's light, what ground and walls reflect of it, and the parameters."""

    light: Irradiance
    reflected: Reflected
    parameters: SolarParameters
    latitude: float
    variant: str

    @classmethod
    def of(cls, weather: Weather, parameters: SolarParameters, roofs: Roofs, variant: str = "numba") -> Surroundings:
        """Return the light of a weather year in a city."""
        light = irradiance_of(weather, parameters, variant)
        return cls(light, reflected_light(light, roofs, parameters), parameters, weather.latitude, variant)

    @property
    def series(self) -> tuple[Float, ...]:
        """The series of ``solar.plane_irradiance`` in the streets of the city."""
        return self.light.series(self.reflected.ground, self.reflected.wall)


def roof_surfaces(roofs: Roofs, planes: Int, tilt: Float, azimuth: Float, light: Irradiance) -> LitSurfaces:
    """Return surfaces of a tilt and azimuth on some roof planes; they see what the plane sees."""
    lit = roofs.lit_at(planes, light.hours)
    return LitSurfaces.of(tilt, azimuth, lit, roofs.sky_share[planes], roofs.band_share[planes])


def module_surfaces(roofs: Roofs, planes: Int, around: Surroundings) -> LitSurfaces:
    """Return the modules on some roof planes: flush with pitched ones, in rows on racks on flat ones."""
    parameters = around.parameters
    flat = roofs.tilt_deg[planes] <= FLAT_TILT_DEG
    tilt = np.where(flat, parameters.rack_tilt_deg, roofs.tilt_deg[planes])
    azimuth = np.where(flat, 180.0 if around.latitude >= 0.0 else 0.0, roofs.azimuth_deg[planes])
    surfaces = roof_surfaces(roofs, planes, tilt, azimuth, around.light)
    return surfaces.in_rows(flat, around.light, parameters.flat_coverage)


def plane_irradiance(surfaces: LitSurfaces, around: Surroundings) -> tuple[Float32, Float32]:
    """Return irradiance on surfaces and behind the glass of modules there, float32 [surfaces, t] in W/m2."""
    kernel = get("solar.plane_irradiance", around.variant)
    poa, transmitted = kernel(*surfaces, *around.series, polynomial(physical))
    return poa, transmitted


def module_numbers(parameters: SolarParameters) -> Float:
    """Return the module as ``solar.pv_system`` takes it: one number for PVWatts, seven for the five-parameter model."""
    if parameters.single_diode < SINGLE_DIODE_FROM:
        return np.array([parameters.temperature_coefficient])
    library = {
        "alpha_sc": parameters.diode_alpha_a_k,
        "Adjust": parameters.diode_adjust_percent,
        "a_ref": parameters.diode_ideality_v,
        "I_L_ref": parameters.diode_photocurrent_a,
        "I_o_ref": parameters.diode_saturation_a,
        "R_sh_ref": parameters.diode_shunt_ohm,
        "R_s": parameters.diode_series_ohm,
    }
    return cec_module(library)


def pv_output(surfaces: LitSurfaces, around: Surroundings) -> tuple[Float32, Float]:
    """Return hourly AC output (kW/kWp) of modules on surfaces, float32 [surfaces, t], and its sum."""
    parameters, light = around.parameters, around.light
    poa, transmitted = plane_irradiance(surfaces, around)
    heating = faiman_heating(light.wind_m_s, parameters.heat_loss_w_m2_k, parameters.wind_heat_loss_w_s_m3_k)
    warmth = (poa, transmitted, light.temperature_c, heating)
    if parameters.module_inoct_c > 0.0:
        cell = get("solar.fuentes", around.variant)(
            poa, light.temperature_c, light.wind_m_s, light.hours, surfaces.tilt_deg, parameters.module_inoct_c
        )
        warmth = (cell, transmitted, np.zeros_like(heating), np.ones_like(heating))
    ac, annual = get("solar.pv_system", around.variant)(
        *warmth,
        module_numbers(parameters),
        parameters.system_losses,
        parameters.dc_ac_ratio,
        parameters.inverter_efficiency,
    )
    return ac * np.float32(parameters.yield_factor), annual * parameters.yield_factor
