"""Beam on pitched roofs by sweeps against exact geometry: rays from points of roofs against convex houses."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from tests.figures import Recorder
from tests.solar_scenes import box_city
from twin.city.model import City
from twin.solar.scene import scene_of_city, shade
from twin.solar.shapes import Shapes, shapes_of_city
from twin.solar.sky import cosines

SUNS, SIDE = 24, 7


def houses(city: City, roof: str, tilt: float, apart: tuple[float, float], rng: np.random.Generator) -> City:
    """Return a square of houses, each turned by up to 25° (lone ones by any angle), `apart` metres from each other."""
    place = np.indices((SIDE, SIDE)).reshape(2, -1).T * apart + rng.uniform(0.0, 3.0, (SIDE**2, 2))
    size = rng.uniform([9.0, 8.0, 4.0], [24.0, 13.0, 16.0], (SIDE**2, 3))
    turn = rng.uniform(-25.0, 25.0, SIDE**2) if apart[0] < 50.0 else rng.uniform(0.0, 360.0, SIDE**2)
    boxes = [(x, y, w, d, h) for (x, y), (w, d, h) in zip(place.tolist(), size.tolist(), strict=True)]
    out = box_city(city, boxes, roof, tilt)
    frame = out.buildings
    turned = [shapely.affinity.rotate(g, -a, origin="centroid") for g, a in zip(frame.geometry, turn, strict=True)]
    geometry = gpd.GeoSeries(turned, index=frame.index, crs=frame.crs)
    return out.replace(buildings=frame.set_geometry(geometry).assign(roof_azimuth_deg=turn % 360.0))


def bodies(shapes: Shapes) -> list[np.ndarray]:
    """Return every house as half spaces a x + b y + c z <= d, rows (a, b, c, d): four walls, then its planes."""
    s, out = shapes.surfaces, []
    for b, footprint in enumerate(shapes.footprint):
        corner = np.asarray(shapely.orient_polygons(footprint, exterior_cw=False).exterior.coords)
        edge = np.diff(corner, axis=0)
        wall = np.stack([edge[:, 1], -edge[:, 0], np.zeros(4)], axis=1)
        own = np.flatnonzero(shapes.planes.building == b)
        roof = np.stack([-s.slope_x[own], -s.slope_y[own], np.ones(len(own))], axis=1)
        level = s.z0[own] - s.slope_x[own] * s.x0[own] - s.slope_y[own] * s.y0[own]
        off = np.concatenate([(wall[:, :2] * corner[:4]).sum(axis=1), level])
        out.append(np.column_stack([np.concatenate([wall, roof]), off]))
    return out


def points(body: np.ndarray, footprint: shapely.Polygon) -> tuple[np.ndarray, np.ndarray]:
    """Return points of a roof, 40 by 40 in the box around the footprint, and which of its planes each is on."""
    west, south, east, north = footprint.bounds
    step = (np.arange(40) + 0.5) / 40
    xy = np.stack(np.meshgrid(west + step * (east - west), south + step * (north - south)), axis=-1).reshape(-1, 2)
    xy = xy[(xy @ body[:4, :2].T <= body[:4, 3]).all(axis=1)]
    height = body[4:, 3] - xy @ body[4:, :2].T
    return np.column_stack([xy, height.min(axis=1)]), height.argmin(axis=1)


def shaded(point: np.ndarray, toward: np.ndarray, body: np.ndarray) -> np.ndarray:
    """Return which rays from points [n, 3] to suns [suns, 3] meet a body [n, suns]."""
    enters, leaves = np.zeros((len(point), len(toward))), np.full((len(point), len(toward)), np.inf)
    for *normal, off in body:
        speed, room = toward @ normal, (off - point @ normal)[:, None]
        with np.errstate(divide="ignore"):
            way = room / speed
        enters = np.where(speed < 0.0, np.maximum(enters, way), enters)
        leaves = np.where(speed > 0.0, np.minimum(leaves, way), leaves)
    return np.asarray(enters < leaves - 1e-9)


def exact_shares(shapes: Shapes, azimuth: np.ndarray, altitude: np.ndarray) -> np.ndarray:
    """Return the sunlit share of each plane [planes, suns], of planes that face the sun."""
    turn, rise = np.radians(azimuth), np.radians(altitude)
    toward = np.stack([np.cos(rise) * np.sin(turn), np.cos(rise) * np.cos(turn), np.sin(rise)], axis=1)
    solid, out = bodies(shapes), []
    centre = shapely.get_coordinates(shapely.centroid(shapes.footprint))
    reach = shapely.minimum_bounding_radius(shapes.footprint)
    for b, footprint in enumerate(shapes.footprint):
        point, plane = points(solid[b], footprint)
        lit = np.ones((len(point), len(toward)), bool)
        way, near = centre - centre[b], reach + reach[b]
        ahead, aside = way @ toward[:, :2].T, np.abs(way @ np.stack([toward[:, 1], -toward[:, 0]]))
        level = np.cos(rise)
        hits = (ahead > -near[:, None]) & (aside < near[:, None] * level)
        hits &= (
            np.maximum(ahead / level - near[:, None], 0.0) * np.tan(rise) < shapes.top_m[:, None] - point[:, 2].min()
        )
        for o in range(len(solid)):
            some = np.flatnonzero(hits[o])
            if o != b and len(some):
                lit[:, some] &= ~shaded(point, toward[some], solid[o])
        out += [lit[plane == k].mean(axis=0) for k in range(len(solid[b]) - 4)]
    return np.array(out)


@pytest.mark.parametrize(("roof", "tilt"), [("gabled", 30.0), ("gabled", 45.0), ("hipped", 30.0)])
def test_beam_on_pitched_roofs(small_city: City, roof: str, tilt: float, figure: Recorder) -> None:
    ours, exact, whole = [], [], []
    for seed in (3, 4, 5):
        rng = np.random.default_rng(seed)
        city = houses(small_city, roof, tilt, (26.0, 19.0), rng)
        azimuth, altitude = rng.uniform(0.0, 360.0, SUNS), rng.uniform(5.0, 65.0, SUNS)
        shapes, scene = shapes_of_city(city, 1.0), scene_of_city(city)
        size = np.bincount(scene.label[scene.label >= 0], minlength=len(shapes.planes))[:, None]
        beam = cosines(shapes.planes.tilt_deg, shapes.planes.azimuth_deg, azimuth, altitude)
        beam *= shapes.planes.area_m2[:, None]
        first = np.searchsorted(shapes.planes.building, np.arange(shapes.buildings))
        for light, share in (
            (ours, shade(scene, azimuth, altitude)[0] / size),
            (exact, exact_shares(shapes, azimuth, altitude)),
            (whole, 1.0),
        ):
            light.append(np.add.reduceat((beam * share).sum(axis=1), first))
    got, truth, most = (np.concatenate(light) for light in (ours, exact, whole))
    kind, source = f"{roof} {tilt:.0f}°, 1 m", f"exact rays against convex houses, {SUNS} suns of 5° to 65°"
    bias, off = got.sum() / truth.sum() - 1.0, np.percentile(np.abs(got - truth) / most, 95.0)
    figure.check(f"Beam on pitched roofs: bias, {kind}", 100 * bias, 0.0, 0.15, "%", source)
    figure.check(f"Beam on pitched roofs: 95 % of houses within, {kind}", 100 * off, 0.0, 0.8, "% of unshaded", source)


@pytest.mark.parametrize(("roof", "tilt"), [("gabled", 30.0), ("gabled", 45.0), ("hipped", 30.0)])
def test_lone_roofs_do_not_shade_themselves(small_city: City, roof: str, tilt: float, figure: Recorder) -> None:
    rng = np.random.default_rng(3)
    city = houses(small_city, roof, tilt, (300.0, 300.0), rng)
    azimuth, altitude = rng.uniform(0.0, 360.0, SUNS), rng.uniform(5.0, 65.0, SUNS)
    scene = scene_of_city(city)
    size = np.bincount(scene.label[scene.label >= 0], minlength=len(scene.planes))[:, None]
    beam = cosines(scene.planes.tilt_deg, scene.planes.azimuth_deg, azimuth, altitude) * scene.planes.area_m2[:, None]
    lost = 1.0 - (beam * shade(scene, azimuth, altitude)[0] / size).sum() / beam.sum()
    figure.check("Beam on lone pitched roofs: lost", 100 * lost, 0.0, 0.05, "%", "0: convex roofs, 30° and 45°, 1 m")
