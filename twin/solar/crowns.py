"""Tree crowns on the raster, and how much sun they let through in each month.

A crown is a spheroid between its lowest leaves and its top, as wide as its diameter. The beam that passes it is what
was measured behind single street trees: 3 % in leaf, 46 % bare (the middle of 40 % to 52 %), 5.1 % for pine all year.

Source: J. Konarska, F. Lindberg, A. Larsson, S. Thorsson, B. Holmer, Transmissivity of solar radiation through crowns
of single urban trees, Theor. Appl. Climatol. 117 (2014) 363-376, doi:10.1007/s00704-013-1000-3. The 3 % in leaf is the
default of the UMEP manual after it, the 5.1 % for pine as in SEBE studies after it; the bare range as recalled, not
checked at source.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.city.model import City
from twin.solar.ground import ground_height
from twin.solar.scene import Window

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]

LEAF_ON, LEAF_OFF, EVERGREEN = 0.03, 0.46, 0.051
LEAF_MONTHS_NORTH = np.arange(4, 11)
"""April to October (days 97 to 300, the default of UMEP's SOLWEIG); half a year later in the south. In the tropics
leaves stay (assumption)."""
TROPICS_DEG = 23.44


def transmissivity_by_month(latitude: float, evergreen_share: float) -> Float:
    """Return the share of the beam that passes a crown, by month, of trees of which a share keeps its leaves."""
    month = np.arange(1, 13)
    if abs(latitude) < TROPICS_DEG:
        leaves = np.ones(12, bool)
    else:
        leaves = np.isin(month if latitude > 0.0 else (month + 5) % 12 + 1, LEAF_MONTHS_NORTH)
    return np.asarray(evergreen_share * EVERGREEN + (1.0 - evergreen_share) * np.where(leaves, LEAF_ON, LEAF_OFF))


@dataclass(frozen=True)
class Crowns:
    """Spheroid crowns: centre, radius, and heights above sea level of underside and top; arrays [trees]."""

    x: Float
    y: Float
    radius: Float
    low: Float
    high: Float
    evergreen_share: float

    def raster(self, window: Window, surface: Float32, cell_m: float) -> tuple[Float32, Float32]:
        """Return top and underside of the crowns in a window, both the surface where there is none.

        Crowns that overlap are one from the lowest underside to the highest top. A crown whose disc holds no cell
        centre is left out: it is narrower than a cell.
        """
        top, under = np.full(window.shape, -np.inf, np.float32), np.full(window.shape, np.inf, np.float32)
        reach = self.radius / cell_m
        row, column = -self.y / cell_m, self.x / cell_m
        near = (row + reach > window.first_row) & (row - reach < window.last_row)
        near &= (column + reach > window.first_column) & (column - reach < window.last_column)
        for some in np.array_split(np.flatnonzero(near), max(1, int(near.sum()) // 5000)):
            self._add(some, window, cell_m, top, under)
        crown = top > np.maximum(under, surface)
        return np.where(crown, top, surface), np.where(crown, np.maximum(under, surface), surface)

    def _add(self, trees: NDArray[np.int64], window: Window, cell_m: float, top: Float32, under: Float32) -> None:
        first = np.floor(-(self.y[trees] + self.radius[trees]) / cell_m).astype(np.int64)
        left = np.floor((self.x[trees] - self.radius[trees]) / cell_m).astype(np.int64)
        side = np.ceil(2.0 * self.radius[trees] / cell_m).astype(np.int64) + 1
        for width in np.unique(side):
            own = np.flatnonzero(side == width)
            tree = trees[own][:, None, None]
            row = first[own][:, None, None] + np.arange(width)[:, None]
            column = left[own][:, None, None] + np.arange(width)
            dy, dx = -(row + 0.5) * cell_m - self.y[tree], (column + 0.5) * cell_m - self.x[tree]
            depth = 1.0 - (dx**2 + dy**2) / self.radius[tree] ** 2
            i, j = np.broadcast_arrays(row - window.first_row, column - window.first_column)
            here = (depth > 0.0) & (i >= 0) & (i < window.shape[0]) & (j >= 0) & (j < window.shape[1])
            half = np.broadcast_to((self.high - self.low)[tree] / 2, depth.shape)[here] * np.sqrt(depth[here])
            middle = np.broadcast_to((self.high + self.low)[tree] / 2, depth.shape)[here]
            np.maximum.at(top, (i[here], j[here]), (middle + half).astype(np.float32))
            np.minimum.at(under, (i[here], j[here]), (middle - half).astype(np.float32))


def crowns_of(city: City) -> Crowns | None:
    """Return the crowns of a city's trees, None where it has none."""
    trees = city.trees
    if trees is None or len(trees) == 0:
        return None
    xy = shapely.get_coordinates(trees.geometry.to_numpy())
    base = ground_height(city.terrain, xy[:, 0], xy[:, 1])
    radius = trees["crown_diameter_m"].to_numpy(np.float64) / 2
    low, high = (base + trees[name].to_numpy(np.float64) for name in ("crown_base_m", "height_m"))
    area = radius**2
    evergreen = float(area[trees["evergreen"].to_numpy(bool)].sum() / area.sum())
    return Crowns(xy[:, 0], xy[:, 1], radius, low, np.maximum(high, low), evergreen)
