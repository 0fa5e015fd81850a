"""Hourly heat balance of buildings: the simple hourly method (5R1C) of EN ISO 13790:2008, Annex C.

Every building is one zone: an air node, a surface node and a mass node with one heat capacity. Φ_HC is found by the
five-step procedure of C.4: free float between the set-points, else the power that holds the set-point, clipped to
the capacity. The formulas are written so that a zone without ventilation or without windows divides by nothing.
Of the gains on surfaces the standard loses the share H_w / (h_ms A_t) directly through the windows; it is counted as
transmitted here, so that ``heating - cooling + internal + solar - transmitted - ventilated = stored``.

One thing is added to the standard: from the middle between the set-points upward, occupants open windows and heat
recovery is bypassed. This airing takes heat from the air node like ventilation does, as much as is needed to hold
that temperature, up to ``airing_w_k`` times the difference to outdoors; mechanical cooling comes after it.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from numba import prange
from numpy.typing import NDArray

from twin.kernels.energy.zone_contract import BALANCE, COMFORT, INPUTS, LAWS, sample
from twin.kernels.jit import njit
from twin.kernels.registry import Array, Family, declare, variant

H_MS = 9.1  # W/m²K between mass and surface, 12.2.2
H_IS = 3.45  # W/m²K between surface and air, 7.2.2.2
SECONDS = 3600.0


def _state(
    before: NDArray[np.float64],
    outside: float,
    conductances: tuple[NDArray[np.float64], ...],
    gains: tuple[NDArray[np.float64], ...],
    power: NDArray[np.float64],
) -> tuple[NDArray[np.float64], ...]:
    """Return the mass at the end of the hour, and mean mass, surface and air temperature, for a given Φ_HC."""
    h_op, h_w, h_ve, h_ms, h_is, c_m = conductances
    internal, phi_m, phi_st = gains
    h_em = h_op * h_ms / (h_ms - h_op)
    h1 = h_is * h_ve / (h_is + h_ve)  # C.6
    h2 = h1 + h_w  # C.7
    h3 = h2 * h_ms / (h2 + h_ms)  # C.8
    air_side = h1 * outside + h_is / (h_is + h_ve) * (0.5 * internal + power)
    total = phi_m + h_em * outside + h_ms / (h2 + h_ms) * (phi_st + h_w * outside + air_side)  # C.5
    half = 0.5 * (h3 + h_em)
    after = (before * (c_m / SECONDS - half) + total) / (c_m / SECONDS + half)  # C.4
    mean = 0.5 * (before + after)  # C.9
    surface = (h_ms * mean + phi_st + h_w * outside + air_side) / (h_ms + h_w + h1)  # C.10
    air = (h_is * surface + h_ve * outside + 0.5 * internal + power) / (h_is + h_ve)  # C.11
    return after, mean, surface, air


def reference(
    temperature_c: NDArray[np.float64],
    irradiance_w_m2: NDArray[np.float64],
    heat_set_c: NDArray[np.float64],
    cool_set_c: NDArray[np.float64],
    gains_w_m2: NDArray[np.float64],
    air_flow: NDArray[np.float64],
    profile: NDArray[np.int64],
    zones: NDArray[np.float64],
    aperture_m2: NDArray[np.float64],
    overheating_c: float,
    warmup: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
    """Step all zones through the hours, one hour at a time.

    Parameters
    ----------
    temperature_c : float64 (t,)
        Outdoor air.
    irradiance_w_m2 : float64 (t, o)
        On vertical planes of each orientation.
    heat_set_c, cool_set_c, gains_w_m2, air_flow : float64 (k, t)
        Profiles: set-points, internal gains per floor area, ventilation as a multiple of full flow.
    profile : int64 (n,)
        Profile of each zone.
    zones : float64 (n, 14)
        `ZONE_COLUMNS`.
    aperture_m2 : float64 (n, o)
        Window area times g-value, frame and shading.
    overheating_c : float
        Operative temperature above which an hour counts as overheated.
    warmup : int
        Hours from the end of the year that are run first; at most t.

    Returns
    -------
    heating_w, cooling_w : float32 (n, t)
        Both positive.
    balance : float64 (n, 7)
        Wh over the year, `BALANCE`.
    comfort : float64 (n, 4)
        `COMFORT`.
    """
    n, hours = zones.shape[0], temperature_c.size
    area, h_op, h_w, h_leak, h_vent, eta, airing, c_m, a_m, a_t, factor, offset, heat_max, cool_max = zones.T
    h_ms, h_is = H_MS * a_m, H_IS * a_t
    h_em = h_op * h_ms / (h_ms - h_op)
    to_mass, lost = a_m / a_t, h_w / (H_MS * a_t)
    heating, cooling = np.zeros((n, hours), np.float32), np.zeros((n, hours), np.float32)
    balance, comfort = np.zeros((n, len(BALANCE))), np.zeros((n, len(COMFORT)))
    comfort[:, 3] = -math.inf
    mass = heat_set_c[profile, (hours - warmup) % hours] + offset

    for step in range(-warmup, hours):
        t = step % hours
        outside = temperature_c[t]
        h_ve = h_leak + air_flow[profile, t] * h_vent * (1.0 - eta)
        internal = area * factor * gains_w_m2[profile, t]
        solar = aperture_m2 @ irradiance_w_m2[t]
        inner = 0.5 * internal + solar
        phi_m, phi_st = to_mass * inner, (1.0 - to_mass - lost) * inner  # C.2, C.3

        state = partial(_state, mass, outside, (h_op, h_w, h_ve, h_ms, h_is, c_m), (internal, phi_m, phi_st))
        still, ten = state(np.zeros(n))[3], 10.0 * area  # step 1
        per_watt = (state(ten)[3] - still) / ten
        low, high = heat_set_c[profile, t] + offset, cool_set_c[profile, t]
        middle = 0.5 * (low + high)
        needed = np.maximum(0.0, still - middle) / per_watt
        most = airing * (still - outside) / (1.0 + airing * per_watt)  # airing (air − outside), fully open
        aired = np.clip(most, 0.0, needed)
        free = still - per_watt * aired
        wanted = np.where(free < low, low, np.where(free > high, high, free))
        power = (wanted - free) / per_watt  # step 2, C.13
        power = np.clip(power, -cool_max, heat_max)  # steps 3 and 4
        after, mean, surface, air = state(power - aired)  # step 5
        if step >= 0:
            heat, cool = np.maximum(power, 0.0), np.maximum(-power, 0.0)
            operative = 0.3 * air + 0.7 * surface  # C.12
            heating[:, t], cooling[:, t] = heat, cool
            flows = (
                heat,
                cool,
                internal,
                solar,
                h_em * (mean - outside) + h_w * (surface - outside) + lost * inner,
                h_ve * (air - outside) + aired,
                c_m / SECONDS * (after - mass),
            )
            balance += np.stack(flows, axis=1)
            comfort[:, 0] = np.maximum(comfort[:, 0], heat)
            comfort[:, 1] += operative > overheating_c
            comfort[:, 2] += air / hours
            comfort[:, 3] = np.maximum(comfort[:, 3], operative)
        mass = after
    return heating, cooling, balance, comfort


@njit(cache=True, parallel=True)
def fast(
    temperature_c: NDArray[np.float64],
    irradiance_w_m2: NDArray[np.float64],
    heat_set_c: NDArray[np.float64],
    cool_set_c: NDArray[np.float64],
    gains_w_m2: NDArray[np.float64],
    air_flow: NDArray[np.float64],
    profile: NDArray[np.int64],
    zones: NDArray[np.float64],
    aperture_m2: NDArray[np.float64],
    overheating_c: float,
    warmup: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
    """Run each zone through all hours, zones in parallel; the response to Φ_HC in closed form. See `reference`."""
    n, hours, orientations = zones.shape[0], temperature_c.size, aperture_m2.shape[1]
    heating, cooling = np.empty((n, hours), np.float32), np.empty((n, hours), np.float32)
    balance, comfort = np.empty((n, 7)), np.empty((n, 4))
    for i in prange(n):
        k = profile[i]
        area, h_op, h_w, h_leak, h_vent = zones[i, 0], zones[i, 1], zones[i, 2], zones[i, 3], zones[i, 4]
        eta, airing, c, a_m, a_t = zones[i, 5], zones[i, 6], zones[i, 7] / 3600.0, zones[i, 8], zones[i, 9]
        factor, offset, heat_max, cool_max = zones[i, 10], zones[i, 11], zones[i, 12], zones[i, 13]
        h_ms, h_is = 9.1 * a_m, 3.45 * a_t
        h_em = h_op * h_ms / (h_ms - h_op)
        to_mass, lost = a_m / a_t, h_w / (9.1 * a_t)
        to_surface = 1.0 - to_mass - lost
        mass = heat_set_c[k, (hours - warmup) % hours] + offset
        q_heat = q_cool = q_internal = q_solar = q_trans = q_vent = q_stored = 0.0
        peak = hot = air_sum = 0.0
        warmest = -1e9
        for step in range(-warmup, hours):
            t = step if step >= 0 else step + hours
            outside = temperature_c[t]
            h_ve = h_leak + air_flow[k, t] * h_vent * (1.0 - eta)
            share = h_is / (h_is + h_ve)
            h1 = share * h_ve
            h2 = h1 + h_w
            mass_share = h_ms / (h2 + h_ms)
            half = 0.5 * (h2 * mass_share + h_em)
            internal = area * factor * gains_w_m2[k, t]
            solar = 0.0
            for o in range(orientations):
                solar += aperture_m2[i, o] * irradiance_w_m2[t, o]
            inner = 0.5 * internal + solar
            phi_st = to_surface * inner

            # temperatures without heating and cooling, and their rise per watt
            side = phi_st + h_w * outside + h1 * outside + share * 0.5 * internal
            step_gain = 1.0 / (c + half)
            after = (mass * (c - half) + to_mass * inner + h_em * outside + mass_share * side) * step_gain
            d_after = mass_share * share * step_gain
            surface_gain = 1.0 / (h_ms + h2)
            surface = (h_ms * 0.5 * (mass + after) + side) * surface_gain
            d_surface = (h_ms * 0.5 * d_after + share) * surface_gain
            air_gain = 1.0 / (h_is + h_ve)
            air = (h_is * surface + h_ve * outside + 0.5 * internal) * air_gain
            d_air = (h_is * d_surface + 1.0) * air_gain

            low, high = heat_set_c[k, t] + offset, cool_set_c[k, t]
            aired = 0.0
            middle = 0.5 * (low + high)
            if air > middle and air > outside:
                aired = min((air - middle) / d_air, airing * (air - outside) / (1.0 + airing * d_air))
                after -= d_after * aired
                surface -= d_surface * aired
                air -= d_air * aired
            power = 0.0
            if air < low:
                power = min((low - air) / d_air, heat_max)
            elif air > high:
                power = max((high - air) / d_air, -cool_max)
            after += d_after * power
            surface += d_surface * power
            air += d_air * power
            if step >= 0:
                heat, cool = max(power, 0.0), max(-power, 0.0)
                operative = 0.3 * air + 0.7 * surface
                heating[i, t] = heat
                cooling[i, t] = cool
                q_heat += heat
                q_cool += cool
                q_internal += internal
                q_solar += solar
                mean = 0.5 * (mass + after)
                q_trans += h_em * (mean - outside) + h_w * (surface - outside) + lost * inner
                q_vent += h_ve * (air - outside) + aired
                q_stored += c * (after - mass)
                peak = max(peak, heat)
                air_sum += air
                warmest = max(warmest, operative)
                if operative > overheating_c:
                    hot += 1.0
            mass = after
        balance[i, 0], balance[i, 1], balance[i, 2], balance[i, 3] = q_heat, q_cool, q_internal, q_solar
        balance[i, 4], balance[i, 5], balance[i, 6] = q_trans, q_vent, q_stored
        comfort[i, 0], comfort[i, 1], comfort[i, 2], comfort[i, 3] = peak, hot, air_sum / hours, warmest
    return heating, cooling, balance, comfort


FAMILY = declare(
    Family(
        name="energy.zone_balance",
        purpose="Hourly heating and cooling of buildings with set-points, capacities, ventilation and gains.",
        inputs=INPUTS,
        outputs=(
            Array("heating_w", ("n", "t"), "float32", "W"),
            Array("cooling_w", ("n", "t"), "float32", "W"),
            Array("balance", ("n", "flows"), "float64", "Wh"),
            Array("comfort", ("n", "figures"), "float64", "see COMFORT"),
        ),
        sample=sample,
        work=lambda inputs: float(inputs["zones"].shape[0] * inputs["temperature_c"].size),
        work_unit="building·hour",
        source="EN ISO 13790:2008, Annex C (simple hourly method), with h_ms and h_is of 12.2.2 and 7.2.2.2",
        rtol=1e-6,
        atol=1e-4,
        properties=LAWS,
    )
)

variant("energy.zone_balance", "reference")(reference)
variant("energy.zone_balance", "numba")(fast)
