"""Malformed 3D city files to import, each beside a sound one, and faults that are repaired and said."""

# ruff: noqa: E501 (one line for each case)

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.unit.city_solids_fixture import Ring, Solid, citygml, cityjson, gable, inside_out, moved, plain, prism

from .malformed import Case, Words

Json = dict[str, Any]
SQUARE = [(0.0, 0.0), (10.0, 0.0), (10.0, 8.0), (0.0, 8.0)]
HOUSES = [Solid(f"b{k}", moved(gable(10.0, 8.0, 5.0, 8.0), (20.0 * k, 0.0, 0.0))) for k in range(3)]
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
BOMB = (
    "<!DOCTYPE CityModel ["
    + "".join(f'<!ENTITY e{k} "{f"&e{k - 1};" * 10 if k else "x" * 10}">' for k in range(9))
    + "]>"
)


def case(
    name: str,
    says: str,
    content: bytes | str,
    *more: str,
    file: str = "c.city.json",
    code: int = 4,
    error: str | None = "DataError",
) -> Case:
    """Return a case that imports a file with the given content."""

    def make(folder: Path, city: Path) -> Words:
        (folder / file).write_bytes(content.encode() if isinstance(content, str) else content)
        return ["import", file, "--name", "x", *more]

    return Case(name, make, code, error, says)


def sound() -> Json:
    return cityjson(HOUSES)


def edited(name: str, says: str, change: Callable[[Json], object], *more: str, **how: Any) -> Case:
    """Return a case whose CityJSON has been changed."""
    document = sound()
    replaced = change(document)
    return case(name, says, json.dumps(replaced if isinstance(replaced, dict) else document), *more, **how)


def geometry(**values: object) -> Callable[[Json], None]:
    return lambda d: d["CityObjects"]["b1"]["geometry"][0].update(values)


def thing(**values: object) -> Callable[[Json], None]:
    return lambda d: d["CityObjects"]["b1"].update(values)


def top(**values: object) -> Callable[[Json], None]:
    return lambda d: d.update(values)


def ring(*numbers: object) -> Callable[[Json], None]:
    return lambda d: d["CityObjects"]["b1"]["geometry"][0]["boundaries"][0][2].__setitem__(0, list(numbers))


def crs(name: str | None) -> Callable[[Json], None]:
    return lambda d: d.update(metadata={"referenceSystem": name} if name else {})


def gml(
    name: str, says: str, old: str = "", new: str = "", *, code: int = 4, error: str | None = "DataError", **how: Any
) -> Case:
    """Return a case whose CityGML has one text replaced by another."""
    text = citygml(how.pop("solids", HOUSES), **how)
    assert old in text
    return case(name, says, text.replace(old, new, 1) if old else text, file="c.gml", code=code, error=error)


def _cycle(document: Json) -> None:
    for first, second in (("b0", "b1"), ("b1", "b0")):
        document["CityObjects"][first].update(type="BuildingPart", parents=[second])


def _long(document: Json) -> None:
    document["vertices"][0] = [10**400, 0, 0]


def _semantics(change: Callable[[Json], object]) -> Callable[[Json], None]:
    def run(document: Json) -> None:
        change(document["CityObjects"]["b1"]["geometry"][0]["semantics"])

    return run


def _folder(folder: Path, city: Path) -> Words:
    (folder / "c.city.json").mkdir()
    return ["import", "c.city.json", "--name", "x"]


def _sequence(second: str) -> str:
    return json.dumps(cityjson([])) + "\n" + second


LINE: Ring = [(0.0, 0.0, 1.0), (5.0, 0.0, 1.0), (10.0, 0.0, 1.0)]
RELIEF: list[Ring] = [
    [(-20.0, -20.0, 0.0), (80.0, -20.0, 0.0), (80.0, 40.0, 0.0)],
    [(-20.0, -20.0, 0.0), (80.0, 40.0, 0.0), (-20.0, 40.0, 0.0)],
]
BURIED = Solid("b", prism(SQUARE, -9.0, -4.0))
OPEN = [Solid(s.id, s.faces[:-1]) for s in HOUSES]
FEATURE = json.dumps({"type": "CityJSONFeature", "id": "b", "CityObjects": {}, "vertices": []})
POSLIST = "<gml:posList>385000.0 "

SOLIDS: list[Case] = [
    # the file
    case("3d-empty-file", "c.city.json: the 3D city file is empty", ""),
    Case("3d-missing-file", lambda f, c: ["import", "c.city.json", "--name", "x"], 4, "DataError", "c.city.json: the 3D city file cannot be read"),
    Case("3d-folder", _folder, 5, "UnsafeFileError", "not a regular file"),
    Case("3d-network-path", lambda f, c: ["import", "/vsicurl/http://x.example/c.gml", "--name", "x"], 5, "UnsafeFileError", "virtual and network paths"),
    case("3d-not-json", "empty or ends too early", "this is not JSON"),
    case("3d-truncated-json", "ends too early", json.dumps(sound())[:-40]),
    case("3d-broken-json", "c.city.json:1:", json.dumps(sound()).replace('"vertices":', '"vertices"'), error="DataError"),
    case("3d-not-utf-8", "not valid JSON", json.dumps(sound()).encode().replace(b'"b1"', b'"b\xff1"')),
    case("3d-deep-json", "nested deeper", "[" * 500 + "]" * 500, code=5, error="UnsafeFileError"),
    case("3d-named-packed", "the name says packed", json.dumps(sound()), file="c.city.json.gz", code=5, error="UnsafeFileError"),
    case("3d-packed-unnamed", "the name says plain", gzip.compress(json.dumps(sound()).encode()), code=5, error="UnsafeFileError"),
    case("3d-truncated-archive", "truncated or damaged", gzip.compress(json.dumps(sound()).encode())[:-20], file="c.city.json.gz"),
    case("3d-archive-bomb", "unpacks to more than", gzip.compress(b" " * (60 << 20)), file="c.city.json.gz", code=5, error="UnsafeFileError"),
    # CityJSON: structure
    edited("3d-other-json", "expected: a CityJSON object", lambda d: {"type": "FeatureCollection", "features": []}),
    edited("3d-feature-alone", "CityJSONSeq", top(type="CityJSONFeature")),
    edited("3d-version-1.0", "cjio", top(version="1.0")),
    edited("3d-version-0.9", "CityJSON version '0.9' is not read", top(version="0.9")),
    edited("3d-no-version", "CityJSON version None", lambda d: d.pop("version") and None),
    edited("3d-no-transform", "the transform is missing", lambda d: d.pop("transform") and None),
    edited("3d-scale-zero", "c.city.json: transform: the transform is not valid", top(transform={"scale": [1, 0, 1], "translate": [0, 0, 0]})),
    edited("3d-translate-of-two", "translate is [0, 0]", top(transform={"scale": [1, 1, 1], "translate": [0, 0]})),
    edited("3d-infinite-scale", "the transform is not valid", top(transform={"scale": [1, 1, 1], "translate": [0, 0, 10**309]})),
    edited("3d-objects-in-a-list", "CityObjects: [] is not an object", top(CityObjects=[])),
    edited("3d-no-vertices", "the vertices are missing", top(vertices=None)),
    edited("3d-flat-vertex", "vertices[0]", lambda d: d["vertices"].__setitem__(0, [1, 2])),
    edited("3d-vertex-of-text", "vertices[3]", lambda d: d["vertices"].__setitem__(3, ["1", 2, 3])),
    edited("3d-not-a-number", "NaN, which is not a number", lambda d: d["vertices"].__setitem__(0, [float("nan"), 0, 0])),
    edited("3d-number-without-end", "vertices: a coordinate is not a finite number", _long, error="GeometryError"),
    edited("3d-far-vertex", "outside the area of use", lambda d: d["vertices"].__setitem__(0, [1e300, 0, 0]), error="CrsError"),
    edited("3d-height-in-space", "heights run from 10 to 1.25e+07 m", lambda d: d["vertices"].__setitem__(0, [0, 0, 10**8]), error="GeometryError"),
    edited("3d-geometry-type-of-list", "no building has a polygon", lambda d: [t["geometry"][0].update(type=["Solid"]) for t in d["CityObjects"].values()], error="GeometryError"),
    edited("3d-no-such-vertex", "CityObjects[b1].geometry[0].boundaries[0, 2]: there is no vertex 999", ring(0, 1, 999), error="GeometryError"),
    edited("3d-negative-vertex", "there is no vertex -1", ring(0, -1, 2), error="GeometryError"),
    edited("3d-vertex-number-of-text", "is not a ring", ring(0, "1", 2)),
    edited("3d-shallow-boundaries", "0 is not a ring", geometry(boundaries=[[[0, 1, 2]]])),
    edited("3d-no-boundaries", "CityObjects[b1].geometry[0].boundaries[]: None is not a list", geometry(boundaries=None)),
    edited("3d-polygon-without-ring", "a polygon has no ring", geometry(boundaries=[[[]]], semantics=None), error="GeometryError"),
    edited("3d-no-lod", "CityObjects[b1].geometry[0]: the level of detail is None", geometry(lod=None)),
    edited("3d-lod-of-text", "the level of detail is 'high'", geometry(lod="high")),
    edited("3d-geometry-of-text", "CityObjects[b1].geometry: 'box' is not a list", thing(geometry="box")),
    edited("3d-attributes-in-a-list", "CityObjects[b1].attributes", thing(attributes=[1])),
    edited("3d-no-such-semantics", "there is no semantic surface 99", _semantics(lambda s: s["values"][0].__setitem__(0, 99))),
    edited("3d-short-semantics", "the semantics do not fit", _semantics(lambda s: s["values"][0].pop())),
    edited("3d-semantics-of-text", "CityObjects[b1].geometry[0].semantics", geometry(semantics="roof")),
    edited("3d-parents-of-text", "parents is 'b0'", thing(parents="b0")),
    edited("3d-parts-in-a-circle", "building parts contain each other", _cycle),
    case("3d-id-twice", "the key 'b1' stands twice", json.dumps(sound()).replace('"b2":', '"b1":'), error="SchemaError"),
    case("3d-no-building", "the file holds no building", json.dumps(cityjson([]))),
    case("3d-no-polygon", "no building has a polygon", json.dumps(cityjson([Solid("b", [])])), error="GeometryError"),
    case("3d-lines-only", "no building has a plan", json.dumps(cityjson([Solid("b", [("RoofSurface", [LINE])])])), error="GeometryError"),
    case("3d-below-the-terrain", "no building has a plan above ground", json.dumps(cityjson([BURIED], relief=RELIEF)), error="GeometryError"),
    case("3d-sequence-of-others", "c.city.jsonl:2:1", _sequence('{"type": "Feature"}'), file="c.city.jsonl"),
    case("3d-sequence-cut", "c.city.jsonl:2:1", _sequence('{"type": "CityJSONFeature"'), file="c.city.jsonl"),
    case("3d-sequence-without-vertices", "the vertices are missing", _sequence(FEATURE.replace('"CityObjects": {}, "vertices": []', '"CityObjects": {"b": {"type": "Building"}}')), file="c.city.jsonl"),
    # reference systems
    edited("3d-no-crs", "--crs EPSG:28992", crs(None), error="CrsError"),
    edited("3d-unknown-crs", "unknown reference system", crs("https://www.opengis.net/def/crs/EPSG/0/99999"), error="CrsError"),
    edited("3d-crs-in-degrees", "not metres but", crs("https://www.opengis.net/def/crs/EPSG/0/4979"), error="CrsError"),
    edited("3d-crs-in-feet", "not metres but", crs("https://www.opengis.net/def/crs/EPSG/0/2263"), error="CrsError"),
    edited("3d-crs-of-another-place", "outside the area of use", crs("urn:ogc:def:crs:EPSG::28992"), error="CrsError"),
    edited("3d-crs-option-unknown", "unknown reference system 'EPSG:1'", crs(None), "--crs", "EPSG:1", error="CrsError"),
    edited("3d-crs-option-in-degrees", "not metres but degree", crs(None), "--crs", "EPSG:4326", error="CrsError"),
    edited("3d-mapping", "--mapping is for vector files", crs(None), "--mapping", "m.yaml", code=2, error="UsageError"),
    # CityGML
    case("gml-not-xml", "c.gml:1:1: not well-formed XML", "no XML at all", file="c.gml"),
    case("gml-truncated", "c.gml:2:", citygml(HOUSES)[:-300], file="c.gml"),
    case("gml-other-xml", "the root element is 'html'", "<html/>", file="c.gml"),
    case("gml-other-gml", "expected: CityModel", '<FeatureCollection xmlns="http://www.opengis.net/wfs"/>', file="c.gml"),
    gml("gml-version-1.0", "CityGML 1.0 is not read", "http://www.opengis.net/citygml/2.0", "http://www.opengis.net/citygml/1.0"),
    gml("gml-version-0.4", "citygml-tools", "http://www.opengis.net/citygml/2.0", "http://www.citygml.org/citygml/0/4/0"),
    gml("gml-entities", "c.gml:2:", "?>\n", "?>\n" + BOMB, code=5, error="UnsafeFileError"),
    gml("gml-external-entity", "declares a document type", "?>\n", '?>\n<!DOCTYPE a SYSTEM "file:///etc/hostname">', code=5, error="UnsafeFileError"),
    gml("gml-unknown-encoding", "the text cannot be decoded", 'encoding="UTF-8"', 'encoding="martian"'),
    case("gml-not-utf-8", "c.gml:2:", citygml(HOUSES).encode().replace(b'gml:id="b1"', b'gml:id="b\xff"'), file="c.gml"),
    case("gml-deep", "nested deeper than 100", citygml([]).replace("</CityModel>", "<a>" * 2000), file="c.gml", code=5, error="UnsafeFileError"),
    gml("gml-coordinate-of-text", "a coordinate is not a number", POSLIST, "<gml:posList>east "),
    gml("gml-two-numbers", "c.gml:2:", POSLIST, "<gml:posList>7 385000.0 "),
    gml("gml-not-a-number", "a coordinate is not a finite number", POSLIST, "<gml:posList>NaN ", error="GeometryError"),
    gml("gml-two-dimensions", "a polygon has two dimensions", "<gml:posList>", '<gml:posList srsDimension="2">', error="GeometryError"),
    gml("gml-link-out", "leads out of the file", 'xlink:href="#', 'xlink:href="http://x.example/a.gml#'),
    gml("gml-building-without-id", "c.gml:2:", 'gml:id="b1"', "", error="SchemaError"),
    gml("gml-id-twice", "c.gml[b1]: the id stands twice", 'gml:id="b2"', 'gml:id="b1"', error="SchemaError"),
    gml("gml-two-crs", "the file names 2 reference systems", "<gml:MultiSurface>", '<gml:MultiSurface srsName="EPSG:28992">', error="CrsError"),
    gml("gml-local-crs", "--crs", srs="local", error="CrsError"),
    gml("gml-no-building", "the file holds no building", solids=[]),
    # repaired, and said
    case("3d-inside-out", "3 solids turned inside out were turned back: b0, b1, b2", json.dumps(cityjson([Solid(s.id, inside_out(s.faces)) for s in HOUSES])), code=0, error=None),
    case("3d-no-semantics", "3 buildings without semantics classified by normal", json.dumps(cityjson([Solid(s.id, plain(s.faces)) for s in HOUSES])), code=0, error=None),
    case("3d-open-solids", "3 shells that are not closed", json.dumps(cityjson(OPEN)), code=0, error=None),
    case("3d-crs-named-by-hand", "crs", json.dumps(cityjson(HOUSES, crs=None)), "--crs", "EPSG:3067", code=0, error=None),
    gml("gml-dangling-link", "1 links to a surface that is not in the file left out", 'xlink:href="#', 'xlink:href="#gone-', code=0, error=None),
    gml("gml-north-first", "north before east", swap=True, code=0, error=None),
]  # fmt: skip
