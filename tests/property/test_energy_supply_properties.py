"""Laws of heat supply and meter for random buildings, and of what changes around them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import twin.kernels.energy  # noqa: F401
from twin.kernels import registry
from twin.kernels.energy.heat_supply import AIR_PUMP, PLANT
from twin.kernels.energy.meter import ANNUAL, STORE

FAMILIES = ("energy.heat_supply", "energy.meter")
LAWS = [(name, law) for name in FAMILIES for law in registry.family(name).properties]
seeds = st.integers(0, 2**32 - 1)


def column(annual, name):
    return annual[:, ANNUAL.index(name)]


@pytest.mark.parametrize(("name", "law"), LAWS, ids=lambda value: getattr(value, "name", value))
@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_laws_hold_for_every_variant(name, law, seed):
    family = registry.family(name)
    for kernel in family.variants.values():
        law.check(kernel, family.sample(7, np.random.default_rng(seed)))


@pytest.mark.parametrize("name", FAMILIES)
@settings(max_examples=15, deadline=None)
@given(seed=seeds, size=st.integers(0, 9))
def test_variants_agree(name, seed, size):
    family = registry.family(name)
    inputs = family.sample(size, np.random.default_rng(seed))
    for fast, plain in zip(family.call("numba", inputs), family.call("reference", inputs), strict=True):
        np.testing.assert_allclose(fast, plain, rtol=family.rtol, atol=family.atol)


@pytest.mark.parametrize("name", FAMILIES)
@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_buildings_never_mix(name, seed):
    """The result of a building is the same bits alone and among others."""
    family = registry.family(name)
    inputs = family.sample(6, np.random.default_rng(seed))
    rows = np.random.default_rng(seed).permutation(6)[:3]
    part = {a.name: inputs[a.name][rows] if a.shape[:1] == ("n",) else inputs[a.name] for a in family.inputs}
    for all_of_them, some in zip(family.call("numba", inputs), family.call("numba", part), strict=True):
        assert all_of_them[rows].tobytes() == some.tobytes()


@settings(max_examples=20, deadline=None)
@given(seed=seeds, colder=st.floats(0.0, 15.0))
def test_cooler_water_never_costs_a_heat_pump(seed, colder):
    family = registry.family("energy.heat_supply")
    inputs = family.sample(8, np.random.default_rng(seed))
    inputs["supply"] = np.arange(8) % 2 + AIR_PUMP
    plant = inputs["plant"].copy()
    plant[:, [PLANT.index("flow_c"), PLANT.index("water_c")]] -= colder
    before, after = (
        family.call("numba", inputs | {"plant": p})[2][:, 4:6].sum(axis=1) for p in (inputs["plant"], plant)
    )
    assert np.all(after <= before * (1.0 + 1e-12))


@settings(max_examples=20, deadline=None)
@given(seed=seeds, sun=st.floats(0.0, 3.0))
def test_more_pv_never_buys_more_and_never_uses_less(seed, sun):
    family = registry.family("energy.meter")
    inputs = family.sample(8, np.random.default_rng(seed)) | {"warmup": 0}
    inputs["store"][:, STORE.index("charging_hours")] = 1.0
    more = inputs["pv_kw"] * np.float32(1.0 + sun)
    before, after = (family.call("numba", inputs | {"pv_kw": pv})[1] for pv in (inputs["pv_kw"], more))
    for name, sign in (("imported", -1.0), ("used", 1.0), ("exported", 1.0), ("peak_export_kw", 1.0)):
        assert np.all(sign * (column(after, name) - column(before, name)) >= -1e-5), name


@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_without_efficiency_losses_a_battery_only_shifts(seed):
    family = registry.family("energy.meter")
    inputs = family.sample(8, np.random.default_rng(seed))
    inputs["store"][:, STORE.index("efficiency")] = 1.0
    annual = family.call("numba", inputs)[1]
    shifted = column(annual, "charged") - column(annual, "discharged")
    np.testing.assert_allclose(shifted, column(annual, "stored"), atol=1e-8)


@settings(max_examples=15, deadline=None)
@given(seed=seeds, window=st.integers(2, 48))
def test_cars_without_sun_are_charged_evenly(seed, window):
    """Without PV the load of waiting cars is the moving average of what came."""
    family = registry.family("energy.meter")
    inputs = family.sample(5, np.random.default_rng(seed)) | {"warmup": 0}
    inputs["store"][:, STORE.index("capacity_kwh")] = 0.0
    inputs["store"][:, STORE.index("charging_hours")] = window
    inputs["pv_kw"] = np.zeros_like(inputs["pv_kw"])
    inputs["demand_kw"] = np.zeros_like(inputs["demand_kw"])
    net = family.call("numba", inputs)[0]
    for i, row in enumerate(inputs["vehicle_row"]):
        if row >= 0:
            came = inputs["vehicles_kw"][row].astype(float)
            even = np.convolve(came, np.ones(window) / window)[: len(came)]
            np.testing.assert_allclose(net[i], even, atol=1e-4)
