"""PV power from irradiance: cell temperature, modules, system losses, inverter.

- Cell temperature ``T = Ta + G / (u0 + u1 v)``: D. Faiman, Assessing the outdoor operating temperature of photovoltaic
  modules, Progress in Photovoltaics 16 (2008) 307-315, doi:10.1002/pip.813.
- Direct current ``P = G' / 1000 (1 + γ (T - 25)) (1 - losses)`` per kWp, and the inverter's efficiency curve with
  clipping: A. P. Dobos, PVWatts Version 5 Manual, NREL/TP-6A20-62641 (2014), sections 9 to 11.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant

Float = NDArray[np.float64]
REFERENCE_EFFICIENCY = 0.9637  # of the inverter whose curve PVWatts uses


def _sample(size: int, rng: np.random.Generator) -> Inputs:
    hours = 120
    poa = np.where(rng.random((size, hours)) < 0.2, 0.0, rng.uniform(0.0, 1300.0, (size, hours)))
    return {
        "poa": poa,
        "transmitted": poa * rng.uniform(0.9, 1.0, (size, hours)),
        "temperature_c": rng.uniform(-25.0, 40.0, hours),
        "wind_m_s": rng.uniform(0.0, 12.0, hours),
        "u0": 25.0,
        "u1": 6.84,
        "temperature_coefficient": -0.0047,
        "system_losses": 0.1408,
        "dc_ac_ratio": 1.2,
        "inverter_efficiency": 0.96,
    }


def _check_limits(kernel: Kernel, inputs: Inputs) -> None:
    """Check that output is within zero and the inverter's rating, zero in the dark, and falls when it is hotter."""
    ac, annual = kernel(*inputs.values())
    assert ac.min() >= 0.0
    assert ac.max() <= 1.0 / inputs["dc_ac_ratio"] + 1e-12
    assert not ac[inputs["poa"] == 0.0].any()
    hotter = inputs | {"temperature_c": inputs["temperature_c"] + 10.0}
    assert np.all(kernel(*hotter.values())[0] <= ac)
    np.testing.assert_allclose(annual, ac.sum(axis=1), rtol=1e-12)


declare(
    Family(
        name="solar.pv",
        purpose="Hourly and annual AC output per kWp from irradiance, air temperature and wind.",
        inputs=(
            Array("poa", ("planes", "hours"), "float64", "W/m2"),
            Array("transmitted", ("planes", "hours"), "float64", "W/m2"),
            Array("temperature_c", ("hours",), "float64", "degC"),
            Array("wind_m_s", ("hours",), "float64", "m/s"),
            Array("u0", (), "float64", "W/m2/K"),
            Array("u1", (), "float64", "W/m2/K/(m/s)"),
            Array("temperature_coefficient", (), "float64", "1/K"),
            Array("system_losses", (), "float64", "-"),
            Array("dc_ac_ratio", (), "float64", "-"),
            Array("inverter_efficiency", (), "float64", "-"),
        ),
        outputs=(
            Array("ac", ("planes", "hours"), "float64", "kW/kWp"),
            Array("annual", ("planes",), "float64", "kWh/kWp"),
        ),
        sample=_sample,
        work=lambda inputs: float(inputs["poa"].size),
        work_unit="plane·hour",
        source="Faiman 2008, doi:10.1002/pip.813; Dobos 2014, NREL/TP-6A20-62641",
        sizes=(10, 1000, 10_000),
        properties=(Property("output is bounded and falls with temperature", _check_limits),),
    )
)


@variant("solar.pv", "reference")
def pv_reference(
    poa: Float,
    transmitted: Float,
    temperature_c: Float,
    wind_m_s: Float,
    u0: float,
    u1: float,
    temperature_coefficient: float,
    system_losses: float,
    dc_ac_ratio: float,
    inverter_efficiency: float,
) -> tuple[Float, Float]:
    """Return hourly AC output and its sum, per kWp of modules.

    Parameters
    ----------
    poa, transmitted : float64 [planes, hours], W/m2
        Irradiance on the plane (warms the cells) and behind the glass (makes power).
    temperature_c, wind_m_s : float64 [hours]
    u0, u1 : float
        Faiman's heat loss coefficients.
    temperature_coefficient : float, 1/K
        Of power; negative.
    system_losses : float
        Share of direct current lost.
    dc_ac_ratio : float
        Rating of modules over rating of the inverter.
    inverter_efficiency : float
        Nominal.

    Returns
    -------
    ac : float64 [planes, hours], kW/kWp
    annual : float64 [planes], kWh/kWp
    """
    cell = temperature_c + poa / (u0 + u1 * wind_m_s)
    dc = transmitted / 1000.0 * (1.0 + temperature_coefficient * (cell - 25.0)) * (1.0 - system_losses)
    rating = 1.0 / dc_ac_ratio
    limit = rating / inverter_efficiency
    scale = inverter_efficiency / REFERENCE_EFFICIENCY
    # The curve of PVWatts times the input power: free of the division by zero at night.
    ac = scale * ((0.9858 - 0.0162 * dc / limit) * dc - 0.0059 * limit)
    ac = np.where(dc > 0.0, np.clip(ac, 0.0, rating), 0.0)
    return ac, np.sum(ac, axis=1)


@variant("solar.pv", "numba")
@njit(cache=True)
def pv_numba(  # type: ignore[no-untyped-def]
    poa,
    transmitted,
    temperature_c,
    wind_m_s,
    u0,
    u1,
    temperature_coefficient,
    system_losses,
    dc_ac_ratio,
    inverter_efficiency,
):
    """Compute the same chain in one pass; same arguments as the reference."""
    planes, hours = poa.shape
    ac, annual = np.empty((planes, hours)), np.empty(planes)
    rating = 1.0 / dc_ac_ratio
    limit = rating / inverter_efficiency
    scale = inverter_efficiency / REFERENCE_EFFICIENCY
    for i in range(planes):
        total = 0.0
        for t in range(hours):
            cell = temperature_c[t] + poa[i, t] / (u0 + u1 * wind_m_s[t])
            gain = 1.0 + temperature_coefficient * (cell - 25.0)
            dc = transmitted[i, t] / 1000.0 * gain * (1.0 - system_losses)
            power = scale * ((0.9858 - 0.0162 * dc / limit) * dc - 0.0059 * limit)
            ac[i, t] = min(max(power, 0.0), rating) if dc > 0.0 else 0.0
            total += ac[i, t]
        annual[i] = total
    return ac, annual
