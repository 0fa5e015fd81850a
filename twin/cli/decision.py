"""What ``twin run`` does for the decision: incomes before the simulation, pages after it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twin.city.model import City
    from twin.decision.incomes import KnownIncomes
    from twin.scenario.store import Run
    from twin.scenario.study import Study


def known_incomes(study: Study, city: City) -> KnownIncomes | None:
    """Return the incomes that the canvas of a study names, so that a bad file is found before anything is simulated."""
    from twin.decision.canvas_file import canvas_of
    from twin.decision.incomes import read_incomes

    section = None if study.canvas is None else canvas_of(study.resolved(), str(study.path)).incomes
    return None if section is None else read_incomes(section, study.base or Path(), city.buildings)


def check_pilot(study: Study, city: City) -> None:
    """Check that the outlines of a pilot hold something, before anything is simulated.

    Raises
    ------
    StudyError
        An outline that is no polygon, or in which nothing of the pilot's layer lies.
    """
    from twin.decision.canvas_file import canvas_of
    from twin.errors import StudyError, TwinError
    from twin.scenario import selectors

    pilot = None if study.canvas is None else canvas_of(study.resolved(), str(study.path)).pilot
    if pilot is None:
        return
    for key, outline in {"inside": pilot.inside, "control": pilot.control}.items():
        try:
            if outline is not None:
                selectors.select(getattr(city, pilot.layer), inside=outline, name=pilot.layer)
        except TwinError as error:
            where = study.at("canvas", "pilot", key)
            raise StudyError(error.what, where=where, expected=error.expected, remedy=error.remedy) from error


def write_decision(run: Run, incomes: KnownIncomes | None, progress: Callable[[str], None]) -> list[Path]:
    """Write the pages of the decision where the study has a canvas, and keep the incomes that it names."""
    from twin.decision.decide import decide
    from twin.decision.figures import figures_of
    from twin.decision.incomes import keep_incomes
    from twin.report.decision_pages import write_pages

    keep_incomes(run.path, incomes)
    if run.info["study"].get("canvas") is None:
        return []
    progress("who pays, who gains")
    decision = decide(run)
    return write_pages(decision, figures_of(decision))
