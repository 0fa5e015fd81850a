"""``twin sensitivity``: which parameter moves the differences most, and at which elasticity a CO₂ saving is lost."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from twin.cli.progress import ProgressLine
from twin.errors import RunError, StudyError, UsageError

if TYPE_CHECKING:
    from twin.decision.elasticity import Elasticity
    from twin.decision.sensitivity import Method, Sensitivity
    from twin.scenario.runner import Plan


def run_sensitivity(options: argparse.Namespace) -> dict[str, Any]:
    """Simulate a study again at many points and write what was found into the folder of its run.

    Raises
    ------
    UsageError
        Options that do not fit.
    RunError
        The study has not been run.
    TwinError
        A study that cannot be used, or a missing package.
    """
    from twin.cli.commands import _load, prepare_kernels
    from twin.decision.elasticity import elasticity_sweep, write_elasticity
    from twin.decision.sensitivity import sensitivity, uncertain_parameters, write_sensitivity
    from twin.scenario.runner import plan_run

    begun = time.perf_counter()
    elasticities = _checked(options)
    study, city = _load(options.study, options.json)
    plan = plan_run(study, city)
    if not elasticities:
        uncertain_parameters(study)
    folder = _finished(plan, Path(options.runs), options.study)
    prepare_kernels(options.threads, options.json)
    with ProgressLine("simulating", options.json) as progress:
        if elasticities:
            answer = elasticity_sweep(plan, elasticities, progress)
            write_elasticity(folder, answer)
        else:
            method: Method = options.method or "morris"
            ranking = sensitivity(
                plan, method=method, trajectories=options.trajectories, kpis=options.kpi, progress=progress
            )
            write_sensitivity(folder, ranking)
    found = answer if elasticities else ranking
    seconds = time.perf_counter() - begun
    if not options.json:
        console = Console(width=None if sys.stdout.isatty() else 120)
        labels = study.labels()
        _print_elasticity(answer, labels, console) if elasticities else _print_ranking(ranking, labels, console)
        name = "elasticity" if elasticities else "sensitivity"
        print(f"\nwritten: {folder / name}.json and .csv\ntook {seconds:.1f} s")
    return {"run": str(folder), "seconds": seconds, **found.as_data()}


def _checked(options: argparse.Namespace) -> list[float]:
    """Return the elasticities asked for, none where a ranking is; check what can be before anything is loaded."""
    from twin.decision.kpis import find_kpi
    from twin.decision.sensitivity import DEFAULT, check_trajectories, require_salib

    if options.elasticity is not None:
        for name in ("method", "trajectories", "kpi"):
            if getattr(options, name) is not None:
                raise UsageError(
                    f"--{name} belongs to a ranking, --elasticity to a sweep", remedy="run them one by one"
                )
        return _elasticities(options.elasticity)
    method: Method = options.method or "morris"
    try:
        check_trajectories(method, options.trajectories or DEFAULT[method])
        for name in options.kpi or ():
            find_kpi(name)
    except StudyError as error:
        raise UsageError(error.what, expected=error.expected, remedy=error.remedy) from None
    require_salib()
    return []


def _elasticities(text: str) -> list[float]:
    """Return the numbers of a list such as ``0,-0.3,-1``."""
    from twin.decision.elasticity import PARAMETER
    from twin.scenario.parameters import known_parameter

    info = known_parameter(PARAMETER)
    expected = f"numbers from {info.low:g} to {info.high:g}, for example 0,-0.3,-0.6,-1"
    try:
        values = [float(word) for word in text.split(",")]
    except ValueError:
        raise UsageError(f"--elasticity {text[:60]} is no list of numbers", expected=expected) from None
    if any(not (math.isfinite(value) and info.low <= value <= info.high) for value in values):
        raise UsageError(f"--elasticity {text[:60]} is out of range", expected=expected)
    if not any(values):
        raise UsageError("--elasticity needs another value than 0, with which it is compared", expected=expected)
    return values


def _finished(plan: Plan, runs: Path, study: str) -> Path:
    """Return the folder of the finished run of a study."""
    from twin.scenario.store import Run

    folder = runs / plan.folder_name
    if not (folder / "run.json").is_file():
        raise RunError(
            "there is no finished run of this study, as it stands now, to write the result to",
            where=str(folder),
            remedy=f"first: twin run {study} --runs {runs}",
        )
    return Run.open(folder).path


def _print_ranking(found: Sensitivity, labels: dict[str, str], console: Console) -> None:
    """Print the parameters of each KPI and scenario, the most influential first."""
    from twin.decision.kpis import KPIS

    morris = found.method == "morris"
    how = f"{found.trajectories} trajectories" if morris else f"a base sample of {found.trajectories}"
    console.print(escape(f"{found.method.capitalize()}, {how}, {found.points} points, seed {found.seed}"))
    table = Table(
        "difference, and the parameters that move it", "influence", "±", "unit", "grows" if morris else "alone"
    )
    for row in found.table.to_dict("records"):
        kpi = KPIS[row["kpi"]]
        scale, unit = (kpi.shown.scale, kpi.shown.difference_unit) if morris else (1.0, "of variance")
        if row["rank"] == 1:
            table.add_section()
            table.add_row(f"[bold]{escape(kpi.label)}[/bold], {escape(labels[row['scenario']])}")
        cells = (
            f"  {row['rank']}. {row['parameter']}{' *' if row['tied'] else ''}",
            f"{row['influence'] * scale:.3g}",
            f"{row['confidence'] * scale:.2g}",
            unit,
            _direction(row) if morris else f"{row['first']:.2f}",
        )
        table.add_row(*map(escape, cells))
    console.print(table)
    if morris:
        console.print(
            "influence: mean change of the difference to the baseline when a parameter goes from its 5 % to its 95 % "
            "quantile, with 90 % confidence; grows: whether the difference grows with the parameter"
        )
    else:
        console.print("influence: total index, interactions included, with 90 % confidence; alone: first-order index")
    console.print("* cannot be told from the next below")
    _print_notes(found.notes, console)


def _direction(row: Mapping[Hashable, Any]) -> str:
    """Return whether the difference grows with the parameter."""
    if row["influence"] == 0.0:
        return "no effect"
    if abs(row["mean"]) < 0.9 * row["influence"]:
        return "both ways"
    return "yes" if row["mean"] > 0.0 else "no, falls"


def _print_elasticity(found: Elasticity, labels: dict[str, str], console: Console) -> None:
    """Print the CO₂ saved with each elasticity, and where it turns."""
    table = Table("scenario", "elasticity", "CO₂ saved, t/a", "rebound")
    for name, part in found.table.groupby("scenario", sort=False):
        for i, row in enumerate(part.to_dict("records")):
            share = "" if math.isnan(row["rebound_share"]) else f"{100.0 * row['rebound_share']:.1f} %"
            cells = (labels[str(name)] if not i else "", f"{row['elasticity']:g}", f"{row['saving_t_a']:.2f}", share)
            table.add_row(*map(escape, cells), end_section=i == len(part) - 1)
    console.print(table)
    for name, outcome in found.outcome.items():
        turn = found.turning[name]
        where = f"the saving turns into a loss at an elasticity of {turn:.2f}" if turn is not None else outcome
        console.print(escape(f"{labels[name]}: {where}"))
    console.print(f"elasticity: {found.parameter}, of traffic across the edge of the area")
    _print_notes(found.notes, console)


def _print_notes(notes: list[str], console: Console) -> None:
    for note in notes:
        console.print(escape(f"note: {note}"))
