"""Equilibria with demand that answers cost, system optima and other time functions, against closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import twin.kernels.traffic  # noqa: F401
from tests.figures import Recorder
from tests.validation.sioux_falls import sioux_falls
from twin.kernels import registry
from twin.kernels.traffic.elastic_assignment import ARGUMENTS
from twin.kernels.traffic.equilibrium import Problem
from twin.kernels.traffic.equilibrium import solve as equilibrium
from twin.kernels.traffic.link_cost import BPR, CONICAL, CURVE, DAVIDSON

VARIANTS = ("reference", "numba")
Link = tuple[int, int, float, float, float]
HAND = "worked by hand"


def problem(nodes: int, links: list[Link], demand: float, response: float = 0.0, pivot: float = 1.0) -> dict[str, Any]:
    """Each link (tail, head, time at zero flow, slope per vehicle, fixed cost), sorted by tail; demand 0 -> 1."""
    tail, head = (np.array([link[i] for link in links], np.int64) for i in (0, 1))
    time, slope = (np.array([link[i] for link in links]) for i in (2, 3))
    pair = np.zeros((1, 2, 2))
    pair[0, 0, 1] = 1.0
    return {
        "link_start": np.searchsorted(tail, np.arange(nodes + 1)).astype(np.int64),
        "link_head": head,
        "free_flow_time": time,
        "capacity": np.ones(len(links)),
        "alpha": slope / time,
        "power": np.ones(len(links)),
        "form": np.zeros(len(links), np.int64),
        "curves": np.zeros((0, 1, 5)),
        "fixed_cost": np.array([[link[4] for link in links]]),
        "demand": demand * pair,
        "pivot": pivot * pair,
        "response": response * pair,
        "outside_leg": 0.0,
        "marginal": 0,
        "first_thru": 0,
        "max_rounds": 400,
        "target_gap": 1e-14,
    }


def solve(inputs: dict[str, Any], variant: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    return registry.get("traffic.elastic_assignment", variant)(*(inputs[name] for name in ARGUMENTS))


@pytest.mark.parametrize("variant", VARIANTS)
def test_constant_elasticity_on_one_road(variant: str, figure: Recorder) -> None:
    """Time 10 + x, demand 20 * (c / 20) ** -1: then D * (10 + D) = 400, so D = sqrt(425) - 5."""
    _, _, skim, met, _ = solve(problem(2, [(0, 1, 10.0, 1.0, 0.0)], 20.0, -1.0, 20.0), variant)
    figure.check("Elastic demand, one road: trips", met[0, 0, 1], np.sqrt(425.0) - 5.0, 1e-9, "veh", HAND)
    figure.check("Elastic demand, one road: time", skim[0, 0, 1], np.sqrt(425.0) + 5.0, 1e-9, "min", HAND)


@pytest.mark.parametrize("variant", VARIANTS)
def test_logit_demand_on_two_roads(variant: str, figure: Recorder) -> None:
    """10 + x against 15 + 2x: at 25 both carry 20 together, half of 40 when 25 is where the logit is one half."""
    roads = [(0, 1, 10.0, 1.0, 0.0), (0, 2, 14.0, 2.0, 0.0), (2, 1, 1.0, 0.0, 0.0)]
    flow, _, _, met, _ = solve(problem(3, roads, 40.0, 0.2, 25.0), variant)
    figure.check("Logit demand, two roads: trips", met[0, 0, 1], 20.0, 1e-9, "veh", HAND)
    figure.check("Logit demand, two roads: flows", flow[0], [15.0, 5.0, 5.0], 1e-9, "veh", HAND)


@pytest.mark.parametrize("variant", VARIANTS)
def test_toll_and_elastic_demand_of_two_classes(variant: str, figure: Recorder) -> None:
    """The toll of 5 keeps the first class off the short road; the other's demand is what 30 minutes leave of it."""
    inputs = problem(3, [(0, 1, 20.0, 1.0, 0.0), (0, 2, 30.0, 0.0, 0.0), (2, 1, 1.0, 0.0, 0.0)], 4.0)
    inputs |= {name: np.concatenate([inputs[name]] * 2) for name in ("demand", "pivot", "response")}
    inputs["fixed_cost"] = np.array([[12.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    inputs["demand"][1], inputs["response"][1], inputs["pivot"][1] = 8.0, -0.5, 28.0
    inputs["demand"][1] *= inputs["demand"][0] > 0.0
    flow, _, skim, _, _ = solve(inputs, variant)
    # Of the second class D = 8 * sqrt(28 / (20 + D)): D = 8 solves it.
    figure.check("Two classes, toll: flows", flow, [[0.0, 4.0, 4.0], [8.0, 0.0, 0.0]], 1e-9, "veh", HAND)
    figure.check("Two classes, toll: costs", skim[:, 0, 1], [31.0, 28.0], 1e-9, "min", HAND)


@pytest.mark.parametrize("variant", VARIANTS)
def test_system_optimum(variant: str, figure: Recorder) -> None:
    """Pigou's optimum halves the flow on the congested road; Braess's bridge stays empty."""
    tiny = 1e-12
    roads = [(0, 1, 1.0, 0.0, 0.0), (0, 2, tiny, 1.0, 0.0), (2, 1, tiny, 0.0, 0.0)]
    flow, time, _, _, _ = solve(dict(problem(3, roads, 1.0), marginal=1), variant)
    figure.check("Pigou: optimal flow on the congested road", flow[0, 1], 0.5, 1e-9, "veh", "Pigou 1920")
    figure.check("Pigou: its travel time, toll left out", time[1], 0.5, 1e-9, "min", "Pigou 1920")
    braess = [
        (0, 2, tiny, 10.0, 0.0), (0, 3, 50.0, 1.0, 0.0), (2, 1, 50.0, 1.0, 0.0), (2, 3, 10.0, 1.0, 0.0),
        (3, 1, tiny, 10.0, 0.0),
    ]  # fmt: skip
    flow, time, _, _, _ = solve(dict(problem(4, braess, 6.0), marginal=1), variant)
    figure.check("Braess: total time at the optimum", float(flow[0] @ time), 498.0, 1e-9, "veh·min", "Braess 1968")
    figure.check("Braess: flow on the bridge at the optimum", flow[0, 3], 0.0, 1e-9, "veh", "Braess 1968")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("form", [CONICAL, DAVIDSON, CURVE])
def test_other_time_functions_share_the_flow(variant: str, form: int, figure: Recorder) -> None:
    """Two roads of one function, the second with three times the capacity: it takes three quarters."""
    inputs = problem(3, [(0, 1, 10.0, 1.0, 0.0), (0, 2, 10.0, 1.0, 0.0), (2, 1, 1e-12, 0.0, 0.0)], 3.2)
    inputs["capacity"] = np.array([1.0, 3.0, 1.0])
    inputs["form"] = np.array([form, form, BPR])
    inputs["alpha"] = np.array([1.0 if form == CONICAL else 0.1] * 2 + [0.0])
    inputs["power"] = np.array([6.0 if form == CONICAL else 0.9] * 2 + [1.0])
    inputs["curves"] = np.array([[[0.0, 1.0, 0.0, 0.1, 0.5], [1.0, 1.6, 1.7, 0.0, 0.0]]])
    for marginal in (0, 1):
        flow, time, _, _, _ = solve(dict(inputs, marginal=marginal), variant)
        figure.check("Conical, Davidson, curve: flows", flow[0], [0.8, 2.4, 2.4], 1e-9, "veh", HAND)
    ratio = 0.8
    times = {
        CONICAL: 10.0 * (2.0 + np.hypot(6.0 * (1.0 - ratio), 1.1) - 6.0 * (1.0 - ratio) - 1.1),
        DAVIDSON: 10.0 * (1.0 + 0.1 * ratio / (1.0 - ratio)),
        CURVE: 10.0 * (1.0 + 0.1 * ratio**2 + 0.5 * ratio**3),
    }
    figure.check("Conical, Davidson, curve: times", time[:2], times[form], 1e-9, "min", "Spiess 1990, Davidson 1966")


@pytest.mark.parametrize("seed", range(3))
def test_no_elasticity_is_fixed_demand_bit_for_bit(seed: int) -> None:
    family = registry.families()["traffic.elastic_assignment"]
    inputs = family.sample(60, np.random.default_rng(seed))
    inputs |= {"response": np.zeros_like(inputs["response"]), "form": np.zeros_like(inputs["form"]), "marginal": 0}
    names = ("link_start", "link_head", "free_flow_time", "capacity", "alpha", "power", "fixed_cost", "demand")
    fixed = registry.get("traffic.assignment", "numba")(
        *(inputs[n] for n in (*names, "first_thru", "max_rounds", "target_gap"))
    )
    flow, time, skim, met, gap = solve(inputs, "numba")
    assert met.tobytes() == inputs["demand"].tobytes()
    for a, b in zip((flow, time, skim, gap), fixed, strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


@pytest.mark.parametrize("response", [-2.0, -3.0, 0.3])
def test_sioux_falls_settles_cold_on_today(response: float) -> None:
    """Laws through today's trips and costs have today's equilibrium as their own; a cold start must find it."""
    fixed = {name: value for name, value in sioux_falls().items() if name in Problem._fields}
    today = equilibrium(Problem(**fixed), 1e-12, 200)
    most = (2.0 if response > 0.0 else 1.0) * fixed["demand"]
    laws = {"demand": most, "pivot": today.skim, "response": np.full_like(today.skim, response)}
    cold = equilibrium(Problem(**fixed | laws), 1e-10, 100)
    assert cold.relative_gap <= 1e-10
    np.testing.assert_allclose(cold.od_flow, today.od_flow, rtol=1e-6)
