import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal

from tests.energy_sun import rough_sun
from twin.city.meters import CARRIERS, Meters
from twin.energy.calibration import calibrate as calibrating
from twin.energy.calibration import prior, quality, smoother
from twin.energy.calibration.calibrate import calibrate
from twin.energy.calibration.forward import Forward, Readings
from twin.energy.calibration.observed import observe
from twin.energy.calibration.posterior import group_covariance
from twin.energy.calibration.predict import EXTRAPOLATED, METERED, predict, trust_map
from twin.energy.calibration.store import load_calibration, save_calibration
from twin.energy.parameters import EnergyParameters, Factors
from twin.errors import DataError

N = len(prior.FIELDS)
ELASTICITY = np.array([[0.6, 0.15, 0.2, 0.07, -0.2, 0.0, 0.15], [0.0, 0.0, 0.0, 0.0, 0.0, 0.9, 0.0]])


def meters_of(city, annual_kwh, rows, monthly_kwh=None, *, seed=0, error=0.01):
    """Readings of heat and electricity of some buildings."""
    noise = np.exp(error * np.random.default_rng(seed).normal(size=(len(rows), 2)))
    table, months = [], []
    for k, row in enumerate(rows):
        for slot, carrier in enumerate(("electricity", "heat")):
            at = row, CARRIERS.index(carrier)
            table.append((city.buildings.index[row], carrier, annual_kwh[at] * noise[k, slot]))
            months.append(np.full(12, np.nan) if monthly_kwh is None else monthly_kwh[at] * noise[k, slot])
    frame = pd.DataFrame(table, columns=["building_id", "carrier", "kwh"])
    return Meters(frame, np.array(months), 2023, "meters.csv")


def heated(city, step):
    return np.flatnonzero(city.buildings["floor_area_m2"].to_numpy() > 50.0)[::step]


class LogLinear(Forward):
    """A model whose readings are log-linear in the factors, so that the posterior is known in closed form."""

    def __init__(self, city, weather, sun, parameters, rows, **options):
        self.size, self.copies = city.buildings["floor_area_m2"].to_numpy()[rows], 50

    def run(self, x):
        logs = x @ ELASTICITY.T
        annual = np.zeros((*x.shape[:2], len(CARRIERS)))
        annual[..., 0] = 120.0 * self.size * np.exp(logs[..., 0])
        annual[..., 4] = 35.0 * self.size * np.exp(logs[..., 1])
        return Readings(annual, None)


@pytest.fixture(scope="module")
def linear_case(small_city):
    """A log-linear city with hidden factors, its meters and its calibration."""
    rows = heated(small_city, 3)
    components, group = prior.components_of(small_city.buildings)
    rng = np.random.default_rng(4)
    hidden = components.of_groups(rng.normal(size=components.spread.shape) * components.spread)[group]
    hidden = hidden + rng.normal(size=hidden.shape) * prior.building_spread(np.array([1.3, 0.7]))
    truth = LogLinear(small_city, None, None, None, np.arange(len(small_city.buildings))).run(hidden[None])[0]
    meters = meters_of(small_city, truth.annual_kwh, rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibrating, "Forward", LogLinear)
        found = calibrate(small_city, None, None, meters, EnergyParameters(), members=400, seed=3)
    return small_city, meters, found


def dense(found):
    """The design matrix of all readings on all parts, and the covariance of the errors."""
    linear, components = found.linear, found.components
    m, k = linear.noise.shape
    design = np.zeros((m, k, len(components.names), N))
    for b in range(m):
        for part in components.parts[linear.group[b]]:
            design[b, :, part] = linear.slope[b]
    own = prior.building_spread(found.scatter[0]) ** 2
    error = np.zeros((m, k, m, k))
    for b in range(m):
        error[b, :, b, :] = linear.slope[b] * own @ linear.slope[b].T + np.diag(linear.noise[b] ** 2)
    return design.reshape(m * k, -1), error.reshape(m * k, m * k)


def test_the_linear_algebra_is_that_of_dense_matrices(linear_case):
    _, _, found = linear_case
    design, error = dense(found)
    before = np.diag(found.components.spread.ravel() ** 2)
    weight = smoother.weights(found.linear, found.scatter[0])
    information = smoother.information(found.linear, weight, found.components)
    np.testing.assert_allclose(information, design.T @ np.linalg.solve(error, design), rtol=1e-8, atol=1e-9)
    residual = found.at_prior_mean
    pull = smoother.pull(found.linear, weight, found.components, residual)
    np.testing.assert_allclose(pull, design.T @ np.linalg.solve(error, residual.ravel()), rtol=1e-8, atol=1e-9)

    def log_density(scales):
        _, error = dense(dataclasses.replace(found, scatter=scales[None]))
        return multivariate_normal.logpdf(residual.ravel(), cov=design @ before @ design.T + error)

    scales = [np.array([0.7, 1.4]), np.array([1.6, 0.8])]
    ours = [smoother.log_evidence(found.linear, found.components, residual, s) for s in scales]
    assert ours[0] - ours[1] == pytest.approx(log_density(scales[0]) - log_density(scales[1]), rel=1e-6)


def test_a_log_linear_model_gives_the_exact_posterior(linear_case):
    """Kriging in closed form: prior of the parts, readings with scatter in their errors."""
    _, _, found = linear_case
    np.testing.assert_allclose(found.linear.slope, np.broadcast_to(ELASTICITY, found.linear.slope.shape), atol=1e-4)
    design, error = dense(found)
    before = np.diag(found.components.spread.ravel() ** 2)
    gain = before @ design.T @ np.linalg.inv(design @ before @ design.T + error)
    mean = gain @ found.at_prior_mean.ravel()
    covariance = before - gain @ design @ before
    groups = group_covariance(covariance, found.components)
    np.testing.assert_allclose(found.group_covariance(), groups, rtol=0.1, atol=1e-4)  # scatter was estimated per step
    sd = np.sqrt(np.diag(covariance))
    ensemble = found.state.reshape(found.members, -1)
    assert (np.abs(ensemble.mean(axis=0) - mean) < 5.0 * sd / np.sqrt(found.members) + 0.02 * sd).all()
    np.testing.assert_allclose(ensemble.std(axis=0), sd, rtol=0.2)


def test_metered_buildings_keep_to_their_readings_and_others_scatter(linear_case):
    city, meters, found = linear_case
    off = found.fitted - found.metered.data
    assert np.abs(off.mean(axis=0)).max() < 0.03
    assert 0.02 < off.std() < 0.06  # as wide as the error of a reading
    x = np.stack([found.logarithms(city.buildings, member) for member in range(1, 201)])
    free = np.flatnonzero(~city.buildings.index.isin(meters.buildings))
    spread = x[:, free].std(axis=0).mean(axis=0)
    expected = prior.building_spread(found.scatter[0])
    assert (spread > 0.9 * expected).all()
    assert found.scatter[0] == pytest.approx([1.3, 0.7], rel=0.45)


def test_held_out_readings_lie_in_their_intervals(linear_case):
    _, meters, found = linear_case
    table = quality.held_out(found)
    assert len(table) == len(meters.table)
    assert 0.75 <= table["covered"].mean() <= 1.0
    assert (table["low_kwh"] < table["predicted_kwh"]).all()
    assert (table["predicted_kwh"] < table["high_kwh"]).all()


def test_meters_resolve_what_moves_them_and_nothing_else(linear_case):
    table = quality.identified(linear_case[2])
    assert (table["resolved"] >= -1e-9).all()
    assert table["resolved"]["appliances"] > 0.5
    assert table["resolved"]["appliances"] == table["resolved"].max()
    assert table["resolved"]["infiltration"] < 0.2


def test_members_are_reproducible_and_keyed_by_building(linear_case):
    city, _, found = linear_case
    first, again = found.factors(city, 7), found.factors(city, 7)
    few = city.replace(buildings=city.buildings.iloc[5:25])
    part = found.factors(few, 7)
    for name in prior.FIELDS:
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
        np.testing.assert_array_equal(getattr(first, name)[5:25], getattr(part, name))
    later = found.factors(city, 7 + found.members)
    np.testing.assert_array_equal(first.u_value, later.u_value)
    assert not np.array_equal(first.u_value, found.factors(city, 8).u_value)
    first.check(len(city.buildings))


def test_a_group_that_was_not_there_keeps_the_doubt_of_its_own_part(linear_case):
    city, _, found = linear_case
    known = set(found.components.groups)
    pairs = [(u, y) for u in ("health", "residential") for y in prior_years(city) if (u, y) not in known]
    changed = city.buildings.copy()
    use, year = pairs[0]
    changed.iloc[0, changed.columns.get_loc("use")] = use
    changed.iloc[0, changed.columns.get_loc("year_class")] = year
    x = np.stack([found.logarithms(changed, member)[0] for member in range(1, 200)])
    assert (x.std(axis=0) > prior.building_spread(found.scatter[0])).all()
    assert np.isfinite(found.logarithms(changed, 0)).all()


def prior_years(city):
    from twin.city.schema import YEAR_CLASSES

    return YEAR_CLASSES


def test_a_calibration_survives_its_folder(linear_case, tmp_path):
    city, _, found = linear_case
    save_calibration(found, tmp_path / "calibration")
    read = load_calibration(tmp_path / "calibration")
    assert read.components.names == found.components.names
    assert read.components.groups == found.components.groups
    for member in (0, 3):
        for name in prior.FIELDS:
            a, b = getattr(found.factors(city, member), name), getattr(read.factors(city, member), name)
            np.testing.assert_array_equal(a, b)
    pd.testing.assert_frame_equal(quality.held_out(read), quality.held_out(found))


def test_folders_that_hold_no_calibration_are_named(linear_case, tmp_path):
    with pytest.raises(DataError, match="no calibration"):
        load_calibration(tmp_path)
    save_calibration(linear_case[2], tmp_path)
    index = json.loads((tmp_path / "calibration.json").read_text())
    (tmp_path / "calibration.json").write_text(json.dumps(index | {"format": 99}))
    with pytest.raises(DataError, match="another version"):
        load_calibration(tmp_path)
    (tmp_path / "calibration.json").write_text(json.dumps(index | {"metered": []}))
    with pytest.raises(DataError, match="damaged"):
        load_calibration(tmp_path)
    (tmp_path / "calibration.json").write_text(json.dumps(index))
    (tmp_path / "calibration.npz").write_bytes(b"PK not a zip")
    with pytest.raises(DataError, match="damaged"):
        load_calibration(tmp_path)


def test_trust_follows_group_use_and_size(linear_case):
    city, meters, found = linear_case
    trust, counts = trust_map(found.metered, 0, city.buildings)
    metered = city.buildings.index.isin(meters.buildings)
    assert (trust[metered] == METERED).all()
    assert not (trust[~metered] == METERED).any()
    assert counts.sum() > 0
    giants = city.buildings.assign(floor_area_m2=city.buildings["floor_area_m2"].where(metered, 1e7))
    assert (trust_map(found.metered, 0, giants)[0][~metered] == EXTRAPOLATED).all()


def test_guideline_14_figures():
    measured, modelled = np.array([10.0, 12.0, 14.0]), np.array([9.0, 12.0, 16.0])
    assert quality.nmbe(measured, modelled) == pytest.approx(-1.0 / (2 * 12.0))
    assert quality.cvrmse(measured, modelled) == pytest.approx(np.sqrt(5.0 / 2.0) / 12.0)


@pytest.mark.parametrize(("count", "members", "what"), [(3, 40, "too few to calibrate"), (10, 5, "5 members")])
def test_too_little_is_refused(small_city, count, members, what):
    rows = heated(small_city, 1)[:count]
    meters = meters_of(small_city, np.full((len(small_city.buildings), 5), 1e4), rows)
    with pytest.raises(DataError, match=what):
        calibrate(small_city, small_city.weather, None, meters, EnergyParameters(), members=members)


@pytest.fixture(scope="module")
def real_case(small_city):
    """The energy model itself, readings by month, hidden factors."""
    sun, rows = rough_sun(small_city.weather, len(small_city.buildings)), heated(small_city, 5)
    components, group = prior.components_of(small_city.buildings)
    everything = np.arange(len(small_city.buildings))
    model = Forward(
        small_city,
        small_city.weather,
        sun,
        EnergyParameters(),
        everything,
        seed=1,
        monthly=True,
        method="simple_hourly",
    )
    rng = np.random.default_rng(8)
    hidden = components.of_groups(rng.normal(size=components.spread.shape) * components.spread)[group]
    hidden = hidden + rng.normal(size=hidden.shape) * prior.building_spread(np.ones(2)) + 0.15
    truth = model.run(hidden[None])[0]
    meters = meters_of(small_city, truth.annual_kwh, rows, truth.monthly_kwh)
    given = small_city, small_city.weather, sun
    found = calibrate(*given, meters, EnergyParameters(), members=20, seed=3, steps=2, method="simple_hourly")
    prediction = predict(found, *given, EnergyParameters(), members=20, method="simple_hourly")
    return small_city, sun, meters, truth, found, prediction


def test_the_forward_model_sees_the_neighbours_of_metered_buildings(real_case):
    city, sun, meters, _, found, _ = real_case
    options = {"seed": 1, "monthly": True, "method": "simple_hourly"}
    given, rows = (city, city.weather, sun, EnergyParameters()), found.metered.rows
    whole = Forward(*given, np.arange(len(city.buildings)), **options).run(np.zeros((1, len(city.buildings), N)))[0]
    copies = Forward(*given, rows, **options).run(np.zeros((30, len(rows), N)))  # more than are simulated at once
    np.testing.assert_allclose(copies.annual_kwh, copies.annual_kwh[:1].repeat(30, axis=0), rtol=1e-7)
    some = copies[29]
    np.testing.assert_allclose(some.annual_kwh, whole.annual_kwh[rows], rtol=1e-7)
    np.testing.assert_allclose(some.monthly_kwh.sum(axis=2), some.annual_kwh, rtol=1e-4)
    observed = observe(meters, city)
    sums, months = observed.modelled(some)
    np.testing.assert_allclose(months.sum(axis=2), sums)


def test_calibration_brings_the_model_to_the_meters(real_case):
    _, _, _, _, found, _ = real_case
    figures = quality.guideline_14(found).set_index(["quantity", "scope", "stage"])
    for quantity in ("heat", "electricity"):
        rows = figures.loc[quantity].loc["months, sum of buildings"]
        assert abs(rows["nmbe"]["calibrated groups"]) < abs(rows["nmbe"]["uncalibrated"])
        each = figures.loc[quantity].loc["months, each building"]
        assert each["cvrmse"]["calibrated buildings"] < 0.5 * each["cvrmse"]["uncalibrated"]
        assert each["within"]["calibrated buildings"] > 0.8


def test_prediction_holds_readings_intervals_and_totals(real_case):
    city, _, meters, truth, _, prediction = real_case
    table, totals = prediction.buildings, prediction.totals
    assert table.index.equals(city.buildings.index)
    alive = city.buildings["floor_area_m2"] > 0.0
    for quantity, column in (("heat", 0), ("electricity", 4)):
        low, high = table[f"{quantity}_low_kwh_a"], table[f"{quantity}_high_kwh_a"]
        assert (low[alive] < high[alive]).all()
        narrow = ((high - low) / table[f"{quantity}_kwh_a"])[meters.buildings]
        assert narrow.max() < 0.3
        said = totals.loc[quantity]
        assert said["low_kwh"] < said["mean_kwh"] < said["high_kwh"]
        before = abs(said["uncalibrated_kwh"] - truth.annual_kwh[:, column].sum())
        assert abs(said["mean_kwh"] - truth.annual_kwh[:, column].sum()) < before
    np.testing.assert_allclose(totals["metered_share"].between(0.0, 1.0), True)


def test_neutral_factors_are_those_of_the_prior_mean(small_city):
    neutral = Factors.neutral(3)
    values = prior.factor_values(np.zeros((3, N)))
    np.testing.assert_array_equal(values, np.column_stack([getattr(neutral, name) for name in prior.FIELDS]))
