"""Road noise: CNOSSOS-EU's test cases of emission and propagation, closed forms of divergence, annoyance."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.figures import Recorder
from twin.kernels import registry
from twin.kernels.traffic.noise import SOUND_SPEED
from twin.traffic.exposure import highly_annoyed_share
from twin.traffic.noise_emission import (
    A_WEIGHTING,
    FREQUENCIES,
    Coefficients,
    Surface,
    decibel,
    line_energy,
    vehicle_power,
)
from twin.traffic.noise_propagation import ABSORPTION, DEN_HOURS, DEN_PENALTY_DB, level_10m

Floats = NDArray[np.float64]
CATEGORIES = ("1", "2", "3", "4a", "4b")
VARIANTS = ("reference", "numba")

# The Commission computed its test cases before the amendment of 2021: table F-1 of Directive (EU) 2015/996.
TABLE_2015 = {
    "1": Coefficients(
        (79.7, 85.7, 84.5, 90.2, 97.3, 93.9, 84.1, 74.3),
        (30.0, 41.5, 38.9, 25.7, 32.5, 37.2, 39.0, 40.0),
        (94.5, 89.2, 88.0, 85.9, 84.2, 86.9, 83.3, 76.1),
        (-1.3, 7.2, 7.7, 8.0, 8.0, 8.0, 8.0, 8.0),
    ),
    "2": Coefficients(
        (84.0, 88.7, 91.5, 96.7, 97.4, 90.9, 83.8, 80.5),
        (30.0, 35.8, 32.6, 23.8, 30.1, 36.2, 38.3, 40.1),
        (101.0, 96.5, 98.8, 96.8, 98.6, 95.2, 88.8, 82.7),
        (-1.9, 4.7, 6.4, 6.5, 6.5, 6.5, 6.5, 6.5),
    ),
    "3": Coefficients(
        (87.0, 91.7, 94.1, 100.7, 100.8, 94.3, 87.1, 82.5),
        (30.0, 33.5, 31.3, 25.4, 31.8, 37.1, 38.6, 40.6),
        (104.4, 100.6, 101.7, 101.0, 100.1, 95.9, 91.3, 85.3),
        (0.0, 3.0, 4.6, 5.0, 5.0, 5.0, 5.0, 5.0),
    ),
    "4a": Coefficients(
        None,
        None,
        (88.0, 87.5, 89.5, 93.7, 96.6, 98.8, 93.9, 88.7),
        (4.2, 7.4, 9.8, 11.6, 15.7, 18.9, 20.3, 20.6),
    ),
    "4b": Coefficients(
        None,
        None,
        (95.0, 97.2, 92.7, 92.9, 94.7, 93.2, 90.1, 86.5),
        (3.2, 5.9, 11.9, 11.6, 11.5, 12.6, 11.1, 12.0),
    ),
}
ZOAB_1_HEAVY = Surface((0.9, 1.4, 1.8, -0.4, -5.2, -4.6, -3.0, -1.4), 0.2)
ZOAB_2_HEAVY = Surface((0.4, 0.2, -0.7, -5.4, -6.3, -6.3, -4.7, -3.7), 4.7)
ZOAB_2_FINE_HEAVY = Surface((1.0, 0.1, -1.8, -5.9, -6.1, -6.7, -4.8, -3.8), -0.8)
SURFACES = {
    "NL01": {
        "1": Surface((0.5, 3.3, 2.4, 3.2, -1.3, -3.5, -2.6, 0.5), -6.5), "2": ZOAB_1_HEAVY, "3": ZOAB_1_HEAVY,
    },
    "NL02": {
        "1": Surface((0.4, 2.4, 0.2, -3.1, -4.2, -6.3, -4.8, -2.0), -3.0), "2": ZOAB_2_HEAVY, "3": ZOAB_2_HEAVY,
    },
    "NL03": {
        "1": Surface((-1.0, 1.7, -1.5, -5.3, -6.3, -8.5, -5.3, -2.4), -0.1),
        "2": ZOAB_2_FINE_HEAVY, "3": ZOAB_2_FINE_HEAVY,
    },
}  # fmt: skip
# Speeds and flows by category, temperature, surface, gradient, studded share of the year, band: sound power per metre.
# The last road is so steep that the directive's limit of 12 % applies.
ROADS = (
    ((70, 70, 70, 70, 70), (1000, 1000, 1000, 1000, 1000), 15.0, "NL01", 10.0, 0.5 * 4 / 12, {7: 77.6711}),
    ((40, 43, 45, 35, 32), (582, 500, 400, 1000, 1100), 5.0, "NL02", -5.0, 0.5 * 4 / 12, {4: 79.6814}),
    ((40, 43, 45, 35, 32), (58, 50, 40, 100, 100), -5.0, "NL03", -7.0, 0.5 * 4 / 12, {7: 58.8222}),
    (
        (20, 20, 20, 20, 20), (1000, 0, 0, 0, 0), -5.0, "NL01", -15.0, 0.5 / 12,
        {1: 77.1136, 2: 75.5712, 3: 75.6919, 4: 73.6689, 5: 71.3471, 6: 68.1195, 7: 63.4796},
    ),
)  # fmt: skip


def test_emission_of_the_test_cases_of_the_commission(figure: Recorder) -> None:
    ours, truth = [], []
    for speeds, flows, temperature, surface, gradient, studded, expected in ROADS:
        total = np.zeros(8)
        for category, speed, flow in zip(CATEGORIES, speeds, flows, strict=True):
            power = vehicle_power(
                category, np.array(float(speed)), temperature_c=temperature, studded_share=studded,
                gradient_percent=gradient, surface=SURFACES[surface].get(category), table=TABLE_2015,
            )  # fmt: skip
            total += line_energy(power, np.array(float(flow)), np.array(float(speed)))
        ours += [decibel(total)[band] for band in expected]
        truth += list(expected.values())
    figure.check(
        "Noise: CNOSSOS-EU road emission, with the coefficients of 2015", ours, truth, 1e-3, "dB",
        "the Commission's test cases, in NoiseModelling's tests",
    )  # fmt: skip


# ISO/TR 17534-4:2020: source of 93 dB per band at (10, 10, 1), receiver at (200, 50, 4), flat ground of one kind,
# homogeneous conditions, 10 degC and 70 % humidity.
SOURCE_DB = 93.0
GROUND_CASES = {
    "TC01, G = 0": (0.0, (39.21, 39.16, 39.03, 38.86, 38.53, 37.36, 32.87, 16.54)),
    "TC02, G = 0.5": (0.5, (37.71, 37.66, 37.53, 35.01, 29.82, 35.86, 31.37, 15.04)),
    "TC03, G = 1": (1.0, (36.21, 36.16, 34.45, 26.19, 30.49, 34.36, 29.87, 13.54)),
}


def levels(
    variant: str, points: list[list[float]], piece: list[float], power_per_m: Floats, *, ground: float = 0.0,
    source_height: float = 0.05, absorption: Floats | None = None, roof: Floats | None = None,
) -> Floats:  # fmt: skip
    """Return the level of each band at points that hear one piece, dB [points, bands]."""
    n, bands = len(points), len(FREQUENCIES)
    energy = np.zeros((1, bands, bands))
    energy[0][np.arange(bands), np.arange(bands)] = power_per_m
    out = registry.get("traffic.noise_level", variant)(
        np.array(points), np.zeros(n, np.int64), np.ones(n, np.int64), np.zeros(1, np.int64), np.array([piece]),
        energy, np.zeros((1, 1), np.float32) if roof is None else roof, 0.0, 0.0, 2.0, FREQUENCIES,
        np.zeros(bands) if absorption is None else absorption, ground, source_height, 4.0,
    )  # fmt: skip
    return np.asarray(10.0 * np.log10(out))


@pytest.mark.parametrize("variant", VARIANTS)
def test_propagation_over_flat_ground(variant: str, figure: Recorder) -> None:
    short = 0.01  # m, a point source in effect
    piece = [10.0, 10.0 - short / 2, 10.0, 10.0 + short / 2]
    for name, (ground, truth) in GROUND_CASES.items():
        power = np.full(8, 10.0 ** (SOURCE_DB / 10.0) / short)
        ours = levels(variant, [[200.0, 50.0]], piece, power, ground=ground, source_height=1.0, absorption=ABSORPTION)
        figure.check(
            f"Noise: level of a point source, {name}",
            ours[0],
            truth,
            0.05,
            "dB",
            "ISO/TR 17534-4:2020, in NoiseModelling's tests",
        )


@pytest.mark.parametrize("variant", VARIANTS)
def test_divergence_of_lines_and_points(variant: str, figure: Recorder) -> None:
    power = np.full(8, 1e8)
    endless = [-1e7, 0.0, 1e7, 0.0]
    at = levels(variant, [[0.0, 50.0], [0.0, 100.0], [0.0, 200.0]], endless, power, source_height=4.0)
    step = 10.0 * np.log10(2.0)
    figure.check("Noise: endless road, level lost per doubling of distance", -np.diff(at, axis=0), step, 1e-3, "dB",
                 "closed form")  # fmt: skip
    # W' / (4 d) over hard ground: pi / d of view over 4 pi, times 10^0.3
    figure.check("Noise: level of an endless road", at[0], 80.0 + 3.0 - 10.0 * np.log10(4.0 * 50.0), 1e-3, "dB",
                 "closed form")  # fmt: skip
    at = levels(variant, [[0.0, 50.0], [0.0, 100.0], [0.0, 200.0]], [-0.05, 0.0, 0.05, 0.0], power, source_height=4.0)
    figure.check("Noise: point source, level lost per doubling of distance", -np.diff(at, axis=0), 2.0 * step, 1e-3,
                 "dB", "closed form")  # fmt: skip
    twice = levels(variant, [[0.0, 50.0]], endless, 2.0 * power) - levels(variant, [[0.0, 50.0]], endless, power)
    figure.check("Noise: twice the traffic", twice, step, 1e-9, "dB", "closed form")
    halves = [levels(variant, [[3.0, 20.0]], ends, power) for ends in ([-40.0, 0.0, 10.0, 0.0], [10.0, 0.0, 60.0, 0.0])]
    both = 10.0 * np.log10(sum(10.0 ** (half / 10.0) for half in halves))
    whole = levels(variant, [[3.0, 20.0]], [-40.0, 0.0, 60.0, 0.0], power)
    figure.check("Noise: a road in two pieces is the road", both, whole, 1e-9, "dB", "closed form, open field")


@pytest.mark.parametrize("variant", VARIANTS)
def test_roof_in_the_way(variant: str, figure: Recorder) -> None:
    roof = np.zeros((20, 60), np.float32)
    roof[:, 20] = 12.0  # cells of 2 m: the middle of the only sample over it is 40 m from the source
    power = np.full(8, 1e8)
    piece, point = [0.5, 19.9, 0.5, 20.1], [[100.5, 20.0]]
    loss = levels(variant, point, piece, power) - levels(variant, point, piece, power, roof=roof)
    steps = 51
    samples = 0.5 + 100.0 * (1.0 - np.arange(1, steps) / steps)  # east of the west edge
    over = samples[(samples >= 40.0) & (samples < 42.0)] - 0.5
    detour = max(np.hypot(x, 11.95) + np.hypot(100.0 - x, 8.0) - np.hypot(100.0, 3.95) for x in over)
    truth = np.minimum(10.0 * np.log10(3.0 + 40.0 * detour * FREQUENCIES / SOUND_SPEED), 25.0)
    figure.check("Noise: loss behind a roof", loss[0], truth, 1e-6, "dB", "Directive (EU) 2015/996, 2.5, by hand")


def test_day_evening_night(figure: Recorder) -> None:
    # The same power at all hours: 10 lg((12 + 4 * 10^0.5 + 8 * 10) / 24) above it.
    energy = np.full((3, 1, 8), 1e7)
    flat = 10.0 * np.log10((1e7 * 10.0 ** (A_WEIGHTING / 10.0)).sum())
    constant = level_10m(energy)[0] - (flat + 3.0 - 10.0 * np.log10(4.0 * np.hypot(10.0, 3.95)))
    figure.check("Noise: Lden above a constant level", constant, 6.395, 1e-3, "dB", "Directive 2002/49/EC, annex I")
    assert DEN_HOURS.sum() == 24.0
    assert DEN_PENALTY_DB.tolist() == [0.0, 5.0, 10.0]


def test_annoyance(figure: Recorder) -> None:
    level = np.array([45.0, 50.0, 55.0, 60.0, 65.0, 70.0, 75.0])
    truth = np.array([8.0, 8.6, 11.0, 15.1, 20.9, 28.4, 37.6])
    figure.check("Noise: highly annoyed by Lden", 100.0 * highly_annoyed_share(level), truth, 0.1, "%",
                 "WHO 2018, Environmental Noise Guidelines (recalled)")  # fmt: skip
    figure.check("Noise: highly annoyed at the guideline level of 53.3 dB",
                 100.0 * highly_annoyed_share(np.array(53.3)), 10.0, 0.1, "%",
                 "WHO 2018, Environmental Noise Guidelines (recalled)")  # fmt: skip
