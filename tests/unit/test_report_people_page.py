"""The page on who wins and who loses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from decision_run_fixture import canvas_run

from tests.traced_pages import check_page
from twin.city.model import City
from twin.decision.decide import Decision, decide
from twin.decision.figures import figures_of
from twin.decision.incomes import KnownIncomes, keep_incomes
from twin.report.people_page import render_people

INCOMES = {"file": "incomes.csv", "source": "made up", "year": 2024}


@pytest.fixture(scope="module")
def decision(small_city: City, tmp_path_factory: pytest.TempPathFactory) -> Decision:
    return decide(canvas_run(small_city, tmp_path_factory.mktemp("people")))  # type: ignore[arg-type]


def test_every_number_is_traced_and_every_scenario_shown(decision: Decision) -> None:
    figures = figures_of(decision)
    page = render_people(decision, figures)
    assert check_page(page, figures) > 20
    assert page == render_people(decision, figures)
    assert all(f'id="{scenario}"' in page for scenario in decision.scenarios)
    assert "Incomes are not known" in page


def test_people_of_all_groups_are_the_population(decision: Decision) -> None:
    for found in decision.reach.values():
        for table in (found.reach, found.outcomes):
            shown = table["people"].dropna()
            assert shown.sum() <= found.people * (1 + 1e-12)
            if len(shown) == len(table):
                assert shown.sum() == pytest.approx(found.people)


def test_with_incomes_there_are_fifths_and_energy_poverty(small_city: City, tmp_path: Path) -> None:
    run = canvas_run(small_city, tmp_path, incomes=INCOMES)
    buildings = small_city.buildings.index
    income = pd.Series(np.linspace(12_000.0, 60_000.0, len(buildings)), buildings, name="income_eur_a")
    keep_incomes(run.path, KnownIncomes(income, 0.1, "made up"))
    rich = decide(run)  # type: ignore[arg-type]
    figures = figures_of(rich)
    page = render_people(rich, figures)
    assert check_page(page, figures) > 20
    assert "poorest fifth" in page and "of their income on energy" in page
    assert "Incomes are not known" not in page
