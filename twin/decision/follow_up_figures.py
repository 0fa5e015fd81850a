"""Every number of a follow-up under a name of its own: ``follow-up/<scenario>/<kpi>/<year>/observed`` and its like."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twin.decision.figures import COUNT, EUR, SHARE, Figure, Figures
from twin.decision.follow_up import FollowUp
from twin.decision.follow_up_answers import ALL, base_ref, counted
from twin.decision.follow_up_balance import Balance
from twin.decision.follow_up_observed import INPUT
from twin.decision.kpis import KPIS
from twin.scenario.parameters import all_parameters

_VALUES = {
    "expected": "promised by the run", "low": "promised by the run, 5 % quantile", "rerun": "simulated again with the "
    "observed inputs", "high": "promised by the run, 95 % quantile", "without": "what would have been without",
}  # fmt: skip
_DIFFERENCES = {
    "residual": "observed less expected", "input_error": "what the observed inputs change",
    "of_uptake": "what the observed uptake changes", "model_error": "observed less simulated with observed inputs",
    "effect_expected": "promised difference to the baseline", "effect_low": "promised difference, 5 % quantile",
    "effect_high": "promised difference, 95 % quantile",
    "effect_observed": "observed less what would have been without",
    "effect_observed_low": "the same, least", "effect_observed_high": "the same, most",
}  # fmt: skip


def figures_of(found: FollowUp, money: Balance) -> Figures:
    """Return every number of a follow-up."""
    return Figures(
        {
            **dict(_kpis(found)), **dict(_counts(found)), **dict(_shares(found)), **dict(_inputs(found)),
            **dict(_money(money)),
        }
    )  # fmt: skip


def _kpis(found: FollowUp) -> Iterator[tuple[str, Figure]]:
    labels = found.run.info["labels"]
    for row in found.table.to_dict("records"):
        kpi = KPIS[row["kpi"]]
        base = f"{base_ref(row['scenario'])}/{kpi.id}/{row['year']}"
        what = f"{kpi.label}, {labels[row['scenario']]}, {row['year']}"
        said = str(row["verdict"])
        for column in ("observed", "observed_low", "observed_high"):
            yield (
                f"{base}/{column}",
                Figure(float(row[column]), kpi.unit, f"{what}: {row['source']}", kpi.id, False, said),
            )
        for column, words in _VALUES.items():
            yield f"{base}/{column}", Figure(float(row[column]), kpi.unit, f"{what}: {words}", kpi.id)
        for column, words in _DIFFERENCES.items():
            yield f"{base}/{column}", Figure(float(row[column]), kpi.unit, f"{what}: {words}", kpi.id, True, said)


def _counts(found: FollowUp) -> Iterator[tuple[str, Figure]]:
    for scenario in found.scenarios:
        for word, number in counted(found, scenario).items():
            origin = f"observed KPIs that were promised to get better, last year of each: {word}"
            yield f"{base_ref(scenario)}/count/{word}", Figure(float(number), COUNT, origin)


def _shares(found: FollowUp) -> Iterator[tuple[str, Figure]]:
    for row in found.uptake.to_dict("records"):
        base = f"{base_ref(row['scenario'])}/uptake/{row['measure'] or ALL}/{row['year']}"
        yield f"{base}/planned", Figure(float(row["planned"]), SHARE, "uptake by the canvas, mean of the year")
        yield f"{base}/observed", Figure(float(row["observed"]), SHARE, str(row["source"]))
    for row in found.participation.to_dict("records"):
        ref = f"{base_ref(row['scenario'])}/participation/{row['actor']}/{row['year']}"
        yield ref, Figure(float(row["value"]), SHARE, str(row["source"]))


def _inputs(found: FollowUp) -> Iterator[tuple[str, Figure]]:
    known = all_parameters()
    own = {str(row["path"]): float(row["value"]) for row in found.run.info["parameters"]}
    for row in found.observed.of(INPUT).to_dict("records"):
        path, info = str(row["name"]), known[row["name"]]
        unit = "" if info.unit == "-" else info.unit
        yield f"follow-up/input/{row['year']}/{path}/observed", Figure(float(row["value"]), unit, str(row["source"]))
        assumed = Figure(own.get(path, info.default), unit, f"parameter {path} of the run")
        yield f"follow-up/input/{row['year']}/{path}/assumed", assumed


def _money(money: Balance) -> Iterator[tuple[str, Figure]]:
    for scenario, share in money.share.items():
        origin = f"money expected until {money.until[scenario]}, without regard to sign: the part that was observed"
        yield f"{base_ref(scenario)}/balance/share", Figure(share, SHARE, origin)
    words: dict[str, Any] = {
        "expected": "ledger", "low": "ledger, 5 % quantile", "high": "ledger, 95 % quantile",
        "observed": "ledger with observed values", "observed_low": "the same, least", "observed_high": "the same, most",
    "difference": "observed less expected",
    }  # fmt: skip
    for row in money.actors.to_dict("records"):
        base = f"{base_ref(row['scenario'])}/balance/{row['actor']}"
        for column, origin in words.items():
            origin = f"net of {row['actor']} until {money.until[row['scenario']]}: {origin}"
            yield f"{base}/{column}", Figure(float(row[column]), EUR, origin, "", True, str(row["verdict"]))
    for row in money.lines.to_dict("records"):
        base = f"{base_ref(row['scenario'])}/line/{row['line']}/{row['year']}"
        origin = f"ledger line {row['line']}, {row['year']}"
        yield f"{base}/expected", Figure(float(row["expected"]), EUR, origin)
        yield f"{base}/observed", Figure(float(row["observed"]), EUR, f"{origin}: {row['from']}")
