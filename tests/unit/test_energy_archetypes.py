import dataclasses
import itertools

import pandas as pd
import pytest

from twin.city.schema import BUILDING_USES, ENVELOPES, HEAT_SUPPLIES, YEAR_CLASSES
from twin.energy.archetypes import USES, envelope_of, existing_envelope
from twin.energy.costs import HEAT_SUPPLY_EUR_M2, RETROFIT_EUR_M2, heat_supply_cost_eur, retrofit_cost_eur
from twin.energy.parameters import EnergyParameters
from twin.energy.profiles import build_profiles
from twin.errors import DataError, StudyError
from twin.parameters import describe, with_values

LOSSES = ("wall_w_m2k", "roof_w_m2k", "floor_w_m2k", "window_w_m2k", "leakage_m3_h_m2")


def test_year_classes_take_the_mean_of_their_years():
    assert existing_envelope("before-1940", residential=True).wall_w_m2k == pytest.approx(0.81)
    assert existing_envelope("1960-1979", residential=True).wall_w_m2k == pytest.approx(
        (16 * 0.81 + 2 * 0.40 + 2 * 0.35) / 20
    )
    assert existing_envelope("2010-onwards", residential=False).window_w_m2k == pytest.approx(1.0)


@pytest.mark.parametrize("residential", [True, False])
def test_newer_and_retrofitted_envelopes_are_never_worse(residential):
    for state in ENVELOPES:
        stock = [envelope_of(year, state, residential=residential) for year in YEAR_CLASSES]
        for older, newer in itertools.pairwise(stock):
            assert all(getattr(newer, name) <= getattr(older, name) for name in LOSSES)
    for year in YEAR_CLASSES:
        states = [envelope_of(year, state, residential=residential) for state in ENVELOPES]
        for before, after in itertools.pairwise(states):
            assert all(getattr(after, name) <= getattr(before, name) for name in LOSSES)
            assert after.heat_recovery >= before.heat_recovery


def test_every_use_has_a_standard_use_and_profiles():
    assert tuple(USES) == BUILDING_USES
    profiles = build_profiles(EnergyParameters())
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
    profiles = build_profiles(shifted)
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
