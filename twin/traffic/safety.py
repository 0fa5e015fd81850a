"""Injury accidents by class of road, traffic and speed.

Accidents per year = vehicle-km × rate of the road class × (mean speed / usual speed of the class) ** exponent. The
exponent is that of Nilsson's model as estimated by Elvik 2009 ("The Power Model of the relationship between speed and
road safety", TØI report 1034/2009) for all injury accidents: 1.6 on rural roads and motorways, 1.2 on urban and
residential roads.

The rates are assumptions: their order among the classes follows published tables by road type (urban main streets
highest, motorways lowest; SWOV, Netherlands), their level is of the order of the injury accidents that Finland's police
report (about 0.07 per million vehicle-km over all roads). Scale them to the city's own counts with `injury_rate_scale`.
Accidents are taken proportional to traffic; walkers and cyclists count where they meet vehicles.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.traffic.parameters import TrafficParameters

Floats = NDArray[np.float64]

EXPONENT_FAST, EXPONENT_URBAN = 1.6, 1.2
# Injury accidents per million vehicle-km, the mean speed (km/h) at which the rate holds, power of speed.
RATES = {
    "motorway": (0.03, 100.0, EXPONENT_FAST),
    "trunk": (0.05, 80.0, EXPONENT_FAST),
    "primary": (0.12, 50.0, EXPONENT_URBAN),
    "secondary": (0.15, 45.0, EXPONENT_URBAN),
    "tertiary": (0.15, 40.0, EXPONENT_URBAN),
    "unclassified": (0.12, 40.0, EXPONENT_URBAN),
    "residential": (0.10, 30.0, EXPONENT_URBAN),
    "living_street": (0.06, 20.0, EXPONENT_URBAN),
    "service": (0.08, 20.0, EXPONENT_URBAN),
}


def accidents(links: pd.DataFrame, vehicle_km_day: Floats, speed_kmh: Floats, parameters: TrafficParameters) -> Floats:
    """Return injury accidents per year on each link.

    Parameters
    ----------
    links : DataFrame
        With `road_class`.
    vehicle_km_day, speed_kmh : float64 [links] or [links, hours]
        Vehicle-km of a working day and the speed they are driven at.
    parameters : TrafficParameters
    """
    rows = np.array([RATES[name] for name in links["road_class"]]).reshape(-1, 3)
    rate, usual, power = (rows[:, k].reshape(-1, *[1] * (np.ndim(speed_kmh) - 1)) for k in range(3))
    yearly = np.asarray(vehicle_km_day, float) * parameters.working_day_equivalents / 1e6
    found = yearly * rate * parameters.injury_rate_scale * (np.asarray(speed_kmh, float) / usual) ** power
    return np.asarray(found if found.ndim == 1 else found.sum(axis=1))
