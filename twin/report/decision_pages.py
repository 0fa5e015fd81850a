"""The pages of a decision: canvas, ledger, people, firmness and brief in the run folder, and the same as plain data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twin.decision.decide import Decision
from twin.decision.figures import Figures
from twin.report.brief import render_brief
from twin.report.canvas_page import canvas_pages
from twin.report.firmness_page import render_firmness
from twin.report.ledger_page import render_ledger
from twin.report.people_page import render_people
from twin.scenario import files

RENDERED = {
    "ledger.html": render_ledger,
    "people.html": render_people,
    "firmness.html": render_firmness,
    "brief.html": render_brief,
}

PAGES = ("canvas.html", "canvas.svg", *RENDERED)


def write_pages(decision: Decision, figures: Figures) -> list[Path]:
    """Write the pages of a decision into the run folder and return their paths.

    Equal runs with equal canvases give equal bytes, but for the electricity of the run's own computing, which follows
    from the processor time that was measured.
    """
    paths = []
    pages = canvas_pages(decision, figures) | {name: render(decision, figures) for name, render in RENDERED.items()}
    for name, page in pages.items():
        path = decision.run.path / name
        files.write_text(path, page)
        paths.append(path)
    return paths


def decision_data(decision: Decision, figures: Figures) -> dict[str, Any]:
    """Return a decision as plain data for JSON: the overview of the canvas, and every number with its origin."""
    return decision.overview.as_data() | {"numbers": figures.as_data()}
