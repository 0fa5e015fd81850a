"""Real 3D city files, where they lie beside the repository: Den Haag (CityJSON, LoD2) and Munich (CityGML 1.0)."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from twin.city.cityjson_write import write_cityjson_attributes
from twin.city.solids_import import read_solids
from twin.errors import DataError

CITIES = Path(__file__).resolve().parents[2] / "../shared/data/cities"
DEN_HAAG = CITIES / "den_haag" / "DenHaag_01.city.json.gz"
MUNICH = CITIES / "munich" / "munich.gml.gz"


@pytest.mark.skipif(not DEN_HAAG.exists(), reason="../shared/data/cities/den_haag is not there")
def test_den_haag_agrees_with_the_slopes_that_its_makers_wrote(tmp_path: Path) -> None:
    model = read_solids(DEN_HAAG)
    things = json.loads(gzip.decompress(DEN_HAAG.read_bytes()))["CityObjects"]
    assert model.crs == "EPSG:28992"
    assert len(model.buildings) == sum(thing["type"] == "Building" for thing in things.values()) == 844
    planes = model.roof_planes
    assert 2800 < len(planes) < 3004
    # Roofs cover what the buildings stand on, but for overhangs and parts above each other.
    assert planes.area.sum() == pytest.approx(model.buildings.area.sum(), rel=0.015)
    np.testing.assert_allclose(
        planes["area_m2"] * np.cos(np.radians(planes["tilt_deg"])), planes.area, rtol=0.01, atol=0.02
    )
    tilt, azimuth = [], []
    for plane, addresses in model.addresses.items():
        if len(addresses) > 1:
            continue
        ((identity, number, (shell, polygon)),) = addresses
        semantics = things[identity]["geometry"][number]["semantics"]
        surface = semantics["surfaces"][semantics["values"][shell][polygon]]
        row = planes.loc[plane]
        tilt.append(abs(row["tilt_deg"] - (90.0 - surface["Slope"])))
        if row["tilt_deg"] > 5.0:
            azimuth.append(abs((row["azimuth_deg"] - surface["Direction"] + 180.0) % 360.0 - 180.0))
    assert len(tilt) > 2800 and len(azimuth) > 1500
    for differences in (tilt, azimuth):
        assert np.median(differences) < 0.01 and np.percentile(differences, 99) < 0.1
    table = pd.DataFrame({"area": planes["area_m2"]})
    write_cityjson_attributes(DEN_HAAG, tmp_path / "o.city.json", table)
    written = json.loads((tmp_path / "o.city.json").read_text())["CityObjects"]
    found = sum(
        "area" in s
        for t in written.values()
        for g in t.get("geometry", [])
        for s in g.get("semantics", {}).get("surfaces", [])
    )
    assert found >= len(planes)


@pytest.mark.skipif(not MUNICH.exists(), reason="../shared/data/cities/munich is not there")
def test_munich_is_of_an_old_version_and_right_once_upgraded(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"CityGML 1\.0 is not read") as caught:
        read_solids(MUNICH)
    assert "citygml-tools" in str(caught.value.remedy)
    # For the modules that it uses, CityGML 2.0 differs from 1.0 by the names of the namespaces alone.
    text = gzip.decompress(MUNICH.read_bytes()).decode()
    text = re.sub(r"http://www.opengis.net/citygml/((?:\w+/)?)1\.0", r"http://www.opengis.net/citygml/\g<1>2.0", text)
    (tmp_path / "m.gml").write_text(text)
    model = read_solids(tmp_path / "m.gml")
    assert (model.crs, len(model.buildings), len(model.roof_planes)) == ("EPSG:31468", 111, 217)
    stated = dict(
        re.findall(
            r'<bldg:RoofSurface gml:id="([^"]+)">\s*<gen:stringAttribute name="Flaeche">\s*<gen:value>([\d.]+)', text
        )
    )
    areas = {plane.split("/")[1]: area for plane, area in model.roof_planes["area_m2"].items()}
    single = [name for name in areas if name in stated]
    assert len(single) > 200
    wrong = [name for name in single if abs(areas[name] - float(stated[name])) > 0.02 + 0.001 * areas[name]]
    assert len(wrong) <= 0.02 * len(single), wrong[:5]
