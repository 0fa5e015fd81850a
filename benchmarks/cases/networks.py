"""Networks and the two measures every answer is judged by: the textbook gap and Beckmann's function.

The public networks are read from ``../shared/data/traffic`` beside the repository, or from the folder that the
environment variable ``TNTP_DATA`` names; their licence forbids to ship them. The gap is computed with SciPy from link
flows alone, so it holds for any program.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(os.environ.get("TNTP_DATA", Path(__file__).parents[3] / "shared" / "data" / "traffic"))
TOLL_AND_LENGTH = {"ChicagoSketch": (0.02, 0.04)}  # minutes per cent and per mile, from the page of the network
BLOCK = 64  # origins whose distances are held at a time
ARGUMENTS = (
    "link_start",
    "link_head",
    "free_flow_time",
    "capacity",
    "alpha",
    "power",
    "fixed_cost",
    "demand",
    "first_thru",
)

Network = dict[str, Any]


def has(name: str) -> bool:
    """Return whether the files of a public network are there."""
    return (DATA / name / f"{name}_net.tntp").is_file()


@cache
def network(name: str) -> Network:
    """Return the inputs of ``traffic.assignment`` of a public network."""
    from twin.city.tntp import read_tntp_network, read_tntp_trips

    if not has(name):
        raise SystemExit(f"the network {name} is missing: {DATA / name} (TNTP_DATA names another folder)")
    net = read_tntp_network(DATA / name / f"{name}_net.tntp")
    toll, length = TOLL_AND_LENGTH.get(name, (0.0, 0.0))
    trips = read_tntp_trips(DATA / name / f"{name}_trips.tntp")
    np.fill_diagonal(trips, 0.0)
    return {
        "link_start": net.link_start,
        "link_head": net.link_head,
        "link_tail": net.link_tail,
        "free_flow_time": net.free_flow_time,
        "capacity": net.capacity,
        "alpha": net.alpha,
        "power": np.where(net.alpha > 0.0, net.power, 1.0),
        "fixed_cost": (toll * net.toll + length * net.length)[None],
        "demand": trips[None],
        "first_thru": net.first_thru,
    }


def problem(net: Network) -> Any:
    """Return a network as what ours solves."""
    from twin.kernels.traffic.equilibrium import Problem

    return Problem(*(net[name] for name in ARGUMENTS))


def link_cost(net: Network, flow: np.ndarray) -> np.ndarray:
    """Return BPR time and fixed cost [links] at a flow [links]."""
    time = net["free_flow_time"] * (1.0 + net["alpha"] * (flow / net["capacity"]) ** net["power"])
    return time + net["fixed_cost"][0]


def objective(net: Network, flow: np.ndarray) -> float:
    """Return Beckmann's function of a flow [links], fixed costs included."""
    power, capacity = net["power"], net["capacity"]
    integral = flow + net["alpha"] * capacity / (power + 1.0) * (flow / capacity) ** (power + 1.0)
    return float(net["free_flow_time"] @ integral + net["fixed_cost"][0] @ flow)


def relative_gap(net: Network, flow: np.ndarray) -> float:
    """Return (cost paid - cheapest cost of all trips at the same link costs) / cost paid."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    cost, demand = link_cost(net, flow), net["demand"][0]
    zones, nodes = len(demand), len(net["link_start"]) - 1
    tail, head = net["link_tail"].copy(), net["link_head"]
    tail[tail < min(zones, net["first_thru"])] += nodes  # a zone is entered by its own node, left by another
    order = np.lexsort((cost, head, tail))
    first = np.r_[True, np.diff(tail[order] * (nodes + zones) + head[order]) > 0]  # of parallel links the cheapest
    keep = order[first]
    graph = csr_array((cost[keep], (tail[keep], head[keep])), shape=(nodes + zones, nodes + zones))
    source = np.arange(zones)
    source[: min(zones, net["first_thru"])] += nodes
    least = 0.0
    for start in range(0, zones, BLOCK):
        rows = slice(start, start + BLOCK)
        best = dijkstra(graph, indices=source[rows])[:, :zones]
        wanted = demand[rows] > 0.0
        least += float((best[wanted] * demand[rows][wanted]).sum())
    paid = float(cost @ flow)
    return (paid - least) / paid


def imbalance(net: Network, flow: np.ndarray) -> float:
    """Return the largest amount by which flow into a node, out of it and its trips disagree."""
    nodes, demand = len(net["link_start"]) - 1, net["demand"][0]
    apart = np.bincount(net["link_head"], flow, nodes) - np.bincount(net["link_tail"], flow, nodes)
    apart[: len(demand)] -= demand.sum(axis=0) - demand.sum(axis=1)
    return float(np.abs(apart).max())


def useful_links(net: Network) -> np.ndarray:
    """Return which links [links] can lie on a way: those into a street that ends without way out are left out."""
    zones, nodes = net["demand"].shape[1], len(net["link_start"]) - 1
    keep = np.ones(len(net["link_head"]), bool)
    while True:
        out = np.bincount(net["link_tail"][keep], minlength=nodes) > 0
        into = np.bincount(net["link_head"][keep], minlength=nodes) > 0
        out[:zones] = into[:zones] = True
        dead = keep & ~(out[net["link_head"]] & into[net["link_tail"]])
        if not dead.any():
            return keep
        keep &= ~dead
