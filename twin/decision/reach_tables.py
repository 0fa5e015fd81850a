"""What may be published of who is reached: tables by reach, outcome, zone and income quintile, and energy poverty.

People are suppressed in one go, by quintile and by zone (`twin.decision.suppression.suppress_nested`); everything else
shown of people follows from what is shown there, or is a mean over a group whose size is shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.decision.distribution import is_noise
from twin.decision.incidence import (
    DIRECTLY,
    INDIRECTLY,
    LOSER,
    MIXED,
    NOT_REACHED,
    OUTCOMES,
    QUINTILES,
    REACH,
    WINNER,
    count_outcomes,
    disparity,
    energy_poverty_rate,
    twice_median_rate,
)
from twin.decision.suppression import MINIMUM_COUNT, Published, suppress, suppress_nested

Float = NDArray[np.float64]

SHOWN, SUPPRESSED, EMPTY = "shown", "suppressed", "no residents"
UNKNOWN_QUINTILE = 0


@dataclass(frozen=True)
class Tables:
    """The tables of a scenario.

    Attributes
    ----------
    entities : DataFrame (n, …)
        Buildings where people live: zone_id, people, reach, outcome, quintile.
    raw, sd : DataFrame (n, k)
        Gain of a resident by quantity, and the standard deviation of it.
    groups, parts : Published
        People by outcome: by quintile, and by quintile and zone. Without incomes both are the latter.
    """

    entities: pd.DataFrame
    raw: pd.DataFrame
    sd: pd.DataFrame
    groups: Published
    parts: Published

    @classmethod
    def of(cls, entities: pd.DataFrame, raw: pd.DataFrame, sd: pd.DataFrame, *, has_incomes: bool) -> Tables:
        """Return the tables of buildings; `raw` and `sd` may have gaps, which count as no gain."""
        zone, zones = pd.factorize(entities["zone_id"], sort=True)
        places = max(len(zones), 1)
        keys, key = np.unique(entities["quintile"].to_numpy() * places + zone, return_inverse=True)
        counts = count_outcomes(entities, key, entities["people"].to_numpy(np.float64))
        levels = [keys // places, pd.Index(zones).take(keys % places)]
        counts.index = pd.MultiIndex.from_arrays(levels, names=["quintile", "zone_id"])
        if has_incomes and len(counts):
            groups, parts = suppress_nested(counts)
        else:
            groups = parts = suppress(counts)
        return cls(entities, raw.fillna(0.0), sd, groups, parts)

    @property
    def people(self) -> Float:
        """Residents of each building."""
        return self.entities["people"].to_numpy(np.float64)

    def outcomes(self) -> pd.DataFrame:
        """Return people, their share and buildings by outcome."""
        table = pd.DataFrame({"people": self.groups.columns}).reindex(pd.Index(OUTCOMES, name="outcome"))
        return table.assign(share=self._share(table["people"]), buildings=self._buildings())

    def reach(self) -> pd.DataFrame:
        """Return people, their share and buildings by reach."""
        people = self.entities["people"].groupby(self.entities["reach"]).sum()
        table = pd.DataFrame({"people": _reach_of(people, self.groups.columns, float(self.people.sum()))})
        buildings = _reach_of(self.entities["reach"].value_counts(), self._buildings(), float(len(self.entities)))
        return table.assign(share=self._share(table["people"]), buildings=buildings)

    def by_zone(self, zones: pd.Index) -> pd.DataFrame:
        """Return people by outcome and mean gains of every zone; a zone is shown where all its parts are.

        net_share is of winners less losers in steps of `MINIMUM_COUNT`.
        """
        zone = self.parts.cells.index.get_level_values("zone_id")
        parts = self.parts.cells.assign(people=self.parts.rows)
        table = parts.groupby(zone).sum().mask(parts.isna().groupby(zone).any())
        lived_in = zones.isin(table.index)
        table = table.reindex(zones.astype(str))
        table.loc[~lived_in] = 0.0
        inhabited = table["people"] > 0.0
        # in steps of the minimum count, so that scenarios side by side do not give fewer people away
        net = MINIMUM_COUNT * ((table[WINNER] - table[LOSER]) / MINIMUM_COUNT).round()
        table["net_share"] = (net / table["people"].where(inhabited)).clip(-1.0, 1.0)
        table["state"] = np.where(lived_in, np.where(table[WINNER].notna(), SHOWN, SUPPRESSED), EMPTY)
        means = self._means(self.raw, "zone_id").reindex(table.index)
        return table.join(means.where(inhabited)).rename_axis(index="zone_id", columns=None)

    def by_quintile(self) -> pd.DataFrame:
        """Return people by outcome, and the mean gains with their spread, of every income quintile."""
        means = self._means(self.raw, "quintile").join(self._means(self.sd, "quintile").add_suffix("_sd"))
        table = self.groups.cells.assign(people=self.groups.rows)
        return table.join(means.where(table["people"].notna())).rename_axis(index="quintile", columns=None)

    def gains(self) -> pd.DataFrame:
        """Return the mean gain by quantity, and how the poorest fifth fares beside the richest.

        A quintile whose mean cannot be told from noise stays as it is.
        """
        everybody = np.zeros(len(self.entities))
        means, spreads = (self._means(x, everybody) for x in (self.raw, self.sd))
        quintile, fifths = self.entities["quintile"].to_numpy(), pd.RangeIndex(QUINTILES + 1)
        known = bool(quintile.any())
        shown = known and bool(self.groups.rows.reindex([1, QUINTILES]).notna().all())
        rows = {}
        for name in self.raw.columns:
            by = [self._means(x[[name]], "quintile")[name].reindex(fifths).to_numpy() for x in (self.raw, self.sd)]
            gain = np.where(is_noise(by[0], by[1])[quintile], 0.0, self.raw[name].to_numpy(np.float64))
            ends = disparity(gain * self.people, quintile if shown else np.zeros_like(quintile), self.people)
            mean, spread = (float(x[name].iloc[0]) if len(x) else np.nan for x in (means, spreads))
            rows[name] = {
                "mean_gain": mean, "sd": spread, "noise": bool(is_noise(np.array([mean]), np.array([spread]))[0]),
                "poorest": ends.poorest, "richest": ends.richest, "ratio": ends.ratio,
                "reading": ends.reading if shown or not known else "hidden: too few people",
            }  # fmt: skip
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("quantity")

    def _share(self, people: pd.Series) -> pd.Series:
        total = float(self.people.sum())
        return people / (total if total > 0.0 else np.nan)

    def _buildings(self) -> pd.Series:
        """Return published counts of buildings by outcome."""
        counts = self.entities["outcome"].value_counts().reindex(pd.Index(OUTCOMES, name="outcome"), fill_value=0)
        return suppress(counts.to_frame().astype(np.float64)).rows

    def _means(self, values: pd.DataFrame, groups: str | Float) -> pd.DataFrame:
        """Return means of residents by group. Spreads add up: what is uncertain moves buildings together."""
        by = self.entities[groups].to_numpy() if isinstance(groups, str) else groups
        people = pd.Series(self.people).groupby(by).sum()
        sums = pd.DataFrame(values.to_numpy() * self.people[:, None], columns=values.columns).groupby(by).sum()
        return sums.div(people, axis=0)


def _reach_of(count: pd.Series, outcomes: pd.Series, total: float) -> pd.Series:
    """Return counts by reach. Those reached are those who win and the mixed: shown where these are."""
    count = count.reindex(pd.Index(REACH, name="reach"), fill_value=0).astype(np.float64)
    reached = float(outcomes[WINNER] + outcomes[MIXED])  # NaN where either is hidden
    split = count[[DIRECTLY, INDIRECTLY]]
    small = bool(((split > 0.0) & (split < MINIMUM_COUNT)).any())
    if small or np.isnan(reached):
        count[[DIRECTLY, INDIRECTLY]] = np.nan
    count[NOT_REACHED] = total - reached
    return count


@dataclass(frozen=True)
class Poverty:
    """Share of people in homes who spend more than `share` of their income on energy, and by indicator 2M; NaN hidden.

    Attributes
    ----------
    share : float
        The limit.
    before, after : float
        In the baseline and in the scenario.
    twice_median_before, twice_median_after : float
        More than twice the median share (`twin.decision.incidence.twice_median_rate`).
    people : float
        People in homes with a known income: what the shares are of.
    """

    share: float
    before: float
    after: float
    twice_median_before: float
    twice_median_after: float
    people: float


def poverty(before: Float, after: Float, income: Float, people: Float, share: float) -> Poverty:
    """Return the energy poverty of groups of people, without shares that stand for few of them.

    Parameters
    ----------
    before, after : float64 (n,)
        Energy bill of one of them, EUR/a.
    income, people : float64 (n,)
    share : float
    """
    counted = float(people.sum())
    poor = [energy_poverty_rate(bill, income, people, share=share) for bill in (before, after)]
    median = [twice_median_rate(bill, income, people) for bill in (before, after)]
    before_after, median_before_after = _large_shares(poor, counted), _large_shares(median, counted)
    return Poverty(share, *before_after, *median_before_after, counted)


def _large_shares(rates: list[float], people: float) -> tuple[float, float]:
    """Return the rates before and after; one is hidden where it, its rest, or the change stands for few people."""

    def small(rate: float) -> bool:
        return bool(1e-9 < rate * people < MINIMUM_COUNT)

    before, after = (float("nan") if small(rate) or small(1.0 - rate) else rate for rate in rates)
    return before, float("nan") if small(abs(after - before)) else after
