"""A hut and its surroundings, for tests of the zone kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.energy.constructions import Element, Layer, Load, Network, build_network
from twin.kernels.energy.network_contract import ZONE

Float = NDArray[np.float64]
CONCRETE = Layer(0.2, 1.13, 1400.0, 1000.0)
FOAM = Layer(0.1, 0.04, 10.0, 1400.0)
BOARD = Layer(0.012, 0.16, 950.0, 840.0)
GLASS = Layer(0.02, 0.04)
HUT = (
    Element(60.0, (CONCRETE, FOAM), 2.2, 16.0),
    Element(40.0, (BOARD, FOAM), 1.8, 18.0, tilt_deg=180.0),
    Element(40.0, (CONCRETE, FOAM), 2.2, 5.0, tilt_deg=0.0, loads=(Load(1, 6.0),)),
    Element(10.0, (GLASS,), 2.4, 12.0, emissivity=0.84, loads=(Load(1, 0.5), Load(1, 0.4, inside=False))),
    Element(80.0, (BOARD,), 2.2, 0.0),
)
LIMITS = (1e9, 1e9)
NO_MORE = (0.0,) * 5
HOT = 27.0


def batch(
    network: Network, leak: float = 0.0, air: float = 0.0, limits: tuple[float, float] = LIMITS
) -> tuple[Float, ...]:
    zone = [leak, 0.0, air, 1.0, network.direct_gain, network.direct_air, *limits, *NO_MORE]
    inner = network.capacity_j_k, network.conductance_w_k, network.air_in_w_k, network.drive_in, network.gain_in
    return np.array([zone]), network.direct[None], network.solar_in[None], *(a[None] for a in inner)


def shared(drive: Float, low: Any = 20.0, high: Any = 26.0, gain: Any = 0.0) -> tuple[Any, ...]:
    hours = len(drive)
    rows = (np.broadcast_to(np.asarray(v, float), hours)[None].copy() for v in (low, high, gain, 1.0))
    return np.ascontiguousarray(drive), *rows, np.zeros(1, np.int64)


def weather(hours: int, drives: int = 2) -> Float:
    hour = np.arange(hours)
    table = np.zeros((hours, drives))
    table[:, 0] = 3.0 + 8.0 * np.sin(2.0 * np.pi * (hour - 9) / 24.0) + 4.0 * np.sin(hour / 41.0)
    table[:, 1:] = 500.0 * np.maximum(0.0, np.sin(np.pi * (hour % 24 - 6) / 12.0))[:, None]
    return table


def hut_zone(**columns: float) -> tuple[Float, ...]:
    """Return the hut as a batch of one with these columns of its zone."""
    zones, *rest = batch(build_network(HUT, 2), leak=15.0, air=1.3e5)
    for name, value in columns.items():
        zones[:, ZONE[name]] = value
    return zones, *rest
