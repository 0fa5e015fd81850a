"""What holds for every calibration: readings never add doubt, order and units never matter."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.city.meters import UNITS_KWH, read_meters
from twin.energy.calibration import prior, smoother

N = len(prior.FIELDS)
USES, YEARS = ("office", "residential", "retail"), ("1940-1959", "1960-1979", "2010-onwards")


@st.composite
def cases(draw):
    """Random readings of buildings of random groups, linear in their factors."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    m, k = draw(st.integers(2, 12)), draw(st.integers(1, 4))
    table = pd.DataFrame({"use": rng.choice(USES, m), "year_class": rng.choice(YEARS, m)})
    components, group = prior.components_of(table)
    there = rng.random((m, k)) < 0.8
    slope = rng.normal(size=(m, k, N)) * there[:, :, None]
    linear = smoother.Linear(slope, np.where(there, rng.uniform(0.02, 0.3, (m, k)), 1.0), there, group)
    return components, linear, rng.normal(size=(m, k)) * there, rng.uniform(0.5, 2.0, 2), rng


def posterior(components, linear, residual, scatter):
    weight = smoother.weights(linear, scatter)
    precision = smoother.prior_precision(components) + smoother.information(linear, weight, components)
    return precision, np.linalg.solve(precision, smoother.pull(linear, weight, components, residual))


@given(cases())
@settings(max_examples=25, deadline=None)
def test_a_reading_never_adds_doubt(case):
    components, linear, residual, scatter, rng = case
    all_of_them, _ = posterior(components, linear, residual, scatter)
    kept = linear.there & (rng.random(linear.there.shape) < 0.6)
    fewer = smoother.Linear(linear.slope * kept[:, :, None], np.where(kept, linear.noise, 1.0), kept, linear.group)
    some, _ = posterior(components, fewer, residual * kept, scatter)
    with_all, with_some = (np.diag(np.linalg.inv(p)) for p in (all_of_them, some))
    assert (with_all <= with_some * (1.0 + 1e-9)).all()
    assert (with_some <= components.spread.ravel() ** 2 * (1.0 + 1e-9)).all()


@given(cases())
@settings(max_examples=25, deadline=None)
def test_the_order_of_buildings_does_not_matter(case):
    components, linear, residual, scatter, rng = case
    order = rng.permutation(len(residual))
    moved = smoother.Linear(*(part[order] for part in linear))
    _, one = posterior(components, linear, residual, scatter)
    _, other = posterior(components, moved, residual[order], scatter)
    np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-10)
    a, b = (smoother.log_evidence(x, components, r, scatter) for x, r in ((linear, residual), (moved, residual[order])))
    np.testing.assert_allclose(a, b, rtol=1e-9)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_factors_stay_within_their_limits(seed):
    values = prior.factor_values(np.random.default_rng(seed).normal(scale=5.0, size=(20, N)))
    assert (values >= prior.LIMITS[:, 0]).all()
    assert (values <= prior.LIMITS[:, 1]).all()


@given(st.sampled_from(sorted(UNITS_KWH)), st.floats(20.0, 400.0), st.booleans())
@settings(max_examples=25, deadline=None)
def test_units_and_months_say_the_same(tmp_path_factory, small_city, unit, per_m2, by_month):
    name = small_city.buildings.index[small_city.buildings["floor_area_m2"] > 100.0][0]
    kwh = per_m2 * float(small_city.buildings["floor_area_m2"][name])
    months = [(m, kwh / 12.0) for m in range(1, 13)] if by_month else [("", kwh)]
    rows = "".join(f"{name},2023,{m},heat,{amount / UNITS_KWH[unit]!r},{unit.upper()}\n" for m, amount in months)
    path = tmp_path_factory.mktemp("meters") / "meters.csv"
    path.write_text("building_id,year,month,carrier,value,unit\n" + rows, encoding="utf-8")
    meters = read_meters(path, small_city)
    np.testing.assert_allclose(meters.table["kwh"], [kwh], rtol=1e-12)
    assert meters.has_months == by_month
