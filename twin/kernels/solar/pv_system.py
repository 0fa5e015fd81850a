"""AC output of PV from irradiance: cell temperature, module, losses, inverter.

Family ``solar.pv_system``. The module is that of PVWatts (power proportional to the light behind the glass and linear
in the cell's temperature) or of De Soto et al. (`twin.kernels.solar.pv_diode`); the inverter has the efficiency curve
of PVWatts and clips at its rating: A. P. Dobos, PVWatts Version 5 Manual, NREL/TP-6A20-62641 (2014), sections 9 to 11.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.kernels.jit import njit
from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant
from twin.kernels.solar.pv_diode import module_power
from twin.kernels.threads import over_threads

Float = NDArray[np.float64]
Single = NDArray[np.float32]

INVERTER_REFERENCE_EFFICIENCY = 0.9637
"""Nominal efficiency of the inverter whose curve PVWatts uses (Dobos 2014, section 11)."""
_A, _B, _C = -0.0162, 0.9858, -0.0059  # of that curve


def _sample(size: int, rng: np.random.Generator) -> Inputs:
    hours = 120
    poa = np.where(rng.random((size, hours)) < 0.2, 0.0, rng.uniform(0.0, 1300.0, (size, hours))).astype(np.float32)
    # Of pvlib's copy of the CEC library: Canadian Solar CS5P-220M.
    diode = [0.004539 * 1.087, 2.635926, 5.114256, 8.10251e-10, 381.254425, 1.066023, 219.9]
    return {
        "poa": poa,
        "transmitted": poa * rng.uniform(0.9, 1.0, (size, hours)).astype(np.float32),
        "temperature_c": rng.uniform(-25.0, 40.0, hours),
        "heating": rng.uniform(0.01, 0.04, hours),
        "module": np.array(diode if rng.random() < 0.5 else [-0.0035]),
        "system_losses": 0.1408,
        "dc_ac_ratio": 1.2,
        "inverter_efficiency": 0.96,
    }


def _check_limits(kernel: Kernel, inputs: Inputs) -> None:
    """Check that output is within zero and the inverter's rating, zero in the dark, and falls when it is hotter."""
    ac, annual = kernel(*inputs.values())
    assert ac.min() >= 0.0
    assert ac.max() <= np.float32(1.0 / inputs["dc_ac_ratio"])
    assert not ac[inputs["poa"] == 0.0].any()
    hotter = inputs | {"temperature_c": inputs["temperature_c"] + 10.0}
    assert np.all(kernel(*hotter.values())[0] <= ac + 1e-6)
    np.testing.assert_allclose(annual, ac.sum(axis=1, dtype=np.float64), rtol=1e-6)


declare(
    Family(
        name="solar.pv_system",
        purpose="Hourly and annual AC output per kWp from irradiance and weather.",
        inputs=(
            Array("poa", ("planes", "hours"), "float32", "W/m2"),
            Array("transmitted", ("planes", "hours"), "float32", "W/m2"),
            Array("temperature_c", ("hours",), "float64", "degC"),
            Array("heating", ("hours",), "float64", "K/(W/m2)"),
            Array("module", ("numbers",), "float64", "1/K or as in cec_module"),
            Array("system_losses", (), "float64", "-"),
            Array("dc_ac_ratio", (), "float64", "-"),
            Array("inverter_efficiency", (), "float64", "-"),
        ),
        outputs=(
            Array("ac", ("planes", "hours"), "float32", "kW/kWp"),
            Array("annual", ("planes",), "float64", "kWh/kWp"),
        ),
        sample=_sample,
        work=lambda inputs: float(inputs["poa"].size),
        work_unit="plane·hour",
        source="Dobos 2014, NREL/TP-6A20-62641; De Soto et al. 2006, doi:10.1016/j.solener.2005.06.010",
        rtol=1e-6,
        atol=1e-6,
        sizes=(10, 1000, 10_000),
        properties=(Property("output is bounded and falls with temperature", _check_limits),),
    )
)


@variant("solar.pv_system", "reference")
def pv_system_reference(
    poa: Single,
    transmitted: Single,
    temperature_c: Float,
    heating: Float,
    module: Float,
    system_losses: float,
    dc_ac_ratio: float,
    inverter_efficiency: float,
) -> tuple[Single, Float]:
    """Return hourly AC output and its sum, per kWp of modules.

    Parameters
    ----------
    poa, transmitted : float32 [planes, hours], W/m2
        Irradiance on the plane (warms the cells) and behind the glass (makes power).
    temperature_c : float64 [hours]
        Of the air.
    heating : float64 [hours], K per W/m2
        Excess of the cells per irradiance, see `twin.kernels.solar.pv_temperature`. A cell temperature that is known
        already, as from ``solar.fuentes``, goes in as `poa`, with `temperature_c` 0 and `heating` 1.
    module : float64
        [1]: relative change of power with temperature, 1/K, negative (PVWatts); or the [7] of `cec_module`.
    system_losses : float
        Share of direct current lost.
    dc_ac_ratio : float
        Rating of modules over rating of the inverter.
    inverter_efficiency : float
        Nominal.

    Returns
    -------
    ac : float32 [planes, hours], kW/kWp
    annual : float64 [planes], kWh/kWp
    """
    cell = temperature_c + poa.astype(np.float64) * heating
    sun = transmitted.astype(np.float64)
    if module.size == 1:
        dc = sun / 1000.0 * (1.0 + module[0] * (cell - 25.0))
    else:
        rating = module[6]
        dc = np.array([module_power(g, c, *module[:6]) for g, c in zip(sun.ravel(), cell.ravel(), strict=True)])
        dc = dc.reshape(sun.shape) / rating
    dc = dc * (1.0 - system_losses)
    rating = 1.0 / dc_ac_ratio
    limit = rating / inverter_efficiency
    scale = inverter_efficiency / INVERTER_REFERENCE_EFFICIENCY
    # The curve of PVWatts times the input power: free of the division by zero at night.
    ac = scale * ((_B + _A * dc / limit) * dc + _C * limit)
    ac = np.where(dc > 0.0, np.clip(ac, 0.0, rating), 0.0)
    return ac.astype(np.float32), np.sum(ac, axis=1)


@njit(cache=True)
def _module(sun, temperature_c, heat, heating, module, dc):  # type: ignore[no-untyped-def]
    """Fill the power of one plane's modules per rated power, before losses."""
    if module.size == 1:
        for t in range(dc.size):
            dc[t] = sun[t] * 1e-3 * (1.0 + module[0] * (temperature_c[t] + heat[t] * heating[t] - 25.0))
        return
    alpha, ideality, photo, saturation, shunt, series, rating = module
    for t in range(dc.size):
        cell = temperature_c[t] + heat[t] * heating[t]
        dc[t] = module_power(np.float64(sun[t]), cell, alpha, ideality, photo, saturation, shunt, series) / rating


@njit(cache=True)
def _inverter(dc, kept, rating, efficiency, ac):  # type: ignore[no-untyped-def]
    """Fill the output of one plane and return its sum."""
    scale = efficiency / INVERTER_REFERENCE_EFFICIENCY
    straight, square = scale * _B * kept, scale * _A * kept * kept * efficiency / rating
    idle = scale * _C * rating / efficiency
    total = 0.0
    for t in range(dc.size):
        power = (straight + square * dc[t]) * dc[t] + idle
        power = min(max(power, 0.0), rating) if dc[t] > 0.0 else 0.0
        dc[t] = power
        ac[t] = power
    for t in range(dc.size):
        total += dc[t]
    return total


@over_threads
@njit(cache=True, nogil=True)
def _planes(  # type: ignore[no-untyped-def]
    begin, end, poa, transmitted, temperature_c, heating, module, losses, dc_ac_ratio, inverter_efficiency, ac, annual
):
    dc = np.empty(poa.shape[1])
    for i in range(begin, end):
        _module(transmitted[i], temperature_c, poa[i], heating, module, dc)
        annual[i] = _inverter(dc, 1.0 - losses, 1.0 / dc_ac_ratio, inverter_efficiency, ac[i])


@variant("solar.pv_system", "numba")
def pv_system_numba(  # type: ignore[no-untyped-def]
    poa, transmitted, temperature_c, heating, module, system_losses, dc_ac_ratio, inverter_efficiency
):
    """Compute plane by plane in parallel; same arguments as the reference."""
    planes, hours = poa.shape
    ac, annual = np.empty((planes, hours), np.float32), np.empty(planes)
    rates = float(system_losses), float(dc_ac_ratio), float(inverter_efficiency)
    _planes(planes, poa, transmitted, temperature_c, heating, module, *rates, ac, annual)
    return ac, annual
