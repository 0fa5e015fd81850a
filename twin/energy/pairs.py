"""The heat balance of zones, two of which may share a floor (`twin.energy.parts`).

The floor between is the building's own floor between storeys. Half of it stands in each zone's network, below as a
ceiling in the place of the roof, above as a floor in the place of that on the ground; a conductance joins the halves.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from twin.energy.assembly import CELLS, Networks, assemble, chains
from twin.energy.balances import START_C, WARMUP_HOURS, Balance, modal_balance, schedules_of, zone_table
from twin.energy.fabric import ELEMENTS, Fabric, mass_of
from twin.energy.parameters import EnergyParameters
from twin.energy.parts import Parts
from twin.energy.profiles import Profiles
from twin.energy.zones import Zones
from twin.kernels import registry
from twin.kernels.energy.pair_reduction import PAIR_MODES, join

Float = NDArray[np.float64]
Ints = NDArray[np.int64]
Fields = TypeVar("Fields", Zones, Fabric)


class Pairs(NamedTuple):
    """Networks of k pairs, the ground floor first: what `energy.pair_reduction` takes but the number of modes."""

    zones: Float
    direct: Float
    capacity_j_k: Float
    conductance_w_k: Float
    air_in_w_k: Float
    drive_in: Float
    gain_in: Float
    link_w_k: Float


def zones_balance(
    parts: Parts,
    between_m2: Float,
    zones: Zones,
    fabric: Fabric,
    profiles: Profiles,
    profile: Ints,
    drive: Float,
    parameters: EnergyParameters,
    variant: str,
) -> tuple[Balance, Float]:
    """Return the balance of all zones, and the heat from the ground floors upwards in Wh, float64 (k,).

    Parameters
    ----------
    parts : Parts
    between_m2 : float64 (n + k,)
        Floor that each zone shares with another.
    zones, fabric, profiles, profile, drive, parameters, variant
        As `modal_balance` takes them, of the n + k zones.
    """
    if not len(parts.mixed):
        return modal_balance(zones, fabric, profiles, profile, drive, parameters, variant), np.zeros(0)
    n, hours = len(parts.buildings), len(drive)
    alone = np.setdiff1d(np.arange(n), parts.mixed)
    heating, cooling = (np.empty((len(parts.owner), hours), np.float32) for _ in range(2))
    whole = Balance(heating, cooling, np.empty((len(parts.owner), 7)), *np.empty((2, len(parts.owner))))
    if len(alone):
        some = _taken(zones, alone), _taken(fabric, alone)
        _write(whole, alone, modal_balance(*some, profiles, profile[alone], drive, parameters, variant))

    pairs = np.stack([np.arange(n, len(parts.owner)), parts.mixed], axis=1)
    made, solar = pair_networks(zones, fabric, pairs, between_m2)
    other = "reference" if variant == "reference" else "numba"
    modes = registry.get("energy.pair_reduction", other)(*made, PAIR_MODES)
    heating, cooling, _, flows, through, figures = registry.get("energy.zone_pair", other)(
        drive, *schedules_of(profiles, parameters), profile[pairs], made.zones, solar, *modes,
        START_C, parameters.overheating_limit_c, WARMUP_HOURS,
    )  # fmt: skip
    for z in range(2):
        found = heating[:, z], cooling[:, z], flows[:, z], figures[:, z, 5], figures[:, z, 6]
        _write(whole, pairs[:, z], Balance(*found))
    return whole, through


def pair_networks(zones: Zones, fabric: Fabric, pairs: Ints, between_m2: Float) -> tuple[Pairs, Float]:
    """Return the networks of pairs of zones, int64 (k, 2) with the ground floor first, and their solar gains (k, 2, m).

    Where a zone shares a floor it has no roof (ground floors) or no ground (the others) of its own.
    """
    made, last, tables = [], [], []
    for z, place in enumerate(("roof", "floor")):
        rows = pairs[:, z]
        own, area = _taken(fabric, rows), between_m2[rows]
        own = own._replace(area_m2=own.area_m2 | {place: area})
        chain = chains(own)
        chain[place] = chain["inner_floor"]
        made.append(assemble(own, chain))
        tables.append(zone_table(_taken(zones, rows), made[-1]))
        before = ELEMENTS[: ELEMENTS.index(place) + 1]
        last.append(sum(len(chain[name].heat) for name in before) - 1)
    half, _ = mass_of("inner_floor", fabric.mass[pairs[:, 0]])
    return _joined(made, np.stack(tables, axis=1), last, area / (CELLS[-1] * half))


def _joined(made: list[Networks], tables: Float, last: list[int], joined_w_k: Float) -> tuple[Pairs, Float]:
    k, s = len(tables), made[0].drive_in.shape[1]
    conductance, link = np.zeros((k, 2 * s, 2 * s)), np.zeros((k, 2 * s))
    air, gains = np.zeros((k, 2, 2 * s)), np.zeros((k, 2, 2 * s))
    for z, network in enumerate(made):
        at = slice(z * s, (z + 1) * s)
        conductance[:, at, at] = network.conductance_w_k
        air[:, z, at] = network.air_in_w_k
        gains[:, z, at] = tables[:, z, 3:4] * network.gain_in
    join(conductance, link, last[0], s + last[1], joined_w_k)
    capacity, drives = (np.concatenate([getattr(x, f) for x in made], 1) for f in ("capacity_j_k", "drive_in"))
    direct, solar = (np.stack([getattr(x, f) for x in made], 1) for f in ("direct", "solar_in"))
    return Pairs(tables, direct, capacity, conductance, air, drives, gains, link), solar


def _write(whole: Balance, rows: Ints, part: Balance) -> None:
    for values, new in zip(list[Any](whole), part, strict=True):
        values[rows] = new


def _taken(arrays: Fields, rows: Ints) -> Fields:
    """Return the rows of all arrays of a tuple, and of those in its dictionaries."""
    taken: list[Any] = [{k: v[rows] for k, v in a.items()} if isinstance(a, dict) else a[rows] for a in arrays]
    return type(arrays)(*taken)
