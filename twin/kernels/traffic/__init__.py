"""Traffic kernels: shortest-path trees, skims, equilibrium assignment and the gravity model."""

from twin.kernels.traffic import (
    assignment,
    elastic_assignment,
    gravity,
    noise,
    proportionality,
    route_share,
    shortest_path,
    skim,
)

__all__ = [
    "assignment",
    "elastic_assignment",
    "gravity",
    "noise",
    "proportionality",
    "route_share",
    "shortest_path",
    "skim",
]
