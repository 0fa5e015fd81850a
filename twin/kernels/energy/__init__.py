"""Energy kernels: heat balance of buildings (simple hourly, full network, modes), heat pumps."""

from twin.kernels.energy import heat_pump, modal, modal_numba, network, network_numba, zone

__all__ = ["heat_pump", "modal", "modal_numba", "network", "network_numba", "zone"]
