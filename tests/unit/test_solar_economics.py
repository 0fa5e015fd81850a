"""Cost and earnings of PV against closed forms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from twin.parameters import describe
from twin.solar.economics import EconomicsParameters, Prices, economics, payback

PRICES = Prices(price_eur_kwh=0.30, export_price_eur_kwh=0.10, co2_kg_kwh=0.4, pv_cost_eur_kwp=1000.0)
PLAIN = EconomicsParameters(
    life_a=20.0,
    discount_rate=0.05,
    degradation=0.0,
    opex_share=0.02,
    inverter_cost_eur_kwp=0.0,
    embodied_co2_kg_kwp=0.0,
)


def one(parameters: EconomicsParameters = PLAIN, kwp: float = 10.0, kwh: float = 9000.0, used: float = 0.5, **more):
    arrays = (np.array([kwp]), np.array([kwh]), np.array([used]))
    return economics(pd.Index(["b"]), *arrays, PRICES, parameters, **more).iloc[0]


def annuity(rate: float, years: int) -> float:
    return (1 - (1 + rate) ** -years) / rate


def test_annuity_by_hand() -> None:
    """10 kWp for 10 000 EUR, 200 EUR a year of upkeep, 9 000 kWh worth 0.2 EUR on average."""
    row, factor = one(), annuity(0.05, 20)
    assert row["capex_eur"] == pytest.approx(10_000.0)
    assert row["revenue_eur_a"] == pytest.approx(1800.0)
    assert row["npv_eur"] == pytest.approx(-10_000.0 + (1800.0 - 200.0) * factor, rel=1e-12)
    assert row["lcoe_eur_kwh"] == pytest.approx((10_000.0 / factor + 200.0) / 9000.0, rel=1e-12)
    assert row["payback_a"] == pytest.approx(10_000.0 / 1600.0, rel=1e-12)
    assert row["co2_avoided_kg_a"] == pytest.approx(1800.0)  # of the half that the building uses
    assert row["co2_avoided_t"] == pytest.approx(36.0)
    assert row["cost_eur_t_co2"] == pytest.approx(10_000.0 / 36.0)


def test_a_credit_for_what_is_fed_in_is_a_parameter() -> None:
    arrays = (np.array([10.0]), np.array([9000.0]), np.array([0.5]))
    credited = economics(pd.Index(["b"]), *arrays, replace(PRICES, export_co2_kg_kwh=0.4), PLAIN).iloc[0]
    assert credited["co2_avoided_t"] == pytest.approx(72.0)
    assert credited["npv_eur"] == one()["npv_eur"]


def test_npv_is_zero_when_all_power_is_sold_at_its_levelised_cost() -> None:
    parameters = EconomicsParameters()
    cost = one(parameters)["lcoe_eur_kwh"]
    prices = Prices(cost, cost, 0.4, 1000.0)
    row = economics(pd.Index(["b"]), np.array([10.0]), np.array([9000.0]), np.array([0.3]), prices, parameters).iloc[0]
    assert row["npv_eur"] == pytest.approx(0.0, abs=1e-8)


def test_degradation_is_a_geometric_series() -> None:
    parameters = EconomicsParameters(
        life_a=20.0, discount_rate=0.05, degradation=0.01, opex_share=0.0, inverter_cost_eur_kwp=0.0
    )
    ratio = 0.99 / 1.05
    energy = 9000.0 / 1.05 * (1 - ratio**20) / (1 - ratio)
    assert one(parameters)["lcoe_eur_kwh"] == pytest.approx(10_000.0 / energy, rel=1e-12)


def test_inverter_is_replaced_within_the_life_only() -> None:
    def lcoe(inverter_life: float) -> float:
        parameters = EconomicsParameters(
            life_a=20.0, discount_rate=0.0, degradation=0.0, opex_share=0.0, inverter_cost_eur_kwp=100.0,
            inverter_life_a=inverter_life,
        )  # fmt: skip
        return float(one(parameters)["lcoe_eur_kwh"]) * 9000.0 * 20.0

    assert lcoe(15.0) == pytest.approx(11_000.0)
    assert lcoe(10.0) == pytest.approx(11_000.0)  # not again in the last year
    assert lcoe(7.0) == pytest.approx(12_000.0)
    assert lcoe(20.0) == lcoe(25.0) == pytest.approx(10_000.0)


def test_payback_counts_the_second_inverter() -> None:
    """Paid back after 10 years, under water again with the inverter of year 10, for good after 11.5."""
    cash = np.full((1, 20), 1000.0)
    cash[0, 10] -= 1500.0
    assert payback(np.array([10_000.0]), cash)[0] == pytest.approx(11.5)
    assert payback(np.array([10_000.0]), np.full((1, 20), 100.0))[0] == np.inf
    assert payback(np.array([0.0]), np.full((1, 20), 100.0))[0] == 0.0


def test_batteries_cost_and_are_replaced() -> None:
    parameters = EconomicsParameters(life_a=20.0, discount_rate=0.0, opex_share=0.0, inverter_cost_eur_kwp=0.0)
    bare, stored = one(parameters), one(parameters, battery_kwh=np.array([5.0]))
    assert stored["capex_eur"] - bare["capex_eur"] == pytest.approx(3500.0)
    assert bare["npv_eur"] - stored["npv_eur"] == pytest.approx(7000.0)


def test_roofs_without_a_system() -> None:
    row = one(kwp=0.0, kwh=0.0, used=0.0)
    assert row[["capex_eur", "npv_eur", "co2_avoided_t"]].tolist() == [0.0, 0.0, 0.0]
    assert row[["lcoe_eur_kwh", "payback_a", "cost_eur_t_co2"]].isna().all()


def test_no_cost_per_tonne_where_nothing_is_avoided() -> None:
    assert one(used=0.0)["cost_eur_t_co2"] == np.inf


def test_making_the_modules_is_shown_apart() -> None:
    light, heavy = (one(EconomicsParameters(embodied_co2_kg_kwp=x)) for x in (0.0, 810.0))
    assert (light["co2_embodied_t"], heavy["co2_embodied_t"]) == (0.0, pytest.approx(8.1))
    assert light.drop("co2_embodied_t").equals(heavy.drop("co2_embodied_t"))


def test_every_parameter_has_a_source() -> None:
    for info in describe("economics", EconomicsParameters):
        assert info.source and info.meaning and info.low <= info.default <= info.high
