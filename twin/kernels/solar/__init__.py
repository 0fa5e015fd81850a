"""Solar kernel families: sun position, decomposition, transposition, horizons, roofs and PV."""

import twin.kernels.solar.decomposition
import twin.kernels.solar.horizon
import twin.kernels.solar.position
import twin.kernels.solar.pv
import twin.kernels.solar.roof
import twin.kernels.solar.transposition  # noqa: F401
