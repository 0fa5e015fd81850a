"""A building as a few modes of its network, hour by hour: family ``energy.zone_modal``.

`reduce_networks` finds the modes. Written with √C the network is symmetric, and by reciprocity what the air can reach
is what the air can feel: the network is projected on the dominant eigenvectors of the controllability Gramian of the
air temperature alone, which is the balanced truncation of a symmetric system (K. Fernando and H. Nicholson, "On the
structure of balanced and other principal representations of SISO systems", IEEE Trans. Automatic Control 28(2),
228-231 (1983), doi:10.1109/TAC.1983.1103195), and diagonalised again, so that all modes are real and decay. What the
modes lack at steady state is added as a direct term: steady losses and gains are those of the full network.

Notation of `network_contract`, with modes z in place of the nodes x: dz/dt = λ z + B u + b T + f g.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.kernels.energy import network_contract as contract
from twin.kernels.energy.network_contract import LAWS, PROFILE_INPUTS, STEP_S
from twin.kernels.registry import Array, Family, Inputs, declare, variant

Float = NDArray[np.float64]
Single = NDArray[np.float32]
MODES = 6
FIGURES = ("peak_heating_w", "peak_cooling_w", "mean_air_c", "min_air_c", "max_air_c")
_SERIES = 16


class Modes(NamedTuple):
    """Buildings as modes: what the kernel takes, in its order; float64, unit of a mode √J√K.

    zones (n, 8) and direct (n, m) as in `network_contract`, with the direct terms of the modes left out; rate (n, r)
    1/s, negative; air_in (n, r); storage (n, r), heat stored per mode; drive_in (n, r, m); gain_in (n, r).
    """

    zones: Float
    direct: Float
    solar_in: Float
    rate: Float
    air_in: Float
    storage: Float
    drive_in: Float
    gain_in: Float


def all_modes(
    zones: Float,
    direct: Float,
    solar_in: Float,
    capacity_j_k: Float,
    conductance_w_k: Float,
    air_in_w_k: Float,
    drive_in: Float,
    gain_in: Float,
) -> Modes:
    """Return networks with s nodes as their s modes, without loss. Arguments as in `network.reference`."""
    root = np.sqrt(capacity_j_k)
    rate, vectors = np.linalg.eigh(-conductance_w_k / (root[:, :, None] * root[:, None, :]))
    turn = np.swapaxes(vectors, 1, 2)

    def to_modes(values: Float) -> Float:
        return np.asarray((turn @ values[:, :, None])[:, :, 0])

    inputs = turn @ (drive_in / root[:, :, None])
    air, gains = to_modes(air_in_w_k / root), to_modes(gain_in / root)
    return Modes(zones, direct, solar_in, rate, air, to_modes(root), inputs, gains)


def reduce_networks(
    zones: Float,
    direct: Float,
    solar_in: Float,
    capacity_j_k: Float,
    conductance_w_k: Float,
    air_in_w_k: Float,
    drive_in: Float,
    gain_in: Float,
    *,
    modes: int = MODES,
) -> Modes:
    """Return networks as `modes` modes each (all, where there are not more). Arguments as in `network.reference`."""
    full = all_modes(zones, direct, solar_in, capacity_j_k, conductance_w_k, air_in_w_k, drive_in, gain_in)
    if full.rate.shape[1] <= modes:
        return full
    gramian = full.air_in[:, :, None] * full.air_in[:, None, :] / -(full.rate[:, :, None] + full.rate[:, None, :])
    base = np.linalg.eigh(gramian)[1][:, :, -modes:]
    turn = np.swapaxes(base, 1, 2)
    rate, vectors = np.linalg.eigh(turn @ (full.rate[:, :, None] * base))
    turn = np.swapaxes(vectors, 1, 2) @ turn

    def to_modes(values: Float) -> Float:
        return np.asarray((turn @ values[:, :, None])[:, :, 0])

    small = full._replace(
        rate=rate,
        air_in=to_modes(full.air_in),
        storage=to_modes(full.storage),
        drive_in=turn @ full.drive_in,
        gain_in=to_modes(full.gain_in),
    )
    drives, gains, air = (a - b for a, b in zip(_steady(full), _steady(small), strict=True))
    zones = zones.copy()
    zones[:, 4] += gains
    zones[:, 5] -= air
    return small._replace(zones=zones, direct=direct + drives)


def _steady(modes: Modes) -> tuple[Float, Float, Float]:
    """Return the steady heat to the air through the modes per drive, gain and kelvin of the air."""
    weight = modes.air_in / -modes.rate
    drives = np.einsum("nr,nrm->nm", weight, modes.drive_in)
    return drives, np.sum(weight * modes.gain_in, axis=1), np.sum(weight * modes.air_in, axis=1)


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
    reduced = reduce_networks(*(full[name] for name in names), modes=MODES)
    shared = {a.name: full[a.name] for a in PROFILE_INPUTS}
    rest = {"start_c": full["start_c"], "warmup": full["warmup"], "record": 1}
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
    figures : float64 (n, 5)
        `FIGURES`.
    """
    n, hours = len(profile), drive.shape[0]
    leak, vent, air_capacity, internal, gain_direct, direct_air, most, least = zones.T
    e, one, two, three = phi(rate * STEP_S)
    flow = np.einsum("nrm,tm->tnr", drive_in, drive) + gain[profile].T[:, :, None] * gain_in
    rise = 0.5 * (np.roll(flow, -1, axis=0) - np.roll(flow, 1, axis=0))
    total = air_capacity / STEP_S
    exchange = direct_air - np.sum(air_in * STEP_S * two * air_in, axis=1)
    heating, cooling, temperature = (np.zeros((n, hours), np.float32) for _ in range(3))
    balance = np.zeros((n, len(contract.BALANCE)))
    state = start_state(drive, gain, profile, rate, air_in, drive_in, gain_in, start_c, warmup)
    before = np.full(n, float(start_c))
    for step in range(-warmup, hours):
        t = step % hours
        free = one * state + STEP_S * (two * flow[t] + (three - 0.5 * two) * rise[t])
        h_air = leak + air_flow[profile, t] * vent
        surfaces = np.sum(air_in * free, axis=1) + direct @ drive[t] + gain_direct * gain[profile, t]
        per_watt = 1.0 / (exchange + h_air + total)
        still = (surfaces + h_air * drive[t, 0] + total * before) * per_watt
        wanted = np.clip(still, heat_set_c[profile, t], cool_set_c[profile, t])
        power = np.clip((wanted - still) / per_watt, -least, most)
        air = still + power * per_watt
        mean = flow[t] + air_in * air[:, None]
        after = e * state + STEP_S * (one * mean + (two - 0.5 * one) * rise[t])
        if step >= 0:
            heat, cool = np.maximum(power, 0.0), np.maximum(-power, 0.0)
            heating[:, t], cooling[:, t], temperature[:, t] = heat, cool, air
            gains, sun = internal * gain[profile, t], solar_in @ drive[t]
            kept = np.sum(storage * (after - state), axis=1) / STEP_S
            lost = gains + sun - (surfaces - exchange * air) - kept
            flows = heat, cool, gains, sun, lost, h_air * (air - drive[t, 0]), kept + total * (air - before)
            balance += np.stack(flows, axis=1)
        state, before = after, air
    summed = heating.max(axis=1), cooling.max(axis=1), temperature.mean(axis=1, dtype=np.float64)
    figures = np.stack([*summed, temperature.min(axis=1), temperature.max(axis=1)], axis=1).astype(np.float64)
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
            Array("start_c", (), "float64", "degC"),
            Array("warmup", (), "int64", "h"),
            Array("record", (), "int64", "0 or 1"),
        ),
        outputs=(*contract.OUTPUTS, Array("figures", ("n", "figures"), "float64", "see FIGURES")),
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
