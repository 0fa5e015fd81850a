"""Energy kernels: heat balance of buildings, heat pumps."""

from twin.kernels.energy import heat_pump, zone

__all__ = ["heat_pump", "zone"]
