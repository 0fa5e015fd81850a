"""From layered constructions to the network of nodes that ``energy.zone_network`` and ``energy.zone_modal`` step.

Every element is a chain from the inside surface through cells with heat capacity to the outside surface. Inside
surfaces exchange heat with the air by convection and with each other by radiation through one mean radiant node
(J. A. Carroll, "An 'MRT method' of computing radiant energy exchange in rooms", Proc. 2nd Systems Simulation and
Economics Conference, San Diego (1980)); the outside surface meets a given temperature, for instance a sol-air
temperature. What has no capacity, surfaces and glass, is eliminated exactly.

Film coefficients are inputs; `twin.energy.films` finds those of natural convection.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.errors import DataError

Float = NDArray[np.float64]
STEFAN_BOLTZMANN = 5.670374419e-8
ROOM_K = 293.15
CELL_OF_HOUR = 0.5
"""Thickness of a cell at most, as a share of √(diffusivity · 1 h), about how deep an hourly wave reaches."""


@dataclass(frozen=True)
class Layer:
    """One layer of a construction. Density 0 makes it a mere resistance."""

    thickness_m: float
    conductivity_w_mk: float
    density_kg_m3: float = 0.0
    heat_capacity_j_kgk: float = 0.0


@dataclass(frozen=True)
class Load:
    """Heat that a surface absorbs: `amount` watts for each unit of the drive in `column`."""

    column: int
    amount: float
    inside: bool = True


@dataclass(frozen=True)
class Element:
    """A part of the envelope, or something inside with no outside.

    Parameters
    ----------
    area_m2 : float
    layers : tuple of Layer
        From inside to outside.
    h_inside_w_m2k : float
        Convection only; radiation is added by the emissivity.
    h_outside_w_m2k : float
        Convection and radiation together; 0 where no heat passes, as in the middle of an inner wall.
    column : int
        Drive with the temperature outside.
    emissivity : float
        Of the inside, long-wave.
    loads : tuple of Load
    tilt_deg : float
        Of the normal into the room: 0 floor, 90 wall, 180 ceiling. Only the films depend on it.
    """

    area_m2: float
    layers: tuple[Layer, ...]
    h_inside_w_m2k: float
    h_outside_w_m2k: float
    column: int = 0
    emissivity: float = 0.9
    loads: tuple[Load, ...] = ()
    tilt_deg: float = 90.0


class Network(NamedTuple):
    """One zone, its capacities and couplings; symbols of `twin.kernels.energy.network_contract`.

    capacity_j_k (s,), conductance_w_k (s, s), air_in_w_k (s,), drive_in (s, m), gain_in (s,), direct (m,), direct_gain,
    direct_air, solar_in (m,). Gains are per watt, of which `radiant` falls on the surfaces by area. The temperatures of
    the inside surfaces (e,) are surface_state (e, s) times the nodes plus surface_input (e, m + 2) times the drives,
    the gains in W, and the air.
    """

    capacity_j_k: Float
    conductance_w_k: Float
    air_in_w_k: Float
    drive_in: Float
    gain_in: Float
    direct: Float
    direct_gain: float
    direct_air: float
    solar_in: Float
    surface_state: Float
    surface_input: Float


def radiant_films(area_m2: Float, emissivity: Float, room_k: float = ROOM_K) -> Float:
    """Return coefficients between each surface and the mean radiant node, W/m²K, float64 like `area_m2`.

    room_k: the temperature about which radiation is made linear.

    Carroll's factors solve F = 1 / (1 - A F / ΣA F). A surface larger than all others together sees itself: its factor
    grows beyond limits, here to 1000, and the others see nothing but it. One surface alone gets 0.
    """
    if len(area_m2) < 2:
        return np.zeros(len(area_m2))
    share = area_m2 / area_m2.sum()
    factor = np.ones(len(area_m2))
    for _ in range(200):  # about fifteen are needed where no surface is larger than the others together
        seen = share * factor
        before, factor = factor, np.minimum(1.0 / (1.0 - seen / seen.sum()), 1000.0)
        if np.abs(factor - before).max() < 1e-12:
            break
    resistance = (1.0 - emissivity) / emissivity + 1.0 / factor
    return np.asarray(4.0 * STEFAN_BOLTZMANN * room_k**3 / resistance)


def cells_of(layer: Layer) -> int:
    """Return into how many cells a layer is divided, 0 for a resistance."""
    store = layer.density_kg_m3 * layer.heat_capacity_j_kgk
    if store == 0.0:
        return 0
    depth = math.sqrt(layer.conductivity_w_mk / store * 3600.0)
    return max(1, math.ceil(layer.thickness_m / (CELL_OF_HOUR * depth)))


def build_network(
    elements: Sequence[Element], columns: int, *, radiant: float = 0.5, room_k: float = ROOM_K
) -> Network:
    """Return the network of a zone.

    Parameters
    ----------
    elements : sequence of Element
    columns : int
        Number of drives.
    radiant : float
        Share of the internal gains that is radiation.
    room_k : float
        As in `radiant_films`.

    Raises
    ------
    DataError
        An element with an area, thickness, conductivity or film that is not positive, a negative density or heat
        capacity, an emissivity outside (0, 1], or an unknown column; names element and layer.
    """
    if not elements:
        raise DataError("a zone without elements", remedy="give at least one construction")
    for number, element in enumerate(elements):
        _check(element, number, columns)
    chains = [_chain(element) for element in elements]
    size = sum(len(capacity) for capacity, _ in chains) + 1
    capacity, air = np.zeros(size), np.zeros(size)
    conductance, drives, gains = np.zeros((size, size)), np.zeros((size, columns)), np.zeros(size)
    solar = np.zeros(columns)
    area = np.array([element.area_m2 for element in elements])
    films = radiant_films(area, np.array([element.emissivity for element in elements]), room_k)
    star, first = size - 1, 0
    inside = []

    def link(a: int, b: int, value: float) -> None:
        conductance[a, a] += value
        conductance[b, b] += value
        conductance[a, b] -= value
        conductance[b, a] -= value

    for element, film, (heat, links) in zip(elements, films, chains, strict=True):
        last = first + len(heat) - 1
        inside.append(first)
        capacity[first : last + 1] = heat
        for step, value in enumerate(links):
            link(first + step, first + step + 1, value)
        if film > 0.0:
            link(first, star, film * element.area_m2)
        air[first] += element.h_inside_w_m2k * element.area_m2
        conductance[first, first] += element.h_inside_w_m2k * element.area_m2
        outside = element.h_outside_w_m2k * element.area_m2
        conductance[last, last] += outside
        drives[last, element.column] += outside
        gains[first] += radiant * element.area_m2 / area.sum()
        for load in element.loads:
            drives[first if load.inside else last, load.column] += load.amount
            solar[load.column] += load.amount
        first = last + 1
    if conductance[star, star] == 0.0:
        capacity, air, drives, gains = capacity[:-1], air[:-1], drives[:-1], gains[:-1]
        conductance = conductance[:-1, :-1]
    return _eliminated(capacity, conductance, air, np.column_stack([drives, gains, air]), 1.0 - radiant, solar, inside)


def _eliminated(
    capacity: Float,
    conductance: Float,
    air: Float,
    inputs: Float,
    convective: float,
    solar: Float,
    inside: list[int],
) -> Network:
    """Return the network of the nodes with capacity."""
    heavy, light = np.flatnonzero(capacity > 0.0), np.flatnonzero(capacity == 0.0)
    if len(heavy) == 0:
        raise DataError("a zone without heat capacity", remedy="give at least one layer a density and a heat capacity")
    couple = conductance[np.ix_(heavy, light)]
    rest = np.linalg.solve(conductance[np.ix_(light, light)], np.column_stack([couple.T, inputs[light]]))
    at = len(heavy)
    kept = conductance[np.ix_(heavy, heavy)] - couple @ rest[:, :at]
    into = inputs[heavy] - couple @ rest[:, at:]
    direct = air[light] @ rest[:, at:]
    m = len(solar)
    surfaces = np.searchsorted(light, inside)
    return Network(
        capacity[heavy],
        0.5 * (kept + kept.T),
        into[:, m + 1],
        into[:, :m],
        into[:, m],
        direct[:m],
        convective + float(direct[m]),
        float(air.sum() - direct[m + 1]),
        solar,
        np.asarray(-rest[surfaces, :at], np.float64),
        np.asarray(rest[surfaces, at:], np.float64),
    )


def _chain(element: Element) -> tuple[list[float], list[float]]:
    """Return the capacities (J/K) of the nodes of an element, surfaces included, and the links between them (W/K)."""
    heat, links, pending = [0.0], [], 0.0
    for layer in element.layers:
        cells = cells_of(layer)
        resistance = layer.thickness_m / layer.conductivity_w_mk
        store = element.area_m2 * layer.thickness_m * layer.density_kg_m3 * layer.heat_capacity_j_kgk
        for _ in range(cells):
            links.append(element.area_m2 / (pending + 0.5 * resistance / cells))
            heat.append(store / cells)
            pending = 0.5 * resistance / cells
        if cells == 0:
            pending += resistance
    links.append(element.area_m2 / pending)
    heat.append(0.0)
    return heat, links


def _check(element: Element, number: int, columns: int) -> None:
    where = f"element {number}"
    positive = {"area_m2": element.area_m2, "h_inside_w_m2k": element.h_inside_w_m2k}
    not_negative = {"h_outside_w_m2k": element.h_outside_w_m2k}
    for at, layer in enumerate(element.layers):
        positive |= {
            f"layer {at} thickness_m": layer.thickness_m,
            f"layer {at} conductivity_w_mk": layer.conductivity_w_mk,
        }
        not_negative |= {
            f"layer {at} density_kg_m3": layer.density_kg_m3,
            f"layer {at} heat_capacity_j_kgk": layer.heat_capacity_j_kgk,
        }
    for name, value in positive.items():
        if not (math.isfinite(value) and value > 0.0):
            raise DataError(f"{name} is {value}", where=where, expected="a positive number")
    for name, value in not_negative.items():
        if not (math.isfinite(value) and value >= 0.0):
            raise DataError(f"{name} is {value}", where=where, expected="a number that is not negative")
    if not element.layers:
        raise DataError("a construction without layers", where=where, expected="at least one layer")
    if not 0.0 < element.emissivity <= 1.0:
        raise DataError(f"emissivity is {element.emissivity}", where=where, expected="more than 0, at most 1")
    for column in (element.column, *(load.column for load in element.loads)):
        if not 0 <= column < columns:
            raise DataError(f"column {column} is not a drive", where=where, expected=f"0 to {columns - 1}")
