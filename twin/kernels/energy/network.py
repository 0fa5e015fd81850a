"""A building as a network of nodes, hour by hour, without simplification: family ``energy.zone_network``.

The model is that of EN ISO 52016-1:2017, section 6.5.6: constructions as chains of nodes, one air node, surfaces that
exchange radiation, with its conduction equations solved exactly over each hour (`network_contract`) and not by one
implicit step. The reference takes the matrix exponential of the whole network and multiplies matrices; the fast variant
(`network_numba`) turns the network into all its modes once and steps these.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from twin.kernels.energy.air_node import figures_of, heating_set, held, operative
from twin.kernels.energy.network_contract import LAWS, NETWORK_INPUTS, OUTPUTS, STEP_S, sample
from twin.kernels.registry import Family, declare, variant

Float = NDArray[np.float64]
Single = NDArray[np.float32]
_TERMS = 18


def expm(matrix: Float) -> Float:
    """Return the matrix exponential of each of a stack, float64 (..., s, s), by scaling, Taylor series and squaring."""
    largest = float(np.abs(matrix).sum(axis=-1).max())
    halvings = max(0, math.ceil(math.log2(max(largest, 1e-300))) + 1)
    scaled = matrix / 2.0**halvings
    total = np.broadcast_to(np.eye(matrix.shape[-1]), matrix.shape).copy()
    term = total.copy()
    for k in range(1, _TERMS + 1):
        term = term @ scaled / k
        total = total + term
    for _ in range(halvings):
        total = total @ total
    return total


def phi_matrices(rate: Float) -> tuple[Float, Float, Float, Float]:
    """Return e^A and φ1(A), φ2(A), φ3(A) with φ_{k+1} = (φ_k - 1/k!) / A, each float64 (..., s, s)."""
    s = rate.shape[-1]
    augmented = np.zeros((*rate.shape[:-2], 4 * s, 4 * s))
    augmented[..., :s, :s] = rate
    for block in range(3):
        at = np.arange(s) + block * s
        augmented[..., at, at + s] = 1.0
    whole = expm(augmented)[..., :s, :]
    e, one, two, three = (whole[..., k * s : (k + 1) * s] for k in range(4))
    return e, one, two, three


def reference(
    drive: Float,
    heat_set_c: Float,
    cool_set_c: Float,
    gain: Float,
    air_flow: Float,
    profile: NDArray[np.int64],
    zones: Float,
    direct: Float,
    solar_in: Float,
    capacity_j_k: Float,
    conductance_w_k: Float,
    air_in_w_k: Float,
    drive_in: Float,
    gain_in: Float,
    start_c: float,
    overheating_c: float,
    warmup: int,
) -> tuple[Single, Single, Single, Float, Float]:
    """Step all buildings through the hours.

    Parameters
    ----------
    drive : float64 (t, m)
        Means of the hours, the same for all buildings; column 0 is the outdoor air.
    heat_set_c, cool_set_c, gain, air_flow : float64 (k, t)
        Profiles. `gain` multiplies the internal gains of the zones, `air_flow` their ventilation.
    profile : int64 (n,)
        Profile of each building.
    zones : float64 (n, 13)
        `network_contract.ZONE_COLUMNS`.
    direct : float64 (n, m)
        D: what the drives give to the air at once.
    solar_in : float64 (n, m)
        What counts as solar gain of each drive; 0 for temperatures.
    capacity_j_k, conductance_w_k, air_in_w_k, drive_in, gain_in : float64 (n, s), (n, s, s), (n, s), (n, s, m), (n, s)
        C (positive), K (symmetric), b, B and f of the network.
    start_c : float
        Of the air before the warm-up; the nodes are at rest with it under the mean drives and gains of the warm-up.
    overheating_c : float
        Operative temperature above which an hour counts as overheated.
    warmup : int
        Hours from the end of the run that come first; at most t. With 0 the means are those of the run.

    Returns
    -------
    heating_w, cooling_w, air_c : float32 (n, t)
        Means of the hours, heating and cooling both positive.
    balance : float64 (n, 7)
        `network_contract.BALANCE`, Wh.
    figures : float64 (n, 7)
        `air_node.FIGURES`.
    """
    n, hours = len(profile), drive.shape[0]
    leak, vent, air_capacity, internal, gain_direct, direct_air, most, least = zones.T[:8]
    recovery, airing, offset, film, convective = zones.T[8:]
    vent = vent * (1.0 - recovery)
    e, one, two, three = phi_matrices(-conductance_w_k / capacity_j_k[:, :, None] * STEP_S)

    def applied(matrix: Float, vector: Float) -> Float:
        return np.asarray(np.einsum("nij,nj->ni", matrix, vector))

    # Watts into the nodes: means of each hour, and how much they rise within it.
    flow = np.einsum("nsm,tm->tns", drive_in, drive) + gain[profile].T[:, :, None] * gain_in
    rise = 0.5 * (np.roll(flow, -1, axis=0) - np.roll(flow, 1, axis=0))
    per_kelvin = STEP_S * air_in_w_k / capacity_j_k
    # The air's heat exchange with the network, per kelvin held for an hour.
    exchange = direct_air - np.sum(air_in_w_k * applied(two, per_kelvin), axis=1)
    total, stay = air_capacity / STEP_S, conductance_w_k.sum(axis=2) - air_in_w_k
    lost_direct = (drive_in.sum(axis=1) + direct - solar_in) @ drive.T
    lost_gain = (gain_in.sum(axis=1) + gain_direct - internal)[:, None] * gain[profile]

    heating, cooling = np.zeros((n, hours), np.float32), np.zeros((n, hours), np.float32)
    temperature, balance = np.zeros((n, hours), np.float32), np.zeros((n, 7))
    warmth = np.zeros((n, hours))
    rest = flow[-warmup:].mean(axis=0) + air_in_w_k * float(start_c)
    nodes, before = np.linalg.solve(conductance_w_k, rest[:, :, None])[:, :, 0], np.full(n, float(start_c))
    for step in range(-warmup, hours):
        t = step % hours
        mean, slope = STEP_S * flow[t] / capacity_j_k, STEP_S * rise[t] / capacity_j_k
        free = applied(one, nodes) + applied(two, mean) + applied(three, slope) - 0.5 * applied(two, slope)
        h_air = leak + air_flow[profile, t] * vent
        surfaces = np.sum(air_in_w_k * free, axis=1) + direct @ drive[t] + gain_direct * gain[profile, t]
        per_watt = 1.0 / (exchange + h_air + total)
        still = (surfaces + h_air * drive[t, 0] + total * before) * per_watt
        high = cool_set_c[profile, t]
        band = heating_set(heat_set_c[profile, t], offset, high), high
        air, power, aired = held(still, per_watt, float(drive[t, 0]), band, airing, (most, least))
        mean = mean + per_kelvin * air[:, None]
        after = applied(e, nodes) + applied(one, mean) + applied(two, slope) - 0.5 * applied(one, slope)
        if step >= 0:
            during = free + applied(two, per_kelvin * air[:, None])
            lost = np.sum(stay * during, axis=1) + (direct_air - air_in_w_k.sum(axis=1)) * air
            heat, cool = np.maximum(power, 0.0), np.maximum(-power, 0.0)
            heating[:, t], cooling[:, t], temperature[:, t] = heat, cool, air
            given = surfaces - exchange * air - convective * gain[profile, t]
            warmth[:, t] = operative(air, given, film)
            flows = (
                heat,
                cool,
                internal * gain[profile, t],
                solar_in @ drive[t],
                lost - lost_direct[:, t] - lost_gain[:, t],
                h_air * (air - drive[t, 0]) + aired,
                np.sum(capacity_j_k * (after - nodes), axis=1) / STEP_S + total * (air - before),
            )
            balance += np.stack(flows, axis=1)
        nodes, before = after, air
    return heating, cooling, temperature, balance, figures_of(heating, cooling, temperature, warmth, overheating_c)


declare(
    Family(
        name="energy.zone_network",
        purpose="Hourly heating, cooling and air temperature of buildings as full networks of nodes.",
        inputs=NETWORK_INPUTS,
        outputs=OUTPUTS,
        sample=sample,
        work=lambda inputs: float(inputs["zones"].shape[0] * inputs["drive"].shape[0]),
        work_unit="building·hour",
        source="EN ISO 52016-1:2017, 6.5.6, with exact conduction over the hour (first-order hold)",
        rtol=1e-6,
        atol=1e-4,
        properties=LAWS,
    )
)
variant("energy.zone_network", "reference")(reference)
