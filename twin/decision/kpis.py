"""The KPI catalogue: what a planner is shown, in which unit, and which direction is better.

A KPI's id is the name of the total in the draws table that it reads, so a study's target, the KPI table and the run
store use one word for one thing. `Kpi.unit` is the unit of every stored value; reports may show it in a handier one
(`Kpi.shown`), for example MWh instead of kWh.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from twin.errors import StudyError, did_you_mean

Better = Literal["lower", "higher", "neutral"]


@dataclass(frozen=True)
class Shown:
    """How a report prints a value: `value * scale` in `unit`, with at most `decimals` decimals.

    `difference_unit` differs from `unit` only for shares, whose differences are percentage points.
    """

    unit: str
    scale: float
    decimals: int
    difference_unit: str


@dataclass(frozen=True)
class Kpi:
    """One key performance indicator.

    Parameters
    ----------
    id : str
        The total of the draws table that it reads.
    label, unit, meaning : str
        Name, unit of the stored value, and one sentence that says what it is.
    better : {"lower", "higher", "neutral"}
        Which direction is an improvement; neutral where that is a matter of policy.
    domain : str
        The part of the report it belongs to.
    shown : Shown
        How it is printed.
    headline : bool
        Whether the report's summary and the difference chart show it.
    scope : str
        What it is about; ``"city"`` is the whole modelled area.
    """

    id: str
    label: str
    unit: str
    better: Better
    domain: str
    meaning: str
    shown: Shown
    headline: bool = False
    scope: str = "city"


def _as(unit: str, scale: float, decimals: int) -> Shown:
    return Shown(unit, scale, decimals, unit)


_SHARE = Shown("%", 100.0, 1, "pp")
_MWH, _MW = _as("MWh/a", 1e-3, 0), _as("MW", 1e-3, 2)
_KEUR, _MEUR = _as("k€/a", 1e-3, 1), _as("M€", 1e-6, 2)

CATALOGUE: tuple[Kpi, ...] = (
    Kpi("total_co2_t_a", "Total CO₂", "t/a", "lower", "Climate and cost",
        "CO₂ of buildings, road traffic and public charging in a year", _as("t/a", 1.0, 1), headline=True),
    Kpi("building_co2_t_a", "CO₂ of buildings", "t/a", "lower", "Climate and cost",
        "CO₂ of heat and electricity used in buildings", _as("t/a", 1.0, 1)),
    Kpi("traffic_co2_t_a", "CO₂ of road traffic", "t/a", "lower", "Climate and cost",
        "CO₂ of cars, vans and trucks on the modelled links, by speed-dependent factors", _as("t/a", 1.0, 1),
        headline=True),
    Kpi("energy_cost_eur_a", "Energy cost of buildings", "EUR/a", "lower", "Climate and cost",
        "what users pay for heat and electricity, less income from PV fed in", _KEUR, headline=True),
    Kpi("energy_cost_homes_eur_a", "Energy cost of homes", "EUR/a", "lower", "Climate and cost",
        "the part of it in residential buildings", _KEUR),
    Kpi("energy_cost_business_eur_a", "Energy cost of other private buildings", "EUR/a", "lower", "Climate and cost",
        "the part of it in offices, shops, industry and other buildings taken as private, by their use", _KEUR),
    Kpi("energy_cost_public_eur_a", "Energy cost of public buildings", "EUR/a", "lower", "Climate and cost",
        "the part of it in buildings of education, health and administration, taken as public by their use", _KEUR),
    Kpi("investment_eur", "Investment", "EUR", "neutral", "Climate and cost",
        "capital cost of what the measures build, undiscounted", _MEUR, headline=True),
    Kpi("public_investment_eur", "Public money", "EUR", "neutral", "Climate and cost",
        "part of the investment that the public pays: in public buildings, and as subsidies", _MEUR),
    Kpi("vehicle_km_day", "Road traffic", "veh·km/day", "lower", "Traffic",
        "distance driven by cars, vans and trucks on the modelled links on a working day", _as("veh·km/day", 1.0, 0)),
    Kpi("delay_veh_h_day", "Delay", "veh·h/day", "lower", "Traffic",
        "time lost against free flow on a working day", _as("veh·h/day", 1.0, 1), headline=True),
    Kpi("mean_car_trip_time_min", "Mean car trip time", "min", "lower", "Traffic",
        "mean travel time of the modelled car trips", _as("min", 1.0, 2)),
    Kpi("car_share", "Share of trips by car", "-", "lower", "Traffic",
        "car trips among all trips of residents and workers", _SHARE, headline=True),
    Kpi("jobs_30min", "Jobs within 30 minutes", "jobs", "higher", "Traffic",
        "jobs that a resident reaches in the evening peak with the best mode, within 30 minutes of generalised cost: "
        "time, with waiting, fares, charges and tolls counted as time", _as("jobs", 1.0, 0)),
    Kpi("consumer_surplus_eur_a", "Travellers' benefit", "EUR/a", "higher", "Traffic",
        "what the change of travel costs is worth to travellers and carriers, tolls and parking charges they pay "
        "included, revenue not; consumer surplus against the baseline, without trips across the edge of the area that "
        "a rule leaves no way", _KEUR, headline=True),
    Kpi("toll_revenue_eur_a", "Toll revenue", "EUR/a", "neutral", "Traffic",
        "what drivers pay and the toll's owner receives", _KEUR, headline=True),
    Kpi("vehicle_km_gross_change_day", "Gross change of road traffic", "veh·km/day", "neutral", "Traffic",
        "what road traffic would change by if every trip of the baseline were still made, by the same mode at the same "
        "hour, and only routes answered", _as("veh·km/day", 1.0, 0)),
    Kpi("traffic_co2_gross_change_t_a", "Gross change of CO₂ of road traffic", "t/a", "neutral", "Traffic",
        "what CO₂ of road traffic would change by if only routes answered; the net change is that of CO₂ of road "
        "traffic", _as("t/a", 1.0, 1)),
    Kpi("rebound_share", "Rebound", "-", "neutral", "Traffic",
        "part of the gross change of CO₂ that does not happen because travellers change mode, hour or destination: "
        "100 % leaves no net change, more turns it around, below 0 % adds to it; 0 where there is no "
        "gross change to speak of, as with charges that act on demand alone",
        _SHARE),
    Kpi("traffic_nox_kg_a", "NOx of road traffic", "kg/a", "lower", "Air, noise and safety",
        "nitrogen oxides from the exhaust of vehicles on the modelled links", _as("kg/a", 1.0, 1)),
    Kpi("traffic_pm25_kg_a", "PM2.5 of road traffic", "kg/a", "lower", "Air, noise and safety",
        "fine particles from exhaust, tyres, brakes and road surface", _as("kg/a", 1.0, 1)),
    Kpi("nox_exposure", "NOx exposure", "person·µg/m³", "lower", "Air, noise and safety",
        "residents times what nearby road traffic adds to NOx at their building; a proxy that ranks scenarios",
        _as("person·µg/m³", 1.0, 0), headline=True),
    Kpi("people_lden_55", "People with road noise of 55 dB or more", "persons", "lower", "Air, noise and safety",
        "residents of buildings whose loudest façade has an Lden of 55 dB or more from the modelled roads",
        _as("persons", 1.0, 0), headline=True),
    Kpi("people_lnight_50", "People with night noise of 50 dB or more", "persons", "lower", "Air, noise and safety",
        "residents of buildings whose loudest façade has an Lnight of 50 dB or more from the modelled roads",
        _as("persons", 1.0, 0)),
    Kpi("highly_annoyed", "People highly annoyed by road noise", "persons", "lower", "Air, noise and safety",
        "by the exposure-response curve of Directive (EU) 2020/367, from 55 dB Lden", _as("persons", 1.0, 0)),
    Kpi("injuries_a", "Injury accidents", "1/a", "lower", "Air, noise and safety",
        "road accidents with injuries in a year, by class of road, traffic and speed", _as("1/a", 1.0, 2),
        headline=True),
    Kpi("heating_kwh_a", "Space heating demand", "kWh/a", "lower", "Buildings and heat",
        "useful heat for rooms, without hot water", _MWH, headline=True),
    Kpi("cooling_kwh_a", "Cooling demand", "kWh/a", "lower", "Buildings and heat",
        "useful cold for rooms", _MWH),
    Kpi("overheating_h", "Overheating", "building·h/a", "lower", "Buildings and heat",
        "hours above the comfort limit, summed over buildings", _as("building·h/a", 1.0, 0)),
    Kpi("district_heating_kwh_a", "District heat bought", "kWh/a", "neutral", "Buildings and heat",
        "heat taken from the district heating network", _MWH),
    Kpi("peak_district_heating_kw", "Peak of district heating", "kW", "lower", "Buildings and heat",
        "highest hourly load on the district heating network", _MW),
    Kpi("peak_heating_kw", "Peak of heat", "kW", "lower", "Buildings and heat",
        "highest hourly load of heat for rooms and hot water, summed over buildings", _MW),
    Kpi("pv_kwh_a", "PV generation", "kWh/a", "higher", "Electricity and solar",
        "electricity generated by rooftop PV", _MWH, headline=True),
    Kpi("electricity_demand_kwh_a", "Electricity demand", "kWh/a", "neutral", "Electricity and solar",
        "electricity used by buildings and public charging, before PV", _MWH),
    Kpi("vehicles_kwh_a", "Cars charged at home", "kWh/a", "neutral", "Electricity and solar",
        "electricity that electric cars draw at the buildings where they are kept", _MWH),
    Kpi("import_kwh_a", "Electricity from outside", "kWh/a", "lower", "Electricity and solar",
        "electricity the area takes from the grid, hour by hour", _MWH),
    Kpi("peak_import_kw", "Peak electricity import", "kW", "lower", "Electricity and solar",
        "highest hourly load on the grid connection of the area", _MW, headline=True),
    Kpi("export_kwh_a", "Electricity fed in", "kWh/a", "neutral", "Electricity and solar",
        "solar surplus that leaves the area, hour by hour", _MWH),
    Kpi("self_consumption_share", "Solar self-consumption", "-", "higher", "Electricity and solar",
        "share of the PV generation that the area uses in the same hour", _SHARE),
    Kpi("self_sufficiency_share", "Solar self-sufficiency", "-", "higher", "Electricity and solar",
        "share of the electricity demand that local PV covers in the same hour", _SHARE),
    Kpi("community_shared_kwh_a", "Electricity shared in the community", "kWh/a", "higher", "Electricity and solar",
        "solar surplus that members of energy communities pass on to each other, hour by hour", _MWH),
    Kpi("community_gain_eur_a", "Gain of the community's members", "EUR/a", "higher", "Electricity and solar",
        "what members of energy communities pay less and earn more by sharing; the energy company, with network fees "
        "and taxes, loses the same sum; part of the energy cost of buildings", _KEUR),
    Kpi("neighbour_pv_loss_kwh_a", "PV potential lost by neighbours", "kWh/a", "lower", "Neighbours",
        "what PV on the roofs of buildings that stay as they are could generate less because others or trees change; "
        "below zero they gain", _as("MWh/a", 1e-3, 1), headline=True),
    Kpi("neighbour_irradiation_loss_kwh_a", "Sun lost on neighbours' roofs", "kWh/a", "lower", "Neighbours",
        "irradiation that the roofs of buildings that stay as they are lose", _MWH),
    Kpi("neighbour_sun_loss_h_a", "Hours of sun lost on neighbours' roofs", "building·h/a", "lower", "Neighbours",
        "hours of the year with sun on the roof, summed over buildings that stay as they are",
        _as("building·h/a", 1.0, 0)),
    Kpi("neighbours_affected", "Neighbours below a limit", "buildings", "lower", "Neighbours",
        "buildings that stay as they are and keep less of their sun, sky or daylight than the limits of a permit "
        "check",
        _as("buildings", 1.0, 0), headline=True),
    Kpi("charging_mean_wait_min", "Wait at public chargers", "min", "lower", "Charging",
        "mean waiting time of the vehicles that are served", _as("min", 1.0, 1)),
    Kpi("charging_turned_away_day", "Turned away at chargers", "veh/day", "lower", "Charging",
        "vehicles that look for a public charger and get none: queue full, wait too long, or no site in reach",
        _as("veh/day", 1.0, 1)),
)  # fmt: skip
"""In the order of the report."""

KPIS = {kpi.id: kpi for kpi in CATALOGUE}


def find_kpi(name: str) -> Kpi:
    """Return a KPI by id.

    Raises
    ------
    StudyError
        There is no such KPI; the remedy names the closest.
    """
    if name not in KPIS:
        raise StudyError(f"unknown KPI {name!r}", remedy=did_you_mean(name, KPIS))
    return KPIS[name]


def available(quantities: set[str]) -> tuple[list[Kpi], list[str]]:
    """Return the KPIs whose total is in `quantities`, and a note for each that is left out."""
    kept = [kpi for kpi in CATALOGUE if kpi.id in quantities]
    notes = [
        f"{kpi.label} is not shown: the run has no total {kpi.id}" for kpi in CATALOGUE if kpi.id not in quantities
    ]
    return kept, notes
