"""From networks of zones to the modes that ``energy.zone_modal`` steps, many at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from twin.energy.constructions import Network
from twin.errors import DataError
from twin.kernels.energy.network_contract import STEP_S, ZONE_COLUMNS
from twin.kernels.energy.reduction import MODES, Modes
from twin.kernels.registry import get

Float = NDArray[np.float64]
_INTERNAL, _DIRECT_GAIN, _DIRECT_AIR, _RECOVERY, _OFFSET = (
    ZONE_COLUMNS.index(c) for c in ("internal_w", "direct_gain_w", "direct_air_w_k", "heat_recovery", "heat_offset_k")
)


def reduce_zones(networks: Sequence[Network], zones: Float, *, modes: int = MODES, variant: str = "numba") -> Modes:
    """Return the modes of zones, in their order; networks of equal size are reduced together.

    Parameters
    ----------
    networks : sequence of Network
        n of them, all with the same drives.
    zones : float64 (n, 13)
        `ZONE_COLUMNS`. The columns of the direct terms are filled from the networks and need no values.
    modes : int
        Of each zone. A network with fewer nodes keeps them all and gets modes that nothing moves.
    variant : str
        Of `energy.zone_reduction`.

    Raises
    ------
    DataError
        Numbers of networks and zones that differ; a value of `zones` out of its range, with its row and column.
    """
    zones = _checked(networks, zones)
    n, m = len(networks), len(networks[0].direct)
    reduced = Modes(
        zones=zones,
        direct=np.empty((n, m)),
        solar_in=np.empty((n, m)),
        rate=np.full((n, modes), -1.0 / STEP_S),
        air_in=np.zeros((n, modes)),
        storage=np.zeros((n, modes)),
        drive_in=np.zeros((n, modes, m)),
        gain_in=np.zeros((n, modes)),
    )
    by_size: dict[int, list[int]] = defaultdict(list)
    for row, network in enumerate(networks):
        by_size[len(network.capacity_j_k)].append(row)
    for size, rows in by_size.items():
        some = [networks[row] for row in rows]
        internal = zones[rows, _INTERNAL]
        own = zones[rows]
        own[:, _DIRECT_GAIN] = internal * np.array([network.direct_gain for network in some])
        own[:, _DIRECT_AIR] = np.array([network.direct_air for network in some])
        part = get("energy.zone_reduction", variant)(
            own,
            np.stack([network.direct for network in some]),
            np.stack([network.solar_in for network in some]),
            np.stack([network.capacity_j_k for network in some]),
            np.stack([network.conductance_w_k for network in some]),
            np.stack([network.air_in_w_k for network in some]),
            np.stack([network.drive_in for network in some]),
            internal[:, None] * np.stack([network.gain_in for network in some]),
            modes,
        )
        for whole, piece in zip(reduced[:3], part[:3], strict=True):
            whole[rows] = piece
        for whole, piece in zip(reduced[3:], part[3:], strict=True):
            whole[rows, : min(size, modes)] = piece
    return reduced


def _checked(networks: Sequence[Network], zones: Float) -> Float:
    """Return a copy of the table with the direct terms set to 0."""
    zones = np.array(zones, np.float64)
    if zones.shape != (len(networks), len(ZONE_COLUMNS)) or not networks:
        raise DataError(
            f"{len(networks)} networks and a table of zones of shape {zones.shape}",
            expected=f"one row for each network and {len(ZONE_COLUMNS)} columns",
        )
    zones[:, [_DIRECT_GAIN, _DIRECT_AIR]] = 0.0
    least, most = np.zeros(len(ZONE_COLUMNS)), np.full(len(ZONE_COLUMNS), np.inf)
    least[_OFFSET], most[_RECOVERY] = -np.inf, 1.0
    rows, columns = np.nonzero(~np.isfinite(zones) | (zones < least) | (zones > most))
    if len(rows):
        row, column = rows[0], columns[0]
        name = ZONE_COLUMNS[column]
        expected = {_OFFSET: "a number", _RECOVERY: "a number from 0 to 1"}.get(column, "a number from 0 up")
        raise DataError(f"{name} is {zones[row, column]}", where=f"zones[{row}] {name}", expected=expected)
    return zones
