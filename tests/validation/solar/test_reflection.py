"""Reflected light: analytic streets, the balance of energy, and long canyons against Radiance.

Radiance comes with the package pyradiance (extra `test`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.kernels import solar  # noqa: F401
from twin.kernels.registry import get
from twin.solar import reflection
from twin.solar.reflection import STRIPS, Reflected, SkyLight, Streets, reflected, views, width_over_height
from twin.solar.sky import reinhart_sky

WIDTH = 20.0


def wall_view(height: float) -> float:
    """Return the mean sky view factor of the walls of a long canyon of WIDTH."""
    u = WIDTH / height
    return 0.5 * (1.0 + u - np.sqrt(1.0 + u * u))


def floor_view(height: float) -> float:
    r = height / WIDTH
    return float(np.sqrt(1.0 + r * r) - r)


def canyon(height: float, floor_lit: np.ndarray, wall_lit: np.ndarray) -> Streets:
    """Return a canyon along north and south; walls face east and west."""
    share = np.full(2, 2.0 * wall_view(height))
    return Streets(floor_view(height), floor_lit, np.array([90.0, 270.0]), np.ones(2), share, wall_lit)


def sun(zenith: float, azimuth: float, beam: float, diffuse: float) -> SkyLight:
    return SkyLight(*(np.array([value]) for value in (zenith, azimuth, beam, diffuse, 0.0)))


def lit_by_geometry(height: float, zenith: float, azimuth: float) -> tuple[float, float]:
    """Return the lit shares of the floor and of the wall that the sun lights."""
    slope = 1.0 / (np.tan(np.radians(zenith)) * abs(np.sin(np.radians(azimuth))) + 1e-12)
    return max(0.0, 1.0 - height / (WIDTH * slope)), min(1.0, WIDTH * slope / height)


@pytest.mark.parametrize("height", [5.0, 10.0, 20.0, 40.0, 60.0])
def test_width_follows_from_what_walls_see_of_the_sky(height):
    assert width_over_height(2.0 * wall_view(height)) == pytest.approx(WIDTH / height, rel=1e-12)


@pytest.mark.parametrize("height", [10.0, 20.0, 40.0])
def test_first_bounce_of_an_overhead_sun_is_the_view_of_the_floor(height):
    """A lit floor of radiosity J gives its walls J F, and F is by symmetry what they see of the sky."""
    street = canyon(height, np.ones(1), np.zeros((2, 1)))
    light = reflected(street, sun(0.0, 90.0, 800.0, 0.0), 0.25, 0.0, bounces=1)
    assert light.on_walls.mean(axis=1) == pytest.approx(0.25 * 800.0 * wall_view(height), rel=1e-9)
    assert light.ground == pytest.approx(200.0)
    assert light.on_ground == pytest.approx(0.0)


def test_bounces_of_two_surfaces_are_a_geometric_series():
    """Walls so deep that they see only each other: each bounce is the albedo times the one before."""
    street = Streets(0.0, np.zeros(1), np.array([90.0, 270.0]), np.ones(2), np.full(2, 1e-3), np.ones((2, 1)))
    light = sun(60.0, 90.0, 500.0, 0.0)
    first, all_of_them = (reflected(street, light, 0.0, 0.5, bounces=n).on_walls.mean() for n in (1, None))
    assert all_of_them == pytest.approx(first / (1.0 - 0.5), rel=2e-3)


def test_open_plain():
    street = Streets(1.0, np.ones(1), np.array([90.0, 270.0]), np.zeros(2), np.ones(2), np.ones((2, 1)))
    light = reflected(street, sun(40.0, 130.0, 700.0, 150.0), 0.2, 0.4)
    ground = 0.2 * (700.0 * np.cos(np.radians(40.0)) + 150.0)
    assert light.ground == pytest.approx(ground)
    assert light.on_walls.mean() == pytest.approx(0.5 * ground, rel=1e-2)
    assert np.array_equal(views([0.0, 30.0, 90.0], 1.0)[0], 0.5 * (1.0 - np.cos(np.radians([0.0, 30.0, 90.0]))))
    assert not views([0.0, 90.0], 1.0)[1].any()


@settings(max_examples=40, deadline=None)
@given(
    height=st.floats(2.0, 80.0),
    zenith=st.floats(0.0, 89.0),
    azimuth=st.floats(0.0, 360.0),
    ground=st.floats(0.0, 0.9),
    wall=st.floats(0.0, 0.9),
)
def test_light_that_enters_a_street_is_absorbed_or_leaves_it(height, zenith, azimuth, ground, wall):
    """Sun and sky through the opening = absorbed by floor and walls + reflected to the sky."""
    floor_lit, wall_lit = lit_by_geometry(height, zenith, azimuth)
    street = canyon(height, np.array([floor_lit]), np.full((2, 1), wall_lit))
    light, width = sun(zenith, azimuth, 600.0, 120.0), WIDTH / height
    factors, sky_view = reflection._exchange(width)
    area, albedo = np.repeat([1.0, width, 1.0], STRIPS) / STRIPS, np.repeat([wall, ground, wall], STRIPS)
    np.testing.assert_allclose(area[:, None] * factors, (area[:, None] * factors).T, atol=1e-12)
    assert sky_view[STRIPS : 2 * STRIPS].mean() == pytest.approx(floor_view(height), rel=1e-9)
    assert sky_view[:STRIPS].mean() == pytest.approx(wall_view(height), rel=1e-9)
    first = reflection._first_light(street, light, 0, sky_view, width)[:, 0]
    leaving = reflection._leaving(first[:, None], albedo, factors, None)[:, 0]
    absorbed = area @ ((1.0 - albedo) * (first + factors @ leaving))
    entering = width * (600.0 * np.cos(np.radians(zenith)) + 120.0)
    assert absorbed + area @ (sky_view * leaving) == pytest.approx(entering, rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(ground=st.floats(0.0, 0.8), wall=st.floats(0.0, 0.8), more=st.floats(0.0, 0.15))
def test_brighter_surfaces_and_more_bounces_never_darken(ground, wall, more):
    street, light = canyon(20.0, np.array([0.4]), np.full((2, 1), 0.7)), sun(40.0, 70.0, 600.0, 100.0)
    before = reflected(street, light, ground, wall)
    for after in (reflected(street, light, ground + more, wall), reflected(street, light, ground, wall + more)):
        for name in ("ground", "wall", "on_ground", "on_walls"):
            assert np.all(getattr(after, name) >= getattr(before, name) - 1e-9)
    steps = [reflected(street, light, ground, wall, bounces=n).on_walls for n in (1, 2, 3)]
    assert np.all(steps[0] <= steps[1])
    assert np.all(steps[1] <= steps[2])
    assert np.all(steps[2] <= before.on_walls + 1e-9)
    assert not reflected(street, light, 0.0, 0.0).on_walls.any()


def test_turned_cities_reflect_alike():
    """Eight orientations, turned with the sun by an eighth of a circle."""
    rng = np.random.default_rng(1)
    area, share, lit = rng.uniform(1.0, 5.0, 8), rng.uniform(0.2, 0.9, 8), rng.uniform(0.0, 1.0, (8, 3))
    azimuth = np.arange(8) * 45.0
    light = SkyLight(
        np.array([30.0, 60.0, 85.0]), np.array([100.0, 190.0, 300.0]), *np.full((2, 3), 300.0), np.zeros(3)
    )
    turned = SkyLight(light.zenith_deg, light.azimuth_deg + 45.0, light.direct, light.isotropic, light.band)
    before = reflected(Streets(0.6, np.full(3, 0.5), azimuth, area, share, lit), light, 0.2, 0.3)
    rolled = Streets(0.6, np.full(3, 0.5), azimuth, np.roll(area, 1), np.roll(share, 1), np.roll(lit, 1, axis=0))
    after = reflected(rolled, turned, 0.2, 0.3)
    np.testing.assert_allclose(np.roll(before.on_walls, 1, axis=0), after.on_walls, rtol=1e-9)
    np.testing.assert_allclose(before.wall, after.wall, rtol=1e-9)
    np.testing.assert_allclose(before.ground, after.ground, rtol=1e-9)


class Swept:
    """A canyon of 1 m cells, long to the north and south, looked at in its middle row by the sweep kernels."""

    def __init__(self, height: float) -> None:
        rows, self.side, across = 801, 25, int(WIDTH)
        self.surface = np.full((rows, 2 * self.side + across), height, np.float32)
        self.floor = slice(self.side, self.side + across)
        self.surface[:, self.floor] = 0.0
        self.middle, self.height = rows // 2, height

    def floor_lit(self, azimuth: np.ndarray, altitude: np.ndarray, weight: np.ndarray) -> float:
        none, zero = np.zeros((0, 0), np.float32), np.zeros_like(self.surface)
        grids = self.surface, self.surface, none, none, none, none, zero, zero, np.ones_like(zero)
        suns = azimuth, altitude, (weight / np.sin(np.radians(altitude))).astype(np.float32)
        lit = get("solar.beam_sum", "numba")(*grids, 1.0, 1.0, 0, 0, *suns)
        return float(lit[self.middle, self.floor].mean(dtype=np.float64))

    def walls_lit(self, azimuth: np.ndarray, altitude: np.ndarray) -> np.ndarray:
        """Return the sunlit share [2, suns] of the walls facing east and west, while the sun is in front of them."""
        none = np.zeros((0, 0), np.float32)
        column = np.array([self.floor.start, self.floor.stop - 1])
        ends = np.zeros(2, np.float32), np.full(2, self.height, np.float32)
        place = np.full(2, self.middle), column, *ends
        return get("solar.wall_sunlit", "numba")(
            self.surface, none, none, none, none, np.ones(len(azimuth)), *place, 1.0, 0, 0, azimuth, altitude
        )  # fmt: skip

    def streets(self, zenith: np.ndarray, azimuth: np.ndarray) -> Streets:
        """Return what the sweep sees of suns and sky."""
        sky, normal = reinhart_sky(), np.array([90.0, 270.0])
        vault = sky.azimuth_deg, sky.altitude_deg
        floor = self.floor_lit(*vault, sky.solid_angle * np.sin(np.radians(sky.altitude_deg))) / np.pi
        cosine = sky.cosines(np.full(2, 90.0), normal)
        walls = (self.walls_lit(*vault) * cosine) @ sky.solid_angle / (cosine @ sky.solid_angle)
        suns = np.atleast_1d(azimuth), 90.0 - np.atleast_1d(zenith)
        lit = np.array([self.floor_lit(a[None], e[None], np.ones(1)) for a, e in zip(*suns, strict=True)])
        return Streets(floor, lit, normal, np.ones(2), walls, self.walls_lit(*suns))


def received(street: Streets, light: SkyLight, answer: Reflected) -> np.ndarray:
    """Return the mean irradiation (floor, east-facing wall, west-facing wall; hours)."""
    zenith = np.radians(light.zenith_deg)
    floor = light.direct * np.cos(zenith) * street.ground_lit + light.isotropic * street.ground_sky
    turn = np.radians(light.azimuth_deg - street.wall_azimuth_deg[:, None])
    walls = light.direct * np.maximum(np.sin(zenith) * np.cos(turn), 0.0) * street.wall_lit
    walls += 0.5 * street.wall_sky[:, None] * light.isotropic
    return np.vstack([floor + answer.on_ground, walls + answer.on_walls.mean(axis=1)])


def radiance(pyradiance, folder: Path, height, ground, wall, light: SkyLight, hour: int, bounces: int) -> np.ndarray:
    """Return the mean irradiation of floor and walls by ray tracing, from 60 points across each."""
    length, n = 2000.0, 60
    corners = {
        "ground": [(0, -1, 0), (1, -1, 0), (1, 1, 0), (0, 1, 0)],
        "west": [(0, -1, 0), (0, 1, 0), (0, 1, 1), (0, -1, 1)],
        "east": [(1, -1, 0), (1, -1, 1), (1, 1, 1), (1, 1, 0)],
    }
    lines = [f"void plastic {m} 0 0 5 {a} {a} {a} 0 0" for m, a in (("stone", ground), ("plaster", wall))]
    for name, polygon in corners.items():
        points = " ".join(f"{x * WIDTH} {y * length} {z * height}" for x, y, z in polygon)
        lines.append(f"{'stone' if name == 'ground' else 'plaster'} polygon {name} 0 0 12 {points}")
    zenith, azimuth = np.radians(light.zenith_deg[hour]), np.radians(light.azimuth_deg[hour])
    if light.isotropic[hour] > 0.0:
        bright = light.isotropic[hour] / np.pi
        lines += [f"void glow glow 0 0 4 {bright} {bright} {bright} 0", "glow source sky 0 0 4 0 0 1 180"]
    if light.direct[hour] > 0.0:
        bright = light.direct[hour] / (np.pi * np.sin(np.radians(0.25)) ** 2)
        towards = np.sin(zenith) * np.sin(azimuth), np.sin(zenith) * np.cos(azimuth), np.cos(zenith)
        lines += [f"void light sun 0 0 3 {bright} {bright} {bright}"]
        lines += [f"sun source disc 0 0 4 {towards[0]} {towards[1]} {towards[2]} 0.5"]
    (folder / "canyon.rad").write_text("\n".join(lines) + "\n")
    (folder / "canyon.oct").write_bytes(pyradiance.oconv(str(folder / "canyon.rad")))
    step = (np.arange(n) + 0.5) / n
    sensors = [f"{x} 0 1e-3 0 0 1" for x in WIDTH * step]
    sensors += [f"1e-3 0 {z} 1 0 0" for z in height * step]
    sensors += [f"{WIDTH - 1e-3} 0 {z} -1 0 0" for z in height * step]
    settings = f"-ab {bounces} -aa 0 -ad 256 -as 0 -lw 1e-4 -dc 1 -dt 0 -dj 0".split()
    said = pyradiance.rtrace(
        ("\n".join(sensors) + "\n").encode(),
        str(folder / "canyon.oct"),
        header=False,
        irradiance=True,
        params=settings,
    )
    red = np.array([float(line.split()[0]) for line in said.decode().splitlines() if line.strip()])
    return red.reshape(3, n).mean(axis=1)


HOURS = SkyLight(
    zenith_deg=np.array([30.0, 60.0, 62.0, 45.0, 80.0, 50.0]),
    azimuth_deg=np.array([120.0, 105.0, 200.0, 275.0, 110.0, 180.0]),
    direct=np.array([800.0, 600.0, 600.0, 700.0, 300.0, 0.0]),
    isotropic=np.array([110.0, 90.0, 90.0, 100.0, 60.0, 250.0]),
    band=np.zeros(6),
)


@pytest.mark.parametrize("height", [10.0, 20.0, 40.0])
@pytest.mark.parametrize("wall", [0.3, 0.5])
def test_long_canyon_against_radiance(tmp_path, height, wall):
    """Sun and sky, all bounces: floor and walls within 5 % over the hours, and 2 W/m2 or 8 % in each of them."""
    pyradiance = pytest.importorskip("pyradiance")
    street = Swept(height).streets(HOURS.zenith_deg, HOURS.azimuth_deg)
    ours = received(street, HOURS, reflected(street, HOURS, 0.2, wall))
    rays = np.array([radiance(pyradiance, tmp_path, height, 0.2, wall, HOURS, hour, bounces=6) for hour in range(6)]).T
    np.testing.assert_allclose(ours.sum(axis=1), rays.sum(axis=1), rtol=0.05)
    np.testing.assert_allclose(ours, rays, rtol=0.08, atol=2.0)


@pytest.mark.parametrize("height", [10.0, 20.0, 40.0])
def test_bounces_of_the_sun_against_radiance(tmp_path, height):
    """Sun alone: one and two bounces are Radiance's with -ab 1 and -ab 2."""
    pyradiance = pytest.importorskip("pyradiance")
    light = SkyLight(*(a[:5] for a in (HOURS.zenith_deg, HOURS.azimuth_deg, HOURS.direct)), np.zeros(5), np.zeros(5))
    street = Swept(height).streets(light.zenith_deg, light.azimuth_deg)
    for bounces in (1, 2):
        ours = received(street, light, reflected(street, light, 0.2, 0.4, bounces))
        rays = np.array([radiance(pyradiance, tmp_path, height, 0.2, 0.4, light, hour, bounces) for hour in range(5)]).T
        np.testing.assert_allclose(ours.sum(axis=1), rays.sum(axis=1), rtol=0.05)


def test_strips_of_a_wall_are_lit_from_below():
    """In a deep street with a lit floor the lowest strip receives most."""
    street = canyon(40.0, np.ones(1), np.zeros((2, 1)))
    light = reflected(street, sun(0.0, 90.0, 800.0, 0.0), 0.3, 0.0)
    assert light.on_walls.shape == (2, STRIPS, 1)
    assert np.all(np.diff(light.on_walls[:, :, 0], axis=1) < 0.0)


def test_facades_of_the_mean_street_receive_what_its_walls_do():
    street, light = canyon(20.0, np.array([0.4]), np.full((2, 1), 0.7)), sun(40.0, 70.0, 600.0, 100.0)
    answer = reflected(street, light, 0.2, 0.4)
    mean = answer.on_facades(street.wall_sky[None, :])
    np.testing.assert_allclose(mean[0], answer.on_walls.mean(axis=(1, 2)))
    assert answer.on_facades(np.full((5, 2), 0.9)).shape == (5, 2)
