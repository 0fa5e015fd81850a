"""Where ``twin solar`` takes a city from: a package, the library, a 3D city file, or a surface model."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from twin.city.model import City
from twin.errors import UsageError
from twin.solar.uncertainty import UncertaintyParameters, with_other_heights

if TYPE_CHECKING:
    from twin.city.raster_align import Heights
    from twin.solar.roofs import Roofs
    from twin.solar.scene import Scene
    from twin.solar.segment import Segmentation
    from twin.solar.sources import RasterSource

Say = Callable[[str, int, int], None]
RASTERS = (".tif", ".tiff")
RASTER_OPTIONS = ("ground", "above_ground", "canopy", "footprints")


@dataclass(frozen=True)
class Source:
    """A city, and how its roofs are found again when its heights change.

    `planes` holds the outlines of roof planes by plane id where the source has them; `cityjson` is the file that takes
    the results back; `scene` the raster of a surface model and `building` the building of each of its cells.
    """

    city: City
    planes: gpd.GeoDataFrame | None = None
    cityjson: Path | None = None
    scene: Scene | None = None
    building: np.ndarray | None = None

    def roofs(self, say: Say) -> Roofs:
        """Return the roof planes and their light."""
        from twin.solar.roofs import prepare_roofs, roofs_of_scene, site_of

        def progress(done: int, total: int) -> None:
            say("shade of the buildings", done, total)

        if self.scene is None:
            return prepare_roofs(self.city, progress=progress)
        roofs = roofs_of_scene(self.walled(), site_of(self.city.weather), progress=progress)
        if self.planes is None:
            return roofs
        outline = self.planes.geometry.reindex(roofs.plane_id).to_numpy()
        return replace(roofs, outline=outline, inner_area_m2={})

    def walled(self) -> Scene:
        """Return the scene of a surface model with the walls of the city's outlines."""
        from twin.solar.shapes import storey_heights
        from twin.solar.walls import walls_of_raster

        scene, building = self.scene, self.building
        if scene is None or building is None:
            raise ValueError("only a surface model has a scene")
        outlines = self.city.buildings.geometry.to_numpy()
        walls = walls_of_raster(scene, building, self.city.terrain.height_m, outlines)
        return replace(scene, walls=walls, storey_m=storey_heights(self.city))

    def walls(self) -> RasterSource | None:
        """Return where the walls of single buildings stand in a surface model; None where the city tells."""
        from twin.solar.sources import RasterSource

        return None if self.scene is None else RasterSource(self.walled())

    def redrawn(self, parameters: UncertaintyParameters, seed: int, draw: int) -> tuple[City, Roofs]:
        """Return the city with heights drawn anew, and its roofs."""
        other = with_other_heights(self.city, parameters, seed, draw)
        if self.scene is None or self.building is None:
            return other, Source(other).roofs(lambda *_: None)
        change = (other.buildings["height_m"] - self.city.buildings["height_m"]).to_numpy(np.float32)
        lift = np.append(change, np.float32(0.0))[self.building]
        scene = replace(self.scene, surface_m=self.scene.surface_m + lift, receiver_m=self.scene.receiver_m + lift)
        return other, Source(other, self.planes, scene=scene, building=self.building).roofs(lambda *_: None)

    @property
    def measured_roofs(self) -> bool:
        """Whether tilt and azimuth come from measured heights."""
        return self.scene is not None


def open_source(options: argparse.Namespace, say: Say) -> Source:
    """Read what SOURCE names.

    Raises
    ------
    UsageError
        Options that do not go together.
    TwinError
        Files that cannot be used; see the readers.
    """
    path = Path(options.source)
    suffix = path.suffix.lower()
    given = [f"--{name.replace('_', '-')}" for name in RASTER_OPTIONS if getattr(options, name)]
    if given and suffix not in RASTERS:
        raise UsageError(f"{given[0]} goes with a surface model (GeoTIFF) only", where=str(path))
    read = _from_rasters if suffix in RASTERS else _from_city
    source = _with_weather(read(path, options, say), options)
    if not options.title:
        return source
    return replace(source, city=source.city.replace(meta=replace(source.city.meta, title=options.title)))


def _from_city(path: Path, options: argparse.Namespace, say: Say) -> Source:
    from twin.city.importing import import_city
    from twin.city.library import find_city
    from twin.city.solids_file import solid_format

    if not path.is_file() or path.suffix.lower() in (".yaml", ".yml"):
        if options.weather and not options.weather.lower().endswith(".epw"):
            raise UsageError(f"--weather {options.weather} is no weather file", expected="an .epw file")
        city = find_city(options.source, progress=lambda text, *_: say(text, 0, 0))
        return Source(city, city.roof_planes)
    form = solid_format(path)
    if form is None:
        raise UsageError(
            "this is no source of roofs", where=str(path),
            expected="a city package or the name of one, a CityJSON or CityGML file, or a surface model (GeoTIFF)",
            remedy="make a city package of other files with twin import",
        )  # fmt: skip
    name = path.name.split(".")[0]
    city = import_city(path, name, weather=options.weather, crs=options.crs, progress=lambda text, *_: say(text, 0, 0))
    return Source(city, city.roof_planes, cityjson=path if "json" in form.lower() else None)


def _with_weather(source: Source, options: argparse.Namespace) -> Source:
    """Return the source under the weather that was named."""
    from twin.city.epw import check_weather_location, read_epw

    if not options.weather or not options.weather.lower().endswith(".epw"):
        return source
    weather = read_epw(options.weather)
    check_weather_location(weather, source.city.meta.latitude, source.city.meta.longitude)
    return replace(source, city=source.city.replace(weather=weather))


def _from_rasters(path: Path, options: argparse.Namespace, say: Say) -> Source:
    from twin.city.door import open_vector
    from twin.city.raster import read_raster
    from twin.city.raster_align import align
    from twin.solar.segment import scene_of, segment_roofs

    if not options.ground:
        raise UsageError("a surface model needs the terrain below it", remedy="name it with --ground")
    say("reading the surface model", 0, 0)
    canopy = read_raster(options.canopy, "canopy") if options.canopy else None
    surface = read_raster(path, "height" if options.above_ground else "surface")
    heights = align(surface, read_raster(options.ground, "ground"), canopy, above_ground=options.above_ground)
    say("finding roof planes", 0, 0)
    footprints = None
    if options.footprints:
        footprints = open_vector(options.footprints).to_crs(heights.crs)
        width = len(str(len(footprints)))
        footprints.index = pd.Index([f"b{i:0{width}d}" for i in range(len(footprints))], name="building_id")
    found = segment_roofs(heights, footprints)
    say("making the city", 0, 0)
    city, planes = _city_of_rasters(found, footprints, path, options.weather, say)
    # What could not be repaired is no building of the city; its cells still cast shadow.
    row = city.buildings.index.get_indexer(found.building_ids)
    building = np.append(row, -1)[found.building]
    return Source(city, planes, scene=_of_buildings(scene_of(found), row, len(city.buildings)), building=building)


def _of_buildings(scene: Scene, row: np.ndarray, count: int) -> Scene:
    """Return a scene whose buildings have other numbers, `row` (-1: none, its planes are left out)."""
    number = row[scene.planes.building]
    kept = np.flatnonzero(number >= 0)
    kept = kept[np.argsort(number[kept], kind="stable")]
    place = np.full(len(number) + 1, -1, np.int32)
    place[kept] = np.arange(len(kept))
    planes = replace(scene.planes.take(kept), building=number[kept])
    return replace(scene, planes=planes, label=place[scene.label], buildings=count)


def _city_of_rasters(
    found: Segmentation, footprints: gpd.GeoDataFrame | None, path: Path, weather: str | None, say: Say
) -> tuple[City, gpd.GeoDataFrame]:
    """Return the city that the buildings of a surface model make, and the outlines of their roof planes."""
    from twin.city.door import sha256
    from twin.city.importing import city_of_buildings
    from twin.city.model import Source as Origin
    from twin.city.model import Terrain

    heights, ids = found.heights, [str(i) for i in found.building_ids]
    above = heights.surface_m - heights.ground_m
    inside = found.building >= 0
    order = np.argsort(found.building[inside], kind="stable")
    split = np.searchsorted(found.building[inside][order], np.arange(1, len(ids)))
    # The lower fifth of the roof: its eaves, or its whole where it is flat.
    eaves = [float(np.quantile(part, 0.2)) for part in np.split(above[inside][order], split)]
    outline = footprints.geometry.reindex(ids) if footprints is not None else _outlines(found.building, heights, ids)
    buildings = gpd.GeoDataFrame(
        {"height_m": np.maximum(eaves, 1.5), "height_m_origin": pd.array(["measured"] * len(ids), "str")},
        index=pd.Index(pd.array(ids, "str"), name="building_id"),
        geometry=outline.to_numpy(),
        crs=heights.crs,
    ).sort_index()
    origin = Origin(path.stem, path.name, "as the owner of the file says", "the owner of the file", sha256=sha256(path))
    terrain = Terrain(heights.ground_m.astype(np.float64), heights.west, heights.north, heights.cell_m)
    name = "".join(c if c.isalnum() or c in "-_" else "-" for c in path.stem) or "city"
    city = city_of_buildings(
        buildings, name, origin, terrain=terrain, weather=weather, log=heights.repairs,
        progress=lambda text: say(text, 0, 0),
    )  # fmt: skip
    planes = _outlines(found.label, heights, [str(i) for i in found.planes.ids])
    return city, gpd.GeoDataFrame(geometry=planes, crs=heights.crs)


def _outlines(number: np.ndarray, heights: Heights, ids: list[str]) -> gpd.GeoSeries:
    """Return the outlines of numbered cells, smoothed by less than a cell."""
    import rasterio.features
    from rasterio.transform import Affine

    transform = Affine(heights.cell_m, 0.0, heights.west, 0.0, -heights.cell_m, heights.north)
    pieces: dict[int, list[shapely.Geometry]] = {}
    for shape, value in rasterio.features.shapes(number.astype(np.int32), number >= 0, transform=transform):
        pieces.setdefault(int(value), []).append(shapely.geometry.shape(shape))
    joined = [shapely.union_all(pieces[k]) if k in pieces else None for k in range(len(ids))]
    smooth = shapely.simplify(np.array(joined, dtype=object), 0.7 * heights.cell_m)
    return gpd.GeoSeries(smooth, index=pd.Index(pd.array(ids, "str")), crs=heights.crs)
