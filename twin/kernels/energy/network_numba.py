"""The fast variant of ``energy.zone_network``: all modes of a network, stepped by ``energy.zone_modal``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.kernels.energy.modal_numba import fast as step_modes
from twin.kernels.energy.reduction import all_modes
from twin.kernels.registry import variant

Float = NDArray[np.float64]
Single = NDArray[np.float32]


@variant("energy.zone_network", "numba")
def fast(
    drive: Float,
    heat_set_c: Float,
    cool_set_c: Float,
    gain: Float,
    air_flow: Float,
    profile: NDArray[np.int64],
    zones: Float,
    direct: Float,
    solar_in: Float,
    capacity_j_k: Float,
    conductance_w_k: Float,
    air_in_w_k: Float,
    drive_in: Float,
    gain_in: Float,
    start_c: float,
    overheating_c: float,
    warmup: int,
) -> tuple[Single, Single, Single, Float, Float]:
    """Run networks as all their modes, without loss; see `twin.kernels.energy.network.reference`."""
    modes = all_modes(zones, direct, solar_in, capacity_j_k, conductance_w_k, air_in_w_k, drive_in, gain_in)
    shared = drive, heat_set_c, cool_set_c, gain, air_flow, profile
    return step_modes(*shared, *modes, start_c, overheating_c, warmup, 1)
