"""A building as a few modes of its network, hour by hour: family ``energy.zone_modal``.

`energy.zone_reduction` finds the modes. Notation of `network_contract`, with modes z in place of the nodes x:
dz/dt = λ z + B u + b T + f g.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.kernels.energy import network_contract as contract
from twin.kernels.energy.air_node import figures_of, heating_set, held, operative
from twin.kernels.energy.network_contract import LAWS, PROFILE_INPUTS, STEP_S
from twin.kernels.energy.reduction import Modes, all_modes, reduce_networks
from twin.kernels.registry import Array, Family, Inputs, declare, variant

Float = NDArray[np.float64]
Single = NDArray[np.float32]
_SERIES = 16
__all__ = ["Modes", "all_modes", "phi", "reduce_networks", "reference", "start_state"]


def phi(y: Float) -> tuple[Float, Float, Float, Float]:
    """Return e^y and φ1, φ2, φ3 of y, elementwise, by series where the recursion cancels."""
    y = np.asarray(y, np.float64)
    near = np.abs(y) < 0.5
    small, large = np.where(near, y, 0.0), np.where(near, -1.0, y)
    third, power = np.zeros_like(y), np.ones_like(y)
    factorial = 6.0
    for k in range(_SERIES):
        third = third + power / factorial
        power, factorial = power * small, factorial * (k + 4.0)
    series = 1.0 + small * (0.5 + small * third), 0.5 + small * third
    one = np.expm1(large) / large
    two = (one - 1.0) / large
    three = (two - 0.5) / large
    return (
        np.exp(y),
        np.where(near, series[0], one),
        np.where(near, series[1], two),
        np.where(near, third, three),
    )


def start_state(
    drive: Float,
    gain: Float,
    profile: NDArray[np.int64],
    rate: Float,
    air_in: Float,
    drive_in: Float,
    gain_in: Float,
    start_c: float,
    warmup: int,
) -> Float:
    """Return the modes (n, r) at rest under the mean drives and gains of the warm-up, the air at `start_c`."""
    mean, gains = drive[-warmup:].mean(axis=0), gain[:, -warmup:].mean(axis=1)[profile]
    return np.asarray((drive_in @ mean + gain_in * gains[:, None] + air_in * float(start_c)) / -rate)


def _sample(size: int, rng: np.random.Generator) -> Inputs:
    """Return the random networks of `network_contract.sample`, reduced."""
    full = contract.sample(size, rng)
    names = ("zones", "direct", "solar_in", *contract.OF_NETWORK)
    reduced = reduce_networks(*(full[name] for name in names))
    shared = {a.name: full[a.name] for a in PROFILE_INPUTS}
    rest = {a.name: full[a.name] for a in contract.RUN_INPUTS} | {"record": 1}
    return shared | reduced._asdict() | rest


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
    rate: Float,
    air_in: Float,
    storage: Float,
    drive_in: Float,
    gain_in: Float,
    start_c: float,
    overheating_c: float,
    warmup: int,
    record: int,
) -> tuple[Single, Single, Single, Float, Float]:
    """Step all buildings through the hours.

    Parameters
    ----------
    drive : float64 (t, m)
    heat_set_c, cool_set_c, gain, air_flow : float64 (k, t)
    profile : int64 (n,)
        These as in `network.reference`.
    zones, direct, solar_in, rate, air_in, storage, drive_in, gain_in
        `Modes`.
    start_c : float
    overheating_c : float
    warmup : int
        As in `network.reference`.
    record : int
        1 for hourly results, 0 for balance and figures only.

    Returns
    -------
    heating_w, cooling_w, air_c : float32 (n, t), or (0, 0) without record
        Means of the hours.
    balance : float64 (n, 7)
        `network_contract.BALANCE`, Wh.
    figures : float64 (n, 7)
        `air_node.FIGURES`.
    """
    n, hours = len(profile), drive.shape[0]
    leak, vent, air_capacity, internal, gain_direct, direct_air, most, least = zones.T[:8]
    recovery, airing, offset, film, convective = zones.T[8:]
    vent = vent * (1.0 - recovery)
    e, one, two, three = phi(rate * STEP_S)
    flow = np.einsum("nrm,tm->tnr", drive_in, drive) + gain[profile].T[:, :, None] * gain_in
    rise = 0.5 * (np.roll(flow, -1, axis=0) - np.roll(flow, 1, axis=0))
    total = air_capacity / STEP_S
    exchange = direct_air - np.sum(air_in * STEP_S * two * air_in, axis=1)
    heating, cooling, temperature = (np.zeros((n, hours), np.float32) for _ in range(3))
    balance, warmth = np.zeros((n, len(contract.BALANCE))), np.zeros((n, hours))
    state = start_state(drive, gain, profile, rate, air_in, drive_in, gain_in, start_c, warmup)
    before = np.full(n, float(start_c))
    for step in range(-warmup, hours):
        t = step % hours
        free = one * state + STEP_S * (two * flow[t] + (three - 0.5 * two) * rise[t])
        h_air = leak + air_flow[profile, t] * vent
        surfaces = np.sum(air_in * free, axis=1) + direct @ drive[t] + gain_direct * gain[profile, t]
        per_watt = 1.0 / (exchange + h_air + total)
        still = (surfaces + h_air * drive[t, 0] + total * before) * per_watt
        high = cool_set_c[profile, t]
        band = heating_set(heat_set_c[profile, t], offset, high), high
        air, power, aired = held(still, per_watt, float(drive[t, 0]), band, airing, (most, least))
        mean = flow[t] + air_in * air[:, None]
        after = e * state + STEP_S * (one * mean + (two - 0.5 * one) * rise[t])
        if step >= 0:
            heat, cool = np.maximum(power, 0.0), np.maximum(-power, 0.0)
            heating[:, t], cooling[:, t], temperature[:, t] = heat, cool, air
            given = surfaces - exchange * air - convective * gain[profile, t]
            warmth[:, t] = operative(air, given, film)
            gains, sun = internal * gain[profile, t], solar_in @ drive[t]
            kept = np.sum(storage * (after - state), axis=1) / STEP_S
            lost = gains + sun - (surfaces - exchange * air) - kept
            flows = heat, cool, gains, sun, lost, h_air * (air - drive[t, 0]) + aired, kept + total * (air - before)
            balance += np.stack(flows, axis=1)
        state, before = after, air
    figures = figures_of(heating, cooling, temperature, warmth, overheating_c)
    if not record:
        heating, cooling, temperature = (np.empty((0, 0), np.float32) for _ in range(3))
    return heating, cooling, temperature, balance, figures


_N_R = ("n", "r")
declare(
    Family(
        name="energy.zone_modal",
        purpose="Hourly heating, cooling and air temperature of buildings reduced to a few modes.",
        inputs=(
            *PROFILE_INPUTS,
            Array("rate", _N_R, "float64", "1/s"),
            Array("air_in", _N_R, "float64", "see Modes"),
            Array("storage", _N_R, "float64", "see Modes"),
            Array("drive_in", ("n", "r", "m"), "float64", "see Modes"),
            Array("gain_in", _N_R, "float64", "see Modes"),
            *contract.RUN_INPUTS,
            Array("record", (), "int64", "0 or 1"),
        ),
        outputs=contract.OUTPUTS,
        sample=_sample,
        work=lambda inputs: float(inputs["zones"].shape[0] * inputs["drive"].shape[0]),
        work_unit="building·hour",
        source="EN ISO 52016-1:2017, 6.5.6, reduced; Fernando and Nicholson 1983, doi:10.1109/TAC.1983.1103195",
        rtol=1e-6,
        atol=1e-4,
        properties=LAWS,
    )
)
variant("energy.zone_modal", "reference")(reference)
