"""One scenario, one set of parameters: run the domains, hand results on, and sum up.

Traffic's arrivals go to the charging sites; solar's façade gains to energy; energy's demand, solar's PV output and
the charging load meet in the electricity balance. Buildings are worked through in blocks, so that a city of any size
runs in bounded memory; the block size is fixed, so that sums are the same bits everywhere.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.city.model import HOURS
from twin.scenario import fingerprint
from twin.scenario.balance import building_balance, city_balance
from twin.scenario.community import Communities
from twin.scenario.memo import Memo
from twin.scenario.parameters import ModelParameters, scaled
from twin.scenario.payments import BILLS, OWNER_OF_USE, public_part

if TYPE_CHECKING:
    from twin.city.model import City
    from twin.energy.model import EnergyResult
    from twin.energy.parameters import EnergyParameters, Factors
    from twin.scenario.apply import Applied
    from twin.scenario.calibrated import Calibrated
    from twin.solar.model import FacadeGains, Roofs, SolarResult
    from twin.traffic.model import TrafficResult

BLOCK = 512
"""Buildings per block."""

HourlySink = Callable[[slice, dict[str, NDArray[np.float32]]], None]


@dataclass(frozen=True)
class Evaluation:
    """Results of one scenario under one draw.

    `layers` holds the result columns by layer name, in the order of the city's layers; `roof_planes` each roof plane
    with its irradiation, and why it is suitable for PV or not; `series` the city's hourly
    series (8760,) in kW and `traffic_flow_share` (24,); `totals` the city totals.
    """

    totals: dict[str, float]
    layers: dict[str, pd.DataFrame]
    roof_planes: pd.DataFrame
    series: dict[str, NDArray[np.float64]]
    notes: list[str] = field(default_factory=list)


def evaluate(
    city: City,
    parameters: ModelParameters,
    roofs: Roofs,
    *,
    seed: int,
    draw: int,
    baseline: City | None = None,
    installed: tuple[City, Roofs] | None = None,
    investment_eur: float = 0.0,
    public_eur: float = 0.0,
    pv_share_before: NDArray[np.float64] | None = None,
    calibrated: Calibrated | None = None,
    variant: str = "numba",
    memo: Memo | None = None,
    sink: HourlySink | None = None,
) -> Evaluation:
    """Simulate one scenario.

    Parameters
    ----------
    city : City
        The city with the scenario's measures applied.
    parameters : ModelParameters
        Parameters of every domain for this draw.
    roofs : Roofs
        Planes and horizons of `city`.
    seed, draw : int
        Keys of the random streams; equal in all scenarios.
    baseline : City, optional
        The city of the baseline, against which traffic reacts; `city` itself when left out.
    installed : tuple of City and Roofs, optional
        The city in which PV was installed, with its roofs: PV stays on planes that were suitable there.
    investment_eur : float
        Capital cost of the measures, without PV, which follows from the power that is added.
    public_eur : float
        The part of it that the public pays.
    pv_share_before : float64 (buildings, 2), optional
        Shares of the suitable roof and façade area that carried PV before any measure; none when left out.
    calibrated : Calibrated, optional
        The calibration of the study.
    variant : str
        Kernel variant.
    memo : Memo, optional
        Shares domain results between scenarios.
    sink : callable, optional
        Receives (rows, hourly float32 arrays by name) of each block of buildings.
    """
    from twin.operations.charging import simulate_charging

    memo = memo or Memo()
    traffic = _traffic(city, city if baseline is None else baseline, parameters, variant, memo)
    charging = simulate_charging(city, traffic.arrivals_veh_h, parameters.operations, seed=seed, draw=draw)
    carrying = _carrying(city, roofs, installed, parameters, variant, memo)
    buildings, planes, series, totals = simulate_buildings(
        city,
        parameters,
        roofs,
        seed,
        draw,
        variant=variant,
        memo=memo,
        sink=sink,
        carrying=carrying,
        calibrated=calibrated,
    )
    investment_eur += _pv_investment(city, buildings, pv_share_before, parameters)

    load = charging.load_kw.sum(axis=0) if len(charging.load_kw) else np.zeros(24)
    charging_kw = np.tile(load, HOURS // 24)
    balance = city_balance(series["demand_kw"], series["pv_kw"], charging_kw, parameters.electricity, city.electricity)
    totals |= traffic.totals | charging.totals | balance.totals
    totals |= (
        _sums(buildings, totals)
        | _bills(city, buildings)
        | {"investment_eur": investment_eur, "public_investment_eur": public_eur}
    )
    layers = {
        "buildings": pd.concat([buildings, traffic.buildings], axis=1),
        "links": traffic.links,
        "zones": _zones(city, traffic, buildings),
        "charging_sites": charging.sites,
    }
    city_series = balance.series | {
        "heating_kw": series["heating_kw"],
        "hot_water_kw": series["hot_water_kw"],
        "cooling_kw": series["cooling_kw"],
        "district_heating_kw": series["district_heating_kw"],
        "traffic_flow_share": traffic.hourly_flow_veh_h / max(traffic.hourly_flow_veh_h.sum(), 1e-300),
    }
    return Evaluation(totals, layers, planes, city_series, list(traffic.diagnostics.get("warnings", [])))


def evaluate_applied(
    applied: Applied,
    before: City,
    baseline: City,
    parameters: ModelParameters,
    roofs_of: Callable[[City], Roofs],
    **how: Any,
) -> Evaluation:
    """Simulate a scenario as `twin.scenario.apply` made it.

    Parameters
    ----------
    applied : Applied
        The city with the scenario's measures, and what they cost and change.
    before, baseline : City
        The city before any measure, and that of the baseline.
    parameters : ModelParameters
        Those of the draw, without what the scenario's measures make of them.
    roofs_of : callable
        Returns the roofs of a city.
    **how
        The rest of what `evaluate` takes: seed, draw, calibrated, variant, memo, sink.
    """
    shares = before.buildings[["pv_share", "facade_pv_share"]]
    return evaluate(
        applied.city,
        scaled(parameters, applied.factors),
        roofs_of(applied.city),
        baseline=baseline,
        installed=(applied.installed, roofs_of(applied.installed)),
        investment_eur=sum(change.capital_cost_eur for change in applied.changes),
        public_eur=sum(public_part(change.payments) for change in applied.changes),
        pv_share_before=shares.reindex(applied.city.buildings.index, fill_value=0.0).to_numpy(np.float64),
        **how,
    )


def _traffic(city: City, baseline: City, parameters: ModelParameters, variant: str, memo: Memo) -> TrafficResult:
    """Return the traffic of a city, which starts from the baseline's; where nothing differs it is the baseline's."""
    from twin.traffic.model import simulate_traffic
    from twin.traffic.periods import Day

    def changed() -> TrafficResult:
        result = simulate_traffic(city, p, variant=variant, base=base)
        return dataclasses.replace(result, day=Day({}, {}))  # large, and nothing starts from a scenario

    p = parameters.traffic
    of_baseline = fingerprint.combined("traffic", memo.prints(baseline).traffic, p, variant)
    base = memo.traffic(of_baseline, lambda: simulate_traffic(baseline, p, variant=variant))
    if memo.prints(city).traffic == memo.prints(baseline).traffic:
        return base
    return memo.traffic(fingerprint.combined("changed", memo.prints(city).traffic, of_baseline), changed)


def _carrying(
    city: City,
    roofs: Roofs,
    installed: tuple[City, Roofs] | None,
    parameters: ModelParameters,
    variant: str,
    memo: Memo,
) -> pd.Series | None:
    """Return the planes that suited PV when it was installed, where shade that came later may have changed that."""
    from twin.solar.model import suitable_planes

    if installed is None or installed[1] is roofs or not city.buildings["pv_share"].any():
        return None
    then, their_roofs = installed
    key = fingerprint.combined("suitable", memo.prints(then).sun, parameters.solar, variant)
    found: pd.Series = memo.get(
        key, lambda: suitable_planes(then, then.weather, parameters.solar, their_roofs, variant=variant)
    )
    return found


def _pv_investment(
    city: City, buildings: pd.DataFrame, before: NDArray[np.float64] | None, parameters: ModelParameters
) -> float:
    """Return the cost of the PV that was added, on roofs and on façades."""
    shares = city.buildings[["pv_share", "facade_pv_share"]].to_numpy(np.float64)
    added = np.maximum(shares - (0.0 if before is None else before), 0.0)
    part = np.divide(added, shares, out=np.zeros_like(added), where=shares > 0.0)
    facade = buildings["facade_pv_kwp"].to_numpy()
    kwp = np.column_stack([buildings["pv_kwp"].to_numpy() - facade, facade * parameters.economics.facade_cost_factor])
    return float((kwp * part).sum()) * parameters.electricity.pv_cost_eur_kwp


def simulate_buildings(
    city: City,
    parameters: ModelParameters,
    roofs: Roofs,
    seed: int,
    draw: int,
    *,
    variant: str,
    memo: Memo,
    sink: HourlySink | None = None,
    carrying: pd.Series | None = None,
    calibrated: Calibrated | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, NDArray[np.float64]], dict[str, float]]:
    """Solar, energy and the building balance, block by block; return columns, planes, hourly sums and totals."""
    from twin.solar.model import DAYLIGHT, facade_gains, simulate_solar

    prints = memo.prints(city)
    of_energy, factors = parameters.energy, None
    if calibrated:
        of_energy, factors = calibrated.inputs(city, of_energy, draw)
    fitted = "" if calibrated is None else calibrated.identity
    sun = (prints.sun, parameters.solar, variant)
    carried = _series_hash(carrying)
    gains: FacadeGains = memo.get(
        fingerprint.combined("gains", *sun),
        lambda: facade_gains(city, city.weather, parameters.solar, roofs, variant=variant),
    )
    names = ("demand_kw", "pv_kw", "heating_kw", "hot_water_kw", "cooling_kw", "district_heating_kw")
    series = {name: np.zeros(HOURS) for name in names}
    blocks, planes, communities = [], [], Communities(city.buildings)
    for start in range(0, len(city.buildings), BLOCK):
        rows = slice(start, min(start + BLOCK, len(city.buildings)))
        solar: SolarResult = memo.get(
            fingerprint.combined("solar", prints.buildings, *sun, start, carried),
            lambda rows=rows: simulate_solar(  # type: ignore[misc]
                city, city.weather, parameters.solar, roofs, rows=rows, carrying=carrying, variant=variant
            ),
        )
        energy: EnergyResult = memo.get(
            fingerprint.combined("energy", prints.without_pv, *sun, of_energy, fitted, seed, draw, start),
            lambda rows=rows: _energy(city, gains, of_energy, factors, seed, draw, rows, variant),  # type: ignore[misc]
        )
        balance = building_balance(
            energy.buildings.index,
            energy.electricity_kw,
            solar.pv_kw,
            parameters.electricity,
            battery_kwh=city.buildings["battery_kwh"].to_numpy(np.float64)[rows],
            storage=parameters.storage,
            vehicles_kw=energy.vehicles_kw,
            charging_kw=city.buildings["electric_cars"].to_numpy(np.float64)[rows] * parameters.energy.home_charger_kw,
            electricity=city.electricity,
            variant=variant,
        )
        for name, values in _block_sums(balance, energy).items():
            series[name] += values
        communities.add(rows, balance.net_kw)
        if sink:
            hourly = {"electricity_kw": energy.electricity_kw, "pv_kw": solar.pv_kw, "heating_kw": energy.heating_kw}
            sink(rows, hourly)
        planes.append(solar.planes)
        blocks.append(pd.concat([energy.buildings, solar.buildings, balance.buildings], axis=1))
    buildings = pd.concat(blocks)
    shared = communities.settle(buildings.index, parameters.electricity, city.electricity)
    buildings = pd.concat([buildings, shared], axis=1)
    buildings["electricity_cost_eur_a"] -= buildings["community_gain_eur_a"]
    buildings["co2_kg_a"] = buildings["heat_co2_kg_a"] + buildings["electricity_co2_kg_a"]
    buildings["energy_cost_eur_a"] = buildings["heat_cost_eur_a"] + buildings["electricity_cost_eur_a"]
    totals = {str(name): float(buildings[name].sum()) for name in buildings.columns}
    intensive = ("specific_yield_kwh_kwp", "roof_sun_h_a", "roof_sky_view", "max_operative_c", "heating_kwh_m2_a",
                 *DAYLIGHT)  # fmt: skip
    peaks = ("peak_heating_kw", "peak_cooling_kw", "peak_electricity_kw", "peak_feed_in_kw")
    for drop in (*peaks, "pv_used_kwh_a", "community_bought_kwh_a", "community_sold_kwh_a", *intensive):
        totals.pop(drop, None)
    totals["community_shared_kwh_a"] = communities.shared_kwh_a
    totals["peak_heating_kw"] = float((series["heating_kw"] + series["hot_water_kw"]).max())
    totals["peak_district_heating_kw"] = float(series["district_heating_kw"].max())
    return buildings, pd.concat(planes), series, totals


def _series_hash(values: pd.Series | None) -> str:
    return "" if values is None else fingerprint.combined(list(values.index), values.tolist())


def _energy(
    city: City,
    gains: FacadeGains,
    parameters: EnergyParameters,
    factors: Factors | None,
    seed: int,
    draw: int,
    rows: slice,
    variant: str,
) -> EnergyResult:
    from twin.energy.drives import SunOnBuildings
    from twin.energy.model import simulate_energy

    return simulate_energy(
        city,
        city.weather,
        SunOnBuildings(**vars(gains)),
        parameters,
        seed=seed,
        draw=draw,
        rows=rows,
        factors=factors.rows(rows) if factors else None,
        variant=variant,
    )


def _block_sums(balance: Any, energy: EnergyResult) -> dict[str, NDArray[np.float64]]:
    return {
        "demand_kw": balance.demand_kw,
        "pv_kw": balance.pv_kw,
        "heating_kw": energy.heating_kw.sum(axis=0, dtype=np.float64),
        "hot_water_kw": energy.hot_water_kw.sum(axis=0, dtype=np.float64),
        "cooling_kw": energy.cooling_kw.sum(axis=0, dtype=np.float64),
        "district_heating_kw": energy.district_heating_kw.sum(axis=0, dtype=np.float64),
    }


def _zones(city: City, traffic: TrafficResult, buildings: pd.DataFrame) -> pd.DataFrame:
    """Traffic's zone results, with residents, jobs, energy cost and CO2 of the buildings, and the bills of homes."""
    zone = city.buildings["zone_id"]
    homes = city.buildings["use"] == "residential"
    sums = pd.DataFrame(
        {
            "population": city.buildings["population"].groupby(zone).sum(),
            "jobs": city.buildings["jobs"].groupby(zone).sum(),
            "energy_cost_eur_a": buildings["energy_cost_eur_a"].groupby(zone).sum(),
            "co2_kg_a": buildings["co2_kg_a"].groupby(zone).sum(),
        }
    ).reindex(city.zones.index, fill_value=0.0)
    bills = (
        buildings["energy_cost_eur_a"].where(homes, 0.0).groupby(zone).sum().reindex(city.zones.index, fill_value=0.0)
    )
    residents = sums["population"]
    sums["energy_bill_eur_per_resident_a"] = (bills / residents.where(residents > 0.0)).fillna(0.0)
    return pd.concat([traffic.zones, sums], axis=1)


def _bills(city: City, buildings: pd.DataFrame) -> dict[str, float]:
    """Energy cost by owner of the buildings, who follows from their use (`twin.scenario.payments`)."""
    owner = city.buildings["use"].map(OWNER_OF_USE).to_numpy()
    cost = buildings["energy_cost_eur_a"].to_numpy()
    return {total: float(cost[owner == name].sum()) for total, name in BILLS.items()}


def _sums(buildings: pd.DataFrame, totals: dict[str, float]) -> dict[str, float]:
    """Totals that join the domains."""
    building_co2_t = float(buildings["co2_kg_a"].sum()) / 1000.0
    return {
        "building_co2_t_a": building_co2_t,
        "total_co2_t_a": building_co2_t + totals["traffic_co2_t_a"] + totals["charging_co2_t_a"],
    }
