"""The equilibrium of four public networks against their best known solutions, and the gap by a plain implementation."""

from __future__ import annotations

import heapq
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import twin.kernels.traffic  # noqa: F401
from tests.figures import Recorder
from twin.city.tntp import read_tntp_network, read_tntp_trips
from twin.kernels import registry
from twin.kernels.traffic.assignment import ARGUMENTS

DATA = Path(__file__).parents[3] / "shared" / "data" / "traffic"
BEST_KNOWN = "best known solution, Transportation Networks for Research"

FOLDERS = {
    "Sioux Falls": "SiouxFalls",
    "Anaheim": "Anaheim",
    "Barcelona": "Barcelona",
    "Chicago Sketch": "ChicagoSketch",
}
TOLL_AND_LENGTH = {"Chicago Sketch": (0.02, 0.04)}
"""Minutes per cent and per mile, from the page of the network (ChicagoSketch/README.md there)."""


def load(name: str) -> dict[str, Any]:
    folder = DATA / FOLDERS[name]
    if not folder.is_dir():
        pytest.skip(f"../shared/data/traffic/{folder.name} is not here; typed figures of Sioux Falls are always tested")
    net = read_tntp_network(folder / f"{folder.name}_net.tntp")
    trips = read_tntp_trips(folder / f"{folder.name}_trips.tntp")
    toll, length = TOLL_AND_LENGTH.get(name, (0.0, 0.0))
    return {
        "link_start": net.link_start,
        "link_head": net.link_head,
        "free_flow_time": net.free_flow_time,
        "capacity": net.capacity,
        "alpha": net.alpha,
        "power": net.power,
        "fixed_cost": (toll * net.toll + length * net.length)[None],
        "demand": trips[None],
        "first_thru": net.first_thru,
        "max_rounds": 200,
        "target_gap": 1e-15,  # a few links of Anaheim are so flat that at 1e-13 flows may still be off by 2e-6
    }


def published_flows(name: str, inputs: dict[str, Any]) -> np.ndarray:
    rows = (DATA / FOLDERS[name] / f"{FOLDERS[name]}_flow.tntp").read_text().splitlines()[1:]
    best = {(int(a) - 1, int(b) - 1): float(x) for a, b, x, *_ in (row.split() for row in rows if row.strip())}
    tail = np.repeat(np.arange(len(inputs["link_start"]) - 1), np.diff(inputs["link_start"]))
    return np.array([best[int(a), int(b)] for a, b in zip(tail, inputs["link_head"], strict=True)])


def link_costs(inputs: dict[str, Any], flow: np.ndarray) -> np.ndarray:
    rise = inputs["alpha"] * (flow / inputs["capacity"]) ** inputs["power"]
    return np.asarray(inputs["free_flow_time"] * (1.0 + rise) + inputs["fixed_cost"][0])


def objective(inputs: dict[str, Any], flow: np.ndarray) -> float:
    power, capacity = inputs["power"], inputs["capacity"]
    integral = flow + inputs["alpha"] * capacity / (power + 1.0) * (flow / capacity) ** (power + 1.0)
    return float((inputs["free_flow_time"] * integral + inputs["fixed_cost"][0] * flow).sum())


def textbook_gap(inputs: dict[str, Any], flow: np.ndarray) -> float:
    """1 - (demand times cheapest cost) / (flow times cost); Dijkstra with a plain heap, no code of the solver."""
    cost = link_costs(inputs, flow)
    start, head, weight = inputs["link_start"].tolist(), inputs["link_head"].tolist(), cost.tolist()
    demand = inputs["demand"][0]
    least = []
    for origin in range(len(demand)):
        best = [np.inf] * (len(start) - 1)
        best[origin] = 0.0
        queue = [(0.0, origin)]
        while queue:
            so_far, u = heapq.heappop(queue)
            if so_far > best[u] or (u < inputs["first_thru"] and u != origin):
                continue
            for link in range(start[u], start[u + 1]):
                if so_far + weight[link] < best[head[link]]:
                    best[head[link]] = so_far + weight[link]
                    heapq.heappush(queue, (best[head[link]], head[link]))
        least.append(demand[origin] @ np.array(best[: len(demand)]))
    return 1.0 - sum(least) / float(flow @ cost)


@pytest.mark.parametrize("name", FOLDERS)
def test_public_network(name: str, figure: Recorder) -> None:
    inputs = load(name)
    flow, _, _, gap = registry.get("traffic.assignment", "numba")(*(inputs[a] for a in ARGUMENTS))
    assert gap <= 1e-14
    ours, best = flow[0], published_flows(name, inputs)
    figure.check(f"{name}: relative gap by definition", textbook_gap(inputs, ours), 0.0, 1e-10, "-", "definition")
    figure.check(
        f"{name}: objective of ours and of the best known flows", objective(inputs, ours), objective(inputs, best),
        1e-10, "min·veh", BEST_KNOWN, relative=True,
    )  # fmt: skip
    # Flows are unique where time rises with flow.
    unique = (inputs["free_flow_time"] * inputs["alpha"] * inputs["power"] > 0.0) & (best >= 1.0)
    figure.check(
        f"{name}: flows of congestible links", ours[unique], best[unique], 1e-8, "veh", BEST_KNOWN,
        relative=True,
    )  # fmt: skip
    figure.check(
        f"{name}: costs of all links", link_costs(inputs, ours), link_costs(inputs, best), 1e-8, "min", BEST_KNOWN,
        relative=True,
    )  # fmt: skip
