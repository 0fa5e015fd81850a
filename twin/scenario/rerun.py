"""Simulate the scenarios of a study again with other values of named parameters: for sensitivity and for follow-up.

Every point is the nominal draw of the study with some parameters replaced. Which entities a measure acts on stays as
in the run: measures are applied once, with the study's own parameters, as for its draws.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from twin.errors import StudyError, did_you_mean
from twin.parameters import with_values
from twin.scenario.evaluate import BLOCK, Evaluation, evaluate_applied
from twin.scenario.memo import Memo
from twin.scenario.neighbours import QUANTITIES, neighbour_totals, neighbours
from twin.scenario.parameters import ModelParameters, check_value, domains, known_parameter, model_parameters
from twin.scenario.schema import BASELINE
from twin.scenario.study import CALIBRATED

if TYPE_CHECKING:
    from twin.city.model import City
    from twin.scenario.apply import Applied
    from twin.scenario.runner import Plan
    from twin.solar.model import Roofs
    from twin.traffic.model import TrafficResult

Progress = Callable[[str, int, int], None]

COLUMNS = ["point", "scenario", "quantity", "value"]
HOURLY_MEMORY = 2e9
"""Bytes of hourly results remembered at most. Where all scenarios need more, points share less and take longer."""
_HOURLY_ARRAYS = 6
"""Hourly float32 arrays of the largest thing remembered, the energy of a block of buildings."""


def rerun(
    plan: Plan,
    values: Sequence[Mapping[str, float]],
    *,
    scenarios: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Return the totals of scenarios with parameters replaced.

    With an empty mapping the totals are those of draw 0 of the run, bit for bit. What a domain does not read does not
    make it compute again, so that points which differ in few parameters should stand next to each other.

    Parameters
    ----------
    plan : Plan
        Of `twin.scenario.runner.plan_run`.
    values : sequence of mapping
        Values by parameter path ``domain.field``, one mapping per point; all others keep their nominal value.
    scenarios : sequence of str, optional
        Those to return; the baseline and all scenarios when left out. The baseline is simulated anyway, since every
        scenario starts from it.
    progress : callable, optional
        Called with (label, simulations done, simulations in all).

    Returns
    -------
    DataFrame
        point (position in `values`), scenario, quantity, value; in that order. ``attrs["notes"]`` holds what the
        simulations warn of, for example of an equilibrium that was not reached: (point, scenario, note).

    Raises
    ------
    StudyError
        An unknown scenario or parameter, a value outside its range or one that the study's calibration holds. All
        points are checked before the first is simulated.
    """
    wanted = _wanted(plan, scenarios)
    points = [_parameters_at(plan, point) for point in values]
    report = progress or (lambda label, done, total: None)
    names = list(dict.fromkeys([BASELINE, *wanted]))
    total = len(points) * len(names)
    report("preparing", 0, total)
    if not points:
        return pd.DataFrame(columns=COLUMNS)
    again = _Again(plan, names)
    rows: list[tuple[int, str, str, float]] = []
    notes: list[tuple[int, str, str]] = []
    for i, parameters in enumerate(points):
        found: dict[str, Evaluation] = {}
        for j, name in enumerate(names):
            report(f"point {i + 1} of {len(points)}, {name}", i * len(names) + j, total)
            found[name] = again.evaluated(name, parameters)
        for name in wanted:
            totals = found[name].totals | again.of_neighbours(name, found, parameters)
            rows += [(i, name, quantity, float(value)) for quantity, value in totals.items()]
            notes += [(i, name, note) for note in found[name].notes]
    report("finished", total, total)
    table = pd.DataFrame(rows, columns=COLUMNS)
    table.attrs["notes"] = notes
    return table


class _Again:
    """What the simulations share: the cities with measures applied, their roofs and remembered results."""

    def __init__(self, plan: Plan, names: Sequence[str]) -> None:
        self.plan, self.names = plan, names
        self.roofs: dict[str, Roofs] = {}
        self.keys: dict[int, tuple[City, str]] = {}
        self.applied = _applied(plan, names, self.roofs_of)
        self.same = {name: self._neighbours(name) for name in names}
        self.memo = _Wide([each.city for each in self.applied.values()])

    def evaluated(self, scenario: str, parameters: ModelParameters) -> Evaluation:
        """Simulate one scenario; as the runner does draw 0."""
        plan = self.plan
        return evaluate_applied(
            self.applied[scenario],
            plan.city,
            self.applied[BASELINE].city,
            parameters,
            self.roofs_of,
            seed=plan.study.seed,
            draw=0,
            calibrated=plan.calibrated,
            variant=plan.variant,
            memo=self.memo,
        )

    def of_neighbours(
        self, scenario: str, found: Mapping[str, Evaluation], parameters: ModelParameters
    ) -> dict[str, float]:
        """Return the totals of what neighbours of changed buildings lose."""
        kept = self.same[scenario]
        before, after = (
            {name: found[each].layers["buildings"].loc[kept, name].to_numpy(float) for name in QUANTITIES}
            for each in (BASELINE, scenario)
        )
        return neighbour_totals(before, after, parameters.neighbours)

    def roofs_of(self, city: City) -> Roofs:
        """Return the roofs of this geometry, prepared once."""
        from twin.solar.model import geometry_key, prepare_roofs

        if id(city) not in self.keys:
            self.keys[id(city)] = (city, geometry_key(city))  # the city is kept, so that its id stays its own
        key = self.keys[id(city)][1]
        if key not in self.roofs:
            self.roofs[key] = prepare_roofs(city, variant=self.plan.variant)
        return self.roofs[key]

    def _neighbours(self, scenario: str) -> pd.Index:
        return neighbours(self.applied[BASELINE].city.buildings, self.applied[scenario].city.buildings)


class _Wide(Memo):
    """A memo that holds one point of all scenarios, so that the next point computes only what it changes."""

    def __init__(self, cities: Sequence[City]) -> None:
        sizes = [len(city.buildings) for city in cities]
        per_city = 2 * math.ceil(max(sizes) / BLOCK) + 2  # solar and energy of every block, gains, suitable planes
        largest = _HOURLY_ARRAYS * 4.0 * 8760 * min(max(sizes), BLOCK)
        super().__init__(capacity=max(6, min(len(cities) * per_city, int(HOURLY_MEMORY / largest))))
        self._kept = 2 * len(cities)

    def traffic(self, key: str, compute: Callable[[], TrafficResult]) -> TrafficResult:
        """Return the traffic for `key`; those of two points are remembered."""
        result: TrafficResult = self._traffic.pop(key) if key in self._traffic else compute()
        self._traffic[key] = result
        while len(self._traffic) > self._kept:
            self._traffic.pop(next(iter(self._traffic)))
        return result


def _applied(plan: Plan, names: Sequence[str], roofs_of: Callable[[City], Roofs]) -> dict[str, Applied]:
    """Return the cities of scenarios; where a measure chooses by what PV would bring, by simulation as the run does."""
    from twin.scenario.apply import apply_measures, needs_solar
    from twin.scenario.prospects import Simulated

    study = plan.study
    if not needs_solar(study):
        return {name: plan.scenarios[name] for name in names}
    how: dict[str, Any] = {"seed": study.seed, "calibrated": plan.calibrated, "variant": plan.variant}
    solar = Simulated(model_parameters(study, 0), roofs_of, **how)
    return {name: apply_measures(plan.city, study, study.measures_of(name), solar) for name in names}


def _wanted(plan: Plan, scenarios: Sequence[str] | None) -> list[str]:
    known = list(plan.scenarios)
    for name in scenarios or ():
        if name not in known:
            raise StudyError(
                f"the study {plan.study.study!r} has no scenario {name!r}", remedy=did_you_mean(name, known)
            )
    return known if scenarios is None else list(dict.fromkeys(scenarios))


def _parameters_at(plan: Plan, point: Mapping[str, float]) -> ModelParameters:
    """Return the nominal parameters with those of a point replaced."""
    nominal = model_parameters(plan.study, 0)
    for path, value in point.items():
        known_parameter(path)
        if plan.calibrated is not None and path in CALIBRATED:
            raise StudyError(f"the calibration of the study holds {path}", remedy="leave it out")
        if not math.isfinite(value):
            raise StudyError(f"parameter {path} is {value}", expected="a finite number")
        check_value(path, value)
    parts = {
        domain: with_values(domain, getattr(nominal, domain), _of_domain(domain, point))
        for domain in domains()
        if _of_domain(domain, point)
    }
    return dataclasses.replace(nominal, **parts)


def _of_domain(domain: str, point: Mapping[str, float]) -> dict[str, float]:
    return {path: value for path, value in point.items() if path.startswith(f"{domain}.")}
