"""Imputation: every missing value of a layer is filled by a named rule and flagged ``imputed:<rule>``.

Values that were given are never changed, a second pass changes nothing, and the order of rows does not matter.
The rules of buildings run in a fixed order, since later ones build on earlier ones: use, levels and height, year
class, roof, floor area, population, jobs, heat supply, ground floor. Rates and their sources are in `twin.city.rules`.
"""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from twin.city.completion import Completion, Mask
from twin.city.model import Metadata
from twin.city.neighbours import median_of, most_common_of, nearest_known
from twin.city.rules import (
    CONNECTOR_POWER_KW,
    CONNECTORS,
    DEFAULT_LEVELS,
    DEFAULT_USE,
    DEFAULT_YEAR_CLASS,
    M2_PER_JOB,
    M2_PER_RESIDENT,
    NET_FACTOR,
    ROADS,
    ROOF_TILT_DEG,
    SMALL_HOUSE_M2,
    SMALL_OTHER_M2,
    STOREY_HEIGHT_M,
)
from twin.city.schema import BUILDING_USES, BUILDINGS, CHARGING_SITES, LINKS, MAIN_USE, YEAR_CLASSES

Floats = NDArray[np.float64]


def complete_buildings(buildings: gpd.GeoDataFrame, meta: Metadata) -> gpd.GeoDataFrame:
    """Fill every missing value of the buildings; ``zone_id`` is kept where given and never invented.

    Parameters
    ----------
    buildings : GeoDataFrame
        Indexed by id, valid polygons in a metric CRS, with any of the schema's columns.
    meta : Metadata
        Its usual heat supply is the fallback.

    Returns
    -------
    GeoDataFrame sorted by id

    Raises
    ------
    SchemaError
        A column of numbers that holds text.
    """
    c = Completion(buildings, BUILDINGS)
    area = shapely.area(c.geometry)
    c.values.setdefault("footprint_area_m2", np.full(len(area), np.nan))
    c.fill("footprint_area_m2", _all(c), area, "geometry")
    points = shapely.get_coordinates(shapely.centroid(c.geometry))
    _fill_use(c, points)
    _fill_levels(c, points)
    _fill_year_class(c, points)
    _fill_roof(c)
    _fill_floor_area(c)
    _fill_people(c)
    _fill_heat_supply(c, meta.heat_supply)
    c.fill("ground_floor_use", _all(c), MAIN_USE, "main_use")
    return c.frame()


def complete_links(links: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Fill lanes, speed limit and capacity by road class, and length from the geometry.

    A link whose road class is missing or unknown keeps its gaps, for `twin.city.check` to name.
    """
    c = Completion(links, LINKS)
    c.values.setdefault("length_m", np.full(len(c.geometry), np.nan))
    c.fill("length_m", _all(c), shapely.length(c.geometry), "geometry")
    road_class = c.values["road_class"]
    known = np.array([k in ROADS for k in road_class], bool)

    def rate(name: str) -> Floats:
        return np.array([getattr(ROADS[k], name) if k in ROADS else np.nan for k in road_class], np.float64)

    c.fill("lanes", known, rate("lanes"), "road_class")
    c.fill("speed_limit_kmh", known, rate("speed_limit_kmh"), "road_class")
    c.fill("capacity_veh_h", known, c.values["lanes"] * rate("capacity_per_lane_veh_h"), "lanes_and_road_class")
    return c.frame()


def complete_charging_sites(sites: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Fill connectors and their power with defaults, and the site's power cap with their product."""
    c = Completion(sites, CHARGING_SITES)
    c.fill("connectors", _all(c), float(CONNECTORS), "default")
    c.fill("connector_power_kw", _all(c), CONNECTOR_POWER_KW, "default")
    cap = c.values["connectors"] * c.values["connector_power_kw"]
    c.fill("power_cap_kw", _all(c), cap, "connectors_times_power")
    return c.frame()


def roof_azimuth(polygons: NDArray[np.object_]) -> Floats:
    """Return the azimuth of the main roof plane: across the long side, on its southern side.

    The long side is that of the minimum rotated rectangle; the ridge runs along it.

    Returns
    -------
    float64 (n,), degrees clockwise from north, 90 ≤ azimuth < 270
    """
    azimuth = np.full(len(polygons), 180.0)
    envelopes = shapely.oriented_envelope(polygons)
    solid = shapely.get_num_coordinates(envelopes) == 5
    azimuth[solid] = facing(shapely.get_coordinates(envelopes[solid]).reshape(-1, 5, 2))
    return azimuth


def facing(rings: Floats) -> Floats:
    """Return the southern normal of the long side of four-cornered closed rings, float64 (n, 5, 2); degrees."""
    sides = np.diff(rings[:, :3], axis=1)
    length = np.hypot(sides[..., 0], sides[..., 1])
    side = np.where((length[:, 0] >= length[:, 1])[:, None], sides[:, 0], sides[:, 1])
    normal = np.round(np.degrees(np.arctan2(side[:, 1], -side[:, 0])), 1) % 180.0
    return np.asarray(np.where(normal < 90.0, normal + 180.0, normal), np.float64)


def _all(c: Completion) -> Mask:
    return np.ones(len(c.geometry), bool)


def _by_use(c: Completion, rates: Mapping[str, float], absent: float) -> Floats:
    return np.array([rates.get(use, absent) for use in c.values["use"]], np.float64)


def _at(size: int, rows: NDArray[np.int64]) -> Mask:
    mask = np.zeros(size, bool)
    mask[rows] = True
    return mask


def _fill_use(c: Completion, points: Floats) -> None:
    """Fill the use: small footprints are other, else what most neighbours are (sheds do not vote), else housing."""
    footprint, use = c.values["footprint_area_m2"], c.values["use"]
    known = ~c.missing("use") & (use != "other")
    c.fill("use", footprint < SMALL_OTHER_M2, "other", "small_footprint")
    askers, neighbours = nearest_known(points, known, c.missing("use"))
    values = np.full(len(use), None, object)
    values[askers] = most_common_of(use, neighbours, BUILDING_USES)
    c.fill("use", _at(len(use), askers), values, "neighbours")
    c.fill("use", _all(c), DEFAULT_USE, "default")


def _fill_levels(c: Completion, points: Floats) -> None:
    """Fill levels and height from each other, else from neighbours of the same use, else from the use."""
    use, levels, height = c.values["use"], c.values["levels"], c.values["height_m"]
    storey = _by_use(c, STOREY_HEIGHT_M, 3.0)
    c.fill("levels", ~np.isnan(height), np.clip(np.floor(height / storey + 0.5), 1.0, 200.0), "from_height")
    given = ~np.isnan(levels)
    c.fill("height_m", given, np.clip(levels * storey, 1.5, 600.0), "from_levels")

    c.fill("levels", c.values["footprint_area_m2"] < SMALL_OTHER_M2, 1.0, "small_footprint")
    guess = np.full(len(levels), np.nan)
    for name in BUILDING_USES:
        same = use == name
        askers, neighbours = nearest_known(points, given & same, c.missing("levels") & same)
        guess[askers] = np.floor(median_of(levels, neighbours) + 0.5)
    c.fill("levels", ~np.isnan(guess), guess, "neighbours")
    for name in BUILDING_USES:
        same = use == name
        if (given & same).any():
            c.fill("levels", same, np.floor(np.median(levels[given & same]) + 0.5), "use_median")
    c.fill("levels", _all(c), _by_use(c, DEFAULT_LEVELS, 1.0), "use_default")
    c.fill("height_m", _all(c), np.clip(levels * storey, 1.5, 600.0), c.origin["levels"])


def _fill_year_class(c: Completion, points: Floats) -> None:
    """Fill the year class: most common of the neighbours, else of the city, else the default."""
    values = c.values["year_class"]
    known = ~c.missing("year_class")
    askers, neighbours = nearest_known(points, known, ~known)
    guess = np.full(len(values), None, object)
    guess[askers] = most_common_of(values, neighbours, YEAR_CLASSES)
    if known.any():
        given = list(values[known])
        usual = max(YEAR_CLASSES, key=given.count)  # the first of equals
    c.fill("year_class", _at(len(values), askers), guess, "neighbours")
    if known.any():
        c.fill("year_class", _all(c), usual, "most_common")
    c.fill("year_class", _all(c), DEFAULT_YEAR_CLASS, "default")


def _fill_roof(c: Completion) -> None:
    """Fill the roof: type from a given tilt, else by use, size and year; azimuth across the long side; tilt by type.

    Assumptions: houses of at most two storeys and 400 m2 are gabled; so are dwellings and public buildings from
    before 1940; everything else is flat.
    """
    use, tilt = c.values["use"], c.values["roof_tilt_deg"]
    with np.errstate(invalid="ignore"):
        c.fill("roof_type", tilt <= 5.0, "flat", "from_tilt")
        c.fill("roof_type", tilt > 5.0, "gabled", "from_tilt")
    house = (use == "residential") & (c.values["levels"] <= 2.0) & (c.values["footprint_area_m2"] <= 400.0)
    old = (c.values["year_class"] == "before-1940") & ((use == "residential") | (use == "public"))
    c.fill("roof_type", house | old, "gabled", "use_size_year")
    c.fill("roof_type", _all(c), "flat", "use_size_year")
    roof = c.values["roof_type"]
    c.fill("roof_azimuth_deg", roof == "flat", 0.0, "flat_roof")
    asked = c.missing("roof_azimuth_deg")
    azimuth = np.zeros(len(roof))
    azimuth[asked] = roof_azimuth(c.geometry[asked])
    c.fill("roof_azimuth_deg", asked, azimuth, "long_side")
    by_type = np.array([ROOF_TILT_DEG.get(kind, np.nan) for kind in roof], np.float64)
    c.fill("roof_tilt_deg", _all(c), by_type, "roof_type")


def _fill_floor_area(c: Completion) -> None:
    """Fill the heated floor area: footprint times levels times the net factor; small sheds are unheated."""
    footprint = c.values["footprint_area_m2"]
    shed = (c.values["use"] == "other") & (footprint < SMALL_OTHER_M2)
    c.fill("floor_area_m2", shed, 0.0, "unheated")
    c.fill("floor_area_m2", _all(c), footprint * c.values["levels"] * NET_FACTOR, "footprint_times_levels")


def residents_of(use: NDArray[np.object_], floor_area_m2: Floats) -> Floats:
    """Return the residents that a floor area of a use holds, float64 (n,); not rounded, so that sums stay right."""
    return np.where(use == "residential", floor_area_m2 / M2_PER_RESIDENT, 0.0)


def workplaces_of(use: NDArray[np.object_], floor_area_m2: Floats) -> Floats:
    """Return the workplaces that a floor area of a use holds, float64 (n,); not rounded, so that sums stay right."""
    return floor_area_m2 / np.array([M2_PER_JOB.get(name, np.inf) for name in use], np.float64)


def _fill_people(c: Completion) -> None:
    """Fill population and jobs from the floor area by use."""
    use, floor = c.values["use"], c.values["floor_area_m2"]
    c.fill("population", _all(c), residents_of(use, floor), "floor_area_per_resident")
    c.fill("jobs", _all(c), workplaces_of(use, floor), "floor_area_per_job")


def _fill_heat_supply(c: Completion, usual: str) -> None:
    """Fill the heat supply: the city's usual one, but small houses outside the district heating network."""
    if usual == "district_heating":
        small = (c.values["use"] == "residential") & (c.values["floor_area_m2"] < SMALL_HOUSE_M2)
        c.fill("heat_supply", small, "direct_electric", "small_house")
    c.fill("heat_supply", _all(c), usual, "usual_supply")
