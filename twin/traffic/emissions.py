"""Exhaust CO2 and NOx of cars by speed.

Hot emission functions of the EMEP/EEA air pollutant emission inventory guidebook 2013 (update September 2014),
chapter 1.A.3.b Road transport, Tier 3, passenger cars: Tables 3-41 (petrol) and 3-47 (diesel), of the form
``(a + c*V + e*V**2 + f/V) / (1 + b*V + d*V**2)`` in g/km with V in km/h, valid from 10 to 130 km/h (speeds outside are
set to the nearest end). CO2 is fuel times 3.180 (petrol) and 3.140 (diesel) kg per kg fuel, Table 3-12, the fossil
carbon of pure fuel. Cold starts, ageing and the electricity of electric cars are not in these figures. The petrol and
NOx coefficients were compared with an independent transcription of the tables; for the row of diesel fuel none was at
hand, so it deserves a check against the guidebook.

Two fleets are told apart by the rule of London's Ultra Low Emission Zone (petrol Euro 4, diesel Euro 6):
the compliant one is represented by petrol Euro 5 and diesel Euro 6, the other by petrol Euro 3 and diesel Euro 5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.traffic.parameters import TrafficParameters

Floats = NDArray[np.float64]
CLASSES = ("compliant", "non_compliant")

# a, b, c, d, e, f
FUEL = {
    "petrol_euro_3": (2.17e2, 9.60e-2, 2.53e-1, -4.21e-4, 9.65e-3, 0.0),  # 1.4-2.0 l
    "petrol_euro_4": (1.36e2, 2.60e-2, -1.65e0, 2.28e-4, 3.12e-2, 0.0),  # 1.4-2.0 l, also used for later classes
    "diesel_euro_3": (1.62e2, 1.23e-1, 2.18e0, -7.76e-4, -1.28e-2, 0.0),  # < 2.0 l, also used for later classes
}
NOX = {
    "petrol_euro_3": (9.29e-2, -1.22e-2, -1.49e-3, 3.97e-5, 6.53e-6, 0.0),
    "petrol_euro_5": (1.891624e-1, 1.571506e0, 8.154751e-2, 2.732776e-2, -2.488918e-4, -2.684672e-1),
    "diesel_euro_5": (9.459517e-1, 4.264272e-3, -1.138147e-2, -5.150463e-5, 6.671360e-5, 1.923608e0),
    "diesel_euro_6": (4.358787e-1, 1.004346e-2, -5.386789e-3, -1.023612e-4, 2.904664e-5, -4.607044e-1),
}
CO2_PER_FUEL = {"petrol": 3.180, "diesel": 3.140}
SPEED_RANGE_KMH = (10.0, 130.0)

# Rows of FUEL and NOX per class and fuel.
FLEET = {
    "compliant": {"petrol": ("petrol_euro_4", "petrol_euro_5"), "diesel": ("diesel_euro_3", "diesel_euro_6")},
    "non_compliant": {"petrol": ("petrol_euro_3", "petrol_euro_3"), "diesel": ("diesel_euro_3", "diesel_euro_5")},
}


def hot_factor(coefficients: tuple[float, ...], speed_kmh: Floats) -> Floats:
    """Return the factor in g/km at each speed (set to the valid range first)."""
    a, b, c, d, e, f = coefficients
    v = np.clip(speed_kmh, *SPEED_RANGE_KMH)
    return np.asarray((a + c * v + e * v**2 + f / v) / (1.0 + b * v + d * v**2))


def emission_factors(speed_kmh: Floats, parameters: TrafficParameters) -> tuple[Floats, Floats]:
    """Return CO2 and NOx in g per vehicle-km, each [classes, ...], of the classes of `CLASSES` at each speed."""
    shares = {
        "compliant": (parameters.compliant_diesel_share, 1.0 - parameters.electric_share),
        "non_compliant": (parameters.noncompliant_diesel_share, 1.0),
    }
    co2, nox = [], []
    for name in CLASSES:
        diesel, combustion = shares[name]
        scale = combustion * parameters.emission_factor_scale
        by_fuel = {"petrol": (1.0 - diesel) * scale, "diesel": diesel * scale}
        rows = FLEET[name]
        co2.append(
            sum(by_fuel[fuel] * CO2_PER_FUEL[fuel] * hot_factor(FUEL[rows[fuel][0]], speed_kmh) for fuel in by_fuel)
        )
        nox.append(sum(by_fuel[fuel] * hot_factor(NOX[rows[fuel][1]], speed_kmh) for fuel in by_fuel))
    return np.array(co2), np.array(nox)
