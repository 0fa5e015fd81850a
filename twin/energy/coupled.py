"""Zones with walls between them, by waveform relaxation over the year.

A wall between two zones stands whole in both: in each of them its far side meets the other zone's air by convection and
its surfaces by radiation, whose temperatures over the year are drives, and absorbs there what it absorbs in the other
zone. All zones are stepped with the temperatures of the round before, until none of them changes; then the copies of a
wall have the same temperatures, and the zones are those of one network of all (E. Lelarasmee, A. E. Ruehli and A. L.
Sangiovanni-Vincentelli, "The waveform relaxation method for time-domain analysis of large scale integrated circuits",
IEEE Transactions on Computer-Aided Design 1 (1982), 131-145, doi:10.1109/TCAD.1982.1270004). What the zones exchange
are means of hours, as everything in `twin.kernels.energy.network_contract`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import twin.kernels.energy  # noqa: F401
from twin.energy.constructions import ROOM_K, Element, Layer, Load, Network, build_network, radiant_films
from twin.energy.films import inside_surfaces
from twin.energy.reduction import reduce_zones
from twin.errors import DataError
from twin.kernels.energy.network_contract import STEP_S, ZONE, ZONE_COLUMNS
from twin.kernels.registry import get

Float = NDArray[np.float64]
Single = NDArray[np.float32]
ROUNDS = 60
SETTLED_K = 1e-3
WARMUP_H = 1344
START_C, OVERHEATING_C = 20.0, 26.0


@dataclass(frozen=True)
class Zone:
    """One zone: its elements but for the walls to other zones, and its row of the kernels' table.

    values: by name of `ZONE_COLUMNS`, 0 where absent; `direct_gain_w`, `direct_air_w_k`, `surface_film_w_k` and
    `convective_w` are filled in. profile: row of the profiles. radiant, room_k: as in `build_network`.
    """

    elements: tuple[Element, ...]
    values: dict[str, float]
    profile: int = 0
    radiant: float = 0.5
    room_k: float = ROOM_K


@dataclass(frozen=True)
class Partition:
    """A wall between the zones `first` and `second`; its layers run from the first to the second.

    films_w_m2k: convection on either side. emissivity, loads, tilt_deg: of either side, as in `Element`.
    """

    first: int
    second: int
    area_m2: float
    layers: tuple[Layer, ...]
    films_w_m2k: tuple[float, float]
    emissivity: tuple[float, float] = (0.9, 0.9)
    loads: tuple[tuple[Load, ...], tuple[Load, ...]] = ((), ())
    tilt_deg: tuple[float, float] = (90.0, 90.0)

    @property
    def zones(self) -> tuple[int, int]:
        """Both."""
        return self.first, self.second


class Profiles(NamedTuple):
    """Profiles of all zones, float64 (k, t) each, as the kernels take them."""

    heat_set_c: Float
    cool_set_c: Float
    gain: Float
    air_flow: Float


class CoupledResult(NamedTuple):
    """Means of the hours of each zone, float32 (n, t); the balance (n, 7); rounds; the last change of a drive in K.

    surfaces: for each zone the temperatures of its inside surfaces, float64 (t, e), walls to other zones last.
    """

    heating_w: Single
    cooling_w: Single
    air_c: Single
    balance: Float
    rounds: int
    change_k: float
    surfaces: list[Float]


def simulate_coupled(
    zones: Sequence[Zone],
    partitions: Sequence[Partition],
    drive: Float,
    profiles: Profiles,
    *,
    modes: int | None = None,
    rounds: int = ROUNDS,
    settled_k: float = SETTLED_K,
    warmup: int = WARMUP_H,
) -> CoupledResult:
    """Step zones that exchange heat through walls.

    Parameters
    ----------
    zones : sequence of Zone
    partitions : sequence of Partition
    drive : float64 (t, m)
        As the kernels take it; column 0 is the outdoor air.
    profiles : Profiles
    modes : int, optional
        Of each zone; None steps every node.
    rounds : int
        At most.
    settled_k : float
        The rounds end when no hour of an exchanged temperature changes by more.
    warmup : int

    Raises
    ------
    DataError
        Hours that differ or are not numbers; a zone's profile that is not there, a value that it cannot have; a
        partition with a zone that is not there or with the same zone on both sides; an element that `build_network`
        refuses; temperatures that have not settled after `rounds`.
    """
    _check(zones, partitions, drive, profiles)
    hours, own = drive.shape
    made = assembled(zones, partitions, own)
    networks = [
        build_network(e, own + 2 * len(partitions), radiant=z.radiant, room_k=z.room_k)
        for z, e in zip(zones, made, strict=True)
    ]
    table = np.stack([_row(z, e, n) for z, e, n in zip(zones, made, networks, strict=True)])
    kind = np.array([zone.profile for zone in zones], np.int64)
    step = _stepper(networks, table, profiles, kind, modes, warmup)
    gains = table[:, ZONE["internal_w"], None] * profiles.gain[kind]
    whole = np.full((hours, own + 2 * len(partitions)), START_C)
    whole[:, :own] = drive
    done, change = 0, np.inf
    while change > settled_k and done < rounds:
        heating, cooling, air, balance = step(whole)
        surfaces = [
            inside_surfaces(network, whole, gains[z], air[z].astype(np.float64)) for z, network in enumerate(networks)
        ]
        met = whole[:, own:].copy()
        for number, wall in enumerate(partitions):
            for side, there in enumerate(reversed(wall.zones)):
                at = len(zones[there].elements) + sum(there in w.zones for w in partitions[:number])
                radiant = zones[there].radiant * gains[there]
                films = _radiant(zones[there], made[there])
                met[:, 2 * number + side] = _met(made[there], films, at, surfaces[there], air[there], radiant, drive)
        done, change = done + 1, float(np.abs(met - whole[:, own:]).max(initial=0.0))
        whole[:, own:] = met
    if change > settled_k:
        raise DataError(
            f"temperatures between zones still change by {change:.3g} K after {done} rounds",
            expected=f"at most {settled_k:g} K",
            remedy="allow more rounds, or make one zone of zones that are hardly apart",
        )
    return CoupledResult(heating, cooling, air, balance, done, change, surfaces)


def _check(zones: Sequence[Zone], partitions: Sequence[Partition], drive: Float, profiles: Profiles) -> None:
    rows, hours = profiles.gain.shape
    if drive.ndim != 2 or len(drive) != hours:
        raise DataError(f"drives of shape {drive.shape} and profiles of {hours} hours", expected="as many hours")
    for name, table in (("drive", drive), *profiles._asdict().items()):
        at = np.argwhere(~np.isfinite(table))
        if len(at):
            raise DataError(f"{table[tuple(at[0])]}", where=f"{name}{at[0].tolist()}", expected="a finite number")
    crossed = np.argwhere(profiles.heat_set_c > profiles.cool_set_c)
    if len(crossed):
        raise DataError("the heating set-point is above the cooling one", where=f"profile{crossed[0].tolist()}")
    for number, zone in enumerate(zones):
        if not 0 <= zone.profile < rows:
            raise DataError(f"profile {zone.profile}", where=f"zone {number}", expected=f"0 to {rows - 1}")
        for name, value in zone.values.items():
            if name not in ZONE:
                raise DataError(f"no {name}", where=f"zone {number}", expected=f"one of {', '.join(ZONE_COLUMNS)}")
            if not (np.isfinite(value) and (value >= 0.0 or name == "heat_offset_k")):
                raise DataError(f"{name} is {value}", where=f"zone {number}", expected="a number from 0 up")
    for number, wall in enumerate(partitions):
        if not all(0 <= z < len(zones) for z in wall.zones) or wall.first == wall.second:
            raise DataError(
                f"it lies between the zones {wall.first} and {wall.second}",
                where=f"partition {number}",
                expected=f"two different zones from 0 to {len(zones) - 1}",
            )


def assembled(zones: Sequence[Zone], partitions: Sequence[Partition], columns: int) -> list[list[Element]]:
    """Return the elements of each zone, its own first, then its walls to other zones in the order of `partitions`.

    The far side of such a wall meets the drive ``columns + 2 * partition + side``, side 0 in the first zone.
    """
    found = [list(zone.elements) for zone in zones]
    for number, wall in enumerate(partitions):
        for side, z in enumerate(wall.zones):
            layers = wall.layers if side == 0 else wall.layers[::-1]
            own = wall.area_m2, layers, wall.films_w_m2k[side], wall.films_w_m2k[1 - side]
            rest = wall.emissivity[side], wall.loads[side], wall.tilt_deg[side]
            found[z].append(Element(*own, columns + 2 * number + side, *rest))
    # What the far sides exchange by radiation is known when every zone has all its walls.
    films, at = [_radiant(*zone) for zone in zip(zones, found, strict=True)], [len(zone.elements) for zone in zones]
    for wall in partitions:
        places = [at[z] for z in wall.zones]
        for side, z in enumerate(wall.zones):
            element, there = found[z][places[side]], wall.zones[1 - side]
            film = element.h_outside_w_m2k + float(films[there][places[1 - side]])
            found[z][places[side]] = replace(element, h_outside_w_m2k=film)
            at[z] += 1
    return found


def _radiant(zone: Zone, elements: Sequence[Element]) -> Float:
    area, emissivity = (np.array(v) for v in zip(*((e.area_m2, e.emissivity) for e in elements), strict=True))
    return radiant_films(area, emissivity, zone.room_k)


def _met(
    elements: Sequence[Element],
    radiant: Float,
    at: int,
    surfaces_c: Float,
    air_c: Single,
    gains_w: Float,
    drive: Float,
) -> Float:
    """Return what element `at` of a zone meets inside, float64 (t,): a temperature that stands for light and gains too.

    radiant (e,): between surfaces and the mean radiant node. surfaces_c (t, e). air_c, gains_w (t,): the air, and what
    of the internal gains is radiation.
    """
    area = np.array([e.area_m2 for e in elements])
    wall, weight = elements[at], area * radiant
    mean = surfaces_c @ weight / weight.sum() if radiant[at] > 0.0 else 0.0
    taken = gains_w / area.sum()
    for load in wall.loads:
        taken = taken + load.amount / wall.area_m2 * drive[:, load.column]
    film = wall.h_inside_w_m2k
    return np.asarray((film * air_c + radiant[at] * mean + taken) / (film + radiant[at]), np.float64)


def _row(zone: Zone, elements: Sequence[Element], network: Network) -> Float:
    """Return the zone's row of the kernels' table."""
    internal = zone.values.get("internal_w", 0.0)
    row = zone.values | {
        "surface_film_w_k": sum(e.area_m2 * e.h_inside_w_m2k for e in elements),
        "convective_w": internal * (1.0 - zone.radiant),
        "direct_gain_w": internal * network.direct_gain,
        "direct_air_w_k": network.direct_air,
    }
    return np.array([row.get(name, 0.0) for name in ZONE_COLUMNS])


def _stepper(
    networks: Sequence[Network],
    table: Float,
    profiles: Profiles,
    kind: NDArray[np.int64],
    modes: int | None,
    warmup: int,
) -> Callable[[Float], tuple[Single, Single, Single, Float]]:
    """Return what steps all zones through the drives, with the given number of modes or with every node."""
    batch: tuple[Float, ...] = _stacked(networks, table)
    if modes is not None:
        batch = tuple(reduce_zones(networks, table, modes=modes))
    kernel = get("energy.zone_network" if modes is None else "energy.zone_modal", "numba")
    record = () if modes is None else (1,)

    def step(drive: Float) -> tuple[Single, Single, Single, Float]:
        out = kernel(drive, *profiles, kind, *batch, START_C, OVERHEATING_C, warmup, *record)
        return out[0], out[1], out[2], out[3]

    return step


def _stacked(networks: Sequence[Network], table: Float) -> tuple[Float, ...]:
    """Return zones and networks as the kernel of every node takes them; smaller networks get nodes that stay at 0."""
    size, n, m = max(len(x.capacity_j_k) for x in networks), len(networks), len(networks[0].direct)
    capacity, conductance = np.full((n, size), STEP_S), np.tile(np.eye(size), (n, 1, 1))
    air, drives, gains = np.zeros((n, size)), np.zeros((n, size, m)), np.zeros((n, size))
    for z, network in enumerate(networks):
        s = len(network.capacity_j_k)
        capacity[z, :s], conductance[z, :s, :s] = network.capacity_j_k, network.conductance_w_k
        air[z, :s], drives[z, :s] = network.air_in_w_k, network.drive_in
        gains[z, :s] = network.gain_in * table[z, ZONE["internal_w"]]
    direct, solar = np.stack([x.direct for x in networks]), np.stack([x.solar_in for x in networks])
    return table, direct, solar, capacity, conductance, air, drives, gains
