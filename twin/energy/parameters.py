"""Named parameters of the energy domain, each with unit, range and source."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from twin.errors import DataError
from twin.parameters import parameter

RUHNAU = "Ruhnau, Hirth and Praktiknjo 2019, doi 10.1038/s41597-019-0199-y"
IPCC = "IPCC 2006 Guidelines, vol. 2, ch. 2, stationary combustion (default, lower heating value)"


@dataclass(frozen=True)
class EnergyParameters:
    """What may vary in the energy model. Factors multiply the values of `twin.energy.archetypes`."""

    # fmt: off
    heating_setpoint_shift_k: float = parameter(
        0.0, unit="K", low=-5.0, high=5.0,
        meaning="added to the heating set-point of every use", source="assumption",
    )
    cooling_setpoint_shift_k: float = parameter(
        0.0, unit="K", low=-3.0, high=5.0,
        meaning="added to the cooling set-point of every use", source="assumption",
    )
    night_setback_k: float = parameter(
        2.0, unit="K", low=0.0, high=8.0,
        meaning="lower heating set-point outside the hours of use, except in residential and health buildings",
        source="assumption",
    )
    u_value_factor: float = parameter(
        1.0, unit="-", low=0.4, high=2.0,
        meaning="uncertainty of the U-values of existing and retrofitted elements", source="assumption",
    )
    infiltration_factor: float = parameter(
        1.0, unit="-", low=0.0, high=4.0, meaning="uncertainty of air leakage", source="assumption",
    )
    ventilation_factor: float = parameter(
        1.0, unit="-", low=0.3, high=3.0, meaning="uncertainty of ventilation flows", source="assumption",
    )
    window_airing_factor: float = parameter(
        3.0, unit="-", low=0.0, high=10.0,
        meaning="most additional ventilation by opened windows in buildings without cooling, in full flows",
        source="assumption",
    )
    internal_gains_factor: float = parameter(
        1.0, unit="-", low=0.0, high=2.0,
        meaning="uncertainty of the heat of people, lighting and appliances", source="assumption",
    )
    appliance_use_factor: float = parameter(
        1.0, unit="-", low=0.2, high=3.0,
        meaning="uncertainty of the electricity of appliances and lighting", source="assumption",
    )
    hot_water_factor: float = parameter(
        1.0, unit="-", low=0.2, high=3.0, meaning="uncertainty of hot-water use", source="assumption",
    )
    hot_water_loss_share: float = parameter(
        0.25, unit="-", low=0.0, high=1.0,
        meaning="circulation and storage loss as a share of the tapped heat, not counted as gain",
        source="assumption",
    )
    distribution_efficiency: float = parameter(
        0.88, unit="-", low=0.6, high=1.0,
        meaning="room heat over heat fed into the building's heating circuit", source="assumption",
    )
    behaviour_spread: float = parameter(
        0.2, unit="-", low=0.0, high=1.0,
        meaning="standard deviation of the logarithm of appliance and hot-water use between buildings (mean kept)",
        source="assumption",
    )
    setpoint_spread_k: float = parameter(
        0.5, unit="K", low=0.0, high=3.0,
        meaning="standard deviation of the heating set-point between buildings", source="assumption",
    )
    prebound_strength: float = parameter(
        0.5, unit="-", low=0.0, high=1.0,
        meaning="prebound correction: share of the gap between calculated and measured heating of old homes that is "
        "applied, as a lower mean set-point of residential buildings. 1: the gap that was found where every "
        "household pays its own heat, 0: none",
        source="gap: Sunikka-Blank and Galvin 2012, doi 10.1080/09613218.2012.690952; the share is an assumption for "
        "collectively heated blocks",
    )
    cooling_efficiency: float = parameter(
        3.0, unit="-", low=1.0, high=8.0, meaning="seasonal cooling over electricity", source="assumption",
    )
    overheating_limit_c: float = parameter(
        27.0, unit="degC", low=22.0, high=35.0,
        meaning="operative temperature above which an hour counts as overheated",
        source="summer limit of Finnish decree 1010/2017 for residential use, as recalled; not checked at source; that "
        "it is applied to the operative temperature is an assumption",
    )
    district_heating_efficiency: float = parameter(
        0.97, unit="-", low=0.8, high=1.0,
        meaning="heat behind over heat before the substation", source="assumption, Finnish D5 2012 as recalled",
    )
    gas_boiler_efficiency: float = parameter(
        0.92, unit="-", low=0.6, high=1.05, meaning="seasonal efficiency (lower heating value)", source="assumption",
    )
    oil_boiler_efficiency: float = parameter(
        0.85, unit="-", low=0.6, high=1.0, meaning="seasonal efficiency (lower heating value)", source="assumption",
    )
    district_heating_price_eur_kwh: float = parameter(
        0.105, unit="EUR/kWh", low=0.0, high=1.0,
        meaning="price of district heat for consumers with taxes",
        source="assumption; replace by the supplier's price",
    )
    gas_price_eur_kwh: float = parameter(
        0.12, unit="EUR/kWh", low=0.0, high=1.0,
        meaning="price of gas for consumers with taxes", source="assumption; replace by the supplier's price",
    )
    oil_price_eur_kwh: float = parameter(
        0.14, unit="EUR/kWh", low=0.0, high=1.0,
        meaning="price of heating oil for consumers with taxes", source="assumption; replace by the supplier's price",
    )
    district_heating_co2_kg_kwh: float = parameter(
        0.13, unit="kg/kWh", low=0.0, high=0.6,
        meaning="emission factor of district heat",
        source="assumption, between 0.059 of the Finnish energy certificate and 0.162 that Helen (Helsinki) states "
        "for 2023; replace by the supplier's figure",
    )
    gas_co2_kg_kwh: float = parameter(
        0.202, unit="kg/kWh", low=0.0, high=0.4, meaning="emission factor of gas", source=f"{IPCC}: 56.1 kg/GJ",
    )
    oil_co2_kg_kwh: float = parameter(
        0.267, unit="kg/kWh", low=0.0, high=0.5, meaning="emission factor of heating oil",
        source=f"{IPCC}: 74.1 kg/GJ",
    )
    sink_existing_c: float = parameter(
        40.0, unit="degC", low=25.0, high=60.0,
        meaning="flow temperature at 0 °C outside, existing envelope", source=f"{RUHNAU}: radiators, 40 − 1.0 T",
    )
    sink_existing_slope: float = parameter(
        1.0, unit="K/K", low=0.0, high=2.0,
        meaning="rise of the flow temperature per kelvin colder, existing envelope", source=f"{RUHNAU}: radiators",
    )
    sink_standard_c: float = parameter(
        35.0, unit="degC", low=25.0, high=60.0,
        meaning="flow temperature at 0 °C outside, standard retrofit", source="assumption, between existing and deep",
    )
    sink_standard_slope: float = parameter(
        0.75, unit="K/K", low=0.0, high=2.0,
        meaning="rise of the flow temperature per kelvin colder, standard retrofit",
        source="assumption, between existing and deep",
    )
    sink_deep_c: float = parameter(
        30.0, unit="degC", low=25.0, high=60.0,
        meaning="flow temperature at 0 °C outside, deep retrofit or built since 2010",
        source=f"{RUHNAU}: floor heating, 30 − 0.5 T; that radiators suffice then is an assumption",
    )
    sink_deep_slope: float = parameter(
        0.5, unit="K/K", low=0.0, high=2.0,
        meaning="rise of the flow temperature per kelvin colder, deep retrofit", source=f"{RUHNAU}: floor heating",
    )
    hot_water_temperature_c: float = parameter(
        55.0, unit="degC", low=45.0, high=70.0,
        meaning="sink temperature of heat pumps for hot water", source="least temperature of Finnish decree 1047/2017",
    )
    heat_pump_correction: float = parameter(
        0.85, unit="-", low=0.5, high=1.2, meaning="field over catalogue COP", source=RUHNAU,
    )
    heat_pump_capacity_share: float = parameter(
        0.7, unit="-", low=0.2, high=1.5,
        meaning="capacity of a heat pump over the building's peak room heat and mean hot water; an electric heater "
        "does the rest",
        source="assumption",
    )
    ground_source_drop_k: float = parameter(
        5.0, unit="K", low=0.0, high=10.0,
        meaning="brine below undisturbed ground, which is taken at the annual mean of the air", source=RUHNAU,
    )
    # zones (assembly, drives, profiles)
    blind_share: float = parameter(
        0.5, unit="-", low=0.0, high=1.0, meaning="share of windows with blinds", source="assumption",
    )
    blind_transmission: float = parameter(
        0.45, unit="-", low=0.0, high=1.0,
        meaning="solar gain through a window with closed over open blinds",
        source="white venetian blinds inside that let 30 % pass, annex G of EN ISO 13790 as recalled; not checked at "
        "source",
    )
    blind_threshold_w_m2: float = parameter(
        300.0, unit="W/m2", low=50.0, high=2000.0,
        meaning="irradiance of the unshaded wall above which blinds are closed",
        source="EN ISO 13790, G.5.2.1, as recalled; not checked at source",
    )
    preheat_h: float = parameter(
        2.0, unit="h", low=0.0, high=12.0,
        meaning="hours before use at which heating starts again after the set-back, from 5 °C outdoors upwards",
        source="assumption",
    )
    preheat_cold_h_k: float = parameter(
        0.1, unit="h/K", low=0.0, high=1.0,
        meaning="how much earlier heating starts per kelvin below 5 °C outdoors (optimum start)", source="assumption",
    )
    # loads (homes, vehicles)
    persons_per_home: float = parameter(
        2.0, unit="persons", low=1.0, high=4.0,
        meaning="mean size of households; population over it is the number of homes whose peaks even out",
        source="assumption, between 1.9 (Finland) and 2.3 (EU) as recalled of Eurostat 2023",
    )
    home_charger_kw: float = parameter(
        7.4, unit="kW", low=2.0, high=22.0,
        meaning="power at which electric cars charge at home", source="assumption, between one phase at 16 A (3.7 kW) "
        "and three (11 kW)",
    )
    car_home_kwh_a: float = parameter(
        2100.0, unit="kWh", low=200.0, high=8000.0,
        meaning="energy that an electric car takes at home in a year of mild weather; cold days take more",
        source="assumption: 13,000 km at 0.19 kWh/km, 85 % of it at home",
    )
    # heat supply (twin.energy.supply) and heat demand response (twin.energy.response)
    tank_hours: float = parameter(
        6.0, unit="h", low=1.0, high=24.0,
        meaning="whole hours over which the tanks of heat pumps and direct electric heating spread the draws of hot "
        "water; 1: none",
        source="assumption: tanks of 200 to 300 litres hold about half a day's use",
    )
    response_lower_k: float = parameter(
        0.5, unit="K", low=0.0, high=4.0,
        meaning="comfort bound of demand response: heating set-point lowered at most where the signal is high",
        source="rooms moved by 0.2 to 1.0 K in the Otaniemi pilot, Aalto Campus & Real Estate 2015",
    )
    response_raise_k: float = parameter(
        0.5, unit="K", low=0.0, high=3.0,
        meaning="comfort bound of demand response: heating set-point raised at most where the signal is low",
        source="rooms moved by 0.2 to 1.0 K in the Otaniemi pilot, Aalto Campus & Real Estate 2015",
    )
    # fmt: on


@dataclass(frozen=True)
class Factors:
    """What calibration says of single buildings, float64 (n,): multiplies the model's figures, or is added in K."""

    u_value: NDArray[np.float64]
    infiltration: NDArray[np.float64]
    ventilation: NDArray[np.float64]
    setpoint_shift_k: NDArray[np.float64]
    internal_gains: NDArray[np.float64]
    appliances: NDArray[np.float64]
    hot_water: NDArray[np.float64]

    @classmethod
    def neutral(cls, buildings: int) -> Factors:
        """Return factors that change nothing."""
        one = np.ones(buildings)
        return cls(**{f.name: np.zeros(buildings) if f.name == "setpoint_shift_k" else one for f in fields(cls)})

    def rows(self, rows: slice | NDArray[np.int64]) -> Factors:
        """Return those of a block of buildings."""
        return Factors(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def check(self, buildings: int) -> None:
        """Raise DataError where a factor is missing, not finite or, other than the shift, not positive."""
        for f in fields(self):
            values = np.asarray(getattr(self, f.name))
            if values.shape != (buildings,):
                raise DataError(f"the factor {f.name} has the shape {values.shape}", expected=f"({buildings},)")
            good = np.isfinite(values) & ((values > 0.0) | (f.name == "setpoint_shift_k"))
            if not good.all():
                row = int(np.flatnonzero(~good)[0])
                raise DataError(f"the factor {f.name} is {values[row]:g}", where=f"row {row}", expected="above 0")
