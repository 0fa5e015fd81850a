"""What a schema cannot say about a canvas: names must refer to something, shares must add up, tasks must not circle."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from twin.decision.canvas import BLOCKS, Canvas, Claim
from twin.decision.kpis import KPIS, find_kpi
from twin.decision.ledger import OUTSIDE, SHARE_ROUNDING
from twin.errors import StudyError, did_you_mean

Keys = tuple[str | int, ...]
Problems = Iterator[tuple[Keys, StudyError]]
BEYOND_MODELS = re.compile(r"\b(brand|gdp|tourism|attitudes?|trust)\b", re.IGNORECASE)
"""What no twin can compute (reference: decision.md, claims); a claim about it rests on an expert or on nothing."""


def name_problems(canvas: Canvas, broken: Collection[str] = (), study: Mapping[str, Any] | None = None) -> Problems:
    """Yield the place and the message of every problem.

    Parameters
    ----------
    canvas : Canvas
    broken : collection of str
        Sections that could not be read: nothing can be said of names that they would hold.
    study : mapping, optional
        Plain data of the study around the canvas, with ``scenarios`` and ``measures``.
    """
    yield from _ids(canvas)
    yield from _claims(canvas)
    yield from _kpis(canvas)
    if "actors" not in broken:
        yield from _unknown(_used_actors(canvas), canvas.actors, "actor", "the canvas has no section `actors`")
        yield from _two_actors(canvas)
    if "unit_values" not in broken:
        used = ((k, line.unit_value) for k, line in _lines(canvas))
        yield from _unknown(
            (((*keys, "unit_value"), name) for keys, name in used if name is not None), canvas.unit_values,
            "unit value", "the canvas has no section `unit_values`",
        )  # fmt: skip
    yield from _shares(canvas)
    yield from _revenues(canvas)
    yield from _tasks(canvas)
    if study is not None:
        yield from _study_names(canvas, study)


def _unknown(used: Iterable[tuple[Keys, str]], known: Collection[str], what: str, none: str) -> Problems:
    for keys, name in used:
        if name not in known:
            yield keys, StudyError(f"unknown {what} {name!r}", remedy=did_you_mean(name, known) if known else none)


def _ids(canvas: Canvas) -> Problems:
    for block in BLOCKS[1:]:
        seen: set[str] = set()
        for i, item in enumerate(canvas.entries(block.key)):
            if item.id is not None and item.id in seen:
                yield (block.key, i, "id"), StudyError(f"the id {item.id!r} stands twice in {block.key}")
            seen.add(item.id)


def _kpis(canvas: Canvas) -> Problems:
    used: list[tuple[Keys, str]] = [(("targets", i, "kpi"), plan.kpi) for i, plan in enumerate(canvas.targets)]
    used += [((*keys, "kpi"), line.kpi) for keys, line in _lines(canvas) if line.kpi is not None]
    if canvas.mission is not None and canvas.mission.kpi is not None:
        used.append((("mission", "kpi"), canvas.mission.kpi))
    for block, i, claim in canvas.claims():
        used += [((block, i, "kpis", k), kpi) for k, kpi in enumerate(claim.kpis) if block != "mission"]
    for keys, name in used:
        try:
            find_kpi(name)
        except StudyError as error:
            yield keys, error


def _claims(canvas: Canvas) -> Problems:
    """Yield claims that cannot be judged, or that rest on evidence nobody can have."""
    for block, i, claim in canvas.claims():
        if claim.evidence == "measured" and not claim.kpis and BEYOND_MODELS.search(claim.text):
            word = BEYOND_MODELS.search(claim.text)
            yield (
                (block, i, "evidence"),
                StudyError(f"a claim about {word and word.group()!r} cannot be measured", expected="expert or none"),
            )
        if _has_limit(claim) and len(claim.kpis) > 1:
            yield (block, i, "kpis"), StudyError("a limit fits one KPI", remedy="make it a claim for each KPI")
        yield from (
            (("mission", "kpi") if block == "mission" else (block, i, *keys), e) for keys, e in _directions(claim)
        )


def _directions(claim: Claim) -> Problems:
    wanted = "higher" if claim.at_least is not None else "lower" if claim.at_most is not None else None
    if wanted is not None and claim.direction not in (None, wanted):
        yield ("direction",), StudyError(f"the direction is {claim.direction}, but the limit asks for {wanted}")
    for k, name in enumerate(claim.kpis):
        neutral = name in KPIS and KPIS[name].better == "neutral"
        if neutral and claim.direction is None and not _has_limit(claim):
            what = f"for {name!r} neither direction is better in general"
            yield ("kpis", k), StudyError(what, expected="direction: lower or higher")


def _has_limit(claim: Claim) -> bool:
    return claim.at_most is not None or claim.at_least is not None


def _lines(canvas: Canvas) -> Iterator[tuple[Keys, Any]]:
    for block in ("budget_costs", "revenue_streams"):
        for i, line in enumerate(canvas.entries(block)):
            yield (block, i), line


def _used_actors(canvas: Canvas) -> Iterator[tuple[Keys, str]]:
    for name in canvas.cost_shares:
        yield ("cost_shares", name), name
    if canvas.accounts is not None:
        yield ("accounts", "promoter"), canvas.accounts.promoter
    for block in BLOCKS[1:]:
        for i, item in enumerate(canvas.entries(block.key)):
            for key in ("actor", "supplier", "payer", "gainer"):
                used = getattr(item, key, None)
                if used is not None:
                    yield (block.key, i, key), used
            for name in getattr(item, "shares", ()):
                yield (block.key, i, "shares", name), name


def _two_actors(canvas: Canvas) -> Problems:
    """Yield actors whose money would be netted with that of another one, or with that of everybody else."""
    if OUTSIDE in canvas.actors:
        what = f"no actor can be called {OUTSIDE!r}: it is everybody who is no actor"
        yield ("actors", OUTSIDE), StudyError(what, remedy="give it another name")
    seen: dict[str, str] = {name: name for name in canvas.actors}
    for name, actor in canvas.actors.items():
        for label in sorted({actor.label.casefold(), *(alias.casefold() for alias in actor.aliases)}):
            if seen.get(label, name) != name:
                what = f"the actors {seen[label]!r} and {name!r} have the same name"
                yield ("actors", name), StudyError(what, remedy="an actor with several roles is one actor")
            seen[label] = name


def _shares(canvas: Canvas) -> Problems:
    split: list[tuple[Keys, dict[str, float]]] = [(("cost_shares",), canvas.cost_shares)]
    split += [(("budget_costs", i, "shares"), line.shares) for i, line in enumerate(canvas.budget_costs)]
    for keys, shares in split:
        if shares and abs(sum(shares.values()) - 1.0) > SHARE_ROUNDING:
            yield keys, StudyError(f"the shares add up to {sum(shares.values()):g}", expected="1")


def _revenues(canvas: Canvas) -> Problems:
    """Yield revenue that nobody can place: without a direction that is a gain, or from an actor to itself."""
    for i, line in enumerate(canvas.revenue_streams):
        if line.kpi in KPIS and KPIS[line.kpi].better == "neutral" and line.gain_when is None:
            what = f"for {line.kpi!r} neither direction is a gain in general"
            yield ("revenue_streams", i, "kpi"), StudyError(what, expected="gain_when: lower or higher")
        if line.payer is not None and line.payer == line.gainer:
            yield ("revenue_streams", i, "gainer"), StudyError(f"{line.payer!r} pays itself")


def _tasks(canvas: Canvas) -> Problems:
    tasks = canvas.key_activities
    ids = {task.id for task in tasks if task.id is not None}
    used = (
        (("key_activities", i, "after", k), name) for i, task in enumerate(tasks) for k, name in enumerate(task.after)
    )
    yield from _unknown(used, ids, "task", "no task has an id")
    stuck = _in_circle([(task.id, [name for name in task.after if name in ids]) for task in tasks])
    if stuck:
        names = ", ".join(tasks[i].id or tasks[i].text[:30] for i in stuck)
        yield ("key_activities", stuck[0]), StudyError(f"these tasks wait for each other in a circle: {names}")


def _in_circle(tasks: list[tuple[str | None, list[str]]]) -> list[int]:
    """Return the places of tasks (id, ids before) that can never start."""
    done: set[str | None] = set()
    waiting = list(range(len(tasks)))
    while ready := [i for i in waiting if done.issuperset(tasks[i][1])]:
        done |= {tasks[i][0] for i in ready}
        waiting = [i for i in waiting if i not in ready]
    return waiting


def _study_names(canvas: Canvas, study: Mapping[str, Any]) -> Problems:
    scenarios = _names(study, "scenarios")
    used: list[tuple[Keys, str]] = [
        ((b, i, "scenario"), c.scenario) for b, i, c in canvas.claims() if c.scenario is not None
    ]
    used += [
        (("targets", i, "wedges", name, "scenario"), str(wedge.scenario))
        for i, plan in enumerate(canvas.targets)
        for name, wedge in plan.wedges.items()
        if wedge.scenario is not None
    ]
    if canvas.pilot is not None:
        zone = {"scenario": canvas.pilot.scenario, "citywide": canvas.pilot.citywide}
        used += [(("pilot", key), name) for key, name in zone.items() if name is not None]
    yield from _unknown(used, scenarios, "scenario", "the study has no section `scenarios`")
    measures: list[tuple[Keys, str]] = [
        (("deployment", i, "measures", k), name)
        for i, entry in enumerate(canvas.deployment)
        for k, name in enumerate(entry.measures)
    ]
    measures += [((*keys, "measure"), line.measure) for keys, line in _lines(canvas) if line.measure is not None]
    measures += [
        (("devices", i, "measure"), device.measure)
        for i, device in enumerate(canvas.devices)
        if device.measure is not None
    ]
    yield from _unknown(measures, _names(study, "measures"), "measure", "the study has no section `measures`")


def _names(study: Mapping[str, Any], section: str) -> list[str]:
    found = study.get(section)
    return [str(name) for name in found] if isinstance(found, Mapping) else []
