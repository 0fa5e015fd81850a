"""Shaded irradiation, suitability and PV yield of every roof, and of the façades that may carry PV."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.city.model import HOURS, City, Weather
from twin.kernels.registry import get
from twin.solar.daylight import SIDES, lowest
from twin.solar.facade_gains import FacadeGains, facade_gains, facade_irradiation, facade_lit_at
from twin.solar.outlines import inner_area
from twin.solar.parameters import SolarParameters
from twin.solar.roofs import FACADE_AZIMUTHS, Roofs, geometry_key, prepare_roofs
from twin.solar.suitability import FLAT_TILT_DEG, suitability, usable_area
from twin.solar.surfaces import CHUNK, LitSurfaces, Surroundings, module_surfaces, pv_output, roof_surfaces

__all__ = [
    "FacadeGains",
    "Roofs",
    "SolarParameters",
    "SolarResult",
    "facade_gains",
    "geometry_key",
    "prepare_roofs",
    "simulate_solar",
    "suitable_planes",
]

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Int = NDArray[np.int64]


DAYLIGHT = ("facade_vsc_lowest", "facade_vsc_mean", *(f"facade_vsc_{azimuth:.0f}" for azimuth in FACADE_AZIMUTHS))
"""Columns of the buildings that hold vertical sky components."""


@dataclass(frozen=True)
class SolarResult:
    """Irradiation and PV of a block of buildings; columns as in the headings of `simulate_solar`."""

    planes: pd.DataFrame
    buildings: pd.DataFrame
    pv_kw: NDArray[np.float32]
    totals: dict[str, float]


def simulate_solar(
    city: City,
    weather: Weather,
    parameters: SolarParameters,
    roofs: Roofs,
    *,
    rows: slice = slice(None),
    carrying: pd.Series | None = None,
    variant: str = "numba",
) -> SolarResult:
    """Simulate one year of irradiation and PV on the roofs and façades of the buildings in `rows`.

    Parameters
    ----------
    city : City
        Reads ``buildings.pv_share``, ``buildings.facade_pv_share`` and the ids.
    weather : Weather
    parameters : SolarParameters
    roofs : Roofs
        From `prepare_roofs` of the same city.
    rows : slice
        Contiguous block of buildings in city order.
    carrying : Series of bool, optional
        Planes, by id, that carry the building's PV whether or not they are suitable now: those of `suitable_planes` of
        the city in which it was installed. It stays there when something higher comes to stand beside it.
    variant : str
        Kernel variant.

    Returns
    -------
    SolarResult
        ``planes``: building_id, tilt_deg, azimuth_deg, area_m2, sky_view_factor, sun_h_a, irradiation_kwh_m2,
        unshaded_kwh_m2, inner_area_m2 (largest piece inside the setback), usable_area_m2, suitable, reason,
        pv_potential_kwp, pv_potential_kwh_a. ``buildings``: roof_irradiation_kwh_a, suitable_area_m2,
        pv_potential_kwp, pv_potential_kwh_a, facade_pv_potential_kwp,
        facade_pv_potential_kwh_a, pv_kwp and pv_kwh_a (installed, roofs and façades), facade_pv_kwp (of it on
        façades), specific_yield_kwh_kwp (of the roof's potential), roof_sun_h_a, roof_sky_view, facade_vsc_lowest and
        facade_vsc_mean (vertical sky component of the building's windows, a share, `twin.solar.daylight`),
        facade_vsc_0 to facade_vsc_315 (the least by orientation, 0 without windows). ``pv_kw``:
        float32 [rows, 8760]. ``totals``: sums.

    Raises
    ------
    DataError
        The roofs were prepared for other buildings.
    """
    start, stop, _ = rows.indices(len(city.buildings))
    stop = max(start, stop)
    ids = city.buildings.index[start:stop]
    around = Surroundings.of(weather, parameters, roofs, variant)
    pv_kw = np.zeros((stop - start, HOURS), np.float32)

    block = roofs.planes(city, start, stop)
    owner = roofs.plane_building[block] - start
    planes = _planes(city, roofs, block, around)
    kwp = _module_kwp(planes, carrying, parameters)
    planes["pv_potential_kwp"] = np.where(planes["suitable"], kwp, 0.0)
    share = city.buildings["pv_share"].to_numpy(np.float64)[start:stop]
    installed = kwp * share[owner]
    wanted = np.flatnonzero((planes["pv_potential_kwp"] > 0.0) | (installed > 0.0))
    yields = _roof_pv(roofs, block, wanted, installed, owner, pv_kw, around)
    planes["pv_potential_kwh_a"] = planes["pv_potential_kwp"] * yields
    walls = _facade_pv(city, roofs, slice(start, stop), pv_kw, around)

    frame = _by_building(planes, owner, ids)
    frame["facade_pv_potential_kwp"], frame["facade_pv_potential_kwh_a"], frame["facade_pv_kwp"], wall_kwh = walls
    frame["pv_kwp"] = np.bincount(owner, installed, minlength=len(ids)) + frame["facade_pv_kwp"]
    frame["pv_kwh_a"] = np.bincount(owner, installed * yields, minlength=len(ids)) + wall_kwh
    frame = frame.assign(**_daylight(roofs.facade_vsc[start:stop]))
    means = ("specific_yield_kwh_kwp", "roof_sun_h_a", "roof_sky_view", *DAYLIGHT)
    totals = {str(name): float(frame[name].sum()) for name in frame.columns if name not in means}
    return SolarResult(planes=planes, buildings=frame, pv_kw=pv_kw, totals=totals)


def _planes(city: City, roofs: Roofs, planes: slice, around: Surroundings) -> pd.DataFrame:
    """Return some roof planes with irradiation and suitability."""
    light, parameters = around.light, around.parameters
    tilt, azimuth, area = (a[planes] for a in (roofs.tilt_deg, roofs.azimuth_deg, roofs.area_m2))
    annual, unshaded, sun = (np.zeros(len(tilt)) for _ in range(3))
    kernel = get("solar.plane_irradiation", around.variant)
    beam = light.beam > 0.0
    for low in range(planes.start, planes.stop, CHUNK):
        some = slice(low, min(low + CHUNK, planes.stop))
        out = slice(some.start - planes.start, some.stop - planes.start)
        surfaces = roof_surfaces(roofs, np.arange(some.start, some.stop), tilt[out], azimuth[out], light)
        annual[out], _ = kernel(*surfaces, *around.series)
        _, unshaded[out] = kernel(*surfaces, *light.in_the_open)
        sun[out] = surfaces.lit[:, beam].sum(axis=1, dtype=np.int64) / 255.0
    inner = inner_area(city, roofs, parameters.setback_m)[planes]
    rules = (tilt, azimuth, area, annual, unshaded)
    suitable, reason = suitability(parameters, around.latitude, *rules, inner_area=inner)
    columns = {
        "building_id": city.buildings.index[roofs.plane_building[planes]],
        "tilt_deg": tilt,
        "azimuth_deg": azimuth,
        "area_m2": area,
        "sky_view_factor": roofs.sky_share[planes].astype(np.float64) * (1 + np.cos(np.radians(tilt))) / 2,
        "sun_h_a": sun,
        "irradiation_kwh_m2": annual / 1000.0,
        "unshaded_kwh_m2": unshaded / 1000.0,
        "inner_area_m2": inner,
        "usable_area_m2": usable_area(parameters, area, suitable, inner_area=inner),
        "suitable": suitable,
        "reason": reason,
    }
    index = pd.Index(roofs.plane_id[planes].tolist(), name="plane_id", dtype="str")
    return pd.DataFrame(columns, index=index)


def suitable_planes(
    city: City, weather: Weather, parameters: SolarParameters, roofs: Roofs, *, variant: str = "numba"
) -> pd.Series:
    """Return which roof planes of a city suit PV, by plane id; `simulate_solar` without the PV."""
    around = Surroundings.of(weather, parameters, roofs, variant)
    return _planes(city, roofs, roofs.planes(city), around)["suitable"]


def _module_kwp(planes: pd.DataFrame, carrying: pd.Series | None, parameters: SolarParameters) -> Float:
    """Return the power of modules on each plane that is suitable or carries some, all of its usable area covered."""
    used = planes["suitable"].to_numpy()
    if carrying is not None:
        used = used | carrying.reindex(planes.index, fill_value=False).to_numpy(bool)
    flat = planes["tilt_deg"].to_numpy() <= FLAT_TILT_DEG
    coverage = np.where(flat, parameters.flat_coverage, parameters.pitched_coverage)
    inner = planes["inner_area_m2"].to_numpy()
    area = usable_area(parameters, planes["area_m2"].to_numpy(), used, inner_area=inner)
    return np.asarray(area * coverage * parameters.module_efficiency, np.float64)


def _roof_pv(
    roofs: Roofs, block: slice, wanted: Int, installed: Float, owner: Int, pv_kw: Float32, around: Surroundings
) -> Float:
    """Return the yield of modules on the `wanted` planes of a block (kWh/kWp), and add what is installed to `pv_kw`."""
    yields = np.zeros(block.stop - block.start)
    for low in range(0, len(wanted), CHUNK):
        some = wanted[low : low + CHUNK]
        ac, yields[some] = pv_output(module_surfaces(roofs, block.start + some, around), around)
        for row, i in enumerate(some):
            if installed[i] > 0.0:
                pv_kw[owner[i], around.light.hours] += installed[i] * ac[row]
    return yields


def _facade_pv(
    city: City, roofs: Roofs, rows: slice, pv_kw: Float32, around: Surroundings
) -> tuple[Float, Float, Float, Float]:
    """Return façade potential (kWp, kWh/a) and what is installed of it per building, and add that to `pv_kw`."""
    parameters, light = around.parameters, around.light
    potential, energy, installed, generated = (np.zeros(rows.stop - rows.start) for _ in range(4))
    annual = facade_irradiation(light, around.reflected, roofs)[rows] / 1000.0
    area = roofs.facade_area_m2[rows].astype(np.float64) * parameters.facade_usable_share
    share = city.buildings["facade_pv_share"].to_numpy(np.float64)[rows]
    building, orientation = np.nonzero((annual >= parameters.facade_minimum_kwh_m2) & (area > 0.0))
    for low in range(0, len(building), CHUNK):
        b, o = building[low : low + CHUNK], orientation[low : low + CHUNK]
        sky = roofs.facade_sky[rows][b, o]
        lit = facade_lit_at(roofs, rows.start + b, o, light)
        ac, yields = pv_output(LitSurfaces.of(np.full(len(b), 90.0), FACADE_AZIMUTHS[o], lit, sky, sky), around)
        kwp = area[b, o] * parameters.pitched_coverage * parameters.module_efficiency
        np.add.at(potential, b, kwp)
        np.add.at(energy, b, kwp * yields)
        np.add.at(installed, b, kwp * share[b])
        np.add.at(generated, b, kwp * share[b] * yields)
        for row in np.flatnonzero(share[b] > 0.0):
            pv_kw[b[row], light.hours] += share[b[row]] * kwp[row] * ac[row]
    return potential, energy, installed, generated


def _daylight(vsc: Float32) -> dict[str, Float]:
    """Return the columns `DAYLIGHT` of buildings."""
    return dict(zip(DAYLIGHT, (lowest(vsc), vsc[:, SIDES], *vsc[:, :SIDES].T), strict=True))


def _by_building(planes: pd.DataFrame, owner: Int, ids: pd.Index) -> pd.DataFrame:
    """Return sums and means of plane values per building."""

    def total(values: pd.Series) -> Float:
        return np.asarray(np.bincount(owner, values.to_numpy(np.float64), minlength=len(ids)), np.float64)

    def mean(values: pd.Series, weight: pd.Series) -> Float:
        whole = total(weight)
        return np.divide(total(values * weight), whole, out=np.zeros(len(ids)), where=whole > 0.0)

    area, kwp = planes["area_m2"], planes["pv_potential_kwp"]
    columns = {
        "roof_irradiation_kwh_a": total(planes["irradiation_kwh_m2"] * area),
        "suitable_area_m2": total(planes["usable_area_m2"]),
        "pv_potential_kwp": total(kwp),
        "pv_potential_kwh_a": total(planes["pv_potential_kwh_a"]),
        "specific_yield_kwh_kwp": mean(planes["pv_potential_kwh_a"] / kwp.where(kwp > 0.0, 1.0), kwp),
        "roof_sun_h_a": mean(planes["sun_h_a"], area),
        "roof_sky_view": mean(planes["sky_view_factor"], area),
    }
    return pd.DataFrame(columns, index=ids)
