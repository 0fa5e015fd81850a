"""Temperature of PV cells.

Steady models differ only in how many kelvin one W/m² warms at the wind of the hour; `faiman_heating` and `king_heating`
return that series, and ``solar.pv_system`` multiplies. Family ``solar.fuentes`` is the transient model of PVWatts:

M. K. Fuentes, "A Simplified Thermal Model for Flat-Plate Photovoltaic Arrays", SAND85-0330, Sandia National
Laboratories (1987), doi:10.2172/6802914, equations as in its appendix; used by PVWatts version 5 with an installed
nominal operating cell temperature of 45 °C on open racks and 49 °C on roofs (A. P. Dobos, NREL/TP-6A20-62641, 2014,
section 7). As there, a module in the dark has the temperature of the air.
"""

from __future__ import annotations

import math

import numpy as np
from numba import prange
from numba.extending import register_jitable
from numpy.typing import NDArray

from twin.kernels.jit import njit
from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant

Float = NDArray[np.float64]
Single = NDArray[np.float32]

OPEN_RACK_INOCT_C = 45.0
ROOF_MOUNT_INOCT_C = 49.0

_BOLTZMANN = 5.669e-8  # Fuentes' value, W/m2/K4
_ABSORPTION, _EMISSIVITY = 0.83, 0.84
_LENGTH_M = 0.5  # hydraulic diameter of the module
_CAPACITY = 11000.0  # J/m2/K
_WIND = (5.0 / 9.144) ** 0.2  # from the anemometer at 30 ft to the modules at 5 m, as in PVWatts
_ROUNDS = 10


def faiman_heating(wind_m_s: Float, u0: float = 25.0, u1: float = 6.84) -> Float:
    """Return ``1 / (u0 + u1 v)`` in K per W/m²; `u0` in W/m²/K, `u1` in W/m²/K/(m/s).

    D. Faiman, "Assessing the outdoor operating temperature of photovoltaic modules", Progress in Photovoltaics 16
    (2008) 307-315, doi:10.1002/pip.813; the default is the mean of its modules.
    """
    return np.asarray(1.0 / (u0 + u1 * np.asarray(wind_m_s, np.float64)))


def king_heating(wind_m_s: Float, a: float = -3.56, b: float = -0.075, cell_to_back_k: float = 3.0) -> Float:
    """Return ``exp(a + b v) + cell_to_back_k / 1000`` in K per W/m².

    D. L. King, W. E. Boyson and J. A. Kratochvill, "Photovoltaic Array Performance Model", SAND2004-3535 (2004),
    doi:10.2172/919131, equations 11 and 12; the default is glass, cell and polymer sheet on an open rack.
    `cell_to_back_k` is the cell's excess over the module's back at 1000 W/m².
    """
    return np.asarray(np.exp(a + b * np.asarray(wind_m_s, np.float64)) + cell_to_back_k / 1000.0)


def _sample(size: int, rng: np.random.Generator) -> Inputs:
    hour = np.concatenate([np.arange(8, 17) + 24 * day for day in range(10)])
    poa = rng.uniform(0.0, 1100.0, (size, len(hour))) * (rng.random((size, len(hour))) > 0.1)
    return {
        "poa": poa.astype(np.float32),
        "temperature_c": rng.uniform(-25.0, 40.0, len(hour)),
        "wind_m_s": rng.uniform(0.0, 12.0, len(hour)),
        "hour": hour,
        "tilt_deg": rng.uniform(0.0, 90.0, size),
        "inoct_c": float(rng.uniform(43.0, 55.0)),
    }


def _check_bounds(kernel: Kernel, inputs: Inputs) -> None:
    """Check that the dark is as cold as the air, and that no cell is hotter than the hottest published ones."""
    cell, air, poa = kernel(*inputs.values()), inputs["temperature_c"], inputs["poa"]
    dark = poa == 0.0
    assert np.array_equal(cell[dark], np.broadcast_to(air, poa.shape)[dark].astype(np.float32))
    # The sky is up to 25 K colder than the air (equation 24), never the module itself.
    assert np.all(cell > air - 25.0)
    assert np.all(cell < air + 110.0)


def _check_sun_heats(kernel: Kernel, inputs: Inputs) -> None:
    less = inputs | {"poa": inputs["poa"] * np.float32(0.7)}
    assert np.all(kernel(*less.values()) <= kernel(*inputs.values()) + 1e-3)


declare(
    Family(
        name="solar.fuentes",
        purpose="Hourly cell temperature by the transient heat balance that PVWatts uses.",
        inputs=(
            Array("poa", ("planes", "hours"), "float32", "W/m2"),
            Array("temperature_c", ("hours",), "float64", "degC"),
            Array("wind_m_s", ("hours",), "float64", "m/s"),
            Array("hour", ("hours",), "int64", "h of the year"),
            Array("tilt_deg", ("planes",), "float64", "deg"),
            Array("inoct_c", (), "float64", "degC"),
        ),
        outputs=(Array("cell_c", ("planes", "hours"), "float32", "degC"),),
        sample=_sample,
        work=lambda inputs: float(inputs["poa"].size),
        work_unit="plane·hour",
        source="Fuentes 1987, SAND85-0330, doi:10.2172/6802914; Dobos 2014, NREL/TP-6A20-62641, section 7",
        rtol=0.0,
        atol=1e-3,
        sizes=(10, 100, 1000),
        properties=(
            Property("dark modules have the temperature of the air", _check_bounds),
            Property("more sun makes no module colder", _check_sun_heats),
        ),
    )
)


@register_jitable
def _convection(mean_k, wind, difference, tilt_sine, turbulent):  # type: ignore[no-untyped-def]
    """Return the coefficient of mixed convection over the module, W/m2/K (Fuentes' equations 5 to 17)."""
    density = 0.003484 * 101325.0 / mean_k
    viscosity = 0.24237e-6 * mean_k**0.76 / density
    conductivity = 2.1695e-4 * mean_k**0.84
    reynolds = wind * _LENGTH_M / viscosity
    if turbulent and reynolds > 1.2e5:
        forced = 0.0282 / reynolds**0.2 * density * wind * 1007.0 / 0.71**0.4
    else:
        forced = 0.8600 / reynolds**0.5 * density * wind * 1007.0 / 0.71**0.67
    grashof = 9.8 / mean_k * difference * _LENGTH_M**3 / viscosity**2 * tilt_sine
    free = 0.21 * (grashof * 0.71) ** 0.32 * conductivity / _LENGTH_M
    return (free**3 + forced**3) ** (1.0 / 3.0)


@register_jitable
def _mounting(inoct_c, tilt_sine):  # type: ignore[no-untyped-def]
    """Return the ratios of ground temperature and of convection, and the capacity (J/m2/K), from the INOCT."""
    hot, air = inoct_c + 273.15, 293.15
    convection = _convection(0.5 * (hot + air), 1.0, hot - air, tilt_sine, False)
    radiation = _EMISSIVITY * _BOLTZMANN
    ground_coefficient = radiation * (hot**2 + air**2) * (hot + air)
    back = _ABSORPTION * 800.0 - radiation * (hot**4 - 282.21**4) - convection * (hot - air)
    back /= (ground_coefficient + convection) * (hot - air)
    ground = min(max((hot**4 - back * (hot**4 - air**4)) ** 0.25, air), hot)
    both = _ABSORPTION * 800.0 - radiation * (2.0 * hot**4 - 282.21**4 - ground**4)
    capacity = _CAPACITY * (1.0 + max(hot - 321.15, 0.0) / 12.0)
    return (ground - air) / (hot - air), both / (convection * (hot - air)), capacity


@register_jitable
def _next(cell, air, wind, sun, sun_before, tilt_sine, ground_ratio, convection_ratio, capacity):  # type: ignore[no-untyped-def]
    """Return the temperature (K) after an hour in which the absorbed sunshine rose from `sun_before` to `sun`."""
    start = cell
    sky = 0.68 * (0.0552 * air**1.5) + 0.32 * air
    radiation = _EMISSIVITY * _BOLTZMANN
    for _ in range(_ROUNDS):
        mean = 0.5 * (cell + air)
        to_air = convection_ratio * _convection(mean, wind, abs(cell - air), tilt_sine, True)
        to_sky = radiation * (cell**2 + sky**2) * (cell + sky)
        ground = air + ground_ratio * (cell - air)
        to_ground = radiation * (cell**2 + ground**2) * (cell + ground)
        loss = to_air + to_sky + to_ground
        exponent = -loss / capacity * 3600.0
        left = math.exp(exponent) if exponent > -10.0 else 0.0
        gain = to_air * air + to_sky * sky + to_ground * ground + sun_before + (sun - sun_before) / exponent
        cell = start * left + ((1.0 - left) * gain + sun - sun_before) / loss
    return cell


@variant("solar.fuentes", "reference")
def fuentes_reference(
    poa: Single, temperature_c: Float, wind_m_s: Float, hour: NDArray[np.int64], tilt_deg: Float, inoct_c: float
) -> Single:
    """Return the cell temperature, float32 [planes, hours] in °C.

    Parameters
    ----------
    poa : float32 [planes, hours], W/m2
    temperature_c, wind_m_s : float64 [hours]
        Wind at 9.1 m above ground.
    hour : int64 [hours]
        Number of each hour; hours that are left out are dark.
    tilt_deg : float64 [planes]
    inoct_c : float
        Cell temperature as installed at 800 W/m2, 20 °C and 1 m/s.
    """
    cell_c = np.empty(poa.shape, np.float32)
    for i in range(len(poa)):
        sine = math.sin(math.radians(tilt_deg[i]))
        mounting = _mounting(inoct_c, sine)
        cell, sun_before = 0.0, 0.0
        for t in range(len(hour)):
            air = temperature_c[t] + 273.15
            if t == 0 or hour[t] != hour[t - 1] + 1:
                cell, sun_before = air, 0.0
            sun = float(poa[i, t]) * _ABSORPTION
            cell = _next(cell, air, wind_m_s[t] * _WIND + 1e-4, sun, sun_before, sine, *mounting) if sun > 0 else air
            sun_before = sun
            cell_c[i, t] = cell - 273.15 if sun > 0 else temperature_c[t]
    return cell_c


@njit(cache=True)
def _plane(poa, temperature_c, wind_m_s, hour, tilt_deg, inoct_c, cell_c):  # type: ignore[no-untyped-def]
    sine = math.sin(math.radians(tilt_deg))
    ground_ratio, convection_ratio, capacity = _mounting(inoct_c, sine)
    cell, sun_before = 0.0, 0.0
    for t in range(hour.size):
        air = temperature_c[t] + 273.15
        if t == 0 or hour[t] != hour[t - 1] + 1:
            cell, sun_before = air, 0.0
        sun = np.float64(poa[t]) * _ABSORPTION
        if sun > 0.0:
            wind = wind_m_s[t] * _WIND + 1e-4
            cell = _next(cell, air, wind, sun, sun_before, sine, ground_ratio, convection_ratio, capacity)
            cell_c[t] = cell - 273.15
        else:
            cell = air
            cell_c[t] = temperature_c[t]
        sun_before = sun


@variant("solar.fuentes", "numba")
@njit(cache=True, parallel=True)
def fuentes_numba(poa, temperature_c, wind_m_s, hour, tilt_deg, inoct_c):  # type: ignore[no-untyped-def]
    """Return the cell temperature plane by plane in parallel; same arguments as the reference."""
    cell_c = np.empty(poa.shape, np.float32)
    for i in prange(poa.shape[0]):
        _plane(poa[i], temperature_c, wind_m_s, hour, tilt_deg[i], inoct_c, cell_c[i])
    return cell_c
