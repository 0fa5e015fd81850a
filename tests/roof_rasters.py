"""Surface models of known roofs, for the tests of the segmentation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from twin.city.raster import Raster

CRS = "EPSG:25832"
WEST, NORTH = 500_000.0, 5_600_000.0


@dataclass(frozen=True)
class Roof:
    """A house: centre, length along the ridge and depth across it, the ridge's direction from north, pitch, eaves."""

    kind: str
    x: float
    y: float
    length: float
    depth: float
    ridge_deg: float
    tilt_deg: float
    eaves_m: float = 6.0

    def local(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distances from the centre along and across the ridge."""
        turn = math.radians(self.ridge_deg)
        east, north = x - self.x, y - self.y
        return east * math.sin(turn) + north * math.cos(turn), east * math.cos(turn) - north * math.sin(turn)

    def height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Height above ground, 0 outside."""
        along, across = self.local(x, y)
        side, end = self.depth / 2 - np.abs(across), self.length / 2 - np.abs(along)
        rise = {"flat": 0.0 * side, "gabled": side, "hipped": np.minimum(side, end)}[self.kind]
        return np.where((side >= 0) & (end >= 0), self.eaves_m + rise * math.tan(math.radians(self.tilt_deg)), 0.0)

    def planes(self) -> list[tuple[float, float, float]]:
        """Tilt, azimuth and area of the planes, the largest first."""
        flat = self.length * self.depth
        true = flat / math.cos(math.radians(self.tilt_deg))
        right = (self.ridge_deg + 90.0) % 360.0
        if self.kind == "flat":
            return [(0.0, 0.0, flat)]
        if self.kind == "gabled":
            return [(self.tilt_deg, right, true / 2), (self.tilt_deg, (right + 180.0) % 360.0, true / 2)]
        end = (self.depth / 2) ** 2 / flat * true
        sides = [(self.tilt_deg, (right + turn) % 360.0, true / 2 - end) for turn in (0.0, 180.0)]
        return sides + [(self.tilt_deg, (self.ridge_deg + turn) % 360.0, end) for turn in (0.0, 180.0)]

    def outline(self) -> shapely.Polygon:
        turn = math.radians(self.ridge_deg)
        along = np.array([math.sin(turn), math.cos(turn)]) * self.length / 2
        across = np.array([math.cos(turn), -math.sin(turn)]) * self.depth / 2
        centre = np.array([self.x, self.y])
        return shapely.Polygon([centre + a * along + b * across for a, b in ((1, 1), (1, -1), (-1, -1), (-1, 1))])


def rasters(
    roofs: list[Roof], *, size_m: float = 60.0, cell_m: float = 1.0, noise_m: float = 0.0, ground_m: float = 40.0,
    seed: int = 1,
) -> tuple[Raster, Raster]:  # fmt: skip
    """Surface and ground of roofs whose positions are relative to the south-west corner."""
    n = round(size_m / cell_m)
    x = WEST + (np.arange(n) + 0.5) * cell_m
    y = NORTH - (np.arange(n) + 0.5) * cell_m
    above = sum(roof.height(x[None, :], y[:, None]) for roof in moved(roofs, size_m))
    noise = np.random.default_rng(seed).normal(0.0, noise_m, (n, n)) if noise_m else 0.0
    ground = np.full((n, n), ground_m, np.float32)
    surface = (ground + above + noise).astype(np.float32)
    return Raster(surface, WEST, NORTH, cell_m, CRS, "surface.tif"), Raster(ground, WEST, NORTH, cell_m, CRS, "dtm.tif")


def moved(roofs: list[Roof], size_m: float) -> list[Roof]:
    """Roofs with their centres in the raster's system."""
    return [Roof(r.kind, WEST + r.x, NORTH - size_m + r.y, *(getattr(r, f) for f in ("length", "depth", "ridge_deg", "tilt_deg", "eaves_m"))) for r in roofs]  # noqa: E501  # fmt: skip


def footprints(roofs: list[Roof], size_m: float) -> gpd.GeoDataFrame:
    shapes = [roof.outline() for roof in moved(roofs, size_m)]
    index = [f"house-{k}" for k in range(len(roofs))]
    return gpd.GeoDataFrame(index=index, geometry=shapes, crs=CRS)
