"""The layers that a city may lack, for a synthetic city."""

from __future__ import annotations

import numpy as np
import shapely

from twin.city.frames import layer_frame
from twin.city.model import City
from twin.city.schema import IMPUTED, MEASURED, ROOF_PLANES, TREES


def with_optional_layers(city: City) -> City:
    """Return the city with a flat roof plane on its first buildings and a row of trees."""
    houses = city.buildings.iloc[:5]
    ids = [f"{identity}/p0" for identity in houses.index]
    flat = shapely.force_3d(shapely.envelope(houses.geometry.to_numpy()), 12.0)
    columns = {
        "building_id": houses.index.tolist(),
        "tilt_deg": np.zeros(5),
        "azimuth_deg": np.zeros(5),
        "area_m2": shapely.area(flat),
    }
    planes = layer_frame(ROOF_PLANES, ids, columns, flat, city.meta.crs)
    height = np.array([4.0, 8.0, 16.0, 20.0])
    trees = layer_frame(
        TREES,
        [f"t{k}" for k in range(4)],
        {
            "height_m": height,
            "crown_base_m": 0.25 * height,
            "crown_diameter_m": 0.5 * height,
            "evergreen": [False, True, False, False],
            "height_m_origin": [MEASURED] * 4,
        },
        shapely.points([(k * 10.0, 5.0) for k in range(4)]),
        city.meta.crs,
        origin=f"{IMPUTED}default",
    )
    return city.replace(roof_planes=planes, trees=trees)
