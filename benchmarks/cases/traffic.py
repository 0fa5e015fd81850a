"""User equilibrium of public networks against AequilibraE's bi-conjugate Frank-Wolfe, to the same relative gap.

The networks are read from ``../shared/data/traffic`` beside the repository, whose licence forbids to ship them. Ours
and the peer use as many threads as Numba (``NUMBA_NUM_THREADS``). AequilibraE is no extra of the project: install it
in a virtual environment of its own together with numba and rich, and run the benchmark there with the repository on
PYTHONPATH.
"""

from __future__ import annotations

import os
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from harness import Case, Job, Peer

DATA = Path(__file__).parents[3] / "shared" / "data" / "traffic"
NETWORKS = {38: "Anaheim", 110: "Barcelona", 387: "ChicagoSketch"}
TOLL_AND_LENGTH = {"ChicagoSketch": (0.02, 0.04)}  # minutes per cent and per mile, from the page of the network
NO_TIME = 1e-6  # minutes; AequilibraE refuses links without free-flow time


@cache
def _network(zones: int) -> dict[str, Any]:
    from twin.city.tntp import read_tntp_network, read_tntp_trips

    name = NETWORKS[zones]
    if not (DATA / name).is_dir():
        raise SystemExit(f"the network {name} is missing: ../shared/data/traffic/{name} beside the repository")
    net = read_tntp_network(DATA / name / f"{name}_net.tntp")
    toll, length = TOLL_AND_LENGTH.get(name, (0.0, 0.0))
    trips = read_tntp_trips(DATA / name / f"{name}_trips.tntp")
    np.fill_diagonal(trips, 0.0)
    return {
        "link_start": net.link_start,
        "link_head": net.link_head,
        "free_flow_time": net.free_flow_time,
        "capacity": net.capacity,
        "alpha": net.alpha,
        "power": np.where(net.alpha > 0.0, net.power, 1.0),
        "fixed_cost": (toll * net.toll + length * net.length)[None],
        "demand": trips[None],
        "first_thru": net.first_thru,
        "max_rounds": 200,
    }


def _objective(zones: int, flow: np.ndarray) -> float:
    from twin.kernels.traffic.assignment import beckmann_objective

    net = _network(zones)
    bpr = (net[name] for name in ("free_flow_time", "capacity", "alpha", "power"))
    return beckmann_objective(flow, *bpr) + float(net["fixed_cost"][0] @ flow)


def _ours(gap: float, zones: int) -> Job:
    from twin.kernels.registry import get
    from twin.kernels.traffic.assignment import ARGUMENTS

    kernel, inputs = get("traffic.assignment", "numba"), dict(_network(zones), target_gap=gap)
    return lambda: _objective(zones, kernel(*(inputs[a] for a in ARGUMENTS))[0][0])


def _aequilibrae(gap: float, zones: int) -> Job:
    os.environ["AEQ_SHOW_PROGRESS"] = "FALSE"
    import numba
    import pandas as pd
    from aequilibrae.matrix import AequilibraeMatrix
    from aequilibrae.paths import Graph, TrafficAssignment, TrafficClass

    net = _network(zones)
    tail = np.repeat(np.arange(len(net["link_start"]) - 1), np.diff(net["link_start"]))
    links = len(tail)
    graph = Graph()
    graph.network = pd.DataFrame(
        {
            "link_id": np.arange(1, links + 1),
            "a_node": tail + 1,
            "b_node": net["link_head"] + 1,
            "direction": np.ones(links, np.int8),
            "time": np.maximum(net["free_flow_time"], NO_TIME),
            "fixed": net["fixed_cost"][0],
            "capacity": net["capacity"],
            "alpha": net["alpha"],
            "power": net["power"],
        }
    )
    graph.prepare_graph(np.arange(1, zones + 1), remove_dead_ends=False)
    graph.set_graph("time")
    graph.set_blocked_centroid_flows(net["first_thru"] > 0)

    def job() -> float:
        matrix = AequilibraeMatrix()
        matrix.create_empty(zones=zones, matrix_names=["trips"], memory_only=True)
        matrix.index[:] = np.arange(1, zones + 1)
        matrix.matrix["trips"][:, :] = net["demand"][0]
        matrix.computational_view(["trips"])
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
        assignment.set_cores(numba.get_num_threads())
        assignment.max_iter, assignment.rgap_target = 10_000, gap
        assignment.execute()
        return _objective(zones, assignment.results()["PCE_AB"].to_numpy())

    return job


def _agreement(gap: float, ours: float, theirs: float) -> tuple[str, bool]:
    apart = abs(ours - theirs) / ours
    return f"objectives {apart:.0e} apart", apart <= 3.0 * gap


def _case(name: str, gap: float, repetitions: int) -> Case:
    peer = Peer(
        "AequilibraE BFW", "aequilibrae", "", partial(_aequilibrae, gap), partial(_agreement, gap)
    )  # fmt: skip
    return Case(
        name=name,
        work=f"user equilibrium to relative gap {gap:.0e}",
        size_unit="zones",
        sizes=tuple(NETWORKS),
        quick_sizes=(38,),
        prepare=partial(_ours, gap),
        peers=(peer,),
        repetitions=repetitions,
    )


CASES = [_case("traffic-assignment-1e-4", 1e-4, 3), _case("traffic-assignment", 1e-6, 1)]
