"""What the solar comparisons share: a random city of boxes on a 1 m raster, a site, its suns and its weather."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

LATITUDE, LONGITUDE, UTC_OFFSET_H = 48.0, 11.0, 1.0
SIDE = 1000
LEVEL_WITHOUT_TREES = (np.zeros((0, 0), np.float32),) * 4  # slopes and crowns of the sweep kernels


@cache
def boxes(side: int = SIDE) -> tuple[tuple[int, int, int, int, float], ...]:
    """Return first row, first column, rows, columns and height of 900 boxes per km2, some of them overlapping."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(round(900 * side * side / 1e6)):
        row, column = rng.integers(0, side - 40, 2)
        rows, columns = rng.integers(8, 40, 2)
        made.append((int(row), int(column), int(rows), int(columns), float(np.float32(rng.uniform(4, 52)))))
    return tuple(made)


@cache
def heights(side: int = SIDE) -> np.ndarray:
    """Return the surface (rows from the north) in m; where boxes overlap the highest stands."""
    return _raised(side)[0]


@cache
def labels(side: int = SIDE) -> tuple[np.ndarray, int]:
    """Return the box that each cell is the roof of, -1 on the ground, and the number of boxes."""
    return _raised(side)[1], len(boxes(side))


def _raised(side: int) -> tuple[np.ndarray, np.ndarray]:
    surface, label = np.zeros((side, side), np.float32), np.full((side, side), -1, np.int32)
    for number, (row, column, rows, columns, height) in enumerate(boxes(side)):
        here = np.s_[row : row + rows, column : column + columns]
        higher = surface[here] < height
        surface[here][higher], label[here][higher] = height, number
    return surface, label


def octant_suns(altitude_deg: float, count: int) -> np.ndarray:
    """Return azimuths of `count` suns all round; none stands exactly on an axis or a diagonal."""
    return (np.arange(count) + 0.37) * 360.0 / count + 0.01 * altitude_deg


@cache
def year() -> dict[str, np.ndarray]:
    """Return the hours of a year with the sun up: sun, beam and Perez sky of clear-sky-like weather."""
    from twin.kernels import solar  # noqa: F401
    from twin.kernels.registry import get
    from twin.kernels.solar.position import extraterrestrial_of_year, sun_of_year

    zenith, azimuth = sun_of_year(LATITUDE, LONGITUDE, UTC_OFFSET_H)
    extra = extraterrestrial_of_year()
    rng = np.random.default_rng(0)
    cosine = np.maximum(np.cos(np.radians(zenith)), 0.0)
    dni = np.where(cosine > 0.02, extra * rng.uniform(0.1, 0.7, 8760), 0.0)
    dhi = extra * cosine * rng.uniform(0.1, 0.3, 8760)
    ghi = dhi + dni * cosine
    direct, isotropic, band, ground = get("solar.sky", "numba")(dni, dhi, ghi, zenith, extra, 0.2)
    series = {"zenith": zenith, "azimuth": azimuth, "extra": extra, "dni": dni, "dhi": dhi, "ghi": ghi}
    series |= {"direct": direct, "isotropic": isotropic, "band": band, "ground": ground}
    up = np.flatnonzero(zenith < 90.0)
    return {name: np.ascontiguousarray(a[up]) for name, a in series.items()} | {"hour": up}


def patches() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return azimuth, altitude and solid angle of the 577 patches of Reinhart's sky."""
    from twin.solar.sky import reinhart_sky

    sky = reinhart_sky()
    return sky.azimuth_deg, sky.altitude_deg, sky.solid_angle


def beam(surface: np.ndarray, variant: str = "numba") -> Any:
    """Return `solar.beam_sum` of a surface of horizontal cells without trees, as a call of suns and weights."""
    from twin.kernels import solar  # noqa: F401
    from twin.kernels.registry import get

    kernel = get("solar.beam_sum", variant)
    zero, one = np.zeros_like(surface), np.ones_like(surface)

    def call(azimuth: np.ndarray, altitude: np.ndarray, weight: np.ndarray) -> np.ndarray:
        suns = azimuth.astype(np.float64), altitude.astype(np.float64), weight.astype(np.float32)
        return kernel(surface, surface, *LEVEL_WITHOUT_TREES, zero, zero, one, 1.0, 1.0, 0, 0, *suns)

    return call
