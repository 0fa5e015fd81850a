"""Parameters of the solar domain, with unit, range and source."""

from __future__ import annotations

from dataclasses import dataclass

from twin.parameters import parameter

_DOBOS = "Dobos 2014, PVWatts Version 5 Manual, NREL/TP-6A20-62641"
_GAGNON = "Gagnon et al. 2016, Rooftop Solar Photovoltaic Technical Potential in the United States, NREL/TP-6A20-65298"
_FAIMAN = "Faiman 2008, doi:10.1002/pip.813"
_CEC = (
    "JA Solar JAM72S01-375/PR (20.0 % efficient, -0.369 %/K) in the CEC module library of NREL's System Advisor Model, "
    "as pvlib carries it"
)


@dataclass(frozen=True)
class SolarParameters:
    """Every number of the solar domain that a study may change."""

    albedo: float = parameter(
        0.2, unit="-", low=0.0, high=0.9, meaning="reflectance of the ground", source="ANSI/ASHRAE 140-2020, case 600"
    )
    wall_albedo: float = parameter(
        0.3,
        unit="-",
        low=0.0,
        high=0.9,
        meaning="reflectance of walls, windows included",
        source="assumption; Oke, Mills, Christen and Voogt 2017, Urban Climates, gives 0.2 to 0.4 for brick and "
        "concrete, as recalled",
    )
    facade_usable_share: float = parameter(
        0.25,
        unit="-",
        low=0.0,
        high=1.0,
        meaning="share of a façade left by windows, doors, balconies and shops",
        source="assumption; IEA PVPS T7-4:2002 suggests façade areas of about this share, as recalled",
    )
    facade_minimum_kwh_m2: float = parameter(
        500.0,
        unit="kWh/m2/a",
        low=0.0,
        high=2000.0,
        meaning="least annual irradiation of a façade that counts as suitable for PV",
        source="assumption; the City Energy Analyst asks 800 of all surfaces, which most façades north of 50° miss",
    )
    module_efficiency: float = parameter(
        0.20,
        unit="kW/m2",
        low=0.05,
        high=0.35,
        meaning="rated power per area of module",
        source="assumption for new crystalline silicon; Gagnon et al. 2016 (NREL/TP-6A20-65298) used 0.16",
    )
    usable_share: float = parameter(
        0.6,
        unit="-",
        low=0.0,
        high=1.0,
        meaning="share of a suitable roof plane left by chimneys, dormers, plant, edges and other uses",
        source="IEA PVPS T7-4:2002, Potential for Building Integrated Photovoltaics, architecturally suitable share of "
        "roofs, as recalled; not checked at source",
    )
    flat_coverage: float = parameter(
        0.70,
        unit="-",
        low=0.05,
        high=1.0,
        meaning="module area per usable area on flat roofs; also slant length over distance of the rows, which shade "
        "each other",
        source=_GAGNON,
    )
    pitched_coverage: float = parameter(
        0.98, unit="-", low=0.05, high=1.0, meaning="module area per usable area on pitched roofs", source=_GAGNON
    )
    rack_tilt_deg: float = parameter(
        15.0,
        unit="deg",
        low=0.0,
        high=60.0,
        meaning="tilt of modules on flat roofs, facing the equator",
        source=_GAGNON,
    )
    minimum_area_m2: float = parameter(
        10.0, unit="m2", low=0.0, high=1000.0, meaning="smallest contiguous roof plane that counts", source=_GAGNON
    )
    maximum_tilt_deg: float = parameter(
        60.0, unit="deg", low=0.0, high=90.0, meaning="steepest roof plane that counts", source=_GAGNON
    )
    poleward_sector_deg: float = parameter(
        67.5,
        unit="deg",
        low=0.0,
        high=180.0,
        meaning="pitched planes that face closer than this to the pole do not count (north-west to north-east)",
        source=_GAGNON,
    )
    minimum_irradiation_share: float = parameter(
        0.70,
        unit="-",
        low=0.0,
        high=1.0,
        meaning="least annual irradiation relative to the same plane without shading",
        source="70 % of an unshaded roof's sunlight: Gagnon et al. 2016 (NREL/TP-6A20-65298), as recalled; the report "
        "asks it of four days of the year, here it is asked of the year's irradiation",
    )
    minimum_irradiation_kwh_m2: float = parameter(
        0.0,
        unit="kWh/m2/a",
        low=0.0,
        high=3000.0,
        meaning="least annual irradiation of a plane whatever its shading",
        source="0: not asked by NREL's rules; the City Energy Analyst asks 800 (rule set cea_800)",
    )
    setback_m: float = parameter(
        0.0,
        unit="m",
        low=0.0,
        high=5.0,
        meaning="strip along the edges of a roof plane that stays free",
        source="0: the usable share holds the edges already; raise both together. International Fire Code 2018, "
        "section 1204.2.1 asks pathways of 0.91 m, as recalled",
    )
    system_losses: float = parameter(
        0.1408,
        unit="-",
        low=0.0,
        high=0.6,
        meaning="direct current lost to soiling, near shading, mismatch, wiring, connections, degradation, downtime",
        source=_DOBOS,
    )
    inverter_efficiency: float = parameter(
        0.96, unit="-", low=0.7, high=1.0, meaning="nominal efficiency of the inverter", source=_DOBOS
    )
    dc_ac_ratio: float = parameter(
        1.2, unit="-", low=0.5, high=2.5, meaning="rating of the modules over rating of the inverter", source=_GAGNON
    )
    temperature_coefficient: float = parameter(
        -0.0047,
        unit="1/K",
        low=-0.01,
        high=0.0,
        meaning="change of module power with cell temperature, of the linear model (single_diode 0)",
        source=_DOBOS + ", standard modules",
    )
    single_diode: float = parameter(
        0.0,
        unit="-",
        low=0.0,
        high=1.0,
        meaning="model of the modules: 1 the five-parameter model of De Soto et al. with the diode_* values, 0 that of "
        "PVWatts, linear in light and temperature, much faster; from 0.5 it counts as 1",
        source="0 as in PVWatts (" + _DOBOS + "); De Soto et al. 2006, doi:10.1016/j.solener.2005.06.010",
    )
    diode_alpha_a_k: float = parameter(
        0.004192,
        unit="A/K",
        low=-0.1,
        high=0.1,
        meaning="change of a module's short-circuit current with cell temperature (alpha_sc of the library)",
        source=_CEC,
    )
    diode_adjust_percent: float = parameter(
        9.885179,
        unit="%",
        low=-100.0,
        high=100.0,
        meaning="what the CEC model takes off diode_alpha_a_k (Adjust)",
        source=_CEC + "; Dobos 2012, doi:10.1115/1.4005759",
    )
    diode_ideality_v: float = parameter(
        1.826279,
        unit="V",
        low=0.1,
        high=20.0,
        meaning="modified ideality factor of a module at 25 °C (a_ref)",
        source=_CEC,
    )
    diode_photocurrent_a: float = parameter(
        9.986063,
        unit="A",
        low=0.1,
        high=40.0,
        meaning="photocurrent of a module at 1000 W/m² and 25 °C (I_L_ref)",
        source=_CEC,
    )
    diode_saturation_a: float = parameter(
        2.978233e-11,
        unit="A",
        low=1e-18,
        high=1e-3,
        meaning="saturation current of a module's diode at 25 °C (I_o_ref)",
        source=_CEC,
    )
    diode_shunt_ohm: float = parameter(
        544.763672,
        unit="ohm",
        low=1.0,
        high=1e6,
        meaning="shunt resistance of a module at 1000 W/m² (R_sh_ref)",
        source=_CEC,
    )
    diode_series_ohm: float = parameter(
        0.330991,
        unit="ohm",
        low=0.0,
        high=10.0,
        meaning="series resistance of a module (R_s)",
        source=_CEC,
    )
    heat_loss_w_m2_k: float = parameter(
        25.0, unit="W/m2/K", low=5.0, high=60.0, meaning="heat loss of modules in still air (u0)", source=_FAIMAN
    )
    wind_heat_loss_w_s_m3_k: float = parameter(
        6.84, unit="W/m2/K/(m/s)", low=0.0, high=20.0, meaning="heat loss of modules by wind (u1)", source=_FAIMAN
    )
    module_inoct_c: float = parameter(
        0.0,
        unit="degC",
        low=0.0,
        high=70.0,
        meaning="installed nominal operating temperature of the modules: cell temperatures by the transient model of "
        "Fuentes, as PVWatts has them (45 on racks, 49 close to a roof); 0: the steady model of Faiman, much faster",
        source="Fuentes 1987, SAND85-0330, doi:10.2172/6802914; " + _DOBOS,
    )
    yield_factor: float = parameter(
        1.0,
        unit="-",
        low=0.5,
        high=1.5,
        meaning="factor on PV output, for the uncertainty of weather, model and losses",
        source="1 by definition",
    )
