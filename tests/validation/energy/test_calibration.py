"""Item 4: a synthetic city with hidden factors, a tenth of its buildings metered."""

import dataclasses
import time

import numpy as np
import pandas as pd
import pytest

from tests.energy_sun import rough_sun
from twin.city.meters import Meters
from twin.city.synthetic import generate_city
from twin.energy.calibration import prior, quality
from twin.energy.calibration.calibrate import calibrate
from twin.energy.calibration.forward import ELECTRICITY, HEAT, Forward
from twin.energy.calibration.observed import SLOTS
from twin.energy.calibration.predict import predict
from twin.energy.parameters import EnergyParameters

SOURCE = "hidden truth of a synthetic city, issue 5, item 4"
BUILDINGS, MEMBERS = 600, 24
SCATTER = np.array([1.3, 0.8])
"""Hidden scales of the scatter between buildings; the prior has 1."""
SHIFT = np.array([np.log(1.4), 0.0, np.log(0.8), 1.0, 0.0, np.log(0.7), np.log(1.3)])
"""Hidden factors of all groups, other than the prior expects; in the order of `prior.FIELDS`."""
METER_SD = 0.02
COLUMNS = dict(zip(SLOTS, (HEAT, ELECTRICITY), strict=True))


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a calibration of a city with hidden factors came to, by quantity."""

    coverage: dict[str, float]
    error_before: dict[str, float]
    error_after: dict[str, float]
    total_held: dict[str, bool]
    held_out: dict[str, float]
    seconds: float
    runs: int


def hidden_city(seed, weather=None, *, buildings=BUILDINGS, by_month=True, share=0.1, shifted=False, method="modal"):
    """Return a city, its sun, meters of some buildings, and the hidden consumption of all, (n, 5).

    The factors are drawn around one by the same parts as the prior, with another scatter between buildings and another
    generator; or, `shifted`, all groups have the factors `SHIFT` and the scatter is uniform. A share of the heated
    buildings is metered with `METER_SD`.
    """
    city = generate_city(buildings, seed=5, weather=weather)
    sun, rng = rough_sun(city.weather, buildings), np.random.default_rng(seed)
    components, group = prior.components_of(city.buildings)
    hidden = components.of_groups(rng.normal(size=components.spread.shape) * components.spread)[group]
    own = rng.normal(size=hidden.shape)
    if shifted:
        hidden, own = np.broadcast_to(SHIFT, hidden.shape), np.sqrt(3.0) * rng.uniform(-1.0, 1.0, hidden.shape)
    hidden = hidden + own * prior.building_spread(SCATTER)
    everything = np.arange(buildings)
    model = Forward(city, city.weather, sun, EnergyParameters(), everything, seed=99, monthly=True, method=method)
    truth = model.run(hidden[None])[0]
    heated = np.flatnonzero(city.buildings["floor_area_m2"].to_numpy() > 0.0)
    rows = np.sort(rng.choice(heated, int(share * buildings), replace=False))
    table, months = [], []
    for row in rows:
        for carrier, column in (("electricity", ELECTRICITY), ("heat", HEAT)):
            error = np.exp(METER_SD * rng.normal())
            table.append((city.buildings.index[row], carrier, truth.annual_kwh[row, column] * error))
            months.append(truth.monthly_kwh[row, column] * error if by_month else np.full(12, np.nan))
    frame = pd.DataFrame(table, columns=["building_id", "carrier", "kwh"])
    return city, sun, Meters(frame, np.array(months), 2023, "hidden"), truth.annual_kwh


def outcome(seed, weather=None, *, members=MEMBERS, method="modal", **options):
    """Calibrate such a city and hold it against what was hidden."""
    city, sun, meters, truth = hidden_city(seed, weather, method=method, **options)
    begun = time.process_time()
    given = city, city.weather, sun
    found = calibrate(*given, meters, EnergyParameters(), members=members, seed=1, method=method)
    prediction = predict(found, *given, EnergyParameters(), members=members, method=method)
    seconds = time.process_time() - begun
    free = ~city.buildings.index.isin(meters.buildings) & (city.buildings["floor_area_m2"] > 0.0).to_numpy()
    coverage, before, after, held = {}, {}, {}, {}
    for quantity, column in COLUMNS.items():
        low, high = (prediction.buildings[f"{quantity}_{end}_kwh_a"].to_numpy() for end in ("low", "high"))
        coverage[quantity] = float(np.mean((truth[:, column] >= low)[free] & (truth[:, column] <= high)[free]))
        totals, total = prediction.totals.iloc[column], truth[:, column].sum()
        before[quantity] = float(totals["uncalibrated_kwh"] / total - 1.0)
        after[quantity] = float(totals["mean_kwh"] / total - 1.0)
        held[quantity] = bool(totals["low_kwh"] <= total <= totals["high_kwh"])
    held_out = quality.held_out(found).groupby("quantity")["covered"].mean().to_dict()
    return Outcome(coverage, before, after, held, held_out, seconds, found.runs)


@pytest.fixture(scope="module")
def outcomes(plain_weather):
    return [outcome(seed, plain_weather, method="simple_hourly") for seed in (2, 3)]


def test_intervals_cover_the_hidden_consumption_of_unmetered_buildings(outcomes, figure):
    for quantity in SLOTS:
        mean = np.mean([o.coverage[quantity] for o in outcomes])
        figure.check(
            f"calibration: 90 % intervals of {quantity} that hold the hidden truth", mean, 0.90, 0.05, "-", SOURCE
        )
        assert all(0.82 <= o.coverage[quantity] <= 0.97 for o in outcomes)


def test_the_error_of_the_district_falls_threefold(outcomes, figure):
    for quantity in SLOTS:
        before, after = (
            np.sqrt(np.mean([getattr(o, name)[quantity] ** 2 for o in outcomes]))
            for name in ("error_before", "error_after")
        )
        figure.check(
            f"calibration: error of the district's {quantity}, calibrated over uncalibrated",
            after / before,
            0.0,
            1.0 / 3.0,
            "-",
            SOURCE,
        )


if __name__ == "__main__":
    # python -m tests.validation.energy.test_calibration [cities] [buildings] [members] [year|month|shifted]
    import sys

    given = sys.argv[1:]
    seeds, size, count, kind = given + ["5", "1000", "40", "month"][len(given) :]
    found = []
    for seed in range(1, int(seeds) + 1):
        options = {"by_month": kind != "year", "shifted": kind == "shifted"}
        found.append(outcome(seed, buildings=int(size), members=int(count), **options))
        print(seed, found[-1], flush=True)
    for q in SLOTS:
        cover = [o.coverage[q] for o in found]
        root = {n: np.sqrt(np.mean([getattr(o, n)[q] ** 2 for o in found])) for n in ("error_before", "error_after")}
        print(
            f"{q}: coverage {np.mean(cover):.3f} ({min(cover):.3f} to {max(cover):.3f}), error of the district "
            f"{100 * root['error_before']:.1f} % before, {100 * root['error_after']:.1f} % after "
            f"(x{root['error_before'] / root['error_after']:.1f}; median of cities "
            f"{100 * np.median([abs(o.error_before[q]) for o in found]):.1f} and "
            f"{100 * np.median([abs(o.error_after[q]) for o in found]):.1f} %), its interval held in "
            f"{sum(o.total_held[q] for o in found)} of {len(found)} cities, held-out readings covered "
            f"{np.mean([o.held_out[q] for o in found]):.3f}, {np.mean([o.seconds for o in found]):.0f} CPU-s"
        )
