"""What is believed before any meter is read: how far the factors of a building may lie from one.

The factors of a building (the fields of `twin.energy.parameters.Factors`, logarithms except for the set-point) are a
sum of independent parts: of the city, of its use, of its year class, of the group of both, and its own. Buildings
without a metered one in their group so inherit what was learnt of their use and year class, and keep the other doubts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.random import entity_keys, normal

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FIELDS = ("u_value", "infiltration", "ventilation", "setpoint_shift_k", "internal_gains", "appliances", "hot_water")
IN_LOGARITHM = np.array([name != "setpoint_shift_k" for name in FIELDS])
LIMITS = np.array([(0.3, 3.0), (0.1, 5.0), (0.2, 4.0), (-5.0, 5.0), (0.3, 3.0), (0.1, 8.0), (0.1, 8.0)])
"""Factors are kept within (assumption)."""
PARTS = ("city", "use", "year_class", "group")
SPREAD = {
    #                    city  use   year  group building
    "u_value":          (0.10, 0.05, 0.12, 0.08, 0.12),
    "infiltration":     (0.25, 0.10, 0.20, 0.15, 0.30),
    "ventilation":      (0.15, 0.15, 0.08, 0.10, 0.20),
    "setpoint_shift_k": (0.50, 0.40, 0.30, 0.30, 0.80),
    "internal_gains":   (0.12, 0.12, 0.03, 0.08, 0.15),
    "appliances":       (0.20, 0.20, 0.05, 0.15, 0.30),
    "hot_water":        (0.20, 0.20, 0.05, 0.15, 0.35),
}  # fmt: skip
"""Standard deviations of the parts, of the logarithm or in K (assumption: together 0.2 of U-values, 0.8 K of
set-points and a third of electricity between groups). The last column is only a start: the meters scale it."""
SCATTER_OF = np.array([0, 0, 0, 0, 0, 1, 1])
"""Which scale of the scatter between buildings a field has: heat, or use of electricity and hot water."""
SCATTER_SD = 0.5
"""Standard deviation of the logarithm of these scales (assumption)."""


@dataclass(frozen=True)
class Components:
    """The independent parts that the groups of buildings are made of.

    Parameters
    ----------
    names : tuple of str
        ``city``, ``use:office``, ``year_class:1940-1959``, ``group:office/1940-1959`` …
    groups : tuple of (use, year_class)
        Sorted.
    parts : int64 (groups, 4)
        Positions in `names`, in the order of `PARTS`.
    """

    names: tuple[str, ...]
    groups: tuple[tuple[str, str], ...]
    parts: Ints

    @property
    def spread(self) -> Floats:
        """Standard deviation of every part and field, float64 (components, 7)."""
        table = np.array([SPREAD[field] for field in FIELDS]).T
        return table[[PARTS.index(name.partition(":")[0]) for name in self.names]]

    def draw(self, seed: int, member: int) -> Floats:
        """Return one draw of all parts, float64 (components, 7), keyed by their names."""
        z = normal(seed, "energy.calibration.prior", entity_keys(self.names), member, n=len(FIELDS))
        return z * self.spread

    def of_groups(self, state: Floats) -> Floats:
        """Return the sum of the parts of every group, (…, components, 7) to (…, groups, 7)."""
        return np.asarray(state[..., self.parts, :].sum(axis=-2))


def components_of(buildings: pd.DataFrame) -> tuple[Components, Ints]:
    """Return the parts of a city's groups, and the position of each building's group, int64 (n,)."""
    pairs = list(zip(buildings["use"].astype(str), buildings["year_class"].astype(str), strict=True))
    groups = tuple(sorted(set(pairs)))
    names = ["city"]
    names += [f"use:{use}" for use in sorted({g[0] for g in groups})]
    names += [f"year_class:{year}" for year in sorted({g[1] for g in groups})]
    names += [f"group:{use}/{year}" for use, year in groups]
    place = {name: k for k, name in enumerate(names)}
    parts = [[0, place[f"use:{u}"], place[f"year_class:{y}"], place[f"group:{u}/{y}"]] for u, y in groups]
    position = {group: k for k, group in enumerate(groups)}
    return Components(tuple(names), groups, np.array(parts)), np.array([position[pair] for pair in pairs])


def building_spread(scatter: Floats) -> Floats:
    """Return the standard deviation of the own part of buildings by field, for scales (…, 2) of heat and use."""
    own = np.array([SPREAD[field][len(PARTS)] for field in FIELDS])
    return np.asarray(own * np.asarray(scatter)[..., SCATTER_OF])


def building_draw(ids: pd.Index, seed: int, member: int) -> Floats:
    """Return standard normal numbers of the own part of buildings, float64 (n, 7), keyed by their ids."""
    return normal(seed, "energy.calibration.building", entity_keys(ids), member, n=len(FIELDS))


def factor_values(x: Floats) -> Floats:
    """Return factors, and set-points in K, within `LIMITS`; `x` has the fields last."""
    values = np.where(IN_LOGARITHM, np.exp(np.where(IN_LOGARITHM, x, 0.0)), x)
    return np.clip(values, LIMITS[:, 0], LIMITS[:, 1])
