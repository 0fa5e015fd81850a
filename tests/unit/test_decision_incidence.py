"""Incidence: unique counts, winners by group, disparity, energy poverty, and what may be published."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.decision.incidence import (
    OUTCOMES,
    REACH,
    classify,
    count_outcomes,
    disparity,
    energy_poverty_rate,
    entity_gains,
    mean_gains,
    quintiles,
    twice_median_rate,
)
from twin.decision.suppression import Published, suppress
from twin.errors import DataError


def _gains(rng: np.random.Generator, n: int) -> pd.DataFrame:
    values = rng.choice([-1.0, 0.0, 0.0, 2.0], size=(n, 3))
    return pd.DataFrame(values, index=[f"b{k}" for k in range(n)], columns=["bill", "noise", "time"])


@given(st.integers(0, 10**6), st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_unique_counts_are_the_population(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    gains, treated, people = _gains(rng, n), rng.random(n) < 0.4, rng.integers(0, 9, n).astype(float)
    classes = classify(gains, treated)
    assert set(classes["reach"]) <= set(REACH) and len(classes) == n
    assert people[classes["reach"] == "direct"].sum() <= people[treated].sum()
    table = count_outcomes(classes, rng.integers(0, 4, n), people)
    assert tuple(table.columns) == OUTCOMES and table.to_numpy().sum() == people.sum()
    order = rng.permutation(n)
    pd.testing.assert_frame_equal(classify(gains.iloc[order], treated[order]), classes.iloc[order])


def test_gains_follow_the_direction_and_the_noise() -> None:
    before = pd.DataFrame({"bill": [100.0, 100.0, 50.0], "sun": [5.0, 5.0, 5.0]}, index=["a", "b", "gone"])
    after = pd.DataFrame({"bill": [90.0, 103.0, 9.0], "sun": [6.0, 5.0, 4.0]}, index=["a", "b", "new"])
    sd = pd.DataFrame({"bill": [1.0, 5.0]}, index=["a", "b"])
    gains = entity_gains(before, after, {"bill": "lower", "sun": "higher"}, sd)
    assert gains.to_numpy().tolist() == [[10.0, 1.0], [0.0, 0.0]]  # b's three euros are noise
    assert list(gains.index) == ["a", "b"]
    assert classify(-gains, np.array([True, False]))["outcome"].tolist() == ["loses", "no change"]
    both = pd.DataFrame({"x": [1.0], "y": [-1.0]})
    assert classify(both, np.array([False])).to_numpy().tolist() == [["indirect", "mixed"]]
    with pytest.raises(DataError, match="no column 'rent'"):
        entity_gains(before, after, {"rent": "lower"})


@given(
    st.lists(st.tuples(st.sampled_from([10.0, 20.0, 30.0, 45.0, 60.0, np.nan]), st.integers(0, 5)), min_size=1),
    st.floats(0.1, 100.0),
)
@settings(max_examples=60, deadline=None)
def test_quintiles_rise_with_income(rows: list[tuple[float, int]], factor: float) -> None:
    income, people = (np.array(x, float) for x in zip(*rows, strict=True))
    found = quintiles(income, people)
    np.testing.assert_array_equal(quintiles(income * factor, people), found)
    np.testing.assert_array_equal(quintiles(income[::-1], people[::-1])[::-1], found)
    known = np.isfinite(income) & (people > 0)
    assert (found[~known] == 0).all() and (found[known] >= 1).all() and (found <= 5).all()
    order = np.argsort(income[known], kind="stable")
    assert (np.diff(found[known][order]) >= 0).all()


def test_quintiles_of_a_hundred_incomes_are_fifths() -> None:
    income = np.random.default_rng(3).permutation(np.arange(100.0))
    assert np.bincount(quintiles(income, np.ones(100))).tolist() == [0, 20, 20, 20, 20, 20]


def test_disparity_by_hand() -> None:
    quintile, people = np.array([1, 1, 5, 5, 0]), np.array([1.0, 3.0, 2.0, 2.0, 9.0])
    found = disparity(np.array([4.0, 0.0, 6.0, 2.0, 99.0]), quintile, people)
    assert (found.poorest, found.richest, found.ratio) == (1.0, 2.0, 0.5) and "less than" in found.reading
    opposed = disparity(np.array([-4.0, 0.0, 6.0, 2.0, 0.0]), quintile, people)
    assert np.isnan(opposed.ratio) and opposed.reading == "the poorest lose, the richest gain"
    same = disparity(np.array([1.0, 3.0, 2.0, 2.0, 0.0]), quintile, people)
    assert same.ratio == 1.0 and "as much as" in same.reading
    unknown = disparity(np.ones(2), np.zeros(2, int), np.ones(2))
    assert np.isnan(unknown.ratio) and "not known" in unknown.reading
    assert mean_gains(np.ones(2), ["x", "y"], np.array([0.0, 2.0]))["mean_gain"].isna().tolist() == [True, False]


def test_energy_poverty_by_hand() -> None:
    bill = np.array([1500.0, 900.0, 1000.0, 100.0, np.nan])
    income = np.array([10000.0, 10000.0, 10000.0, 0.0, 500.0])
    people = np.array([2.0, 3.0, 4.0, 1.0, 50.0])
    assert energy_poverty_rate(bill, income, people) == 0.3  # ten per cent itself is not above the share
    assert energy_poverty_rate(bill, income, people, share=0.2) == 0.1
    assert np.isnan(energy_poverty_rate(bill, income * np.nan, people))
    # shares 5 (median), 5, 10, 11 %: only above twice the median counts
    rate = twice_median_rate(np.array([5.0, 5.0, 10.0, 11.0]), np.full(4, 100.0), np.array([3.0, 1.0, 1.0, 1.0]))
    assert rate == pytest.approx(1 / 6)
    assert np.isnan(twice_median_rate(bill * np.nan, income, people))


@given(st.integers(0, 10**6), st.floats(0.01, 1e3))
@settings(max_examples=30, deadline=None)
def test_energy_poverty_does_not_depend_on_currency(seed: int, factor: float) -> None:
    rng = np.random.default_rng(seed)
    bill, income, people = rng.random(40) * 3000, 5000 + rng.random(40) * 3e4, rng.random(40)
    for rate in (energy_poverty_rate, twice_median_rate):
        assert rate(bill * factor, income * factor, people) == pytest.approx(rate(bill, income, people))


def _tables(published: Published, most: int) -> np.ndarray:
    """Return every whole-number table that agrees with what is published: all that a reader can think possible."""
    cells = published.cells.to_numpy()
    unknown = np.argwhere(np.isnan(cells))
    tables = np.repeat(np.nan_to_num(cells)[None], (most + 1) ** len(unknown), axis=0)
    for (i, j), values in zip(unknown, np.indices([most + 1] * len(unknown)), strict=True):
        tables[:, i, j] = values.ravel()
    fits = tables.sum(axis=(1, 2)) == published.total
    for axis, stated in ((2, published.rows.to_numpy()), (1, published.columns.to_numpy())):
        fits &= (np.isnan(stated) | (tables.sum(axis=axis) == stated)).all(axis=1)
    return tables[fits]


@given(st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=2), min_size=1, max_size=3), st.integers(2, 4))
@settings(max_examples=60, deadline=None)
def test_no_small_cell_can_be_recovered_by_brute_force(rows: list[list[int]], minimum: int) -> None:
    counts = pd.DataFrame(rows, columns=["wins", "loses"], dtype=float)
    published = suppress(counts, minimum)
    if np.isnan(published.total):  # nothing at all is published
        assert published.cells.isna().all(axis=None) and published.rows.isna().all() and published.columns.isna().all()
        return
    truth = counts.to_numpy()
    possible = _tables(published, 6)  # no row holds more
    assert (possible == truth).all(axis=(1, 2)).any()
    for i, j in np.argwhere((truth > 0) & (truth < minimum)):
        assert possible[:, i, j].max() >= minimum
    for axis in (0, 1):
        totals = truth.sum(axis=axis)
        for k in np.flatnonzero((totals > 0) & (totals < minimum)):
            assert possible.sum(axis=axis + 1)[:, k].max() >= minimum


@given(st.integers(0, 10**6), st.integers(2, 40), st.integers(2, 4))
@settings(max_examples=60, deadline=None)
def test_what_is_published_is_true_and_large_enough(seed: int, r: int, c: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.poisson(rng.choice([0.5, 8.0, 60.0], size=(r, 1)) * np.ones((1, c))).astype(float)
    counts = pd.DataFrame(x, index=[f"z{k}" for k in range(r)])
    published = suppress(counts)
    for shown, truth in (
        (published.cells.to_numpy(), x),
        (published.rows.to_numpy(), x.sum(axis=1)),
        (published.columns.to_numpy(), x.sum(axis=0)),
    ):
        seen = ~np.isnan(shown)
        np.testing.assert_array_equal(shown[seen], truth[seen])
        assert not ((truth[seen] > 0) & (truth[seen] < 5)).any()
    hidden_rows = int(published.rows.isna().sum())
    assert hidden_rows != 1 and published.columns.isna().sum() != 1
    assert 0.0 <= published.hidden_share <= 1.0
    order = rng.permutation(r)
    sizes = x.sum(axis=1)
    if len(set(sizes)) == r:  # equals are taken in the order of the table
        pd.testing.assert_frame_equal(suppress(counts.iloc[order]).cells, published.cells.iloc[order])


def test_suppression_by_hand() -> None:
    counts = pd.DataFrame({"wins": [40.0, 30.0, 20.0], "loses": [10.0, 2.0, 9.0]}, index=["a", "b", "c"])
    published = suppress(counts)
    # the two losers of b could be had by subtracting, so the next smallest zone is hidden with it
    assert published.cells.isna().all(axis=1).tolist() == [False, True, True]
    assert published.rows.tolist() == [50.0, 32.0, 29.0] and published.columns.tolist() == [90.0, 21.0]
    clean = suppress(counts.replace(2.0, 6.0))
    assert not clean.cells.isna().any(axis=None) and clean.hidden_share == 0.0
    tiny = suppress(pd.DataFrame({"wins": [3.0], "loses": [1.0]}))
    assert np.isnan(tiny.total) and tiny.hidden_share == 1.0
    assert suppress(pd.DataFrame({"wins": [0.0], "loses": [0.0]})).total == 0.0
    lone = suppress(pd.DataFrame({"wins": [3.0, 40.0, 50.0]}, index=["a", "b", "c"]))
    assert lone.rows.isna().tolist() == [True, True, False] and lone.total == 93.0
    with pytest.raises(DataError, match="0 or more"):
        suppress(counts - 20.0)


def test_a_large_city_takes_seconds() -> None:
    rng = np.random.default_rng(1)
    n = 100_000
    gains, people = _gains(rng, n), rng.random(n) * 8
    zones = pd.Series([f"z{k:04}" for k in rng.integers(0, 1500, n)])
    classes = classify(gains, rng.random(n) < 0.3)
    table = count_outcomes(classes, zones.to_numpy(), people)
    published = suppress(table.round())
    assert len(published.cells) == len(table) and quintiles(people * 1e4, people).max() == 5
