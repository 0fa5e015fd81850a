"""Laws of money, storage, rules and certainty that hold for any figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.solar_tables import made_up
from twin.solar.cadastre import rank
from twin.solar.economics import EconomicsParameters, Prices, economics
from twin.solar.parameters import SolarParameters
from twin.solar.storage import StorageParameters, battery_curve
from twin.solar.suitability import setback_area, suitability
from twin.solar.uncertainty import exceeded

FEW = settings(max_examples=40, deadline=None)
positive = st.floats(0.01, 1e4)
rate = st.floats(0.0, 0.2)


def figures(parameters: EconomicsParameters, kwp: float, kwh: float, used: float, prices: Prices) -> pd.Series:
    return economics(
        pd.Index(["b"]), np.array([kwp]), np.array([kwh]), np.array([used]), prices, parameters
    ).iloc[0]  # fmt: skip


@given(
    kwp=positive, per_kwp=st.floats(50, 2500), used=st.floats(0, 1), price=st.floats(0.01, 1), export=st.floats(0, 0.2),
    discount=rate, factor=st.floats(0.1, 10),
)  # fmt: skip
@FEW
def test_money_scales_with_size_and_better_terms_never_hurt(kwp, per_kwp, used, price, export, discount, factor):
    p = EconomicsParameters(discount_rate=discount)
    prices = Prices(price, export, 0.3, 1200.0)
    row = figures(p, kwp, kwp * per_kwp, used, prices)
    large = figures(p, factor * kwp, factor * kwp * per_kwp, used, prices)
    for name in ("capex_eur", "npv_eur", "co2_avoided_t"):
        np.testing.assert_allclose(large[name], factor * row[name], rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(large["lcoe_eur_kwh"], row["lcoe_eur_kwh"], rtol=1e-9)
    assert (
        figures(p, kwp, kwp * per_kwp, used, replace(prices, price_eur_kwh=price + 0.05))["npv_eur"] >= row["npv_eur"]
    )
    assert figures(p, kwp, kwp * per_kwp * 1.1, used, prices)["lcoe_eur_kwh"] < row["lcoe_eur_kwh"]
    assert (
        figures(replace(p, discount_rate=discount + 0.01), kwp, kwp * per_kwp, used, prices)["lcoe_eur_kwh"]
        > (row["lcoe_eur_kwh"])
    )
    assert row["payback_a"] > 0.0


@given(
    demand=arrays(np.float32, 48, elements=st.floats(0, 10, width=32)),
    pv=arrays(np.float32, 48, elements=st.floats(0, 10, width=32)),
    efficiency=st.floats(0.3, 1.0),
)
@FEW
def test_storage_conserves_and_is_monotone(demand, pv, efficiency):
    p = StorageParameters(round_trip_efficiency=efficiency)
    curve = battery_curve(demand, pv, np.linspace(0.0, 20.0, 6), p)
    assert (curve["imported_kwh_a"].diff().dropna() <= 1e-6).all()
    assert (curve["exported_kwh_a"].diff().dropna() <= 1e-6).all()
    np.testing.assert_allclose(curve["used_kwh_a"] + curve["imported_kwh_a"], demand.sum(dtype=np.float64), atol=1e-6)
    total = curve["used_kwh_a"] + curve["exported_kwh_a"] + curve["battery_loss_kwh_a"]
    np.testing.assert_allclose(total, pv.sum(dtype=np.float64), atol=1e-6)


@given(kwh=positive, sd=st.floats(0, 2), more=st.floats(0, 1), low=st.floats(0.01, 0.98), step=st.floats(0.001, 0.01))
@FEW
def test_exceedance_falls_with_probability_and_beyond_the_middle_with_error(kwh, sd, more, low, step):
    value = np.array([kwh])
    assert exceeded(value, np.array([sd]), low + step)[0] <= exceeded(value, np.array([sd]), low)[0]
    assert exceeded(value, np.array([sd + more]), 0.9)[0] <= exceeded(value, np.array([sd]), 0.9)[0]
    assert exceeded(value, np.array([sd]), 0.5)[0] == kwh


@given(
    seed=st.integers(0, 50), budgets=st.tuples(st.floats(0, 4e5), st.floats(0, 4e5)), by=st.sampled_from(["co2", "npv"])
)
@FEW
def test_more_budget_never_gives_less_and_is_never_overspent(seed, budgets, by):
    _, cadastre = made_up(9, seed=seed)
    less, more = (rank(cadastre.buildings, by, budget) for budget in sorted(budgets))
    gain = "co2_avoided_t" if by == "co2" else "npv_eur"
    assert less["capex_eur"].sum() <= min(budgets) * (1 + 1e-9)
    assert more[gain].sum() >= less[gain].sum() - 1e-9
    assert less.index.tolist() == more.index.tolist()[: len(less)]


@given(seed=st.integers(0, 20), order=st.randoms(use_true_random=False))
@FEW
def test_the_order_of_buildings_does_not_matter(seed, order):
    _, cadastre = made_up(9, seed=seed)
    names = cadastre.buildings.index.tolist()
    order.shuffle(names)
    pd.testing.assert_frame_equal(rank(cadastre.buildings.loc[names]), rank(cadastre.buildings))


@given(area=st.floats(0.1, 1e4), stretch=st.floats(1, 20), setback=st.floats(0, 3), more=st.floats(0, 2))
@FEW
def test_setbacks_only_take(area, stretch, setback, more):
    side = np.sqrt(area * stretch)
    perimeter = np.array([2 * (side + area / side)])
    inner = [setback_area(np.array([area]), d, perimeter)[0] for d in (0.0, setback, setback + more)]
    assert area * (1 + 1e-9) >= inner[0] >= inner[1] >= inner[2] >= 0.0
    np.testing.assert_allclose(inner[0], area, rtol=1e-6)


@given(
    tilt=st.floats(0, 90), azimuth=st.floats(0, 360), area=st.floats(0, 100), annual=st.floats(0, 1.5e6),
    latitude=st.floats(0.1, 89), turn=st.booleans(),
)  # fmt: skip
@FEW
def test_rules_mirror_at_the_equator(tilt, azimuth, area, annual, latitude, turn):
    plane = [np.array([v]) for v in (tilt, azimuth, area, annual, 1.5e6)]
    north, _ = suitability(SolarParameters(), latitude, *plane)
    plane[1] = (plane[1] + 180.0) % 360.0
    south, _ = suitability(SolarParameters(), -latitude, *plane)
    from_limit = min(abs(azimuth - 67.5), abs(azimuth - 292.5))
    assert from_limit < 1e-6 or north[0] == south[0]
