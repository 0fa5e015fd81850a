"""Networks of many buildings with own layers against `build_network` of each, and what the reduction makes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import twin.kernels.energy  # noqa: F401
from tests.unit.energy_hut_fixture import BOARD, CONCRETE, FOAM, GLASS, HUT
from twin.energy.construction_batch import Block, Elements, Layers, Loads, build_networks
from twin.energy.constructions import Element, Layer, Load, build_network
from twin.energy.reduction import reduce_zones
from twin.errors import DataError
from twin.kernels.energy.network_contract import ZONE_COLUMNS
from twin.kernels.registry import get

COLUMNS = 3


def described(n: int, seed: int, parts: int) -> list[Elements]:
    """Buildings of up to four parts: a wall, a window, an inner wall, a roof; thicknesses differ up to fourfold."""
    rng = np.random.default_rng(seed)

    def some(low: float, high: float) -> Any:
        return rng.uniform(low, high, n)

    wall = Elements(
        some(5.0, 80.0),
        (
            Layers(some(0.05, 0.2), some(0.3, 2.0), 1400.0, 1000.0),
            Layers(1.0, 1.0 / some(1.0, 8.0)),
            Layers(some(0.005, 0.02), 0.14, some(400.0, 600.0), 900.0),
        ),
        some(0.7, 5.0), some(5.0, 25.0), 1, some(0.5, 1.0), (Loads(2, some(0.0, 9.0), inside=False),),
    )  # fmt: skip
    pane = Layer(0.003, 1.0)
    sun = Loads(2, some(0.0, 3.0)), Load(2, 0.4, inside=False)
    window = Elements(some(1.0, 12.0), (pane, Layers(0.012, some(0.03, 0.1)), pane), 2.4, some(8.0, 25.0), 0, 0.84, sun)
    inner = Element(40.0, (BOARD, FOAM), 2.2, 0.0)
    roof = Elements(60.0, (BOARD, Layers(some(0.05, 0.4), 0.04, 12.0, 840.0)), 5.0, 20.0, 1, 0.9, (Load(2, 1.5),))
    return [wall, window, inner, roof][:parts]


def of_building(elements: list[Elements | Element], row: int) -> list[Element]:
    """One building of a description."""

    def one(value: Any) -> float:
        return float(value[row]) if np.ndim(value) else value

    return [
        Element(
            one(e.area_m2),
            tuple(Layer(*(one(value) for value in vars(layer).values())) for layer in e.layers),
            one(e.h_inside_w_m2k), one(e.h_outside_w_m2k), e.column, one(e.emissivity),
            tuple(Load(load.column, one(load.amount), load.inside) for load in e.loads),
        )
        for e in elements
    ]  # fmt: skip


def by_row(blocks: list[Block], n: int) -> list[list[np.ndarray]]:
    found: list[list[np.ndarray]] = [[] for _ in range(n)]
    for rows, networks in blocks:
        for at, row in enumerate(rows):
            assert not found[row]
            found[row] = [values[at] for values in networks]
    return found


def chosen(elements: list[Elements | Element], rows: Any) -> list[Any]:
    """The description of some of the buildings."""

    def some(value: Any) -> Any:
        return value[rows] if np.ndim(value) else value

    return [
        replace(
            e,
            area_m2=some(e.area_m2), h_inside_w_m2k=some(e.h_inside_w_m2k), h_outside_w_m2k=some(e.h_outside_w_m2k),
            emissivity=some(e.emissivity),
            layers=tuple(type(y)(*(some(value) for value in vars(y).values())) for y in e.layers),
            loads=tuple(replace(y, amount=some(y.amount)) for y in e.loads),
        )
        for e in elements
    ]  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), parts=st.integers(1, 4), variant=st.sampled_from(["numba", "reference"]))
def test_batch_is_build_network_of_each_building(seed: int, parts: int, variant: str) -> None:
    elements = described(7, seed, parts)
    found = by_row(build_networks(elements, COLUMNS, radiant=0.6, room_k=290.0, variant=variant), 7)
    for row, ours in enumerate(found):
        plain = build_network(of_building(elements, row), COLUMNS, radiant=0.6, room_k=290.0)
        for name, got, truth in zip(plain._fields, ours, plain, strict=True):
            scale = float(np.abs(truth).max())
            np.testing.assert_allclose(got, truth, rtol=1e-11, atol=1e-12 * scale, err_msg=name)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_bits_of_a_building_are_its_own(seed: int) -> None:
    """In any order, and alone; the networks as well as the modes."""
    n, elements = 9, described(9, seed, 4)
    zones = np.random.default_rng(seed).uniform(0.0, 1.0, (n, len(ZONE_COLUMNS)))
    whole, modes = build_networks(elements, COLUMNS), reduce_zones(build_networks(elements, COLUMNS), zones)
    straight = by_row(whole, n)
    order = np.random.default_rng(seed).permutation(n)
    for rows in (order, np.array([4])):
        some = build_networks(chosen(elements, rows), COLUMNS)
        for at, ours in enumerate(by_row(some, len(rows))):
            for got, truth in zip(ours, straight[rows[at]], strict=True):
                assert got.tobytes() == truth.tobytes()
        for got, truth in zip(reduce_zones(some, zones[rows]), modes, strict=True):
            assert got.tobytes() == truth[rows].tobytes()


def test_blocks_reduce_as_networks_do() -> None:
    """One building of another kind is reduced to the same modes, to rounding."""
    n, elements = 12, described(12, 5, 4)
    blocks = build_networks(elements, COLUMNS)
    assert len(blocks) > 2
    assert sorted(np.concatenate([block.rows for block in blocks])) == list(range(n))
    zones = np.random.default_rng(1).uniform(0.0, 1.0, (n, len(ZONE_COLUMNS)))
    plain = [build_network(of_building(elements, row), COLUMNS) for row in range(n)]
    for got, truth in zip(reduce_zones(blocks, zones), reduce_zones(plain, zones), strict=True):
        np.testing.assert_allclose(got, truth, rtol=1e-6, atol=1e-9 * np.abs(truth).max())


def test_plain_elements_are_one_building() -> None:
    (block,) = build_networks(HUT, 2)
    assert block.rows.tolist() == [0]
    for got, truth in zip(block.networks, build_network(HUT, 2), strict=True):
        np.testing.assert_allclose(got[0], truth, rtol=1e-11, atol=1e-12 * np.abs(truth).max())


@pytest.mark.parametrize("count", [2, 6, 9])
def test_walls_that_are_alike_reduce_as_the_reference_says(count: int) -> None:
    """Equal walls have modes that the air does not reach at all, fewer are left than are kept."""
    wall = Element(10.0, (Layer(0.05, 1.0, 1400.0, 1000.0),), 2.5, 15.0)
    (block,) = build_networks([wall] * count, 1)
    made = block.networks
    zones = np.zeros((1, len(ZONE_COLUMNS)))
    arrays = zones, made.direct, made.solar_in, made.capacity_j_k, made.conductance_w_k, made.air_in_w_k
    ours, plain = (
        get("energy.zone_reduction", variant)(*arrays, made.drive_in, made.gain_in, 6)
        for variant in ("numba", "reference")
    )
    assert np.isfinite(np.concatenate([values.ravel() for values in ours])).all()
    assert (ours.rate < 0.0).all()

    def answer(modes: Any, rate: float) -> Any:
        """Heat to the air for each watt of gains that swing at a rate, 1/s."""
        return modes.zones[:, 4] + np.sum(modes.air_in * modes.gain_in / (rate - modes.rate), axis=1)

    for rate in (0.0, 1e-6, 1e-4, 1e-2):
        np.testing.assert_allclose(answer(ours, rate), answer(plain, rate), rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "says", "where"),
    [
        ({"area_m2": np.array([1.0, 0.0, 1.0])}, "area_m2 is 0", "building 1, element 1"),
        ({"area_m2": np.array([1.0, 1.0])}, r"area_m2 has the shape \(2,\)", "element 1"),
        ({"area_m2": np.ones((3, 1))}, "area_m2 has the shape", "element 1"),
        ({"h_inside_w_m2k": np.nan}, "h_inside_w_m2k is nan", "building 0, element 1"),
        ({"h_outside_w_m2k": np.array([1.0, 1.0, -1.0])}, "h_outside_w_m2k is -1", "building 2, element 1"),
        ({"emissivity": np.array([0.9, 0.9, 1.2])}, "emissivity is 1.2", "building 2, element 1"),
        ({"layers": (FOAM, Layers(np.array([0.1, -0.1, 1.0]), 0.04))}, "layer 1 thickness_m", "building 1, element 1"),
        ({"layers": (Layers(0.1, 0.04, -5.0, 1.0),)}, "layer 0 density_kg_m3 is -5", "building 0, element 1"),
        ({"layers": ()}, "without layers", "element 1"),
        ({"column": 2}, "column 2 is not a drive", "element 1"),
        ({"loads": (Loads(1, np.array([1.0, np.inf, 1.0])),)}, "load 0 amount is inf", "building 1, element 1"),
    ],
)  # fmt: skip
def test_impossible_constructions_are_named(change: dict[str, Any], says: str, where: str) -> None:
    wall = Elements(np.array([5.0, 6.0, 7.0]), (CONCRETE,), 2.5, 15.0)
    with pytest.raises(DataError, match=says) as caught:
        build_networks([wall, replace(wall, **change)], 2)
    assert caught.value.where == where


def test_a_building_needs_elements_and_heat_capacity() -> None:
    with pytest.raises(DataError, match="without elements"):
        build_networks([], 1)
    half = Layers(0.1, 1.0, np.array([1000.0, 0.0]), 1000.0)
    with pytest.raises(DataError, match="without heat capacity") as caught:
        build_networks([Elements(10.0, (GLASS, half), 2.0, 10.0)], 1)
    assert caught.value.where == "building 1"
