"""City packages: round trip, atomic replacement and a name for every kind of damage."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pandas.testing import assert_frame_equal

from tests.unit.city_layers_fixture import with_optional_layers
from twin.city import package
from twin.city.model import City, Terrain
from twin.city.package import load_city, save_city
from twin.city.schema import LAYERS, OPTIONAL_LAYERS
from twin.city.yaml import dump_yaml, read_yaml
from twin.errors import DataError, SchemaError, TwinError


@pytest.fixture(scope="module")
def saved(small_city: City, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages") / "small"
    save_city(small_city, folder)
    return folder


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "copy"))


def assert_same_city(first: City, second: City) -> None:
    assert first.meta == second.meta
    for name in LAYERS:
        assert_frame_equal(getattr(first, name), getattr(second, name), check_exact=True)
        assert getattr(first, name).crs == getattr(second, name).crs
    for name, values in first.weather.channels().items():
        np.testing.assert_array_equal(values, getattr(second.weather, name))
    assert first.weather.source == second.weather.source
    np.testing.assert_array_equal(first.terrain.height_m, second.terrain.height_m)


def test_round_trip_is_exact(small_city: City, saved: Path) -> None:
    assert_same_city(load_city(saved), small_city)
    assert_same_city(load_city(saved / "city.yaml"), small_city)


def test_infrared_of_the_sky_is_kept_where_it_is_known(small_city: City, saved: Path, tmp_path: Path) -> None:
    assert load_city(saved).weather.sky_infrared_w_m2 is None
    sky = np.linspace(200.0, 400.0, 8760)
    city = small_city.replace(weather=dataclasses.replace(small_city.weather, sky_infrared_w_m2=sky))
    save_city(city, tmp_path / "sky")
    np.testing.assert_array_equal(load_city(tmp_path / "sky").weather.sky_infrared_w_m2, sky)
    broken = dataclasses.replace(city.weather, sky_infrared_w_m2=sky - 200.0)
    with pytest.raises(SchemaError, match=r"weather.sky_infrared_w_m2: .* outside the range"):
        save_city(city.replace(weather=broken), tmp_path / "broken")


def test_round_trip_of_awkward_metadata(small_city: City, tmp_path: Path) -> None:
    meta = dataclasses.replace(
        small_city.meta, country="NO", name="no", title="Å: 'x' # \"y\"", repairs=("b1: self-intersection: repaired",)
    )
    source = dataclasses.replace(meta.sources[0], date="2024-01-01", licence="1.0")
    terrain = Terrain(np.arange(6.0).reshape(2, 3), 1.0, 2.0, 10.0)
    empty = small_city.charging_sites.iloc[:0]
    meta = dataclasses.replace(meta, sources=(source,))
    city = small_city.replace(meta=meta, terrain=terrain, charging_sites=empty)
    save_city(city, tmp_path / "p")
    assert_same_city(load_city(tmp_path / "p"), city)


def test_layers_that_a_city_may_lack(small_city: City, saved: Path, tmp_path: Path) -> None:
    assert small_city.roof_planes is None and load_city(saved).trees is None
    city = with_optional_layers(small_city)
    save_city(city, tmp_path / "p")
    again = load_city(tmp_path / "p")
    assert_same_city(again, city)
    for name in OPTIONAL_LAYERS:
        assert_frame_equal(getattr(again, name), getattr(city, name), check_exact=True)
    height = shapely.get_coordinates(again.roof_planes.geometry.to_numpy(), include_z=True)[:, 2]
    assert set(height.tolist()) == {12.0}
    save_city(small_city, tmp_path / "p")
    assert load_city(tmp_path / "p").roof_planes is None
    assert len(list((tmp_path / "p").iterdir())) == 9
    save_city(city.replace(roof_planes=city.roof_planes.iloc[:0], trees=city.trees.iloc[:0]), tmp_path / "p")
    assert len(load_city(tmp_path / "p").trees) == 0


def test_a_city_without_roads(small_city: City, tmp_path: Path) -> None:
    city = small_city.replace(links=small_city.links.iloc[:0], nodes=small_city.nodes.iloc[:0])
    save_city(city, tmp_path / "p")
    assert_same_city(load_city(tmp_path / "p"), city)


def test_columns_of_state_that_an_old_package_lacks_get_their_default(small_city: City, copy: Path) -> None:
    added = {
        "links": ["access_only", "truck_ban", "cycle_facility", "banned_turns"],
        "zones": [
            "parking_eur",
            "parking_supply",
            "transit_level",
            "electric_share_added",
            "old_car_share_factor",
            "heat_island_k",
        ],
    }
    manifest, _ = read_yaml(copy / "city.yaml", error=DataError)
    for layer, names in added.items():
        entry = manifest["files"][layer]
        gpd.read_parquet(copy / entry["path"]).drop(columns=names).to_parquet(copy / entry["path"])
        entry["sha256"] = hashlib.sha256((copy / entry["path"]).read_bytes()).hexdigest()
    (copy / "city.yaml").write_text(dump_yaml(manifest))
    assert_same_city(load_city(copy), small_city)


def test_loads_quickly(saved: Path) -> None:
    load_city(saved)
    start = time.perf_counter()
    load_city(saved)
    assert time.perf_counter() - start < 1.0


def test_saving_again_leaves_the_same_bytes_and_no_litter(small_city: City, copy: Path) -> None:
    before = {p.name: p.read_bytes() for p in copy.iterdir()}
    (copy / "notes.txt").write_text("mine")
    (copy / "buildings-0123456789ab.parquet").write_bytes(b"left by an interrupted save")
    save_city(small_city, copy)
    assert {p.name: p.read_bytes() for p in copy.iterdir()} == before | {"notes.txt": b"mine"}


def test_an_interrupted_save_leaves_the_old_package(
    small_city: City, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    houses = small_city.buildings.assign(pv_share=0.5)
    nodes = small_city.nodes.assign(external=False)
    changed = small_city.replace(buildings=houses, nodes=nodes)
    replace = package._replace
    for step in range(9):
        calls = iter(range(100))

        def failing(path: Path, content: bytes, calls=calls, step=step) -> None:
            if next(calls) == step:
                path.with_name(path.name + ".tmp").write_bytes(content[: len(content) // 2])
                raise KeyboardInterrupt
            replace(path, content)

        monkeypatch.setattr(package, "_replace", failing)
        with pytest.raises(KeyboardInterrupt):
            save_city(changed, copy)
        assert_same_city(load_city(copy), small_city)
    monkeypatch.setattr(package, "_replace", replace)
    save_city(changed, copy)
    assert_same_city(load_city(copy), changed)
    assert len(list(copy.iterdir())) == 9


def test_an_invalid_city_is_not_written(small_city: City, tmp_path: Path) -> None:
    broken = small_city.replace(buildings=small_city.buildings.assign(height_m=-1.0))
    with pytest.raises(SchemaError, match="height_m"):
        save_city(broken, tmp_path / "p")
    assert not (tmp_path / "p").exists()


def test_a_file_in_the_way_is_named(small_city: City, tmp_path: Path) -> None:
    (tmp_path / "p").write_text("mine")
    with pytest.raises(DataError, match="cannot be written"):
        save_city(small_city, tmp_path / "p")
    assert (tmp_path / "p").read_text() == "mine"


def _file(folder: Path, layer: str) -> Path:
    return folder / read_yaml(folder / "city.yaml")[0]["files"][layer]["path"]


def _edit(old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "city.yaml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


def _layer(layer: str, content: Callable[[Path], bytes]) -> Callable[[Path], None]:
    """Replace a file and state its true checksum."""

    def change(folder: Path) -> None:
        path = _file(folder, layer)
        data = read_yaml(folder / "city.yaml")[0]
        new = content(path)
        path.write_bytes(new)
        data["files"][layer]["sha256"] = hashlib.sha256(new).hexdigest()
        (folder / "city.yaml").write_text(dump_yaml(data))

    return change


def _parquet(frame: pd.DataFrame) -> bytes:
    stream = io.BytesIO()
    frame.to_parquet(stream)
    return stream.getvalue()


def _truncate(folder: Path) -> None:
    path = _file(folder, "links")
    path.write_bytes(path.read_bytes()[:-100])


def _link(folder: Path) -> None:
    path = _file(folder, "links")
    path.rename(folder / "elsewhere")
    path.symlink_to(folder / "elsewhere")


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "truncated file": (_truncate, "does not match its checksum"),
    "missing file": (lambda f: _file(f, "zones").unlink(), "is missing"),
    "missing manifest": (lambda f: (f / "city.yaml").unlink(), "no city package"),
    "symbolic link": (_link, "leads out of the package"),
    "path outside": (_edit("path: buildings-", "path: ../buildings-"), "leads out of the package"),
    "unknown key": (_edit("country:", "contry:"), "did you mean 'country'?"),
    "unknown file": (_edit("  nodes:\n", "  node:\n"), "did you mean 'nodes'?"),
    "duplicate key": (_edit("country: FI", "country: FI\ncountry: SE"), "stands twice"),
    "wrong kind": (_edit("utc_offset_h: 2.0", "utc_offset_h: two"), "expected: a number"),
    "NaN": (_edit("latitude:", "latitude: .nan #"), "expected: a number"),
    "country as false": (_edit("country: FI", "country: false"), "expected: a text"),
    "schema version": (_edit("schema_version: 1", "schema_version: 2"), "schema version 2 is not known"),
    "no schema version": (_edit("schema_version: 1\n", ""), "schema version None is not known"),
    "other CRS": (_edit("crs: EPSG:3067", "crs: EPSG:32635"), "the layer is in EPSG:3067"),
    "degrees": (_edit("crs: EPSG:3067", "crs: EPSG:4326"), "not metric"),
    "sources not a list": (_edit("sources:\n", "sources: none\nsource:\n"), "sources: 'none' does not fit"),
    "brackets": (_edit("name:", "x: " + "[" * 190_000 + "\nname:"), "nested too deeply"),
    "huge manifest": (_edit("name:", "#" * 300_000 + "\nname:"), "too large"),
    "terrain shape": (_edit("rows: 1", "rows: 7"), "expected: 7 rows times 1 columns"),
    "not Parquet": (_layer("buildings", lambda _: b"PAR1 not at all PAR1"), "not a readable Parquet file"),
    "no geometry": (_layer("zones", lambda _: _parquet(pd.DataFrame({"name": ["x"]}))), "not a readable Parquet file"),
    "other column": (
        _layer("zones", lambda p: _parquet(gpd.read_parquet(p).rename(columns={"name": "nmae"}))),
        "unknown column 'nmae'",
    ),
    "weather column": (
        _layer("weather", lambda p: _parquet(pd.read_parquet(p).drop(columns="ghi_w_m2"))),
        "no column 'ghi_w_m2'",
    ),
    "short weather": (_layer("weather", lambda p: _parquet(pd.read_parquet(p).iloc[:24])), "8760 hourly values"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named(copy: Path, name: str) -> None:
    change, what = DAMAGE[name]
    change(copy)
    start = time.perf_counter()
    with pytest.raises(DataError) as caught:
        load_city(copy)
    assert time.perf_counter() - start < 5
    assert what in str(caught.value)
    assert caught.value.exit_code == 4


def test_unknown_key_has_line_and_column(copy: Path) -> None:
    _edit("country:", "contry:")(copy)
    with pytest.raises(TwinError) as caught:
        load_city(copy)
    assert any(str(p.where).endswith("city.yaml:4:1") for p in caught.value.problems)
