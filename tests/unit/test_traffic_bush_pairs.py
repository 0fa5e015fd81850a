"""Pairs of ways that bushes share: found once for all of them, and evened out."""

from __future__ import annotations

import numpy as np
import pytest

from twin.kernels.registry import family
from twin.kernels.traffic import pair_search
from twin.kernels.traffic.assignment import ARGUMENTS, NAME
from twin.kernels.traffic.bush import Bushes
from twin.kernels.traffic.bush_pairs import rest, rest_again, saving
from twin.kernels.traffic.bush_sweep import Links
from twin.kernels.traffic.equilibrium import Problem, solve
from twin.kernels.traffic.equilibrium_steps import load
from twin.kernels.traffic.link_cost import NO_CURVES
from twin.kernels.traffic.pair_search import ROOM, Pairs, exchanged, find_pairs


@pytest.fixture
def state() -> tuple[Bushes, Links]:
    """Return bushes of many origins that are not quite at rest, and links at their flows."""
    inputs = family(NAME).sample(60, np.random.default_rng(7))
    problem = Problem(*(inputs[name] for name in ARGUMENTS[:-2]))
    bushes = solve(problem, 1e-2, 2).bushes
    n, fixed, time0 = len(problem.link_head), problem.fixed_cost, problem.free_flow_time
    bpr = np.column_stack([time0, time0 * problem.alpha, 1.0 / problem.capacity, problem.power])
    links = Links(
        np.zeros(n), time0 + fixed, np.zeros(n), fixed, bpr, np.zeros(n, np.int64), NO_CURVES, 0.0, 1.0
    )  # fmt: skip
    load(bushes, np.zeros_like(fixed), links)
    return bushes, links


def members(pairs: Pairs, i: int) -> list[int]:
    """Return the members of a pair, once round."""
    found = [int(pairs.first[i])]
    while pairs.following[found[-1]] != found[0]:
        found.append(int(pairs.following[found[-1]]))
    return found


def net_flow(bushes: Bushes, b: int) -> np.ndarray:
    """Return what ends at every position of a bush."""
    positions = bushes.size[b, 1]
    first = bushes.first[b, : positions + 1]
    flow, head = bushes.flow[b, : first[-1]], np.repeat(np.arange(positions), np.diff(first))
    return np.bincount(head, flow, positions) - np.bincount(bushes.tail[b, : first[-1]], flow, positions)


def test_members_walk_the_links_of_their_pair(state: tuple[Bushes, Links]) -> None:
    bushes, links = state
    pairs = find_pairs(np.arange(len(bushes.group)), bushes, links, np.zeros(len(bushes.group)))
    assert len(pairs.group) > 10
    seen = []
    for i in range(len(pairs.group)):
        s, middle, e = pairs.start[2 * i : 2 * i + 3]
        for m in members(pairs, i):
            b, arcs = pairs.bush[m], pairs.arc[pairs.arc_start[2 * m] : pairs.arc_start[2 * m + 2]]
            assert bushes.group[b, 0] == pairs.group[i]
            assert np.array_equal(bushes.link[b, arcs], pairs.link[s:e])
            for way in (arcs[: middle - s], arcs[middle - s :]):  # every arc goes on from the tail of the one before
                head = np.searchsorted(bushes.first[b], way, side="right") - 1
                assert np.array_equal(head[1:], bushes.tail[b, way[:-1]])
            seen.append(m)
    assert sorted(seen) == list(range(len(pairs.bush)))


def contents(pairs: Pairs) -> dict[tuple[int, ...], tuple[list[tuple[int, ...]], np.ndarray]]:
    """Return bushes and arcs of the members, and the reserves, by class and links."""
    found = {}
    for i in range(len(pairs.group)):
        key = (
            pairs.group[i],
            pairs.start[2 * i + 1] - pairs.start[2 * i],
            *pairs.link[slice(*pairs.start[2 * i :: 2][:2])],
        )
        arcs = [(pairs.bush[m], *pairs.arc[slice(*pairs.arc_start[2 * m :: 2][:2])]) for m in members(pairs, i)]
        found[key] = sorted(arcs), pairs.reserve[i]
    return found


@pytest.mark.parametrize("every", [2, 1, 1000])
def test_pairs_of_some_bushes_are_exchanged(state: tuple[Bushes, Links], every: int) -> None:
    """Pairs found before flow moved, with new ones for some bushes or for all: what is kept has the flow of now."""
    bushes, links = state
    rows = np.arange(len(bushes.group))
    some, excess = rows[::every], np.zeros(len(rows))
    old = find_pairs(rows, bushes, links, excess)
    rest(rows, bushes, links, np.zeros(len(rows), np.bool_), 0.0, 1)
    new = find_pairs(some, bushes, links, excess)
    pairs = exchanged(old, new, some, bushes)
    both, before, after = contents(pairs), contents(old), contents(new)
    assert len(both) == len(pairs.group) > 2  # the same pair is there once
    assert sorted(m for i in range(len(pairs.group)) for m in members(pairs, i)) == list(range(len(pairs.bush)))
    assert len(before) == len(old.group) and len(after) == len(new.group)
    for key in both.keys() | before.keys() | after.keys():
        kept = [m for m in before.get(key, ([], None))[0] if m[0] not in some]
        assert (sorted(kept + after.get(key, ([], None))[0])) == both.get(key, ([], None))[0]
    for key, (found, reserve) in both.items():
        cut = [[bushes.flow[m[0], list(m[1:])][a:b].min() for m in found] for a, b in ((0, key[1]), (key[1], None))]
        np.testing.assert_allclose(reserve, np.sum(cut, axis=1), rtol=1e-12)


def test_rest_again_needs_no_search(state: tuple[Bushes, Links]) -> None:
    bushes, links = state
    rows, moved = np.arange(len(bushes.group)), np.zeros(len(bushes.group), np.bool_)
    ends = [net_flow(bushes, b) for b in rows]
    pairs = find_pairs(rows, bushes, links, np.zeros(len(rows)))
    before = saving(pairs, links)
    assert before > 0.0
    rest_again(pairs, bushes, links, moved, 100.0 * before)
    assert not moved.any() and saving(pairs, links) == before
    rest_again(pairs, bushes, links, moved, 0.0)
    assert moved.any() and saving(pairs, links) < 0.05 * before
    for b in rows:
        flow = bushes.flow[b, : bushes.first[b, bushes.size[b, 1]]]
        assert (flow >= -1e-9).all()
        np.testing.assert_allclose(net_flow(bushes, b), ends[b], atol=1e-9 * flow.max())


def test_lists_grow_as_often_as_needed(state: tuple[Bushes, Links]) -> None:
    """The same bushes again and again: the same pairs, with as many times the members."""
    bushes, links = state
    rows, excess = np.arange(len(bushes.group)), np.zeros(len(bushes.group))
    once = find_pairs(rows, bushes, links, excess)
    times = 1 + 5 * ROOM // len(once.bush)
    often = find_pairs(np.tile(rows, times), bushes, links, excess)
    count = once.start[-1]
    assert np.array_equal(often.group, once.group) and np.array_equal(often.start, once.start)
    assert np.array_equal(often.link[:count], once.link[:count])
    assert len(often.bush) == times * len(once.bush) > 4 * ROOM
    np.testing.assert_allclose(often.reserve, times * once.reserve, rtol=1e-9)


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_threads_find_the_same_pairs(
    state: tuple[Bushes, Links], monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:  # fmt: skip
    """Parts that share pairs are put together in the order of one search: the same bits."""
    bushes, links = state
    rows, few, many = np.arange(len(bushes.group)), *(np.zeros(len(bushes.group)) for _ in range(2))
    assert len(rows) > 10
    alone = find_pairs(rows, bushes, links, few)
    monkeypatch.setattr(pair_search, "LEAST", 1)
    monkeypatch.setattr(pair_search, "thread_count", lambda: threads)
    together = find_pairs(rows, bushes, links, many)
    for mine, theirs in zip(alone, together, strict=True):
        assert np.array_equal(mine, theirs)
    assert np.array_equal(few, many)


def test_rest_saves_what_it_can(state: tuple[Bushes, Links]) -> None:
    bushes, links = state
    rows, excess = np.arange(len(bushes.group)), np.zeros(len(bushes.group))
    ends = [net_flow(bushes, b) for b in rows]
    find_pairs(rows, bushes, links, excess)
    before, total = excess.sum(), links.flow.copy()
    rest(rows, bushes, links, np.zeros(len(rows), np.bool_), 0.0, 6)
    find_pairs(rows, bushes, links, excess)
    assert 0.0 <= excess.sum() < 0.05 * before
    assert not np.array_equal(total, links.flow)
    for b in rows:
        flow = bushes.flow[b, : bushes.first[b, bushes.size[b, 1]]]
        assert (flow >= -1e-9).all()
        np.testing.assert_allclose(net_flow(bushes, b), ends[b], atol=1e-9 * flow.max())
