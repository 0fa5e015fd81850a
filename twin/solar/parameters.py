"""Parameters of the solar domain, with unit, range and source."""

from __future__ import annotations

from dataclasses import dataclass

from twin.parameters import parameter

_DOBOS = "Dobos 2014, PVWatts Version 5 Manual, NREL/TP-6A20-62641"
_GAGNON = "Gagnon et al. 2016, Rooftop Solar Photovoltaic Technical Potential in the United States, NREL/TP-6A20-65298"
_FAIMAN = "Faiman 2008, doi:10.1002/pip.813"


@dataclass(frozen=True)
class SolarParameters:
    """Every number of the solar domain that a study may change."""

    albedo: float = parameter(
        0.2, unit="-", low=0.0, high=0.9, meaning="reflectance of the ground", source="ANSI/ASHRAE 140-2020, case 600"
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
        meaning="module area per usable area on flat roofs, racks apart from each other",
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
        0.80,
        unit="-",
        low=0.0,
        high=1.0,
        meaning="least annual irradiation relative to the same plane without shading",
        source="80 % unshaded over four seasons, rule of NREL's PV Rooftop Database (after Gagnon et al. 2016); that "
        "it is applied to the year's energy is an assumption",
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
        meaning="change of module power with cell temperature",
        source=_DOBOS + ", standard modules",
    )
    heat_loss_w_m2_k: float = parameter(
        25.0, unit="W/m2/K", low=5.0, high=60.0, meaning="heat loss of modules in still air (u0)", source=_FAIMAN
    )
    wind_heat_loss_w_s_m3_k: float = parameter(
        6.84, unit="W/m2/K/(m/s)", low=0.0, high=20.0, meaning="heat loss of modules by wind (u1)", source=_FAIMAN
    )
    yield_factor: float = parameter(
        1.0,
        unit="-",
        low=0.5,
        high=1.5,
        meaning="factor on PV output, for the uncertainty of weather, model and losses",
        source="1 by definition",
    )
