"""Which trips use given links, and where else those trips go.

Within a group (one class of one origin, see `route_share_rows`) all that leaves a node came to it by the same ways, so
the trips to a zone spread over routes by the product of shares backward from it. That is exact for bushes, and under
proportional flows it is the most likely spread (see `proportionality`).
"""

from __future__ import annotations

import numpy as np

from twin.kernels.jit import njit
from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant
from twin.kernels.threads import over_threads
from twin.kernels.traffic import proportionality

NAME = "traffic.route_share"
ARGUMENTS = (
    "link_tail",
    "link_head",
    "group",
    "row_start",
    "row_link",
    "row_flow",
    "demand",
    "condition",
    "conditions",
    "classes",
)
CHUNKS = 16  # groups are treated in this many parallel parts, whatever the number of threads


def _sample(size: int, rng: np.random.Generator) -> Inputs:
    flows = proportionality.sample_lattice(size, rng)
    groups, links = len(flows["row_start"]) - 1, len(flows["link_head"])
    first = flows["row_link"][flows["row_start"][:-1]]
    group = np.column_stack([np.arange(groups) % 2, flows["link_tail"][first]])
    ends = proportionality.balance(flows, flows["row_flow"])
    ends[np.arange(groups), group[:, 1]] = 0.0
    return {
        **{name: flows[name] for name in ("link_tail", "link_head")},
        "group": group.astype(np.int64),
        **{name: flows[name] for name in ("row_start", "row_link", "row_flow")},
        "demand": np.maximum(ends, 0.0),
        "condition": rng.choice(np.array([0, 1, 2, 3]), links, p=[0.6, 0.15, 0.15, 0.1]).astype(np.int64),
        "conditions": 2,
        "classes": 2,
    }


def _run(kernel: Kernel, inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
    share, bundle = kernel(*(inputs[name] for name in ARGUMENTS))
    return share, bundle


def _class_flow(inputs: Inputs) -> np.ndarray:
    flow = np.zeros((inputs["classes"], len(inputs["link_head"])))
    of = np.repeat(inputs["group"][:, 0], np.diff(inputs["row_start"]))
    np.add.at(flow, (of, inputs["row_link"]), inputs["row_flow"])
    return flow


def _check_all(kernel: Kernel, inputs: Inputs) -> None:
    """Without conditions all trips count: shares are one and the bundle is the flow."""
    share, bundle = _run(kernel, dict(inputs, conditions=0))
    assert np.allclose(share[inputs["demand"] > 0.0], 1.0, rtol=1e-12)
    flow = _class_flow(inputs)
    np.testing.assert_allclose(bundle, flow, atol=1e-9 * flow.max())


def _check_one_link(kernel: Kernel, inputs: Inputs) -> None:
    """Trips that use a link add up to its flow, and no bundle exceeds the flow."""
    flow = _class_flow(inputs)
    for link in (0, len(inputs["link_head"]) // 2, int(flow.sum(axis=0).argmax())):
        condition = np.zeros(len(inputs["link_head"]), np.int64)
        condition[link] = 1
        share, bundle = _run(kernel, dict(inputs, condition=condition, conditions=1))
        trips = (share * inputs["demand"]).sum()
        assert abs(trips - flow[:, link].sum()) <= 1e-9 * flow.max()
        assert np.allclose(bundle[:, link], flow[:, link], atol=1e-9 * flow.max())
        assert (bundle <= flow + 1e-9 * flow.max()).all() and (bundle >= 0.0).all()


def _check_inclusion(kernel: Kernel, inputs: Inputs) -> None:
    """Trips with A or B are those with A and those with B less those with both."""
    a, b = inputs["condition"] & 1, inputs["condition"] >> 1
    either, with_a, with_b = (
        _run(kernel, dict(inputs, condition=c.astype(np.int64), conditions=1))[0] for c in (a | b, a, b)
    )
    both = _run(kernel, inputs)[0]
    np.testing.assert_allclose(either, with_a + with_b - both, atol=1e-9)


declare(
    Family(
        name=NAME,
        purpose="Share of the trips between two zones that use given links, and the flow of these trips on all links.",
        inputs=(
            Array("link_tail", ("links",), "int64", "-"),
            Array("link_head", ("links",), "int64", "-"),
            Array("group", ("groups", "2"), "int64", "-"),
            Array("row_start", ("groups+1",), "int64", "-"),
            Array("row_link", ("arcs",), "int64", "-"),
            Array("row_flow", ("arcs",), "float64", "veh/h"),
            Array("demand", ("groups", "zones"), "float64", "veh/h"),
            Array("condition", ("links",), "int64", "-"),
            Array("conditions", (), "int64", "-"),
            Array("classes", (), "int64", "-"),
        ),
        outputs=(
            Array("share", ("groups", "zones"), "float64", "-"),
            Array("bundle", ("classes", "links"), "float64", "veh/h"),
        ),
        sample=_sample,
        work=lambda inputs: float(len(inputs["row_link"])),
        work_unit="arc of a group",
        source="approach proportions: Bar-Gera 2002, doi 10.1287/trsc.36.4.398.549",
        rtol=1e-9,
        atol=1e-8,
        sizes=(10, 30, 50),
        properties=(
            Property("all trips without conditions", _check_all),
            Property("one link's trips are its flow", _check_one_link),
            Property("inclusion and exclusion", _check_inclusion),
        ),
    )
)


@variant(NAME, "reference")
def route_share_reference(
    link_tail: np.ndarray,
    link_head: np.ndarray,
    group: np.ndarray,
    row_start: np.ndarray,
    row_link: np.ndarray,
    row_flow: np.ndarray,
    demand: np.ndarray,
    condition: np.ndarray,
    conditions: int,
    classes: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Walk every route of every group backward from its zones.

    Parameters
    ----------
    link_tail, link_head : int64 [links]
    group : int64 [groups, 2]
        Class and origin.
    row_start, row_link, row_flow : int64 [groups + 1], int64 [arcs], float64 [arcs]
        See `route_share_rows`.
    demand : float64 [groups, zones]
        The trips asked about: those of the equilibrium, or a part of them.
    condition : int64 [links]
        Bit i is set where the link meets condition i.
    conditions : int
        Their number; a trip counts when it uses, for each of them, at least one link that meets it.
    classes : int

    Returns
    -------
    share : float64 [groups, zones]
        Part of the trips that count; 0 where none go.
    bundle : float64 [classes, links]
        Flow on every link of the trips that count.
    """
    share, bundle = np.zeros(demand.shape), np.zeros((classes, len(link_head)))
    wanted = (1 << conditions) - 1
    for g, (k, origin) in enumerate(group.tolist()):
        into: dict[int, list[tuple[int, float]]] = {}
        for a in range(row_start[g], row_start[g + 1]):
            if row_flow[a] > 0.0:
                into.setdefault(int(link_head[row_link[a]]), []).append((int(row_link[a]), float(row_flow[a])))
        total = {v: sum(x for _, x in arcs) for v, arcs in into.items()}
        for zone in range(demand.shape[1]):
            if zone not in into or zone == origin:
                continue
            routes: list[tuple[int, float, int, list[int]]] = [(zone, 1.0, 0, [])]
            while routes:
                v, part, met, links = routes.pop()
                if v != origin:
                    for link, x in into[v]:
                        via = met | (int(condition[link]) & wanted)
                        routes.append((int(link_tail[link]), part * x / total[v], via, [*links, link]))
                elif met == wanted:
                    share[g, zone] += part
                    bundle[k, links] += part * demand[g, zone]
    return share, bundle


@variant(NAME, "numba")
def route_share_numba(
    link_tail: np.ndarray,
    link_head: np.ndarray,
    group: np.ndarray,
    row_start: np.ndarray,
    row_link: np.ndarray,
    row_flow: np.ndarray,
    demand: np.ndarray,
    condition: np.ndarray,
    conditions: int,
    classes: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Two passes over each row: conditions met on the way to a node, then on the way from it. As the reference."""
    groups, zones = demand.shape
    states, links = 1 << conditions, len(link_head)
    nodes = max(zones, link_tail.max() + 1, link_head.max() + 1) if links > 0 else zones
    share = np.zeros((groups, zones))
    parts = np.zeros((CHUNKS, classes, links))
    _parts(
        CHUNKS, link_tail, link_head, group, row_start, row_link, row_flow, demand, condition, states, nodes, share,
        parts,
    )  # fmt: skip
    bundle = np.zeros((classes, links))
    for part in range(CHUNKS):
        bundle += parts[part]
    return share, bundle


@over_threads
@njit(cache=True, nogil=True)
def _parts(
    begin: int, end: int, link_tail: np.ndarray, link_head: np.ndarray, group: np.ndarray, row_start: np.ndarray,
    row_link: np.ndarray, row_flow: np.ndarray, demand: np.ndarray, condition: np.ndarray, states: int, nodes: int,
    share: np.ndarray, parts: np.ndarray,
) -> None:  # fmt: skip
    for part in range(begin, end):
        before, after = np.zeros((nodes, states)), np.zeros((nodes, states))
        into = np.zeros(nodes)
        for g in range(part, len(group), CHUNKS):
            _one_group(
                g, link_tail, link_head, group[g, 1], row_start, row_link, row_flow, demand[g], condition, states,
                before, after, into, share[g], parts[part, group[g, 0]],
            )  # fmt: skip


@njit(cache=True)
def _one_group(
    g: int, link_tail: np.ndarray, link_head: np.ndarray, origin: int, row_start: np.ndarray, row_link: np.ndarray,
    row_flow: np.ndarray, demand: np.ndarray, condition: np.ndarray, states: int, before: np.ndarray,
    after: np.ndarray, into: np.ndarray, share: np.ndarray, bundle: np.ndarray,
) -> None:  # fmt: skip
    """Add the group's share [zones] and bundle [links]; `before` and `after` are by node and conditions met."""
    wanted, zones = states - 1, len(demand)
    s, e = row_start[g], row_start[g + 1]
    for a in range(s, e):
        for v in (link_tail[row_link[a]], link_head[row_link[a]]):
            before[v, :] = 0.0
            after[v, :] = 0.0
            into[v] = 0.0
    for a in range(s, e):
        into[link_head[row_link[a]]] += row_flow[a]
    before[origin, 0] = 1.0
    for a in range(s, e):
        if row_flow[a] > 0.0:
            link = row_link[a]
            u, v, met = link_tail[link], link_head[link], condition[link] & wanted
            for state in range(states):
                before[v, state | met] += row_flow[a] / into[v] * before[u, state]
    for a in range(s, e):
        v = link_head[row_link[a]]
        if v < zones and into[v] > 0.0:
            share[v] = before[v, wanted]
            after[v, 0] = demand[v]
    for a in range(e - 1, s - 1, -1):
        if row_flow[a] <= 0.0:
            continue
        link = row_link[a]
        u, v, met = link_tail[link], link_head[link], condition[link] & wanted
        part = row_flow[a] / into[v]
        for late in range(states):
            x = part * after[v, late]
            if x == 0.0:
                continue
            for early in range(states):
                if early | met | late == wanted:
                    bundle[link] += x * before[u, early]
            after[u, late | met] += x
