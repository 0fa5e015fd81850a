"""Who has a part in a canvas: every actor once, with all its roles.

Declared actors are certain. Where a canvas declares none, the names in its blocks of partners, beneficiaries and buy-in
are read, and names that mean one actor are put together by three cautious rules: the same words; a name that another
begins with a place or proper name before ("Operations Centre", "Bristol Operations Centre"); and a kind in the plural
with exactly one member named ("Universities", "University of Bristol"). `ActorRoles.names` shows what was joined.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from twin.decision.canvas import BLOCKS, Canvas, Role

_ROLE_OF_BLOCK: dict[str, Role] = {
    "key_partnerships": "partner", "beneficiaries": "beneficiary", "buy_in": "buy-in", "key_activities": "doer",
}  # fmt: skip
_NAMING = ("key_partnerships", "beneficiaries", "buy_in")
"""Blocks whose plain texts name somebody."""
_SMALL_WORDS = {"the", "a", "an", "our", "their"}
_MAX_PLACE_WORDS = 2


@dataclass
class ActorRoles:
    """One actor: `id` is empty where the canvas does not declare it, `names` are the texts that mean it."""

    label: str
    id: str = ""
    roles: list[Role] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    veto: bool = False
    weight: float = 1.0

    def add(self, role: Role, name: str) -> None:
        """Give the actor a role under a name; each is kept once."""
        if role not in self.roles:
            self.roles.append(role)
        if name not in self.names:
            self.names.append(name)


def actor_roles(canvas: Canvas) -> list[ActorRoles]:
    """Return every actor of a canvas once: the declared ones in their order, then those only named in blocks."""
    declared = {
        name: ActorRoles(a.label, name, list(a.roles), [a.label, *a.aliases], a.veto, a.weight)
        for name, a in canvas.actors.items()
    }
    for name, role in _references(canvas):
        declared[name].add(role, declared[name].label)
    found = list(declared.values())
    for role, name in _named(canvas):
        match = next((actor for actor in found if any(_same(name, other) for other in actor.names)), None)
        if match is None:
            match = ActorRoles(name)
            found.append(match)
        match.add(role, name)
    return _with_kinds(found)


def one_name(canvas: Canvas) -> dict[str, str]:
    """Return, for every id and name of an actor, the one name to net it under: its id, else its label."""
    return {name: a.id or a.label for a in actor_roles(canvas) for name in (*a.names, *([a.id] if a.id else []))}


def _with_kinds(found: list[ActorRoles]) -> list[ActorRoles]:
    """Join kinds in the plural with their member where exactly one is named."""
    kept = list(found)
    for kind in found:
        members = [
            actor for actor in kept if actor is not kind and any(_is_kind_of(kind.label, n) for n in actor.names)
        ]
        if len(members) == 1 and not kind.id:
            for role in kind.roles:
                members[0].add(role, kind.label)
            kept.remove(kind)
    return kept


def _references(canvas: Canvas) -> Iterator[tuple[str, Role]]:
    for block, role in _ROLE_OF_BLOCK.items():
        for item in canvas.entries(block):
            if item.actor is not None:
                yield item.actor, role
    for need in canvas.key_infrastructure_resources:
        if need.supplier is not None:
            yield need.supplier, "supplier"
    for cost in canvas.budget_costs:
        yield from ((name, "payer") for name, share in canvas.payers(cost).items() if share)
    for revenue in canvas.revenue_streams:
        if revenue.payer is not None:
            yield revenue.payer, "payer"
        if revenue.gainer is not None:
            yield revenue.gainer, "gainer"


def _named(canvas: Canvas) -> Iterator[tuple[Role, str]]:
    """Yield the plain names in the blocks that name somebody, without what stands in brackets after them."""
    for block in (b.key for b in BLOCKS if b.key in _NAMING):
        for item in canvas.entries(block):
            name = re.split(r"\s*\(", item.text, maxsplit=1)[0].strip()
            if item.actor is None and name:
                yield _ROLE_OF_BLOCK[block], name


def _words(name: str) -> list[str]:
    """Return the words of a name in small letters and the singular."""
    found = [word for word in re.findall(r"\w+", name.casefold()) if word not in _SMALL_WORDS]
    return [_singular(word) for word in found]


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _same(one: str, other: str) -> bool:
    """Return whether two names mean one actor: the same words, or the same after a place name."""
    short, long = sorted((_words(one), _words(other)), key=len)
    if short == long:
        return bool(short)
    before = len(long) - len(short)
    if len(short) < 2 or before > _MAX_PLACE_WORDS or long[before:] != short:
        return False
    longer = one if len(_words(one)) > len(_words(other)) else other
    return all(word[:1].isupper() for word in re.findall(r"\w+", longer)[:before])


def _is_kind_of(kind: str, name: str) -> bool:
    """Return whether a name is a member of a kind: "Universities" of which "University of Bristol" is one."""
    words, member = re.findall(r"\w+", kind.casefold()), re.findall(r"\w+", name.casefold())
    plural = len(words) == 1 and _singular(words[0]) != words[0]
    return plural and len(member) > 2 and member[0] == _singular(words[0]) and member[1] == "of"
