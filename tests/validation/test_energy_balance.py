"""The heat balance against closed forms, and the stock against known figures."""

import dataclasses

import geopandas as gpd
import numpy as np
import pytest
from shapely import box

import twin.kernels.energy  # noqa: F401
from tests.energy_sun import rough_sun
from twin.city.model import HOURS
from twin.city.schema import BUILDINGS
from twin.energy.model import simulate_energy
from twin.energy.parameters import EnergyParameters
from twin.kernels import registry
from twin.kernels.energy.zone import H_IS, H_MS
from twin.kernels.energy.zone_contract import ZONE_COLUMNS

VARIANTS = ("reference", "numba")
HOUSE = {
    "floor_area_m2": 150.0,
    "h_opaque_w_k": 120.0,
    "h_window_w_k": 60.0,
    "h_leak_w_k": 20.0,
    "h_vent_w_k": 40.0,
    "heat_recovery": 0.5,
    "airing_w_k": 0.0,
    "capacity_j_k": 165e3 * 150.0,
    "mass_area_m2": 2.5 * 150.0,
    "surface_area_m2": 4.5 * 150.0,
    "gains_factor": 1.0,
    "heat_offset_k": 0.0,
    "heating_limit_w": 1e9,
    "cooling_limit_w": 0.0,
}


def run(variant, temperature_c, *, gains=0.0, sun=0.0, heat=21.0, cool=26.0, warmup=0, **changes):
    zone = {**HOUSE, **changes}
    hours = len(temperature_c)
    return registry.get("energy.zone_balance", variant)(
        np.asarray(temperature_c, float),
        np.full((hours, 8), float(sun)),
        np.full((1, hours), float(heat)),
        np.full((1, hours), float(cool)),
        np.full((1, hours), float(gains)),
        np.ones((1, hours)),
        np.zeros(1, np.int64),
        np.array([[zone[name] for name in ZONE_COLUMNS]]),
        np.full((1, 8), 1.0),
        27.0,
        warmup,
    )


def network():
    """Conductances of the house: to outdoors from mass, surface and air, and between them."""
    h_ms, h_is = H_MS * HOUSE["mass_area_m2"], H_IS * HOUSE["surface_area_m2"]
    h_op, h_w = HOUSE["h_opaque_w_k"], HOUSE["h_window_w_k"]
    h_ve = HOUSE["h_leak_w_k"] + HOUSE["h_vent_w_k"] * 0.5
    return 1.0 / (1.0 / h_op - 1.0 / h_ms), h_w, h_ve, h_ms, h_is


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("outside", "gains", "sun"), [(-20.0, 0.0, 0.0), (-5.0, 4.0, 0.0), (3.0, 2.0, 60.0)])
def test_steady_state_is_the_solution_of_the_network(variant, outside, gains, sun, figure):
    h_em, h_w, h_ve, h_ms, h_is = network()
    internal, solar = gains * 150.0, 8.0 * sun
    inner = 0.5 * internal + solar
    to_mass, lost = HOUSE["mass_area_m2"] / HOUSE["surface_area_m2"], h_w / (H_MS * HOUSE["surface_area_m2"])
    matrix = np.array([[h_em + h_ms, -h_ms, 0.0], [-h_ms, h_ms + h_w + h_is, 0.0], [0.0, -h_is, -1.0]])
    forcing = np.array(
        [
            h_em * outside + to_mass * inner,
            h_w * outside + h_is * 21.0 + (1.0 - to_mass - lost) * inner,
            h_ve * (outside - 21.0) - h_is * 21.0 + 0.5 * internal,
        ]
    )
    mass, surface, power = np.linalg.solve(matrix, forcing)
    heating = run(variant, np.full(1000, outside), gains=gains, sun=sun)[0]
    name, ours = "Heat balance: steady heating power", heating[0, -1]
    figure.check(name, ours, power, 1e-6, "W", "ISO 13790 annex C network, solved directly", relative=True)
    loss = h_em * (mass - outside) + h_w * (surface - outside) + h_ve * (21.0 - outside)
    assert heating[0, -1] == pytest.approx(loss - internal - solar + lost * inner, rel=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
def test_free_float_decays_with_its_time_constant(variant, figure):
    h_em, h_w, h_ve, h_ms, h_is = network()
    to_surface = h_w + 1.0 / (1.0 / h_ve + 1.0 / h_is)
    loss = h_em + 1.0 / (1.0 / to_surface + 1.0 / h_ms)
    hours, capacity_wh = 200, 165e3 * 150.0 / 3600.0
    balance = run(variant, np.zeros(hours), heating_limit_w=0.0)[2]
    fall = balance[0, 6] / capacity_wh  # stored heat over capacity
    truth, name = 21.0 * (np.exp(-hours * loss / capacity_wh) - 1.0), "Heat balance: free cooling over 200 h"
    figure.check(name, fall, truth, 2e-4, "K", "exponential decay, closed form", relative=True)


@pytest.mark.parametrize("variant", VARIANTS)
def test_year_without_gains_is_degree_hours(variant, plain_weather, figure):
    """Where outdoors never reaches the set-point, the year's heat is conductance times degree hours."""
    cold = np.minimum(plain_weather.temperature_c, 16.0)
    h_em, h_w, h_ve, h_ms, h_is = network()
    conductance = h_ve + 1.0 / (1.0 / h_is + 1.0 / (h_w + 1.0 / (1.0 / h_ms + 1.0 / h_em)))
    balance = run(variant, cold, heat=17.0, warmup=336)[2]
    truth, name = conductance * (17.0 - cold).sum() / 1000.0, "Heat balance: heating of a year without gains"
    figure.check(name, balance[0, 0] / 1000.0, truth, 1e-3, "kWh", "degree hours times conductance", relative=True)


@pytest.mark.parametrize("variant", VARIANTS)
def test_capacity_limits_and_airing(variant):
    weak = run(variant, np.full(500, -30.0), heating_limit_w=1000.0)
    assert weak[0].max() == pytest.approx(1000.0)
    assert weak[3][0, 2] < 15.0  # the house gets cold
    hot = {"gains": 20.0, "warmup": 336}
    shut = run(variant, np.full(500, 18.0), **hot)
    aired = run(variant, np.full(500, 18.0), airing_w_k=1000.0, **hot)
    cooled = run(variant, np.full(500, 18.0), cooling_limit_w=1e6, **hot)
    assert shut[3][0, 1] == 500.0
    assert aired[3][0, 1] == 0.0
    assert aired[3][0, 2] == pytest.approx(23.5, abs=0.01)  # held in the middle between the set-points
    assert cooled[3][0, 2] == pytest.approx(26.0, abs=0.01)
    assert cooled[1].min() > 0.0


@pytest.mark.parametrize("variant", VARIANTS)
def test_year_of_a_random_stock_conserves_energy(variant, plain_weather, figure):
    inputs = registry.family("energy.zone_balance").sample(8, np.random.default_rng(7))
    year = -(-HOURS // 240)
    for name in ("heat_set_c", "cool_set_c", "gains_w_m2", "air_flow"):
        inputs[name] = np.tile(inputs[name], year)[:, :HOURS].copy()
    inputs["irradiance_w_m2"] = np.tile(inputs["irradiance_w_m2"], (year, 1))[:HOURS].copy()
    inputs |= {"temperature_c": plain_weather.temperature_c, "warmup": 336}
    balance = registry.family("energy.zone_balance").call(variant, inputs)[2]
    heat, cool, internal, solar, transmitted, ventilated, stored = balance.T
    residual = heat - cool + internal + solar - transmitted - ventilated - stored
    share = np.abs(residual) / np.abs(balance).sum(axis=1)
    figure.check("Heat balance: residual of a year, share of all flows", share, 0.0, 1e-9, "-", "first law")


def street_block(year_class, use="residential", height_m=20.0, levels=6.0):
    """Nine adjoining buildings of 20 × 14 m along a street."""
    shapes = [box(20.0 * i, 0.0, 20.0 * i + 20.0, 14.0) for i in range(9)]
    table = {
        "use": use,
        "year_class": year_class,
        "height_m": height_m,
        "levels": levels,
        "footprint_area_m2": 280.0,
        "floor_area_m2": 280.0 * levels * 0.9,
        "heat_supply": "district_heating",
        "population": 280.0 * levels * 0.9 / 50.0,
    }
    table |= {column.name: column.default for column in BUILDINGS.columns if column.default is not None}
    index = [f"block-{i}" for i in range(len(shapes))]
    return gpd.GeoDataFrame(table, geometry=shapes, crs=3067, index=index)


@pytest.mark.parametrize(
    ("year_class", "low", "high"),
    [("before-1940", 130.0, 200.0), ("1960-1979", 130.0, 200.0), ("2010-onwards", 60.0, 100.0)],
)
def test_district_heat_of_helsinki_blocks(small_city, plain_weather, year_class, low, high, figure):
    """Purchased heat per floor area of apartment blocks in Helsinki: 130 to 200 kWh/m²a old, 60 to 100 new."""
    block = street_block(year_class).assign(zone_id=small_city.zones.index[0])
    city = dataclasses.replace(small_city, buildings=block)
    result = simulate_energy(city, plain_weather, rough_sun(plain_weather, 9), EnergyParameters(), seed=1)
    specific = result.totals["district_heating_kwh_a"] / city.buildings["floor_area_m2"].sum()
    name, source = f"District heat of apartment blocks, {year_class}", f"plausible range {low:g} to {high:g}"
    figure(name, specific, 0.5 * (low + high), 0.5 * (high - low), "kWh/m²", source)
    assert low < specific < high
