"""Urban digital twin: a city model, simulation kernels, and the comparison of policy scenarios."""

__version__ = "0.1.0"
