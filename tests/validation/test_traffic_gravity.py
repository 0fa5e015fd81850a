"""Shortest paths against scipy, and the gravity model against its closed form, its margins and its mean cost."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

import twin.kernels.traffic  # noqa: F401
from tests.figures import Recorder
from tests.validation.sioux_falls import sioux_falls
from twin.kernels.registry import family, get

VARIANTS = ("reference", "numba")


@pytest.mark.parametrize("variant", VARIANTS)
def test_free_flow_times_of_sioux_falls(variant: str, figure: Recorder) -> None:
    net = sioux_falls()
    start, head, time = net["link_start"], net["link_head"], net["free_flow_time"]
    ours, _ = get("traffic.shortest_path", variant)(start, head, time, np.arange(24), 0)
    peer = dijkstra(csr_array((time, head, start), shape=(24, 24)))
    figure.check("Shortest paths: free-flow times of Sioux Falls", ours, peer, 0.0, "0.01 h", "scipy dijkstra")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("beta", [0.02, 0.1, 0.3])
def test_two_zones_in_closed_form(variant: str, beta: float, figure: Recorder) -> None:
    """Balancing keeps the odds ratio of the deterrence, so that the trips of two zones solve a quadratic equation."""
    productions, attractions = np.array([400.0, 600.0]), np.array([700.0, 300.0])
    cost = np.array([[3.0, 11.0], [12.0, 4.0]])
    odds = np.exp(-beta * (cost[0, 0] + cost[1, 1] - cost[0, 1] - cost[1, 0]))
    # x (q + x) = odds (p - x) (a - x), where x is the trips from 1 to 1 and q = 1000 - 400 - 700 < 0.
    p, a, q = productions[0], attractions[0], productions.sum() - productions[0] - attractions[0]
    roots = np.roots([1.0 - odds, q + odds * (p + a), -odds * p * a])
    x = float(roots[(roots > max(0.0, -q)) & (roots < min(p, a))][0])
    truth = np.array([[x, p - x], [a - x, q + x]])
    mean = float((truth * cost).sum() / truth.sum())
    trips, found = get("traffic.gravity", variant)(productions, attractions, cost, 0.0, mean)
    figure.check("Gravity: trips between two zones", trips, truth, 1e-6, "trips", "closed form, beta 0.02 to 0.3")
    figure.check("Gravity: calibrated beta", found, beta, 1e-7, "1/min", "closed form", relative=True)


@pytest.mark.parametrize("variant", VARIANTS)
def test_margins_and_mean_cost(variant: str, figure: Recorder) -> None:
    inputs = family("traffic.gravity").sample(30, np.random.default_rng(3))
    trips, _ = get("traffic.gravity", variant)(*inputs.values())
    for side, axis, wanted in (("productions", 1, inputs["productions"]), ("attractions", 0, inputs["attractions"])):
        share = (trips.sum(axis=axis) - wanted) / wanted.mean()
        figure.check(f"Gravity: {side}, share off", share, 0.0, 1e-9, "-", "Furness 1965: margins are kept")
    mean = float((trips * inputs["cost"]).sum() / trips.sum())
    target = inputs["target_mean_cost"]
    figure.check("Gravity: mean cost", mean, target, 1e-8, "min", "Hyman 1969: the observed mean", relative=True)
