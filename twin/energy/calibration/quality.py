"""How good a calibration is: ASHRAE Guideline 14 figures, meters held out in turn, what the meters can tell apart."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from twin.energy.calibration import smoother
from twin.energy.calibration.observed import SLOTS, Observed
from twin.energy.calibration.posterior import Calibration, group_covariance
from twin.energy.calibration.prior import FIELDS, Floats, building_spread
from twin.random import entity_keys, uniform

MONTHLY_NMBE, MONTHLY_CVRMSE = 0.05, 0.15
"""ASHRAE Guideline 14-2014, 4.2.2 (5.3.2.4 in the edition of 2002): limits for monthly calibration data."""
FITTED = 1
"""Number of parameters p in the figures' n - p, 1 as the guideline sets it for calibrated simulations."""
FOLDS = 10
INTERVAL = 1.6448536269514722
"""Standard deviations on either side of a 90 % interval of the normal distribution."""
STAGES = ("uncalibrated", "calibrated groups", "calibrated buildings")


def nmbe(measured: Floats, modelled: Floats) -> float:
    """Return the normalised mean bias error, positive where the model is below the meter."""
    n = len(measured)
    return float((measured - modelled).sum() / ((n - FITTED) * measured.mean())) if n > FITTED else math.nan


def cvrmse(measured: Floats, modelled: Floats) -> float:
    """Return the coefficient of variation of the root-mean-square error."""
    n = len(measured)
    if n <= FITTED:
        return math.nan
    return float(np.sqrt(((measured - modelled) ** 2).sum() / (n - FITTED)) / measured.mean())


def guideline_14(calibration: Calibration) -> pd.DataFrame:
    """Return NMBE and CV(RMSE) of three stages of the model against the readings.

    Returns
    -------
    DataFrame
        One row per quantity, scope and stage: quantity (`SLOTS`), scope, stage (`STAGES`), nmbe, cvrmse, count (values
        compared, or buildings) and within (share of the buildings within the guideline's monthly limits, for the
        scope of single buildings 0 … 1, for sums 0 or 1; NaN for annual scopes, which the guideline does not know).
    """
    observed = calibration.metered
    stages = (calibration.nominal, calibration.archetypes.mean(axis=0), calibration.fitted.mean(axis=0))
    rows = []
    for stage, vector in zip(STAGES, stages, strict=True):
        sums, monthly = decoded(observed, vector)
        for slot, quantity in enumerate(SLOTS):
            has = np.isfinite(observed.annual_kwh[:, slot])
            if has.any():
                row = _row(observed.annual_kwh[has, slot], sums[has, slot])
                rows.append({"quantity": quantity, "scope": "year, across buildings", "stage": stage} | row)
            whole = np.isfinite(observed.monthly_kwh[:, slot]).all(axis=1)
            if whole.any():
                both = observed.monthly_kwh[whole, slot], monthly[whole, slot]
                for scope, row in (("months, sum of buildings", _sum(*both)), ("months, each building", _each(*both))):
                    rows.append({"quantity": quantity, "scope": scope, "stage": stage} | row)
    return pd.DataFrame(rows)


def decoded(observed: Observed, vector: Floats) -> tuple[Floats, Floats]:
    """Return sums (m, 2) and months (m, 2, 12) in kWh from what is compared (m, k)."""
    sums = np.exp(vector[:, : len(SLOTS)])
    if vector.shape[1] == len(SLOTS):
        return sums, np.full((len(sums), len(SLOTS), 12), np.nan)
    return sums, vector[:, len(SLOTS) :].reshape(len(sums), len(SLOTS), 12) * sums[:, :, None]


def _row(measured: Floats, modelled: Floats) -> dict[str, float]:
    figures = {"nmbe": nmbe(measured, modelled), "cvrmse": cvrmse(measured, modelled)}
    return figures | {"count": float(len(measured)), "within": math.nan}


def _sum(measured: Floats, modelled: Floats) -> dict[str, float]:
    row = _row(measured.sum(axis=0), modelled.sum(axis=0))
    return row | {"within": float(_meets(row["nmbe"], row["cvrmse"]))}


def _each(measured: Floats, modelled: Floats) -> dict[str, float]:
    """Return medians over buildings, of the bias without its sign, and the share within the limits."""
    bias = np.array([nmbe(a, b) for a, b in zip(measured, modelled, strict=True)])
    spread = np.array([cvrmse(a, b) for a, b in zip(measured, modelled, strict=True)])
    within = np.mean([_meets(a, b) for a, b in zip(bias, spread, strict=True)])
    figures = {"nmbe": float(np.median(np.abs(bias))), "cvrmse": float(np.median(spread))}
    return figures | {"count": float(len(bias)), "within": float(within)}


def _meets(bias: float, spread: float) -> bool:
    return abs(bias) <= MONTHLY_NMBE and spread <= MONTHLY_CVRMSE


def held_out(calibration: Calibration) -> pd.DataFrame:
    """Return how well each metered building is predicted from the other ones, a tenth left out at a time.

    The smoother's last linearisation is solved anew without the tenth; only the scales of the scatter have seen it.

    Returns
    -------
    DataFrame
        One row per meter: building_id, quantity, measured_kwh, predicted_kwh (median), low_kwh, high_kwh (90 %),
        deviation (of the logarithm of the reading, in standard deviations) and covered.
    """
    linear, components = calibration.linear, calibration.components
    residual = calibration.at_prior_mean
    fold = uniform(calibration.seed, "energy.calibration.fold", entity_keys(calibration.metered.ids))[:, 0] * FOLDS
    fold = fold.astype(np.int64)
    weight = smoother.weights(linear, calibration.scatter[0])
    own = building_spread(calibration.scatter[0]) ** 2
    predicted, sd = np.zeros_like(residual), np.ones_like(residual)
    for k in range(FOLDS):
        out = fold == k
        if not out.any():
            continue
        kept = np.where(out[:, None, None], 0.0, weight)
        precision = smoother.prior_precision(components) + smoother.information(linear, kept, components)
        mean: Floats = np.linalg.solve(precision, smoother.pull(linear, kept, components, residual)).astype(np.float64)
        inverse: Floats = np.linalg.inv(precision).astype(np.float64)
        x = components.of_groups(mean.reshape(len(components.names), -1))[linear.group[out]]
        covariance = group_covariance(inverse, components)[linear.group[out]] + np.diag(own)
        slope = linear.slope[out]
        predicted[out] = np.einsum("bkf,bf->bk", slope, x)
        sd[out] = np.sqrt(np.einsum("bkf,bfg,bkg->bk", slope, covariance, slope) + linear.noise[out] ** 2)
    rows = []
    for slot, quantity in enumerate(SLOTS):
        has = np.isfinite(calibration.metered.annual_kwh[:, slot])
        measured = calibration.metered.annual_kwh[has, slot]
        off, spread = (predicted - residual)[has, slot], sd[has, slot]
        rows.append(
            pd.DataFrame(
                {
                    "building_id": calibration.metered.ids[has],
                    "quantity": quantity,
                    "measured_kwh": measured,
                    "predicted_kwh": measured * np.exp(off),
                    "low_kwh": measured * np.exp(off - INTERVAL * spread),
                    "high_kwh": measured * np.exp(off + INTERVAL * spread),
                    "deviation": -off / spread,
                    "covered": np.abs(off) <= INTERVAL * spread,
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def identified(calibration: Calibration) -> pd.DataFrame:
    """Return what the meters tell of each field, means over the groups that have metered buildings.

    Returns
    -------
    DataFrame
        Index field: prior_sd and posterior_sd of the logarithm (of the set-point in K), resolved (share of the prior
        variance that the readings took away), low, mean and high (the mean of the groups' factors over the members,
        and its 90 % interval).
    """
    seen = np.unique(calibration.linear.group)
    prior, posterior = calibration.prior_variance[seen].mean(axis=0), calibration.posterior_variance[seen].mean(axis=0)
    weight = np.bincount(calibration.linear.group, minlength=len(calibration.components.groups))[seen]
    means = np.average(calibration.components.of_groups(calibration.state)[:, seen], axis=1, weights=weight)
    low, high = np.quantile(means, [0.05, 0.95], axis=0, method="weibull")
    return pd.DataFrame(
        {
            "prior_sd": np.sqrt(prior),
            "posterior_sd": np.sqrt(posterior),
            "resolved": 1.0 - posterior / prior,
            "low": low,
            "mean": means.mean(axis=0),
            "high": high,
        },
        index=pd.Index(FIELDS, name="field"),
    )
