"""Energy communities: members pass on PV surplus to each other hour by hour and settle it among themselves.

Only money moves. What a member feeds in flows to the neighbours through the grid with a community or without, so
nothing more is generated, nothing less is used, and CO2 stays: a community that claimed less would count the same
kilowatt-hour twice. In each hour the members share the smaller of what they feed in and what they buy, together; each
exporter has the part of its export in all exports, each importer the part of its import in all imports, as French
collective self-consumption does where its members agree on nothing else (decree 2017-676).

What is shared costs the buyer the community's price and the grid fee that stays payable, and earns the seller the
price. Together members gain what the energy company, network fees and taxes included, no longer earns.
"""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.city.model import HOURS
from twin.errors import SchemaError, at_row
from twin.scenario.balance import ElectricityParameters, signals

if TYPE_CHECKING:
    import geopandas as gpd

NAME, PRICE, FEE = "energy_community", "community_price_eur_kwh", "community_fee_eur_kwh"
COLUMNS = (NAME, PRICE, FEE)
"""Columns of the buildings that say who shares with whom, and at what price; no domain reads them."""
RESULTS = ("community_bought_kwh_a", "community_sold_kwh_a", "community_gain_eur_a")
"""Result columns: shared electricity that a building buys and sells, and by how much its bill is less."""

UNITS = 2.0**24
"""Units in a kW. Loads are counted in whole ones (60 µW), of which float64 adds up 2**53, half a terawatt, without
rounding: sums are exact and the same in any order of buildings."""
HELD_BYTES = 2**28
"""Loads of members beyond this many bytes wait on disk, so that memory stays bounded."""
CHUNK = 32


def middle_price(price_eur_kwh: float, export_price_eur_kwh: float, fee_eur_kwh: float) -> float:
    """Return the price halfway between what feeding in earns and buying costs without the fee: both gain alike."""
    return (export_price_eur_kwh + price_eur_kwh - fee_eur_kwh) / 2.0


def in_units(net_kw: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return loads in whole units, rounded towards zero, so that no more is shared than there is."""
    return np.trunc(np.multiply(net_kw, UNITS, dtype=np.float64))


class Communities:
    """Collects the loads of members block by block, then settles what they share.

    Parameters
    ----------
    buildings : GeoDataFrame (n,)
        With `COLUMNS`.

    Raises
    ------
    SchemaError
        Members of one community with different prices or fees.
    """

    def __init__(self, buildings: gpd.GeoDataFrame) -> None:
        names = buildings[NAME].to_numpy(object)
        member = names != ""
        self.names, of_members = np.unique(names[member].astype(str), return_inverse=True)
        self.community = np.full(len(buildings), -1)
        self.community[member] = of_members
        self.terms = _terms(buildings[member], of_members, len(self.names))
        shape = (len(self.names), HOURS if len(self.names) else 0)
        self.exported, self.imported = np.zeros(shape), np.zeros(shape)
        self._loads = tempfile.SpooledTemporaryFile(max_size=HELD_BYTES)  # noqa: SIM115  (closed by `settle`)
        self._rows: list[NDArray[np.int64]] = []

    def add(self, rows: slice, net_kw: NDArray[np.float32]) -> None:
        """Take in a block of buildings, float32 (rows, 8760): bought, or fed in where below zero."""
        here = np.flatnonzero(self.community[rows] >= 0)
        for first in range(0, len(here), CHUNK):
            some = here[first : first + CHUNK]
            units = in_units(net_kw[some])
            community = self.community[rows][some]
            for one in np.unique(community):
                own = units[community == one]
                bought = np.maximum(own, 0.0).sum(axis=0)
                self.imported[one] += bought
                self.exported[one] += bought - own.sum(axis=0)
            self._loads.write(np.ascontiguousarray(net_kw[some]).tobytes())
            self._rows.append(some + rows.start)

    @property
    def shared(self) -> NDArray[np.float64]:
        """What the members of each community share in each hour, in units, float64 (communities, 8760)."""
        return np.minimum(self.exported, self.imported)

    @property
    def shared_kwh_a(self) -> float:
        """What all communities share in the year."""
        return float(self.shared.sum()) / UNITS

    def settle(
        self, index: pd.Index, parameters: ElectricityParameters, electricity: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        """Return the columns `RESULTS` of each building, zero for those that are in no community.

        Parameters
        ----------
        index : Index (n,)
            Ids of all buildings, in the order of those given at first.
        parameters : ElectricityParameters
        electricity : DataFrame, optional
            Hourly ``price_eur_kwh`` instead of the flat parameter.
        """
        price, paid, *_ = signals(parameters, electricity, HOURS)
        of_exports, of_imports = _parts(self.shared, self.exported), _parts(self.shared, self.imported)
        results = np.zeros((len(index), len(RESULTS)))
        self._loads.seek(0)
        for rows in self._rows:
            loads = np.frombuffer(self._loads.read(len(rows) * HOURS * 4), np.float32).reshape(-1, HOURS)
            kw, community = in_units(loads) / UNITS, self.community[rows]
            agreed, fee = (self.terms[community, k][:, None] for k in range(2))
            bought = np.maximum(kw, 0.0) * of_imports[community]
            sold = np.maximum(-kw, 0.0) * of_exports[community]
            gain = bought * (price - agreed - fee) + sold * (agreed - paid)
            results[rows] = np.column_stack([part.sum(axis=1) for part in (bought, sold, gain)])
        self._loads.close()
        return pd.DataFrame(results, index=index, columns=list(RESULTS))


def _parts(shared: NDArray[np.float64], of: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return which part of what members feed in, or buy, in an hour is shared: 0 … 1."""
    return np.divide(shared, of, out=np.zeros(of.shape), where=shared > 0)


def _terms(members: gpd.GeoDataFrame, community: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Return price and fee of each community, float64 (count, 2)."""
    of_members, terms = members[[PRICE, FEE]].to_numpy(np.float64), np.zeros((count, 2))
    terms[community] = of_members
    other = (terms[community] != of_members).any(axis=1)
    if other.any():
        first = members.index[int(np.argmax(other))]
        raise SchemaError(
            f"the energy community {members.loc[first, NAME]!r} has more than one price or fee",
            where=at_row("buildings", first, PRICE),
            expected="one for all members",
        )
    return terms
