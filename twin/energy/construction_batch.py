"""Networks of many buildings with layers of their own: what `twin.energy.constructions.build_network` makes of one.

The buildings share what a description is made of, elements, their layers and loads, and differ in the numbers. The
cells of a layer follow from its thickness and material, so the networks may differ in size; those of one size make a
block, as `twin.energy.reduction.reduce_zones` reduces them. A building has the same bits alone as among others.

An `Element`, a `Layer` or a `Load` of `twin.energy.constructions` may stand wherever all buildings have the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import twin.kernels.energy  # noqa: F401  (registers the kernels)
from twin.energy.constructions import CELL_OF_HOUR, ROOM_K, Element, Layer, Load
from twin.errors import DataError
from twin.kernels.energy.layered import Networks
from twin.kernels.registry import get

Float = NDArray[np.float64]
Whole = NDArray[np.int64]
Numbers = float | Float
"""One number for all buildings, or float64 (n,)."""


@dataclass(frozen=True)
class Layers:
    """One layer of n buildings. Fields as `Layer`; a resistance of R m²K/W is (1, 1 / R)."""

    thickness_m: Numbers
    conductivity_w_mk: Numbers
    density_kg_m3: Numbers = 0.0
    heat_capacity_j_kgk: Numbers = 0.0


@dataclass(frozen=True)
class Loads:
    """Heat that a surface of n buildings absorbs. Fields as `Load`."""

    column: int
    amount: Numbers
    inside: bool = True


@dataclass(frozen=True)
class Elements:
    """A part of n buildings. Fields as `Element`, without the tilt."""

    area_m2: Numbers
    layers: tuple[Layers | Layer, ...]
    h_inside_w_m2k: Numbers
    h_outside_w_m2k: Numbers
    column: int = 0
    emissivity: Numbers = 0.9
    loads: tuple[Loads | Load, ...] = ()


class Block(NamedTuple):
    """Networks of equal size: those of the buildings `rows`, int64 (b,), ascending."""

    rows: Whole
    networks: Networks


def build_networks(
    elements: Sequence[Elements | Element],
    columns: int,
    *,
    radiant: float = 0.5,
    room_k: float = ROOM_K,
    variant: str = "numba",
) -> list[Block]:
    """Return the networks of n zones, one building of `elements` each, in blocks from few nodes to many.

    Parameters
    ----------
    elements : sequence of Elements or Element
        Arrays are float64 (n,); with numbers alone there is one building.
    columns : int
        Number of drives.
    radiant, room_k : float
        As in `twin.energy.constructions.build_network`.
    variant : str
        Of `energy.zone_assembly`.

    Raises
    ------
    DataError
        As `build_network`, with the building; arrays whose lengths differ; a building without heat capacity.
    """
    if not elements:
        raise DataError("a zone without elements", remedy="give at least one construction")
    n = _count(elements)
    _check(elements, columns, n)
    layers = [layer for element in elements for layer in element.layers]
    loads = [(number, load) for number, element in enumerate(elements) for load in element.loads]
    thickness, conductivity, density, capacity = (
        _table(n, [getattr(layer, name) for layer in layers])
        for name in ("thickness_m", "conductivity_w_mk", "density_kg_m3", "heat_capacity_j_kgk")
    )
    own = (
        *(_table(n, [getattr(e, name) for e in elements]) for name in OF_ELEMENT),
        thickness / conductivity,
        thickness * density * capacity,
        _cells(thickness, conductivity, density * capacity),
        _table(n, [load.amount for _, load in loads]),
    )
    size = own[6].sum(axis=1)
    if not size.all():
        raise DataError(
            "a zone without heat capacity",
            where=f"building {int(np.argmin(size))}",
            remedy="give at least one layer a density and a heat capacity",
        )
    described = (_whole(e.column for e in elements), _whole(len(e.layers) for e in elements))
    where = (
        _whole(number for number, _ in loads),
        _whole(load.column for _, load in loads),
        _whole(load.inside for _, load in loads),
    )
    kernel = get("energy.zone_assembly", variant)
    blocks = []
    for nodes in np.unique(size):
        rows = np.flatnonzero(size == nodes)
        some = own if len(rows) == n else tuple(values[rows] for values in own)
        made = kernel(*some[:4], *described, *some[4:], *where, columns, radiant, room_k)
        blocks.append(Block(rows, made))
    return blocks


OF_ELEMENT = ("area_m2", "h_inside_w_m2k", "h_outside_w_m2k", "emissivity")


def _table(n: int, values: Sequence[Numbers]) -> Float:
    """Return values, (n, number of values)."""
    table = np.empty((n, len(values)))
    for at, value in enumerate(values):
        table[:, at] = value
    return table


def _whole(values: Iterator[int]) -> Whole:
    return np.array([*values], np.int64)


def _cells(thickness: Float, conductivity: Float, store: Float) -> Whole:
    """Return `twin.energy.constructions.cells_of` each layer."""
    heavy = store > 0.0
    depth = np.sqrt(conductivity / np.where(heavy, store, 1.0) * 3600.0)
    cells = np.maximum(np.ceil(thickness / (CELL_OF_HOUR * depth)), 1.0)
    return np.where(heavy, cells, 0.0).astype(np.int64)


def _numbers(elements: Sequence[Elements | Element]) -> Iterator[tuple[int, str, Numbers]]:
    """Yield element, name and value of all numbers, in the order in which `build_network` looks at them."""
    for number, element in enumerate(elements):
        yield from ((number, name, getattr(element, name)) for name in OF_ELEMENT)
        for at, layer in enumerate(element.layers):
            yield number, f"layer {at} thickness_m", layer.thickness_m
            yield number, f"layer {at} conductivity_w_mk", layer.conductivity_w_mk
            yield number, f"layer {at} density_kg_m3", layer.density_kg_m3
            yield number, f"layer {at} heat_capacity_j_kgk", layer.heat_capacity_j_kgk
        yield from ((number, f"load {at} amount", load.amount) for at, load in enumerate(element.loads))


def _count(elements: Sequence[Elements | Element]) -> int:
    """Return the number of buildings."""
    n = 0
    for number, name, value in _numbers(elements):
        shape = np.shape(value)
        if not shape:
            continue
        if len(shape) > 1 or shape[0] == 0 or (n and shape[0] != n):
            expected = f"a number or one for each of {n} buildings" if n else "a number or one for each building"
            raise DataError(f"{name} has the shape {shape}", where=f"element {number}", expected=expected)
        n = shape[0]
    return n or 1


def _check(elements: Sequence[Elements | Element], columns: int, n: int) -> None:
    for number, element in enumerate(elements):
        if not element.layers:
            raise DataError("a construction without layers", where=f"element {number}", expected="at least one layer")
        for column in (element.column, *(load.column for load in element.loads)):
            if not 0 <= column < columns:
                raise DataError(
                    f"column {column} is not a drive", where=f"element {number}", expected=f"0 to {columns - 1}"
                )
    for number, name, value in _numbers(elements):
        values = np.asarray(value, np.float64)
        kind = name.rsplit(maxsplit=1)[-1]
        if kind == "amount":
            good, expected = np.isfinite(values), "a number"
        elif kind == "emissivity":
            good, expected = (values > 0.0) & (values <= 1.0), "more than 0, at most 1"
        elif kind in ("h_outside_w_m2k", "density_kg_m3", "heat_capacity_j_kgk"):
            good, expected = np.isfinite(values) & (values >= 0.0), "a number that is not negative"
        else:
            good, expected = np.isfinite(values) & (values > 0.0), "a positive number"
        if not good.all():
            at = int(np.argmin(good))
            wrong = float(np.broadcast_to(values, n)[at])
            raise DataError(f"{name} is {wrong}", where=f"building {at}, element {number}", expected=expected)
