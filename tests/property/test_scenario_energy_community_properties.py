"""Laws of sharing: no more than there is, money conserved, the same bits in any order."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from twin.city.model import HOURS
from twin.scenario.balance import ElectricityParameters
from twin.scenario.community import COLUMNS, RESULTS, UNITS, Communities, middle_price

QUICK = settings(max_examples=15, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)
P = ElectricityParameters()
TERMS = {"": (0.0, 0.0), "north": (0.1, 0.06), "south": (0.07, 0.0)}


def members(names: list[str]) -> pd.DataFrame:
    rows = [(name, *TERMS[name]) for name in names]
    return pd.DataFrame(rows, columns=list(COLUMNS), index=[f"b{i}" for i in range(len(names))])


def loads(rng: np.random.Generator, n: int) -> NDArray[np.float32]:
    """Loads of very different size, of either sign, some hours none."""
    size = 10.0 ** rng.uniform(-4.0, 3.0, (n, 1))
    return (size * rng.normal(0.3, 1.0, (n, HOURS)) * (rng.random((n, HOURS)) < 0.8)).astype(np.float32)


def settled(
    buildings: pd.DataFrame, net_kw: NDArray[np.float32], block: int = 1000, electricity: pd.DataFrame | None = None
) -> tuple[Communities, pd.DataFrame]:
    communities = Communities(buildings)
    for first in range(0, len(buildings), block):
        communities.add(slice(first, first + block), net_kw[first : first + block])
    return communities, communities.settle(buildings.index, P, electricity)


def drawn(seed: int, n: int = 8) -> tuple[pd.DataFrame, NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    return members([str(name) for name in rng.choice(list(TERMS), n)]), loads(rng, n)


@QUICK
@given(seed=SEEDS)
def test_no_more_is_shared_than_is_fed_in_and_bought(seed: int) -> None:
    buildings, net_kw = drawn(seed)
    communities, results = settled(buildings, net_kw)
    for k, name in enumerate(communities.names):
        own = net_kw[(buildings["energy_community"] == name).to_numpy()].astype(np.float64)
        fed_in, bought = np.maximum(-own, 0.0).sum(axis=0), np.maximum(own, 0.0).sum(axis=0)
        shared = communities.shared[k] / UNITS
        slack = 1e-12 * np.abs(own).sum(axis=0)  # of the sums in floating point here; the counted ones are exact
        assert np.all(shared <= fed_in + slack)
        assert np.all(shared <= bought + slack)
        np.testing.assert_allclose(shared, np.minimum(fed_in, bought), rtol=1e-6, atol=len(own) / UNITS)
    fed_in_a, bought_a = (np.maximum(sign * net_kw.astype(np.float64), 0.0).sum(axis=1) for sign in (-1.0, 1.0))
    assert np.all(results["community_sold_kwh_a"] <= fed_in_a * (1 + 1e-12))
    assert np.all(results["community_bought_kwh_a"] <= bought_a * (1 + 1e-12))
    outside = (buildings["energy_community"] == "").to_numpy()
    assert not results[outside].any(axis=None)


@QUICK
@given(seed=SEEDS, hourly=st.booleans())
def test_energy_and_money_are_conserved(seed: int, hourly: bool) -> None:
    buildings, net_kw = drawn(seed)
    price = np.full(HOURS, P.price_eur_kwh)
    if hourly:
        price = np.random.default_rng(seed).normal(0.15, 0.1, HOURS)
    electricity = pd.DataFrame({"price_eur_kwh": price, "co2_kg_kwh": 0.1}) if hourly else None
    communities, results = settled(buildings, net_kw, electricity=electricity)
    of = results.groupby(buildings["energy_community"]).sum()
    for k, name in enumerate(communities.names):
        shared = communities.shared[k] / UNITS
        assert of.loc[name, "community_bought_kwh_a"] == pytest.approx(shared.sum(), rel=1e-9)
        assert of.loc[name, "community_sold_kwh_a"] == pytest.approx(shared.sum(), rel=1e-9)
        # what members no longer pay is what suppliers and grid no longer get, less what they no longer pay out
        lost = shared @ (price - TERMS[name][1] - P.export_price_eur_kwh)
        scale = float(shared @ np.abs(price)) + 1.0
        assert of.loc[name, "community_gain_eur_a"] == pytest.approx(lost, rel=1e-9, abs=1e-9 * scale)
    assert communities.shared_kwh_a == pytest.approx(results["community_sold_kwh_a"].sum(), rel=1e-9)


@QUICK
@given(seed=SEEDS, order=SEEDS, block=st.integers(1, 9))
def test_neither_order_nor_blocks_change_a_bit(seed: int, order: int, block: int) -> None:
    buildings, net_kw = drawn(seed)
    rows = np.random.default_rng(order).permutation(len(buildings))
    one, results = settled(buildings, net_kw)
    other, shuffled = settled(buildings.iloc[rows], net_kw[rows], block)
    assert one.shared.tobytes() == other.shared.tobytes()
    assert one.shared_kwh_a == other.shared_kwh_a
    pd.testing.assert_frame_equal(shuffled.loc[results.index], results, check_exact=True)


@QUICK
@given(seed=SEEDS)
def test_one_more_member_never_lessens_what_is_shared(seed: int) -> None:
    rng = np.random.default_rng(seed)
    net_kw = loads(rng, 6)
    few, many = (settled(members(["north"] * k + [""] * (6 - k)), net_kw)[0] for k in (5, 6))
    assert np.all(many.shared >= few.shared)


@QUICK
@given(seed=SEEDS)
def test_a_member_alone_shares_nothing_exactly(seed: int) -> None:
    net_kw = loads(np.random.default_rng(seed), 3)
    alone, results = settled(members(["north", "", "south"]), net_kw)
    assert alone.shared_kwh_a == 0.0
    assert not results.any(axis=None)
    none, nothing = settled(members(["", "", ""]), net_kw)
    assert none.shared_kwh_a == 0.0
    assert nothing.columns.tolist() == list(RESULTS)
    assert not nothing.any(axis=None)


@QUICK
@given(seed=SEEDS, fee=st.floats(0.0, 0.1), paid=st.floats(0.0, 0.08))
def test_at_the_middle_price_buyers_and_sellers_gain_alike(seed: int, fee: float, paid: float) -> None:
    p = dataclasses.replace(P, export_price_eur_kwh=paid)
    buildings = members(["north"] * 4)
    middle = middle_price(p.price_eur_kwh, paid, fee)
    buildings[["community_price_eur_kwh", "community_fee_eur_kwh"]] = middle, fee
    sign = np.array([1.0, 1.0, -1.0, -1.0], np.float32)[:, None]  # two that only buy, two that only sell
    communities = Communities(buildings)
    communities.add(slice(0, 4), np.abs(loads(np.random.default_rng(seed), 4)) * sign)
    gain = communities.settle(buildings.index, p)["community_gain_eur_a"].to_numpy()
    assert gain[:2].sum() == pytest.approx(gain[2:].sum(), rel=1e-9)
    assert np.all(gain >= -1e-9)
