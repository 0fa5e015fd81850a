"""A small study with a filled canvas; its scenarios are those of `report_fixture`."""

from __future__ import annotations

STUDY = """\
study: demo
question: What do a car-free street and solar roofs do for the centre?
city: helsinki-centre
measures:
  car-free: []
  large-roofs: []
scenarios:
  car-free-street: [car-free]
  solar-roofs: [large-roofs]
  combination: [car-free, large-roofs]
"""

CANVAS = """\
mission:
  text: A centre that is good to live in
  kpi: total_co2_t_a
  at_most: 6000
  year: 2035
value_proposition:
  - text: Roofs generate a good part of our electricity
    kpis: [pv_kwh_a]
    scenario: solar-roofs
  - text: Less delay
    kpis: [delay_veh_h_day]
    evidence: simulated
  - text: Imports fall by a tenth
    kpis: [import_kwh_a]
    by_percent: 10
  - text: Cleaner air for people
    kpis: [nox_exposure, highly_annoyed]
  - text: More people come to our shops
    evidence: expert
    source: Chamber of Commerce, hearing of 3 May
  - text: The brand of the city grows
beneficiaries:
  - {text: those who live here, actor: residents}
  - Visitors (more room, cleaner air)
buy_in:
  - {text: consent to the closure, actor: shops}
deployment:
  - {text: close the street, measures: [car-free]}
  - {text: PV on large roofs, measures: [large-roofs], uptake: {final: 0.6, years: 8, shape: s_curve}}
key_partnerships:
  - {text: installs and runs PV, actor: utility}
  - City of Helsinki
key_activities:
  plan: {text: make the plan, months: 12, actor: city}
  hear: {text: hear the residents, months: 3, after: [plan]}
  build: {text: build, months: 9, after: [plan, hear]}
  tell: {text: tell everybody, months: 1}
key_infrastructure_resources:
  - {id: grid, text: capacity of the grid, exists: true}
  - {id: crews, text: crews of electricians, exists: false, supplier: utility}
  - {id: depot, text: a depot for deliveries, exists: false}
budget_costs:
  - {id: paving, text: paving, kind: capex, quantity: 500, unit_value: paving, payer: city, measure: car-free}
  - text: cleaning
    kind: opex
    quantity_of: street_length_km
    amount: {value: 12000, unit: EUR/km/a, source: Helsinki budget 2024, year: 2024, low: 9000, high: 15000}
revenue_streams:
  - {text: saved import, kpi: import_kwh_a, unit_value: electricity, gainer: residents}
environmental_costs:
  - {text: cars drive round, kpis: [vehicle_km_day], direction: higher}
environmental_benefits: Cleaner air
social_risks: [Shops lose customers]
social_benefits: [A place to sit]

actors:
  city: {label: City of Helsinki, roles: [payer], veto: true, weight: 2}
  residents: {label: Residents}
  shops: {label: Shops of the street, veto: true, aliases: [owners of other buildings]}
  utility: {label: Helen}
cost_shares: {city: 0.5, utility: 0.5}
unit_values:
  paving: {value: 300, unit: EUR/m2, source: FORE 2024, year: 2024, low: 200, high: 450}
  electricity: {value: 0.18, unit: EUR/kWh, source: Statistics Finland 2024, year: 2024, low: 0.12, high: 0.24}
accounts: {first_year: 2026, years: 20, discount_rate: 0.03, promoter: city, source: EU guide to CBA 2021}
targets:
  - kpi: total_co2_t_a
    at_most: 6000
    year: 2035
    baseline: 9000
    wedges:
      roofs: {label: roofs, change: -1000, scenario: solar-roofs, source: this run}
      rest: {label: everything else, change: -500, source: climate plan}
"""


def study_text(canvas: str = CANVAS) -> str:
    """Return the study with a section `canvas`."""
    return STUDY + "canvas:\n" + "".join(f"  {line}\n" if line else "\n" for line in canvas.splitlines())
