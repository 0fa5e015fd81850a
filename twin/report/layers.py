"""Differences per feature, made ready for maps: both directions of a street joined, per floor area, by zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import geopandas as gpd
import numpy as np
import pandas as pd

NEAR_M = 80.0
"""A building without a name is called after a street that is not farther away."""


class Aggregation(Enum):
    """How a quantity of several features becomes one."""

    SUM = "sum"
    MEAN = "mean"


@dataclass(frozen=True)
class Theme:
    """A quantity that is mapped.

    `per` names the column it is divided by; `scale` then turns the stored unit into `unit`. `least` is the smallest
    value at which the strongest class may begin, so that trifles do not look strong; scenarios without any difference
    of a quarter of it get no map. `note` says below the heading what a reader must know.
    """

    layer: str
    quantity: str
    title: str
    unit: str
    better: str
    aggregation: Aggregation
    least: float
    per: str = ""
    scale: float = 1.0
    decimals: int = 0
    note: str = ""


def street_id(link_id: object) -> str:
    """Return the id of the street piece of which a link is one direction."""
    return str(link_id).removesuffix("/f").removesuffix("/b")


def merged_links(links: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return one row per street piece: geometry and name of its first direction, closed when both are."""
    keys = [street_id(i) for i in links.index]
    columns = [c for c in ("name", "flow_veh_day", "speed_peak_kmh") if c in links.columns]
    merged = links[[*columns, links.geometry.name]].assign(street=keys).drop_duplicates("street").set_index("street")
    merged["closed"] = links["closed"].astype(bool).groupby(keys).all().reindex(merged.index)
    return merged


def differences(
    theme: Theme, noise: pd.DataFrame, layers: Mapping[str, gpd.GeoDataFrame], closed: Sequence[str] = ()
) -> pd.DataFrame:
    """Return the difference and its standard deviation per feature of a theme, in the theme's unit.

    Spreads of features that are joined are added: what is uncertain (parameters) moves them together, so this errs
    on the side of calling a difference noise. Streets in `closed` have no speed, so they are left out of means.

    Returns
    -------
    DataFrame
        value, sd; indexed by feature id.
    """
    rows = noise[(noise["layer"] == theme.layer) & (noise["quantity"] == theme.quantity)]
    table = rows.set_index(rows["id"].astype(str))[["value", "sd"]]
    if theme.layer == "links":
        table = _joined(table, [street_id(i) for i in table.index], theme.aggregation)
        if theme.aggregation is Aggregation.MEAN:
            table = table.drop(index=[i for i in closed if i in table.index])
    table = table[table.index.isin(layers[theme.layer].index)] * theme.scale
    if theme.per:
        divisor = layers[theme.layer][theme.per].reindex(table.index)
        table = table.div(divisor.where(divisor > 0), axis=0)
        table = table[np.isfinite(table["value"])]
    return table


def to_zones(theme: Theme, table: pd.DataFrame, layers: Mapping[str, gpd.GeoDataFrame]) -> pd.DataFrame:
    """Return a theme's differences by zone: means over links, as the theme says over buildings.

    Where `per` is set they are per unit of it, for example of floor area.
    """
    zones = layers["zones"]
    if theme.layer == "links":
        points = layers["links"].geometry.representative_point()
        joined = gpd.sjoin(gpd.GeoDataFrame(geometry=points), zones[["geometry"]], predicate="within")
        zone = joined.iloc[:, -1].astype(str)
        zone = zone[~zone.index.duplicated()].reindex(table.index)
        known = zone.notna().to_numpy()
        return _joined(table[known], list(zone[known]), Aggregation.MEAN)
    zone = layers["buildings"]["zone_id"].reindex(table.index)
    if not theme.per:
        return _joined(table, list(zone), theme.aggregation)
    weight = layers["buildings"][theme.per].reindex(table.index)
    totals = _joined(table.mul(weight, axis=0), list(zone), Aggregation.SUM)
    return totals.div(weight.groupby(list(zone)).sum(), axis=0).dropna(subset=["value"])


def place_names(layers: Mapping[str, gpd.GeoDataFrame]) -> dict[str, str]:
    """Return a name per zone that a reader can find: its own, else its id, with its longest named street."""
    zones, links = layers["zones"], layers["links"]
    named = links[links["name"] != ""] if "name" in links.columns else links.iloc[:0]
    points = gpd.GeoDataFrame(
        {"name": named["name"].to_numpy(), "length": named.geometry.length.to_numpy()},
        geometry=named.geometry.representative_point().to_numpy(),
        crs=zones.crs,
    )
    areas = gpd.GeoDataFrame({"zone": zones.index.astype(str)}, geometry=zones.geometry.to_numpy(), crs=zones.crs)
    inside = gpd.sjoin(points, areas, predicate="within")
    lengths = inside.groupby(["zone", "name"])["length"].sum().reset_index()
    longest = lengths.sort_values(["length", "name"]).groupby("zone")["name"].last()
    own = zones["name"] if "name" in zones.columns else pd.Series("", index=zones.index)
    return {
        str(zone): (str(name) or str(zone)) + (f" · {longest[str(zone)]}" if str(zone) in longest.index else "")
        for zone, name in own.items()
    }


def building_names(buildings: gpd.GeoDataFrame, links: gpd.GeoDataFrame) -> dict[str, str]:
    """Return a name per building that a reader can find: its own, else the nearest named street with its id."""
    named = links[links["name"] != ""] if "name" in links.columns else links.iloc[:0]
    streets = dict.fromkeys(map(str, buildings.index), "")
    if len(named) and len(buildings):
        rows, found = named.sindex.nearest(buildings.geometry.to_numpy(), max_distance=NEAR_M, return_all=False)
        streets |= dict(zip(buildings.index[rows].astype(str), named["name"].iloc[found].astype(str), strict=True))
    own = buildings["name"] if "name" in buildings.columns else pd.Series("", index=buildings.index)
    return {
        str(key): str(name) or (f"{streets[str(key)]} · {key}" if streets[str(key)] else str(key))
        for key, name in own.items()
    }


def _joined(table: pd.DataFrame, keys: list[str], aggregation: Aggregation) -> pd.DataFrame:
    groups = table.groupby(keys, sort=True)
    if aggregation is Aggregation.MEAN:
        return groups.mean()
    return groups.sum(min_count=1)
