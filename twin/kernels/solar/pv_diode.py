"""The five-parameter model of a PV module: parameters at any sun and temperature, and the maximum power point.

W. De Soto, S. A. Klein and W. A. Beckman, "Improvement and validation of a model for photovoltaic array performance",
Solar Energy 80 (2006) 78-88, doi:10.1016/j.solener.2005.06.010; the modules of the CEC library differ by an adjusted
temperature coefficient (A. P. Dobos, Journal of Solar Energy Engineering 134 (2012) 021011, doi:10.1115/1.4005759), see
`cec_module`. The maximum power point is found in the voltage over the diode ``w``, of which current and voltage are
explicit functions; power has one maximum between 0 and open circuit, and bisection bounds the steps of Newton.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

BANDGAP_EV = 1.121
BANDGAP_PER_K = -0.0002677
"""Bandgap of silicon at 25 °C and its relative change with temperature (De Soto et al. 2006, equation 10)."""
_BOLTZMANN_EV = 8.617333262e-5
_REFERENCE_K = 298.15
_STEPS = 60


def cec_module(library: Mapping[str, float]) -> NDArray[np.float64]:
    """Return the seven numbers of a module for ``solar.pv_system`` from a row of the CEC library of SAM.

    They are the coefficient of the photocurrent (A/K), the modified ideality factor (V), photocurrent (A), saturation
    current (A), shunt and series resistance (ohm), all at 1000 W/m² and 25 °C, and the power there (W).
    """
    alpha = library["alpha_sc"] * (1.0 - library["Adjust"] / 100.0)
    names = ("a_ref", "I_L_ref", "I_o_ref", "R_sh_ref", "R_s")
    five = [float(library[name]) for name in names]
    return np.array([alpha, *five, module_power(1000.0, 25.0, alpha, *five)])


@register_jitable
def module_power(sun_w_m2, cell_c, alpha, ideality, photo, saturation, shunt, series):  # type: ignore[no-untyped-def]
    """Return the power (W) at the maximum power point; the parameters are those of `cec_module`."""
    if sun_w_m2 <= 0.0:
        return 0.0
    kelvin = cell_c + 273.15
    ratio = kelvin / _REFERENCE_K
    gap = BANDGAP_EV * (1.0 + BANDGAP_PER_K * (kelvin - _REFERENCE_K))
    a = ideality * ratio
    exponent = (BANDGAP_EV / _REFERENCE_K - gap / kelvin) / _BOLTZMANN_EV
    i0 = saturation * ratio**3 * math.exp(exponent)
    il = sun_w_m2 / 1000.0 * (photo + alpha * (kelvin - _REFERENCE_K))
    if il <= 0.0:
        return 0.0
    leak = sun_w_m2 / 1000.0 / shunt
    return _maximum(il, i0, a, leak, series)


@register_jitable
def _maximum(il, i0, a, leak, series):  # type: ignore[no-untyped-def]
    """Return the greatest power over the voltage `w` across the diode: ``i = il - i0 (e^(w/a) - 1) - leak w``."""
    low, high = 0.0, a * math.log(1.0 + il / i0)
    w = high * 0.85
    for _ in range(_STEPS):
        grown = i0 * math.exp(w / a)
        i = il - grown + i0 - leak * w
        slope, bend = -grown / a - leak, -grown / (a * a)
        v = w - i * series
        # dp/dw = i' v + i v' with v' = 1 - i' series; the second derivative is negative between 0 and open circuit.
        first = slope * v + i * (1.0 - slope * series)
        second = bend * v + 2.0 * slope * (1.0 - slope * series) - i * bend * series
        if first > 0.0:
            low = w
        else:
            high = w
        step = w - first / second if second < 0.0 else low - 1.0
        if step <= low or step >= high:
            step = 0.5 * (low + high)
        if abs(step - w) <= 1e-13 * (1.0 + w):
            w = step
            break
        w = step
    i = il - i0 * (math.exp(w / a) - 1.0) - leak * w
    return max(i * (w - i * series), 0.0)
