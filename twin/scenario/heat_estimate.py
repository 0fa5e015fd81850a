"""A quick estimate of how much heat buildings lose, by which measures rank and compare; results are simulated.

Loss per kelvin of walls, roof, floor, windows, leakage and ventilation, times the degree hours below 17 °C (S17, the
Finnish heating degree days, whose base allows for gains of sun and use). Nothing is simulated, so that ``twin check``
and the run choose the same buildings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.energy.archetypes import Use, archetypes_of
from twin.energy.costs import heat_supply_cost_eur
from twin.energy.envelope import build_shells
from twin.energy.stock import BASE_C
from twin.kernels.energy.heat_pump import AIR, GROUND, cop

if TYPE_CHECKING:
    import geopandas as gpd

    from twin.city.model import City
    from twin.scenario.parameters import ModelParameters

Floats = NDArray[np.float64]

AIR_WH_M3K = 0.333
FLOOR_FACTOR = 0.6
"""Loss to the ground over loss to outdoor air (assumption, after the b-factors of EN 12831)."""
LEAKAGE_DIVISOR = 20.0
"""q50 over mean leakage (Finnish decree 1010/2017, two storeys, as recalled)."""
IDLE_SHARE = 0.2
"""Ventilation outside the hours of use over full flow (assumption)."""


class HeatEstimate:
    """Estimates the heat of a city's buildings; areas are worked out once.

    Parameters
    ----------
    city : City
    """

    def __init__(self, city: City) -> None:
        shells = build_shells(city.buildings)
        self.degree_kh = float(np.maximum(BASE_C - city.weather.temperature_c, 0.0).sum()) / 1000.0
        """Degree hours, in thousands of kelvin hours."""
        self._archetypes = archetypes_of(city)
        self._walls, self._windows = shells.wall_m2.sum(axis=1), shells.window_m2.sum(axis=1)
        self._roof, self._floor = shells.roof_m2, shells.floor_m2
        uses = self._archetypes.uses
        self._flow_m3_h_m2 = city.buildings["use"].map({n: mean_flow_m3_h_m2(u) for n, u in uses.items()}).to_numpy()
        self._area = city.buildings["floor_area_m2"].to_numpy(np.float64)

    def loss_w_k(self, buildings: gpd.GeoDataFrame) -> Floats:
        """Return the loss of all buildings, float64 (n,), with the envelope and upgrades that they have in `buildings`.

        Parameters
        ----------
        buildings : GeoDataFrame (n,)
            The city's buildings, in the same order; other columns are those the estimate was made with.
        """
        e = self._archetypes.envelope(buildings)
        outer = self._walls + self._windows + self._roof + self._floor
        leakage = AIR_WH_M3K * e["leakage_m3_h_m2"] * outer / LEAKAGE_DIVISOR
        flow = self._flow_m3_h_m2 * self._area * e["flow_share"]
        return np.asarray(
            e["wall_w_m2k"] * self._walls
            + e["window_w_m2k"] * self._windows
            + e["roof_w_m2k"] * self._roof
            + FLOOR_FACTOR * e["floor_w_m2k"] * self._floor
            + leakage
            + AIR_WH_M3K * flow * (1.0 - e["heat_recovery"])
        )

    def heat_kwh_a(self, buildings: gpd.GeoDataFrame) -> Floats:
        """Return the room heat of a year, float64 (n,)."""
        return np.where(self._area > 0.0, self.loss_w_k(buildings), 0.0) * self.degree_kh

    def improved(
        self, before: gpd.GeoDataFrame, after: gpd.GeoDataFrame, element: str, least: float
    ) -> NDArray[np.bool_]:
        """Return whether the U-value of an element falls by a share of at least `least`, or heat recovery rises."""
        old, new = (self._archetypes.envelope(buildings) for buildings in (before, after))
        if element == "ventilation":
            return np.asarray(new["heat_recovery"] > old["heat_recovery"])
        name = f"{element}_w_m2k"
        return np.asarray(new[name] <= (1.0 - least) * old[name])

    def hot_water_kwh_a(self, buildings: gpd.GeoDataFrame) -> Floats:
        """Return the tapped hot water of a year, float64 (n,)."""
        uses = self._archetypes.uses
        per_area = buildings["use"].map({n: u.hot_water_kwh_m2 for n, u in uses.items()}).to_numpy(np.float64)
        return np.asarray(per_area * self._area)


def mean_flow_m3_h_m2(use: Use) -> float:
    """Return the mean ventilation over a week of a standard use with its flow, hours and days."""
    hours = (use.end_hour - use.first_hour) * use.days / 168.0
    return float(use.flow_l_s_m2 * 3.6 * (hours + IDLE_SHARE * (1.0 - hours)))


def energy_cost_eur_a(
    supply: str, room_kwh: Floats, water_kwh: Floats, temperature_c: Floats, parameters: ModelParameters
) -> Floats:
    """Return what heat from a supply costs in a year at nominal prices, float64 (n,).

    Heat pumps have the mean COP over the degree hours, with the flow temperature of old radiators.
    """
    p = parameters.energy
    room = room_kwh / p.distribution_efficiency
    water = water_kwh * (1.0 + p.hot_water_loss_share)
    prices = {
        "district_heating": p.district_heating_price_eur_kwh / p.district_heating_efficiency,
        "gas_boiler": p.gas_price_eur_kwh / p.gas_boiler_efficiency,
        "oil_boiler": p.oil_price_eur_kwh / p.oil_boiler_efficiency,
        "direct_electric": parameters.electricity.price_eur_kwh,
    }
    if supply in prices:
        return np.asarray((room + water) * prices[supply])
    air = supply == "air_heat_pump"
    kind = AIR if air else GROUND
    source = temperature_c if air else np.full_like(temperature_c, temperature_c.mean() - p.ground_source_drop_k)
    sink = p.sink_existing_c - p.sink_existing_slope * temperature_c
    weight = np.maximum(BASE_C - temperature_c, 0.0)
    for_rooms = (weight / cop(kind, sink - source, p.heat_pump_correction)).sum() / max(weight.sum(), 1e-9)
    for_water = (1.0 / cop(kind, p.hot_water_temperature_c - source, p.heat_pump_correction)).mean()
    return np.asarray((room * for_rooms + water * for_water) * parameters.electricity.price_eur_kwh)


def supply_cost_eur(buildings: pd.DataFrame, supply: str) -> Floats:
    """Return the cost of putting a heat supply into each building, also where it has that one already."""
    return np.asarray(heat_supply_cost_eur(buildings.assign(heat_supply=""), supply), np.float64)
