"""Loads of homes and cars against published profiles, simultaneity and volumes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.energy_loads import DAY, DAYLIGHT, TEMPERATURE, buildings, loads
from twin.energy.homes import HOMES, home_years, household_sizes
from twin.energy.vehicles import car_years
from twin.kernels import registry
from twin.random import entity_keys, stream_key, uniform

H25 = "BDEW profile H25 of 2025, hourly means before the factor of the day"
JANUARY_WORKING = (18.55, 15.95, 15.1, 14.96, 15.62, 17.78, 22.99, 25.0, 23.5, 22.7, 22.91, 25.12,
                   26.24, 26.01, 25.4, 26.25, 29.98, 37.46, 41.64, 41.22, 37.62, 33.58, 29.7, 23.84)  # fmt: skip
JANUARY_SUNDAY = (21.67, 18.67, 16.88, 15.95, 15.54, 15.66, 17.4, 21.3, 27.04, 32.36, 36.96, 42.14,
                  41.3, 38.23, 36.15, 35.54, 37.37, 43.1, 45.09, 42.58, 38.02, 33.48, 29.55, 23.8)  # fmt: skip
JULY_WORKING = (24.25, 21.03, 19.6, 19.25, 19.91, 21.79, 25.73, 28.11, 28.08, 28.38, 28.88, 31.58,
                32.82, 31.7, 30.67, 30.83, 32.96, 37.42, 41.94, 43.4, 42.22, 40.34, 37.65, 30.3)  # fmt: skip
JULY_SUNDAY = (26.93, 23.29, 21.19, 20.13, 19.73, 19.9, 22.0, 27.08, 34.3, 40.34, 44.66, 49.56,
               48.13, 43.5, 40.54, 39.07, 38.73, 41.73, 44.51, 44.55, 42.91, 40.58, 37.17, 29.78)  # fmt: skip
DAYS = {
    "working day in January": (JANUARY_WORKING, (DAY < 31) & (DAY % 7 < 5)),
    "Sunday in January": (JANUARY_SUNDAY, (DAY < 31) & (DAY % 7 == 6)),
    "working day in July": (JULY_WORKING, (DAY >= 181) & (DAY < 212) & (DAY % 7 < 5)),
    "Sunday in July": (JULY_SUNDAY, (DAY >= 181) & (DAY < 212) & (DAY % 7 == 6)),
}

WERDEN = "Werden and Spielvogel 1969 in ASHRAE Handbook, Service Water Heating, as recalled"
FLATS = (20, 50, 75, 100, 200)
HOUR_OVER_DAY = (12.0 / 42.0, 10.0 / 40.0, 8.5 / 38.0, 7.0 / 37.0, 5.0 / 35.0)  # gallons per flat

RUSCK = "Rusck 1956: g∞ + (1 − g∞)/√n"
DIN_18015 = {1: 15.0, 3: 30.0, 10: 55.0, 100: 110.0}  # homes, kVA, without electric hot water (DIN 18015-1, annex A)


def peaks(channel: str, homes: int, count: int) -> np.ndarray:
    """Return the yearly peaks of `count` buildings of so many homes over their means."""
    power = getattr(loads(buildings([homes] * count, prefix=f"n{homes}-")), channel)
    return power.max(axis=1) / power.mean(axis=1)


@pytest.mark.parametrize("day", DAYS)
def test_days_have_the_shape_of_the_standard_load_profile(figure, day):
    truth, hours = DAYS[day]
    ours = home_years(5, 2.0, DAYLIGHT).electricity_course[hours].reshape(-1, 24).mean(axis=0)
    ours, truth = ours / ours.mean(), np.array(truth) / np.mean(truth)
    off = float(np.sqrt(np.mean((ours - truth) ** 2)))
    figure.check(f"Homes, {day}: root mean square off H25", off, 0.0, 0.2, "of mean", H25)
    figure.check(f"Homes, {day}: highest hour over mean", ours.max(), truth.max(), 0.3, "-", H25)
    assert np.corrcoef(ours, truth)[0, 1] > 0.84


def test_peaks_even_out_like_ruscks_formula(figure):
    numbers = (2, 5, 10, 20, 50, 100)
    together = np.array([peaks("appliances_kw", n, 20).mean() for n in (1, *numbers, 2000)])
    factor = together[1:] / together[0]
    limit = factor[-1]
    assert 0.15 < limit < 0.35  # 0.15 to 0.25 is planned with (as recalled), for peaks shorter than an hour
    rusck = limit + (1.0 - limit) / np.sqrt(numbers)
    figure.check("Homes: simultaneity of 2 to 100 homes", factor[:-1], rusck, 0.1, "-", RUSCK)


def test_peaks_stay_below_what_connections_are_built_for():
    for homes, kva in DIN_18015.items():
        highest = peaks("appliances_kw", homes, 20).max() * homes * 3000.0 / 8760.0
        assert highest < kva


def test_diversified_peak_is_within_those_measured_in_london():
    """0.54 to 1.78 kW by class of households, half hours: Konstantelos, Sun and Strbac 2014, Low Carbon London."""
    peak_kw = peaks("appliances_kw", 1000, 3).mean() * 3300.0 / 8760.0
    assert 0.54 < peak_kw < 1.78


def test_hot_water_peaks_of_blocks_of_flats(figure):
    ours = [peaks("hot_water_kw", n, 10).mean() for n in FLATS]
    loss = 0.25  # of circulation, in the loads but not in the measured volumes
    over_day = (np.array(ours) * (1.0 + loss) - loss) / 24.0
    figure.check("Homes: hot water, highest hour over mean day", over_day, HOUR_OVER_DAY, 0.06, "-", WERDEN)


def test_hot_water_of_households_by_size(figure):
    keys = entity_keys(f"home/{i}" for i in range(HOMES))
    residents = household_sizes(uniform(5, "energy.household_size", keys)[:, 0], 2.0)
    stream = np.array(stream_key(5, "energy.household"), np.uint64)
    litres = registry.get("energy.household", "numba")(keys, residents, stream, 0, DAYLIGHT)[3]
    daily = litres.mean(axis=1, dtype=float) * 24.0 * (45.0 - 10.0) / (52.0 - 10.0)  # as measured, at 52 °C
    ours = [daily[residents == n].mean() for n in (1, 2, 3, 4)]
    source = "Energy Saving Trust 2008: 46 + 26 N litres a day, 120 homes, as recalled"
    figure.check(
        "Homes: hot water of 1 to 4 residents", ours, [46.0 + 26.0 * n for n in (1, 2, 3, 4)], 25.0, "l/d", source
    )


def test_sums_of_many_buildings_scatter_like_independent_homes():
    """A shared library neither clumps nor smooths: the scatter about the course falls with the root of the number."""
    course = home_years(5, 2.0, DAYLIGHT).electricity_course
    singles = loads(buildings([1] * 2000)).appliances_kw
    apart = singles / singles.mean(axis=1, keepdims=True) - course
    one = np.sqrt(np.mean(apart.astype(float) ** 2))
    together = singles.mean(axis=0, dtype=float)
    all_of_them = np.std(together / together.mean() - course)
    assert all_of_them == pytest.approx(one / np.sqrt(2000.0), rel=0.25)
    blocks = loads(buildings([64] * 200)).appliances_kw.astype(float)
    scatter = np.sqrt(np.mean((blocks / blocks.mean(axis=1, keepdims=True) - course) ** 2))
    assert scatter == pytest.approx(one / 8.0, rel=0.25)


def test_cars_charge_like_those_that_were_metered(figure):
    cars = car_years(5, 7.4, 2100.0, TEMPERATURE)[-HOMES:]
    source = "Sagewell, metered home charging without control"
    sessions = (np.diff((cars > 0.0).astype(int), axis=1) == 1).sum(axis=1).mean() / 12.0
    figure.check("Electric cars: sessions at home a month", sessions, 12.5, 2.5, "-", f"{source}: 12 to 13")
    figure.check(
        "Electric cars: mean power of a car at home",
        cars.mean(dtype=float),
        0.275,
        0.04,
        "kW",
        f"{source}: 0.25 to 0.3",
    )
    working = cars.mean(axis=0, dtype=float)[DAY % 7 < 5].reshape(-1, 24).mean(axis=0)
    figure.check(
        "Electric cars: highest hour of the mean working day", working.max(), 1.1, 0.25, "kW", f"{source}: 1.0 to 1.2"
    )
