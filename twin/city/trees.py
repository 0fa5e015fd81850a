"""The layer of trees: what OpenStreetMap says of them, and named rules for what it does not.

The values of the rules are assumptions for trees in streets and parks of European cities; each tree says which rule
filled it. Crowns begin at a quarter of the height, the default of SOLWEIG (F. Lindberg, C. S. B. Grimmond, Theor. Appl.
Climatol. 105 (2011) 311-323, doi:10.1007/s00704-010-0382-8).
"""

from __future__ import annotations

from types import MappingProxyType

import geopandas as gpd
import numpy as np

from twin.city.completion import Completion
from twin.city.geometry import to_metric
from twin.city.schema import TREES

HEIGHT_M = MappingProxyType({False: 12.0, True: 15.0})
"""Height by whether the tree is evergreen (in Europe a conifer, nearly always). Assumption."""
CROWN_SHARE = MappingProxyType({False: 0.6, True: 0.4})
"""Crown diameter over height, deciduous and evergreen. Assumption."""
BASE_SHARE = 0.25
MIN_HEIGHT_M, MAX_HEIGHT_M = 1.0, 80.0


def complete_trees(trees: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Fill every missing value of the trees.

    Rules in their order: ``evergreen`` is ``deciduous``; ``height_m`` by ``crown_diameter``, else by ``evergreen`` or
    ``deciduous``; ``crown_diameter_m`` and ``crown_base_m`` by ``height``. A crown never begins above 90 % of the
    height.

    Parameters
    ----------
    trees : GeoDataFrame
        Points in a metric CRS, indexed by id, with any of the schema's columns.

    Returns
    -------
    GeoDataFrame sorted by id

    Raises
    ------
    SchemaError
        A column of numbers that holds text.
    """
    c = Completion(trees, TREES)
    everywhere = np.ones(len(c.geometry), bool)
    c.fill("evergreen", everywhere, False, "deciduous")
    evergreen = c.values["evergreen"].astype(bool)
    share, usual = (np.where(evergreen, table[True], table[False]) for table in (CROWN_SHARE, HEIGHT_M))
    from_crown = np.clip(c.values["crown_diameter_m"] / share, MIN_HEIGHT_M, MAX_HEIGHT_M)
    c.fill("height_m", ~np.isnan(from_crown), from_crown, "crown_diameter")
    c.fill("height_m", evergreen, usual, "evergreen")
    c.fill("height_m", everywhere, usual, "deciduous")
    height = c.values["height_m"]
    c.fill("crown_diameter_m", everywhere, np.clip(share * height, 0.2, 60.0), "height")
    c.fill("crown_base_m", everywhere, BASE_SHARE * height, "height")
    c.values["crown_base_m"] = np.minimum(c.values["crown_base_m"], 0.9 * height)
    return c.frame()


def trees_of(raw: gpd.GeoDataFrame | None, crs: str) -> tuple[gpd.GeoDataFrame | None, list[str]]:
    """Return the complete layer of raw trees in a metric CRS, None where there are none, and what there is to log.

    Of trees within half a metre of each other, the one with the first id stands for all: they are one tree, entered
    twice.
    """
    if raw is None or len(raw) == 0:
        return None, []
    placed = to_metric(raw, crs).sort_index()
    points = placed.geometry.to_numpy()
    first, second = placed.sindex.query(points, predicate="dwithin", distance=0.5)
    twice = np.zeros(len(placed), bool)
    twice[np.maximum(first, second)[first != second]] = True
    log = [f"trees: {int(twice.sum())} entered twice left out"] if twice.any() else []
    layer = complete_trees(placed[~twice])
    guessed = int(layer["height_m_origin"].str.startswith("imputed").sum())
    log.append(f"trees: {len(layer)} imported, the height of {guessed} filled by rule")
    return layer, log
