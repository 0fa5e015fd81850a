"""Laws of what traffic does: more traffic is never less of anything, energies add up, order does not matter."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.city.schema import ROAD_CLASSES
from twin.traffic.classes import CLASSES
from twin.traffic.effects import LinkEffects, link_effects
from twin.traffic.exposure import dilution, noise_exposure
from twin.traffic.fleet import fleet_of
from twin.traffic.noise_emission import TABLE_F1, vehicle_power
from twin.traffic.parameters import TrafficParameters

P = TrafficParameters()
FIELDS = ("co2", "nox", "pm_exhaust", "pm_nonexhaust", "ev_kwh", "noise_energy", "injuries")
few = settings(max_examples=25, deadline=None)


def case(seed: int, n: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    links = pd.DataFrame({"length_m": rng.uniform(1.0, 2000.0, n), "road_class": rng.choice(ROAD_CLASSES, n)})
    return links, rng.uniform(0.0, 2000.0, (len(CLASSES), n, 24)), rng.uniform(0.0, 130.0, (n, 24))


def same(a: LinkEffects, b: LinkEffects, scale: float = 1.0, order: np.ndarray | None = None) -> None:
    for name in FIELDS:
        x, y = getattr(a, name), getattr(b, name)
        if order is not None:
            y = y[:, order] if name == "noise_energy" else y[order]
        np.testing.assert_allclose(x, scale * y, rtol=1e-9, atol=1e-12, err_msg=name)


@few
@given(st.integers(0, 10**6), st.integers(1, 6), st.floats(0.0, 50.0))
def test_effects_are_proportional_to_traffic(seed: int, n: int, scale: float) -> None:
    links, flow, speed = case(seed, n)
    fleet = fleet_of(P, electric_added=0.3)
    same(link_effects(links, scale * flow, speed, P, fleet), link_effects(links, flow, speed, P, fleet), scale)


@few
@given(st.integers(0, 10**6), st.integers(1, 6))
def test_more_traffic_is_more_of_everything(seed: int, n: int) -> None:
    links, flow, speed = case(seed, n)
    more = flow + np.random.default_rng(seed + 1).uniform(0.0, 500.0, flow.shape)
    a, b = (link_effects(links, f, speed, P, fleet_of(P)) for f in (flow, more))
    for name in FIELDS:
        assert (getattr(b, name) >= getattr(a, name)).all(), name
        assert (getattr(a, name) >= 0.0).all(), name


@few
@given(st.integers(0, 10**6), st.integers(2, 6))
def test_order_of_links_does_not_matter(seed: int, n: int) -> None:
    links, flow, speed = case(seed, n)
    order = np.random.default_rng(seed).permutation(n)
    shuffled = link_effects(links.iloc[order], flow[:, order], speed[order], P, fleet_of(P))
    same(shuffled, link_effects(links, flow, speed, P, fleet_of(P)), order=order)


@few
@given(st.sampled_from(sorted(TABLE_F1)), st.floats(1.0, 150.0), st.floats(0.0, 1.0), st.floats(-15.0, 15.0))
def test_corrections_never_make_noise_negative_or_wild(
    category: str, speed: float, electric: float, gradient: float
) -> None:
    plain = vehicle_power(category, np.array(speed))
    if category not in ("4a", "4b"):
        assert (vehicle_power(category, np.array(speed), electric_share=electric) <= plain + 1e-12).all()
    steep = vehicle_power(category, np.array(speed), gradient_percent=gradient)
    assert ((steep >= plain - 1e-12) & (steep <= plain + 25.0)).all()


@few
@given(st.lists(st.tuples(st.floats(0.0, 1e4), st.floats(0.0, 90.0), st.floats(0.0, 80.0)), max_size=20))
def test_louder_is_never_fewer_people(people: list[tuple[float, float, float]]) -> None:
    count, lden, lnight = np.array(people, float).reshape(-1, 3).T
    quiet, loud = noise_exposure(count, lden, lnight), noise_exposure(count, lden + 3.0, lnight + 3.0)
    for name, value in quiet.items():
        assert 0.0 <= value <= loud[name] + 1e-9 * value
        assert loud[name] <= count.sum() * (1.0 + 1e-12)


@few
@given(st.floats(0.0, 1000.0), st.floats(0.0, 500.0), st.floats(0.5, 15.0))
def test_exhaust_thins_with_distance_and_wind(distance: float, further: float, wind: float) -> None:
    at, beyond = dilution(np.array([distance, distance + further]), wind)
    assert 0.0 < beyond <= at
    np.testing.assert_allclose(dilution(np.array(distance), 2.0 * wind), 0.5 * at)
