"""The equilibrium against published and analytic truth; the gap is computed here by a plain textbook implementation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.figures import Recorder
from tests.validation.sioux_falls import BEST_OBJECTIVE, LINKS, TRIPS, sioux_falls
from twin.kernels import registry
from twin.kernels.traffic.assignment import ARGUMENTS, beckmann_objective, link_times

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "traffic" / "SiouxFalls"


BEST_KNOWN = "best known solution, Transportation Networks for Research"


def solve(inputs: dict[str, Any], variant: str = "numba") -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    return registry.get("traffic.assignment", variant)(*(inputs[name] for name in ARGUMENTS))


def objective(inputs: dict[str, Any], flow: np.ndarray) -> float:
    bpr = (inputs[name] for name in ("free_flow_time", "capacity", "alpha", "power"))
    return beckmann_objective(flow.sum(axis=0), *bpr)


def textbook_gap(inputs: dict[str, Any], flow: np.ndarray) -> float:
    """1 - (demand times cheapest cost) / (flow times cost), by Floyd and Warshall; no code of the solver is used."""
    x = flow.sum(axis=0)
    cost = inputs["free_flow_time"] * (1 + inputs["alpha"] * (x / inputs["capacity"]) ** inputs["power"])
    n = len(inputs["link_start"]) - 1
    tail = np.repeat(np.arange(n), np.diff(inputs["link_start"]))
    distance = np.full((n, n), np.inf)
    np.fill_diagonal(distance, 0.0)
    for i, j, c in zip(tail, inputs["link_head"], cost, strict=True):
        distance[i, j] = min(distance[i, j], c)
    for k in range(n):
        distance = np.minimum(distance, distance[:, k, None] + distance[None, k, :])
    zones = inputs["demand"].shape[1]
    return float(1.0 - (inputs["demand"].sum(axis=0) * distance[:zones, :zones]).sum() / (x @ cost))


def test_sioux_falls_objective_at_gap_1e_4(figure: Recorder) -> None:
    inputs = sioux_falls()
    flow, _, _, gap = solve(inputs)
    assert gap <= 1e-4
    assert textbook_gap(inputs, flow) == pytest.approx(gap, abs=1e-12)
    name, ours = "Sioux Falls: Beckmann objective at gap 1e-4", objective(inputs, flow) / 1e5
    figure.check(name, ours, BEST_OBJECTIVE, 1e-4, "1e5 veh·0.01 h", BEST_KNOWN, relative=True)


def test_sioux_falls_to_gap_1e_12(figure: Recorder) -> None:
    inputs = dict(sioux_falls(), target_gap=1e-12)
    flow, _, _, _ = solve(inputs)
    figure.check(
        "Sioux Falls: relative gap, asked for 1e-12", textbook_gap(inputs, flow), 0.0, 2e-12, "-", "definition"
    )
    name, ours = "Sioux Falls: Beckmann objective at gap 1e-12", objective(inputs, flow) / 1e5
    figure.check(name, ours, BEST_OBJECTIVE, 1e-8, "1e5 veh·0.01 h", BEST_KNOWN)


def test_sioux_falls_by_the_reference(figure: Recorder) -> None:
    inputs = dict(sioux_falls(), target_gap=1e-3)
    flow, _, _, gap = solve(inputs, "reference")
    assert textbook_gap(inputs, flow) == pytest.approx(gap, abs=1e-12)
    assert gap <= 1e-3
    name, ours = "Sioux Falls: Beckmann objective at gap 1e-3, reference", objective(inputs, flow) / 1e5
    figure.check(name, ours, BEST_OBJECTIVE, 1e-3, "1e5 veh·0.01 h", BEST_KNOWN, relative=True)


def test_typed_figures_against_the_published_files() -> None:
    net = PUBLISHED / "SiouxFalls_net.tntp"
    if not net.exists():
        pytest.skip("../shared/data/traffic/SiouxFalls is not here; the typed figures were compared where it is")
    rows = [line.split() for line in net.read_text().splitlines() if re.match(r"\s*\d+\s+\d+\s+\d", line)]
    assert [(int(r[0]), int(r[1]), float(r[2]), float(r[4])) for r in rows] == list(LINKS)
    assert {(r[5], r[6]) for r in rows} == {("0.15", "4")}
    text = (PUBLISHED / "SiouxFalls_trips.tntp").read_text().split("<END OF METADATA>")[1]
    table = np.zeros((24, 24))
    for block in text.split("Origin")[1:]:
        origin = int(block.split()[0]) - 1
        for found in re.finditer(r"(\d+)\s*:\s*([\d.]+);", block):
            table[origin, int(found[1]) - 1] = float(found[2])
    assert np.array_equal(table, 100.0 * np.array(TRIPS))
    assert table.sum() == 360600.0


def test_flows_against_the_published_solution(figure: Recorder) -> None:
    best = PUBLISHED / "SiouxFalls_flow.tntp"
    if not best.exists():
        pytest.skip("../shared/data/traffic/SiouxFalls is not here; the objective is compared without it")
    rows = [line.split() for line in best.read_text().splitlines() if re.match(r"\s*\d+\s+\d+\s+\d", line)]
    published = {(int(r[0]), int(r[1])): float(r[2]) for r in rows}
    flow, _, _, _ = solve(dict(sioux_falls(), target_gap=1e-12))
    ours = {(int(a), int(b)): x for (a, b, _, _), x in zip(LINKS, flow[0], strict=True)}
    pairs = np.array([(ours[k], published[k]) for k in ours])
    figure.check("Sioux Falls: flow of every link", *pairs.T, 1e-6, "veh/d", BEST_KNOWN, relative=True)


def network(nodes: int, links: list[tuple[int, int, float, float, float]], demand: float) -> dict[str, Any]:
    """Linear-cost network: each link (tail, head, time at zero flow, slope per vehicle, fixed cost); demand 0 -> 1."""
    links = sorted(links)
    tail, head = (np.array([link[i] for link in links], np.int64) for i in (0, 1))
    time, slope = (np.array([link[i] for link in links]) for i in (2, 3))
    trips = np.zeros((1, 2, 2))
    trips[0, 0, 1] = demand
    return {
        "link_start": np.searchsorted(tail, np.arange(nodes + 1)).astype(np.int64),
        "link_head": head,
        "free_flow_time": time,
        "capacity": np.ones(len(links)),
        "alpha": slope / time,
        "power": np.ones(len(links)),
        "fixed_cost": np.array([[link[4] for link in links]]),
        "demand": trips,
        "first_thru": 0,
        "max_rounds": 200,
        "target_gap": 1e-13,
    }


VARIANTS = ("reference", "numba")


@pytest.mark.parametrize("variant", VARIANTS)
def test_braess(variant: str, figure: Recorder) -> None:
    """Six vehicles, links 10x, 50 + x: 83 without the bridge (10 + x), 92 with it (Braess 1968)."""
    tiny = 1e-12
    roads = [(0, 2, tiny, 10.0, 0.0), (0, 3, 50.0, 1.0, 0.0), (2, 1, 50.0, 1.0, 0.0), (3, 1, tiny, 10.0, 0.0)]
    _, _, skim, _ = solve(network(4, roads, 6.0), variant)
    figure.check("Braess: time without the bridge", skim[0, 0, 1], 83.0, 1e-9, "min", "Braess 1968")
    flow, _, skim, _ = solve(network(4, [*roads, (2, 3, 10.0, 1.0, 0.0)], 6.0), variant)
    figure.check("Braess: time with the bridge", skim[0, 0, 1], 92.0, 1e-9, "min", "Braess 1968")
    assert np.allclose(flow[0], [4.0, 2.0, 2.0, 2.0, 4.0], atol=1e-9)


@pytest.mark.parametrize("variant", VARIANTS)
def test_pigou_and_its_toll(variant: str, figure: Recorder) -> None:
    """One constant link (1) and one of cost x: all take the second; a toll of one half halves them."""
    roads = [(0, 1, 1.0, 0.0, 0.0), (0, 2, 1e-12, 1.0, 0.0), (2, 1, 1e-12, 0.0, 0.0)]
    flow, _, _, _ = solve(network(3, roads, 1.0), variant)
    figure.check("Pigou: flow on the congested link", flow[0, 1], 1.0, 1e-9, "veh", "Pigou 1920")
    roads[1] = (0, 2, 1e-12, 1.0, 0.5)
    flow, _, _, _ = solve(network(3, roads, 1.0), variant)
    figure.check("Pigou: flow under the toll of one half", flow[0, 1], 0.5, 1e-9, "veh", "Pigou 1920")


@pytest.mark.parametrize("variant", VARIANTS)
def test_two_routes_by_hand(variant: str, figure: Recorder) -> None:
    """10 + x against 15 + 2x with 20 vehicles: 15 and 5, both at 25."""
    roads = [(0, 1, 10.0, 1.0, 0.0), (0, 2, 14.0, 2.0, 0.0), (2, 1, 1.0, 0.0, 0.0)]
    flow, time, skim, _ = solve(network(3, roads, 20.0), variant)
    figure.check("Two routes: flows", flow[0], [15.0, 5.0, 5.0], 1e-9, "veh", "worked by hand")
    assert time == pytest.approx([25.0, 24.0, 1.0], abs=1e-9)
    assert skim[0, 0, 1] == pytest.approx(25.0, abs=1e-9)


@pytest.mark.parametrize("variant", VARIANTS)
def test_two_classes_one_shut_out(variant: str, figure: Recorder) -> None:
    """The class that may not use the short road takes the long one; the other one fills the short road."""
    inputs = network(3, [(0, 1, 10.0, 1.0, 0.0), (0, 2, 39.0, 1.0, 0.0), (2, 1, 1.0, 0.0, 0.0)], 20.0)
    inputs["demand"] = np.concatenate([inputs["demand"], 0.5 * inputs["demand"]])
    inputs["fixed_cost"] = np.array([[0.0, 0.0, 0.0], [np.inf, 0.0, 0.0]])
    flow, time, skim, _ = solve(inputs, variant)
    figure.check("Two classes: flows", flow, [[20.0, 0.0, 0.0], [0.0, 10.0, 10.0]], 1e-9, "veh", "worked by hand")
    assert skim[:, 0, 1] == pytest.approx([30.0, 50.0], abs=1e-9)
    assert time == pytest.approx(link_times(flow.sum(axis=0), *(inputs[n] for n in ARGUMENTS[2:6])))
