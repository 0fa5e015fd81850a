"""``twin assign``: the equilibrium of a road network and trips in any format that is read, and what it tells."""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.city.network_files import read_any_network, read_any_trips
from twin.city.omx import require_h5py, write_omx
from twin.city.road_network import Floats, RoadNetwork, trips_of
from twin.cli.assign_analysis import (
    Table,
    analyse,
    check_analysis,
    chosen_links,
    link_rows,
    marginal_tolls,
    print_analysis,
)
from twin.cli.progress import ProgressLine
from twin.errors import DataError, UsageError
from twin.traffic.checks import check_network

if TYPE_CHECKING:
    from twin.kernels.traffic.equilibrium import Problem, Solution

MAX_ROUNDS = 1000
FILES = {"csv": "skim.csv", "omx": "skim.omx"}


def run_assign(options: argparse.Namespace) -> dict[str, Any]:
    """Read, check, solve, write; return the summary.

    Raises
    ------
    UsageError
        Options that do not fit, links that are not there, or an output that is there already.
    DataError, UnsafeFileError, MissingExtraError
        Files that cannot be used; see the readers. All that `check_network` finds.
    """
    begun = time.perf_counter()
    _check_options(options)
    with ProgressLine("assign", options.json) as progress:
        progress("reading")
        trips = read_any_trips(options.trips, matrix=options.matrix)
        network = read_any_network(options.network, trips, through_zones=not options.closed_zones)
        demand = trips_of(network, trips)
        fixed = _fixed_cost(network, options)
        progress("checking")
        checked = check_network(network, demand, fixed, options.network)
        if checked.errors:
            raise DataError("the network cannot be assigned", where=options.network, problems=checked.errors)
        chosen = chosen_links(network, options)
        problem = _problem(network, demand, fixed, options)
        progress("solving (kernels are compiled once)")
        solution = _solve(problem, options, progress)
        toll = marginal_tolls(network, solution.link_flow[0]) if options.system_optimum else np.zeros(len(fixed))
        # With its tolls the system optimum is a user equilibrium, and may be asked as one.
        priced = problem._replace(fixed_cost=problem.fixed_cost + toll, marginal=False)
        tables, figures = analyse(network, priced, solution, chosen, options, MAX_ROUNDS, progress)
    summary = _summary(network, demand, fixed, solution, options) | figures
    if options.system_optimum:
        summary["toll_revenue"] = float((solution.link_flow[0] * toll).sum())
    summary |= {"notes": [note.what for note in checked.notes], "seconds": time.perf_counter() - begun}
    if options.out:
        tables = {"links.csv": _link_table(network, solution, toll, options.system_optimum)} | tables
        summary["files"] = _write(Path(options.out), network, solution.skim[0], tables, summary, options)
    if not options.json:
        _print(summary)
    return summary


def _check_options(options: argparse.Namespace) -> None:
    if not 0.0 < options.gap < 1.0:
        raise UsageError(f"--gap {options.gap:g} is out of range", expected="above 0 and below 1")
    check_analysis(options)
    if options.skim and not options.out:
        raise UsageError("--skim needs a folder to write to", remedy="name one with --out")
    if options.skim == "omx":
        require_h5py("writing OMX matrices")
    out = Path(options.out) if options.out else None
    if out and out.exists() and (not out.is_dir() or not options.force):
        raise UsageError("there is something already", where=str(out), remedy="choose another --out, or --force")


def _fixed_cost(network: RoadNetwork, options: argparse.Namespace) -> Floats:
    with np.errstate(over="ignore", invalid="ignore"):
        fixed = options.toll_factor * network.toll + options.length_factor * network.length
    if not np.isfinite(fixed).all():
        raise UsageError("--toll-factor or --length-factor makes a cost that is no number")
    return np.asarray(fixed)


def _problem(network: RoadNetwork, demand: Floats, fixed: Floats, options: argparse.Namespace) -> Problem:
    from twin.kernels.traffic.equilibrium import Problem

    return Problem(
        network.link_start,
        network.link_head,
        network.free_flow_time,
        network.capacity,
        network.alpha,
        network.power,
        fixed[None],
        demand[None],
        network.first_thru,
        marginal=options.system_optimum,
    )


def _solve(problem: Problem, options: argparse.Namespace, progress: ProgressLine) -> Solution:
    from twin.kernels.traffic.equilibrium import solve

    return solve(
        problem, options.gap, MAX_ROUNDS, progress=lambda done, gap: progress(f"round {done}, relative gap {gap:.1e}")
    )


def _summary(
    network: RoadNetwork, demand: Floats, fixed: Floats, solution: Solution, options: argparse.Namespace
) -> dict[str, Any]:
    from twin.kernels.traffic.assignment import beckmann_objective

    flow, gap = solution.link_flow[0], float(solution.relative_gap)
    total_time = float((flow * solution.link_time).sum())
    # What an equilibrium minimises: the areas under the time functions; the optimum minimises the time itself.
    objective = total_time
    if not options.system_optimum:
        objective = beckmann_objective(flow, network.free_flow_time, network.capacity, network.alpha, network.power)
    return {
        "network": options.network,
        "trips": options.trips,
        "zones": network.zones,
        "nodes": len(network.node_labels),
        "links": len(network.link_head),
        "demand": float(demand.sum()),
        "demand_within_zones": float(np.trace(demand)),
        "system_optimum": options.system_optimum,
        "target_gap": options.gap,
        "relative_gap": gap,
        "reached": gap <= options.gap,
        "rounds": int(solution.rounds),
        "objective": objective + float((flow * fixed).sum()),
        "total_time": total_time,
        "total_distance": float((flow * network.length).sum()),
        "time_unit": "min" if network.length_unit else "unit of the file",
        "length_unit": network.length_unit or "unit of the file",
    }


def _write(
    out: Path,
    network: RoadNetwork,
    skim: Floats,
    tables: dict[str, Table],
    summary: dict[str, Any],
    options: argparse.Namespace,
) -> list[str]:
    """Write all files beside the folder, then move them in, so that nothing half-written is ever there."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".twin-assign-", dir=out.parent) as folder:
        made = Path(folder) / "files"
        made.mkdir()
        for name, table in tables.items():
            _write_table(made / name, table)
        if options.skim == "omx":
            write_omx(made / FILES["omx"], {"cost": skim}, network.zone_labels)
        elif options.skim == "csv":
            _write_skim(made / FILES["csv"], network.zone_labels, skim)
        (made / "summary.json").write_text(json.dumps(summary, indent=1, ensure_ascii=False), encoding="utf-8")
        out.mkdir(exist_ok=True)
        names = sorted(path.name for path in made.iterdir())
        for name in names:
            shutil.move(made / name, out / name)
    return [str(out / name) for name in names]


def _link_table(network: RoadNetwork, solution: Solution, toll: Floats, tolled: bool) -> Table:
    flow = solution.link_flow[0]
    columns = [flow, solution.link_time, flow / network.capacity]
    header = ("link_id", "from_node", "to_node", "flow", "time", "volume_capacity_ratio")
    if tolled:
        return Table((*header, "toll_min"), link_rows(network, *columns, toll))
    return Table(header, link_rows(network, *columns))


def _write_table(path: Path, table: Table) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(table.header)
        writer.writerows(table.rows)


def _write_skim(path: Path, labels: tuple[str, ...], skim: Floats) -> None:
    """Write the pairs that have a way; within a zone the cost is 0."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["origin", "destination", "cost"])
        for origin, row in zip(labels, skim.tolist(), strict=True):
            writer.writerows([origin, d, cost] for d, cost in zip(labels, row, strict=True) if cost < np.inf)


def _print(summary: dict[str, Any]) -> None:
    for note in summary["notes"]:
        print(f"note: {note}", file=sys.stderr)
    print(f"{summary['links']} links, {summary['zones']} zones, {summary['demand']:,.6g} trips")
    if not summary["reached"]:
        print(f"note: stopped after {summary['rounds']} rounds, short of the gap asked for", file=sys.stderr)
    print(f"relative gap {summary['relative_gap']:.3g} after {summary['rounds']} rounds, {summary['seconds']:.2f} s")
    print(f"objective {summary['objective']:,.6f}")
    print(f"total time {summary['total_time']:,.6g} (vehicles × {summary['time_unit']})")
    print(f"total distance {summary['total_distance']:,.6g} (vehicles × {summary['length_unit']})")
    print("\n".join([*print_analysis(summary), *summary.get("files", ())]))
