"""The KPI table in the terminal, and as data for ``--json``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich import box
from rich.table import Table
from rich.text import Text

from twin.decision.compare import BETTER, CHANGED, MINIMUM_DRAWS, NO_CHANGE, WORSE, compare, targets
from twin.decision.kpis import KPIS
from twin.report.formats import difference_texts, percent_text, value_text
from twin.report.summary import labels_of
from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    from rich.console import Console

    from twin.scenario.store import Run

WIDE = 116
"""Narrower consoles get the unit below the KPI and no column of baseline values."""
ARROWS = {"lower": "↓", "higher": "↑", "neutral": " "}
STYLES = {BETTER: "bold blue", WORSE: "bold yellow", CHANGED: "bold magenta"}


def print_table(run: Run, console: Console) -> None:
    """Print one table per scenario, and the study's targets.

    Rows that equal the baseline are left out and counted below the table.
    """
    table, labels = compare(run), labels_of(run)
    for scenario in run.info["scenarios"]:
        rows = [row for row in table.to_dict("records") if row["scenario"] == scenario]
        if all(row["verdict"] == NO_CHANGE for row in rows):
            console.print(Text(f"{labels[scenario]}: equals the baseline in every KPI", style="bold"))
            console.print()
            continue
        console.print(_scenario_table(rows, labels[scenario], narrow=console.width < WIDE))
        unchanged = [row["label"] for row in rows if row["verdict"] == NO_CHANGE]
        if unchanged:
            console.print(Text(f"no change: {', '.join(unchanged)}", style="dim"))
        console.print()
    wanted = targets(run)
    if len(wanted):
        console.print(_target_table(wanted, labels))
        console.print()
    console.print(Text(_legend(run), style="dim"))
    for note in table.attrs["notes"]:
        console.print(Text(note, style="dim"))


def as_data(run: Run) -> dict[str, Any]:
    """Return the comparison as plain data: no number is NaN, missing ones are None."""
    table = compare(run)
    return {
        "run": run.info["run"],
        "question": run.info["question"],
        "draws": run.info["draws"],
        "labels": labels_of(run),
        "kpis": _records(table),
        "targets": _records(targets(run)),
        "notes": table.attrs["notes"],
    }


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(k): None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
        for row in frame.to_dict("records")
    ]


def _scenario_table(rows: list[dict[Any, Any]], label: str, *, narrow: bool) -> Table:
    table = Table(title=Text(label, style="bold"), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("KPI", min_width=16, overflow="fold")
    if not narrow:
        table.add_column("unit", no_wrap=True)
    for name in ("scenario",) if narrow else ("baseline", "scenario"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("difference", "%", "90 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", min_width=15)
    for row in rows:
        if row["verdict"] == NO_CHANGE:
            continue
        kpi = KPIS[row["kpi"]]
        difference, interval = difference_texts(kpi, row["difference"], row["low"], row["high"])
        unit = kpi.shown.difference_unit if kpi.shown.unit == "%" else ""
        measure = f"{ARROWS[kpi.better]} {kpi.shown.unit}"
        head = [f"{row['label']}\n{measure}"] if narrow else [row["label"], measure, value_text(kpi, row["baseline"])]
        table.add_row(
            *head,
            value_text(kpi, row["value"]),
            f"{difference} {unit}".rstrip(),
            percent_text(kpi, row["percent"]),
            interval,
            Text(row["verdict"], style=STYLES.get(row["verdict"], "dim")),
        )
    return table


def _target_table(wanted: pd.DataFrame, labels: dict[str, str]) -> Table:
    table = Table(title=Text("Targets", style="bold"), title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("target", "limit", "scenario", "value", "draws that meet it", "verdict"):
        table.add_column(name, overflow="fold")
    for row in wanted.to_dict("records"):
        kpi = KPIS.get(row["kpi"])
        limit = f"{row['kind']} {value_text(kpi, row['limit'])} {kpi.shown.unit}" if kpi else f"{row['limit']:g}"
        share = f"{100 * row['share']:.0f} %" if math.isfinite(row["share"]) else "–"
        value = value_text(kpi, row["value"]) if kpi else "–"
        name = labels.get(row["scenario"], BASELINE)
        table.add_row(Text(row["label"]), limit, Text(name), value, share, row["verdict"])
    return table


def _legend(run: Run) -> str:
    directions, draws = "↓ lower is better, ↑ higher is better.", run.info["draws"]
    if draws < MINIMUM_DRAWS:
        return (
            f"{directions} No interval: it needs at least {MINIMUM_DRAWS} uncertainty draws and the study has "
            f"{draws or 'none'}. See docs/studies.md, Distributions."
        )
    return (
        f"{directions} Interval: 5 % to 95 % of the paired difference over {draws} draws; "
        "not distinguishable: it holds zero."
    )
