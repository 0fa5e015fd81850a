"""A rough sky for tests that need no solar model."""

import numpy as np

from twin.energy.drives import SunOnBuildings


def rough_sun(weather, buildings, shading=0.6):
    """A third of the global radiation on every façade, 0.6 of it behind glass, the same shading everywhere."""
    irradiance = np.repeat(0.33 * weather.ghi_w_m2[None, :], 8, axis=0)
    shade = np.full((buildings, 8), float(shading))
    return SunOnBuildings(45.0 * np.arange(8), irradiance, 0.6 * irradiance, weather.ghi_w_m2, shade, shade[:, 0])
