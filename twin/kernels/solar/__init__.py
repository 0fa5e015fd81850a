"""Solar kernel families: sun, sky, shadows of raster cities, light on planes, PV and batteries."""

import twin.kernels.solar.battery
import twin.kernels.solar.decomposition
import twin.kernels.solar.plane
import twin.kernels.solar.plane_numba
import twin.kernels.solar.position
import twin.kernels.solar.position_numba
import twin.kernels.solar.pv_system
import twin.kernels.solar.pv_temperature
import twin.kernels.solar.rasterise
import twin.kernels.solar.segmentation
import twin.kernels.solar.sweep
import twin.kernels.solar.sweep_numba
import twin.kernels.solar.sweep_walls
import twin.kernels.solar.transposition  # noqa: F401
