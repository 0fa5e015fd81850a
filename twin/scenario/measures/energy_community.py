"""Energy communities: buildings that share their PV surplus."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from twin.city.model import City
from twin.errors import StudyError
from twin.scenario.community import FEE, NAME, PRICE, middle_price
from twin.scenario.measures.base import Change, Context, amount, count
from twin.scenario.measures.participation import Participating, with_buildings


class EnergyCommunity(Participating):
    """Let buildings share what PV feeds in, hour by hour, at a price of their own.

    In each hour members share the smaller of all they feed in and all they buy; sellers take part in proportion to what
    they feed in, buyers to what they buy. The buyer pays `price_eur_kwh` to the seller and `grid_fee_eur_kwh` to the
    grid, instead of the price of electricity. Left out, the price is the one at which both gain alike: halfway between
    the export price and the price of electricity less the fee, at nominal parameters; it then stays in every draw.
    Batteries and cars run as they would without a community.

    Money alone moves: the KPI `community_shared_kwh_a` is what is shared, `community_gain_eur_a` what members gain, and
    that same sum the energy company loses, with network fees and taxes. Bills hold the gain already. CO₂ and what the
    area takes from outside stay, since surplus reaches neighbours through the grid in any case.

    The default fee is an assumption for sharing across streets, where network fee and electricity tax stay; the tax
    alone is 2.253 ct/kWh before value added tax (class I, tariff of Helen Sähköverkko for 2017). Meters of one property
    behind one grid connection, the local energy community of the Finnish government decree 767/2021, may take 0.

    A building that joins a second community leaves the first. PV of later measures counts too.
    """

    type: Literal["energy_community"]
    layer: ClassVar[str] = "buildings"
    price_eur_kwh: float | None = Field(
        None, ge=-5, le=5, description="what the buyer pays the seller; both gain alike when left out [EUR/kWh]"
    )
    grid_fee_eur_kwh: float = Field(
        0.06, ge=0, le=2, description="network fee and taxes that shared electricity still pays [EUR/kWh] (assumption)"
    )

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the community.

        Raises
        ------
        StudyError
            Buyers or sellers would lose, at nominal parameters.
        """
        mask, matched = self.taking_part(city, context)
        price = self._price(city, context)
        name, members = self._name(city, context), int(mask.sum())
        with_pv = (city.buildings.loc[mask, ["pv_share", "facade_pv_share"]] > 0.0).any(axis=1)
        change = self.report(
            context,
            matched,
            f"joins {count(members, 'building')} in an energy community, {amount(float(with_pv.sum()))} with PV, that "
            f"shares surplus at {price:.4g} EUR/kWh and {self.grid_fee_eur_kwh:g} EUR/kWh for the grid",
            quantities={
                "buildings": members,
                "buildings_with_pv": int(with_pv.sum()),
                "price_eur_kwh": price,
                "grid_fee_eur_kwh": self.grid_fee_eur_kwh,
            },
        )
        for column, value in ((NAME, name), (PRICE, price), (FEE, self.grid_fee_eur_kwh)):
            city = with_buildings(city, column, mask, value)
        return city, change

    def _price(self, city: City, context: Context) -> float:
        """Return the community's price; with hourly prices of electricity their mean is what it has to fit."""
        electricity = context.parameters.electricity
        sold, bought = electricity.export_price_eur_kwh, electricity.price_eur_kwh
        if city.electricity is not None:
            bought = float(np.mean(city.electricity["price_eur_kwh"]))
        price, most = self.price_eur_kwh, bought - self.grid_fee_eur_kwh
        price = middle_price(bought, sold, self.grid_fee_eur_kwh) if price is None else price
        if most < sold:
            raise StudyError(
                f"sharing gains nothing: a grid fee of {self.grid_fee_eur_kwh:g} EUR/kWh is more than lies between the "
                f"prices of electricity fed in ({sold:g}) and bought ({bought:.4g})",
                expected=f"grid_fee_eur_kwh up to {bought - sold:.4g}",
            )
        if not sold <= price <= most:
            who = "sellers" if price < sold else "buyers"
            raise StudyError(
                f"{who} would lose at {price:g} EUR/kWh",
                expected=f"price_eur_kwh from {sold:g}, the export price, to {most:.4g}, the price of electricity less "
                "the grid fee",
            )
        return price

    @staticmethod
    def _name(city: City, context: Context) -> str:
        """Return a name that no community has yet: the measure's, with a number where it is not the first."""
        taken, number = set(city.buildings[NAME]), 1
        while (name := context.name if number == 1 else f"{context.name}-{number}") in taken:
            number += 1
        return name
