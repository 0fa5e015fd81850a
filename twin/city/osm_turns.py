"""Turn restrictions of OpenStreetMap: relations read from an extract, and the turns between links that they ban.

Tags and members: https://wiki.openstreetmap.org/wiki/Relation:restriction. Restrictions through ways, at hours, or for
other vehicles than cars are left out and counted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from twin.city.pbf import fields, frames, packed

NODE, WAY = 0, 1
CAR_KEYS = ("restriction", "restriction:motor_vehicle", "restriction:motorcar")
KINDS = tuple(
    f"{word}_{turn}" for word in ("no", "only") for turn in ("left_turn", "right_turn", "straight_on", "u_turn")
)
MANY_KINDS = ("no_entry", "no_exit")
"""Restrictions with several ways from or to."""

CAR_EXCEPTIONS = {"motorcar", "motor_vehicle", "vehicle"}
VIA_WAY, TIMED, OTHER = "leading through a way", "at certain hours", "without what a restriction needs"
APPLIED, ELSEWHERE, UNCLEAR, TRAPPING = "applied", "of roads not kept", "not clear", "leaving no way on"


class Restriction(NamedTuple):
    """One restriction at a node, by OSM numbers; `kind` as tagged, for example ``no_left_turn``."""

    relation: int
    kind: str
    from_ways: tuple[int, ...]
    via: int
    to_ways: tuple[int, ...]


class Ends(NamedTuple):
    """A link as turns see it: its id, its end nodes, and the ways of its first and its last segment."""

    link: str
    tail: object
    head: object
    first_ways: frozenset[object]
    last_ways: frozenset[object]


def read_restrictions(path: str | Path) -> tuple[tuple[Restriction, ...], Counter[str]]:
    """Return the restrictions for cars of an OSM PBF file, by number, and how many were left out and why.

    Raises
    ------
    DataError, UnsafeFileError
        As `twin.city.pbf.check_pbf`.
    """
    found: list[Restriction] = []
    left_out: Counter[str] = Counter()
    for tags, number, members in _relations(path):
        if tags.get("type") != "restriction":
            continue
        one = restriction(number, tags, members)
        if isinstance(one, Restriction):
            found.append(one)
        elif one:
            left_out[one] += 1
    return tuple(sorted(found)), left_out


def restriction(number: int, tags: Mapping[str, str], members: Sequence[tuple[str, int, int]]) -> Restriction | str:
    """Return a relation as a restriction, else why it is left out; "" when it does not concern cars.

    `members` are role, kind (`NODE` or `WAY`) and number.
    """
    if CAR_EXCEPTIONS & {name.strip() for name in tags.get("except", "").split(";")}:
        return ""
    kind = next((tags[key] for key in reversed(CAR_KEYS) if key in tags), None)
    if kind is None:
        return TIMED if any(f"{key}:conditional" in tags for key in CAR_KEYS) else ""
    if any(key in tags for key in ("day_on", "day_off", "hour_on", "hour_off")):
        return TIMED
    if any(role == "via" and type_ == WAY for role, type_, _ in members):
        return VIA_WAY
    ways = {role: tuple(m for r, type_, m in members if r == role and type_ == WAY) for role in ("from", "to")}
    via = [m for role, type_, m in members if role == "via" and type_ == NODE]
    single = len(ways["from"]) == len(ways["to"]) == 1
    if len(via) != 1 or not ways["from"] or not ways["to"] or not (single or kind in MANY_KINDS):
        return OTHER
    if kind not in KINDS and kind not in MANY_KINDS:
        return OTHER
    return Restriction(number, kind, ways["from"], via[0], ways["to"])


def banned_turns(
    links: Iterable[Ends], restrictions: Iterable[Restriction]
) -> tuple[dict[str, set[str]], Counter[str]]:
    """Return the links that may not be entered from a link, by id, and how many restrictions applied or did not.

    A restriction whose ways do not name one turn (several links of a way meet at the node) is left out, and so are
    those that would leave no way on from a link that had one.
    """
    ending: dict[object, list[Ends]] = defaultdict(list)
    beginning: dict[object, list[Ends]] = defaultdict(list)
    for link in links:
        ending[link.head].append(link)
        beginning[link.tail].append(link)
    banned: dict[str, set[str]] = {}
    counts: Counter[str] = Counter()
    for one in restrictions:
        leaving = beginning[one.via]
        entered = [[link for link in ending[one.via] if way in link.last_ways] for way in one.from_ways]
        left = [[link for link in leaving if way in link.first_ways] for way in one.to_ways]
        outcome = _outcome(one, entered, left)
        if outcome == APPLIED:
            sources, targets = ({link.link for found in ends for link in found} for ends in (entered, left))
            shut = {link.link for link in leaving} - targets if one.kind.startswith("only") else targets
            after = {source: banned.get(source, set()) | shut for source in sources}
            if any(len(links_) == len(leaving) for links_ in after.values()):
                outcome = TRAPPING
            else:
                banned |= after
        counts[outcome] += 1
    return {source: shut for source, shut in banned.items() if shut}, counts


def _outcome(one: Restriction, entered: list[list[Ends]], left: list[list[Ends]]) -> str:
    """Return whether a restriction names links that are there, and one for each of its ways."""
    if not any(entered) or not any(left):
        return ELSEWHERE
    return APPLIED if all(len(found) <= 1 for found in [*entered, *left]) else UNCLEAR


def summary(counts: Mapping[str, int], left_out: Mapping[str, int]) -> str:
    """Return one line for the log of an import; empty when there was nothing."""
    if not any(counts.values()) and not any(left_out.values()):
        return ""
    parts = [f"{n} {why}" for why, n in sorted({**counts, **left_out}.items()) if why != APPLIED and n]
    return f"roads: {counts.get(APPLIED, 0)} turn restrictions applied" + (
        f"; left out: {', '.join(parts)}" if parts else ""
    )


def _relations(path: str | Path) -> Iterator[tuple[dict[str, str], int, list[tuple[str, int, int]]]]:
    """Yield tags, number and members (role, kind, number) of every relation of an OSM PBF file."""
    where = str(path)
    for at, kind, data in frames(path):
        if kind != b"OSMData":
            continue
        texts: list[str] = []
        for number, value in fields(data, where, at):
            if number == 1 and isinstance(value, bytes):
                table = (text for key, text in fields(value, where, at) if key == 1 and isinstance(text, bytes))
                texts = [text.decode("utf-8", "replace") for text in table]
            elif number == 2 and isinstance(value, bytes):
                yield from _group(value, texts, where, at)


def _group(
    data: bytes, texts: list[str], where: str, at: int
) -> Iterator[tuple[dict[str, str], int, list[tuple[str, int, int]]]]:
    for number, value in fields(data, where, at):
        if number != 4 or not isinstance(value, bytes):
            return  # a group holds one kind of object
        parts = dict(fields(value, where, at))
        keys, values, roles, deltas, kinds = (packed(parts.get(k, b""), where, at) for k in (2, 3, 8, 9, 10))
        if len(keys) != len(values) or not len(roles) == len(deltas) == len(kinds):
            continue
        if max([*keys, *values, *roles], default=0) >= len(texts):
            continue
        members, member = [], 0
        for role, delta, kind in zip(roles, deltas, kinds, strict=True):
            member += (delta >> 1) ^ -(delta & 1)
            members.append((texts[role], kind, member))
        number_of = parts.get(1, 0)
        tags = {texts[k]: texts[v] for k, v in zip(keys, values, strict=True)}
        yield tags, number_of if isinstance(number_of, int) else 0, members
