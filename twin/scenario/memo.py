"""What scenarios share: results of a domain, remembered by fingerprints of all that it reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twin.scenario import fingerprint
from twin.scenario.community import COLUMNS as COMMUNITY

if TYPE_CHECKING:
    from twin.city.model import City
    from twin.traffic.model import TrafficResult

TRAFFIC_KEPT = 4
"""Traffic results remembered: the baseline's and a few scenarios'."""


@dataclass(frozen=True)
class Prints:
    """Fingerprints of what each domain reads of a city.

    `traffic` leaves out what only the energy of buildings depends on, `without_pv` PV and batteries; `sun` holds the
    geometry, the terrain with it, and the weather, from which roofs, horizons and façade gains follow. All leave out
    energy communities, which only the settlement of bills reads.
    """

    traffic: str
    buildings: str
    without_pv: str
    sun: str

    @classmethod
    def of(cls, city: City) -> Prints:
        """Compute the fingerprints of a city."""
        from twin.solar.model import geometry_key

        pv = ("pv_share", "facade_pv_share", "battery_kwh", *COMMUNITY)
        heat = ("envelope", "upgrades", "heat_supply", "heat_supply_origin", "heating_shift_k", "heat_response")
        ground = ("ground_floor_use", "ground_floor_use_origin")
        energy = (*heat, *ground, "appliance_factor", "electric_cars", *pv)
        streets = [fingerprint.layer_hash(layer) for layer in (city.nodes, city.links, city.zones)]
        return cls(
            traffic=fingerprint.combined(fingerprint.layer_hash(city.buildings, without=energy), *streets),
            buildings=fingerprint.layer_hash(city.buildings, without=COMMUNITY),
            without_pv=fingerprint.combined(
                fingerprint.layer_hash(city.buildings, without=pv), city.zones["heat_island_k"].tolist()
            ),
            sun=fingerprint.combined(geometry_key(city), fingerprint.weather_hash(city.weather)),
        )


class Memo:
    """Results of a domain, by fingerprint of all it reads, so that scenarios share what a measure leaves alone.

    Domains are deterministic, so a remembered result is the same bits as a new one. Only the few used last are kept.
    """

    def __init__(self, capacity: int = 6) -> None:
        self._capacity = capacity
        self._results: dict[str, Any] = {}
        self._prints: dict[int, tuple[City, Prints]] = {}
        self._traffic: dict[str, TrafficResult] = {}

    def prints(self, city: City) -> Prints:
        """Return the fingerprints of a city, computed once: the draws of a scenario share its city."""
        if id(city) not in self._prints:
            self._prints[id(city)] = (city, Prints.of(city))  # the city is kept, so that its id stays its own
        return self._prints[id(city)][1]

    def traffic(self, key: str, compute: Callable[[], TrafficResult]) -> TrafficResult:
        """Return the same of traffic, kept apart: all scenarios of a draw start from the baseline's."""
        result: TrafficResult = _recall(self._traffic, TRAFFIC_KEPT, key, compute)
        return result

    def get(self, key: str, compute: Callable[[], Any]) -> Any:
        """Return the result for `key`, computing it when it is not remembered."""
        return _recall(self._results, self._capacity, key, compute)


def _recall(results: dict[str, Any], capacity: int, key: str, compute: Callable[[], Any]) -> Any:
    result = results.pop(key) if key in results else compute()
    results[key] = result
    if len(results) > capacity:
        results.pop(next(iter(results)))
    return result
