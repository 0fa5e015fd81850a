"""Light that ground and walls throw back: what roofs see of it, and what walls receive of it.

The walls of a city face each other across streets. For every axis of walls (two opposite orientations) there is one
mean street: a long canyon whose width over height gives the sky that those walls see in the mean. Its walls and floor
are cut into strips; each strip receives sun and sky, and reflects its albedo diffusely to the others and to the sky:
J = rho (E + F J), with view factors F by Hottel's crossed strings, exact for long strips. The sun reaches the upper
part of a wall, in the share that the shadow kernels counted, and the floor from the wall that it lights up to the
shadow of the other.

Strips matter: the floor of a deep street sees the dark lower part of its walls, not their mean (twice as bright at a
height of twice the width), and a shaded wall is far from the lit part of the floor.

Assumptions: all surfaces are diffuse; opposite walls are equally high; streets are long; the ground that roofs see is
the mean open ground of the city, and the walls that they see are the upper halves of walls, by area.

Method: H. C. Hottel, "Radiant heat transmission", in W. H. McAdams, "Heat Transmission", 3rd edition (1954); radiosity
of diffuse grey enclosures, J. R. Howell, M. P. Menguc, K. Daun and R. Siegel, "Thermal Radiation Heat Transfer", 7th
edition (2020), chapter 5; streets as mean canyons: V. Masson, "A physically-based scheme for the urban energy budget in
atmospheric models", Boundary-Layer Meteorology 94, 357-397 (2000), doi 10.1023/A:1002463829265.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

STRIPS = 8
"""Strips of a wall and of a floor."""

_MOST_OPEN = 0.998  # sky share of walls whose street is 500 times as wide as high; wider streets change nothing


@dataclass(frozen=True)
class Streets:
    """What reflects in a city: its open ground, and its walls by orientation [k], over hours [t].

    Parameters
    ----------
    ground_sky : float
        Mean sky view factor of open ground.
    ground_lit : (t,)
        Share of the open ground that the sun reaches, 0 to 1.
    wall_azimuth_deg : (k,)
        Outward normals, clockwise from north, all round: orientation ``i + k / 2`` is opposite to ``i``.
    wall_area_m2 : (k,)
        Wall area by orientation; only the proportions count.
    wall_sky : (k,)
        Mean share of the sky half of a wall that is not blocked, 0 to 1: twice its sky view factor.
    wall_lit : (k, t)
        Share of the walls that the sun reaches while it stands in front of them, 0 to 1.
    """

    ground_sky: float
    ground_lit: Floats
    wall_azimuth_deg: Floats
    wall_area_m2: Floats
    wall_sky: Floats
    wall_lit: Floats


@dataclass(frozen=True)
class SkyLight:
    """The sun, and the coefficients of the Perez sky (kernel family ``solar.sky``) in W/m2, by hour (t,)."""

    zenith_deg: Floats
    azimuth_deg: Floats
    direct: Floats
    isotropic: Floats
    band: Floats


@dataclass(frozen=True)
class Reflected:
    """Reflected light by hour, W/m2.

    Parameters
    ----------
    ground : (t,)
        Radiosity of the open ground.
    wall : (t,)
        Mean radiosity of the upper halves of the walls, which is what roofs see of walls.
    on_ground : (t,)
        What open ground receives from walls.
    on_walls : (k, STRIPS, t)
        What the walls of mean streets receive from the ground and from the walls opposite, lowest strip first.
    wall_sky : (k,)
        Mean sky share of the walls, as in `Streets`.
    """

    ground: Floats
    wall: Floats
    on_ground: Floats
    on_walls: Floats
    wall_sky: Floats

    def on_facades(self, sky_share: ArrayLike) -> Floats:
        """Return what walls (n, k) receive over all hours, Wh/m2, by orientation and their own sky shares.

        A wall with the mean share of its orientation receives what the walls of the mean street do. Others receive
        in proportion to `views`: more ground in the open, more wall in narrow streets.
        """
        own, mean = (self._seen(np.asarray(share, np.float64)) for share in (sky_share, self.wall_sky))
        ratio = np.divide(own, mean, out=np.zeros_like(own), where=mean > 0.0)
        light: Floats = ratio * self.on_walls.mean(axis=1).sum(axis=-1)
        return light

    def _seen(self, share: Floats) -> Floats:
        ground_view, wall_view = views(90.0, share)
        return ground_view * self.ground.sum() + wall_view * self.wall.sum()


def views(tilt_deg: ArrayLike, sky_share: ArrayLike) -> tuple[Floats, Floats]:
    """Return the view factors of ground and of walls of planes; with the sky's they add up to one.

    Parameters
    ----------
    tilt_deg : array_like
        Tilt of the planes; 90 for walls.
    sky_share : array_like
        Share of the sky half above the plane that is not blocked, weighted by the cosine of incidence: the sky view
        factor is ``sky_share * (1 + cos(tilt)) / 2``.

    Returns
    -------
    ground_view, wall_view : arrays of the broadcast shape

    Notes
    -----
    What stands above the horizon hides the same share of the half below it. That is exact for the mean over the walls
    of a street of equal heights, where the view of the floor is that of the sky by symmetry, and in the open, where
    the ground view is (1 - cos tilt) / 2; elsewhere it is an assumption.
    """
    tilt, share = np.broadcast_arrays(np.asarray(tilt_deg, np.float64), np.asarray(sky_share, np.float64))
    return share * (0.5 * (1.0 - np.cos(np.radians(tilt)))), 1.0 - share


def width_over_height(sky_share: ArrayLike) -> Floats:
    """Return the width over height of the long street whose walls have a mean sky share (twice their sky view factor).

    The mean sky view factor of such a wall is (1 + u - sqrt(1 + u^2)) / 2, u being width over height, solved for u.
    """
    share = np.clip(np.asarray(sky_share, np.float64), 1e-3, _MOST_OPEN)
    width: Floats = share * (2.0 - share) / (2.0 * (1.0 - share))
    return width


def reflected(
    streets: Streets, sky: SkyLight, ground_albedo: float, wall_albedo: float, bounces: int | None = None
) -> Reflected:
    """Return the light that ground and walls reflect in every hour.

    Parameters
    ----------
    streets, sky
        Over the same hours.
    ground_albedo, wall_albedo : float
        Shares of the light that ground and walls reflect, 0 to less than 1.
    bounces : int, optional
        How often light is reflected; without it all bounces.

    Notes
    -----
    The horizon band of the sky reaches a wall in its sky share; a dark band takes no more than the rest of the sky
    gives.
    """
    axes, hours = len(streets.wall_azimuth_deg) // 2, len(sky.direct)
    area = np.asarray(streets.wall_area_m2, np.float64)
    share = area / area.sum() if area.sum() > 0.0 else np.full(2 * axes, 0.5 / axes)
    on_walls = np.empty((2 * axes, STRIPS, hours))
    wall, from_walls = np.zeros(hours), np.zeros(hours)
    for axis in range(axes):
        pair = [axis, axis + axes]
        weight = share[pair].sum()
        open_share = np.average(streets.wall_sky[pair], weights=share[pair] if weight > 0.0 else None)
        factors, sky_view = _exchange(float(width_over_height(open_share)))
        albedo = np.repeat([wall_albedo, ground_albedo, wall_albedo], STRIPS)
        first = _first_light(streets, sky, axis, sky_view, float(width_over_height(open_share)))
        leaving = _leaving(first, albedo, factors, bounces)
        received = factors @ leaving
        on_walls[axis], on_walls[axis + axes] = received[:STRIPS][::-1], received[2 * STRIPS :]
        upper = np.stack([leaving[: STRIPS // 2].mean(axis=0), leaving[-STRIPS // 2 :].mean(axis=0)])
        wall += share[pair] @ upper
        floor = slice(STRIPS, 2 * STRIPS)
        from_walls += weight * received[floor].mean(axis=0) / (1.0 - sky_view[floor].mean())
    up = np.maximum(np.cos(np.radians(sky.zenith_deg)), 0.0)
    on_ground = (1.0 - streets.ground_sky) * from_walls
    first = sky.direct * up * streets.ground_lit + sky.isotropic * streets.ground_sky
    twice = on_ground if bounces is None or bounces > 1 else 0.0
    return Reflected(
        ground_albedo * (first + twice), wall, on_ground, on_walls, np.asarray(streets.wall_sky, np.float64)
    )


def _exchange(width: float) -> tuple[Floats, Floats]:
    """Return the view factors between the strips of a street of height 1, and those of the sky.

    Strips go down one wall, across the floor and up the other wall.
    """
    steps, ones = np.linspace(0.0, 1.0, STRIPS + 1), np.ones(STRIPS)
    x = np.concatenate([0.0 * ones, width * steps, width * ones])
    y = np.concatenate([1.0 - steps[:-1], 0.0 * steps, steps[1:]])
    string = np.hypot(x[:, None] - x[None, :], y[:, None] - y[None, :])
    crossed, uncrossed = string[:-1, :-1] + string[1:, 1:], string[1:, :-1] + string[:-1, 1:]
    length = np.diagonal(string, 1)
    factors = np.abs(crossed - uncrossed) / (2.0 * length[:, None])
    np.fill_diagonal(factors, 0.0)
    return factors, 1.0 - factors.sum(axis=1)


def _first_light(streets: Streets, sky: SkyLight, axis: int, sky_view: Floats, width: float) -> Floats:
    """Return what the strips (3 STRIPS, t) of a street receive from sun and sky."""
    axes = len(streets.wall_azimuth_deg) // 2
    up = np.cos(np.radians(sky.zenith_deg))
    sun = sky.direct * (up > 0.0)
    ahead = np.sqrt(1.0 - up**2) * np.cos(np.radians(sky.azimuth_deg - streets.wall_azimuth_deg[axis]))
    with np.errstate(divide="ignore", over="ignore"):
        floor_lit = np.clip(1.0 - np.abs(ahead) / (width * np.maximum(up, 1e-12)), 0.0, 1.0)
    order = np.arange(STRIPS)[:, None]
    light = np.empty((3 * STRIPS, len(sun)))
    light[:STRIPS] = sun * np.maximum(ahead, 0.0) * np.clip(streets.wall_lit[axis] * STRIPS - order, 0.0, 1.0)
    light[2 * STRIPS :] = sun * np.maximum(-ahead, 0.0)
    light[2 * STRIPS :] *= np.clip(streets.wall_lit[axis + axes] * STRIPS - order[::-1], 0.0, 1.0)
    from_wall = np.where(ahead >= 0.0, order, order[::-1])  # strips between the wall that the sun lights and this one
    light[STRIPS : 2 * STRIPS] = sun * up * np.clip(floor_lit * STRIPS - from_wall, 0.0, 1.0)
    band = np.repeat([2.0, 0.0, 2.0], STRIPS)[:, None] * sky.band
    return light + sky_view[:, None] * np.maximum(sky.isotropic + band, 0.0)


def _leaving(first: Floats, albedo: Floats, factors: Floats, bounces: int | None) -> Floats:
    """Return the radiosity of the strips."""
    own, exchange = albedo[:, None] * first, albedo[:, None] * factors
    leaving: Floats = own
    if bounces is None:
        leaving = np.asarray(np.linalg.solve(np.eye(len(own)) - exchange, own), np.float64)
    else:
        for _ in range(bounces - 1):
            leaving = own + exchange @ leaving
    return leaving
