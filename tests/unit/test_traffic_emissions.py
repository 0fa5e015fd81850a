from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from twin.traffic.emissions import CO2_PER_FUEL, FUEL, NOX, emission_factors, hot_factor
from twin.traffic.parameters import TrafficParameters

P = TrafficParameters()


def test_functions_by_hand() -> None:
    # Petrol Euro 3, NOx at 60 km/h: (0.0929 - 0.0894 + 0.023508) / (1 - 0.732 + 0.14292)
    assert hot_factor(NOX["petrol_euro_3"], np.array(60.0)) == pytest.approx(0.065726, abs=1e-6)
    # Petrol Euro 4, fuel at 30 km/h: (136 - 49.5 + 28.08) / (1 + 0.78 + 0.2052)
    assert hot_factor(FUEL["petrol_euro_4"], np.array(30.0)) == pytest.approx(114.58 / 1.9852, rel=1e-9)
    # Diesel Euro 5, NOx at 50 km/h, with the term in 1/V
    top = 0.9459517 - 0.5690735 + 0.16678400 + 0.03847216
    assert hot_factor(NOX["diesel_euro_5"], np.array(50.0)) == pytest.approx(
        top / (1 + 0.2132136 - 0.1287616), rel=1e-5
    )


def test_all_curves_are_positive_and_clamped() -> None:
    speed = np.linspace(10.0, 130.0, 241)
    for curve in [*FUEL.values(), *NOX.values()]:
        assert (hot_factor(curve, speed) > 0.0).all()
        assert hot_factor(curve, np.array(3.0)) == hot_factor(curve, np.array(10.0))
        assert hot_factor(curve, np.array(200.0)) == hot_factor(curve, np.array(130.0))


def test_congestion_costs_and_old_cars_pollute() -> None:
    co2, nox = emission_factors(np.array([12.0, 30.0, 60.0]), P)
    assert co2.shape == nox.shape == (2, 3)
    assert (np.diff(co2, axis=1) < 0.0).all()
    assert (nox[1] > nox[0]).all()
    assert (co2 > 80.0).all()
    assert (co2 < 400.0).all()


def test_fleet_parameters_scale() -> None:
    speed = np.array([40.0])
    none = dataclasses.replace(P, electric_share=1.0)
    assert emission_factors(speed, none)[0][0] == pytest.approx(0.0)
    twice = dataclasses.replace(P, emission_factor_scale=2.0)
    assert emission_factors(speed, twice)[1] == pytest.approx(2.0 * emission_factors(speed, P)[1])
    petrol = dataclasses.replace(P, compliant_diesel_share=0.0, electric_share=0.0)
    expected = CO2_PER_FUEL["petrol"] * hot_factor(FUEL["petrol_euro_4"], speed)
    assert emission_factors(speed, petrol)[0][0] == pytest.approx(expected)
