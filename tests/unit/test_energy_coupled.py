"""Zones with walls between them: closed forms, one network of both, symmetry, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from twin.energy.constructions import Element, Layer, Load
from twin.energy.coupled import CoupledResult, Partition, Profiles, Zone, simulate_coupled
from twin.energy.glazing import gap_conductance
from twin.errors import DataError
from twin.kernels.energy.network_contract import residual

Float = NDArray[np.float64]
HOURS = 240
BRICK = (Layer(0.10, 0.5, 1400.0, 1000.0),)
WALL = (Layer(0.10, 0.5, 1400.0, 1000.0), Layer(0.05, 0.04, 20.0, 1000.0))


def profiles(*set_points: tuple[float, float]) -> Profiles:
    low, high = (np.array([[pair[k]] * HOURS for pair in set_points]) for k in (0, 1))
    return Profiles(low, high, np.ones_like(low), np.zeros_like(low))


def zone(area: float = 60.0, profile: int = 0, **values: float) -> Zone:
    own = {"h_leak_w_k": 10.0, "air_capacity_j_k": 1e5, "heating_limit_w": 1e5, "cooling_limit_w": 1e5} | values
    return Zone((Element(area, WALL, 2.5, 20.0), Element(0.4 * area, WALL, 2.5, 20.0)), own, profile)


def steady(temperature_c: float) -> Float:
    return np.full((HOURS, 1), temperature_c)


def to_outdoors(out: CoupledResult, z: int, outdoor_c: float) -> float:
    """Return what the two outer elements of `zone` let through at the end, W, by the temperatures of their insides."""
    resistance = sum(layer.thickness_m / layer.conductivity_w_mk for layer in WALL) + 1.0 / 20.0
    return float(np.dot([60.0, 24.0], out.surfaces[z][-1, :2] - outdoor_c) / resistance)


def through_wall(out: CoupledResult, area: float) -> float:
    """Return what passes the wall of brick from the second zone to the first, W, by its sides in the two zones."""
    return float(area * (out.surfaces[1][-1, 2] - out.surfaces[0][-1, 2]) / 0.2)


def test_steady_heat_through_the_wall() -> None:
    """Rooms at 20 and 24 °C in air of 20 °C: what one loses by its copy of the wall is what the other gains."""
    wall = Partition(0, 1, 20.0, BRICK, (2.5, 2.5))
    held = profiles((20.0, 20.0), (24.0, 24.0))
    out = simulate_coupled([zone(), zone(profile=1)], [wall], steady(20.0), held, warmup=HOURS)
    passed = through_wall(out, 20.0)
    assert passed > 100.0
    assert out.cooling_w[0, -1] == pytest.approx(passed - to_outdoors(out, 0, 20.0), rel=1e-3)
    assert out.heating_w[1, -1] == pytest.approx(passed + to_outdoors(out, 1, 20.0) + 10.0 * 4.0, rel=1e-3)


def test_twins_do_not_exchange_heat() -> None:
    """A wall between equal rooms is one whose middle no heat passes."""
    drive = 5.0 + 8.0 * np.sin(2.0 * np.pi * np.arange(HOURS) / 24.0)[:, None]
    both = profiles((20.0, 26.0))
    wall = Partition(0, 1, 20.0, (Layer(0.20, 0.5, 1400.0, 1000.0),), (2.5, 2.5))
    out = simulate_coupled([zone(), zone()], [wall], drive, both, warmup=HOURS)
    half = zone()
    half = Zone((*half.elements, Element(20.0, BRICK, 2.5, 0.0)), half.values)
    alone = simulate_coupled([half], [], drive, both, warmup=HOURS)
    np.testing.assert_allclose(out.heating_w[0], out.heating_w[1], atol=0.05)
    np.testing.assert_allclose(out.heating_w[0], alone.heating_w[0], atol=3.0)


def test_a_room_inside_follows_its_neighbours() -> None:
    """A room that has nothing but walls to a heated one takes its temperature."""
    inner = Zone((), {"air_capacity_j_k": 1e4}, 1)
    walls = [Partition(0, 1, 10.0, BRICK, (2.5, 2.5)), Partition(1, 0, 14.0, BRICK, (2.5, 2.5))]
    free = profiles((21.0, 21.0), (-99.0, 99.0))
    out = simulate_coupled([zone(), inner], walls, steady(-5.0), free, warmup=HOURS, rounds=200)
    # It sees the walls of the first room as well as its air, which are colder.
    assert 15.0 < out.air_c[1, -1] < 21.0
    met = out.surfaces[0][-1]
    assert met.min() < out.air_c[1, -1] < 21.0


def test_gains_and_light_on_the_far_side_arrive() -> None:
    """Light that the wall absorbs in one room and gains of the other leave through both to outdoors, all of them."""
    drive = np.column_stack([np.full(HOURS, 10.0), np.full(HOURS, 100.0)])
    wall = Partition(0, 1, 20.0, BRICK, (2.5, 2.5), loads=((), (Load(1, 5.0),)))
    out = simulate_coupled([zone(internal_w=200.0), zone()], [wall], drive, profiles((-99.0, 99.0)), warmup=8 * HOURS)
    leaked = 10.0 * (out.air_c[:, -1].astype(float) - 10.0)
    assert leaked[0] + to_outdoors(out, 0, 10.0) == pytest.approx(200.0 + through_wall(out, 20.0), rel=5e-3)
    assert leaked[1] + to_outdoors(out, 1, 10.0) == pytest.approx(500.0 - through_wall(out, 20.0), rel=5e-3)
    assert residual(out.balance).max() < 1e-9


def test_order_of_zones_and_sides_does_not_matter() -> None:
    drive = steady(0.0)
    three = [zone(30.0), zone(60.0, profile=1), zone(90.0, internal_w=300.0)]
    walls = [Partition(0, 1, 10.0, WALL, (2.0, 3.0)), Partition(1, 2, 15.0, BRICK, (2.5, 2.5))]
    kinds = profiles((20.0, 26.0), (-99.0, 99.0))
    straight = simulate_coupled(three, walls, drive, kinds, warmup=HOURS)
    turned = [
        Partition(2, 1, 10.0, WALL, (2.0, 3.0)),
        Partition(0, 1, 15.0, BRICK, (2.5, 2.5)),
    ]
    other = simulate_coupled(three[::-1], turned, drive, kinds, warmup=HOURS)
    np.testing.assert_allclose(other.air_c[::-1], straight.air_c, atol=0.02)
    np.testing.assert_allclose(other.heating_w[::-1], straight.heating_w, atol=1.0)


def test_modes_agree_with_every_node() -> None:
    drive = 5.0 + 8.0 * np.sin(2.0 * np.pi * np.arange(HOURS) / 24.0)[:, None]
    wall = Partition(0, 1, 20.0, BRICK, (2.5, 2.5))
    both = profiles((20.0, 26.0), (-99.0, 99.0))
    rooms = [zone(), zone(30.0, profile=1)]
    every, few = (simulate_coupled(rooms, [wall], drive, both, modes=m, warmup=HOURS) for m in (None, 8))
    assert few.heating_w[0].sum() == pytest.approx(every.heating_w[0].sum(), rel=0.005)
    np.testing.assert_allclose(few.air_c[1], every.air_c[1], atol=0.05)


def test_refusals() -> None:
    one = profiles((20.0, 26.0))
    for first, second in ((0, 0), (0, 2), (-1, 1)):
        with pytest.raises(DataError, match=f"partition 0.*between the zones {first} and {second}"):
            simulate_coupled([zone(), zone()], [Partition(first, second, 5.0, BRICK, (2.5, 2.5))], steady(0.0), one)
    with pytest.raises(DataError, match="no h_leak"):
        simulate_coupled([zone(h_leak=1.0)], [], steady(0.0), one, warmup=HOURS)
    with pytest.raises(DataError, match=r"zone 1.*profile 3"):
        simulate_coupled([zone(), zone(profile=3)], [], steady(0.0), one)
    with pytest.raises(DataError, match=r"zone 0.*air_capacity_j_k is -1"):
        simulate_coupled([zone(air_capacity_j_k=-1.0)], [], steady(0.0), one)
    with pytest.raises(DataError, match="hours"):
        simulate_coupled([zone()], [], steady(0.0)[:-1], one)
    with pytest.raises(DataError, match=r"profile\[0, 0\].*above the cooling one"):
        simulate_coupled([zone()], [], steady(0.0), profiles((27.0, 26.0)))
    gap = steady(0.0)
    gap[5] = np.nan
    with pytest.raises(DataError, match=r"drive\[5, 0\].*nan"):
        simulate_coupled([zone()], [], gap, one)
    thin = Partition(0, 1, 5.0, BRICK, (2.5, 2.5))
    with pytest.raises(DataError, match="after 1 rounds"):
        simulate_coupled([zone(), zone()], [thin], steady(0.0), one, rounds=1, warmup=HOURS)


def test_gap_of_a_window() -> None:
    """EN 673: 12 mm of air with uncoated panes, argon behind a coating; wide gaps convect, warm ones radiate more."""
    inner, outer = np.array([17.5]), np.array([2.5])
    radiation = 4.0 * 5.670374419e-8 * 283.15**3 / (2.0 / 0.84 - 1.0)
    assert gap_conductance(inner, outer, 0.012)[0] == pytest.approx(radiation + 2.496e-2 / 0.012, rel=1e-6)
    coated = gap_conductance(inner, outer, 0.012, gas="argon", emissivities=(0.047, 0.84))[0]
    assert coated == pytest.approx(1.643, abs=0.002)
    assert gap_conductance(inner, outer, 0.030)[0] > radiation + 2.496e-2 / 0.030
    assert gap_conductance(inner + 20.0, outer + 20.0, 0.012)[0] > gap_conductance(inner, outer, 0.012)[0]
