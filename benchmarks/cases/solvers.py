"""Who solves the equilibrium: ours, AequilibraE's bi-conjugate Frank-Wolfe, and Algorithm B in C (TAP-B).

Every solver is prepared with a network, a gap and a number of threads, and returns a call whose answer holds the link
flows and the time of the solving alone: graphs are built and files read outside the clock.

AequilibraE is no extra of the project: install it in a virtual environment of its own together with numba, pandas and
rich, and run the benchmark there with the repository on PYTHONPATH. TAP-B (github.com/spartalab/tap-b) is an
executable that the environment variable ``TAPB`` names: the serial build for one thread, the parallel one for more.
"""

from __future__ import annotations

import importlib.util
import os
import re
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from cases.networks import Network, problem, useful_links

NO_TIME = 1e-6  # minutes; AequilibraE refuses links without free-flow time
MAX_ROUNDS = 10_000
REST_S = 0.05  # before ours: threads of a peer wait actively for a while after its work, and would count with it


@dataclass(frozen=True)
class Answer:
    """Link flows [links], CPU and wall seconds of the solving, and what else is worth saying."""

    flow: np.ndarray
    cpu_s: float
    wall_s: float
    note: str = ""


Call = Callable[[], Answer]


@dataclass(frozen=True)
class Solver:
    """`missing()` says why the solver cannot run here, or nothing; `tightest` is the smallest gap it is asked for."""

    name: str
    prepare: Callable[..., Call]  # of a network, a gap, threads and perhaps `max_rounds`
    missing: Callable[[], str]
    version: Callable[[], str]
    tightest: float


def ours(net: Network, gap: float, threads: int, max_rounds: int = MAX_ROUNDS) -> Call:
    """Prepare ours; it takes the threads of Numba, as many as the others are given."""
    from twin.kernels.traffic.equilibrium import solve

    made = problem(net)

    def call() -> Answer:
        time.sleep(REST_S)
        cpu, wall = time.process_time(), time.perf_counter()
        solution = solve(made, gap, max_rounds)
        return Answer(
            solution.link_flow[0],
            time.process_time() - cpu,
            time.perf_counter() - wall,
            f"{solution.rounds} rounds",
        )

    return call


def aequilibrae(net: Network, gap: float, threads: int, max_rounds: int = MAX_ROUNDS) -> Call:
    """Prepare AequilibraE; links that lead nowhere are left out, since its graph turns them into ways through."""
    os.environ["AEQ_SHOW_PROGRESS"] = "FALSE"
    import pandas as pd
    from aequilibrae.matrix import AequilibraeMatrix
    from aequilibrae.paths import Graph, TrafficAssignment, TrafficClass

    zones, use = net["demand"].shape[1], np.flatnonzero(useful_links(net))
    columns = {
        "link_id": np.arange(1, len(use) + 1),
        "a_node": net["link_tail"][use] + 1,
        "b_node": net["link_head"][use] + 1,
        "direction": np.ones(len(use), np.int8),
        "time": np.maximum(net["free_flow_time"][use], NO_TIME),
        "fixed": net["fixed_cost"][0][use],
        **{name: net[name][use] for name in ("capacity", "alpha", "power")},
    }
    graph = Graph()
    graph.network = pd.DataFrame(columns)
    graph.prepare_graph(np.arange(1, zones + 1), remove_dead_ends=False)
    graph.set_graph("time")
    graph.set_blocked_centroid_flows(net["first_thru"] > 0)
    matrix = AequilibraeMatrix()
    matrix.create_empty(zones=zones, matrix_names=["trips"], memory_only=True)
    matrix.index[:] = np.arange(1, zones + 1)
    matrix.matrix["trips"][:, :] = net["demand"][0]
    matrix.computational_view(["trips"])

    def call() -> Answer:
        cars = TrafficClass("car", graph, matrix)
        if net["fixed_cost"].any():
            cars.set_fixed_cost("fixed")
        assignment = TrafficAssignment()
        assignment.set_classes([cars])
        assignment.set_vdf("BPR")
        assignment.set_vdf_parameters({"alpha": "alpha", "beta": "power"})
        assignment.set_capacity_field("capacity")
        assignment.set_time_field("time")
        assignment.set_algorithm("bfw")
        assignment.set_cores(threads)
        assignment.max_iter, assignment.rgap_target = max_rounds, gap
        cpu, wall = time.process_time(), time.perf_counter()
        assignment.execute()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        flow = np.zeros(len(net["link_head"]))
        flow[use] = assignment.results()["PCE_AB"].to_numpy()
        return Answer(flow, cpu, wall, f"{len(assignment.report())} iterations")

    return call


def tap_b(net: Network, gap: float, threads: int, max_rounds: int = MAX_ROUNDS) -> Call:
    """Prepare TAP-B: the files are written outside the clock, and its own time is taken.

    It reports the CPU time of its start and the wall time of its rounds without gap evaluations; both count. Its CPU
    time is, with one thread, that of the process in the share of the solving in the process's wall time, since other
    work on the machine lengthens wall times; with several, that of the process less the rest, which runs on one.
    """
    folder = tempfile.TemporaryDirectory(prefix="tap-b-")
    where = Path(folder.name)
    write_tntp(net, where)
    lines = {
        "NETWORK FILE": "net.tntp",
        "TRIPS FILE": "trips.tntp",
        "FILE PATH": f"{where}/",
        "DATA PATH": f"{where}/",
        "FLOWS FILE": f"{where}/flows.txt",
        "CONVERGENCE GAP": f"{gap:g}",
        "MAX ITERATIONS": str(max_rounds),
        "NUMBER OF THREADS": str(threads),
    }
    (where / "parameters.txt").write_text("".join(f"<{tag}> {value}\n" for tag, value in lines.items()))

    def call() -> Answer:
        before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        command = [os.environ["TAPB"], str(where / "parameters.txt")]
        said = subprocess.run(command, cwd=folder.name, capture_output=True, text=True, check=True).stdout
        wall, after = time.perf_counter() - wall, resource.getrusage(resource.RUSAGE_CHILDREN)
        start = float(re.findall(r"Initialization done in ([0-9.]+)", said)[0])
        rounds = re.findall(r"gap ([-0-9.e]+), obj [-0-9.e+]+, time ([0-9.]+)", said)
        solving = start + float(rounds[-1][1])
        process = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        cpu = min(solving, process * solving / wall) if threads == 1 else process - (wall - solving)
        note = f"{len(rounds)} rounds, {start:.3f} s of it start, own gap {float(rounds[-1][0]):.1e}"
        return Answer(_read_flows(net, where / "flows.txt"), cpu, solving, note)

    return call


def _read_flows(net: Network, path: Path) -> np.ndarray:
    """Return the link flows of TAP-B, which writes links in the order of the file it read, with six decimals."""
    found = re.findall(r"^\((\d+),(\d+)\) (\S+)", path.read_text(), re.MULTILINE)
    table = np.array(found, dtype=float)
    if not np.array_equal(table[:, 0].astype(int) - 1, net["link_tail"]):
        raise SystemExit("the flows of TAP-B are not those of the network")
    return table[:, 2]


def write_tntp(net: Network, folder: Path) -> None:
    """Write ``net.tntp`` and ``trips.tntp``; fixed costs become tolls of one minute."""
    zones, nodes, links = net["demand"].shape[1], len(net["link_start"]) - 1, len(net["link_head"])
    head = {"ZONES": zones, "NODES": nodes, "LINKS": links}
    text = "".join(f"<NUMBER OF {what}> {count}\n" for what, count in head.items())
    text += f"<FIRST THRU NODE> {net['first_thru'] + 1}\n<TOLL FACTOR> 1\n<DISTANCE FACTOR> 0\n<END OF METADATA>\n\n"
    columns = [net["link_tail"] + 1, net["link_head"] + 1, net["capacity"], net["free_flow_time"]]
    columns += [net["alpha"], net["power"], net["fixed_cost"][0]]
    with (folder / "net.tntp").open("w", encoding="ascii") as out:
        out.write(text)
        for a, b, capacity, time0, alpha, power, fixed in zip(*(c.tolist() for c in columns), strict=True):
            out.write(f"\t{a}\t{b}\t{capacity!r}\t1\t{time0!r}\t{alpha!r}\t{power!r}\t0\t{fixed!r}\t1\t;\n")
    with (folder / "trips.tntp").open("w", encoding="ascii") as out:
        total = float(net["demand"].sum())
        out.write(f"<NUMBER OF ZONES> {zones}\n<TOTAL OD FLOW> {total!r}\n<END OF METADATA>\n\n")
        for origin, row in enumerate(net["demand"][0], 1):
            to = np.flatnonzero(row)
            entries = [f"{j + 1} : {v!r};" for j, v in zip(to.tolist(), row[to].tolist(), strict=True)]
            lines = (" ".join(entries[k : k + 5]) for k in range(0, len(entries), 5))
            out.write(f"Origin {origin}\n" + "".join(f"{line}\n" for line in lines))


def _no_aequilibrae() -> str:
    return "" if importlib.util.find_spec("aequilibrae") else "peer missing: pip install aequilibrae"


def _no_tap_b() -> str:
    return "" if os.environ.get("TAPB") else "peer missing: TAPB names no executable of TAP-B"


OURS = Solver("ours", ours, str, lambda: "this", 1e-12)
AEQUILIBRAE = Solver("AequilibraE BFW", aequilibrae, _no_aequilibrae, lambda: version("aequilibrae"), 1e-6)
TAP_B = Solver("TAP-B", tap_b, _no_tap_b, lambda: "", 1e-12)
