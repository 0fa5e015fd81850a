"""Networks of all buildings of a block at once: what `twin.energy.constructions.build_network` makes of one.

Equal constructions of different orientation are one element whose outside meets the mix of their drives, which is exact
since the network is linear. Every element is a chain of cells; inside surfaces, outside surfaces and the mean radiant
node have no capacity and are eliminated in closed form: surface i, with p to its first cell, f to the radiant node, h
to the air, o through a window to outdoors, t = p + f + h + o, and sources S, is at

    T_i = (p x_i + h T + S_i + f T*) / t,      T* = Σ f/t (p x + h T + S) / Σ f (1 - f/t)

Everything is element by element over the buildings, so that the bits of one do not depend on the others.

Films: EN ISO 6946:2017 and EN ISO 52016-1:2017, convection 2.5, 5.0, 0.7 W/m²K at walls, ceilings, floors. Shares of
gains to the air: EN ISO 52016-1, annex B, 0.4 of internal and 0.1 of solar gains, as recalled; not checked at source.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.energy import drives as d
from twin.energy.constructions import ROOM_K, STEFAN_BOLTZMANN
from twin.energy.fabric import ELEMENTS, Fabric, layers_of, mass_of, window_resistance
from twin.energy.ground import CONDUCTIVITY_W_MK, SOIL_M, STORE_J_M3K, floor_on_ground

Float = NDArray[np.float64]
FILM_W_M2K = {
    "wall": 2.5, "roof": 5.0, "floor": 0.7, "inner_floor": 2.5, "inner_wall": 2.5, "party": 2.5, "window": 2.5,
}  # fmt: skip
OUTSIDE_W_M2K = 25.0
CONVECTIVE, SUN_TO_AIR = 0.4, 0.1
ABSORPTANCE = 0.6
"""Of outer walls and roofs for sun, EN ISO 52016-1, annex B, intermediate colour."""
EMISSIVITY, GLASS_EMISSIVITY = 0.9, 0.84
WALL_SKY = 0.5 * 0.5**0.5
"""Share of a wall's long-wave exchange that is with the sky, Walton 1983, section 4.3; the rest is at air temperature.
What neighbours hide of the sky is taken as what they take of the sun (assumption)."""
CELLS = (0.15, 0.30, 0.55)
"""Shares of the layer with mass in its cells, from inside."""
LEAST_M2 = 1e-6


class Networks(NamedTuple):
    """Stacked networks of n buildings with s nodes, as `twin.energy.constructions.Network`, by watt of internal gains.

    film_w_k is Σ h_c A of the inside surfaces.
    """

    direct: Float
    solar_in: Float
    capacity_j_k: Float
    conductance_w_k: Float
    air_in_w_k: Float
    drive_in: Float
    gain_in: Float
    direct_gain: Float
    direct_air_w_k: Float
    film_w_k: Float


class Chain(NamedTuple):
    """An element from its inside surface outwards: W/m²K between nodes and J/m²K in them, each (n,).

    links: surface to first cell, between cells, and, where heat passes, last cell to outside surface; outside: from
    there on, 0 where none passes.
    """

    links: list[Float]
    heat: list[Float]
    outside: Float


def chains(fabric: Fabric) -> dict[str, Chain]:
    """Return the opaque elements of all buildings."""
    found = {}
    n = len(fabric.mass)
    for element in ("wall", "roof"):
        layers = layers_of(element, fabric.u_value_w_m2k[element], fabric.mass)
        slices = _sliced(layers.mass_m2k_w, layers.mass_j_m2k)
        slices += [(layers.insulation_m2k_w, None), (layers.cladding_m2k_w, layers.cladding_j_m2k)]
        found[element] = _chain(slices, np.full(n, OUTSIDE_W_M2K))
    floor = floor_on_ground(fabric.area_m2["floor"], fabric.perimeter_m, fabric.u_value_w_m2k["floor"])
    resistance, capacity = mass_of("floor", fabric.mass)
    slab = np.minimum(resistance, 0.5 * floor.construction_m2k_w)
    soil = np.full(n, SOIL_M / CONDUCTIVITY_W_MK), np.full(n, SOIL_M * STORE_J_M3K)
    slices = [*_sliced(slab, capacity), (floor.construction_m2k_w - slab, None), soil]
    found["floor"] = _chain(slices, 1.0 / floor.virtual_m2k_w)
    for element in ("inner_floor", "inner_wall", "party"):
        found[element] = _chain(_sliced(*mass_of(element, fabric.mass)), np.zeros(n))
    return found


def outside_sources(fabric: Fabric) -> dict[str, list[tuple[int, Float]]]:
    """Return what the outside surfaces absorb: watts for each unit of a drive, (column, (n,)) by element.

    That of the floor is the yearly swing of the ground's temperature.
    """
    walls, windows = fabric.wall_m2 * fabric.shading, fabric.window_m2 * np.minimum(fabric.shading, 1.0)
    seen = _over_walls(fabric.wall_m2 * np.minimum(fabric.shading, 1.0))
    floor = floor_on_ground(fabric.area_m2["floor"], fabric.perimeter_m, fabric.u_value_w_m2k["floor"])
    roof = fabric.area_m2["roof"] * fabric.roof_shading
    wall = [(d.WALLS.start + k, ABSORPTANCE * walls[:, k]) for k in range(walls.shape[1])]
    return {
        "wall": [*wall, (d.SKY, EMISSIVITY * WALL_SKY * seen)],
        "roof": [(d.ROOF, ABSORPTANCE * roof), (d.SKY, EMISSIVITY * np.minimum(roof, fabric.area_m2["roof"]))],
        "floor": [(d.SWING, floor.swing / floor.virtual_m2k_w * _area(fabric, "floor"))],
        "window": [(d.SKY, GLASS_EMISSIVITY * WALL_SKY * _over_walls(windows))],
    }


def light_through_windows(fabric: Fabric) -> Float:
    """Return the solar gain for each unit of the drives of `drives.LIGHT`, m², (n, 8)."""
    return np.asarray(fabric.window_m2 * fabric.shading * fabric.g_value[:, None])


def assemble(fabric: Fabric, parts: dict[str, Chain] | None = None) -> Networks:
    """Return the networks of buildings; `check_fabric` says beforehand what cannot be. parts: `chains`, if others."""
    parts, sources = chains(fabric) if parts is None else parts, outside_sources(fabric)
    names = (*ELEMENTS, "window")
    n, size = len(fabric.mass), sum(len(chain.heat) for chain in parts.values())
    capacity, conductance = np.zeros((n, size)), np.zeros((n, size, size))
    inputs = np.zeros((n, size, d.COLUMNS))
    first, at = {}, 0
    for name in ELEMENTS:
        first[name] = at
        at = _lay(at, parts[name], _area(fabric, name), (capacity, conductance, inputs), sources.get(name, ()), name)

    area = {name: _area(fabric, name) for name in names}
    film = radiant_films(np.stack([area[name] for name in names], axis=1))
    light = light_through_windows(fabric)
    opaque = _sum([area[name] for name in ELEMENTS])
    whole = opaque + area["window"]
    surfaces = {}
    for i, name in enumerate(names):
        own, own_gain = np.zeros((n, d.COLUMNS)), (1.0 - CONVECTIVE) * area[name] / whole
        to_cell, through = np.zeros(n), np.zeros(n)
        if name == "window":
            glass = 1.0 / window_resistance(fabric.u_value_w_m2k["window"])
            passed = glass / (glass + OUTSIDE_W_M2K)
            through = area[name] * OUTSIDE_W_M2K * passed
            own[:, d.AIR] = through
            for column, amount in sources["window"]:
                own[:, column] += passed * amount
        else:
            to_cell = parts[name].links[0] * area[name]
            own[:, d.LIGHT] = (1.0 - SUN_TO_AIR) * light * (area[name] / opaque)[:, None]
        radiant, air = film[:, i] * area[name], FILM_W_M2K[name] * area[name]
        surfaces[name] = _Surface(to_cell, radiant, air, through, own, own_gain)
    found = _eliminated(surfaces, first, capacity, conductance, inputs)
    found.direct[:, d.LIGHT] += SUN_TO_AIR * light
    found.solar_in[:, d.LIGHT] = light  # sun and sky outside count as less transmission
    return found


class _Surface(NamedTuple):
    """An inside surface: W/K to its first cell, the radiant node, the air and outdoors; W per drive and per gain."""

    cell: Float
    radiant: Float
    air: Float
    through: Float
    drives: Float
    gain: Float

    @property
    def total(self) -> Float:
        return self.cell + self.radiant + self.air + self.through


def _eliminated(
    surfaces: dict[str, _Surface], first: dict[str, int], capacity: Float, conductance: Float, inputs: Float
) -> Networks:
    """Add what the inside surfaces and the radiant node between them do; see the module."""
    n, size = capacity.shape
    air, gains = np.zeros((n, size)), np.zeros((n, size))
    items = list(surfaces.items())
    star = _sum([s.radiant * (1.0 - s.radiant / s.total) for _, s in items])
    star_air = _sum([s.air * s.radiant / s.total for _, s in items])
    star_drives = _sum([(s.radiant / s.total)[:, None] * s.drives for _, s in items])
    star_gain = _sum([s.radiant / s.total * s.gain for _, s in items])
    into = {name: s.cell * s.radiant / s.total for name, s in items if name in first}
    for name, s in items:
        if name not in first:
            continue
        i, share = first[name], s.cell / s.total
        conductance[:, i, i] += s.cell - share * s.cell
        for other, amount in into.items():
            conductance[:, i, first[other]] -= into[name] * amount / star
        air[:, i] = share * s.air + into[name] * star_air / star
        inputs[:, i] += share[:, None] * s.drives + (into[name] / star)[:, None] * star_drives
        gains[:, i] = share * s.gain + into[name] * star_gain / star
    direct = _sum([(s.air / s.total)[:, None] * s.drives for _, s in items])
    direct += (star_air / star)[:, None] * star_drives
    direct_gain = CONVECTIVE + _sum([s.air / s.total * s.gain for _, s in items]) + star_air / star * star_gain
    direct_air = _sum([s.air * (1.0 - s.air / s.total) for _, s in items]) - star_air**2 / star
    film = _sum([s.air for _, s in items])
    solar_in = np.zeros_like(direct)
    return Networks(direct, solar_in, capacity, conductance, air, inputs, gains, direct_gain, direct_air, film)


def _lay(
    at: int,
    chain: Chain,
    area: Float,
    network: tuple[Float, Float, Float],
    sources: list[tuple[int, Float]] | tuple[()],
    name: str,
) -> int:
    """Write the cells of an element from node `at` on and return the next free node."""
    capacity, conductance, inputs = network
    count = len(chain.heat)
    for k in range(count):
        capacity[:, at + k] = chain.heat[k] * area
    for k in range(1, count):
        link, a, b = chain.links[k] * area, at + k - 1, at + k
        conductance[:, a, a] += link
        conductance[:, b, b] += link
        conductance[:, a, b] -= link
        conductance[:, b, a] -= link
    if len(chain.links) > count:
        last = at + count - 1
        passed = chain.links[count] / (chain.links[count] + chain.outside)
        out = chain.outside * passed * area
        conductance[:, last, last] += out
        inputs[:, last, d.GROUND if name == "floor" else d.AIR] += out
        for column, amount in sources:
            inputs[:, last, column] += passed * amount
    return at + count


def radiant_films(area_m2: Float) -> Float:
    """Return `twin.energy.constructions.radiant_films` of many zones, (n, e); the last surface is glass."""
    emissivity = np.full(area_m2.shape[1], EMISSIVITY)
    emissivity[-1] = GLASS_EMISSIVITY
    share = area_m2 / _sum(list(area_m2.T))[:, None]
    factor, moving = np.ones_like(share), np.ones(len(share), bool)
    for _ in range(200):
        seen = share[moving] * factor[moving]
        after = np.minimum(1.0 / (1.0 - seen / _sum(list(seen.T))[:, None]), 1000.0)
        settled = np.abs(after - factor[moving]).max(axis=1) < 1e-12
        factor[moving] = after
        moving[np.flatnonzero(moving)[settled]] = False
        if not moving.any():
            break
    resistance = (1.0 - emissivity) / emissivity + 1.0 / factor
    return np.asarray(4.0 * STEFAN_BOLTZMANN * ROOM_K**3 / resistance)


def _sliced(resistance: Float, capacity: Float) -> list[tuple[Float, Float | None]]:
    return [(share * resistance, share * capacity) for share in CELLS]


def _chain(slices: list[tuple[Float, Float | None]], outside: Float) -> Chain:
    """Join slices (resistance, heat capacity or None) from inside to outside; capacities sit in their middles."""
    links, heat, pending = [], [], np.zeros(len(outside))
    for resistance, capacity in slices:
        if capacity is None:
            pending = pending + resistance
            continue
        links.append(1.0 / (pending + 0.5 * resistance))
        heat.append(capacity)
        pending = 0.5 * resistance
    if outside.any():
        links.append(1.0 / pending)
    return Chain(links, heat, outside)


def _area(fabric: Fabric, name: str) -> Float:
    """Return the area of an element, never 0, so that every building has the same nodes."""
    return np.maximum(fabric.area_m2[name], LEAST_M2)


def _over_walls(values: Float) -> Float:
    return _sum(list(values.T))


def _sum(values: list[Float]) -> Float:
    """Add in the order given, which no library reorders."""
    total = values[0]
    for value in values[1:]:
        total = total + value
    return np.asarray(total)
