"""Laws of the solar domain: shade only takes, order and blocks and threads do not matter, mirrors mirror."""

from __future__ import annotations

import numba
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.solar_scenes import box_city
from twin.city.model import City, Weather
from twin.solar.model import Roofs, SolarParameters, SolarResult, facade_gains, prepare_roofs, simulate_solar

MODEST = settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking simulates for minutes
)
PARAMETERS = SolarParameters()
grid = st.floats(4.0, 9.0)
height = st.floats(3.0, 40.0)


@st.composite
def scenes(draw: st.DrawFn) -> list[tuple[float, float, float, float, float]]:
    """Draw two to seven boxes on a jittered grid, none touching another."""
    count = draw(st.integers(2, 7))
    return [
        (k % 3 * 22.0 + draw(grid), k // 3 * 22.0 + draw(grid), draw(grid) + 4.0, draw(grid) + 4.0, draw(height))
        for k in range(count)
    ]


def run(city: City, weather: Weather, roofs: Roofs | None = None) -> SolarResult:
    return simulate_solar(city, weather, PARAMETERS, roofs or prepare_roofs(city))


def same(a: SolarResult, b: SolarResult) -> bool:
    frames = a.planes.equals(b.planes) and a.buildings.equals(b.buildings)
    return frames and np.array_equal(a.pv_kw, b.pv_kw) and a.totals == b.totals


@MODEST
@given(scenes())
def test_a_new_building_only_takes(small_city: City, plain_weather: Weather, boxes: list) -> None:
    before = run(box_city(small_city, boxes[:-1]), plain_weather).planes
    after = run(box_city(small_city, boxes), plain_weather).planes.loc[before.index]
    assert np.all(after["sky_view_factor"] <= before["sky_view_factor"])
    assert np.all(after["sun_h_a"] <= before["sun_h_a"])
    # It may reflect a little light, and the mean ground of the city is another.
    assert np.all(after["irradiation_kwh_m2"] <= 1.01 * before["irradiation_kwh_m2"])
    assert np.array_equal(after["unshaded_kwh_m2"], before["unshaded_kwh_m2"])


@MODEST
@given(scenes(), st.integers(0, 6), st.floats(0.5, 30.0))
def test_a_higher_roof_sees_more(small_city: City, plain_weather: Weather, boxes: list, k: int, more: float) -> None:
    k %= len(boxes)
    raised = [(*b[:4], b[4] + more * (i == k)) for i, b in enumerate(boxes)]
    before, after = (run(box_city(small_city, b), plain_weather).planes for b in (boxes, raised))
    for name in ("sky_view_factor", "sun_h_a"):
        assert after[name].iloc[k] >= before[name].iloc[k]
        assert np.all(np.delete(after[name].to_numpy(), k) <= np.delete(before[name].to_numpy(), k))


def test_without_neighbours_nothing_is_lost(small_city: City, plain_weather: Weather) -> None:
    far = [(2000.0 * k, 0.0, 20.0, 10.0 + k, 9.0) for k in range(4)]
    planes = run(box_city(small_city, far), plain_weather).planes
    np.testing.assert_allclose(planes["irradiation_kwh_m2"], planes["unshaded_kwh_m2"], rtol=1e-6)


def test_a_mirrored_city_sees_the_same_sky(small_city: City) -> None:
    rng = np.random.default_rng(5)
    boxes = [(k % 5 * 20.0, k // 5 * 20.0, *rng.integers(8, 15, 2), rng.uniform(5, 25)) for k in range(25)]
    mirrored = [(x, -y - d, w, d, h) for x, y, w, d, h in boxes]
    here, there = (prepare_roofs(box_city(small_city, b)) for b in (boxes, mirrored))
    np.testing.assert_allclose(here.sky_share, there.sky_share, atol=0.01)
    assert here.sky_share.mean() == pytest.approx(there.sky_share.mean(), abs=0.001)
    assert here.area_m2.tolist() == pytest.approx(there.area_m2.tolist())


def test_doing_nothing_changes_no_bit(small_city: City, plain_weather: Weather) -> None:
    assert same(run(small_city, plain_weather), run(small_city.replace(), plain_weather))


def test_the_order_of_buildings_does_not_matter(small_city: City, plain_weather: Weather) -> None:
    order = np.random.default_rng(2).permutation(len(small_city.buildings))
    a = run(small_city, plain_weather)
    b = run(small_city.replace(buildings=small_city.buildings.iloc[order]), plain_weather)
    # The mean walls of the city are summed in the order of its buildings.
    pd.testing.assert_frame_equal(a.planes, b.planes.loc[a.planes.index], rtol=1e-6)
    pd.testing.assert_frame_equal(a.buildings, b.buildings.loc[a.buildings.index], rtol=1e-6)


def test_blocks_give_the_bits_of_the_whole(small_city: City, plain_weather: Weather) -> None:
    city = small_city.replace(buildings=small_city.buildings.assign(pv_share=0.7))
    roofs = prepare_roofs(city)
    whole = run(city, plain_weather, roofs)
    gains = facade_gains(city, plain_weather, PARAMETERS, roofs)
    assert gains.shading.shape == (120, 8)
    for rows in (slice(0, 50), slice(50, 51), slice(51, 120)):
        block = simulate_solar(city, plain_weather, PARAMETERS, roofs, rows=rows)
        assert block.buildings.equals(whole.buildings.iloc[rows])
        assert np.array_equal(block.pv_kw, whole.pv_kw[rows])


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="numba was started with one thread")
def test_threads_do_not_matter(small_city: City, plain_weather: Weather) -> None:
    results, shadings = [], []
    before = numba.get_num_threads()
    try:
        for threads in (1, 2):
            numba.set_num_threads(threads)
            roofs = prepare_roofs(small_city)
            results.append(run(small_city, plain_weather, roofs))
            shadings.append(facade_gains(small_city, plain_weather, PARAMETERS, roofs).shading)
    finally:
        numba.set_num_threads(before)
    assert same(*results)
    assert np.array_equal(*shadings)


def test_reference_and_numba_agree(small_city: City, plain_weather: Weather) -> None:
    city = small_city.replace(buildings=small_city.buildings.iloc[:40].assign(pv_share=0.5))
    roofs = prepare_roofs(city)
    plain, fast = (simulate_solar(city, plain_weather, PARAMETERS, roofs, variant=v) for v in ("reference", "numba"))
    np.testing.assert_allclose(fast.buildings.to_numpy(), plain.buildings.to_numpy(), rtol=1e-4)
    np.testing.assert_allclose(fast.pv_kw, plain.pv_kw, rtol=1e-3, atol=1e-4)
