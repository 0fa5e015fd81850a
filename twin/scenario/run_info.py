"""What ``run.json`` says of a run beside its results: warnings, parameters and sources."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from twin.scenario.parameters import ModelParameters

if TYPE_CHECKING:
    from twin.city.model import City
    from twin.scenario.study import Study


def warnings(notes: Mapping[str, Iterable[str]], labels: Mapping[str, str]) -> list[str]:
    """Return every note once; those that do not hold in every scenario begin with the names of those they hold in."""
    found: dict[str, list[str]] = {}
    for scenario, own in notes.items():
        for note in dict.fromkeys(map(str, own)):
            found.setdefault(note, []).append(labels[scenario])
    return sorted(note if len(who) == len(notes) else f"{', '.join(who)}: {note}" for note, who in found.items())


def parameter_table(nominal: ModelParameters, study: Study) -> list[dict[str, Any]]:
    """Return every parameter with its value, and its distribution where it is uncertain."""
    from twin.scenario.parameters import all_parameters

    uncertain = study.uncertainty.parameters
    rows = []
    for path, info in all_parameters().items():
        domain, _, name = path.partition(".")
        row = dataclasses.asdict(info) | {"value": getattr(getattr(nominal, domain), name)}
        rows.append(row | {"distribution": uncertain[path].describe() if path in uncertain else ""})
    return rows


def sources(city: City) -> list[Any]:
    """Return every data source once, the weather's included."""
    sources = {source.id: source for source in (*city.meta.sources, city.weather.source)}
    return list(sources.values())
