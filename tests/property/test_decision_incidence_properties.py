"""Incidence as a whole: unique counts, order of entities, and that no small cell follows from all that is published."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from tests.unit.decision_reach_fixture import SCENARIO, random_run
from twin.decision.incidence import OUTCOMES, REACH
from twin.decision.incomes import KnownIncomes
from twin.decision.reach import Incidence, incidence_of
from twin.decision.suppression import Published, suppress_nested

MINIMUM = 5.0


def _incomes(run: Any, seed: int, *, by_zone: bool) -> KnownIncomes:
    buildings = run.layer("baseline", "buildings")
    rng = np.random.default_rng(seed + 1)
    income = pd.Series(rng.choice([8e3, 2e4, 3e4, 5e4, np.nan], len(buildings)), index=buildings.index)
    if by_zone:
        income = buildings["zone_id"].map(dict(zip(["z0", "z1", "z2", "z3"], [1e4, 2e4, 2e4, 5e4], strict=True)))
    return KnownIncomes(income, 0.1, "assumption")


@given(st.integers(0, 10**6), st.booleans())
@settings(max_examples=15, deadline=None)
def test_everybody_is_counted_once(seed: int, with_incomes: bool) -> None:
    run = random_run(seed, 60)
    found = incidence_of(run, SCENARIO, _incomes(run, seed, by_zone=False) if with_incomes else None)
    buildings = run.layer("baseline", "buildings")
    lived_in = buildings[buildings["population"] > 0.0]
    assert found.people == lived_in["population"].sum() and found.buildings == len(lived_in)
    assert found.entities.index.is_unique and set(found.entities["reach"]) <= set(REACH)
    for table, names in ((found.reach, REACH), (found.outcomes, OUTCOMES)):
        assert tuple(table.index) == names
        for column, whole in (("people", found.people), ("buildings", found.buildings)):
            shown = table[column]
            assert shown.sum() <= whole and (shown.isna().any() or shown.sum() == whole)
            assert not ((shown > 0.0) & (shown < MINIMUM)).any()
    for table in (found.by_zone, found.by_quintile):
        if len(table):
            assert table["people"].sum() <= found.people
            cells = table[list(OUTCOMES)]
            assert cells.sum(axis=None) <= found.people and not ((cells > 0.0) & (cells < MINIMUM)).any(axis=None)
            whole = cells.notna().all(axis=1)
            np.testing.assert_array_equal(cells[whole].sum(axis=1), table.loc[whole, "people"])


@given(st.integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_the_order_of_entities_does_not_matter(seed: int) -> None:
    run, rng = random_run(seed, 40), np.random.default_rng(seed)
    incomes = _incomes(run, seed, by_zone=False)
    found = incidence_of(run, SCENARIO, incomes)
    layers = {key: layer.iloc[rng.permutation(len(layer))] for key, layer in run.layers.items()}
    spread = {SCENARIO: run.spread[SCENARIO].sample(frac=1.0, random_state=int(rng.integers(1000)))}
    mixed: Any = dataclasses.replace(run, layers=layers, spread=spread)
    again = incidence_of(mixed, SCENARIO, incomes)
    assert again.acted_on == found.acted_on and again.people == found.people
    pd.testing.assert_frame_equal(again.entities.sort_index(), found.entities.sort_index())
    pd.testing.assert_frame_equal(again.by_zone.sort_index(), found.by_zone.sort_index())
    for name in ("reach", "outcomes", "by_quintile", "gains"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(found, name))


def _possible(groups: Published, parts: Published, most: int) -> np.ndarray:
    """Return every whole-number table of parts that agrees with all that is published."""
    known = parts.cells.to_numpy()
    unknown = np.argwhere(np.isnan(known))
    tables = np.repeat(np.nan_to_num(known)[None], (most + 1) ** len(unknown), axis=0)
    for (i, j), values in zip(unknown, np.indices([most + 1] * len(unknown)), strict=True):
        tables[:, i, j] = values.ravel()
    member = parts.cells.index.get_level_values(0).to_numpy()[None, :] == groups.cells.index.to_numpy()[:, None]
    by_group = np.einsum("gp,tpc->tgc", member.astype(float), tables)
    fits = np.isnan(groups.total) | (tables.sum(axis=(1, 2)) == groups.total)
    for table, published in (
        (tables.sum(axis=2), parts.rows), (by_group, groups.cells), (by_group.sum(axis=2), groups.rows),
        (tables.sum(axis=1), groups.columns),
    ):  # fmt: skip
        stated = published.to_numpy()
        fits &= (np.isnan(stated) | (table == stated)).reshape(len(tables), -1).all(axis=1)
    return tables[fits]


@given(
    st.sampled_from([(0, 0, 1), (0, 1, 1), (0, 1, 2)]),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=3, max_size=3),
    st.integers(2, 3),
)
@settings(max_examples=40, deadline=None)
def test_parts_give_no_small_cell_of_groups_away(
    groups: tuple[int, ...], rows: list[tuple[int, int]], minimum: int
) -> None:
    index = pd.MultiIndex.from_arrays([groups, ["x", "y", "z"]], names=["quintile", "zone_id"])
    counts = pd.DataFrame(rows, index=index, columns=["wins", "loses"], dtype=float)
    upper, lower = suppress_nested(counts, minimum)
    possible, truth = _possible(upper, lower, 6), counts.to_numpy()
    assert (possible == truth).all(axis=(1, 2)).any()
    if np.isnan(upper.total):
        assert lower.cells.isna().all(axis=None) and lower.rows.isna().all()
        return
    blocks = [np.array([k]) for k in range(3)] + [np.flatnonzero(np.array(groups) == g) for g in set(groups)]
    for block in [*blocks, np.arange(3)]:
        for chosen in ([0], [1], [0, 1]):
            held = truth[np.ix_(block, chosen)].sum()
            if 0 < held < minimum:
                assert possible[:, block][:, :, chosen].sum(axis=(1, 2)).max() >= minimum


class Attacker:
    """Knows all that is published of people, and which quintiles live in which zone; looks for the most a cell holds.

    Unknown are people by quintile and zone (pairs that exist) and by reach and outcome.
    """

    def __init__(self, found: Incidence) -> None:
        classes = [(r, o) for o in ("wins", "mixed") for r in ("direct", "indirect")]
        classes += [("none", "loses"), ("none", "no change")]
        pairs = sorted(set(zip(found.entities["quintile"], found.entities["zone_id"], strict=True)))
        self.cells = [(q, z, r, o) for q, z in pairs for r, o in classes]
        self.rows: list[np.ndarray] = []
        self.values: list[float] = []
        self._state(lambda *_: True, found.people)
        for zone, row in found.by_zone.iterrows():
            self._state(lambda q, z, r, o, zone=zone: z == zone, row["people"])
            for name in OUTCOMES:
                self._state(lambda q, z, r, o, zone=zone, name=name: (z, o) == (zone, name), row[name])
        for quintile, row in found.by_quintile.iterrows():
            self._state(lambda q, z, r, o, quintile=quintile: q == quintile, row["people"])
            for name in OUTCOMES:
                self._state(lambda q, z, r, o, quintile=quintile, name=name: (q, o) == (quintile, name), row[name])
        for name in OUTCOMES:
            self._state(lambda q, z, r, o, name=name: o == name, found.outcomes.loc[name, "people"])
        for name in REACH:
            self._state(lambda q, z, r, o, name=name: r == name, found.reach.loc[name, "people"])

    def _state(self, chosen: Any, value: float) -> None:
        if not np.isnan(value):
            self.rows.append(self.vector(chosen))
            self.values.append(value)

    def vector(self, chosen: Any) -> np.ndarray:
        return np.array([float(chosen(*cell)) for cell in self.cells])

    def most(self, target: np.ndarray) -> float:
        values = np.array(self.values)
        constraint = LinearConstraint(np.array(self.rows), values, values)
        found = milp(-target, constraints=constraint, integrality=np.ones(len(target)), bounds=Bounds(0, np.inf))
        assert found.status == 0
        return float(round(-found.fun))


@given(st.integers(0, 10**6), st.sampled_from(["none", "homes", "zones"]), st.integers(8, 40))
@settings(max_examples=25, deadline=None)
def test_nothing_small_follows_from_all_tables_together(seed: int, kind: str, n: int) -> None:
    run = random_run(seed, n)
    found = incidence_of(run, SCENARIO, None if kind == "none" else _incomes(run, seed, by_zone=kind == "zones"))
    people = found.entities["people"]
    attacker = Attacker(found)
    keys = {"zone_id": 1, "quintile": 0, "outcome": 3, "reach": 2}
    tables = [["zone_id", "outcome"], ["quintile", "outcome"], ["zone_id"], ["outcome"], ["reach"]]
    if people.sum() < MINIMUM:
        return
    for names in tables:
        for key, held in people.groupby([found.entities[name] for name in names]).sum().items():
            if held < MINIMUM:
                wanted = dict(
                    zip([keys[name] for name in names], key if isinstance(key, tuple) else (key,), strict=True)
                )
                target = attacker.vector(lambda *cell, wanted=wanted: all(cell[k] == v for k, v in wanted.items()))
                assert attacker.most(target) >= MINIMUM, (names, key)
