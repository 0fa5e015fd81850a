"""Constructions, networks and modes against closed forms, and the errors of impossible constructions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import twin.kernels.energy  # noqa: F401
from tests.unit.energy_hut_fixture import (
    BOARD,
    CONCRETE,
    FOAM,
    GLASS,
    HOT,
    HUT,
    batch,
    shared,
    weather,
)
from twin.energy.constructions import (
    ROOM_K,
    STEFAN_BOLTZMANN,
    Element,
    Layer,
    Load,
    Network,
    build_network,
    cells_of,
    radiant_films,
)
from twin.energy.films import fitted_films, inside_surfaces, settled_films, walton_film
from twin.energy.glazing import absorptance
from twin.errors import DataError
from twin.kernels.energy.modal import reduce_networks
from twin.kernels.registry import get
from twin.kernels.solar.window import transmittance

Float = NDArray[np.float64]


@pytest.mark.parametrize("variant", ["reference", "numba"])
def test_steady_heating_is_area_times_u_value(variant: str) -> None:
    """One element and a leak: Q = (A U + H) ΔT with 1/U = 1/h + Σ d/k + 1/h; the modes lose nothing of it."""
    wall = Element(60.0, (CONCRETE, FOAM), 2.5, 20.0)
    u_value = 1.0 / (1.0 / 2.5 + 0.2 / 1.13 + 0.1 / 0.04 + 1.0 / 20.0)
    drive = np.full((24, 1), -4.0)
    arrays = batch(build_network([wall], 1), leak=10.0, air=1e5)
    heating, cooling, air, *_ = get("energy.zone_network", variant)(*shared(drive), *arrays, 20.0, HOT, 0)
    expected = (60.0 * u_value + 10.0) * 24.0
    np.testing.assert_allclose(heating, expected, rtol=1e-6)
    np.testing.assert_allclose(air, 20.0, rtol=1e-6)
    assert not cooling.any()
    for modes in (1, 2, 6):
        reduced = reduce_networks(*arrays, modes=modes)
        steady = get("energy.zone_modal", variant)(*shared(drive), *reduced, 20.0, HOT, 0, 1)[0]
        np.testing.assert_allclose(steady, expected, rtol=1e-6)


def test_step_response_of_a_slab() -> None:
    """Heat that a slab, insulated behind, takes up after a step of its surface; series solution of the heat equation.

    H. S. Carslaw and J. C. Jaeger, "Conduction of Heat in Solids", 2nd edition, Oxford (1959), section 3.4.
    """
    slab = Element(1.0, (CONCRETE,), 1e7, 0.0)
    hours = 48
    heating = get("energy.zone_network", "numba")(
        *shared(np.zeros((hours, 1)), low=21.0), *batch(build_network([slab], 1)), 20.0, HOT, 0
    )[0]
    taken = np.cumsum(heating[0].astype(float)) * 3600.0
    diffusivity, whole = 1.13 / (1400.0 * 1000.0), 0.2 * 1400.0 * 1000.0
    odd = 2.0 * np.arange(2000) + 1.0
    time = 3600.0 * np.arange(1, hours + 1)
    rate = (odd * np.pi / 2.0) ** 2 * diffusivity / 0.2**2
    series = np.sum(8.0 / (odd * np.pi) ** 2 * np.exp(-rate * time[:, None]), axis=1)
    np.testing.assert_allclose(taken, whole * (1.0 - series), rtol=0.015)  # five to six cells, the first hour worst
    np.testing.assert_allclose(taken[6:], whole * (1.0 - series[6:]), rtol=0.003)
    assert taken[-1] < whole


@pytest.mark.parametrize("modes", [None, 1, 6])
def test_time_constant_of_a_thin_slab(modes: int | None) -> None:
    """A slab without resistance between two films cools as exp(-t / (C / (A h)))."""
    plate = Element(30.0, (Layer(0.1, 1e6, 2000.0, 900.0),), 2.5, 2.0)
    drive = np.zeros((96, 1))
    low = np.where(np.arange(96) < 48, 20.0, -1e3)
    arrays = batch(build_network([plate], 1))
    if modes is None:
        air = get("energy.zone_network", "numba")(*shared(drive, low=low, high=1e3), *arrays, 20.0, HOT, 48)[2][0]
    else:
        reduced = reduce_networks(*arrays, modes=modes)
        air = get("energy.zone_modal", "numba")(*shared(drive, low=low, high=1e3), *reduced, 20.0, HOT, 48, 1)[2][0]
    tau = 0.1 * 2000.0 * 900.0 / 2.0
    np.testing.assert_allclose(air[50:90] / air[49:89], np.exp(-3600.0 / tau), rtol=1e-4)


def stepped(network: Network, drive: Float, low: float, high: float, leak: float, air: float, steps: int) -> Float:
    """Return heating minus cooling by implicit Euler in small steps, drives and thermostat of each step."""
    c, k, b = network.capacity_j_k, network.conductance_w_k, network.air_in_w_k
    size, dt = len(c) + 1, 3600.0 / steps
    system = np.zeros((size, size))
    system[:-1, :-1], system[:-1, -1], system[-1, :-1] = k, -b, -b
    system[-1, -1] = network.direct_air + leak
    store = np.append(c, air) / dt
    inverse = np.linalg.inv(system + np.diag(store))
    state = np.append(np.linalg.solve(k, network.drive_in @ drive.mean(axis=0) + b * 20.0), 20.0)
    hours = len(drive)
    power = np.zeros(hours)
    rise = 0.5 * (np.roll(drive, -1, axis=0) - np.roll(drive, 1, axis=0))
    for hour in range(-hours, hours):
        for step in range(steps):
            u = drive[hour] + rise[hour] * ((step + 0.5) / steps - 0.5)
            load = np.append(network.drive_in @ u, network.direct @ u + leak * u[0])
            free = inverse @ (store * state + load)
            gain = inverse[-1, -1]
            needed = (np.clip(free[-1], low, high) - free[-1]) / gain
            state = free + inverse[:, -1] * needed
            if hour >= 0:
                power[hour] += needed / steps
    return power


@pytest.mark.parametrize("modes", [None, 6])
def test_hourly_steps_agree_with_small_ones(modes: int | None) -> None:
    """Ten days of a hut with sun: hourly results against implicit Euler in steps of 30 s."""
    network, drive = build_network(HUT, 2), weather(240)
    arrays = batch(network, leak=15.0, air=1.3e5)
    if modes is None:
        heating, cooling, *_ = get("energy.zone_network", "numba")(*shared(drive, high=21.0), *arrays, 20.0, HOT, 240)
    else:
        reduced = reduce_networks(*arrays, modes=modes)
        heating, cooling, *_ = get("energy.zone_modal", "numba")(*shared(drive, high=21.0), *reduced, 20.0, HOT, 240, 1)
    small = stepped(network, drive, 20.0, 21.0, 15.0, 1.3e5, 120)
    assert heating.sum() > 0.0
    assert cooling.sum() > 0.0
    assert heating.sum() == pytest.approx(small[small > 0.0].sum(), rel=0.005)
    assert cooling.sum() == pytest.approx(-small[small < 0.0].sum(), rel=0.03)  # a few warm hours
    assert heating.max() == pytest.approx(small.max(), rel=0.01)
    assert np.abs(heating[0] - cooling[0] - small).max() < 0.04 * np.abs(small).max()


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(len(HUT))))
def test_the_order_of_elements_does_not_matter(order: list[int]) -> None:
    """Nor does it matter that a surface is drawn as two halves."""
    drive = weather(72)
    halves = [part for at in order for part in _halves(HUT[at])]
    one, other = (
        get("energy.zone_network", "numba")(*shared(drive, gain=200.0), *batch(build_network(e, 2)), 20.0, HOT, 72)
        for e in (HUT, [HUT[at] for at in order])
    )
    for a, b in zip(one[:3], other[:3], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-3)
    assert build_network(halves, 2).direct_air == pytest.approx(build_network(HUT, 2).direct_air, rel=0.05)


def _halves(element: Element) -> list[Element]:
    loads = tuple(replace(load, amount=0.5 * load.amount) for load in element.loads)
    return [replace(element, area_m2=0.5 * element.area_m2, loads=loads)] * 2


def test_conductances_of_the_network_add_up() -> None:
    """With everything at one temperature nothing flows, and all loads arrive inside or go out."""
    network = build_network(HUT, 2)
    rows = network.conductance_w_k.sum(axis=1) - network.air_in_w_k - network.drive_in[:, 0]
    np.testing.assert_allclose(rows, 0.0, atol=1e-9 * network.conductance_w_k.max())
    assert network.direct_air == pytest.approx(network.air_in_w_k.sum() + network.direct[0])
    np.testing.assert_allclose(network.solar_in, [0.0, 6.9])
    assert 0.0 < network.gain_in.sum() + network.direct_gain <= 1.0
    assert np.array_equal(network.conductance_w_k, network.conductance_w_k.T)


def test_radiant_films() -> None:
    """Of a cube of black walls F = 6/5; two black plates exchange 4σT³ between them; a small body in a large room."""
    film = 4.0 * STEFAN_BOLTZMANN * ROOM_K**3
    np.testing.assert_allclose(radiant_films(np.ones(6), np.ones(6)), 1.2 * film)
    plates = radiant_films(np.ones(2), np.ones(2))
    assert 1.0 / np.sum(1.0 / plates) == pytest.approx(film)
    body, room = radiant_films(np.array([1.0, 500.0]), np.array([0.9, 1.0]))
    assert 1.0 / (1.0 / body + 1.0 / (500.0 * room)) == pytest.approx(0.9 * film, rel=0.01)
    assert radiant_films(np.ones(1), np.ones(1)) == [0.0]


def test_walton() -> None:
    assert walton_film(90.0, np.array([8.0])) == pytest.approx([2.62])
    warm_floor, cold_floor = walton_film(0.0, np.array([1.0, -1.0]))
    assert warm_floor == pytest.approx(9.482 / 6.238)
    assert cold_floor == pytest.approx(1.810 / 2.382)
    np.testing.assert_allclose(walton_film(180.0, np.array([-1.0, 1.0])), [warm_floor, cold_floor])


def test_inside_surfaces_carry_the_heat_to_the_air() -> None:
    """Σ A h (surface - air) is what the network gives to the air: minus what holds a zone without leaks."""
    drive, network = weather(240), build_network(HUT, 2)
    heating, cooling, air, *_ = get("energy.zone_network", "numba")(
        *shared(drive, low=22.0, high=22.0), *batch(network), 22.0, HOT, 240
    )
    surfaces = inside_surfaces(network, drive, np.zeros(240), air[0].astype(float))
    coupling = np.array([element.area_m2 * element.h_inside_w_m2k for element in HUT])
    given_off = (surfaces - 22.0) @ coupling
    needed = (heating - cooling)[0].astype(float)
    assert given_off.mean() == pytest.approx(-needed.mean(), rel=1e-3)
    assert np.abs(given_off + needed).max() < 0.05 * needed.max()  # the drives' slopes within the hours are left out


def test_settled_films() -> None:
    drive = weather(240)

    def air_of(network: Network) -> Float:
        return np.asarray(get("energy.zone_network", "numba")(*shared(drive), *batch(network), 20.0, HOT, 240)[2][0])

    settled = settled_films(HUT, lambda parts: build_network(parts, 2), air_of, drive, np.zeros(240))
    assert [e.area_m2 for e in settled] == [e.area_m2 for e in HUT]
    assert all(0.1 <= e.h_inside_w_m2k < 5.0 for e in settled)
    still = fitted_films(HUT, np.full((10, len(HUT)), 20.0), np.full(10, 20.0))
    assert all(e.h_inside_w_m2k == 0.1 for e in still)


@settings(max_examples=30, deadline=None)
@given(cosine=st.floats(-0.2, 1.0), panes=st.sampled_from([1, 2]))
def test_glass_takes_what_it_does_not_pass(cosine: float, panes: int) -> None:
    at = np.array([cosine])
    inner, outer = absorptance(at, panes)
    total = float(inner[0] + outer[0] + transmittance(at, panes)[0])
    assert inner[0] >= 0.0
    assert outer[0] >= 0.0
    assert total <= 1.0
    assert (total > 0.0) == (cosine > 0.0)


def test_absorption_of_the_glass_of_case_600() -> None:
    """ASHRAE 140-2020: at normal incidence the outer pane absorbs 0.096, the inner 0.072; of one pane 1 - τ - ρ."""
    inner, outer = absorptance(np.ones(1))
    assert outer[0] == pytest.approx(0.096, abs=0.002)
    assert inner[0] == pytest.approx(0.072, abs=0.004)
    assert absorptance(np.ones(1), 1)[0][0] == pytest.approx(1.0 - 0.834 - 0.075, abs=0.005)


def test_thick_layers_have_more_cells() -> None:
    assert cells_of(GLASS) == 0
    assert cells_of(BOARD) == 1
    assert cells_of(replace(CONCRETE, thickness_m=0.4)) == pytest.approx(2 * cells_of(CONCRETE), abs=1)


BAD = [
    (replace(HUT[0], area_m2=0.0), "area_m2"),
    (replace(HUT[0], area_m2=float("nan")), "area_m2"),
    (replace(HUT[0], h_inside_w_m2k=-1.0), "h_inside_w_m2k"),
    (replace(HUT[0], h_outside_w_m2k=-1.0), "h_outside_w_m2k"),
    (replace(HUT[0], layers=(CONCRETE, replace(FOAM, conductivity_w_mk=0.0))), "layer 1 conductivity_w_mk"),
    (replace(HUT[0], layers=(replace(FOAM, thickness_m=-0.1),)), "layer 0 thickness_m"),
    (replace(HUT[0], layers=(replace(FOAM, density_kg_m3=-1.0),)), "layer 0 density_kg_m3"),
    (replace(HUT[0], layers=()), "without layers"),
    (replace(HUT[0], emissivity=1.2), "emissivity"),
    (replace(HUT[0], column=2), "column 2"),
    (replace(HUT[0], loads=(Load(7, 1.0),)), "column 7"),
]


@pytest.mark.parametrize(("element", "says"), BAD, ids=[says for _, says in BAD])
def test_impossible_constructions_are_named(element: Element, says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        build_network([HUT[1], element], 2)
    assert caught.value.where == "element 1"


def test_a_zone_needs_elements_and_heat_capacity() -> None:
    with pytest.raises(DataError, match="without elements"):
        build_network([], 1)
    with pytest.raises(DataError, match="without heat capacity"):
        build_network([Element(10.0, (GLASS,), 2.0, 10.0)], 1)
