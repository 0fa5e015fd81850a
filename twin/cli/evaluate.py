"""``twin evaluate``: what a study promised beside what was observed, and the three questions answered."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin.cli.progress import ProgressLine
from twin.errors import RunError, UsageError

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from twin.city.model import City, Weather
    from twin.decision.canvas import Canvas
    from twin.decision.follow_up_observed import Observed
    from twin.report.follow_up_page import FollowUpReport
    from twin.scenario.runner import Plan
    from twin.scenario.store import Run

TABLE, PAGE = "follow-up.csv", "follow-up.html"


def run_evaluate(options: argparse.Namespace) -> dict[str, Any]:
    """Compare, split, answer, print and write ``follow-up.csv`` and ``follow-up.html`` into the run folder.

    Raises
    ------
    TwinError
        A study, run, weather file or table of observations that cannot be used.
    """
    from twin.cli.commands import _load
    from twin.decision.follow_up import follow_up
    from twin.decision.follow_up_observed import KPI, read_observed
    from twin.report.follow_up_page import report_of, write_follow_up
    from twin.scenario.runner import plan_run

    study, city = _load(options.study, options.json)
    plan = plan_run(study, city)
    run = _run(options, plan)
    canvas = _canvas(run)
    observed = read_observed(options.observed, run, canvas)
    weather = _weather(options.weather or [], city)
    idle = sorted({*weather} - {int(year) for year in observed.of(KPI)["year"]})
    if idle:
        raise UsageError(f"--weather {idle[0]}: no KPI was observed in that year", remedy="leave it out")
    again = _again(options, plan, run, observed, weather)
    found = report_of(follow_up(run, canvas, observed, again), weather)
    write_follow_up(found, run.path / TABLE, run.path / PAGE)
    result = _as_data(found)
    if not options.json:
        from rich.console import Console

        _print(found, Console(width=None if sys.stdout.isatty() else 120))
    return result


def _run(options: argparse.Namespace, plan: Plan) -> Run:
    """Return the run that made the promise: that of the study as it stands, or the one that is named."""
    from twin.scenario.store import Run

    if options.run is None:
        folder = Path(options.runs) / plan.folder_name
        if (folder / "run.json").is_file():
            return Run.open(folder)
        others = sorted(path.parent for path in Path(options.runs).glob(f"{plan.study.study}-*/run.json"))
        named = f", or name the one that made the promise, for example --run {others[-1]}" if others else ""
        raise RunError(
            "the study as it stands has no finished run", where=str(folder), remedy=f"run it: twin run{named}"
        )
    run = Run.open(options.run)
    here, there = (_physics(each) for each in (plan.study.resolved(), run.info["study"]))
    if here != there:
        differs = sorted(key for key in {*here, *there} if here.get(key) != there.get(key))
        raise RunError(
            "the run is of another study, or of this one before it changed",
            where=options.run,
            expected=f"the same {', '.join(differs)}",
        )
    return run


def _physics(study: dict[str, Any]) -> dict[str, Any]:
    """Return the parts of a study that its results depend on."""
    apart = ("canvas", "targets", "question")
    return {key: value for key, value in study.items() if key not in apart}


def _canvas(run: Run) -> Canvas | None:
    """Return the canvas that the run was made with."""
    from twin.decision.canvas_file import canvas_of

    return canvas_of(run.info["study"], str(run.path)) if run.info["study"].get("canvas") else None


def _weather(words: list[str], city: City) -> dict[int, Weather]:
    """Return the measured weather by year, of words such as ``2027=helsinki-2027.epw``."""
    from twin.city.epw import check_weather_location, read_epw

    found: dict[int, Weather] = {}
    for word in words:
        year, _, file = word.partition("=")
        if not (year.isdigit() and len(year) == 4 and file):
            raise UsageError(f"--weather {word[:80]} names no year and file", expected="YEAR=FILE.epw")
        if int(year) in found:
            raise UsageError(f"--weather names {year} twice", expected="one file for each year")
        found[int(year)] = read_epw(file)
        check_weather_location(found[int(year)], city.meta.latitude, city.meta.longitude)
    return found


def _again(
    options: argparse.Namespace, plan: Plan, run: Run, observed: Observed, weather: dict[int, Weather]
) -> pd.DataFrame | None:
    from twin.cli.commands import prepare_kernels
    from twin.decision.follow_up_again import simulate_again, years_of

    if not years_of(observed, weather):
        return None
    prepare_kernels(options.threads, options.json)
    other = run.info["run"] != plan.folder_name
    with ProgressLine("simulating again with observed inputs", options.json) as progress:
        return simulate_again(plan, observed, weather, nominal=other, progress=progress)


def _as_data(found: FollowUpReport) -> dict[str, Any]:
    return {
        "run": found.followed.run.info["run"],
        "kpis": _records(found.followed.table),
        "uptake": _records(found.followed.uptake),
        "participation": _records(found.followed.participation),
        "balance": {
            "actors": _records(found.money.actors), "lines": _records(found.money.lines), "until": found.money.until,
        },
        "answers": [
            {
                "scenario": answer.scenario, "question": answer.question, "answer": answer.word,
                "sentences": found.sentences(answer),
            }
            for answer in found.answers
        ],
        "notes": found.notes,
        "files": [str(found.followed.run.path / name) for name in (TABLE, PAGE)],
    }  # fmt: skip


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(k): None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
        for row in table.to_dict("records")
    ]


def _print(found: FollowUpReport, console: Console) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    labels = found.followed.run.info["labels"]
    for scenario in dict.fromkeys(found.followed.table["scenario"]):
        table = Table(title=escape(labels[scenario]), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for name in ("KPI", "year", "promised", "90 % interval", "observed", "residual", "inputs", "model", "verdict"):
            right = name not in ("KPI", "verdict")
            table.add_column(name, justify="right" if right else "left", no_wrap=right)
        for row in found.rows(scenario):
            table.add_row(*(escape(row[name]) for name in (
                "label", "year", "expected", "interval", "observed", "residual", "input_error", "model_error", "said",
            )))  # fmt: skip
        console.print(table)
    for answer in found.answers:
        console.print(f"[bold]{escape(labels[answer.scenario])}: {answer.question} {answer.word.capitalize()}.[/bold]")
        for sentence in found.sentences(answer):
            console.print(escape(f"  {sentence}"))
    for note in found.notes:
        console.print(escape(note), style="dim")
    for name in (TABLE, PAGE):
        print(found.followed.run.path / name)
