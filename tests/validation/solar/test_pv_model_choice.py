"""The five-parameter module in the city model: against PVWatts with the same module, against pvlib, and remembered."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.figures import Recorder
from tests.solar_scenes import box_city
from twin.city.model import City
from twin.city.synthetic import generate_city
from twin.kernels.solar.pv_diode import module_power
from twin.parameters import with_values
from twin.scenario import fingerprint
from twin.scenario.evaluate import simulate_buildings
from twin.scenario.memo import Memo
from twin.scenario.parameters import ModelParameters, domains
from twin.solar.model import SolarParameters, prepare_roofs, simulate_solar
from twin.solar.surfaces import Surroundings, module_numbers, module_surfaces, plane_irradiance, pv_output

PVWATTS = SolarParameters(temperature_coefficient=-0.00369)  # of the module whose diode_* are the defaults
DIODE = dataclasses.replace(PVWATTS, single_diode=1.0)
BOXES = [(0.0, 0.0, 30.0, 12.0, 12.0), (60.0, 0.0, 30.0, 12.0, 12.0)]


@pytest.fixture(scope="module")
def city() -> City:
    """Two gabled roofs that face south and north, under the weather of generated cities."""
    return box_city(generate_city(100, seed=1), BOXES, "gabled", 30.0, 0.0)


def test_module_is_that_of_the_data_sheet(figure: Recorder) -> None:
    alpha, *rest, power = module_numbers(DIODE)
    source = "JAM72S01-375/PR in the CEC library of SAM, columns STC and gamma_r"
    figure.check("Default module: power at standard conditions", power, 375.24, 0.02, "W", source)
    warm = module_power(1000.0, 35.0, alpha, *rest) / power - 1.0
    figure.check("Default module: power lost over 10 K", 10.0 * warm, -0.369, 0.005, "%/K", source)


def test_year_is_close_to_pvwatts(city: City, figure: Recorder) -> None:
    roofs = prepare_roofs(city)
    linear, diode = (simulate_solar(city, city.weather, p, roofs) for p in (PVWATTS, DIODE))
    known = linear.buildings["specific_yield_kwh_kwp"]
    name, source = "Single diode: year of the city model", "PVWatts with the same temperature coefficient"
    figure.check(name, diode.buildings["specific_yield_kwh_kwp"], known, 0.01, "kWh/kWp", source, relative=True)
    assert not np.array_equal(linear.pv_kw, diode.pv_kw)


def test_hours_equal_pvlib(city: City, figure: Recorder) -> None:
    pvlib = pytest.importorskip("pvlib")
    roofs = prepare_roofs(city)
    around = Surroundings.of(city.weather, DIODE, roofs)
    modules = module_surfaces(roofs, np.arange(1), around)
    poa, behind = (values.astype(float) for values in plane_irradiance(modules, around))
    light, p = around.light, DIODE
    cell = pvlib.temperature.faiman(poa, light.temperature_c, light.wind_m_s, p.heat_loss_w_m2_k,
                                    p.wind_heat_loss_w_s_m3_k)  # fmt: skip
    five = (p.diode_alpha_a_k, p.diode_ideality_v, p.diode_photocurrent_a, p.diode_saturation_a, p.diode_shunt_ohm,
            p.diode_series_ohm, p.diode_adjust_percent)  # fmt: skip
    lit = behind[0] > 1.0  # pvlib overflows where there is next to no light
    known = pvlib.pvsystem.singlediode(*pvlib.pvsystem.calcparams_cec(behind[0, lit], cell[0, lit], *five))
    rated = pvlib.pvsystem.singlediode(*pvlib.pvsystem.calcparams_cec(1000.0, 25.0, *five))
    dc = np.asarray(known["p_mp"]) / float(rated["p_mp"]) * (1.0 - p.system_losses)
    ac = pvlib.inverter.pvwatts(dc, 1.0 / p.dc_ac_ratio / p.inverter_efficiency, eta_inv_nom=p.inverter_efficiency)
    name, source = "Single diode, city model: AC output by hour", "pvlib faiman, calcparams_cec, singlediode, inverter"
    figure.check(name, pv_output(modules, around)[0][0, lit], ac, 1e-6, "kW/kWp", source)


def test_any_number_is_a_choice(city: City) -> None:
    roofs = prepare_roofs(city)
    around = Surroundings.of(city.weather, PVWATTS, roofs)
    modules = module_surfaces(roofs, np.arange(2), around)

    def year(value: float) -> list[float]:
        drawn = with_values("solar", PVWATTS, {"solar.single_diode": value})
        return pv_output(modules, dataclasses.replace(around, parameters=drawn))[1].tolist()

    assert year(0.0) == year(0.49)
    assert year(0.5) == year(1.0)
    assert year(0.49) != year(0.5)
    assert fingerprint.combined("solar", PVWATTS) != fingerprint.combined("solar", DIODE)


def test_a_study_remembers_the_models_apart(city: City) -> None:
    # One memo for both, as in a study whose draws choose the module.
    small, memo = generate_city(100, seed=2), Memo()
    p, roofs = ModelParameters(**{name: cls() for name, cls in domains().items()}), prepare_roofs(small)
    found = [
        simulate_buildings(small, dataclasses.replace(p, solar=model), roofs, 1, 0, variant="numba", memo=memo)[3]
        for model in (PVWATTS, DIODE, PVWATTS)
    ]
    assert found[0] == found[2]
    assert found[0]["pv_potential_kwh_a"] != found[1]["pv_potential_kwh_a"]
    assert found[0]["heating_kwh_a"] == found[1]["heating_kwh_a"]
