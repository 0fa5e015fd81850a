from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from twin.traffic.emission_curves import ENERGY, NOX, PM, Curve
from twin.traffic.emissions import (
    CO2_G_MJ,
    electric_kwh_km,
    factors,
    fuel_of,
    hot_factor,
    wear_factors,
)
from twin.traffic.fleet import KINDS, Fleet, fleet_of
from twin.traffic.parameters import TrafficParameters

P = TrafficParameters()
SPEED = np.linspace(5.0, 130.0, 251)


def emission_factors(speed: np.ndarray, parameters: TrafficParameters) -> tuple[np.ndarray, np.ndarray]:
    """CO2 and NOx of cars that meet the low-emission standard and of the others."""
    cars = [factors(kind, speed, fleet_of(parameters), parameters) for kind in KINDS[:2]]
    return np.array([f.co2 for f in cars]), np.array([f.nox for f in cars])


def test_a_curve_by_hand() -> None:
    curve = Curve((0.01, -0.5, 40.0, 20.0, 0.002, 0.1, 1.0), 10.0, 100.0, 0.25)
    # (25 - 25 + 40 + 0.4) / (5 + 5 + 1), less a quarter, at 50 km/h
    assert hot_factor(curve, np.array(50.0)) == pytest.approx(0.75 * 40.4 / 11.0)
    assert hot_factor(curve, np.array(3.0)) == hot_factor(curve, np.array(10.0))
    assert hot_factor(curve, np.array(200.0)) == hot_factor(curve, np.array(100.0))


def test_all_curves_are_positive_and_of_a_likely_size() -> None:
    for name in ENERGY:
        energy, nox, pm = (hot_factor(table[name], SPEED) for table in (ENERGY, NOX, PM))
        most = 30.0 if name.startswith("truck") else 9.0
        assert ((energy > 1.0) & (energy < most)).all(), name
        assert ((nox > 0.005) & (nox < 30.0)).all(), name
        assert ((pm > 1e-4) & (pm < 0.2)).all(), name


def test_newer_technologies_emit_less_nox_in_towns() -> None:
    town = np.array([20.0, 35.0, 50.0])
    pairs = [
        ("diesel_euro_6", "diesel_euro_5"),
        ("diesel_euro_6d", "diesel_euro_6"),
        ("petrol_euro_5", "petrol_euro_3"),
    ]
    pairs += [("van_euro_6", "van_euro_5"), ("truck_euro_vi", "truck_euro_v")]
    for new, old in pairs:
        assert (hot_factor(NOX[new], town) < hot_factor(NOX[old], town)).all()


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
    petrol = dataclasses.replace(P, compliant_diesel_share=0.0, electric_share=0.0, petrol_euro_6_share=0.0)
    expected = CO2_G_MJ["petrol"] * hot_factor(ENERGY["petrol_euro_5"], speed)
    assert emission_factors(speed, petrol)[0][0] == pytest.approx(expected)


def test_fuel_of() -> None:
    assert [fuel_of(t) for t in ("petrol_euro_5", "diesel_euro_6", "van_euro_5", "truck_euro_vi")] == [
        "petrol", "diesel", "diesel", "diesel",
    ]  # fmt: skip


def test_wear_by_hand_and_without_jumps() -> None:
    tyre, brake, road = wear_factors("car", np.array([20.0, 60.0, 120.0]))
    assert tyre == pytest.approx(np.array([1.39, 1.1956, 0.902]) * 0.0107 * 0.42)
    assert brake == pytest.approx(np.array([1.67, 1.13, 0.185]) * 0.0075 * 0.39)
    assert road == pytest.approx(0.015 * 0.27)
    for kind in KINDS:
        for part in wear_factors(kind, np.linspace(5.0, 130.0, 1000)):
            assert (part > 0.0).all()
            assert np.abs(np.diff(part)).max() < 0.02 * part.max()


def test_electric_energy_by_hand() -> None:
    p = dataclasses.replace(P, ev_auxiliary_kw=1.0, ev_recuperation=0.5)
    steady = 1900.0 * 9.81 * 0.010 + 0.5 * 1.2 * 0.65 * 20.0**2  # at 72 km/h
    changes = 1900.0 * (0.35 - 0.30 * 52.0 / 80.0) * (1.0 / 0.88 - 0.5)
    expected = (steady / 0.88 + changes) / 3600.0 + 1.0 / 72.0
    assert electric_kwh_km("car", np.array(72.0), p) == pytest.approx(expected)


def test_electric_cars_use_what_cars_use_and_more_in_jams() -> None:
    car, van, truck = (electric_kwh_km(kind, SPEED, P) for kind in ("car", "van", "truck"))
    assert ((car > 0.12) & (car < 0.45)).all()
    assert (car < van).all()
    assert (van < truck).all()
    assert car[0] > car[90]  # 5 and 50 km/h
    assert car[-1] > car[90]


def test_electric_share_moves_energy_from_fuel_to_battery() -> None:
    speed = np.array([30.0, 70.0])
    none, half = fleet_of(P, electric_added=-1.0), fleet_of(P, electric_added=0.5 - P.electric_share)
    a, b = factors("car", speed, none, P), factors("car", speed, half, P)
    assert a.ev == pytest.approx(0.0)
    assert b.ev == pytest.approx(0.5 * electric_kwh_km("car", speed, P))
    for name in ("co2", "nox", "pm_exhaust"):
        assert getattr(b, name) == pytest.approx(0.5 * getattr(a, name))
    assert b.pm_nonexhaust == pytest.approx(a.pm_nonexhaust)


@pytest.mark.parametrize("added", [-1.0, 0.0, 0.3, 1.0])
def test_fleet_shares_sum_to_one(added: float) -> None:
    fleet: Fleet = fleet_of(P, electric_added=added, old_car_factor=2.0)
    for kind in KINDS:
        assert sum(fleet.technology[kind].values()) + fleet.electric[kind] == pytest.approx(1.0)
        assert set(fleet.technology[kind]) <= set(NOX)
    assert fleet.noncompliant_share == pytest.approx(2.0 * P.noncompliant_share)
