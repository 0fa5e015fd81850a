"""A run with made-up results, in memory: what report and decision read, without simulating anything."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from twin.city.model import City

SCENARIOS = ("car-free-street", "solar-roofs", "combination")
LABELS = {
    "baseline": "Baseline",
    "car-free-street": "Car-free street",
    "solar-roofs": "Solar on large roofs",
    "combination": "Both, with deep retrofit",
}
HOURS = 8760
NOISE = {
    "links": ("flow_veh_day", "speed_peak_kmh"),
    "buildings": ("heating_kwh_a", "pv_kwh_a", "co2_kg_a", "energy_cost_eur_a"),
    "zones": ("mean_generalised_cost_min", "energy_bill_eur_per_resident_a"),
}
TOTALS = {
    "total_co2_t_a": 8421.0, "building_co2_t_a": 6900.0, "traffic_co2_t_a": 1521.0, "energy_cost_eur_a": 5.61e6,
    "energy_cost_homes_eur_a": 2.1e6, "energy_cost_business_eur_a": 2.5e6, "energy_cost_public_eur_a": 1.01e6,
    "investment_eur": 0.0, "vehicle_km_day": 48211.0, "delay_veh_h_day": 312.4, "mean_car_trip_time_min": 11.42,
    "car_share": 0.283, "traffic_nox_kg_a": 2210.0, "toll_revenue_eur_a": 0.0, "heating_kwh_a": 7.21e7,
    "community_shared_kwh_a": 0.0, "community_gain_eur_a": 0.0,
    "cooling_kwh_a": 4.1e5, "overheating_h": 9120.0, "district_heating_kwh_a": 8.8e7,
    "peak_district_heating_kw": 31200.0, "peak_heating_kw": 29000.0, "vehicles_kwh_a": 0.0,
    "public_investment_eur": 0.0, "pv_kwh_a": 1.2e5, "electricity_demand_kwh_a": 3.3e7, "import_kwh_a": 3.29e7,
    "peak_import_kw": 6900.0, "self_sufficiency_share": 0.0036, "charging_mean_wait_min": 4.2,
    "charging_turned_away_day": 3.0, "export_kwh_a": 1.1e3, "self_consumption_share": 0.991,
    "jobs_30min": 41200.0, "consumer_surplus_eur_a": 0.0, "vehicle_km_gross_change_day": 0.0,
    "traffic_co2_gross_change_t_a": 0.0, "rebound_share": 0.0, "traffic_pm25_kg_a": 410.0, "nox_exposure": 9800.0,
    "people_lden_55": 6120.0, "people_lnight_50": 5400.0, "highly_annoyed": 990.0, "injuries_a": 1.3,
    "neighbour_pv_loss_kwh_a": 0.0, "neighbour_irradiation_loss_kwh_a": 0.0, "neighbour_sun_loss_h_a": 0.0,
    "neighbours_affected": 0.0,
}  # fmt: skip
EFFECTS: dict[str, dict[str, tuple[float, float]]] = {
    "car-free-street": {
        "vehicle_km_day": (0.012, 0.004), "delay_veh_h_day": (0.09, 0.03), "traffic_co2_t_a": (0.014, 0.012),
        "total_co2_t_a": (0.0025, 0.0022), "mean_car_trip_time_min": (0.03, 0.01), "car_share": (-0.011, 0.003),
        "traffic_nox_kg_a": (0.01, 0.012),
    },
    "solar-roofs": {
        "pv_kwh_a": (21.0, 0.8), "import_kwh_a": (-0.07, 0.003), "total_co2_t_a": (-0.016, 0.002),
        "building_co2_t_a": (-0.02, 0.002), "energy_cost_eur_a": (-0.05, 0.004), "peak_import_kw": (-0.002, 0.003),
        "self_sufficiency_share": (19.0, 0.6), "export_kwh_a": (40.0, 4.0), "self_consumption_share": (-0.05, 0.01),
    },
    "combination": {
        "vehicle_km_day": (0.012, 0.004), "delay_veh_h_day": (0.09, 0.03), "traffic_co2_t_a": (0.014, 0.012),
        "heating_kwh_a": (-0.41, 0.03), "total_co2_t_a": (-0.38, 0.03), "building_co2_t_a": (-0.46, 0.03),
        "energy_cost_eur_a": (-0.29, 0.03), "district_heating_kwh_a": (-0.62, 0.03), "overheating_h": (0.14, 0.05),
        "peak_district_heating_kw": (-0.55, 0.02), "pv_kwh_a": (21.0, 0.8), "import_kwh_a": (0.14, 0.02),
        "electricity_demand_kwh_a": (0.21, 0.02), "peak_import_kw": (0.42, 0.04), "car_share": (-0.011, 0.003),
        "self_sufficiency_share": (16.0, 0.6),
    },
}  # fmt: skip
"""Relative effect and its standard deviation over the draws."""
INVESTMENT = {"car-free-street": 2.4e5, "solar-roofs": 3.1e6, "combination": 41.2e6}


@dataclasses.dataclass
class FakeRun:
    """The part of `twin.scenario.store.Run` that decision and report use."""

    path: Path
    info: dict[str, Any]
    layers: dict[tuple[str, str], gpd.GeoDataFrame]
    table: pd.DataFrame
    hourly: dict[str, dict[str, np.ndarray]]
    spread: dict[str, pd.DataFrame]

    @property
    def scenarios(self) -> list[str]:
        return ["baseline", *self.info["scenarios"]]

    def cpu_seconds(self) -> float:
        return 120.0

    def layer(self, scenario: str, name: str) -> gpd.GeoDataFrame:
        return self.layers[scenario, name].copy()

    def roof_planes(self, scenario: str) -> pd.DataFrame:
        planes = pd.DataFrame({"building_id": ["a"], "suitable": [False], "reason": ["faces north"]}, index=["a/p0"])
        return planes.rename_axis("plane_id")

    def draws(self) -> pd.DataFrame:
        return self.table.copy()

    def series(self, scenario: str) -> dict[str, np.ndarray]:
        return self.hourly[scenario]

    def noise(self, scenario: str) -> pd.DataFrame:
        return self.spread[scenario].copy()


def make_run(city: City, folder: Path, *, draws: int = 16, seed: int = 7, idle: bool = False) -> FakeRun:
    """Return a run of three scenarios; with `idle` a fourth, "do-nothing", that equals the baseline."""
    rng = np.random.default_rng(seed)
    names = [*SCENARIOS, *(["do-nothing"] if idle else [])]
    layers: dict[tuple[str, str], gpd.GeoDataFrame] = {}
    base = _baseline_layers(city, rng)
    layers |= {("baseline", name): frame for name, frame in base.items()}
    for scenario in names:
        for name, frame in _scenario_layers(scenario, base, rng).items():
            layers[scenario, name] = frame
    info = _info(city, names, draws)
    return FakeRun(
        folder, info, layers, _draws(names, draws, rng),
        {s: _series(s) for s in ("baseline", *names)},
        {s: _noise(layers, s, draws, rng) for s in names},
    )  # fmt: skip


def _baseline_layers(city: City, rng: np.random.Generator) -> dict[str, gpd.GeoDataFrame]:
    buildings, links, zones = city.buildings.copy(), city.links.copy(), city.zones.copy()
    area = buildings["floor_area_m2"]
    buildings["heating_kwh_a"] = area * rng.uniform(70, 190, len(buildings))
    buildings["pv_kwp"] = buildings["pv_kwh_a"] = 0.0
    roof = buildings["footprint_area_m2"]
    buildings["roof_irradiation_kwh_a"], buildings["pv_potential_kwh_a"] = 900.0 * roof, 85.0 * roof
    buildings["roof_sun_h_a"], buildings["roof_sky_view"] = 3000.0, 0.9
    for column in ("facade_vsc_lowest", *(f"facade_vsc_{azimuth}" for azimuth in range(0, 360, 45))):
        buildings[column] = 0.3
    buildings["co2_kg_a"] = buildings["heating_kwh_a"] * 0.13
    buildings["energy_cost_eur_a"] = buildings["heating_kwh_a"] * 0.09
    centre = links.geometry.union_all().centroid
    distance = links.geometry.centroid.distance(centre)
    links["flow_veh_day"] = 9000 * np.exp(-distance / 400.0) * rng.uniform(0.5, 1.2, len(links)) + 50
    links["speed_peak_kmh"] = 0.8 * links["speed_limit_kmh"]
    zones["trips_day"] = rng.uniform(500, 4000, len(zones))
    zones["mean_generalised_cost_min"] = rng.uniform(14, 30, len(zones))
    zones["population"] = buildings["population"].groupby(buildings["zone_id"]).sum().reindex(zones.index).fillna(0.0)
    cost = buildings["energy_cost_eur_a"].groupby(buildings["zone_id"]).sum()
    zones["energy_cost_eur_a"] = cost.reindex(zones.index).fillna(0.0)
    zones["energy_bill_eur_per_resident_a"] = (zones["energy_cost_eur_a"] / zones["population"]).where(
        zones["population"] > 0, 0.0
    )
    sites = city.charging_sites.copy()
    sites["energy_kwh_day"] = 40.0 * sites["connectors"] * rng.uniform(0.5, 1.5, len(sites))
    return {"buildings": buildings, "links": links, "zones": zones, "charging_sites": sites}


def _scenario_layers(
    scenario: str, base: dict[str, gpd.GeoDataFrame], rng: np.random.Generator
) -> dict[str, gpd.GeoDataFrame]:
    layers = {name: frame.copy() for name, frame in base.items()}
    buildings, links, zones = layers["buildings"], layers["links"], layers["zones"]
    if scenario in ("car-free-street", "combination"):
        closed = links.index[: max(2, len(links) // 40)]
        links.loc[closed, "closed"] = True
        links["flow_veh_day"] *= 1 + np.clip(rng.normal(0.02, 0.12, len(links)), -0.4, 0.6)
        links.loc[closed, ["flow_veh_day", "speed_peak_kmh"]] = 0.0
        zones["mean_generalised_cost_min"] += rng.normal(0.15, 0.25, len(zones))
    if scenario in ("solar-roofs", "combination"):
        large = buildings["footprint_area_m2"] > buildings["footprint_area_m2"].median()
        buildings.loc[large, "pv_kwh_a"] = 85.0 * buildings.loc[large, "footprint_area_m2"]
        buildings.loc[large, "co2_kg_a"] -= 0.04 * buildings.loc[large, "pv_kwh_a"]
        buildings.loc[large, "energy_cost_eur_a"] -= 0.1 * buildings.loc[large, "pv_kwh_a"]
    if scenario == "combination":
        old = buildings["year_class"].isin(["before-1940", "1940-1959", "1960-1979"])
        for name in ("heating_kwh_a", "co2_kg_a", "energy_cost_eur_a"):
            buildings.loc[old, name] *= rng.uniform(0.45, 0.7, int(old.sum()))
    cost = buildings["energy_cost_eur_a"].groupby(buildings["zone_id"]).sum()
    zones["energy_cost_eur_a"] = cost.reindex(zones.index).fillna(0.0)
    zones["energy_bill_eur_per_resident_a"] = (zones["energy_cost_eur_a"] / zones["population"]).where(
        zones["population"] > 0, 0.0
    )
    return layers


def _noise(
    layers: dict[tuple[str, str], gpd.GeoDataFrame], scenario: str, draws: int, rng: np.random.Generator
) -> pd.DataFrame:
    parts = []
    for layer, names in NOISE.items():
        here, there = layers[scenario, layer], layers["baseline", layer]
        for name in names:
            value = (here[name] - there[name]).to_numpy()
            sd = 0.12 * np.abs(value) + (value != 0) * 0.02 * there[name].to_numpy() * rng.uniform(0, 1, len(value))
            spread = sd if draws > 1 else np.full(len(value), np.nan)
            parts.append(
                pd.DataFrame({"layer": layer, "id": here.index, "quantity": name, "value": value, "sd": spread})
            )
    return pd.concat(parts, ignore_index=True)


def _draws(names: list[str], draws: int, rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for draw in range(draws + 1):
        common = 1.0 + (rng.normal(0, 0.05) if draw else 0.0)
        for scenario in ("baseline", *names):
            effects = EFFECTS.get(scenario, {})
            for name, value in TOTALS.items():
                mean, sd = effects.get(name, (0.0, 0.0))
                relative = mean + (rng.normal(0, sd) if draw and sd else 0.0)
                total = value * common * (1.0 + relative)
                if name == "investment_eur":
                    total = INVESTMENT.get(scenario, 0.0)
                rows.append({"scenario": scenario, "draw": draw, "quantity": name, "value": total})
    return pd.DataFrame(rows)


def _series(scenario: str) -> dict[str, np.ndarray]:
    hour = np.arange(HOURS)
    season, clock = np.cos(2 * np.pi * (hour / 24 - 20) / 365), hour % 24
    weekday = (hour // 24) % 7 < 5
    demand = 3000 + 500 * season + 1300 * np.exp(-(((clock - 13) / 4.5) ** 2)) * np.where(weekday, 1.0, 0.6)
    sun = np.clip(np.sin(np.pi * (clock - 6 - 2.5 * season) / (12 - 5 * season)), 0, 1) * (0.55 - 0.4 * season)
    pv = (4200.0 if scenario in ("solar-roofs", "combination") else 40.0) * sun
    heat = np.clip(9000 + 9500 * season + 900 * np.cos(2 * np.pi * (clock - 7) / 24), 300, None)
    if scenario == "combination":
        heat, demand = 0.58 * heat, demand + 0.12 * heat
    share = np.exp(-(((np.arange(24) - 8) / 1.8) ** 2)) + np.exp(-(((np.arange(24) - 16.5) / 2.4) ** 2)) + 0.15
    charging = 120.0 * np.exp(-(((clock - 18) / 3) ** 2))
    net = demand + charging - pv
    return {
        "electricity_demand_kw": demand, "pv_kw": pv, "charging_kw": charging, "import_kw": np.maximum(net, 0),
        "export_kw": np.maximum(-net, 0), "heating_kw": heat, "hot_water_kw": np.full(HOURS, 900.0),
        "cooling_kw": np.zeros(HOURS), "district_heating_kw": heat + 900.0, "traffic_flow_share": share / share.sum(),
    }  # fmt: skip


def _change(measure: str, kind: str, layer: str, matched: int, summary: str, cost: float) -> dict[str, Any]:
    return {
        "measure": measure, "type": kind, "layer": layer, "matched": matched, "summary": summary, "quantities": {},
        "capital_cost_eur": cost,
    }  # fmt: skip


def _info(city: City, names: list[str], draws: int) -> dict[str, Any]:
    street = _change("car-free", "close_links", "links", 6, "close 6 links (412 m) to cars", 2.4e5)
    roofs = _change("large-roofs", "install_pv", "buildings", 60, "PV on 60 % of the suitable roof area", 0.0)
    deep = _change("retrofit", "retrofit", "buildings", 71, "deep retrofit of buildings older than 1980", 38.0e6)
    return {
        "run": "demo-123456789abc",
        "identity": "123456789abc" + "0" * 52,
        "study": {
            "study": "demo",
            "question": "What do a car-free street, solar roofs and deep retrofit do for the centre?",
            "targets": [
                {"kpi": "total_co2_t_a", "at_most": 6000.0, "label": "CO₂ 30 % below today"},
                {"kpi": "delay_veh_h_day", "at_most": 340.0, "label": ""},
                {"kpi": "self_sufficiency_share", "at_least": 0.05, "label": ""},
            ],
        },
        "question": "What do a car-free street, solar roofs and deep retrofit do for the centre?",
        "city": dataclasses.asdict(city.meta),
        "size": {name: len(getattr(city, name)) for name in ("buildings", "links", "nodes", "zones")},
        "weather": {"title": city.weather.title, "source": dataclasses.asdict(city.weather.source)},
        "scenarios": names,
        "labels": LABELS | {"do-nothing": "Do nothing"},
        "draws": draws,
        "seed": 42,
        "changes": {
            "baseline": [],
            "car-free-street": [street],
            "solar-roofs": [roofs],
            "combination": [street, roofs, deep],
            "do-nothing": [],
        },
        "parameters": [
            {
                "path": "traffic.value_of_time_eur_h", "default": 12.0, "unit": "EUR/h", "low": 1.0, "high": 60.0,
                "meaning": "value of travel time", "source": "assumption", "value": 12.0,
                "distribution": "normal, mean 12, sd 2",
            },
            {
                "path": "solar.system_loss_share", "default": 0.14, "unit": "-", "low": 0.0, "high": 0.5,
                "meaning": "losses of the PV system beside temperature and inverter",
                "source": "PVWatts Version 5, doi 10.2172/1158421, table 3", "value": 0.14, "distribution": "",
            },
            *[
                {
                    "path": f"neighbours.{name}", "default": least, "unit": "-", "low": 0.0, "high": 1.0,
                    "meaning": "least that a neighbour keeps", "source": "BRE 209", "value": least, "distribution": "",
                }
                for name, least in (
                    ("irradiation_ratio", 0.9), ("sun_ratio", 0.8), ("sky_ratio", 0.8), ("vsc_ratio", 0.8),
                    ("vsc_enough", 0.27),
                )
            ],
        ],
        "sources": [
            {
                "id": "osm", "title": "OpenStreetMap extract", "licence": "ODbL-1.0",
                "attribution": "© OpenStreetMap contributors", "url": "https://www.openstreetmap.org/copyright",
                "sha256": "ab" * 32, "crs": "EPSG:4326", "date": "2020",
            },
        ],
        "repairs": ["closed 2 open rings"],
        "resolution": {
            "score": 0.46,
            "rows": [
                {"layer": "buildings", "column": "height_m", "quantity": 1.0, "quality": 0.62, "depth": 0.5,
                 "score": 0.55},
                {"layer": "buildings", "column": "year_class", "quantity": 1.0, "quality": 0.11, "depth": 0.2,
                 "score": 0.21},
                {"layer": "links", "column": "lanes", "quantity": 1.0, "quality": 0.7, "depth": 0.5, "score": 0.63},
            ],
        },
        "warnings": ["traffic: the relative gap of 1e-4 was reached after 41 iterations"],
        "versions": {"twin": "0.1.0", "numpy": "2.4.0"},
        "checksums": {"city": "cd" * 32, "source": "ef" * 32},
    }  # fmt: skip
