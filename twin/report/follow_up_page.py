"""The page of a follow-up: three questions answered, promised and observed by year, inputs, and the balance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from twin import __version__
from twin.decision import follow_up_balance as money_words
from twin.decision import follow_up_judge as judge
from twin.decision.compare import NOT_DISTINGUISHABLE
from twin.decision.figures import Figures
from twin.decision.follow_up import AHEAD, BEHIND, SIMULATED, FollowUp
from twin.decision.follow_up_answers import ALL, Answer, Sentence, actor_name, answers, base_ref, plain
from twin.decision.follow_up_balance import Balance, balance
from twin.decision.follow_up_figures import figures_of
from twin.decision.follow_up_observed import INPUT
from twin.decision.kpis import KPIS
from twin.report.follow_up_charts import promise_chart
from twin.report.formats import DIRECTION, NOTHING, THIN
from twin.report.templating import environment
from twin.report.traced import Traced, printed
from twin.scenario import files
from twin.scenario.parameters import all_parameters
from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    from twin.city.model import Weather

CSS = {
    judge.BETTER: "better", judge.WORSE: "worse", judge.OTHER: "changed", judge.OUTSIDE: "changed",
    money_words.BETTER: "better", money_words.WORSE: "worse", AHEAD: "better", BEHIND: "worse",
}  # fmt: skip
NUMBERS = (
    "expected", "observed", "residual", "input_error", "of_uptake", "model_error", "rerun", "effect_expected",
    "effect_observed",
)  # fmt: skip


@dataclass(frozen=True)
class FollowUpReport:
    """A follow-up with its balance, its answers and all its numbers by reference."""

    followed: FollowUp
    money: Balance
    answers: list[Answer]
    traced: Traced
    weather: dict[int, str]

    @property
    def notes(self) -> list[str]:
        """What a reader must know before believing it."""
        return [*self.followed.notes, *dict.fromkeys(self.money.notes)]

    def sentences(self, answer: Answer) -> list[str]:
        """Return why an answer is given, as text."""
        return plain(answer.sentences, self.traced.text)

    def rows(self, scenario: str) -> list[dict[str, str]]:
        """Return the table of a scenario as text: numbers without their unit, which stands behind the label."""
        return [{key: _text(value) for key, value in row.items()} for row in self._cells(scenario, html=False)]

    def html_rows(self, scenario: str) -> list[dict[str, Any]]:
        """Return the same for the page: every number with its reference."""
        return self._cells(scenario, html=True)

    def _cells(self, scenario: str, *, html: bool) -> list[dict[str, Any]]:
        table = self.followed.table
        rows = []
        for row in table[table["scenario"] == scenario].to_dict("records"):
            base, kpi = f"{base_ref(scenario)}/{row['kpi']}/{row['year']}", KPIS[row["kpi"]]
            shown = {name: self.bare(f"{base}/{name}", html=html) for name in NUMBERS}
            for name, prefix in (("interval", ""), ("effect_interval", "effect_")):
                shown[name] = self.interval(f"{base}/{prefix}low", f"{base}/{prefix}high", html=html)
            shown["observed_range"] = ""
            if row["observed_low"] < row["observed_high"]:
                shown["observed_range"] = self.interval(f"{base}/observed_low", f"{base}/observed_high", html=html)
            said = str(row["verdict"]) + (f": {row['cause']}" if row["cause"] and not html else "")
            rows.append(
                {
                    **shown, "label": f"{kpi.label}, {kpi.shown.unit}", "name": kpi.label, "unit": kpi.shown.unit,
                    "direction": DIRECTION[kpi.better], "year": str(row["year"]), "said": said,
                    "verdict": str(row["verdict"]), "cause": str(row["cause"]),
                    "css": CSS.get(row["verdict"], "noise"), "source": str(row["source"]),
                    "against": str(row["against"]), "by_effect": row["against"] not in ("", SIMULATED),
                    "vague": row["promise"] == NOT_DISTINGUISHABLE,
                }
            )  # fmt: skip
        return rows

    def bare(self, ref: str, *, html: bool = True) -> str:
        """Return a number without its unit, for columns under which the unit stands once."""
        figure = self.traced.figures[ref]
        unit = KPIS[figure.kpi].shown if figure.kpi else None
        text = printed(figure)
        for end in (unit.difference_unit, unit.unit) if unit else ():
            text = text.removesuffix(f"{THIN}{end}")
        if not html or text == NOTHING:
            return text
        return self.traced.html(ref, text)

    def interval(self, low: str, high: str, *, html: bool) -> str:
        """Return both ends of an interval; empty text where there is none."""
        ends = [self.bare(ref, html=html) for ref in (low, high)]
        if NOTHING in ends:
            return ""
        return Markup("{} … {}").format(*ends) if html else " … ".join(ends)


def report_of(found: FollowUp, weather: Mapping[int, Weather] | None = None) -> FollowUpReport:
    """Return a follow-up with its balance, answers and numbers; `weather` is that of the simulations made again."""
    money = balance(found)
    figures: Figures = figures_of(found, money)
    titles = {year: each.title for year, each in (weather or {}).items()}
    return FollowUpReport(found, money, answers(found, money), Traced(figures), titles)


def write_follow_up(report: FollowUpReport, table: Path, page: Path) -> None:
    """Write the table as CSV and the page."""
    files.write_text(table, report.followed.table.to_csv(index=False, lineterminator="\n"))
    files.write_text(page, render_follow_up(report))


def render_follow_up(report: FollowUpReport) -> str:
    """Return the page: one HTML file that needs no network, no script and no other file."""
    info = report.followed.run.info
    return (
        environment()
        .get_template("follow_up.html.j2")
        .render(
            study=info["study"]["study"].replace("-", " ").capitalize(),
            question=info["question"],
            city=info["city"]["title"],
            run=info["run"],
            file=Path(report.followed.observed.path).name,
            scenarios=[_scenario(report, name) for name in report.followed.scenarios],
            baseline=report.html_rows(BASELINE),
            inputs=_inputs(report),
            weather=[{"year": str(year), "title": title} for year, title in sorted(report.weather.items())],
            notes=report.notes,
            sources=info["sources"],
            version=__version__,
        )
    )


def _scenario(report: FollowUpReport, name: str) -> dict[str, Any]:
    found = report.followed
    mine = found.table[found.table["scenario"] == name]
    charts = []
    for kpi in dict.fromkeys(mine["kpi"]):
        path = found.paths[(found.paths["scenario"] == name) & (found.paths["kpi"] == kpi)]
        seen = mine[mine["kpi"] == kpi]
        chart = promise_chart(KPIS[kpi], path, seen, effect=bool((seen["against"] != SIMULATED).all()))
        charts.append(Markup(chart))  # noqa: S704 (svg escapes)
    return {
        "name": found.run.info["labels"][name],
        "answers": [
            {
                "question": answer.question,
                "word": answer.word,
                "css": {"yes": "better", "no": "worse", "partly": "changed"}.get(answer.word, "noise"),
                "sentences": [_sentence(report.traced, each) for each in answer.sentences],
            }
            for answer in report.answers
            if answer.scenario == name
        ],
        "charts": charts,
        "rows": report.html_rows(name),
        "uptake": _uptake(report, name),
        "people": _people(report, name),
        "actors": _actors(report, name),
        "lines": _lines(report, name),
        "until": str(report.money.until.get(name, "")),
    }


def _sentence(traced: Traced, parts: Sentence) -> Markup:
    return Markup("").join(escape(part) if isinstance(part, str) else traced.html(part.ref) for part in parts)


def _uptake(report: FollowUpReport, scenario: str) -> list[dict[str, Any]]:
    rows, table = [], report.followed.uptake
    for row in table[table["scenario"] == scenario].to_dict("records"):
        base = f"{base_ref(scenario)}/uptake/{row['measure'] or ALL}/{row['year']}"
        rows.append(
            {
                "measure": row["measure"] or "all measures together", "year": str(row["year"]),
                "planned": report.traced.html(f"{base}/planned"), "observed": report.traced.html(f"{base}/observed"),
                "verdict": row["verdict"], "css": CSS.get(row["verdict"], "noise"), "source": row["source"],
            }
        )  # fmt: skip
    return rows


def _people(report: FollowUpReport, scenario: str) -> list[dict[str, Any]]:
    table, base = report.followed.participation, f"{base_ref(scenario)}/participation"
    return [
        {
            "actor": actor_name(report.followed.canvas, str(row["actor"])), "year": str(row["year"]),
            "value": report.traced.html(f"{base}/{row['actor']}/{row['year']}"), "source": row["source"],
        }
        for row in table[table["scenario"] == scenario].to_dict("records")
    ]  # fmt: skip


def _inputs(report: FollowUpReport) -> list[dict[str, Any]]:
    known, rows = all_parameters(), []
    for row in report.followed.observed.of(INPUT).to_dict("records"):
        base = f"follow-up/input/{row['year']}/{row['name']}"
        rows.append(
            {
                "path": row["name"], "meaning": known[row["name"]].meaning, "year": str(row["year"]),
                "assumed": report.traced.html(f"{base}/assumed"), "observed": report.traced.html(f"{base}/observed"),
                "source": row["source"],
            }
        )  # fmt: skip
    return rows


def _actors(report: FollowUpReport, scenario: str) -> list[dict[str, Any]]:
    rows, table = [], report.money.actors
    for row in table[table["scenario"] == scenario].to_dict("records"):
        base = f"{base_ref(scenario)}/balance/{row['actor']}"
        cells = {name: report.bare(f"{base}/{name}") for name in ("expected", "observed", "difference")}
        interval = report.interval(f"{base}/low", f"{base}/high", html=True)
        cells["seen"] = ""
        if row["observed_low"] < row["observed_high"]:
            cells["seen"] = report.interval(f"{base}/observed_low", f"{base}/observed_high", html=True)
        name, said = actor_name(report.followed.canvas, str(row["actor"])), row["verdict"]
        rows.append({**cells, "interval": interval, "name": name, "verdict": said, "css": CSS.get(said, "noise")})
    return rows


def _lines(report: FollowUpReport, scenario: str) -> list[dict[str, Any]]:
    rows, table = [], report.money.lines
    names = report.followed.canvas
    for row in table[table["scenario"] == scenario].to_dict("records"):
        base = f"{base_ref(scenario)}/line/{row['line']}/{row['year']}"
        rows.append(
            {
                "what": row["what"], "year": str(row["year"]), "from": row["from"],
                "payer": actor_name(names, row["payer"]), "gainer": actor_name(names, row["gainer"]),
                "expected": report.bare(f"{base}/expected"), "observed": report.bare(f"{base}/observed"),
            }
        )  # fmt: skip
    return rows


def _text(value: object) -> str:
    return NOTHING if isinstance(value, float) and math.isnan(value) else str(value)
