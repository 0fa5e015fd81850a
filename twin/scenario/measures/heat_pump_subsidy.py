"""A subsidy for heat pumps, and who takes it up."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from twin.city.model import City
from twin.energy.lifecycle import annuity_factor
from twin.scenario.heat_estimate import HeatEstimate, energy_cost_eur_a, supply_cost_eur
from twin.scenario.measures.base import Change, Context, Selecting, amount, count
from twin.scenario.measures.change_heat_supply import WORDS, Supply
from twin.scenario.measures.participation import chances, with_buildings
from twin.scenario.payments import SUBSIDY, by_owner, payment

Floats = NDArray[np.float64]


class HeatPumpSubsidy(Selecting):
    """Pay a share of the investment in heat pumps, and see who takes one because of it.

    Where a heating system reaches the end of its life while the subsidy runs (all ages are alike; which ones is fixed
    by seed and id, as for `boiler_ban`), its owner compares the yearly costs of a new one of the same kind and of a
    heat pump: annuity of the investment less the subsidy, and energy at nominal prices by an estimate of the heat
    losses. A heat pump is chosen with the probability ``1 / (1 + (barrier * pump / same)**sensitivity)``, a logit of
    log costs. The default of 10 is usual in the CIMS model, where what is 15 % cheaper gets 85 % of the market
    (Bataille, Jaccard, Nyboer and Rivers 2006, Energy Journal, as recalled). `barrier` stands for what keeps people
    from cheaper pumps today; it is the same for all and such that the mean probability without a subsidy is
    `uptake_without` (assumption; give the share seen in your city).

    Those who would choose one without the subsidy take it as well: their share of it is public money that changes
    nothing, and is reported; their buildings stay as they are in this scenario, since its baseline has nobody change.
    A higher subsidy or more years contain the lower and fewer.
    """

    type: Literal["heat_pump_subsidy"]
    layer: ClassVar[str] = "buildings"
    subsidy_share: float = Field(ge=0, le=1, description="share of the investment that the public pays")
    years: float = Field(10.0, ge=0, le=60, description="years that the subsidy runs")
    replacing: Annotated[list[Supply], Field(min_length=1)] = Field(
        ["gas_boiler", "oil_boiler", "direct_electric"], description="heat supplies of those who may take it"
    )
    to: Literal["air_heat_pump", "ground_heat_pump"] = Field("air_heat_pump", description="what is subsidised")
    lifetime_years: float = Field(20.0, gt=0, le=60, description="life of a heat supply (EN 15459-1, as recalled)")
    discount_rate: float = Field(0.05, ge=0, le=0.5, description="owners' rate of interest (assumption)")
    uptake_without: float = Field(
        0.3, gt=0, lt=1, description="share that chooses a heat pump without the subsidy when a boiler ends"
    )
    sensitivity: float = Field(10.0, gt=0, le=100, description="exponent of the cost ratio")

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the heat pumps that the subsidy brings."""
        mask = self.select(city, context)
        matched = int(mask.sum())
        heated = (city.buildings["floor_area_m2"] > 0.0).to_numpy()
        mask &= heated & (
            city.buildings["heat_supply"].isin(self.replacing) & ~city.buildings["heat_supply"].isin([self.to])
        )
        may = int(mask.sum())
        ended = chances(city.buildings, "boiler_age", context.seed) <= self.years / self.lifetime_years
        without, with_it = (p[ended[mask]] for p in self._probabilities(city, mask, context))
        mask &= ended
        asked = city.buildings[mask]
        pump = supply_cost_eur(asked, self.to)
        chance = chances(asked, self.type, context.seed)
        free, won = chance <= without, (chance > without) & (chance <= with_it)
        owners = by_owner(asked[won], "heat pumps", pump[won], subsidy_eur=pump[won] * self.subsidy_share)
        windfall = float(pump[free].sum()) * self.subsidy_share
        gain = by_owner(asked[free], "subsidy of pumps chosen anyway", -pump[free] * self.subsidy_share)
        payments = owners + gain + payment(SUBSIDY, "subsidy of pumps chosen anyway", eur=windfall)
        chosen = mask.copy()
        chosen[mask] = won
        change = self.report(
            context,
            matched,
            f"brings {WORDS[self.to]} to {count(int(won.sum()), 'building')} of {amount(may)} that may take the "
            f"subsidy of {100 * self.subsidy_share:g} %; {amount(int(free.sum()))} more take it and would have changed "
            "anyway",
            quantities={
                "buildings": int(won.sum()),
                "eligible": may,
                "replaced_in_time": int(mask.sum()),
                "chosen_anyway": int(free.sum()),
                "mean_probability": float(with_it.mean()) if len(with_it) else 0.0,
                "mean_probability_without": float(without.mean()) if len(without) else 0.0,
                "subsidy_eur": windfall + float(pump[won].sum()) * self.subsidy_share,
            },
            capital_cost_eur=float(pump[won].sum()),
            cost_source="unit costs per heat supply (assumption, twin.energy.costs)",
            payments=payments,
        )
        return with_buildings(city, "heat_supply", chosen, self.to), change

    def _probabilities(self, city: City, mask: NDArray[np.bool_], context: Context) -> tuple[Floats, Floats]:
        """Return how likely each owner who may take the subsidy chooses a heat pump without it and with it."""
        from scipy.special import expit

        estimate, owners = HeatEstimate(city), city.buildings[mask]
        room, water = estimate.heat_kwh_a(city.buildings)[mask], estimate.hot_water_kwh_a(city.buildings)[mask]
        rate = annuity_factor(self.lifetime_years, self.discount_rate)
        supplies = owners["heat_supply"].to_numpy()

        def energy(supply: str, rows: NDArray[np.bool_]) -> Floats:
            return energy_cost_eur_a(supply, room[rows], water[rows], city.weather.temperature_c, context.parameters)

        same = np.zeros(len(owners))
        for supply in sorted(set(supplies)):
            rows = supplies == supply
            same[rows] = rate * supply_cost_eur(owners[rows], supply) + energy(supply, rows)
        pump = rate * supply_cost_eur(owners, self.to)
        running = energy(self.to, np.ones(len(owners), bool))
        ratios = [np.log(np.maximum(pump * (1.0 - s) + running, 1e-9) / same) for s in (0.0, self.subsidy_share)]
        barrier = self._log_barrier(ratios[0])
        without, with_it = (expit(-self.sensitivity * (ratio + barrier)) for ratio in ratios)
        return without, with_it

    def _log_barrier(self, log_ratio: Floats) -> float:
        """Return the logarithm of the barrier by which the mean probability is `uptake_without`, by bisection."""
        from scipy.special import expit

        if not len(log_ratio):
            return 0.0
        span = float(np.abs(log_ratio).max()) + abs(np.log(1.0 / self.uptake_without - 1.0)) / self.sensitivity + 1.0
        low, high = -span, span
        for _ in range(80):
            middle = 0.5 * (low + high)
            mean = expit(-self.sensitivity * (log_ratio + middle)).mean()
            low, high = (middle, high) if mean > self.uptake_without else (low, middle)
        return 0.5 * (low + high)
