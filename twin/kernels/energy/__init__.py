"""Energy kernels: heat balance of buildings (simple hourly, full network, modes), heat supply, meters."""

from twin.kernels.energy import (
    heat_supply,
    heat_supply_numba,
    household,
    household_numba,
    layered,
    layered_numba,
    load_mix,
    meter,
    meter_numba,
    modal,
    modal_numba,
    network,
    network_numba,
    reduction,
    reduction_numba,
    zone,
)

__all__ = [
    "heat_supply",
    "heat_supply_numba",
    "household",
    "household_numba",
    "layered",
    "layered_numba",
    "load_mix",
    "meter",
    "meter_numba",
    "modal",
    "modal_numba",
    "network",
    "network_numba",
    "reduction",
    "reduction_numba",
    "zone",
]
