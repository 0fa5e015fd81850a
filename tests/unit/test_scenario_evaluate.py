from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.city.model import HOURS, City, Terrain
from twin.kernels.compile import OUTSIDE_RUNS
from twin.kernels.registry import Kernel, families
from twin.scenario.balance import ElectricityParameters, building_balance, city_balance
from twin.scenario.evaluate import Evaluation, evaluate
from twin.scenario.memo import Memo
from twin.scenario.parameters import ModelParameters, domains
from twin.scenario.run_info import warnings
from twin.scenario.runner import plan_run
from twin.scenario.schema import Study
from twin.solar.model import prepare_roofs

P = ModelParameters(**{name: cls() for name, cls in domains().items()})


def run(city: City, **options: object) -> Evaluation:
    return evaluate(city, P, prepare_roofs(city), **{"seed": 1, "draw": 0, **options})  # type: ignore[arg-type]


def same(one: Evaluation, other: Evaluation) -> None:
    assert one.totals == other.totals
    for name, layer in one.layers.items():
        pd.testing.assert_frame_equal(layer, other.layers[name], check_exact=True)
    for name, values in one.series.items():
        assert values.tobytes() == other.series[name].tobytes(), name


@pytest.fixture(scope="module")
def plain(small_city: City) -> Evaluation:
    return run(small_city)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 1.0), st.floats(0.0, 0.5))
def test_nothing_is_lost_behind_the_meter_or_in_the_city(seed: int, price: float, paid: float) -> None:
    rng = np.random.default_rng(seed)
    demand = rng.uniform(0.0, 20.0, (3, HOURS)).astype(np.float32)
    pv = np.maximum(0.0, rng.normal(-5.0, 20.0, (3, HOURS))).astype(np.float32)
    charging = rng.uniform(0.0, 5.0, HOURS)
    p = dataclasses.replace(ElectricityParameters(), price_eur_kwh=price, export_price_eur_kwh=paid)
    own = building_balance(pd.Index(["a", "b", "c"]), demand, pv, p)
    b = own.buildings
    need, made = demand.sum(axis=1, dtype=float), pv.sum(axis=1, dtype=float)
    np.testing.assert_allclose(b["electricity_import_kwh_a"] + b["pv_used_kwh_a"], need, rtol=1e-6)
    np.testing.assert_allclose(b["electricity_export_kwh_a"] + b["pv_used_kwh_a"], made, rtol=1e-6)
    direct = np.minimum(demand, pv).sum(axis=1, dtype=float)
    np.testing.assert_allclose(b["pv_used_kwh_a"], direct, rtol=1e-5, atol=1e-2)
    bill = price * b["electricity_import_kwh_a"] - paid * b["electricity_export_kwh_a"]
    np.testing.assert_allclose(b["electricity_cost_eur_a"], bill, rtol=1e-12, atol=1e-9)

    city = city_balance(own.demand_kw, own.pv_kw, charging, p)
    s, t = city.series, city.totals
    net = s["electricity_demand_kw"] + s["charging_kw"] - s["pv_kw"]
    np.testing.assert_allclose(s["import_kw"] - s["export_kw"], net, atol=1e-9)
    assert not np.any((s["import_kw"] > 0) & (s["export_kw"] > 0))
    # neighbours share, so the city never takes more from outside than its buildings and chargers together
    assert t["import_kwh_a"] <= b["electricity_import_kwh_a"].sum() + charging.sum() + 1.0
    assert t["import_kwh_a"] + t["pv_used_kwh_a"] == pytest.approx(t["electricity_demand_kwh_a"], rel=1e-9)
    assert 0.0 <= t["self_consumption_share"] <= 1.0
    assert t["charging_co2_t_a"] == pytest.approx(charging.sum() * p.co2_kg_kwh / 1000.0)


def test_totals_are_the_sums_of_what_is_shown(small_city: City, plain: Evaluation) -> None:
    t, b = plain.totals, plain.layers["buildings"]
    assert t["building_co2_t_a"] == pytest.approx(b["co2_kg_a"].sum() / 1000.0)
    bills = [t[f"energy_cost_{who}_eur_a"] for who in ("homes", "business", "public")]
    assert sum(bills) == pytest.approx(t["energy_cost_eur_a"], rel=1e-12)
    assert t["total_co2_t_a"] == pytest.approx(t["building_co2_t_a"] + t["traffic_co2_t_a"] + t["charging_co2_t_a"])
    zones = plain.layers["zones"]
    assert zones["energy_cost_eur_a"].sum() == pytest.approx(t["energy_cost_eur_a"])
    assert zones["population"].sum() == pytest.approx(small_city.buildings["population"].sum())
    assert plain.series["heating_kw"].sum() == pytest.approx(t["heating_kwh_a"], rel=1e-5)
    demand = plain.series["electricity_demand_kw"].sum() + plain.series["charging_kw"].sum()
    assert demand == pytest.approx(t["electricity_demand_kwh_a"])
    assert t["investment_eur"] == 0.0


@pytest.mark.parametrize(
    ("column", "value"),
    [("pv_share", 0.5), ("envelope", "deep_retrofit"), ("heat_supply", "air_heat_pump"), ("population", 3.0)],
)
def test_what_is_remembered_is_what_would_be_computed(small_city: City, column: str, value: object) -> None:
    """Scenarios share results by fingerprint; a fingerprint that misses a column would share too much."""
    memo = Memo()
    run(small_city, memo=memo)
    other = small_city.replace(buildings=small_city.buildings.assign(**{column: value}))
    same(run(other, memo=memo), run(other))


def test_traffic_starts_from_the_baseline_whether_remembered_or_not(small_city: City, plain: Evaluation) -> None:
    """A resumed run has no memory of the baseline and must give the same bits."""
    slowed = small_city.replace(links=small_city.links.assign(speed_limit_kmh=15.0))
    memo = Memo()
    run(small_city, memo=memo, baseline=small_city)
    after = run(slowed, memo=memo, baseline=small_city)
    same(after, run(slowed, baseline=small_city))
    assert after.totals["consumer_surplus_eur_a"] < 0.0
    assert after.totals["rebound_share"] != 0.0
    assert run(slowed).totals["consumer_surplus_eur_a"] == 0.0
    insulated = small_city.replace(buildings=small_city.buildings.assign(envelope="deep_retrofit"))
    other = run(insulated, memo=memo, baseline=small_city)
    pd.testing.assert_frame_equal(other.layers["links"], plain.layers["links"], check_exact=True)


def test_the_ground_is_part_of_what_is_remembered(small_city: City) -> None:
    west, south, east, north = small_city.buildings.total_bounds
    hill = np.array([[0.0, 40.0, 0.0, 40.0]] * 4)
    other = small_city.replace(terrain=Terrain(hill, west, north, max(east - west, north - south) / 4))
    memo = Memo()
    before = run(small_city, memo=memo)
    after = run(other, memo=memo)
    assert after.totals["roof_irradiation_kwh_a"] != before.totals["roof_irradiation_kwh_a"]
    same(after, run(other))


def test_only_pv_that_is_added_is_an_investment(small_city: City) -> None:
    had = np.linspace(0.0, 0.5, len(small_city.buildings))
    with_pv = small_city.replace(buildings=small_city.buildings.assign(pv_share=had, facade_pv_share=had / 2))
    before, memo = np.column_stack([had, had / 2]), Memo()
    assert run(with_pv, pv_share_before=before, memo=memo).totals["investment_eur"] == 0.0
    shares = {"pv_share": np.maximum(had, 0.3), "facade_pv_share": np.maximum(had / 2, 0.1)}
    more = small_city.replace(buildings=small_city.buildings.assign(**shares))
    result = run(more, pv_share_before=before, investment_eur=7.0, memo=memo)
    columns = result.layers["buildings"]
    kwp = (columns["pv_potential_kwp"] * np.maximum(0.3 - had, 0.0)).sum()
    walls = (columns["facade_pv_potential_kwp"] * np.maximum(0.1 - had / 2, 0.0)).sum()
    assert min(kwp, walls) > 0.0
    kwp += walls * P.economics.facade_cost_factor
    assert result.totals["investment_eur"] == pytest.approx(7.0 + kwp * P.electricity.pv_cost_eur_kwp)


def test_pv_stays_where_it_was_installed_when_new_shade_makes_the_roof_unsuitable(small_city: City) -> None:
    """What is installed yields less; it does not vanish. What could still be installed falls."""
    from twin.solar.model import prepare_roofs

    low = small_city.replace(buildings=small_city.buildings.assign(pv_share=1.0))
    tall = low.buildings["height_m"].copy()
    tall.iloc[::2] = 60.0
    high = low.replace(buildings=low.buildings.assign(height_m=tall))
    roofs = prepare_roofs(low)
    before, after = run(low), run(high, baseline=low, installed=(low, roofs))
    stay = np.arange(1, len(tall), 2)
    installed = [result.layers["buildings"].iloc[stay] for result in (before, after)]
    assert installed[1]["pv_potential_kwp"].sum() < 0.99 * installed[0]["pv_potential_kwp"].sum()
    np.testing.assert_allclose(installed[1]["pv_kwp"], installed[0]["pv_kwp"], rtol=1e-12)
    assert installed[1]["pv_kwh_a"].sum() < installed[0]["pv_kwh_a"].sum()


def test_unheated_buildings_do_not_overheat(small_city: City) -> None:
    none = small_city.replace(buildings=small_city.buildings.assign(floor_area_m2=0.0))
    hot = dataclasses.replace(small_city.weather, temperature_c=small_city.weather.temperature_c + 25.0)
    assert run(none.replace(weather=hot)).totals["overheating_h"] == 0.0


def test_the_memo_keeps_what_was_used_last() -> None:
    made: list[str] = []
    memo = Memo(capacity=2)
    for key in "aabacab":
        assert memo.get(key, lambda key=key: made.append(key) or key) == key  # type: ignore[misc,func-returns-value]
    assert "".join(made) == "abcb"


def test_a_warning_says_which_scenario_it_is_about() -> None:
    labels = {"baseline": "Today", "one": "Car-free", "two": "Toll"}
    notes = {"baseline": ["small area"], "one": ["small area", "cut off", "cut off"], "two": ["small area", "slow"]}
    assert warnings(notes, labels) == ["Car-free: cut off", "Toll: slow", "small area"]
    assert warnings(notes | {"two": ["cut off"]}, labels)[0] == "Car-free, Toll: cut off"


def test_a_run_is_another_when_the_city_before_its_measures_is(small_city: City) -> None:
    """The measures lead to the same city, but one costs less: a run folder may not be shared."""
    measures = {"all": [{"type": "retrofit", "to": "deep_retrofit"}, {"type": "install_pv", "share": 1.0}]}
    study = Study.model_validate(
        {"study": "s", "question": "?", "city": "c", "measures": measures, "scenarios": {"one": []}}
        | {"baseline": {"measures": ["all"]}}
    )
    old = plan_run(study, small_city)
    half = np.where(np.arange(len(small_city.buildings)) % 2, "deep_retrofit", "existing")
    better = plan_run(study, small_city.replace(buildings=small_city.buildings.assign(envelope=half)))
    assert better.scenarios["one"].city.buildings.equals(old.scenarios["one"].city.buildings)
    cost = [sum(c.capital_cost_eur for c in plan.scenarios["one"].changes) for plan in (old, better)]
    assert cost[1] < cost[0]
    assert better.identity != old.identity
    assert plan_run(study, small_city).identity == old.identity
    assert plan_run(study, small_city, variant="reference").identity != old.identity


def test_bills_of_homes_leave_out_other_buildings(small_city: City, plain: Evaluation) -> None:
    zones, buildings = plain.layers["zones"], small_city.buildings
    homes = buildings["use"] == "residential"
    total = plain.layers["buildings"]["energy_cost_eur_a"][homes].sum()
    assert 0 < total < plain.totals["energy_cost_eur_a"]
    assert (zones["energy_bill_eur_per_resident_a"] * zones["population"]).sum() == pytest.approx(total, rel=1e-9)


def test_every_roof_plane_says_why_it_is_suitable_or_not(small_city: City, plain: Evaluation) -> None:
    planes = plain.roof_planes
    assert set(planes["building_id"]) <= set(small_city.buildings.index)
    assert planes["reason"].str.len().min() > 0
    assert planes["suitable"].any() and not planes["suitable"].all()


def test_a_run_uses_only_kernels_that_are_made_ready_for_it(small_city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `OUTSIDE_RUNS` leaves out would be compiled in the middle of a run, unannounced."""
    used: set[str] = set()
    for name, family in families().items():
        for variant, kernel in list(family.variants.items()):

            def spy(*arguments: object, name: str = name, kernel: Kernel = kernel) -> object:
                used.add(name)
                return kernel(*arguments)

            monkeypatch.setitem(family.variants, variant, spy)
    closed = small_city.replace(links=small_city.links.assign(speed_limit_kmh=20.0))
    run(closed, baseline=small_city)
    assert "solar.sunlit_cells" in used
    assert not used & OUTSIDE_RUNS
    assert set(families()) >= OUTSIDE_RUNS
