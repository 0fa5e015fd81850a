"""Made-up solar results of small towns: gabled houses in a row, every second one with a flat roof."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from twin.solar.cadastre import Cadastre, solar_cadastre
from twin.solar.economics import EconomicsParameters, Prices
from twin.solar.parameters import SolarParameters
from twin.solar.suitability import suitability, usable_area
from twin.solar.uncertainty import UncertaintyParameters, exceedance

PRICES = Prices(price_eur_kwh=0.25, export_price_eur_kwh=0.08, co2_kg_kwh=0.3, pv_cost_eur_kwp=1200.0)
CRS = "EPSG:3067"


def footprints(count: int) -> gpd.GeoDataFrame:
    """Return houses of 12 m by 10 m, ridge along x."""
    shapes = [shapely.box(20.0 * i, 0.0, 20.0 * i + 12.0, 10.0) for i in range(count)]
    index = pd.Index([f"b{i:03d}" for i in range(count)], name="building_id", dtype="str")
    names = [f"House <{i}> & co" if i % 3 == 0 else "" for i in range(count)]
    return gpd.GeoDataFrame({"name": names, "use": "residential"}, index=index, geometry=shapes, crs=CRS)


def plane_table(houses: gpd.GeoDataFrame, seed: int = 1) -> pd.DataFrame:
    """Return planes as `simulate_solar` gives them, with random sun."""
    rng = np.random.default_rng(seed)
    rows = []
    for i, name in enumerate(houses.index):
        faces = [(0.0, 0.0, 120.0)] if i % 2 else [(35.0, 180.0, 73.2), (35.0, 0.0, 73.2)]
        rows += [(f"{name}/p{k}", name, *face) for k, face in enumerate(faces)]
    ids, owner, tilt, azimuth, area = (np.array(column) for column in zip(*rows, strict=True))
    unshaded = np.where(azimuth == 180.0, 1150.0, np.where(tilt > 0, 700.0, 950.0))
    annual = unshaded * np.clip(rng.normal(0.85, 0.12, len(ids)), 0.3, 1.0)
    p = SolarParameters()
    good, reason = suitability(p, 60.0, tilt, azimuth, area, annual * 1e3, unshaded * 1e3)
    usable = usable_area(p, area, good)
    kwp = usable * np.where(tilt > 0, p.pitched_coverage, p.flat_coverage) * p.module_efficiency
    columns = {
        "building_id": owner,
        "tilt_deg": tilt,
        "azimuth_deg": azimuth,
        "area_m2": area,
        "irradiation_kwh_m2": annual,
        "unshaded_kwh_m2": unshaded,
        "inner_area_m2": area,
        "usable_area_m2": usable,
        "suitable": good,
        "reason": reason,
        "pv_potential_kwp": kwp,
        "pv_potential_kwh_a": kwp * annual * 0.8,
    }
    return pd.DataFrame(columns, index=pd.Index(ids, name="plane_id", dtype="str"))


def building_table(planes: pd.DataFrame, index: pd.Index, installed: float = 0.0) -> pd.DataFrame:
    """Return buildings as `simulate_solar` gives them."""
    names = {"usable_area_m2": "suitable_area_m2"} | {k: k for k in ("pv_potential_kwp", "pv_potential_kwh_a")}
    table = planes.groupby("building_id")[list(names)].sum().rename(columns=names).reindex(index).fillna(0.0)
    kwp, kwh = table["pv_potential_kwp"], table["pv_potential_kwh_a"]
    table["specific_yield_kwh_kwp"] = (kwh / kwp.where(kwp > 0)).fillna(0.0)
    return table.assign(pv_kwp=installed * kwp)


def own_use(index: pd.Index, share: float = 0.4) -> pd.DataFrame:
    """Return self-consumption that is the same everywhere."""
    columns = {"demand_kwh_a": 9000.0, "self_consumption_share": share, "self_sufficiency_share": 0.3}
    return pd.DataFrame(columns, index=index)


def made_up(count: int = 12, *, seed: int = 1, installed: float = 0.0, parameters: EconomicsParameters | None = None):
    """Return footprints and a cadastre of made-up results."""
    houses = footprints(count)
    planes = plane_table(houses, seed)
    buildings = building_table(planes, houses.index, installed)
    none = np.zeros(count)
    certainty = exceedance(
        buildings["pv_potential_kwh_a"], UncertaintyParameters(), weather=none + 0.04, angle=none, height=none + 0.02,
        life_a=25.0,
    )  # fmt: skip
    cadastre: Cadastre = solar_cadastre(
        planes, buildings, own_use(houses.index), certainty, PRICES, parameters or EconomicsParameters(),
        with_battery=own_use(houses.index, 0.6),
    )  # fmt: skip
    return houses, cadastre
