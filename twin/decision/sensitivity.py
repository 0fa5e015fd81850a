"""Which uncertain parameter moves a difference most: Morris screening and Sobol indices over a study's parameters.

Every uncertain parameter of the study is moved over its distribution, all scenarios are simulated at each point
(`twin.scenario.rerun`), and what is ranked is the difference of a KPI to the baseline. Morris needs few simulations
and says what matters; Sobol needs many and says which share of the variance each parameter causes. Both through SALib
(Herman and Usher 2017, doi 10.21105/joss.00097).

- Morris: elementary effects on a grid of four levels over the middle 90 % of each distribution (Morris 1991, doi
  10.1080/00401706.1991.10484804). The influence is mu*, the mean absolute effect (Campolongo, Cariboni and Saltelli
  2007, doi 10.1016/j.envsoft.2006.10.004), in the unit of the KPI: by how much the difference moves when the parameter
  goes from its 5 % to its 95 % quantile.
- Sobol: the influence is the total index, the share of the variance that would be left if all other parameters were
  known (Saltelli et al. 2010, doi 10.1016/j.cpc.2009.09.018). Distributions are cut at 0.1 % on each side.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.decision.compare import ROUNDING
from twin.decision.kpis import CATALOGUE, KPIS, find_kpi
from twin.errors import MissingExtraError, RunError, StudyError
from twin.scenario import files
from twin.scenario.parameters import known_parameter, quantile
from twin.scenario.rerun import Progress, rerun
from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    from twin.scenario.runner import Plan
    from twin.scenario.schema import Distribution, Study

Float = NDArray[np.float64]
Method = Literal["morris", "sobol"]
T = TypeVar("T")

LEVELS = 4
MIDDLE = (0.05, 0.95)
"""Quantiles between which Morris moves a parameter, those of the intervals of `twin.decision.compare`."""
TAIL = 0.001
CONFIDENCE = 0.9
RESAMPLES = 1000
"""Of the bootstrap that gives the confidence of an influence."""
LIMITS: dict[Method, tuple[int, int]] = {"morris": (4, 1000), "sobol": (8, 8192)}
"""Fewest and most trajectories (Morris), or points of the base sample, a power of two (Sobol)."""
DEFAULT: dict[Method, int] = {"morris": 10, "sobol": 64}
COLUMNS = ["scenario", "kpi", "unit", "parameter", "rank", "influence", "confidence", "tied"]
OF_METHOD: dict[Method, list[str]] = {"morris": ["mean", "spread"], "sobol": ["first", "first_confidence"]}
NAME = "sensitivity"
"""Of the files in the run folder, ``.json`` and ``.csv``."""


@dataclass(frozen=True)
class Design:
    """The points of a method.

    `unit` is float64 (points, parameters) in 0 … 1, in the method's own order, which `indices` relies on.
    """

    method: Method
    paths: tuple[str, ...]
    unit: Float
    seed: int

    @property
    def problem(self) -> dict[str, Any]:
        """The problem as SALib states it."""
        return _problem(self.paths)


@dataclass(frozen=True)
class Sensitivity:
    """What a sensitivity analysis found.

    `table`, with the columns `COLUMNS` and those of the method, has one row per scenario, KPI and parameter: unit (of
    the influence), rank (1 is the most influential), influence, confidence (half width of its 90 % interval), tied (the
    interval overlaps that of the next in rank, so that the two may change places); with Morris mean (mu: signed mean
    effect) and spread (sigma: interaction or curvature), with Sobol first and first_confidence (first-order index). A
    KPI whose difference no parameter moves has no rows; `notes` say so.
    """

    method: Method
    trajectories: int
    points: int
    seed: int
    parameters: dict[str, str]
    table: pd.DataFrame
    notes: list[str]

    def as_data(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {**vars(self), "table": self.table.to_dict("records")}


def sensitivity(
    plan: Plan,
    *,
    method: Method = "morris",
    trajectories: int | None = None,
    kpis: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Sensitivity:
    """Rank the uncertain parameters of a study by what they do to the difference of each KPI.

    Parameters
    ----------
    plan : Plan
    method : {"morris", "sobol"}
    trajectories : int, optional
        Morris trajectories (parameters + 1 points each), or the size of Sobol's base sample (parameters + 2 points
        each), a power of two; `DEFAULT` when left out.
    kpis : sequence of str, optional
        The headline KPIs when left out.
    progress : callable, optional
        Called with (label, simulations done, simulations in all).

    Raises
    ------
    MissingExtraError
        SALib is not installed.
    StudyError
        The study has no uncertain parameters, an unknown KPI, or a number of trajectories that does not fit.
    """
    distributions = uncertain_parameters(plan.study)
    chosen = [find_kpi(name) for name in dict.fromkeys(kpis)] if kpis else [k for k in CATALOGUE if k.headline]
    number = DEFAULT[method] if trajectories is None else trajectories
    points = design(method, sorted(distributions), number, plan.study.seed)  # by domain: neighbours share results
    values = [_values(method, points.paths, row, distributions) for row in points.unit]
    distinct = list({tuple(value.values()): value for value in values}.values())
    found = rerun(plan, distinct, progress=progress)
    place = {tuple(value.values()): i for i, value in enumerate(distinct)}
    order = np.array([place[tuple(value.values())] for value in values])
    wide = found.pivot(index="point", columns=["scenario", "quantity"], values="value")
    parts, notes = [], warned(found)
    for kpi in chosen:
        parts += [
            _ranked(points, differences(wide, name, kpi.id)[order], kpi.id, name)
            for name in plan.study.scenarios
            if (name, kpi.id) in wide and (BASELINE, kpi.id) in wide
        ]
        if not any(len(part) and part["kpi"].iloc[0] == kpi.id for part in parts):
            notes.append(f"{kpi.label}: no parameter moves the difference of any scenario")
    columns = [*COLUMNS, *OF_METHOD[method]]
    rows = [row for part in parts for row in part.to_dict("records")]
    table = pd.DataFrame(rows, columns=columns)
    if plan.calibrated is not None:
        notes.append("what the calibration holds is not ranked: its ensemble stands at its mean")
    words = {path: distributions[path].describe() for path in points.paths}
    return Sensitivity(method, number, len(distinct), plan.study.seed, words, table, notes)


def warned(found: pd.DataFrame) -> list[str]:
    """Return, by scenario, what a simulation warns of at some points only: there the answer may be off."""
    points = found["point"].nunique()
    notes = pd.DataFrame(found.attrs.get("notes", []), columns=["point", "scenario", "note"])
    always = notes.groupby(["scenario", "note"])["point"].transform("nunique") == points
    lines = []
    for scenario, part in notes[~always].groupby("scenario", sort=False):
        some = part["point"].nunique()
        lines.append(f"{scenario}: warnings at {some} of {points} points, for example: {part['note'].iloc[0]}")
    return lines


def uncertain_parameters(study: Study) -> dict[str, Distribution]:
    """Return the distributions of a study by parameter path.

    Raises
    ------
    StudyError
        There are none.
    """
    if not study.uncertainty.parameters:
        raise StudyError(
            "the study has no uncertain parameters to rank",
            where=study.at("uncertainty") or study.at(),
            remedy="list them under uncertainty: parameters, each with a distribution",
        )
    return study.uncertainty.parameters


def differences(wide: pd.DataFrame, scenario: str, kpi: str) -> Float:
    """Return scenario minus baseline at every point, what stems from the order of summing left out."""
    base = wide[BASELINE, kpi].to_numpy(np.float64)
    found = wide[scenario, kpi].to_numpy(np.float64) - base
    return np.where(np.abs(found) <= ROUNDING * np.abs(base), 0.0, found)


def design(method: Method, paths: Sequence[str], trajectories: int, seed: int) -> Design:
    """Return the points of a method; the same for the same seed.

    Raises
    ------
    MissingExtraError, StudyError
        As `sensitivity`.
    """
    check_trajectories(method, trajectories)
    require_salib()
    problem = _problem(tuple(paths))
    if method == "morris":
        from SALib.sample import morris

        unit = morris.sample(problem, trajectories, num_levels=LEVELS, seed=seed)
    else:
        from SALib.sample import sobol

        unit = sobol.sample(problem, trajectories, calc_second_order=False, seed=seed)
    return Design(method, tuple(paths), np.asarray(unit, np.float64), seed)


def indices(points: Design, outputs: Float) -> pd.DataFrame:
    """Return what each parameter does to the outputs.

    Parameters
    ----------
    points : Design
    outputs : float64 (points,)
        In the order of the design; not all alike.

    Returns
    -------
    DataFrame
        Indexed by parameter: influence, confidence, and mean and spread (Morris) or first and first_confidence (Sobol).
    """
    how: dict[str, Any] = {"num_resamples": RESAMPLES, "conf_level": CONFIDENCE, "seed": points.seed + 1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SALib tells of parameters without influence, which the table shows
        if points.method == "morris":
            from SALib.analyze import morris

            found = morris.analyze(points.problem, points.unit, outputs, num_levels=LEVELS, **how)
            names = {"influence": "mu_star", "confidence": "mu_star_conf", "mean": "mu", "spread": "sigma"}
        else:
            from SALib.analyze import sobol

            found = sobol.analyze(points.problem, outputs, calc_second_order=False, **how)
            names = {"influence": "ST", "confidence": "ST_conf", "first": "S1", "first_confidence": "S1_conf"}
    columns = {ours: np.asarray(found[theirs], np.float64) for ours, theirs in names.items()}
    return pd.DataFrame(columns, index=pd.Index(points.paths, name="parameter"))


def _ranked(points: Design, outputs: Float, kpi: str, scenario: str) -> pd.DataFrame:
    """Return the rows of one KPI of one scenario, the most influential parameter first; none where nothing moves."""
    if np.ptp(outputs) <= ROUNDING * np.abs(outputs).max(initial=0.0):
        return pd.DataFrame()
    found = indices(points, outputs).sort_values("influence", ascending=False, kind="stable").reset_index()
    lower, upper = found["influence"] - found["confidence"], found["influence"] + found["confidence"]
    unit = KPIS[kpi].unit if points.method == "morris" else "share of variance"
    tied = (lower <= upper.shift(-1)).to_numpy(bool)
    found = found.assign(scenario=scenario, kpi=kpi, unit=unit, rank=np.arange(1, len(found) + 1), tied=tied)
    return found[[*COLUMNS, *OF_METHOD[points.method]]]


def _values(
    method: Method, paths: Sequence[str], unit: Float, distributions: Mapping[str, Distribution]
) -> dict[str, float]:
    """Return the parameters at a point of the unit cube, each kept within its range."""
    low, high = MIDDLE
    chances = low + (high - low) * unit if method == "morris" else np.clip(unit, TAIL, 1.0 - TAIL)
    values = {}
    for path, chance in zip(paths, chances, strict=True):
        info = known_parameter(path)
        values[path] = min(max(quantile(distributions[path], float(chance)), info.low), info.high)
    return values


def _problem(paths: tuple[str, ...]) -> dict[str, Any]:
    return {"num_vars": len(paths), "names": list(paths), "bounds": [[0.0, 1.0]] * len(paths)}


def check_trajectories(method: Method, trajectories: int) -> None:
    """Raise `StudyError` unless a method can do with this number of trajectories, or size of the base sample."""
    low, high = LIMITS[method]
    if not low <= trajectories <= high or (method == "sobol" and trajectories & (trajectories - 1)):
        power = ", a power of two" if method == "sobol" else ""
        raise StudyError(f"{trajectories} trajectories do not fit {method}", expected=f"{low} to {high}{power}")


def require_salib() -> None:
    """Raise `MissingExtraError` unless SALib is installed; it is imported only where it is used."""
    if find_spec("SALib") is None:
        raise MissingExtraError("SALib", "sensitivity", "ranking parameters")


def write_sensitivity(folder: Path, found: Sensitivity) -> None:
    """Write ``sensitivity.json`` and ``sensitivity.csv`` into a run folder."""
    write_found(folder, NAME, found.as_data(), found.table)


def read_sensitivity(folder: Path) -> Sensitivity | None:
    """Return what `write_sensitivity` wrote; None where there is none.

    Raises
    ------
    RunError
        The file is damaged.
    """

    def made(data: dict[str, Any]) -> Sensitivity:
        columns = [*COLUMNS, *OF_METHOD[data["method"]]]
        return Sensitivity(**{**data, "table": pd.DataFrame(data["table"], columns=columns)})

    return read_found(folder, NAME, made)


def write_found(folder: Path, name: str, data: Mapping[str, Any], table: pd.DataFrame) -> None:
    """Write a result as JSON and its table as CSV."""
    files.write_text(folder / f"{name}.csv", table.to_csv(index=False, lineterminator="\n"))
    files.write_json(folder / f"{name}.json", data)


def read_found(folder: Path, name: str, make: Callable[[dict[str, Any]], T]) -> T | None:
    """Return what `make` makes of the JSON that `write_found` wrote; None where there is none."""
    path = folder / f"{name}.json"
    if not path.is_file():
        return None
    try:
        return make(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        remedy = "delete it and run: twin sensitivity"
        raise RunError(f"a file of this run cannot be read ({error})", where=str(path), remedy=remedy) from None
