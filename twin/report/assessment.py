"""Solar assessment of a city, building block by building block: yields, own use, money and certainty of every roof."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from twin.errors import DataError, WeatherError
from twin.parameters import describe
from twin.report.roof_sheet import RoofYear
from twin.scenario.balance import ElectricityParameters
from twin.solar.cadastre import Cadastre, solar_cadastre
from twin.solar.economics import EconomicsParameters, Prices
from twin.solar.parameters import SolarParameters
from twin.solar.storage import StorageParameters, battery_curve, self_consumption
from twin.solar.suitability import FLAT_TILT_DEG
from twin.solar.uncertainty import UncertaintyParameters, angle_sd, exceedance, height_sd, weather_sd

if TYPE_CHECKING:
    from twin.city.model import City, Weather
    from twin.energy.parameters import EnergyParameters
    from twin.solar.facade_gains import FacadeGains
    from twin.solar.roofs import Roofs
    from twin.solar.sources import Source

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Say = Callable[[str, int, int], None]

BLOCK = 512
"""Buildings whose hours are in memory at once."""
CURVE_POINTS = 9


@dataclass(frozen=True)
class Assumptions:
    """All parameters of an assessment."""

    solar: SolarParameters
    economics: EconomicsParameters
    electricity: ElectricityParameters
    storage: StorageParameters
    uncertainty: UncertaintyParameters
    energy: EnergyParameters

    @property
    def prices(self) -> Prices:
        """Prices, the grid's emissions and the cost of PV."""
        return self.electricity.prices

    def rows(self) -> list[dict[str, Any]]:
        """Return what was assumed, for reports; the energy model's many parameters are left out."""
        parts = {"solar": self.solar, "economics": self.economics, "electricity": self.electricity}
        rows = []
        for domain, part in (parts | {"storage": self.storage, "uncertainty": self.uncertainty}).items():
            for info in describe(domain, type(part)):
                value = float(getattr(part, info.path.rpartition(".")[2]))
                rows.append(
                    {"path": info.path, "value": value, "shown": f"{value:g}", "unit": info.unit}
                    | {"meaning": info.meaning, "source": info.source}
                )
        return rows


@dataclass(frozen=True)
class Assessment:
    """The cadastre of a city and what explains it.

    `factor` is the yield of each building in the mean of all weather years over that in the first.
    """

    city: City
    roofs: Roofs
    gains: FacadeGains
    assumptions: Assumptions
    cadastre: Cadastre
    factor: pd.Series
    seed: int

    def year(self, building_id: str, *, walls: bool = False, source: Source | None = None) -> RoofYear:
        """Return the hours of one building, simulated again, and what batteries of several sizes would change.

        With `walls` its storeys too, which is slower; they stand where `source` has them, by default the city's shapes.
        """
        row = int(self.city.buildings.index.get_loc(building_id))
        rows = slice(row, row + 1)
        solar, demand = _hours(self.city, self.roofs, self.gains, self.assumptions, self.seed, rows)
        pv = (solar.pv_kw[0] * np.float32(self.factor[building_id])).astype(np.float32)
        kwp = float(solar.buildings["pv_potential_kwp"].iloc[0])
        sizes = np.linspace(0.0, 3.0 * kwp, CURVE_POINTS)
        curve = battery_curve(demand[0], pv, sizes, self.assumptions.storage)
        storeys = storey_light(self.city, self.roofs, self.assumptions.solar, building_id, source) if walls else None
        return RoofYear(pv, demand[0], curve, storeys)


def assess(
    city: City,
    roofs: Roofs,
    assumptions: Assumptions,
    *,
    years: Sequence[Weather] = (),
    redrawn: Sequence[Callable[[], tuple[City, Roofs]]] = (),
    measured_roofs: bool = False,
    seed: int = 1,
    say: Say = lambda *_: None,
) -> Assessment:
    """Assess every roof of a city.

    Parameters
    ----------
    city : City
        Its weather gives the hours; ``pv_share`` says what is installed.
    roofs : Roofs
        Of this city.
    assumptions : Assumptions
    years : sequence of Weather
        More weather years of the same place. Expected yields are then the mean over all years, the city's included.
    redrawn : sequence of callables
        Each returns the city with other heights (`uncertainty.with_other_heights`) and its roofs.
    measured_roofs : bool
        Whether tilt and azimuth were measured (from heights), whatever the city's columns say.
    seed : int
        Of the demand's random behaviour.
    say : callable
        Called with (step, done, total).

    Raises
    ------
    DataError
        A city without buildings.
    WeatherError
        A year of another place or clock.
    """
    from twin.solar.facade_gains import facade_gains

    if not len(city.buildings):
        raise DataError("there are no buildings", where=city.meta.name, expected="one building or more")
    for year in years:
        _check_place(year, city.weather)
    gains = facade_gains(city, city.weather, assumptions.solar, roofs)
    parts: list[dict[str, pd.DataFrame]] = []
    count = len(city.buildings)
    for start in range(0, count, BLOCK):
        say("yield and own use", start, count)
        rows = slice(start, min(start + BLOCK, count))
        parts.append(_block(city, roofs, gains, assumptions, seed, rows))
    say("yield and own use", count, count)
    tables = {name: pd.concat([part[name] for part in parts]) for name in parts[0]}
    planes, buildings = tables["planes"], tables["buildings"]
    by_year = [buildings["pv_potential_kwh_a"].to_numpy(np.float64)]
    for i, year in enumerate(years):
        say("weather years", i, len(years))
        by_year.append(_plane_yields(city, year, assumptions.solar, roofs, planes))
    kwh = np.stack(by_year, axis=1)
    factor = np.divide(kwh.mean(axis=1), kwh[:, 0], out=np.ones(count), where=kwh[:, 0] > 0.0)
    draws = []
    for i, redraw in enumerate(redrawn):
        say("other heights", i, len(redrawn))
        other, other_roofs = redraw()
        draws.append(_plane_yields(other, other.weather, assumptions.solar, other_roofs, planes))
    expected = pd.Series(kwh[:, 0] * factor, index=buildings.index)
    u = assumptions.uncertainty
    certainty = exceedance(
        expected,
        u,
        weather=weather_sd(kwh if years else None, count, u),
        angle=_angles(city, assumptions, planes, measured_roofs),
        height=height_sd(kwh[:, 0], np.stack(draws, axis=1) if draws else None),
        life_a=assumptions.economics.life_a,
    )
    scaled = buildings.assign(
        pv_potential_kwh_a=expected, specific_yield_kwh_kwp=buildings["specific_yield_kwh_kwp"] * factor
    )
    of_plane = pd.Series(factor, index=buildings.index).reindex(planes["building_id"]).to_numpy()
    planes = planes.assign(pv_potential_kwh_a=planes["pv_potential_kwh_a"].to_numpy() * of_plane)
    cadastre = solar_cadastre(
        planes, scaled, tables["own"], certainty, assumptions.prices, assumptions.economics,
        with_battery=tables["battery"],
    )  # fmt: skip
    return Assessment(city, roofs, gains, assumptions, cadastre, pd.Series(factor, index=buildings.index), seed)


def _check_place(year: Weather, first: Weather) -> None:
    far = abs(year.latitude - first.latitude) > 0.5 or abs(year.longitude - first.longitude) > 0.5
    if far or year.utc_offset_h != first.utc_offset_h:
        raise WeatherError(
            f"the weather year {year.title} is of another place or clock than {first.title}",
            expected=f"within half a degree of {first.latitude:g}, {first.longitude:g}, UTC {first.utc_offset_h:+g} h",
        )


def _full(city: City) -> City:
    """Return the city with PV on all suitable roof area and on no wall."""
    shares = {"pv_share": 1.0} | ({"facade_pv_share": 0.0} if "facade_pv_share" in city.buildings.columns else {})
    return city.replace(buildings=city.buildings.assign(**shares))


def _hours(
    city: City, roofs: Roofs, gains: FacadeGains, assumptions: Assumptions, seed: int, rows: slice
) -> tuple[Any, Float32]:
    """Return the solar result of the whole potential of some buildings and their hourly demand."""
    from twin.energy.drives import SunOnBuildings
    from twin.energy.model import simulate_energy
    from twin.solar.model import simulate_solar

    solar = simulate_solar(_full(city), city.weather, assumptions.solar, roofs, rows=rows)
    demand = simulate_energy(
        city, city.weather, SunOnBuildings(**vars(gains)), assumptions.energy, seed=seed, rows=rows
    ).electricity_kw
    return solar, demand


def _block(
    city: City, roofs: Roofs, gains: FacadeGains, assumptions: Assumptions, seed: int, rows: slice
) -> dict[str, pd.DataFrame]:
    solar, demand = _hours(city, roofs, gains, assumptions, seed, rows)
    buildings = solar.buildings.copy()
    buildings["pv_kwp"] = buildings["pv_potential_kwp"] * city.buildings["pv_share"].to_numpy(np.float64)[rows]
    kwp = buildings["pv_potential_kwp"].to_numpy(np.float64)
    sizes = {"own": np.zeros(len(kwp)), "battery": kwp * assumptions.storage.battery_kwh_kwp}
    own = {
        name: self_consumption(buildings.index, demand, solar.pv_kw, size, assumptions.storage)
        for name, size in sizes.items()
    }
    return {"planes": solar.planes, "buildings": buildings} | own


def _plane_yields(
    city: City, weather: Weather, parameters: SolarParameters, roofs: Roofs, planes: pd.DataFrame
) -> Float:
    """Return the yield of each building with the same modules under other weather or among other heights.

    The verdict of the rules is kept: a roof that just fails them with other heights would else yield nothing.
    """
    from twin.solar.model import simulate_solar

    everything = _lenient(parameters)
    yields = []
    for start in range(0, len(city.buildings), BLOCK):
        rows = slice(start, min(start + BLOCK, len(city.buildings)))
        found = simulate_solar(city, weather, everything, roofs, rows=rows).planes
        kwp = found["pv_potential_kwp"].to_numpy(np.float64)
        kwh = found["pv_potential_kwh_a"].to_numpy(np.float64)
        yields.append(pd.Series(np.divide(kwh, kwp, out=np.zeros(len(kwp)), where=kwp > 0.0), index=found.index))
    per_kwp = pd.concat(yields).reindex(planes.index).to_numpy()
    total = pd.Series(per_kwp * planes["pv_potential_kwp"].to_numpy()).groupby(planes["building_id"].to_numpy()).sum()
    return np.asarray(total.reindex(city.buildings.index).fillna(0.0), np.float64)


def _lenient(parameters: SolarParameters) -> SolarParameters:
    """Return parameters that every roof plane keeps."""
    return replace(
        parameters, minimum_area_m2=0.0, maximum_tilt_deg=90.0, poleward_sector_deg=0.0, minimum_irradiation_share=0.0,
        minimum_irradiation_kwh_m2=0.0,
    )  # fmt: skip


def _angles(city: City, assumptions: Assumptions, planes: pd.DataFrame, measured: bool) -> Float:
    """Return each building's relative error of yield by tilt and azimuth, weighted by the yield of its planes."""
    u, tilt = assumptions.uncertainty, planes["tilt_deg"].to_numpy(np.float64)
    azimuth, kwh = (planes[k].to_numpy(np.float64) for k in ("azimuth_deg", "pv_potential_kwh_a"))
    known = np.full(len(planes), measured)
    if city.roof_planes is not None:
        known |= planes.index.isin(city.roof_planes.index)
    if "roof_tilt_deg_origin" in city.buildings.columns:
        origin = city.buildings["roof_tilt_deg_origin"].reindex(planes["building_id"]).to_numpy()
        known |= origin == "measured"
    # Modules on flat roofs stand on racks, whose angles are chosen.
    pitched = (tilt > FLAT_TILT_DEG) & (kwh > 0.0)
    sd = np.zeros(len(planes))
    if pitched.any():
        spread = [np.where(known, u.measured_angle_sd_deg, x)[pitched] for x in (u.tilt_sd_deg, u.azimuth_sd_deg)]
        sd[pitched] = angle_sd(_open_sun(city, assumptions), tilt[pitched], azimuth[pitched], spread[0], spread[1])
    total = pd.DataFrame({"kwh": kwh, "part": kwh * sd}).groupby(planes["building_id"].to_numpy()).sum()
    total = total.reindex(city.buildings.index).fillna(0.0)
    return np.divide(total["part"], total["kwh"], out=np.zeros(len(total)), where=total["kwh"].to_numpy() > 0.0)


def _open_sun(city: City, assumptions: Assumptions) -> Callable[[Float, Float], Float]:
    """Return a function that gives the year's irradiation of unshaded planes by tilt and azimuth, Wh/m²."""
    import twin.kernels.solar.plane  # noqa: F401 registers the family
    from twin.kernels.registry import get
    from twin.solar.irradiance import irradiance_of

    series = irradiance_of(city.weather, assumptions.solar).in_the_open

    def sun(tilt: Float, azimuth: Float) -> Float:
        one, none = np.ones(len(tilt), np.float32), np.zeros(len(tilt), np.float32)
        ground = ((1.0 - np.cos(np.radians(tilt))) / 2.0).astype(np.float32)
        open_sky = np.empty((0, 0), np.uint8)
        angles = (np.ascontiguousarray(tilt), np.ascontiguousarray(azimuth % 360.0))
        annual, _ = get("solar.plane_irradiation", "numba")(*angles, open_sky, one, one, ground, none, *series)
        return np.asarray(annual, np.float64)

    return sun


def facade_layer(city: City, roofs: Roofs, assumptions: Assumptions) -> gpd.GeoDataFrame:
    """Return the walls of each building by orientation, with their irradiation of the year.

    Returns
    -------
    GeoDataFrame
        Lines of the walls; indexed by facade_id ``<building id>/<azimuth>``: building_id, azimuth_deg, area_m2,
        irradiation_kwh_m2, unshaded_kwh_m2.
    """
    from twin.solar.facade_gains import facade_gains

    gains = facade_gains(city, city.weather, assumptions.solar, roofs)
    unshaded = gains.irradiance_w_m2.sum(axis=1) / 1000.0
    area = np.asarray(roofs.facade_area_m2, np.float64)
    building, side = np.nonzero(area > 0.0)
    lines = _walls(city)
    ids = city.buildings.index[building]
    azimuth = gains.azimuth_deg[side]
    frame = gpd.GeoDataFrame(
        {
            "building_id": ids,
            "azimuth_deg": azimuth,
            "area_m2": area[building, side],
            "irradiation_kwh_m2": gains.shading[building, side] * unshaded[side],
            "unshaded_kwh_m2": unshaded[side],
        },
        index=pd.Index([f"{b}/{a:.0f}" for b, a in zip(ids, azimuth, strict=True)], name="facade_id", dtype="str"),
        geometry=[lines.get((int(b), int(s)), shapely.MultiLineString()) for b, s in zip(building, side, strict=True)],
        crs=city.buildings.crs,
    )
    return frame[~frame.geometry.is_empty]


def storey_light(
    city: City, roofs: Roofs, parameters: SolarParameters, building_id: str, source: Source | None = None
) -> pd.DataFrame:
    """Return the walls of one building by storey, with their irradiation of the year; `source` as in `facades`.

    Returns
    -------
    DataFrame
        wall, storey, azimuth_deg, area_m2, sky_share, sun_hours, irradiation_kwh_m2.
    """
    from twin.kernels.registry import get
    from twin.solar.facades import facades
    from twin.solar.surfaces import LitSurfaces, Surroundings

    walls = facades(city, [building_id], source=source)
    around = Surroundings.of(city.weather, parameters, roofs, "numba")
    lit = np.zeros((len(walls.building), 8760), np.uint8)
    lit[:, walls.hours] = walls.lit
    lit = np.ascontiguousarray(lit[:, around.light.hours])
    upright = np.full(len(lit), 90.0)
    surfaces = LitSurfaces.of(upright, walls.azimuth_deg, lit, walls.sky_share, walls.sky_share)
    annual, _ = get("solar.plane_irradiation", "numba")(*surfaces, *around.series)
    return walls.frame(city).assign(irradiation_kwh_m2=annual / 1000.0)


def _walls(city: City) -> dict[tuple[int, int], shapely.MultiLineString]:
    """Return the edges of the footprints by building and orientation (0 north, 1 north-east, …)."""
    rings: dict[tuple[int, int], list[NDArray[np.float64]]] = {}
    footprints = shapely.orient_polygons(shapely.force_2d(city.buildings.geometry.to_numpy()))
    for row, shape in enumerate(footprints):
        for part in getattr(shape, "geoms", [shape]):
            for ring in (part.exterior, *part.interiors):
                xy = np.asarray(ring.coords)
                step = np.diff(xy, axis=0)
                # Exteriors run counter-clockwise, so the wall faces to the right of the edge.
                azimuth = np.degrees(np.arctan2(step[:, 1], -step[:, 0])) % 360.0
                side = np.floor((azimuth + 22.5) % 360.0 / 45.0).astype(int)
                for a, b, k in zip(xy[:-1], xy[1:], side, strict=True):
                    rings.setdefault((row, int(k)), []).append(np.stack([a, b]))
    return {key: shapely.MultiLineString(edges) for key, edges in rings.items()}
