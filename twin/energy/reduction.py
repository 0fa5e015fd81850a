"""From networks of zones to the modes that ``energy.zone_modal`` steps, many at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from twin.energy.construction_batch import Block
from twin.energy.constructions import Network
from twin.errors import DataError
from twin.kernels.energy.layered import Networks
from twin.kernels.energy.network_contract import STEP_S, ZONE_COLUMNS
from twin.kernels.energy.reduction import MODES, Modes
from twin.kernels.registry import get

Float = NDArray[np.float64]
_INTERNAL, _DIRECT_GAIN, _DIRECT_AIR, _RECOVERY, _OFFSET = (
    ZONE_COLUMNS.index(c) for c in ("internal_w", "direct_gain_w", "direct_air_w_k", "heat_recovery", "heat_offset_k")
)


def reduce_zones(
    networks: Sequence[Network] | Sequence[Block], zones: Float, *, modes: int = MODES, variant: str = "numba"
) -> Modes:
    """Return the modes of zones, in their order; networks of equal size are reduced together.

    Parameters
    ----------
    networks : sequence of Network or of Block
        n of them, or the blocks of `twin.energy.construction_batch.build_networks`; all with the same drives.
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
    blocks = [item for item in networks if isinstance(item, Block)] or _blocks(
        [item for item in networks if isinstance(item, Network)]
    )
    n = sum(len(block.rows) for block in blocks)
    zones = _checked(n, zones)
    m = blocks[0].networks.direct.shape[1]
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
    for rows, made in blocks:
        own = zones[rows]
        internal = own[:, _INTERNAL]
        own[:, _DIRECT_GAIN] = internal * made.direct_gain
        own[:, _DIRECT_AIR] = made.direct_air
        part = get("energy.zone_reduction", variant)(
            own,
            made.direct,
            made.solar_in,
            made.capacity_j_k,
            made.conductance_w_k,
            made.air_in_w_k,
            made.drive_in,
            internal[:, None] * made.gain_in,
            modes,
        )
        for whole, piece in zip(reduced[:3], part[:3], strict=True):
            whole[rows] = piece
        for whole, piece in zip(reduced[3:], part[3:], strict=True):
            whole[rows, : piece.shape[1]] = piece
    return reduced


def _blocks(networks: Sequence[Network]) -> list[Block]:
    """Return networks stacked by size."""
    by_size: dict[int, list[int]] = defaultdict(list)
    for row, network in enumerate(networks):
        by_size[len(network.capacity_j_k)].append(row)
    blocks = []
    for size, rows in by_size.items():
        stacked = [np.stack([np.asarray(networks[row][at]) for row in rows]) for at in range(9)]
        none = np.empty((len(rows), 0, size))  # surfaces, which may differ in number
        blocks.append(Block(np.array(rows), Networks(*[*stacked, none, none])))
    return blocks


def _checked(n: int, zones: Float) -> Float:
    """Return a copy of the table with the direct terms set to 0."""
    zones = np.array(zones, np.float64)
    if zones.shape != (n, len(ZONE_COLUMNS)) or not n:
        raise DataError(
            f"{n} networks and a table of zones of shape {zones.shape}",
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
