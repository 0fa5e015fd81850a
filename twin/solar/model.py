"""Shaded irradiation, suitability and PV yield of every roof, and solar gains on façades."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import twin.kernels.solar.pv
import twin.kernels.solar.roof
import twin.kernels.solar.transposition  # noqa: F401 registers the families
from twin.city.model import HOURS, City, Weather
from twin.kernels.registry import get
from twin.kernels.solar.position import extraterrestrial_of_year, sun_of_year
from twin.solar.parameters import SolarParameters
from twin.solar.roofs import FACADE_AZIMUTHS, FACADE_BINS, Roofs, geometry_key, prepare_roofs

__all__ = [
    "FacadeGains",
    "Roofs",
    "SolarParameters",
    "SolarResult",
    "facade_gains",
    "geometry_key",
    "prepare_roofs",
    "simulate_solar",
]

Float = NDArray[np.float64]
Int = NDArray[np.int64]

CHUNK = 256  # planes whose hourly irradiance is in memory at once: 256 × 4,700 h × 4 arrays of 8 bytes = 39 MB
FLAT_TILT_DEG = 9.5  # up to here a plane counts as flat whatever it faces (Gagnon et al. 2016, as recalled)


@dataclass(frozen=True)
class SolarResult:
    """Irradiation and PV of a block of buildings; columns as in the headings of `simulate_solar`."""

    planes: pd.DataFrame
    buildings: pd.DataFrame
    pv_kw: NDArray[np.float32]
    totals: dict[str, float]


@dataclass(frozen=True)
class FacadeGains:
    """Irradiance on unshaded walls, and how much of the year's irradiation reaches each building's walls.

    `azimuth_deg` [8]; `irradiance_w_m2` [8, 8760]; `shading` [buildings of the roofs, 8], 1 where unshaded.
    """

    azimuth_deg: Float
    irradiance_w_m2: Float
    shading: Float


@dataclass(frozen=True)
class _Sky:
    """The hours with light: sun, Perez coefficients, air temperature and wind."""

    hours: Int
    series: tuple[Float, ...]
    temperature_c: Float
    wind_m_s: Float


def _sky(weather: Weather, parameters: SolarParameters, variant: str) -> _Sky:
    temperature = float(np.mean(weather.temperature_c))
    site = (weather.latitude, weather.longitude, weather.utc_offset_h, weather.elevation_m, temperature)
    zenith, azimuth = sun_of_year(*site, variant=variant)
    radiation = (weather.dni_w_m2, weather.dhi_w_m2, weather.ghi_w_m2)
    coefficients = get("solar.sky", variant)(*radiation, zenith, extraterrestrial_of_year(), parameters.albedo)
    beam = np.where(zenith < 90.0, weather.dni_w_m2, 0.0)
    hours = np.flatnonzero((weather.ghi_w_m2 > 0.0) | (weather.dhi_w_m2 > 0.0) | (beam > 0.0))
    series = tuple(np.ascontiguousarray(a[hours]) for a in (zenith, azimuth, beam, *coefficients))
    return _Sky(hours, series, weather.temperature_c[hours], weather.wind_speed_m_s[hours])


def simulate_solar(
    city: City,
    weather: Weather,
    parameters: SolarParameters,
    roofs: Roofs,
    *,
    rows: slice = slice(None),
    variant: str = "numba",
) -> SolarResult:
    """Simulate one year of irradiation and PV on the roofs of the buildings in `rows`.

    Parameters
    ----------
    city : City
        Reads ``buildings.pv_share`` and the ids.
    weather : Weather
    parameters : SolarParameters
    roofs : Roofs
        From `prepare_roofs` of the same city; must hold the buildings in `rows`.
    rows : slice
        Contiguous block of buildings in city order.
    variant : str
        Kernel variant.

    Returns
    -------
    SolarResult
        ``planes``: building_id, tilt_deg, azimuth_deg, area_m2, sky_view_factor, irradiation_kwh_m2, unshaded_kwh_m2,
        usable_area_m2, suitable, reason. ``buildings``: roof_irradiation_kwh_a, suitable_area_m2, pv_potential_kwp,
        pv_potential_kwh_a, pv_kwp, pv_kwh_a, specific_yield_kwh_kwp. ``pv_kw``: float32 [rows, 8760]. ``totals``: sums.

    Raises
    ------
    DataError
        The roofs were prepared for other buildings.
    """
    start, stop, _ = rows.indices(len(city.buildings))
    stop = max(start, stop)
    planes = roofs.planes(city, start, stop)
    ids = city.buildings.index[start:stop]
    owner = roofs.plane_building[planes] - start
    tilt, azimuth, area = (a[planes] for a in (roofs.tilt_deg, roofs.azimuth_deg, roofs.area_m2))
    sky = _sky(weather, parameters, variant)

    annual, unshaded = _irradiation(roofs, planes, sky, variant)
    suitable, reason = _suitability(parameters, weather.latitude, tilt, azimuth, area, annual, unshaded)
    usable = np.where(suitable, area * parameters.usable_share, 0.0)
    flat = tilt <= FLAT_TILT_DEG
    coverage = np.where(flat, parameters.flat_coverage, parameters.pitched_coverage)
    kwp = usable * coverage * parameters.module_efficiency
    installed = kwp * city.buildings["pv_share"].to_numpy(np.float64)[start:stop][owner]

    equator = 180.0 if weather.latitude >= 0.0 else 0.0
    module_tilt = np.where(flat, parameters.rack_tilt_deg, tilt)
    module_azimuth = np.where(flat, equator, azimuth)
    pv_kw = np.zeros((stop - start, HOURS), np.float32)
    per_kwp = np.zeros(len(owner))
    chosen = np.flatnonzero(kwp > 0.0)
    for low in range(0, len(chosen), CHUNK):
        some = chosen[low : low + CHUNK]
        modules = (module_tilt[some], module_azimuth[some])
        ac, per_kwp[some] = _pv(roofs, planes.start + some, modules, sky, parameters, variant)
        for row, i in enumerate(some):
            if installed[i] > 0.0:
                pv_kw[owner[i], sky.hours] += installed[i] * ac[row]

    plane_ids = [f"{b}/p{n}" for b, n in zip(ids[owner], roofs.plane_number[planes], strict=True)]
    plane_columns = {
        "building_id": ids[owner],
        "tilt_deg": tilt,
        "azimuth_deg": azimuth,
        "area_m2": area,
        "sky_view_factor": roofs.sky_share[planes] * (1 + np.cos(np.radians(tilt))) / 2,
        "irradiation_kwh_m2": annual / 1000.0,
        "unshaded_kwh_m2": unshaded / 1000.0,
        "usable_area_m2": usable,
        "suitable": suitable,
        "reason": reason,
    }
    plane_frame = pd.DataFrame(plane_columns, index=pd.Index(plane_ids, name="plane_id", dtype="str"))
    sums = {
        "roof_irradiation_kwh_a": annual / 1000.0 * area,
        "suitable_area_m2": usable,
        "pv_potential_kwp": kwp,
        "pv_potential_kwh_a": kwp * per_kwp,
        "pv_kwp": installed,
        "pv_kwh_a": installed * per_kwp,
    }
    frame = _by_building(sums, owner, ids)
    totals = {name: float(frame[name].sum()) for name in sums}
    return SolarResult(planes=plane_frame, buildings=frame, pv_kw=pv_kw, totals=totals)


def _by_building(sums: dict[str, Float], owner: Int, ids: pd.Index) -> pd.DataFrame:
    """Return the sums of plane values per building, and the yield of what could be installed."""
    frame = pd.DataFrame({k: np.bincount(owner, v, minlength=len(ids)) for k, v in sums.items()}, index=ids)
    energy, power = frame["pv_potential_kwh_a"].to_numpy(), frame["pv_potential_kwp"].to_numpy()
    frame["specific_yield_kwh_kwp"] = np.divide(energy, power, out=np.zeros(len(ids)), where=power > 0.0)
    return frame


def _pick(roofs: Roofs, planes: Int) -> tuple[NDArray[np.float32], Int]:
    """Return the horizons of some planes and where each plane's begin."""
    first, count = roofs.point_start[planes], np.diff(roofs.point_start)[planes]
    start = np.concatenate([[0], np.cumsum(count)])
    points = np.arange(start[-1]) + np.repeat(first - start[:-1], count)
    return roofs.horizon[points], start


def _irradiation(roofs: Roofs, planes: slice, sky: _Sky, variant: str) -> tuple[Float, Float]:
    kernel = get("solar.roof_irradiance", variant)
    annual, unshaded = np.zeros(planes.stop - planes.start), np.zeros(planes.stop - planes.start)
    for low in range(planes.start, planes.stop, CHUNK):
        some = np.arange(low, min(low + CHUNK, planes.stop))
        horizon, start = _pick(roofs, some)
        own = (roofs.sky_share[some], roofs.tilt_deg[some], roofs.azimuth_deg[some])
        out = slice(low - planes.start, low - planes.start + len(some))
        _, _, annual[out], unshaded[out] = kernel(horizon, start, *own, *sky.series)
    return annual, unshaded


def _pv(
    roofs: Roofs, some: Int, modules: tuple[Float, Float], sky: _Sky, parameters: SolarParameters, variant: str
) -> tuple[Float, Float]:
    """Return hourly AC output (kW/kWp) and its sum of modules (tilt, azimuth) on some planes."""
    horizon, start = _pick(roofs, some)
    # On racks the share of the sky is taken from the flat roof under them.
    light = get("solar.roof_irradiance", variant)(horizon, start, roofs.sky_share[some], *modules, *sky.series)
    ac, annual = get("solar.pv", variant)(
        light[0],
        light[1],
        sky.temperature_c,
        sky.wind_m_s,
        parameters.heat_loss_w_m2_k,
        parameters.wind_heat_loss_w_s_m3_k,
        parameters.temperature_coefficient,
        parameters.system_losses,
        parameters.dc_ac_ratio,
        parameters.inverter_efficiency,
    )
    return ac * parameters.yield_factor, annual * parameters.yield_factor


def _suitability(
    parameters: SolarParameters,
    latitude: float,
    tilt: Float,
    azimuth: Float,
    area: Float,
    annual: Float,
    unshaded: Float,
) -> tuple[NDArray[np.bool_], NDArray[np.str_]]:
    """Return whether each plane suits PV, and the first rule that it breaks in plain words."""
    pole, name = (0.0, "north") if latitude >= 0.0 else (180.0, "south")
    from_pole = np.abs((azimuth - pole + 180.0) % 360.0 - 180.0)
    share = np.divide(annual, unshaded, out=np.ones(len(annual)), where=unshaded > 0.0)
    minimum = parameters.minimum_irradiation_share
    # Rounded down, so that the printed share is never the one that it misses.
    percent = np.floor(share * 100).astype(np.int64)
    shaded = np.array([f"shaded: {s} % of unshaded irradiation (needs {minimum * 100:g} %)" for s in percent])
    rules = {
        f"steeper than {parameters.maximum_tilt_deg:g}°": tilt > parameters.maximum_tilt_deg,
        f"less than {parameters.minimum_area_m2:g} m² of contiguous area": area < parameters.minimum_area_m2,
        f"faces {name}": (tilt > FLAT_TILT_DEG) & (from_pole < parameters.poleward_sector_deg),
    }
    reason = np.where(share < minimum, shaded, "suitable") if len(share) else np.empty(0, "<U8")
    for text, broken in reversed(rules.items()):
        reason = np.where(broken, text, reason)
    return reason == "suitable", reason


def facade_gains(
    city: City, weather: Weather, parameters: SolarParameters, roofs: Roofs, *, variant: str = "numba"
) -> FacadeGains:
    """Return the irradiance on unshaded walls of eight orientations and each building's annual shading factors.

    The shading factor is the year's irradiation on the wall at mid height among its neighbours over that of the same
    wall in the open. Rows are the buildings of `roofs`.

    Raises
    ------
    DataError
        The roofs were prepared for other buildings.
    """
    roofs.planes(city, roofs.first_row, roofs.first_row + roofs.count)
    kernel, sky_share = get("solar.roof_irradiance", variant), get("solar.sky_share", variant)
    sky = _sky(weather, parameters, variant)
    wall, one_each = np.full(8, 90.0), np.arange(9)
    poa, _, _, _ = kernel(np.zeros((8, 4), np.float32), one_each, np.ones(8), wall, FACADE_AZIMUTHS, *sky.series)
    irradiance = np.zeros((8, HOURS))
    irradiance[:, sky.hours] = poa

    shading = np.ones((roofs.count, 8))
    step = CHUNK // 8
    for low in range(0, roofs.count, step):
        some = roofs.facade_horizon[low : low + step].reshape(-1, FACADE_BINS)
        start = np.arange(len(some) + 1)
        planes = np.full(len(some), 90.0), np.tile(FACADE_AZIMUTHS, len(some) // 8)
        seen = sky_share(some, start, *planes)
        _, _, annual, unshaded = kernel(some, start, seen, *planes, *sky.series)
        factor = np.divide(annual, unshaded, out=np.ones(len(some)), where=unshaded > 0.0)
        shading[low : low + step] = factor.reshape(-1, 8)
    return FacadeGains(FACADE_AZIMUTHS.copy(), irradiance, shading)
