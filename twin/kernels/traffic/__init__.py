"""Traffic kernels: shortest-path trees, equilibrium assignment and the gravity model."""

from twin.kernels.traffic import assignment, gravity, shortest_path

__all__ = ["assignment", "gravity", "shortest_path"]
