from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from twin.city.model import City
from twin.traffic.choice import (
    Alternatives,
    alternatives,
    car_share,
    composite_cost,
    cycling_km,
    mode_shares,
    other_cost,
    parking_minutes,
    softmin,
)
from twin.traffic.network import Network, build_network
from twin.traffic.parameters import TrafficParameters

P = TrafficParameters()


@pytest.fixture(scope="module")
def network(small_city: City) -> Network:
    return build_network(small_city, P)


def some_costs(seed: int = 0) -> tuple[np.ndarray, Alternatives]:
    rng = np.random.default_rng(seed)
    car, transit, cycle, walk = rng.uniform(5.0, 60.0, (4, 6, 6))
    return car, Alternatives(transit, cycle, walk)


def changed(city: City, layer: str, name: str, value: object) -> City:
    frame = getattr(city, layer).copy()
    frame[name] = value
    return city.replace(**{layer: frame})


def test_equal_scales_are_the_multinomial_logit() -> None:
    p = dataclasses.replace(P, active_nest_ratio=1.0)
    car, others = some_costs()
    utility = np.exp(-p.logit_scale_per_min * np.stack([others.transit, others.cycle, others.walk]))
    by_car = np.exp(-p.logit_scale_per_min * car)
    with_car = np.concatenate([by_car[None], utility]) / (by_car + utility.sum(axis=0))
    without = np.concatenate([np.zeros_like(by_car)[None], utility / utility.sum(axis=0)])
    wanted = p.car_availability * with_car + (1.0 - p.car_availability) * without
    np.testing.assert_allclose(mode_shares(car, others, p), wanted, rtol=1e-12)


def test_shares_are_the_slope_of_the_composite_cost() -> None:
    """The envelope property of the nested logit, by central differences."""
    car, others = some_costs(1)
    names = ("transit", "cycle", "walk")

    def composite(car: np.ndarray, modes: Alternatives) -> np.ndarray:
        return composite_cost(car, other_cost(modes, P), P)

    shares, step = mode_shares(car, others, P), 1e-4
    np.testing.assert_allclose(shares.sum(axis=0), 1.0, rtol=1e-13)
    slope = (composite(car + step, others) - composite(car - step, others)) / (2 * step)
    np.testing.assert_allclose(shares[0], slope, rtol=1e-6)
    for k, name in enumerate(names):
        ends = [dataclasses.replace(others, **{name: getattr(others, name) + sign * step}) for sign in (1, -1)]
        slope = (composite(car, ends[0]) - composite(car, ends[1])) / (2 * step)
        np.testing.assert_allclose(shares[1 + k], slope, rtol=1e-6)


def test_walking_and_cycling_compete_most_with_each_other() -> None:
    p = dataclasses.replace(P, active_nest_ratio=3.0)
    car, others = some_costs(2)
    before = mode_shares(car, others, p)
    after = mode_shares(car, dataclasses.replace(others, cycle=others.cycle - 5.0), p)
    lost = after[[0, 1, 3]] / before[[0, 1, 3]]
    assert (lost[2] < lost[1]).all()
    assert (lost[2] < lost[0]).all()


def test_no_way_by_car_leaves_the_others() -> None:
    car, others = some_costs()
    none = np.full_like(car, np.inf)
    assert (car_share(none, other_cost(others, P), P) == 0.0).all()
    np.testing.assert_allclose(composite_cost(none, other_cost(others, P), P), other_cost(others, P), rtol=1e-14)
    assert np.isinf(softmin(np.full((2, 3), np.inf), 0.1)).all()


def test_public_transport_waits_less_with_more_service(small_city: City, network: Network) -> None:
    km = np.full((network.zones, network.zones), 2.0)
    usual = alternatives(small_city, network, km, P, "numba").transit
    assert usual == pytest.approx(P.transit_constant_min + 120.0 / P.transit_speed_kmh)
    double = changed(small_city, "zones", "transit_level", 2.0)
    assert alternatives(double, network, km, P, "numba").transit == pytest.approx(usual - 0.5 * P.transit_wait_min)


def test_cyclists_feel_tracks_shorter_and_main_roads_longer(small_city: City, network: Network) -> None:
    off = ~np.eye(network.zones, dtype=bool)
    quiet = changed(small_city, "links", "road_class", "residential")
    busy = changed(small_city, "links", "road_class", "primary")
    street = {"quiet": quiet, "busy": busy}
    for name, facility in (("lane", "lane"), ("track", "track")):
        street[name] = changed(busy, "links", "cycle_facility", facility)
    km = {name: cycling_km(city, network, P, "numba")[off] for name, city in street.items()}
    for longer, shorter in (("lane", "track"), ("busy", "lane")):
        assert (km[shorter] <= km[longer]).all()
        assert km[shorter].sum() < 0.95 * km[longer].sum()
    np.testing.assert_array_equal(km["lane"], km["quiet"])
    motorway = changed(small_city, "links", "road_class", "motorway")
    barred = np.isinf(cycling_km(motorway, network, P, "numba"))
    assert barred[off].mean() > 0.5  # some zones share a junction
    capped = alternatives(motorway, network, np.full((network.zones, network.zones), 2.0), P, "numba").cycle
    most = P.cycle_constant_min + 60.0 * 2.0 * P.cycle_busy_factor / P.cycle_speed_kmh
    assert capped[barred & off] == pytest.approx(most)


def test_streets_closed_to_cars_stay_open_to_cyclists(small_city: City, network: Network) -> None:
    closed = changed(small_city, "links", "closed", True)
    after = build_network(closed, P)
    np.testing.assert_array_equal(cycling_km(closed, after, P, "numba"), cycling_km(small_city, network, P, "numba"))


def test_parking_costs_money_and_time(small_city: City) -> None:
    charge, search = parking_minutes(small_city, P)
    assert charge.sum() == search.sum() == 0.0
    dear = changed(changed(small_city, "zones", "parking_eur", 2.6), "zones", "parking_supply", 0.5)
    charge, search = parking_minutes(dear, P)
    assert charge == pytest.approx(np.full(len(charge), 60.0 * 2.6 / 1.3 / P.value_of_time_eur_h))
    assert search == pytest.approx(np.full(len(search), P.parking_search_min))
    old = small_city.zones.drop(columns=[c for c in ("parking_eur", "parking_supply") if c in small_city.zones])
    assert isinstance(old, pd.DataFrame)
    charge, search = parking_minutes(small_city.replace(zones=old), P)
    assert charge.sum() == search.sum() == 0.0
