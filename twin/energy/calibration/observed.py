"""Readings as the smoother compares them: the logarithm of the sum, and the share of every month."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.city.meters import CARRIERS, HEAT_CARRIERS, Meters
from twin.energy.calibration.forward import Readings
from twin.energy.calibration.prior import Floats, Ints

if TYPE_CHECKING:
    from twin.city.model import City

SUM_SD = 0.04
"""Standard deviation of the logarithm of a sum, of the meter and of the model (assumption; MID class 3 heat meters may
err by some 3 to 5 %)."""
SHARE_SD = 0.012
"""Standard deviation of the share of a month, mostly of the model (assumption: a seventh of a mean month)."""
SLOTS = ("heat", "electricity")
TINY = 1e-6


@dataclass(frozen=True)
class Observed:
    """The readings of m buildings, two slots each: heat (any carrier) and electricity.

    Parameters
    ----------
    ids : Index (m,)
    rows : int64 (m,)
        Positions in the city.
    carrier : int64 (m, 2)
        Positions in `CARRIERS`, -1 where the slot has no meter.
    annual_kwh : float64 (m, 2)
        Sum of what was read; NaN where the slot has no meter.
    months : bool (m, 2, 12)
        Which months the sum covers: all of them for a meter that was read once a year.
    monthly_kwh : float64 (m, 2, 12)
        NaN where not read.
    """

    ids: pd.Index
    rows: Ints
    carrier: Ints
    annual_kwh: Floats
    months: NDArray[np.bool_]
    monthly_kwh: Floats

    @property
    def by_month(self) -> bool:
        """Whether any meter was read by month."""
        return bool(np.isfinite(self.monthly_kwh).any())

    @property
    def data(self) -> Floats:
        """The readings as compared, float64 (m, k), 0 where there is none."""
        return self._vector(self.annual_kwh, self.monthly_kwh)

    @property
    def there(self) -> NDArray[np.bool_]:
        """Which of `data` were read, bool (m, k)."""
        sums = np.isfinite(self.annual_kwh)
        if not self.by_month:
            return sums
        return np.concatenate([sums, np.isfinite(self.monthly_kwh).reshape(len(sums), -1)], axis=1)

    @property
    def noise(self) -> Floats:
        """Standard deviations, float64 (m, k), 1 where there is no reading."""
        there = self.there
        sd = np.where(np.arange(there.shape[1]) < len(SLOTS), SUM_SD, SHARE_SD)
        return np.where(there, sd, 1.0)

    def modelled(self, readings: Readings) -> tuple[Floats, Floats]:
        """Return what these meters would read: sums (m, 2), and months (m, 2, 12); NaN where there is no meter."""
        take = np.arange(len(self.ids))[:, None], np.maximum(self.carrier, 0)
        none = self.carrier < 0
        if readings.monthly_kwh is None:
            return np.where(none, np.nan, readings.annual_kwh[take]), np.full((*none.shape, 12), np.nan)
        monthly = np.where(none[:, :, None], np.nan, readings.monthly_kwh[take])
        sums = np.where(self.months, monthly, 0.0).sum(axis=2)
        return np.where(none, np.nan, sums), np.where(np.isfinite(self.monthly_kwh), monthly, np.nan)

    def compared(self, readings: Readings) -> Floats:
        """Return the model's `data`, float64 (m, k), 0 where there is no reading."""
        return self._vector(*self.modelled(readings))

    def _vector(self, sums: Floats, monthly: Floats) -> Floats:
        out = [np.log(np.maximum(sums, TINY))]
        if self.by_month:
            share = monthly / np.maximum(sums, TINY)[:, :, None]
            out.append(share.reshape(len(sums), -1))
        return np.nan_to_num(np.concatenate(out, axis=1))


def observe(meters: Meters, city: City) -> Observed:
    """Return the readings in the order of the metered buildings' ids."""
    ids = meters.buildings
    place = {name: k for k, name in enumerate(ids)}
    shape = (len(ids), len(SLOTS))
    carrier, annual = np.full(shape, -1, np.int64), np.full(shape, np.nan)
    monthly = np.full((*shape, 12), np.nan)
    months = np.ones((*shape, 12), bool)
    for row, (name, kind, kwh) in enumerate(meters.table[["building_id", "carrier", "kwh"]].itertuples(index=False)):
        at = place[name], 0 if kind in HEAT_CARRIERS else 1
        carrier[at], annual[at] = CARRIERS.index(kind), kwh
        monthly[at] = meters.monthly_kwh[row]
        if np.isfinite(monthly[at]).any():
            months[at] = np.isfinite(monthly[at])
    return Observed(ids, city.buildings.index.get_indexer(ids), carrier, annual, months, monthly)
