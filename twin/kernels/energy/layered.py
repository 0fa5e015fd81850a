"""From layered constructions to networks of nodes, many zones at once: family ``energy.zone_assembly``.

A chain of cells for every element, from its inside to its outside surface; inside surfaces exchange heat with the air
by convection and with each other by radiation through one mean radiant node (J. A. Carroll, "An 'MRT method' of
computing radiant energy exchange in rooms", Proc. 2nd Systems Simulation and Economics Conference, San Diego (1980)).
What has no capacity, surfaces, glass and the radiant node, is eliminated exactly. `twin.energy.construction_batch`
makes the inputs and says what they mean; `twin.energy.constructions.build_network` does the same for one zone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant

Float = NDArray[np.float64]
Whole = NDArray[np.int64]
STEFAN_BOLTZMANN = 5.670374419e-8
FACTOR_ROUNDS, FACTOR_SETTLED, FACTOR_MOST = 200, 1e-12, 1000.0
"""Of Carroll's factors: rounds at most, change at which they are settled, and the largest."""


class Networks(NamedTuple):
    """Networks of n zones with s nodes, m drives and e inside surfaces; fields of `twin.energy.constructions.Network`.

    capacity_j_k (n, s), conductance_w_k (n, s, s), air_in_w_k (n, s), drive_in (n, s, m), gain_in (n, s), direct
    (n, m), direct_gain (n,), direct_air (n,), solar_in (n, m), surface_state (n, e, s), surface_input (n, e, m + 2);
    gains per watt.
    """

    capacity_j_k: Float
    conductance_w_k: Float
    air_in_w_k: Float
    drive_in: Float
    gain_in: Float
    direct: Float
    direct_gain: Float
    direct_air: Float
    solar_in: Float
    surface_state: Float
    surface_input: Float


def empty(n: int, e: int, s: int, m: int) -> Networks:
    """Return networks of zeros."""
    shapes = (n, s), (n, s, s), (n, s), (n, s, m), (n, s), (n, m), (n,), (n,), (n, m), (n, e, s), (n, e, m + 2)
    return Networks(*(np.zeros(shape) for shape in shapes))


def reference(
    area_m2: Float,
    h_inside_w_m2k: Float,
    h_outside_w_m2k: Float,
    emissivity: Float,
    column: Whole,
    layers: Whole,
    resistance_m2k_w: Float,
    store_j_m2k: Float,
    cells: Whole,
    load_amount: Float,
    load_element: Whole,
    load_column: Whole,
    load_inside: Whole,
    columns: int,
    radiant: float,
    room_k: float,
) -> Networks:
    """Assemble each zone with all its nodes and eliminate those without capacity.

    Parameters
    ----------
    area_m2, h_inside_w_m2k, h_outside_w_m2k, emissivity : float64 (n, e)
    column, layers : int64 (e,)
        Drive with the temperature outside, and the number of layers, of each element.
    resistance_m2k_w, store_j_m2k : float64 (n, l)
        Of the layers of all elements, one element after the other, from inside to outside.
    cells : int64 (n, l)
        How many nodes each layer becomes, 0 for a mere resistance; together as many in every zone, at least one.
    load_amount : float64 (n, k)
        W that a surface absorbs for each unit of a drive.
    load_element, load_column, load_inside : int64 (k,)
        Whose surface, which drive, and 1 for the inside surface.
    columns : int
        Number of drives.
    radiant : float
        Share of the internal gains that is radiation.
    room_k : float
        The temperature about which radiation is made linear.
    """
    n, e = area_m2.shape
    s = int(cells[0].sum())
    found = empty(n, e, s, columns)
    for b in range(n):
        # Nodes: cells, inside surfaces, outside surfaces, the radiant node.
        size, star = s + 2 * e + 1, s + 2 * e
        k, heat = np.zeros((size, size)), np.zeros(s)
        inputs = np.zeros((size, columns + 2))  # drives, gains, air

        def link(i: int, j: int, value: float, k: Float = k) -> None:
            k[i, i] += value
            k[j, j] += value
            k[i, j] -= value
            k[j, i] -= value

        films = _radiant_films(area_m2[b], emissivity[b], room_k)
        at, layer = 0, 0
        for i in range(e):
            before, pending = s + i, 0.0
            for of_layer in range(layer, layer + layers[i]):
                count, resistance = cells[b, of_layer], resistance_m2k_w[b, of_layer]
                for _ in range(count):
                    half = 0.5 * resistance / count
                    link(before, at, area_m2[b, i] / (pending + half))
                    heat[at] = area_m2[b, i] * store_j_m2k[b, of_layer] / count
                    before, pending, at = at, half, at + 1
                if count == 0:
                    pending += resistance
            layer += layers[i]
            link(before, s + e + i, area_m2[b, i] / pending)
            link(s + i, star, films[i] * area_m2[b, i])
            inside, outside = h_inside_w_m2k[b, i] * area_m2[b, i], h_outside_w_m2k[b, i] * area_m2[b, i]
            k[s + i, s + i] += inside
            k[s + e + i, s + e + i] += outside
            inputs[s + e + i, column[i]] += outside
            inputs[s + i, columns] = radiant * area_m2[b, i] / area_m2[b].sum()
            inputs[s + i, columns + 1] = inside
        for amount, i, drive, within in zip(load_amount[b], load_element, load_column, load_inside, strict=True):
            inputs[s + i if within else s + e + i, drive] += amount
            found.solar_in[b, drive] += amount
        if k[star, star] == 0.0:  # one surface alone
            k[star, star] = 1.0
        couple = k[:s, s:]
        rest = np.linalg.solve(k[s:, s:], np.column_stack([couple.T, inputs[s:]]))
        state, into = rest[:, :s], rest[:, s:]
        nodes = inputs[:s] - couple @ into
        to_air = inputs[s:, columns + 1] @ into
        kept = k[:s, :s] - couple @ state
        found.capacity_j_k[b], found.conductance_w_k[b] = heat, 0.5 * (kept + kept.T)
        found.drive_in[b], found.gain_in[b], found.air_in_w_k[b] = nodes[:, :-2], nodes[:, -2], nodes[:, -1]
        found.direct[b], found.direct_gain[b] = to_air[:-2], 1.0 - radiant + to_air[-2]
        found.direct_air[b] = inputs[:, -1].sum() - to_air[-1]
        found.surface_state[b], found.surface_input[b] = -state[:e], into[:e]
    return found


def _radiant_films(area_m2: Float, emissivity: Float, room_k: float) -> Float:
    """Return coefficients between each surface and the radiant node; see `twin.energy.constructions.radiant_films`."""
    if len(area_m2) < 2:
        return np.zeros(len(area_m2))
    share, factor = area_m2 / area_m2.sum(), np.ones(len(area_m2))
    for _ in range(FACTOR_ROUNDS):
        seen = share * factor
        before, factor = factor, np.minimum(1.0 / (1.0 - seen / seen.sum()), FACTOR_MOST)
        if np.abs(factor - before).max() < FACTOR_SETTLED:
            break
    return np.asarray(4.0 * STEFAN_BOLTZMANN * room_k**3 / ((1.0 - emissivity) / emissivity + 1.0 / factor))


def _sample(size: int, rng: np.random.Generator) -> Inputs:
    """Return zones of a wall, a roof, a window of two panes and an inner wall, with random layers."""
    layers = np.array([3, 2, 1, 1])
    cells = np.tile([2, 0, 1, 1, 3, 0, 2], (size, 1))
    # Two layers share three cells, not always in the same way.
    cells[:, 3] += rng.integers(0, 2, size)
    cells[:, 4] = 4 - cells[:, 3]
    floor = 10.0 ** rng.uniform(1.5, 4.0, size)
    outside = rng.uniform(4.0, 25.0, (size, 4))
    outside[:, 3] = 0.0
    return {
        "area_m2": floor[:, None] * rng.uniform(0.1, 2.0, (size, 4)),
        "h_inside_w_m2k": rng.uniform(0.5, 5.0, (size, 4)),
        "h_outside_w_m2k": outside,
        "emissivity": rng.uniform(0.5, 1.0, (size, 4)),
        "column": np.array([1, 1, 0, 0]),
        "layers": layers,
        "resistance_m2k_w": 10.0 ** rng.uniform(-2.0, 0.7, cells.shape),
        "store_j_m2k": 10.0 ** rng.uniform(3.5, 5.5, cells.shape) * (cells > 0),
        "cells": cells,
        "load_amount": floor[:, None] * rng.uniform(0.0, 0.3, (size, 4)),
        "load_element": np.array([0, 1, 2, 3]),
        "load_column": np.array([2, 3, 3, 3]),
        "load_inside": np.array([0, 1, 0, 1]),
        "columns": 4,
        "radiant": 0.6,
        "room_k": 293.15,
    }


def _run(kernel: Kernel, inputs: Inputs) -> Networks:
    return Networks(*kernel(*inputs.values()))


def _still_at_one_temperature(kernel: Kernel, inputs: Inputs) -> None:
    """Nodes, air and outdoors equally warm and no loads: no heat flows, and surfaces are as warm."""
    made = _run(kernel, inputs | {"load_amount": np.zeros_like(inputs["load_amount"])})
    scale = made.direct_air
    into_nodes = made.air_in_w_k + made.drive_in.sum(axis=2) - made.conductance_w_k.sum(axis=2)
    assert np.all(np.abs(into_nodes) <= 1e-10 * np.abs(made.conductance_w_k).max(axis=(1, 2))[:, None])
    to_air = made.air_in_w_k.sum(axis=1) + made.direct.sum(axis=1) - scale
    assert np.all(np.abs(to_air) <= 1e-10 * scale)
    surfaces = made.surface_state.sum(axis=2) + made.surface_input.sum(axis=2) - made.surface_input[:, :, -2]
    np.testing.assert_allclose(surfaces, 1.0, rtol=1e-10)


def _reciprocal(kernel: Kernel, inputs: Inputs) -> None:
    """Hold that what one node gives to another comes back, and that all couplings draw together."""
    made = _run(kernel, inputs)
    np.testing.assert_array_equal(made.conductance_w_k, np.swapaxes(made.conductance_w_k, 1, 2))
    assert np.all(np.linalg.eigvalsh(made.conductance_w_k) > 0.0)
    assert np.all(made.air_in_w_k >= 0.0)


def _order_does_not_matter(kernel: Kernel, inputs: Inputs) -> None:
    n = len(inputs["area_m2"])
    order = np.random.default_rng(1).permutation(n)
    own = {a.name for a in INPUTS if a.shape[:1] == ("n",)}
    moved = {name: np.ascontiguousarray(v[order]) if name in own else v for name, v in inputs.items()}
    for straight, turned in zip(_run(kernel, inputs), _run(kernel, moved), strict=True):
        np.testing.assert_array_equal(turned, straight[order])


_N_E, _N_L, _N_S, _N_M, _E, _K = ("n", "e"), ("n", "l"), ("n", "s"), ("n", "m"), ("e",), ("k",)
INPUTS = (
    Array("area_m2", _N_E, "float64", "m2"),
    Array("h_inside_w_m2k", _N_E, "float64", "W/m2K"),
    Array("h_outside_w_m2k", _N_E, "float64", "W/m2K"),
    Array("emissivity", _N_E, "float64", "-"),
    Array("column", _E, "int64", "-"),
    Array("layers", _E, "int64", "-"),
    Array("resistance_m2k_w", _N_L, "float64", "m2K/W"),
    Array("store_j_m2k", _N_L, "float64", "J/m2K"),
    Array("cells", _N_L, "int64", "-"),
    Array("load_amount", ("n", "k"), "float64", "W per drive"),
    Array("load_element", _K, "int64", "-"),
    Array("load_column", _K, "int64", "-"),
    Array("load_inside", _K, "int64", "0 or 1"),
    Array("columns", (), "int64", "-"),
    Array("radiant", (), "float64", "-"),
    Array("room_k", (), "float64", "K"),
)
declare(
    Family(
        name="energy.zone_assembly",
        purpose="Layered constructions of buildings as networks of nodes with heat capacity.",
        inputs=INPUTS,
        outputs=(
            Array("capacity_j_k", _N_S, "float64", "J/K"),
            Array("conductance_w_k", ("n", "s", "s"), "float64", "W/K"),
            Array("air_in_w_k", _N_S, "float64", "W/K"),
            Array("drive_in", ("n", "s", "m"), "float64", "W per drive"),
            Array("gain_in", _N_S, "float64", "-"),
            Array("direct", _N_M, "float64", "W per drive"),
            Array("direct_gain", ("n",), "float64", "-"),
            Array("direct_air", ("n",), "float64", "W/K"),
            Array("solar_in", _N_M, "float64", "W per drive"),
            Array("surface_state", ("n", "e", "s"), "float64", "-"),
            Array("surface_input", ("n", "e", "m + 2"), "float64", "K per drive, watt of gains and kelvin of air"),
        ),
        sample=_sample,
        work=lambda inputs: float(len(inputs["area_m2"])),
        work_unit="building",
        source="EN ISO 52016-1:2017, 6.5.6; Carroll 1980, An MRT method of computing radiant energy exchange in rooms",
        rtol=1e-8,
        atol=1e-9,
        properties=(
            Property("at one temperature no heat flows", _still_at_one_temperature),
            Property("the network is reciprocal", _reciprocal),
            Property("the order of buildings does not change a bit", _order_does_not_matter),
        ),
    )
)
variant("energy.zone_assembly", "reference")(reference)
