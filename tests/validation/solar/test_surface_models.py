"""Roofs from surface models: known roofs under noise, and the rasters of Bilbao from file to sun hours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.roof_rasters import Roof, footprints, rasters
from twin.city.epw import read_epw
from twin.city.raster_align import align
from twin.solar.roofs import roofs_of_scene, site_of
from twin.solar.segment import scene_of, segment_roofs
from twin.solar.sky import cosines

BILBAO = Path(__file__).resolve().parents[3] / "../shared/data/cities/bilbao"
SIZE_M = 60.0


def errors(cell_m: float, count: int, seed: int) -> np.ndarray:
    """Errors of tilt (°), azimuth (°) and area (share) of the planes of random gabled roofs under 0.1 m of noise."""
    rng = np.random.default_rng(seed)
    found = []
    for k in range(count):
        place, size = rng.uniform(24, 36, 2), (rng.uniform(14, 22), rng.uniform(10, 14))
        roof = Roof("gabled", *place, *size, rng.uniform(0, 180), rng.uniform(15, 50))
        surface, ground = rasters([roof], size_m=SIZE_M, cell_m=cell_m, noise_m=0.1, seed=k)
        planes = segment_roofs(align(surface, ground), footprints([roof], SIZE_M)).planes
        assert len(planes) == 2
        for tilt, azimuth, area in roof.planes():
            turn = np.abs((planes.azimuth_deg - azimuth + 180) % 360 - 180)
            i = int(np.argmin(turn))
            found.append((abs(planes.tilt_deg[i] - tilt), turn[i], abs(planes.area_m2[i] / area - 1)))
    return np.array(found)


@pytest.mark.parametrize(
    ("cell_m", "tilt_deg", "azimuth_deg", "area"), [(0.5, 0.5, 1.0, 0.02), (1.0, 1.2, 2.5, 0.03), (2.0, 3.0, 6.0, 0.08)]
)
def test_random_gabled_roofs(cell_m: float, tilt_deg: float, azimuth_deg: float, area: float) -> None:
    worst = errors(cell_m, 60, 7).max(axis=0)
    assert (worst < (tilt_deg, azimuth_deg, area)).all(), worst


@pytest.mark.skipif(not BILBAO.exists(), reason="../shared/data/cities/bilbao is not there")
def test_bilbao_from_rasters_to_sun_hours() -> None:
    """2.5 m cells, heights above ground in whole metres: a hard case. Halls, terraces and blocks with courtyards."""
    pytest.importorskip("rasterio")
    from twin.city.raster import read_raster

    part = (500_200.0, 4_793_900.0, 501_200.0, 4_794_700.0)
    surface = read_raster(BILBAO / "BDSM.tif", "height", bounds=part)
    ground, canopy = read_raster(BILBAO / "DEM.tif", "ground"), read_raster(BILBAO / "CDSM.tif", "canopy", bounds=part)
    assert surface.step_m == 1.0 and surface.crs == ground.crs == "EPSG:25830"
    found = segment_roofs(align(surface, ground, canopy, above_ground=True))
    planes = found.planes
    assert 150 < len(found.building_ids) < 400 and 1000 < len(planes) < 2500
    assert 0.75 < found.planar_share < 0.95 and 0.3 < found.noise_m < 0.6
    built = (found.building >= 0).sum() * surface.cell_m**2
    assert 0.85 * built < planes.area_m2.sum() < 1.05 * built
    steep = planes.area_m2[planes.tilt_deg > 50].sum() / planes.area_m2.sum()
    assert steep < 0.06, "few roofs are steeper than 50 degrees"
    year = read_epw(BILBAO / "bilbao_2021.epw")
    scene = scene_of(found)
    roofs = roofs_of_scene(scene, site_of(year))
    assert scene.canopy_m.size and roofs.lit.shape == (len(planes), len(roofs.hours))
    facing = cosines(roofs.tilt_deg, roofs.azimuth_deg, roofs.sun_azimuth_deg, roofs.sun_altitude_deg)
    beam = (np.maximum(facing, 0.0) * roofs.lit / 255.0) @ year.dni_w_m2[roofs.hours] / 1000.0

    def mean(azimuth: float) -> float:
        near = np.abs((roofs.azimuth_deg - azimuth + 180) % 360 - 180) < 45
        near &= (roofs.tilt_deg > 15) & (roofs.tilt_deg < 45)
        assert near.sum() > 50
        return float(np.average(beam[near], weights=roofs.area_m2[near]))

    assert mean(180.0) > 1.2 * mean(0.0), "south-facing planes receive more beam than north-facing ones"
    assert mean(180.0) > max(mean(90.0), mean(270.0))
    assert np.percentile(roofs.sky_share, 50) > 0.85 and roofs.sky_share.min() >= 0.0
