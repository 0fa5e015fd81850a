import dataclasses
import itertools
import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.city.archetype_files import read_archetypes
from twin.city.archetypes import FIGURES, Entry, by_class
from twin.city.model import City
from twin.city.schema import BUILDING_USES, ELEMENTS, ENVELOPES, HEAT_SUPPLIES, LEVELS, YEAR_CLASSES
from twin.city.upgrades import PACKAGES, format_upgrades, parse_upgrades
from twin.energy.archetypes import USES, Archetypes, archetypes_of
from twin.energy.costs import HEAT_SUPPLY_EUR_M2, RETROFIT_EUR_M2, heat_supply_cost_eur, retrofit_cost_eur
from twin.energy.envelopes import CENTRAL_COUNTRIES, CENTRAL_EUROPE, FIELDS
from twin.energy.parameters import EnergyParameters
from twin.energy.profiles import build_profiles
from twin.errors import DataError, StudyError
from twin.parameters import describe, with_values

RETROFITS = ENVELOPES[1:]
LOSSES = ("wall_w_m2k", "roof_w_m2k", "floor_w_m2k", "window_w_m2k", "leakage_m3_h_m2")


def stock(**columns: object) -> pd.DataFrame:
    """Return one building of every year class with some columns changed."""
    base = {"use": "residential", "floor_area_m2": 2000.0, "levels": 5.0, "envelope": "existing", "upgrades": ""}
    index = pd.Index([f"b{k}" for k in range(len(YEAR_CLASSES))], name="building_id")
    return pd.DataFrame({"year_class": list(YEAR_CLASSES)} | base | columns, index=index)


def of(city: City, country: str, table: pd.DataFrame | None = None) -> Archetypes:
    return archetypes_of(city.replace(meta=dataclasses.replace(city.meta, country=country), archetypes=table))


def test_year_classes_take_the_mean_of_their_years(small_city: City) -> None:
    found = of(small_city, "FI").envelope(stock())
    assert found["wall_w_m2k"][[0, 2]] == pytest.approx([0.81, (16 * 0.81 + 2 * 0.40 + 2 * 0.35) / 20])
    assert found["window_w_m2k"][-1] == pytest.approx(1.0)
    assert set(found) == {*FIELDS, "mass"}


def test_figures_that_the_model_had_before(small_city: City) -> None:
    """Nordic blocks before and after the two packages, as they were before there were elements and countries."""
    found = of(small_city, "FI").envelope(stock(year_class="1960-1979", envelope=["existing", *RETROFITS] * 2))
    for name, values in {
        "wall_w_m2k": (0.723, 0.3615, 0.12),
        "roof_w_m2k": (0.44, 0.22, 0.09),
        "floor_w_m2k": (0.456, 0.456, 0.25),
        "window_w_m2k": (2.66, 1.0, 0.7),
        "g_value": (0.75, 0.5, 0.5),
        "leakage_m3_h_m2": (5.0, 4.0, 1.0),
        "heat_recovery": (0.0, 0.0, 0.7),
        "flow_share": (0.8, 0.8, 1.0),
        "fan_power_kw_s_m3": (1.0, 1.0, 1.8),
    }.items():
        assert found[name][:3] == pytest.approx(values), name


@pytest.mark.parametrize("country", ["FI", "SE", "DE", "ZZ"])
@pytest.mark.parametrize("use", BUILDING_USES)
def test_renewed_envelopes_are_never_worse(small_city: City, country: str, use: str) -> None:
    archetypes = of(small_city, country)
    states = [archetypes.envelope(stock(use=use, envelope=state)) for state in ENVELOPES]
    for before, after in itertools.pairwise(states):
        assert all((after[name] <= before[name] + 1e-12).all() for name in LOSSES)
        assert (after["heat_recovery"] >= before["heat_recovery"]).all()
    for name, (low, high) in FIGURES.items():
        assert all((state[name] >= min(low, 0.0)).all() and (state[name] <= high).all() for state in states)


def test_newer_nordic_envelopes_are_never_worse(small_city: City) -> None:
    found = of(small_city, "FI").envelope(stock())
    assert all((np.diff(found[name]) <= 0.0).all() for name in LOSSES)


@given(
    upgrades=st.dictionaries(st.sampled_from(ELEMENTS), st.sampled_from(LEVELS)),
    more=st.dictionaries(st.sampled_from(ELEMENTS), st.sampled_from(LEVELS)),
    state=st.sampled_from(ENVELOPES),
    country=st.sampled_from(["FI", "DE"]),
)
def test_every_renewed_element_helps(small_city: City, upgrades: dict, more: dict, state: str, country: str) -> None:
    archetypes = of(small_city, country)
    better = upgrades | {e: max(level, upgrades.get(e, ""), key=("", *LEVELS).index) for e, level in more.items()}
    before, after = (
        archetypes.envelope(stock(envelope=state, upgrades=format_upgrades(u))) for u in (upgrades, better)
    )
    assert all((after[name] <= before[name] + 1e-9).all() for name in LOSSES)
    assert (after["heat_recovery"] >= before["heat_recovery"]).all()
    assert parse_upgrades(format_upgrades(upgrades)) == {e: upgrades[e] for e in ELEMENTS if e in upgrades}


@pytest.mark.parametrize("country", ["FI", "DE"])
def test_a_package_is_its_elements(small_city: City, country: str) -> None:
    archetypes = of(small_city, country)
    for state, elements in PACKAGES.items():
        at_once = archetypes.envelope(stock(envelope=state))
        one_by_one = archetypes.envelope(stock(upgrades=format_upgrades(elements)))
        assert all((at_once[name] == one_by_one[name]).all() for name in at_once)


def test_countries_differ(small_city: City) -> None:
    finnish, german = of(small_city, "FI"), of(small_city, "DE")
    assert (german.envelope(stock())["wall_w_m2k"] > finnish.envelope(stock())["wall_w_m2k"]).all()
    assert finnish.uses["residential"].heating_c == 21.0 and german.uses["residential"].heating_c == 20.0
    assert tuple(finnish.uses) == tuple(german.uses) == BUILDING_USES
    assert "Nordic" in finnish.title and "central European" in german.title


def test_mass_follows_the_storeys(small_city: City) -> None:
    found = of(small_city, "FI").envelope(stock(levels=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
    assert found["mass"].tolist() == [1, 1, 2, 2, 2, 2]


def test_a_city_s_own_table(small_city: City) -> None:
    entries = [
        Entry("residential", "house", (1960, 1980), "existing", {"wall_w_m2k": 2.0, "window_w_m2k": 1.9}, "light"),
        Entry("residential", "house", (1960, 1980), "deep_retrofit", {"wall_w_m2k": 0.11}),
        Entry("office", "", (1960, 1980), "existing", {"wall_w_m2k": 3.0, "heat_recovery": 0.6}),
    ]
    own, plain = of(small_city, "DE", by_class(entries)), of(small_city, "DE")
    one = {"year_class": "1960-1979", "floor_area_m2": 120.0, "levels": 2.0}
    rows = stock(**one, use=["residential"] * 3 + ["office", "retail", "retail"], envelope=[*ENVELOPES] * 2)
    found, usual = own.envelope(rows), plain.envelope(rows)
    assert found["wall_w_m2k"] == pytest.approx([2.0, 0.24, 0.11, 3.0, 0.24, 0.11])
    assert found["g_value"][0] == 0.68  # follows from the U-value that the table gives
    assert found["mass"].tolist() == [0, 0, 0, 1, 0, 0]
    assert found["heat_recovery"][[0, 3]].tolist() == [0.0, 0.6]
    assert (found["roof_w_m2k"] == usual["roof_w_m2k"]).all()
    block = rows.assign(floor_area_m2=5000.0)[:1]
    assert own.envelope(block)["wall_w_m2k"][0] == 2.0  # no row of the class speaks for blocks
    other_class = rows.assign(year_class="before-1940")
    assert (own.envelope(other_class)["wall_w_m2k"] == plain.envelope(other_class)["wall_w_m2k"]).all()
    assert own.title.startswith("the city's own")


def test_what_no_archetype_has_is_named(small_city: City) -> None:
    archetypes = of(small_city, "FI")
    for column, word, said in (
        ("use", "castle", r"buildings\[b0\].use: no archetype has the use 'castle'"),
        ("year_class", "1961", r"buildings\[b0\].year_class: no archetype has the year_class '1961'"),
        ("envelope", "new", r"buildings\[b0\].envelope: unknown state of the envelope 'new'"),
        ("upgrades", "cellar:deep", r"buildings\[b0\].upgrades: 'cellar:deep' is no upgrade"),
        ("upgrades", "wall:best", r"buildings\[b0\].upgrades: 'wall:best' is no upgrade"),
        ("upgrades", "wall:deep  roof:deep", r"buildings\[b0\].upgrades: '' is no upgrade"),
    ):
        with pytest.raises(DataError, match=said):
            archetypes.envelope(stock(**{column: word}))


def test_the_central_european_set_is_the_median_of_national_typologies() -> None:
    path = os.environ.get("TWIN_EPISCOPE", "")
    if not path:
        pytest.skip("TWIN_EPISCOPE names no EPISCOPE table")
    names = ["wall_w_m2k", "roof_w_m2k", "floor_w_m2k", "window_w_m2k", "g_value", "leakage_m3_h_m2"]
    tables = [read_archetypes(path, country) for country in CENTRAL_COUNTRIES]
    means = pd.concat([t[t["envelope"] == "existing"].groupby("year_class")[names].mean() for t in tables])
    off = np.abs(means.groupby("year_class").median().loc[list(YEAR_CLASSES)].to_numpy() - np.array(CENTRAL_EUROPE))
    assert off[:, :5].max() < 0.0051
    assert off[:, 5].max() < 0.051


def test_every_use_has_a_standard_use_and_profiles():
    assert tuple(USES) == BUILDING_USES
    profiles = build_profiles(USES, EnergyParameters(), np.zeros(8760))
    for field in dataclasses.fields(profiles):
        table = getattr(profiles, field.name)
        assert table.shape == (len(BUILDING_USES), 8760)
        assert (table >= 0.0).all()
    assert profiles.hot_water.sum(axis=1) == pytest.approx(1.0)
    assert (profiles.cool_set_c > profiles.heat_set_c).all()
    office = profiles.heat_set_c[BUILDING_USES.index("office")]
    assert office[24 * 2 + 12] == 21.0  # Wednesday noon
    assert office[24 * 5 + 12] == 19.0  # Saturday noon


def test_crossed_setpoints_are_kept_apart():
    shifted = EnergyParameters(heating_setpoint_shift_k=5.0, cooling_setpoint_shift_k=-3.0)
    profiles = build_profiles(USES, shifted, np.zeros(8760))
    assert (profiles.cool_set_c >= profiles.heat_set_c + 1.0).all()


def test_parameters_are_described_and_checked():
    for info in describe("energy", EnergyParameters):
        assert info.low <= info.default <= info.high
        assert info.unit and info.meaning and info.source
    assert with_values("energy", EnergyParameters(), {"energy.u_value_factor": 1.2}).u_value_factor == 1.2
    with pytest.raises(StudyError):
        with_values("energy", EnergyParameters(), {"energy.u_value_factor": 9.0})


def test_costs_are_paid_once():
    assert set(RETROFIT_EUR_M2) == set(ENVELOPES)
    assert set(HEAT_SUPPLY_EUR_M2) == set(HEAT_SUPPLIES)
    buildings = pd.DataFrame(
        {
            "floor_area_m2": [100.0, 200.0, 300.0],
            "envelope": ["existing", "standard_retrofit", "deep_retrofit"],
            "upgrades": "",
            "heat_supply": ["gas_boiler", "air_heat_pump", "district_heating"],
        },
        index=pd.Index(["a", "b", "c"], name="building_id"),
    )
    assert retrofit_cost_eur(buildings, "standard_retrofit").tolist() == [18_000.0, 0.0, 0.0]
    assert retrofit_cost_eur(buildings, "deep_retrofit").tolist() == [38_000.0, 76_000.0, 0.0]
    assert heat_supply_cost_eur(buildings, "air_heat_pump").tolist() == [7_000.0, 0.0, 21_000.0]
    with pytest.raises(DataError, match="did you mean 'deep_retrofit'"):
        retrofit_cost_eur(buildings, "deep_retrofitt")
    with pytest.raises(DataError, match="unknown heat supply"):
        heat_supply_cost_eur(buildings, "coal")
