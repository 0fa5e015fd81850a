"""Emission factors against other transcriptions and inventories than the one they were taken from."""

from __future__ import annotations

import numpy as np

from tests.figures import Recorder
from twin.traffic.emission_curves import ENERGY, NOX
from twin.traffic.emissions import WEAR_PM25_SHARE, WEAR_TSP, hot_factor

SPEEDS = np.array([15.0, 30.0, 50.0, 80.0, 110.0])
# EMEP/EEA guidebook 2013 (September 2014), 1.A.3.b, tables 3-41 and 3-47, as transcribed in pollemission (INRIA):
# (a + c V + e V^2 + f / V) / (1 + b V + d V^2) in g/km; fuel of petrol Euro 3 (1.4-2.0 l) and diesel Euro 3 (< 2.0 l).
GUIDEBOOK_2013 = {
    "NOx of petrol Euro 3 cars": (NOX["petrol_euro_3"], 1.0, (9.29e-2, -1.22e-2, -1.49e-3, 3.97e-5, 6.53e-6, 0.0)),
    "NOx of petrol Euro 5 cars": (
        NOX["petrol_euro_5"], 1.0,
        (1.891624e-1, 1.571506, 8.154751e-2, 2.732776e-2, -2.488918e-4, -2.684672e-1),
    ),
    "NOx of diesel Euro 5 cars": (
        NOX["diesel_euro_5"], 1.0,
        (9.459517e-1, 4.264272e-3, -1.138147e-2, -5.150463e-5, 6.671360e-5, 1.923608),
    ),
    "fuel of petrol Euro 3 cars": (
        ENERGY["petrol_euro_3"], 1000.0 / 43.774, (2.17e2, 9.60e-2, 2.53e-1, -4.21e-4, 9.65e-3, 0.0)
    ),
    "fuel of diesel cars": (
        ENERGY["diesel_euro_4"], 1000.0 / 42.695, (1.62e2, 1.23e-1, 2.18, -7.76e-4, -1.28e-2, 0.0)
    ),
}  # fmt: skip


def test_exhaust_curves_are_those_of_another_edition(figure: Recorder) -> None:
    for name, (curve, per_unit, (a, b, c, d, e, f)) in GUIDEBOOK_2013.items():
        v = SPEEDS
        truth = (a + c * v + e * v**2 + f / v) / (1.0 + b * v + d * v**2)
        ours = per_unit * hot_factor(curve, v)
        figure.check(
            f"Emissions: {name}", ours, truth, 0.01, "g/km",
            "EMEP/EEA guidebook 2013, another transcription", relative=True,
        )  # fmt: skip


def test_wear_is_that_of_a_national_inventory(figure: Recorder) -> None:
    # mg/km of tyres, brakes, road surface: PM2.5 of cars, light and heavy duty vehicles.
    inventory = {"car": (4.49, 2.93, 4.05), "van": (7.10, 4.56, 4.05), "truck": (18.9, 12.7, 20.5)}
    ours = [[1000.0 * tsp * share for tsp, share in zip(WEAR_TSP[k], WEAR_PM25_SHARE, strict=True)] for k in inventory]
    figure.check(
        "Emissions: PM2.5 of wear without correction for speed", ours, list(inventory.values()), 0.005, "mg/km",
        "German Informative Inventory Report, 1.A.3.b vi and vii", relative=True,
    )  # fmt: skip
