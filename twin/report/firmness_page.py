"""How firm a study is: what its answers hang on, where they turn, what a pilot shows, and what is only noise.

Every number is printed by its reference (`twin.report.traced`). What a study does not have is named once, at the end,
with what would bring it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from twin import __version__
from twin.decision import compare
from twin.decision.kpis import KPIS
from twin.decision.ledger import OUTSIDE
from twin.report import firmness_words as words
from twin.report.firmness_hangs import rebound, sensitivity
from twin.report.firmness_numbers import Numbers
from twin.report.firmness_tried import footprint, pilot, programme
from twin.report.templating import environment
from twin.report.traced import Traced, stated

if TYPE_CHECKING:
    from twin.decision.decide import Decision
    from twin.decision.figures import Figures


def render_firmness(decision: Decision, figures: Figures) -> str:
    """Return the page as HTML. Equal decisions give equal bytes."""
    info, page = decision.run.info, Numbers(decision, Traced(figures))
    sections = {
        "sensitivity": sensitivity(page),
        "rebound": rebound(page),
        "pilot": pilot(page),
        "footprint": footprint(page),
        "programme": programme(page),
        "noise": _noise(page),
    }
    return (
        environment()
        .get_template("firmness.html.j2")
        .render(
            title=info["study"]["study"].replace("-", " ").capitalize(),
            question=info["question"],
            city=info["city"]["title"],
            short=[(name, part["short"]) for name, part in sections.items() if part],
            missing=list(words.missing(decision, bool(sections["rebound"]))),
            run=info["run"],
            version=__version__,
            **sections,
        )
    )


def _noise(page: Numbers) -> dict[str, Any]:
    """Return what cannot be told from noise, by scenario."""
    decision = page.decision
    enough = decision.run.info["draws"] >= compare.MINIMUM_DRAWS
    return {
        "short": words.noise_short(decision, enough),
        "draws": page.traced.html("run/draws"),
        "enough": enough,
        "scenarios": [_unclear(page, scenario) for scenario in decision.scenarios],
    }


def _unclear(page: Numbers, scenario: str) -> dict[str, Any]:
    decision = page.decision
    table = decision.table[decision.table["scenario"] == scenario]
    kpis = table.loc[table["verdict"] == compare.NOT_DISTINGUISHABLE, "kpi"]
    claims = decision.overview.claims
    mine = claims[claims["scenario"].isin([scenario, ""]) & (claims["verdict"] == compare.NOT_DISTINGUISHABLE)]
    rows = [(stated(KPIS[str(k)].label), page.change(scenario, str(k))) for k in kpis]
    actors = []
    if scenario in decision.money:
        positions = decision.money[scenario].positions.drop(index=OUTSIDE, errors="ignore")
        inside = (positions["low"] <= 0.0) & (positions["high"] >= 0.0) & (positions["value"] != 0.0)
        actors = [_position(page, scenario, str(actor)) for actor in positions.index[inside]]
    return {
        "id": scenario,
        "label": page.label(scenario),
        "moved": page.traced.html(f"noise/{scenario}/moved"),
        "unclear": page.traced.html(f"noise/{scenario}/unclear"),
        "kpis": rows,
        "claims": list(mine["text"]),
        "actors": actors,
    }


def _position(page: Numbers, scenario: str, actor: str) -> tuple[Markup, Markup, Markup]:
    base = f"ledger/{scenario}/position/{actor}"
    name = stated(page.decision.actor_labels.get(actor, actor))
    return name, page.traced.html(f"{base}/value"), page.interval(f"{base}/low", f"{base}/high")
