"""Who wins and who loses: residents by benefit and outcome, by zone on a map, and by income where it is known."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from twin.decision.decide import Decision
from twin.decision.figures import Figures
from twin.decision.incidence import DIRECTLY, INDIRECTLY, LOSER, MIXED, NOT_REACHED, UNCHANGED, WINNER
from twin.decision.incomes import HOW_TO_GIVE
from twin.decision.reach_tables import SHOWN
from twin.decision.suppression import MINIMUM_COUNT
from twin.report.formats import DIRECTION
from twin.report.layers import place_names
from twin.report.templating import environment
from twin.report.traced import Traced
from twin.report.winners_map import winners_map
from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    from twin.decision.reach import Incidence

MOST_ZONES = 6
"""Zones named at each end."""
REACH_WORDS = {
    DIRECTLY: "gain directly: a measure acts on their house, street or zone",
    INDIRECTLY: "gain indirectly",
    NOT_REACHED: "gain nothing",
}
OUTCOME_WORDS = {WINNER: "win", LOSER: "lose", MIXED: "win by some and lose by other things", UNCHANGED: "as today"}


def render_people(decision: Decision, figures: Figures) -> str:
    """Return the page as HTML. Small cells are suppressed; equal decisions give equal bytes."""
    run, traced = decision.run, Traced(figures)
    layers = {name: run.layer(BASELINE, name) for name in ("zones", "buildings", "links")}
    names = place_names(layers)
    known = any(len(found.by_quintile) for found in decision.reach.values())
    return (
        environment()
        .get_template("people.html.j2")
        .render(
            question=run.info["question"],
            city=run.info["city"]["title"],
            people=traced.html(f"reach/{decision.scenarios[0]}/people"),
            minimum=f"{MINIMUM_COUNT:g}",
            incomes="" if known else HOW_TO_GIVE,
            scenarios=[
                _section(decision, traced, scenario, found, names)
                | {"map": Markup(winners_map(layers, found, decision.labels[scenario]))}  # noqa: S704 - texts are escaped
                for scenario, found in decision.reach.items()
            ],
        )
    )


def _section(
    decision: Decision, traced: Traced, scenario: str, found: Incidence, names: dict[str, str]
) -> dict[str, Any]:
    base = f"reach/{scenario}"
    return {
        "id": scenario,
        "label": decision.labels[scenario],
        "lead": _lead(traced, base),
        "acted_on": list(_acted_on(traced, base, found)),
        "newcomers": traced.html(f"{base}/newcomers") if found.newcomers else "",
        "reach": [_people_row(traced, f"{base}/{key}", words) for key, words in REACH_WORDS.items()],
        "outcomes": [_people_row(traced, f"{base}/outcome/{key}", words) for key, words in OUTCOME_WORDS.items()],
        "gains": list(_gains(traced, base, found)),
        "zones": _zones(traced, base, found, names),
        "quintiles": _quintiles(traced, base, found),
        "poverty": _poverty(traced, base, found),
        "hidden": traced.html(f"{base}/hidden_share"),
    }


def _lead(traced: Traced, base: str) -> Markup:
    parts = [
        Markup("{} of residents {}").format(traced.html(f"{base}/outcome/{key}/share"), OUTCOME_WORDS[key])
        for key in (WINNER, LOSER, MIXED)
        if traced.known(f"{base}/outcome/{key}/share") and traced.figures[f"{base}/outcome/{key}/share"].value > 0.0
    ]
    if not parts:
        return Markup("No difference at anybody's home that can be told from noise and is more than a trifle.")
    return Markup("; ").join(parts) + "."


def _acted_on(traced: Traced, base: str, found: Incidence) -> Iterator[Markup]:
    for what, count in found.acted_on.items():
        if count:
            yield Markup("{} {}").format(traced.html(f"{base}/acted_on/{what}"), what.replace("_", " "))


def _people_row(traced: Traced, ref: str, words: str) -> dict[str, Any]:
    return {"words": words} | {part: traced.html(f"{ref}/{part}") for part in ("people", "share", "buildings")}


def _gains(traced: Traced, base: str, found: Incidence) -> Iterator[dict[str, Any]]:
    """Yield what a resident gains in the mean, by effect; effects that nobody notices are left out."""
    for effect in found.effects:
        gain = float(found.gains.at[effect.quantity, "mean_gain"])  # type: ignore[arg-type]
        if gain == 0.0 or not math.isfinite(gain):
            continue
        noise = bool(found.gains.at[effect.quantity, "noise"])
        ref = f"{base}/gain/{effect.quantity}"
        yield {
            "label": effect.label,
            "direction": "above zero is a gain; of the thing itself " + DIRECTION[effect.better],
            "gain": traced.html(f"{ref}/mean_gain"),
            "words": "cannot be told from noise" if noise else "a gain" if gain > 0.0 else "a loss",
            "reading": found.gains.at[effect.quantity, "reading"],
            "ratio": traced.html(f"{ref}/ratio") if traced.known(f"{ref}/ratio") else "",
        }


def _zones(traced: Traced, base: str, found: Incidence, names: dict[str, str]) -> list[dict[str, Any]]:
    """Return the zones where the most, less those who lose, win, and the fewest."""
    shown = found.by_zone[found.by_zone["state"] == SHOWN].dropna(subset="net_share")
    ranked = shown[shown["net_share"] != 0.0].sort_values("net_share", kind="stable")
    some = ranked if len(ranked) <= 2 * MOST_ZONES else ranked.iloc[[*range(MOST_ZONES), *range(-MOST_ZONES, 0)]]
    return [
        {
            "name": names.get(str(zone), str(zone)),
            "people": traced.html(f"{base}/zone/{zone}/people"),
            "net": traced.html(f"{base}/zone/{zone}/net_share"),
        }
        for zone in some.index
    ]


def _quintiles(traced: Traced, base: str, found: Incidence) -> list[dict[str, Any]]:
    words = {1: "poorest fifth", 5: "richest fifth", 0: "income not known"}
    return [
        {
            "name": words.get(int(fifth), "between"),
            "people": traced.html(f"{base}/quintile/{fifth}/people"),
            "outcomes": [traced.html(f"{base}/quintile/{fifth}/{key}") for key in OUTCOME_WORDS],
        }
        for fifth in found.by_quintile.index
    ]


def _poverty(traced: Traced, base: str, found: Incidence) -> Markup:
    if found.poverty is None:
        return Markup("")
    ref = f"{base}/poverty"
    return Markup(
        "Homes that spend more than {} of their income on energy hold {} of people, {} before. By indicator "
        '<span class="stated">2M</span> (more than twice the median share) it is {}, {} before.'
    ).format(
        *(
            traced.html(f"{ref}/{part}")
            for part in ("share", "after", "before", "twice_median_after", "twice_median_before")
        )
    )
