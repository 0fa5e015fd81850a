"""User equilibrium in which demand answers cost, with any link-time functions; or the system optimum.

Demand and routes are solved jointly: at the solution every trip uses a cheapest route, and the trips between two
places are what their demand law (`demand_law`) asks for at that cost. This is the minimum of a convex function
(Beckmann, McGuire and Winsten 1956, "Studies in the Economics of Transportation"). Where `marginal` is 1, travellers
also pay for the time that they cost all others (Pigou 1920), which leads to the system optimum.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant
from twin.kernels.traffic.demand_law import HALVINGS, answer, too_far
from twin.kernels.traffic.equilibrium import Problem, solve
from twin.kernels.traffic.link_cost import BPR, CONICAL, CURVE, DAVIDSON, shape
from twin.kernels.traffic.shortest_path import random_network, trees_reference

NAME = "traffic.elastic_assignment"
ARGUMENTS = (
    "link_start", "link_head", "free_flow_time", "capacity", "alpha", "power", "form", "curves", "fixed_cost",
    "demand", "pivot", "response", "outside_leg", "marginal", "first_thru", "max_rounds", "target_gap",
)  # fmt: skip
LOAD = 0.2  # of sample demand: the busiest links are near their capacity
Outputs = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]


def _sample(size: int, rng: np.random.Generator) -> Inputs:
    zones = max(3, size // 3)
    network = random_network(max(9, size), rng, zones)
    links = len(network["link_head"])
    demand = rng.uniform(0.0, 1.0, (2, zones, zones)) * np.array([0.8, 0.2])[:, None, None]
    demand[:, np.arange(zones), np.arange(zones)] = 0.0
    demand *= LOAD * network["capacity"][network["capacity"] < 1e6].sum() / (demand.sum() * np.sqrt(max(9, size)))
    street = (network["link_head"] >= zones) & (network["link_tail"] >= zones)
    form = rng.choice([BPR, CONICAL, DAVIDSON, CURVE], links)
    # Rises from 1 to 1.6 at capacity, then straight on.
    curves = np.array([[[0.0, 1.0, 0.0, 0.1, 0.5], [1.0, 1.6, 1.7, 0.0, 0.0]]])
    response = rng.choice([0.0, -0.6, 0.3], (1, zones, zones)) * np.ones((2, 1, 1))
    return {
        **{k: network[k] for k in ("link_start", "link_head", "free_flow_time", "capacity")},
        "alpha": np.choose(form, [0.15, 1.0, 0.1, 1.0]) * street,
        "power": np.choose(form, [4.0, 6.0, 0.9, 1.0]),
        "form": form.astype(np.int64),
        "curves": curves,
        "fixed_cost": rng.uniform(0.0, 0.5, (2, links)) * street,
        "demand": demand * np.where(response > 0.0, 2.0, 1.0),
        "pivot": rng.uniform(2.0, 8.0, (2, zones, zones)),
        "response": response,
        "outside_leg": 1.0,
        "marginal": int(rng.integers(0, 2)),
        "first_thru": zones,
        "max_rounds": 2000,
        "target_gap": 1e-9,
    }


def link_costs(inputs: Inputs, flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the travel time [links] of total flows [links], and what travellers pay beside their class's own cost."""
    time, paid = np.empty(len(flow)), np.empty(len(flow))
    for link, x in enumerate(flow):
        ratio = float(max(x, 0.0) / inputs["capacity"][link])
        alpha, power, form = inputs["alpha"][link], inputs["power"][link], inputs["form"][link]
        value, first, _, _ = shape(ratio, alpha, power, form, inputs["curves"])
        time[link] = inputs["free_flow_time"][link] * value
        paid[link] = inputs["free_flow_time"][link] * (value + inputs["marginal"] * ratio * first)
    return time, paid


def wanted_demand(inputs: Inputs, cost: np.ndarray) -> np.ndarray:
    """Return the demand [classes, zones, zones] at generalised costs of the same shape."""
    out = np.zeros_like(cost)
    for at in np.ndindex(*cost.shape):
        if at[1] != at[2] and np.isfinite(cost[at]):
            demand, pivot, response = (float(inputs[name][at]) for name in ("demand", "pivot", "response"))
            out[at], _ = answer(float(cost[at]), demand, pivot, response, inputs["outside_leg"])
    return out


def _call(kernel: Kernel, inputs: Inputs) -> Outputs:
    return kernel(*(inputs[name] for name in ARGUMENTS))


def _check_equilibrium(kernel: Kernel, inputs: Inputs) -> None:
    """No trip could be cheaper, and demand is what its law asks for, by the textbook."""
    flow, time, skim, met, gap = _call(kernel, inputs)
    plain, paid = link_costs(inputs, flow.sum(axis=0))
    np.testing.assert_allclose(time, plain, rtol=1e-9)
    zones = inputs["demand"].shape[1]
    total, excess = 0.0, 0.0
    for k in range(len(flow)):
        cost = paid + inputs["fixed_cost"][k]
        best, _ = trees_reference(
            inputs["link_start"], inputs["link_head"], cost, np.arange(zones), inputs["first_thru"]
        )
        np.testing.assert_allclose(skim[k], best[:, :zones], rtol=1e-9)
        total += float(flow[k] @ cost)
        excess += float(flow[k] @ cost) - float((met[k] * best[:, :zones]).sum())
    excess += float((np.abs(wanted_demand(inputs, skim) - met) * skim).sum())
    assert abs(excess / total - gap) <= 1e-9
    assert gap <= inputs["target_gap"]


def _check_conservation(kernel: Kernel, inputs: Inputs) -> None:
    """At every node, class flow in minus out equals the demand met there minus that met from there."""
    flow, _, _, met, _ = _call(kernel, inputs)
    nodes = len(inputs["link_start"]) - 1
    tail = np.repeat(np.arange(nodes), np.diff(inputs["link_start"]))
    for k in range(len(met)):
        balance = np.bincount(inputs["link_head"], flow[k], nodes) - np.bincount(tail, flow[k], nodes)
        balance[: met.shape[1]] -= met[k].sum(axis=0) - met[k].sum(axis=1)
        assert np.abs(balance).max() <= 1e-9 * max(1.0, met.sum())


def _check_fixed(kernel: Kernel, inputs: Inputs) -> None:
    """Without a response all demand is met, and neither pivots nor the outer leg matter."""
    fixed = dict(inputs, response=np.zeros_like(inputs["response"]))
    first = _call(kernel, fixed)
    other = _call(kernel, dict(fixed, pivot=inputs["pivot"] * 3.0, outside_leg=7.0))
    assert np.array_equal(first[3], inputs["demand"])
    for a, b in zip(first, other, strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


declare(
    Family(
        name=NAME,
        purpose="User equilibrium or system optimum with demand that answers cost, by any link-time functions.",
        inputs=(
            Array("link_start", ("nodes+1",), "int64", "-"),
            Array("link_head", ("links",), "int64", "-"),
            Array("free_flow_time", ("links",), "float64", "min"),
            Array("capacity", ("links",), "float64", "veh/h"),
            Array("alpha", ("links",), "float64", "-"),
            Array("power", ("links",), "float64", "-"),
            Array("form", ("links",), "int64", "-"),
            Array("curves", ("curves", "pieces", "5 numbers"), "float64", "-"),
            Array("fixed_cost", ("classes", "links"), "float64", "min"),
            Array("demand", ("classes", "zones", "zones"), "float64", "veh/h"),
            Array("pivot", ("classes", "zones", "zones"), "float64", "min"),
            Array("response", ("classes", "zones", "zones"), "float64", "- or 1/min"),
            Array("outside_leg", (), "float64", "min"),
            Array("marginal", (), "int64", "-"),
            Array("first_thru", (), "int64", "-"),
            Array("max_rounds", (), "int64", "-"),
            Array("target_gap", (), "float64", "-"),
        ),
        outputs=(
            Array("link_flow", ("classes", "links"), "float64", "veh/h"),
            Array("link_time", ("links",), "float64", "min"),
            Array("skim", ("classes", "zones", "zones"), "float64", "min"),
            Array("od_flow", ("classes", "zones", "zones"), "float64", "veh/h"),
            Array("relative_gap", (), "float64", "-"),
        ),
        sample=_sample,
        work=lambda inputs: float(np.count_nonzero(inputs["demand"]) * len(inputs["link_head"])),
        work_unit="OD pair·link",
        source=(
            "gradient projection on routes: Jayakrishnan et al. 1994, Transportation Research Record 1443; "
            "Algorithm B: Dial 2006, doi 10.1016/j.trb.2006.02.008"
        ),
        rtol=1e-3,
        atol=0.5,
        sizes=(10, 100, 500),
        properties=(
            Property("equilibrium by the textbook", _check_equilibrium),
            Property("flow conservation", _check_conservation),
            Property("no response, fixed demand", _check_fixed),
        ),
    )
)


@variant(NAME, "reference")
def elastic_assignment_reference(*args: Any) -> Outputs:
    """Keep the routes found so far for every pair; move flow between them, and trips in and out, by Newton steps.

    Parameters
    ----------
    link_start, link_head, free_flow_time, capacity, alpha, power, fixed_cost, demand, first_thru
        As for `assignment.assignment_reference`; `alpha` and `power` as in `link_cost`.
    form : int64 [links]
        Of the link's time function; see `link_cost`.
    curves : float64 [curves, pieces, 5]
        Of user-given time functions; see `link_cost`.
    pivot, response : float64 [classes, zones, zones]
        Of the demand laws; see `demand_law`.
    outside_leg : float
        Minutes.
    marginal : int
        1 for the system optimum.
    max_rounds : int
    target_gap : float
        See `equilibrium.solve`.

    Returns
    -------
    link_flow : float64 [classes, links]
    link_time : float64 [links], without tolls
    skim : float64 [classes, zones, zones], generalised cost, with marginal-cost tolls where `marginal`
    od_flow : float64 [classes, zones, zones], demand met
    relative_gap : float
    """
    inputs = dict(zip(ARGUMENTS, args, strict=True))
    zones = inputs["demand"].shape[1]
    classes, n_links = inputs["fixed_cost"].shape
    flow, met = np.zeros((classes, n_links)), np.zeros_like(inputs["demand"])
    routes: dict[tuple[int, int, int], dict[tuple[int, ...], float]] = {}
    gap, skim = 0.0, np.zeros_like(met)
    for done in range(inputs["max_rounds"] + 1):
        _, paid = link_costs(inputs, flow.sum(axis=0))
        trees = [
            trees_reference(
                inputs["link_start"], inputs["link_head"], paid + fixed, np.arange(zones), inputs["first_thru"]
            )
            for fixed in inputs["fixed_cost"]
        ]
        skim = np.stack([best[:, :zones] for best, _ in trees])
        total = sum(float(x[x > 0.0] @ (paid + c)[x > 0.0]) for x, c in zip(flow, inputs["fixed_cost"], strict=True))
        reached = np.isfinite(skim)
        least = float((met[reached] * skim[reached]).sum())
        out = float((np.abs(wanted_demand(inputs, skim) - met)[reached] * skim[reached]).sum())
        gap = (total - least + out) / total if total > 0.0 else 0.0
        if done > 0 and (gap <= inputs["target_gap"] or done == inputs["max_rounds"]):
            break
        for k, o, d in np.argwhere((inputs["demand"] > 0.0) & reached):
            if o != d:
                _improve((int(k), int(o), int(d)), inputs, trees[k][1][o], routes, flow, met)
    time, _ = link_costs(inputs, flow.sum(axis=0))
    return flow, time, skim, met, gap


def _improve(
    pair: tuple[int, int, int], inputs: Inputs, pred: np.ndarray,
    routes: dict[tuple[int, int, int], dict[tuple[int, ...], float]], flow: np.ndarray, met: np.ndarray,
) -> None:  # fmt: skip
    """Take in the cheapest route of a pair, and move its trips by one Newton step per route."""
    k, _, node = pair
    tail = np.repeat(np.arange(len(inputs["link_start"]) - 1), np.diff(inputs["link_start"]))
    route: tuple[int, ...] = ()
    while pred[node] >= 0:
        route = (int(pred[node]), *route)
        node = tail[pred[node]]
    known = routes.setdefault(pair, {})
    known.setdefault(route, 0.0)
    law = (inputs["demand"][pair], inputs["pivot"][pair], inputs["response"][pair], inputs["outside_leg"])

    def price(links: set[int]) -> tuple[float, float]:
        at = np.array(sorted(links), int)
        part = {name: inputs[name][at] for name in ("free_flow_time", "capacity", "alpha", "power", "form")}
        part |= {"curves": inputs["curves"], "marginal": inputs["marginal"]}
        now = flow[:, at].sum(axis=0)
        step = 1e-4 * part["capacity"]
        cost, ahead = link_costs(part, now)[1], link_costs(part, now + step)[1]
        return float((cost + inputs["fixed_cost"][k, at]).sum()), float(((ahead - cost) / step).sum())

    def move(links: tuple[int, ...], amount: float) -> None:
        known[links] += amount
        flow[k, list(links)] += amount

    cost, slope = price(set(route))
    wanted, bend = answer(cost, *law)
    short = wanted - met[pair]
    change = max(short if slope == 0.0 else short / (1.0 - bend * slope), -known[route])
    met[pair] += change
    move(route, change)
    for _ in range(HALVINGS if law[2] != 0.0 else 0):
        if not too_far(short, answer(price(set(route))[0], *law)[0] - met[pair]):
            break
        change *= 0.5
        met[pair] -= change
        move(route, -change)
    for other in [r for r in known if r != route]:
        extra = price(set(other))[0] - price(set(route))[0]
        slope = price(set(other) ^ set(route))[1]
        change = float(np.clip(extra / slope if slope > 0.0 else np.inf * extra, -known[route], known[other]))
        move(other, -change)
        move(route, change)
        if known[other] <= 0.0:
            del known[other]


@variant(NAME, "numba")
def elastic_assignment_numba(*args: Any) -> Outputs:
    """Algorithm B on packed bushes; arguments and results as for the reference."""
    given = dict(zip(ARGUMENTS, args, strict=True))
    given["marginal"] = bool(given["marginal"])
    rounds, gap = given.pop("max_rounds"), given.pop("target_gap")
    found = solve(Problem(**given), gap, rounds)
    return found.link_flow, found.link_time, found.skim, found.od_flow, found.relative_gap
