"""``twin canvas``: the fourteen blocks of a study, what is missing, and what a run says to the claims."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from twin.decision.overview import Overview


def run_canvas(options: argparse.Namespace) -> dict[str, Any]:
    """Show the canvas in a study, in a file of its own, or in a run."""
    from twin.cli.commands import find_study
    from twin.decision.canvas_file import load_canvas
    from twin.decision.overview import overview
    from twin.report.canvas_page import canvas_pages_alone

    path = Path(options.source)
    pages: dict[str, str]
    if path.is_dir():
        found, data, pages = _of_run(path, bool(options.out))
    else:
        study = find_study(options.source)
        found = overview(load_canvas(study))
        data, pages = found.as_data(), {}
        if options.out:
            title = study.stem.replace("-", " ").capitalize()
            pages = canvas_pages_alone(found, title)
    data = {"source": options.source, "run": path.is_dir(), **data}
    if options.out:
        data["pages"] = [str(_written(Path(options.out) / name, page)) for name, page in pages.items()]
    if not options.json:
        _print(found, data, Console(width=None if sys.stdout.isatty() else 120))
        for page in data.get("pages", []):
            print(page)
    return data


def _written(path: Path, page: str) -> Path:
    from twin.scenario import files

    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_text(path, page)
    return path


def _of_run(path: Path, draw: bool) -> tuple[Overview, dict[str, Any], dict[str, str]]:
    """Return the overview of a run, its decision as plain data with every number, and its canvas pages if drawn."""
    from twin.decision.decide import decide
    from twin.decision.figures import figures_of
    from twin.report.canvas_page import canvas_pages
    from twin.report.decision_pages import decision_data
    from twin.scenario.store import Run

    decision = decide(Run.open(path))
    figures = figures_of(decision)
    pages = canvas_pages(decision, figures) if draw else {}
    return decision.overview, decision_data(decision, figures), pages


def _print(found: Overview, data: dict[str, Any], console: Console) -> None:
    filled = sum(state.origin != "empty" for state in found.states)
    console.print(escape(f"{data['evidence']['sentence']} {filled} of {len(found.states)} blocks are filled."))
    blocks = Table("", "block", "entries", "", "missing")
    for state in found.states:
        number = len(state.entries) + state.computed
        blocks.add_row(
            str(state.block.number), escape(state.block.title), str(number), state.origin,
            escape("; ".join(state.missing)),
        )  # fmt: skip
    console.print(blocks)
    flags = dict.fromkeys(flag for state in found.states for flag in state.flags)
    for flag in (flag for flag in flags if flag != data["evidence"]["sentence"]):
        console.print(f"[red]![/red] {escape(flag)}")
    if len(found.claims):
        claims = Table("claim", "scenario", "verdict", "evidence", "why")
        for row in found.claims.to_dict("records"):
            claims.add_row(*(escape(str(row[key])) for key in ("text", "scenario", "verdict", "evidence", "reason")))
        console.print(claims)
    several = [actor for actor in found.actors if len(actor.roles) > 1]
    for actor in several:
        names = [name for name in actor.names if name != actor.label]
        also = f" (also named {', '.join(names)})" if names else ""
        console.print(escape(f"one actor with {len(actor.roles)} roles: {actor.label}{also}: {', '.join(actor.roles)}"))
