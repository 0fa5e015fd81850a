"""What ``twin assign`` can ask of an equilibrium: whose trips use a link, where they go instead, which links matter.

Each analysis returns tables to write and figures for the summary. Times are in the unit of the network's times.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from twin.city.road_network import Floats, Ints, RoadNetwork
from twin.cli.progress import ProgressLine
from twin.errors import UsageError

if TYPE_CHECKING:
    from twin.kernels.traffic.equilibrium import Problem, Solution
    from twin.traffic.select_link import RouteFlows

MAX_NAMED = 5


class Table(NamedTuple):
    """A CSV file to write."""

    header: tuple[str, ...]
    rows: Iterable[Sequence[object]]


class Chosen(NamedTuple):
    """The links that the options name, by number."""

    selected: Ints
    closed: Ints


def check_analysis(options: argparse.Namespace) -> None:
    """Raise `UsageError` for analyses that do not go together or have nowhere to be written."""
    asked = {
        "--select-link": options.select_link is not None,
        "--close": options.close is not None,
        "--criticality": options.criticality is not None,
    }
    if options.all and not asked["--select-link"]:
        raise UsageError("--all says how to combine links", remedy="name them with --select-link")
    if asked["--close"] and asked["--criticality"]:
        raise UsageError("--close and --criticality do not go together", remedy="run the command twice")
    for option in ("--close", "--criticality"):
        if options.system_optimum and asked[option]:
            raise UsageError(
                f"--system-optimum and {option} do not go together",
                expected="a closure in the user equilibrium, where travellers choose for themselves",
            )
    for option, wanted in asked.items():
        if wanted and not options.out:
            raise UsageError(f"{option} needs a folder to write to", remedy="name one with --out")


def chosen_links(network: RoadNetwork, options: argparse.Namespace) -> Chosen:
    """Return the links that the options name.

    Raises
    ------
    UsageError
        Links that do not exist, with the closest id; no link; more than can be combined with ``--all``; closing more
        links than there are.
    """
    from twin.traffic.select_link import MAX_CONDITIONS

    selected = _by_name(network, "--select-link", options.select_link, options.network)
    if options.all and len(selected) > MAX_CONDITIONS:
        raise UsageError(f"--all combines {len(selected)} links", expected=f"at most {MAX_CONDITIONS}")
    if options.criticality is not None and options.criticality > len(network.link_ids):
        raise UsageError(
            f"--criticality {options.criticality} is more than the network has links",
            where=options.network,
            expected=f"1 to {len(network.link_ids)}",
        )
    return Chosen(selected, _by_name(network, "--close", options.close, options.network))


def _by_name(network: RoadNetwork, option: str, text: str | None, where: str) -> Ints:
    if text is None:
        return np.empty(0, np.int64)
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise UsageError(f"{option} {text!r}: a link id is empty", expected="link ids with commas between")
    number = {name: k for k, name in enumerate(network.link_ids)}
    unknown = [name for name in dict.fromkeys(names) if name not in number]
    if unknown:
        problems = [
            UsageError(f"no link {name!r}", remedy=f"did you mean {_closest(name, network.link_ids)!r}?")
            for name in unknown[:MAX_NAMED]
        ]
        more = f"{len(unknown)} links that are not there" if len(unknown) > 1 else "a link that is not there"
        raise UsageError(f"{option} names {more}", where=where, problems=problems)
    return np.array([number[name] for name in dict.fromkeys(names)], np.int64)


def _closest(name: str, known: Sequence[str]) -> str:
    return get_close_matches(name[:100], known, n=1, cutoff=0.0)[0]


def marginal_tolls(network: RoadNetwork, flow: Floats) -> Floats:
    """Return what one more vehicle on a link costs all others there, in time: flow times the slope of the time.

    Charged on every link it leads travellers to the system optimum (Pigou 1920, The Economics of Welfare).
    """
    from twin.kernels.traffic.link_cost import BPR, NO_CURVES, link_shapes

    form = np.full(len(flow), BPR, np.int64)
    slope = link_shapes(flow, network.capacity, network.alpha, network.power, form, NO_CURVES)[:, 1]
    return np.asarray(flow * network.free_flow_time * slope / network.capacity)


def analyse(
    network: RoadNetwork,
    problem: Problem,
    solution: Solution,
    chosen: Chosen,
    options: argparse.Namespace,
    max_rounds: int,
    progress: ProgressLine,
) -> tuple[dict[str, Table], dict[str, Any]]:
    """Return the tables and the figures of all analyses asked for; `problem` is that of a user equilibrium."""
    from twin.traffic.select_link import route_flows

    tables: dict[str, Table] = {}
    figures: dict[str, Any] = {}
    if len(chosen.selected) or len(chosen.closed):
        progress("route flows")
        flows = route_flows(problem, solution)
    if len(chosen.selected):
        figures["select_link"] = _select(network, flows, chosen.selected, options.all, tables)
    if len(chosen.closed):
        progress("closing links")
        figures["close"] = _close(
            network, problem, solution, flows, chosen.closed, options.gap, max_rounds, progress, tables
        )
    if options.criticality is not None:
        figures["criticality"] = _criticality(
            network, problem, solution, options.criticality, options.gap, max_rounds, progress, tables
        )
    return tables, figures


def link_rows(network: RoadNetwork, *columns: Floats) -> Iterable[Sequence[object]]:
    """Return a row per link: id, ends and values."""
    label = network.node_labels
    ends = ((label[a], label[b]) for a, b in zip(network.link_tail, network.link_head, strict=True))
    values = zip(*(column.tolist() for column in columns), strict=True)
    return ((name, *pair, *row) for name, pair, row in zip(network.link_ids, ends, values, strict=True))


def _select(
    network: RoadNetwork, flows: RouteFlows, links: Ints, every: bool, tables: dict[str, Table]
) -> dict[str, Any]:
    from twin.traffic.select_link import USES, select_links

    how = "all" if every else "any"
    found = select_links(flows, links.tolist(), how=how)
    trips, label = found.trips[0], network.zone_labels
    pairs = np.argwhere(found.share[0] > USES)
    tables["select_link_od.csv"] = Table(
        ("origin", "destination", "trips"), [(label[o], label[d], float(trips[o, d])) for o, d in pairs]
    )
    tables["select_link_flow.csv"] = Table(
        ("link_id", "from_node", "to_node", "flow"), link_rows(network, found.bundle[0])
    )
    return {"links": _names(network, links), "how": how, "trips": float(trips.sum()), "pairs": len(pairs)}


def _close(
    network: RoadNetwork,
    problem: Problem,
    base: Solution,
    flows: RouteFlows,
    links: Ints,
    gap: float,
    max_rounds: int,
    progress: ProgressLine,
    tables: dict[str, Table],
) -> dict[str, Any]:
    from twin.kernels.traffic.equilibrium import solve
    from twin.traffic.select_link import displaced, route_flows

    fixed = problem.fixed_cost.copy()
    fixed[:, links] = np.inf
    closed = problem._replace(fixed_cost=fixed)
    after = solve(closed, gap, max_rounds, base, lambda done, now: progress(f"closed: round {done}, gap {now:.1e}"))
    progress("displaced trips")
    moved = displaced(flows, route_flows(closed, after), links.tolist())
    before, now = base.link_flow[0], after.link_flow[0]
    tables["difference.csv"] = Table(
        ("link_id", "from_node", "to_node", "base", "closed", "change", "displaced"),
        link_rows(network, before, now, now - before, moved.by_users[0]),
    )
    return {
        "links": _names(network, links),
        "flow": float(before[links].sum()),
        "displaced_trips": float(base.od_flow[moved.pairs].sum()),
        "cut_off": float((base.od_flow - after.od_flow)[np.isinf(after.skim)].sum()),
        "total_time": float((now * after.link_time).sum()),
        "added_time": float((now * after.link_time).sum() - (before * base.link_time).sum()),
        "relative_gap": float(after.relative_gap),
        "reached": after.relative_gap <= gap,
        "rounds": int(after.rounds),
    }


def _criticality(
    network: RoadNetwork,
    problem: Problem,
    base: Solution,
    count: int,
    gap: float,
    max_rounds: int,
    progress: ProgressLine,
    tables: dict[str, Table],
) -> dict[str, Any]:
    from twin.traffic.criticality import MINUTES, link_criticality

    busiest = np.argsort(-base.link_flow.sum(axis=0), kind="stable")[:count]
    found = link_criticality(
        problem,
        base,
        busiest.tolist(),
        target_gap=gap,
        max_rounds=max_rounds,
        progress=lambda done, total, left: progress("links closed in turn", done, total),
    )
    found["link"] = busiest
    found["added_cost"] = found["added_cost_h"] * MINUTES  # back to the unit of the network's times
    found["added_time"] = found["added_time_h"] * MINUTES
    found = found.sort_values("added_cost", ascending=False, kind="stable")
    label, columns = network.node_labels, ("flow", "added_cost", "added_time", "cut_off", "relative_gap", "rounds")
    ends = [(label[network.link_tail[k]], label[network.link_head[k]]) for k in found["link"]]
    values = zip(*(found[column].tolist() for column in columns), strict=True)
    names = _names(network, found["link"].to_numpy())
    tables["criticality.csv"] = Table(
        ("link_id", "from_node", "to_node", *columns),
        [(name, *pair, *row) for name, pair, row in zip(names, ends, values, strict=True)],
    )
    return {
        "links": len(found),
        "worst": names[0],
        "worst_added_cost": float(found["added_cost"].iloc[0]),
        "cutting_off": int((found["cut_off"] > 0.0).sum()),
        "reached": bool((found["relative_gap"] <= gap).all()),
    }


def _names(network: RoadNetwork, links: Ints) -> list[str]:
    return [network.link_ids[k] for k in links]


def print_analysis(summary: dict[str, Any]) -> list[str]:
    """Return the lines for people."""
    unit, lines = summary["time_unit"], []
    if "toll_revenue" in summary:
        lines.append(f"system optimum: marginal-cost tolls bring {summary['toll_revenue']:,.6g} (vehicles × {unit})")
    if one := summary.get("select_link"):
        which = f"{one['how']} of {', '.join(one['links'])}" if len(one["links"]) > 1 else one["links"][0]
        lines.append(f"select link: {one['trips']:,.6g} trips of {one['pairs']} pairs use {which}")
    if one := summary.get("close"):
        lines.append(
            f"closed {', '.join(one['links'])}: total time changes by {one['added_time']:+,.6g} (vehicles × {unit}), "
            f"{one['cut_off']:,.6g} trips are cut off"
        )
    if one := summary.get("criticality"):
        lines.append(
            f"criticality of {one['links']} links: {one['worst']} adds most, {one['worst_added_cost']:,.6g} "
            f"(vehicles × {unit}); {one['cutting_off']} would cut trips off"
        )
    return lines
