"""The fast variant of ``energy.zone_assembly``: each zone in one go, surfaces eliminated in closed form.

An outside surface passes on what it absorbs by the share of its link in all its couplings. Inside surface i, with p
to its first cell, f to the radiant node, h to the air, o through glass to outdoors, t = p + f + h + o, and sources S,
is at

    T_i = (p x_i + h T + S_i + f T*) / t,      T* = Σ f/t (p x + h T + S) / Σ f (1 - f/t)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.kernels.energy.layered import (
    FACTOR_MOST,
    FACTOR_ROUNDS,
    FACTOR_SETTLED,
    STEFAN_BOLTZMANN,
    Networks,
    empty,
)
from twin.kernels.jit import njit
from twin.kernels.registry import variant
from twin.kernels.threads import over_threads

Float = NDArray[np.float64]
Whole = NDArray[np.int64]


@njit(cache=True, error_model="numpy")
def _films(area: Float, emissivity: Float, room_k: float, film: Float) -> None:
    """Fill in W/K between each surface and the radiant node."""
    e, total = len(area), 0.0
    for i in range(e):
        total += area[i]
        film[i] = 1.0
    if e < 2:
        film[:] = 0.0
        return
    for _ in range(FACTOR_ROUNDS):
        seen, moved = 0.0, 0.0
        for i in range(e):
            seen += area[i] / total * film[i]
        for i in range(e):
            after = min(1.0 / (1.0 - area[i] / total * film[i] / seen), FACTOR_MOST)
            moved = max(moved, abs(after - film[i]))
            film[i] = after
        if moved < FACTOR_SETTLED:
            break
    for i in range(e):
        resistance = (1.0 - emissivity[i]) / emissivity[i] + 1.0 / film[i]
        film[i] = 4.0 * STEFAN_BOLTZMANN * room_k**3 / resistance * area[i]


@njit(cache=True, error_model="numpy")
def _chains(
    area: Float,
    outside: Float,
    elements: tuple[Whole, Whole],
    of_layers: tuple[Float, Float, Whole],
    network: tuple[Float, Float, Float],
    ends: tuple[Whole, Whole],
    known: Float,
    sources: Float,
) -> None:
    """Lay the cells of all elements; `ends` (e,) become their first and last nodes, the last -1 without any.

    known (4, e): to the first cell, radiation (not here), through to outdoors, and what share of the absorbed gets in.
    """
    (column, layers), (resistance, store, cells) = elements, of_layers
    capacity, conductance, drives = network
    first, last = ends
    at, layer = 0, 0
    for i in range(len(area)):
        pending, begin = 0.0, at
        for k in range(layer, layer + layers[i]):
            count = cells[k]
            if count == 0:
                pending += resistance[k]
                continue
            half, heat = 0.5 * resistance[k] / count, area[i] * store[k] / count
            for _ in range(count):
                link = area[i] / (pending + half)
                if at == begin:
                    known[0, i] = link
                else:
                    conductance[at - 1, at - 1] += link
                    conductance[at, at] += link
                    conductance[at - 1, at] -= link
                    conductance[at, at - 1] -= link
                capacity[at] = heat
                pending = half
                at += 1
        layer += layers[i]
        link, out = area[i] / pending, outside[i] * area[i]
        known[3, i] = link / (link + out)
        passed = out * known[3, i]
        first[i], last[i] = begin, at - 1 if at > begin else -1
        if at > begin:
            conductance[at - 1, at - 1] += passed
            drives[at - 1, column[i]] += passed
        else:
            known[2, i] = passed
            sources[i, column[i]] += passed


@njit(cache=True, error_model="numpy")
def _surfaces(
    ends: tuple[Whole, Whole],
    known: Float,
    air: Float,
    sources: Float,
    network: tuple[Float, Float, Float, Float],
    direct: Float,
    state: Float,
    inputs: Float,
) -> tuple[float, float]:
    """Eliminate inside surfaces and radiant node; `sources` (e, m + 1) of drives and gains.

    Returns what a watt of radiant gains gives to the air at once, and W/K from the air to the surfaces.
    """
    conductance, air_in, drives, gains = network
    first, last = ends
    cell, radiant, through = known[0], known[1], known[2]
    e, m = len(cell), len(direct)
    star, star_air, direct_air = 0.0, 0.0, 0.0
    star_sources, into, total = np.zeros(m + 1), np.empty(e), np.empty(e)
    for i in range(e):
        total[i] = cell[i] + radiant[i] + air[i] + through[i]
        share = radiant[i] / total[i]
        star += share * (cell[i] + air[i] + through[i])
        star_air += share * air[i]
        into[i] = share * cell[i]
        direct_air += air[i] * (cell[i] + radiant[i] + through[i]) / total[i]
        for c in range(m + 1):
            star_sources[c] += share * sources[i, c]
    one = 1.0 / star if star > 0.0 else 0.0
    direct_gain = 0.0
    for i in range(e):
        share, at = cell[i] / total[i], first[i]
        to_air, via = air[i] / total[i], radiant[i] / total[i] * one
        for c in range(m):
            direct[c] += to_air * sources[i, c]
            inputs[i, c] = sources[i, c] / total[i] + via * star_sources[c]
        direct_gain += to_air * sources[i, m]
        inputs[i, m] = sources[i, m] / total[i] + via * star_sources[m]
        inputs[i, m + 1] = to_air + via * star_air
        for j in range(e):
            if last[j] >= 0:
                state[i, first[j]] = via * into[j]
        if last[i] < 0:
            continue
        state[i, at] += share
        conductance[at, at] += share * (radiant[i] + air[i] + through[i])
        for j in range(e):
            if last[j] >= 0:
                conductance[at, first[j]] -= into[i] * into[j] * one
        air_in[at] = share * air[i] + into[i] * one * star_air
        gains[at] = share * sources[i, m] + into[i] * one * star_sources[m]
        for c in range(m):
            drives[at, c] += share * sources[i, c] + into[i] * one * star_sources[c]
    for c in range(m):
        direct[c] += star_air * one * star_sources[c]
    direct_gain += star_air * one * star_sources[m]
    return direct_gain, direct_air - star_air * star_air * one


@njit(cache=True, error_model="numpy")
def _one(
    b: int,
    of_elements: tuple[Float, Float, Float, Float],
    elements: tuple[Whole, Whole],
    of_layers: tuple[Float, Float, Whole],
    amount: Float,
    loads: tuple[Whole, Whole, Whole],
    shares: tuple[float, float],
    out: tuple[Float, ...],
) -> None:
    area, h_inside, outside, emissivity = of_elements[0][b], of_elements[1][b], of_elements[2][b], of_elements[3][b]
    radiant, room_k = shares
    e, m = len(area), out[5].shape[1]
    ends, known, air = (np.empty(e, np.int64), np.empty(e, np.int64)), np.zeros((4, e)), np.empty(e)
    sources = np.zeros((e, m + 1))
    layers = of_layers[0][b], of_layers[1][b], of_layers[2][b]
    drives = out[3][b]
    _chains(area, outside, elements, layers, (out[0][b], out[1][b], drives), ends, known, sources)
    for k in range(len(loads[0])):
        i, column, watts = loads[0][k], loads[1][k], amount[b, k]
        out[8][b, column] += watts
        if loads[2][k]:
            sources[i, column] += watts
        elif ends[1][i] >= 0:
            drives[ends[1][i], column] += known[3, i] * watts
        else:
            sources[i, column] += known[3, i] * watts
    _films(area, emissivity, room_k, known[1])
    whole = 0.0
    for i in range(e):
        whole += area[i]
    for i in range(e):
        air[i] = h_inside[i] * area[i]
        sources[i, m] = radiant * area[i] / whole
    network = out[1][b], out[2][b], drives, out[4][b]
    gain, kelvin = _surfaces(ends, known, air, sources, network, out[5][b], out[9][b], out[10][b])
    out[6][b], out[7][b] = 1.0 - radiant + gain, kelvin


@over_threads
@njit(cache=True, nogil=True)
def _all(
    begin: int,
    end: int,
    of_elements: tuple[Float, Float, Float, Float],
    elements: tuple[Whole, Whole],
    of_layers: tuple[Float, Float, Whole],
    amount: Float,
    loads: tuple[Whole, Whole, Whole],
    shares: tuple[float, float],
    out: tuple[Float, ...],
) -> None:
    for b in range(begin, end):
        _one(b, of_elements, elements, of_layers, amount, loads, shares, out)


@variant("energy.zone_assembly", "numba")
def fast(
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
    """Assemble zones in parallel; see `twin.kernels.energy.layered.reference`."""
    n, e = area_m2.shape
    found = empty(n, e, int(cells[0].sum()), columns)
    _all(
        n,
        (area_m2, h_inside_w_m2k, h_outside_w_m2k, emissivity),
        (column, layers),
        (resistance_m2k_w, store_j_m2k, cells),
        load_amount,
        (load_element, load_column, load_inside),
        (float(radiant), float(room_k)),
        tuple(found),
    )
    return found
