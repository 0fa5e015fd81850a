"""The classes of vehicles that share the roads.

Cars are told apart by what a policy can tell apart: whether they meet the low-emission standard, and whether their
trip has an end inside an access-only area. Goods vehicles are taken to meet the standard and to have access.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class VehicleClass:
    """One class.

    Parameters
    ----------
    name : str
    pcu : float
        Passenger-car units: how many cars one vehicle counts for where roads fill up (Highway Capacity Manual 2000,
        exhibit 20-9: trucks 1.5 on level terrain at high flow; the Finnish and British practice is 2 or more; vans 1).
    old : bool
        Below the low-emission standard.
    access : bool
        Access-only links are open to it.
    goods : bool
        Carries goods: its demand does not answer the cost of the road.
    """

    name: str
    pcu: float = 1.0
    old: bool = False
    access: bool = False
    goods: bool = False


CLASSES = (
    VehicleClass("car"),
    VehicleClass("car_access", access=True),
    VehicleClass("old_car", old=True),
    VehicleClass("old_car_access", old=True, access=True),
    VehicleClass("van", access=True, goods=True),
    VehicleClass("truck", pcu=2.0, access=True, goods=True),
)
NAMES = tuple(c.name for c in CLASSES)
