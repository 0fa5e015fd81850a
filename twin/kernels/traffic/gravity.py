"""Doubly constrained gravity model, calibrated to a mean trip cost.

``trips[i, j] = a[i] * b[j] * productions[i] * attractions[j] * f(cost[i, j])`` with the combined deterrence function
``f(c) = c ** exponent * exp(-beta * c)`` (Ortúzar and Willumsen 2011, "Modelling Transport", eq. 5.16; exponent 0 is
the exponential function). The balancing factors come from Furness iterations (Furness 1965), `beta` from the secant
method of Hyman 1969 ("The calibration of trip distribution models", doi 10.1068/a010105), kept inside a bracket.
"""

from __future__ import annotations

import math

import numpy as np

from twin.kernels.jit import njit
from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant

NAME = "traffic.gravity"
BALANCE_TOLERANCE = 1e-12
BALANCE_ROUNDS = 2000
CALIBRATION_TOLERANCE = 1e-11
CALIBRATION_ROUNDS = 60
SAMPLE_BETA = 0.4  # 1/km
BETA_LIMIT = 200.0  # largest beta, in units of 1 / mean cost without deterrence


def _sample(size: int, rng: np.random.Generator) -> Inputs:
    zones = max(3, size)
    x, y = rng.uniform(0.0, 10.0, (2, zones))
    cost = np.hypot(x[:, None] - x[None, :], y[:, None] - y[None, :]) + 0.3
    productions = rng.uniform(10.0, 1000.0, zones)
    attractions = rng.uniform(10.0, 1000.0, zones)
    if zones > 4:
        productions[1] = attractions[2] = 0.0
    attractions *= productions.sum() / attractions.sum()
    exponent = float(rng.choice([0.0, 0.3]))
    # The mean of some trips that meet both ends, so that it can be reached: few zones leave little choice.
    trips = cost**exponent * np.exp(-SAMPLE_BETA * cost)
    for _ in range(200):
        trips *= (productions / np.where(productions > 0.0, trips.sum(axis=1), 1.0))[:, None]
        trips *= attractions / np.where(attractions > 0.0, trips.sum(axis=0), 1.0)
    return {
        "productions": productions,
        "attractions": attractions,
        "cost": cost,
        "exponent": exponent,
        "target_mean_cost": float((trips * cost).sum() / trips.sum()),
    }


def _call(kernel: Kernel, inputs: Inputs) -> tuple[np.ndarray, float]:
    return kernel(*(inputs[k] for k in ("productions", "attractions", "cost", "exponent", "target_mean_cost")))


def _check_marginals(kernel: Kernel, inputs: Inputs) -> None:
    trips, _ = _call(kernel, inputs)
    assert np.all(trips >= 0.0)
    np.testing.assert_allclose(trips.sum(axis=1), inputs["productions"], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(trips.sum(axis=0), inputs["attractions"], rtol=1e-9, atol=1e-9)


def _check_mean(kernel: Kernel, inputs: Inputs) -> None:
    trips, _ = _call(kernel, inputs)
    mean = float((trips * inputs["cost"]).sum() / trips.sum())
    assert abs(mean - inputs["target_mean_cost"]) <= 1e-8 * inputs["target_mean_cost"]


def _check_permutation(kernel: Kernel, inputs: Inputs) -> None:
    order = np.random.default_rng(1).permutation(len(inputs["productions"]))
    trips, beta = _call(kernel, inputs)
    shuffled = dict(inputs, productions=inputs["productions"][order], attractions=inputs["attractions"][order])
    shuffled["cost"] = inputs["cost"][np.ix_(order, order)].copy()
    trips2, beta2 = _call(kernel, shuffled)
    np.testing.assert_allclose(trips2, trips[np.ix_(order, order)], rtol=1e-7, atol=1e-9)
    assert math.isclose(beta, beta2, rel_tol=1e-7)


declare(
    Family(
        name=NAME,
        purpose="Trips between zones that match productions, attractions and a mean trip cost.",
        inputs=(
            Array("productions", ("zones",), "float64", "trips"),
            Array("attractions", ("zones",), "float64", "trips"),
            Array("cost", ("zones", "zones"), "float64", "km"),
            Array("exponent", (), "float64", "-"),
            Array("target_mean_cost", (), "float64", "km"),
        ),
        outputs=(Array("trips", ("zones", "zones"), "float64", "trips"), Array("beta", (), "float64", "1/km")),
        sample=_sample,
        work=lambda inputs: float(inputs["cost"].size),
        work_unit="zone pair",
        source="Furness 1965; Hyman 1969, doi 10.1068/a010105",
        rtol=1e-7,
        atol=1e-9,
        sizes=(10, 50, 200),
        properties=(
            Property("rows and columns match", _check_marginals),
            Property("mean cost matches", _check_mean),
            Property("permutation of zones", _check_permutation),
        ),
    )
)


@njit(cache=True)
def _secant(beta: float, mean: float, last: float, last_mean: float, target: float) -> float:
    """Return the next beta on the straight line through two points; -1 when they do not fall."""
    slope = (mean - last_mean) / (beta - last) if beta != last else 0.0
    return beta + (target - mean) / slope if slope < 0.0 else -1.0


@variant(NAME, "reference")
def gravity_reference(
    productions: np.ndarray, attractions: np.ndarray, cost: np.ndarray, exponent: float, target_mean_cost: float
) -> tuple[np.ndarray, float]:
    """Return trips [zones, zones] and the calibrated beta.

    Parameters
    ----------
    productions, attractions : float64 [zones]
        Not negative; equal sums.
    cost : float64 [zones, zones]
        Positive; infinite where no trip is possible.
    exponent : float
        Of the cost in the deterrence function.
    target_mean_cost : float
        Mean cost per trip. Where it is not below the mean at beta = 0, beta is 0 and the mean is lower than asked;
        where it is below the least that the sums allow, beta is as large as it gets and the mean is higher.
    """
    possible = np.isfinite(cost)
    finite = np.where(possible, cost, 0.0)
    base = np.where(possible, np.where(possible, cost, 1.0) ** exponent, 0.0)
    column = np.ones(len(attractions))

    def solve(beta: float) -> tuple[np.ndarray, float]:
        nonlocal column
        deterrence = base * np.exp(-beta * finite)
        for _ in range(BALANCE_ROUNDS):
            reach = deterrence @ (column * attractions)
            row = np.divide(1.0, reach, out=np.zeros_like(reach), where=reach > 0.0)
            reach = (row * productions) @ deterrence
            new = np.divide(1.0, reach, out=np.zeros_like(reach), where=reach > 0.0)
            change = np.max(np.abs(new - column) / np.where(new > 0.0, new, 1.0))
            column = new
            if change <= BALANCE_TOLERANCE:
                break
        trips = (row * productions)[:, None] * deterrence * (column * attractions)[None, :]
        total = trips.sum()
        return trips, float((trips * finite).sum() / total) if total > 0.0 else 0.0

    trips, mean = solve(0.0)
    if mean <= target_mean_cost or target_mean_cost <= 0.0:
        return trips, 0.0
    low, high, last, last_mean = 0.0, BETA_LIMIT / mean, 0.0, mean
    beta = 1.0 / target_mean_cost
    for _ in range(CALIBRATION_ROUNDS):
        trips, new = solve(beta)
        if abs(new - target_mean_cost) <= CALIBRATION_TOLERANCE * target_mean_cost or high - low <= 1e-15 * high:
            break
        low, high = (beta, high) if new > target_mean_cost else (low, beta)
        guess = _secant(beta, new, last, last_mean, target_mean_cost)
        last, last_mean = beta, new
        beta = guess if low < guess < high else 0.5 * (low + high)
    return trips, beta


@njit(cache=True)
def _furness(
    productions: np.ndarray, attractions: np.ndarray, deterrence: np.ndarray, row: np.ndarray, column: np.ndarray
) -> None:
    """Balance `row` and `column` in place."""
    n = len(productions)
    reach = np.empty(n)
    for _ in range(BALANCE_ROUNDS):
        for i in range(n):
            total = 0.0
            for j in range(n):
                total += deterrence[i, j] * column[j] * attractions[j]
            row[i] = 1.0 / total if total > 0.0 else 0.0
        reach[:] = 0.0
        for i in range(n):
            weight = row[i] * productions[i]
            for j in range(n):
                reach[j] += weight * deterrence[i, j]
        change = 0.0
        for j in range(n):
            new = 1.0 / reach[j] if reach[j] > 0.0 else 0.0
            change = max(change, abs(new - column[j]) / (new if new > 0.0 else 1.0))
            column[j] = new
        if change <= BALANCE_TOLERANCE:
            break


@variant(NAME, "numba")
@njit(cache=True)
def gravity_numba(
    productions: np.ndarray, attractions: np.ndarray, cost: np.ndarray, exponent: float, target_mean_cost: float
) -> tuple[np.ndarray, float]:
    """Return the same as the reference, with the loops compiled."""
    n = len(productions)
    base = np.zeros((n, n))
    finite = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            if math.isfinite(cost[i, j]):
                base[i, j] = cost[i, j] ** exponent
                finite[i, j] = cost[i, j]
    row, column, trips = np.ones(n), np.ones(n), np.zeros((n, n))
    beta, low, high, last, last_mean = 0.0, 0.0, 0.0, 0.0, 0.0
    for step in range(CALIBRATION_ROUNDS + 1):
        deterrence = base * np.exp(-beta * finite)
        _furness(productions, attractions, deterrence, row, column)
        total, travel = 0.0, 0.0
        for i in range(n):
            for j in range(n):
                trips[i, j] = row[i] * productions[i] * deterrence[i, j] * column[j] * attractions[j]
                total += trips[i, j]
                travel += trips[i, j] * finite[i, j]
        new = travel / total if total > 0.0 else 0.0
        if step == 0:
            if new <= target_mean_cost or target_mean_cost <= 0.0:
                break
            high, last_mean = BETA_LIMIT / new, new
            beta = 1.0 / target_mean_cost
            continue
        if abs(new - target_mean_cost) <= CALIBRATION_TOLERANCE * target_mean_cost or high - low <= 1e-15 * high:
            break
        if new > target_mean_cost:
            low = beta
        else:
            high = beta
        guess = _secant(beta, new, last, last_mean, target_mean_cost)
        last, last_mean = beta, new
        beta = guess if low < guess < high else 0.5 * (low + high)
    return trips, beta
