"""Applying measures to a city: in the order listed, each on the city that the one before left; nothing else changes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from twin.city.model import City
from twin.errors import SelectorError, StudyError, TwinError, did_you_mean
from twin.scenario.measures import Change, Context, Measure
from twin.scenario.parameters import model_parameters, scaled
from twin.scenario.prospects import Estimate, Prospects
from twin.scenario.schema import Study


@dataclass(frozen=True)
class Applied:
    """A city with measures applied, and what each intervention changed."""

    city: City
    changes: list[Change]
    installed: City
    """The city as it was when PV was last installed, or before the measures: what was suitable there carries PV."""

    @property
    def factors(self) -> dict[str, float]:
        """By what the measures together multiply named parameters."""
        names = {name for change in self.changes for name in change.factors}
        return {name: math.prod(change.factors.get(name, 1.0) for change in self.changes) for name in sorted(names)}


def apply_measures(city: City, study: Study, names: Sequence[str], solar: Prospects | None = None) -> Applied:
    """Apply measures in the order of `names`, and the interventions of each in the order of the study.

    Order matters: a later selector sees the city as the measures before left it, and a later value replaces an
    earlier one. Without names the very same city object is returned.

    Parameters
    ----------
    city : City
    study : Study
    names : sequence of str
        Names of measures, for example ``study.measures_of("car-free")``.
    solar : Prospects, optional
        What PV would bring, for measures that choose by it; the rough `Estimate` when left out.

    Raises
    ------
    StudyError, SelectorError, DataError
        With the file, line and column of the intervention that cannot be applied.
    """
    parameters = model_parameters(study, 0)
    solar = solar or Estimate(parameters)
    changes, installed = [], city
    for name in names:
        if name not in study.measures:
            raise StudyError(f"unknown measure {name!r}", remedy=did_you_mean(name, study.measures))
        context = Context(name, study.base, solar, parameters, study.seed)
        for i, measure in enumerate(study.measures[name]):
            before = city
            try:
                city, change = measure.apply(city, context)
            except TwinError as error:
                raise _placed(error, study, name, i) from error
            changes.append(change)
            parameters = scaled(parameters, change.factors)
            installed = city if _more_pv(before, city) else installed
    return Applied(city, changes, installed)


def _more_pv(before: City, after: City) -> bool:
    """Return whether a building has more PV than before."""
    shares = ["pv_share", "facade_pv_share"]
    had = before.buildings[shares].reindex(after.buildings.index, fill_value=0.0)
    return bool((after.buildings[shares] > had).any(axis=None))


def _placed(error: TwinError, study: Study, name: str, i: int) -> TwinError:
    """Return the error with its place in the study file; a place in the city's data goes into the sentence."""
    measure = study.measures[name][i]
    where = study.at("measures", name, i, *_selector_key(error, measure))
    inner = f"{error.where}: {error.what}" if error.where else error.what
    kind = type(error) if type(error).__init__ is TwinError.__init__ else StudyError
    return kind(
        f"measure {name!r}, {measure.type}: {inner}",
        where=where,
        expected=error.expected,
        remedy=error.remedy,
        problems=error.problems,
    )


def _selector_key(error: TwinError, measure: Measure) -> list[str]:
    """Return the key that a selector's error is about: the one it names itself, else the first of the usual."""
    given = measure.model_fields_set if isinstance(error, SelectorError) else set()
    if error.where in given:
        return [str(error.where)]
    return next(([key] for key in ("where", "inside", "cordon") if key in given), [])


def needs_solar(study: Study) -> bool:
    """Return whether a measure that some scenario uses chooses by what PV would bring."""
    used = {name for scenario in study.names() for name in study.measures_of(scenario)}
    return any(measure.needs_solar for name in used for measure in study.measures[name])
