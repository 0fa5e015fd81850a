"""The zone kernels and the reduction to modes: airing, set-points, comfort, precision, blocks."""

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
    GLASS,
    HOT,
    HUT,
    LIMITS,
    NO_MORE,
    batch,
    hut_zone,
    shared,
    weather,
)
from twin.energy.constructions import (
    Element,
    build_network,
)
from twin.energy.films import inside_surfaces
from twin.energy.reduction import reduce_zones
from twin.errors import DataError
from twin.kernels import registry
from twin.kernels.energy.modal import reduce_networks
from twin.kernels.energy.network_contract import ZONE, ZONE_COLUMNS, residual
from twin.kernels.registry import get

Float = NDArray[np.float64]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), modes=st.integers(1, 8))
def test_modes_keep_the_balance_and_the_steady_state(seed: int, modes: int) -> None:
    rng = np.random.default_rng(seed)
    family = registry.family("energy.zone_network")
    full = family.sample(5, rng)
    arrays = [full[name] for name in list(full)[6:14]]
    reduced = reduce_networks(*arrays, modes=modes)
    assert np.all(reduced.rate < 0.0)
    assert reduced.rate.shape == (5, min(modes, 8))
    profiles = [full[name] for name in list(full)[:6]]
    out = get("energy.zone_modal", "numba")(*profiles, *reduced, 20.0, HOT, 72, 1)
    assert residual(out[3]).max() < 1e-9
    if modes == 8:
        exact = get("energy.zone_network", "numba")(*profiles, *arrays, 20.0, HOT, 72)
        for a, b in zip(out, exact, strict=True):
            np.testing.assert_array_equal(a, b)


def test_more_modes_come_closer() -> None:
    network, drive = build_network(HUT, 2), weather(480)
    arrays = batch(network, leak=15.0, air=1.3e5)
    exact = get("energy.zone_network", "numba")(*shared(drive), *arrays, 20.0, HOT, 240)[2]
    apart = []
    for modes in (2, 4, 6, 8):
        air = get("energy.zone_modal", "numba")(
            *shared(drive), *reduce_networks(*arrays, modes=modes), 20.0, HOT, 240, 1
        )[2]
        apart.append(float(np.abs(air - exact).max()))
    assert apart[3] < apart[1] < apart[0]
    assert apart[2] < 0.05


def test_one_building_does_not_feel_the_others() -> None:
    """The same bits alone as in any place of several blocks; without hourly results the same sums."""
    family = registry.family("energy.zone_modal")
    inputs = family.sample(140, np.random.default_rng(4))
    together = family.call("numba", inputs)
    own = [a.name for a in family.inputs if a.shape[:1] == ("n",)]
    for at in (0, 63, 64, 127, 128, 139):
        alone = family.call("numba", inputs | {name: inputs[name][at : at + 1] for name in own})
        for index in (0, 1, 2, 4):
            assert alone[index].tobytes() == together[index][at : at + 1].tobytes()
        np.testing.assert_allclose(alone[3][0], together[3][at], rtol=1e-9, atol=1e-6)
    silent = family.call("numba", inputs | {"record": 0})
    assert silent[0].shape == (0, 0)
    np.testing.assert_array_equal(silent[3], together[3])
    np.testing.assert_array_equal(silent[4], together[4])


def test_single_precision_is_close() -> None:
    """A quarter of a year of huts of several sizes: sums to 2e-5, temperatures to 2e-4 K; a building alone the same."""
    count, drive = 70, weather(2190)
    size = np.geomspace(0.5, 200.0, count)
    zones, *rest = hut_zone(air_capacity_j_k=1.3e5, surface_film_w_k=400.0, airing_w_k=30.0, direct_gain_w=0.5)
    big = [np.stack([a[0] * s for s in size]) for a in (zones, *rest)]
    inputs = *shared(drive, gain=100.0)[:5], np.zeros(count, np.int64), *reduce_networks(*big), 20.0, HOT, 240, 1
    double, single = (get("energy.zone_modal", variant)(*inputs) for variant in ("numba", "numba_single"))
    np.testing.assert_allclose(single[2], double[2], atol=2e-4)
    np.testing.assert_allclose(single[3][:, [0, 1, 5]], double[3][:, [0, 1, 5]], rtol=2e-5)
    np.testing.assert_allclose(single[4][:, :5], double[4][:, :5], rtol=2e-5)
    assert np.all(np.abs(single[4][:, 5] - double[4][:, 5]) <= 2)
    last = [a[-1:] if np.ndim(a) and len(a) == count else a for a in inputs]
    alone = get("energy.zone_modal", "numba_single")(*last)
    for index in (0, 1, 2, 4):
        assert alone[index].tobytes() == single[index][-1:].tobytes()


@pytest.mark.parametrize("idle", [0, 3])
def test_both_reductions_give_the_same_building(idle: int) -> None:
    """With equal walls, whose modes are equal too, and with nodes that nothing reaches; and again without a loss."""
    elements = (*HUT, replace(HUT[0], column=1), HUT[0])
    arrays = [*batch(build_network(elements, 2), leak=15.0, air=1.3e5)]
    nodes = arrays[3].shape[1]
    arrays[3] = np.concatenate([arrays[3], np.full((1, idle), 1e5)], axis=1)
    whole = np.eye(nodes + idle)[None].copy()
    whole[:, :nodes, :nodes] = arrays[4]
    arrays[4] = whole
    arrays[5:] = [np.concatenate([a, np.zeros((1, idle, *a.shape[2:]))], axis=1) for a in arrays[5:]]
    for modes in (6, nodes + idle):
        plain, fast = (get("energy.zone_reduction", variant)(*arrays, modes) for variant in ("reference", "numba"))
        np.testing.assert_allclose(fast.rate[:, -6:], plain.rate[:, -6:], rtol=1e-6)
        series = [
            get("energy.zone_modal", "numba")(*shared(weather(240)), *made, 20.0, HOT, 240, 1)[2]
            for made in (plain, fast)
        ]
        np.testing.assert_allclose(*series, atol=1e-5)


def test_zones_are_reduced_together_as_alone() -> None:
    """A hut, a shed of fewer nodes than modes and a hut with twice the gains: each as its full network."""
    shed = build_network([Element(50.0, (BOARD,), 2.5, 15.0), Element(20.0, (BOARD, GLASS), 2.5, 9.0)], 2)
    networks = [build_network(HUT, 2), shed, build_network(HUT, 2)]
    assert len(shed.capacity_j_k) < 6
    zones = np.array([[15.0, 0.0, 1e5, internal, 0.0, 0.0, *LIMITS, *NO_MORE] for internal in (40.0, 30.0, 80.0)])
    drive = weather(240)
    drive_and_profiles = (*shared(drive, gain=5.0)[:5], np.zeros(3, np.int64))
    out = get("energy.zone_modal", "numba")(*drive_and_profiles, *reduce_zones(networks, zones), 20.0, HOT, 240, 1)
    assert residual(out[3]).max() < 1e-9
    np.testing.assert_allclose(out[3][:, 2], [40.0 * 5.0 * 240, 30.0 * 5.0 * 240, 80.0 * 5.0 * 240])
    for row, network in enumerate(networks):
        alone = get("energy.zone_network", "numba")(
            *shared(drive, gain=5.0 * zones[row, 3]), *batch(network, leak=15.0, air=1e5), 20.0, HOT, 240
        )
        assert np.abs(out[2][row] - alone[2][0]).max() < 0.05
        assert out[3][row, 0] == pytest.approx(alone[3][0, 0], rel=0.006)


@pytest.mark.parametrize("variant", ["reference", "numba"])
def test_airing_takes_what_it_needs_to_hold_the_middle(variant: str) -> None:
    """Steady heat of 3 kW at 10 °C outside: H = P / (23 - 10) with enough airing, else the given one; then cooling."""
    drive = np.zeros((48, 2))
    drive[:, 0] = 10.0
    gain, run = 3000.0, get("energy.zone_network", variant)
    inside = shared(drive, gain=gain, high=26.0)
    free = hut_zone(direct_gain_w=1.0, cooling_limit_w=0.0)
    held = run(*inside, *hut_zone(direct_gain_w=1.0, airing_w_k=1e4), 20.0, HOT, 48)
    np.testing.assert_allclose(held[2], 23.0, atol=1e-4)
    assert not held[1].any()
    few = run(*inside, *hut_zone(direct_gain_w=1.0, airing_w_k=20.0, cooling_limit_w=0.0), 20.0, HOT, 48)
    more_leaks = hut_zone(direct_gain_w=1.0, h_leak_w_k=35.0, cooling_limit_w=0.0)
    np.testing.assert_allclose(few[2], run(*inside, *more_leaks, 20.0, HOT, 48)[2], rtol=1e-6)
    np.testing.assert_allclose(few[3][:, 5], 35.0 * (few[2][0] - 10.0).sum(dtype=np.float64), rtol=1e-5)
    assert np.all(few[2] < run(*inside, *free, 20.0, HOT, 48)[2])
    cooled = run(*inside, *hut_zone(direct_gain_w=1.0, airing_w_k=20.0), 20.0, HOT, 48)
    assert cooled[1].min() > 0.0
    np.testing.assert_allclose(cooled[2], 26.0, atol=1e-4)


@pytest.mark.parametrize(("offset", "air_c"), [(-3.0, 17.0), (1.5, 21.5), (9.0, 25.5)])
def test_the_offset_moves_the_heating_set_point(offset: float, air_c: float) -> None:
    drive = np.zeros((24, 2))
    arrays = hut_zone(heat_offset_k=offset)
    air = get("energy.zone_network", "numba")(*shared(drive), *arrays, 20.0, HOT, 24)[2]
    np.testing.assert_allclose(air, air_c, atol=1e-4)
    tight = get("energy.zone_network", "numba")(*shared(drive, high=20.0), *arrays, 20.0, HOT, 24)[2]
    np.testing.assert_allclose(tight, min(20.0, air_c), atol=1e-4)


def test_operative_temperature_is_that_of_air_and_surfaces() -> None:
    drive, network = weather(240), build_network(HUT, 2, radiant=0.7)
    coupling = np.array([element.area_m2 * element.h_inside_w_m2k for element in HUT])
    gain = 300.0
    zones, *rest = batch(network)
    zones[:, ZONE["direct_gain_w"]] = network.direct_gain
    zones[:, ZONE["surface_film_w_k"]], zones[:, ZONE["convective_w"]] = coupling.sum(), 0.3
    rest[-1] = network.gain_in[None]
    inputs = *shared(drive, gain=gain), zones, *rest, 20.0, 18.0, 240
    *_, air, _, figures = get("energy.zone_network", "numba")(*inputs)
    surfaces = inside_surfaces(network, drive, np.full(240, gain), air[0].astype(float))
    operative = 0.5 * (air[0] + surfaces @ coupling / coupling.sum())
    assert figures[0, 6] == pytest.approx(operative.max(), abs=0.15)  # slopes within the hours are left out there
    hot = get("energy.zone_network", "numba")(*inputs[:-2], float(np.median(operative)), 240)[4][0, 5]
    assert hot == pytest.approx(120, abs=4)


def test_impossible_zones_are_named() -> None:
    networks = [build_network(HUT, 2)] * 2
    zones = np.ones((2, len(ZONE_COLUMNS)))
    with pytest.raises(DataError, match="2 networks"):
        reduce_zones(networks, zones[:1])
    zones[1, 6] = -5.0
    with pytest.raises(DataError, match="heating_limit_w is -5") as caught:
        reduce_zones(networks, zones)
    assert caught.value.where == "zones[1] heating_limit_w"
    zones[1, 6] = 5.0
    zones[0, ZONE["heat_offset_k"]], zones[0, ZONE["heat_recovery"]] = -2.0, 1.2
    with pytest.raises(DataError, match="heat_recovery is"):
        reduce_zones(networks, zones)
