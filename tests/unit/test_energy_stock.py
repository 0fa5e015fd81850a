"""Prebound correction and the comparison with measured stocks."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.city.schema import YEAR_CLASSES
from twin.energy.parameters import EnergyParameters
from twin.energy.stock import (
    MEASURED,
    MOST_LESS,
    PUBLISHED_GAP,
    measured_stock,
    prebound_k,
    published_gap,
    stock_comparison,
)

YEAR_C = 6.0 - 12.0 * np.cos(2.0 * np.pi * np.arange(8760) / 8760)


def lower_k(loss, strength=1.0, water=30.0, year=YEAR_C):
    loss = np.atleast_1d(np.asarray(loss, float))
    return prebound_k(loss, np.full(len(loss), water), year, EnergyParameters(prebound_strength=strength))


@given(loss=st.floats(0.0, 20.0), more=st.floats(0.0, 5.0), strength=st.floats(0.0, 1.0))
def test_the_worse_a_home_the_more_is_saved(loss, more, strength):
    less, worse = lower_k([loss, loss + more], strength)
    assert 0.0 <= loss * less <= (loss + more) * worse + 1e-9
    assert max(less, worse) <= strength * MOST_LESS * (17.0 - YEAR_C.min())
    assert lower_k(loss, strength)[0] == pytest.approx(strength * lower_k(loss)[0])


def test_efficient_homes_and_warm_places_stay():
    assert lower_k(0.1, water=10.0)[0] == 0.0
    assert lower_k([2.0, 5.0], year=np.full(8760, 25.0)).tolist() == [0.0, 0.0]


def test_the_published_gap_is_met_in_degree_hours():
    """With the base lowered as said, degree hours fall by the published share of the rating, or somewhat less."""
    parameters = EnergyParameters(prebound_strength=1.0)
    below = np.maximum(0.0, 17.0 - YEAR_C).sum() / 1000.0
    for rating, gap in PUBLISHED_GAP[1:]:
        water = 10.0 * (1.0 + parameters.hot_water_loss_share)
        loss = (rating - water) * parameters.distribution_efficiency / below
        shift = lower_k(loss, water=10.0)[0]
        room = loss * np.maximum(0.0, 17.0 - shift - YEAR_C).sum() / 1000.0
        bought = room / parameters.distribution_efficiency + water
        assert 0.85 * gap < 1.0 - bought / rating < gap


def test_published_figures_are_plain():
    at, gaps = zip(*PUBLISHED_GAP, strict=True)
    assert published_gap(np.array(at)) == pytest.approx(gaps)
    assert published_gap(np.array([0.0, 1000.0])).tolist() == [0.0, 0.40]
    assert all(20.0 < m.low_kwh_m2 <= m.high_kwh_m2 < 400.0 and m.source for m in MEASURED)
    assert set(measured_stock("SE")["country"]) == {"SE"}
    assert set(measured_stock("FI")["country"]) == {"DK", "SE"}
    assert set(measured_stock("AT")["country"]) == {"DE"}


def test_the_comparison_counts_homes_whose_heat_is_bought():
    index = pd.Index(list("abcde"), name="building_id")
    buildings = pd.DataFrame(
        {
            "use": ["residential", "residential", "residential", "office", "residential"],
            "year_class": ["before-1940", "before-1940", "1960-1979", "before-1940", "before-1940"],
            "floor_area_m2": [100.0, 300.0, 200.0, 1000.0, 500.0],
            "heat_supply": ["district_heating", "gas_boiler", "oil_boiler", "gas_boiler", "air_heat_pump"],
        },
        index=index,
    )
    heat = {
        "district_heating_kwh_a": [20e3, 0, 0, 0, 0],
        "gas_kwh_a": [0, 60e3, 0, 9e9, 0],
        "oil_kwh_a": [0, 0, 30e3, 0, 0],
    }
    calculated = pd.DataFrame(heat, index=index, dtype=float)
    table = stock_comparison(buildings, 0.8 * calculated, calculated, "DK")
    assert table.index.tolist() == [*YEAR_CLASSES, "all"]
    assert table["buildings"].tolist() == [2, 0, 1, 0, 0, 0, 3]
    old = table.loc["before-1940"]
    assert old["calculated_kwh_m2"] == pytest.approx(200.0) and old["gap"] == pytest.approx(0.2)
    assert (old["measured_low_kwh_m2"], old["measured_high_kwh_m2"]) == (178.0, 265.0)
    assert table.loc["all", ["calculated_kwh_m2", "measured_low_kwh_m2"]].tolist() == pytest.approx(
        [110e3 / 600, 101.0]
    )
    assert np.isnan(table.loc["1940-1959", "gap"])
    none = stock_comparison(buildings[3:4], calculated[3:4], calculated[3:4], "DE")
    assert none["buildings"].sum() == 0 and np.isnan(none.loc["all", "corrected_kwh_m2"])
    assert none["measured_low_kwh_m2"].notna().tolist() == [False] * 6 + [True]
