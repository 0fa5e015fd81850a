"""How far a scenario's CO2 saving depends on how traffic answers cost, and where it turns into a loss.

The scenarios are simulated again with several elasticities of the traffic across the edge of the area,
``traffic.external_elasticity``. With 0 that traffic stays whatever the trip costs: its saving is the gross one; what a
stronger answer takes of it is the rebound. Trips inside the area keep the choice of mode, hour and destination that
the study gives them in every run, so the rebound here is that of traffic across the edge alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from twin.decision.rebound import rebound, turning_elasticity
from twin.decision.sensitivity import differences, read_found, warned, write_found
from twin.scenario.rerun import Progress, rerun

if TYPE_CHECKING:
    from twin.scenario.runner import Plan

PARAMETER = "traffic.external_elasticity"
KPI = "total_co2_t_a"
NAME = "elasticity"
"""Of the files in the run folder, ``.json`` and ``.csv``."""
TURNS, SAVES, LOSES, NO_EFFECT = "turns", "saves throughout", "saves nothing at an elasticity of 0", "no effect"


@dataclass(frozen=True)
class Elasticity:
    """CO2 saved at several elasticities.

    `table`: scenario, elasticity (0 first), saving_t_a (below zero a loss), rebound_share (of the saving at 0; NaN
    where nothing is saved there). `turning`: by scenario the elasticity at which the saving turns into a loss, None
    where it does not; `outcome` by scenario one of ``turns``, ``saves throughout``, ``saves nothing at an
    elasticity of 0`` and ``no effect``. `notes` tell of simulations that warn, such as of an equilibrium that was not
    reached.
    """

    table: pd.DataFrame
    turning: dict[str, float | None]
    outcome: dict[str, str]
    notes: list[str]
    parameter: str = PARAMETER
    kpi: str = KPI

    def as_data(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        rows = self.table.astype(object).where(self.table.notna(), None).to_dict("records")
        return {**vars(self), "table": rows}


def elasticity_sweep(plan: Plan, elasticities: Sequence[float], progress: Progress | None = None) -> Elasticity:
    """Return the CO2 that every scenario saves with each elasticity; 0 is always among them.

    Raises
    ------
    StudyError
        An elasticity outside the parameter's range.
    """
    values = sorted({0.0, *(float(value) + 0.0 for value in elasticities)}, reverse=True)
    found = rerun(plan, [{PARAMETER: value} for value in values], progress=progress)
    wide = found.pivot(index="point", columns=["scenario", "quantity"], values="value")
    rows, turning, outcome = [], {}, {}
    for name in plan.study.scenarios:
        saving = 0.0 - differences(wide, name, KPI)
        turn = turning_elasticity(np.array(values), saving)
        turning[name] = None if math.isnan(turn) else turn
        outcome[name] = _outcome(saving, turning[name])
        rows += [
            (name, value, float(net), rebound(float(saving[0]), float(net)).share if saving[0] > 0.0 else math.nan)
            for value, net in zip(values, saving, strict=True)
        ]
    table = pd.DataFrame(rows, columns=["scenario", "elasticity", "saving_t_a", "rebound_share"])
    return Elasticity(table, turning, outcome, warned(found))


def _outcome(saving: np.ndarray, turning: float | None) -> str:
    if not saving.any():
        return NO_EFFECT
    if turning is not None:
        return TURNS
    return SAVES if saving[0] > 0.0 else LOSES


def write_elasticity(folder: Path, found: Elasticity) -> None:
    """Write ``elasticity.json`` and ``elasticity.csv`` into a run folder."""
    write_found(folder, NAME, found.as_data(), found.table)


def read_elasticity(folder: Path) -> Elasticity | None:
    """Return what `write_elasticity` wrote; None where there is none.

    Raises
    ------
    RunError
        The file is damaged.
    """
    return read_found(folder, NAME, lambda data: Elasticity(**{**data, "table": _table(data["table"])}))


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    numbers = ["elasticity", "saving_t_a", "rebound_share"]
    return pd.DataFrame(rows, columns=["scenario", *numbers]).astype(dict.fromkeys(numbers, float))
