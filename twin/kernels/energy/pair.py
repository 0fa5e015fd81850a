"""Two zones of one building with a floor between them, hour by hour: family ``energy.zone_pair``.

One network with two air nodes, as modes (`twin.kernels.energy.pair_reduction`); otherwise all is as in
`twin.kernels.energy.modal`. The heat that each air takes from the surfaces falls with both temperatures,

    q_i = s_i - X_ii T_i - X_ij T_j,

and each air has its own set-points, ventilation, airing and capacities. Through a floor hardly any heat passes within
an hour, so X_ij is small: the airs are settled in turn, `SWEEPS` times, each with the other's latest temperature.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.kernels.energy import network_contract as contract
from twin.kernels.energy import pair_reduction
from twin.kernels.energy.air_node import figures_of, heating_set, held, operative
from twin.kernels.energy.modal import phi
from twin.kernels.energy.network_contract import NOTHING_W_M2, STEP_S, ZONE
from twin.kernels.energy.pair_reduction import PAIR_MODES, PairModes
from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant

Float = NDArray[np.float64]
Single = NDArray[np.float32]
SWEEPS = 6
"""Each sweep leaves of an error the product of the two cross terms over the two diagonals: 1e-3 for a light floor."""


def reference(
    drive: Float,
    heat_set_c: Float,
    cool_set_c: Float,
    gain: Float,
    air_flow: Float,
    profile: NDArray[np.int64],
    zones: Float,
    solar_in: Float,
    rate: Float,
    out: Float,
    storage: Float,
    drive_in: Float,
    gain_in: Float,
    air_direct: Float,
    start_c: float,
    overheating_c: float,
    warmup: int,
) -> tuple[Single, Single, Single, Float, Float, Float]:
    """Step all pairs through the hours.

    Parameters
    ----------
    drive : float64 (t, m)
    heat_set_c, cool_set_c, gain, air_flow : float64 (k, t)
        As in `network.reference`.
    profile : int64 (n, 2)
        Of each zone.
    zones : float64 (n, 2, 13)
        `network_contract.ZONE_COLUMNS`; the direct terms are not read.
    solar_in : float64 (n, 2, m)
    rate, out, storage, drive_in, gain_in, air_direct
        `PairModes`.
    start_c, overheating_c : float
    warmup : int

    Returns
    -------
    heating_w, cooling_w, air_c : float32 (n, 2, t)
    balance : float64 (n, 2, 7)
        `network_contract.BALANCE` of each zone, Wh, without the heat through the floor.
    through : float64 (n,)
        Heat through the floor from the first zone to the second, Wh: what the first balance has over, and the second
        lacks.
    figures : float64 (n, 2, 7)
        `air_node.FIGURES`.
    """
    n, hours, r = len(profile), len(drive), rate.shape[1]
    leak, vent, air_capacity, internal, _, _, most, least, recovery, airing, offset, film, convective = np.moveaxis(
        zones, 2, 0
    )
    vent = vent * (1.0 - recovery)
    e, one, two, three = phi(rate * STEP_S)
    air_in = np.swapaxes(out[:, :2], 1, 2)
    gains = gain[profile]  # (n, 2, t)
    flow = np.einsum("nkm,tm->tnk", drive_in, drive) + np.einsum("nkz,nzt->tnk", gain_in, gains)
    rise = 0.5 * (np.roll(flow, -1, axis=0) - np.roll(flow, 1, axis=0))
    flow, past, rise = flow[:, :, :r], flow[:, :, r:], rise[:, :, :r]
    response = np.einsum("nkr,nrz->nkz", out * (STEP_S * two)[:, None], air_in) + air_direct
    exchange, total = -response[:, :2], air_capacity / STEP_S

    heating, cooling, temperature = (np.zeros((n, 2, hours), np.float32) for _ in range(3))
    balance, warmth, through = np.zeros((n, 2, 7)), np.zeros((n, 2, hours)), np.zeros(n)
    before = np.full((n, 2), float(start_c))
    rest = np.einsum("nrm,m->nr", drive_in[:, :r], drive[-warmup:].mean(axis=0))
    rest = rest + np.einsum("nrz,nz->nr", gain_in[:, :r], gains[:, :, -warmup:].mean(axis=2))
    state = (rest + air_in.sum(axis=2) * float(start_c)) / -rate
    for step in range(-warmup, hours):
        t = step % hours
        free = one * state + STEP_S * (two * flow[t] + (three - 0.5 * two) * rise[t])
        given = np.einsum("nkr,nr->nk", out, free) + past[t]
        h_air = leak + air_flow[profile, t] * vent
        high = cool_set_c[profile, t]
        low = heating_set(heat_set_c[profile, t], offset, high)
        air, power, aired = before.copy(), np.zeros((n, 2)), np.zeros((n, 2))
        for _ in range(SWEEPS):
            for z in range(2):
                per_watt = 1.0 / (exchange[:, z, z] + h_air[:, z] + total[:, z])
                own = given[:, z] - exchange[:, z, 1 - z] * air[:, 1 - z]
                still = (own + h_air[:, z] * drive[t, 0] + total[:, z] * before[:, z]) * per_watt
                limits = most[:, z], least[:, z]
                held_now = held(still, per_watt, float(drive[t, 0]), (low[:, z], high[:, z]), airing[:, z], limits)
                air[:, z], power[:, z], aired[:, z] = held_now
        mean = flow[t] + np.einsum("nrz,nz->nr", air_in, air)
        after = e * state + STEP_S * (one * mean + (two - 0.5 * one) * rise[t])
        if step >= 0:
            heat, cool = np.maximum(power, 0.0), np.maximum(-power, 0.0)
            heating[:, :, t], cooling[:, :, t], temperature[:, :, t] = heat, cool, air
            felt = given + np.einsum("nkz,nz->nk", response, air)
            own_gain = gains[:, :, t]
            warmth[:, :, t] = operative(air, felt[:, :2] - convective * own_gain, film)
            sun = np.einsum("nzm,m->nz", solar_in, drive[t])
            kept = np.einsum("nzr,nr->nz", storage, after - state) / STEP_S
            passed = np.stack([felt[:, 2], -felt[:, 2]], axis=1)
            lost = internal * own_gain + sun - felt[:, :2] - kept - passed
            vented, stored = h_air * (air - drive[t, 0]) + aired, kept + total * (air - before)
            balance += np.stack([heat, cool, internal * own_gain, sun, lost, vented, stored], axis=2)
            through += felt[:, 2]
        state, before = after, air
    heat_w, cool_w, air_c = (a.reshape(2 * n, hours) for a in (heating, cooling, temperature))
    figures = figures_of(heat_w, cool_w, air_c, warmth.reshape(2 * n, hours), overheating_c).reshape(n, 2, 7)
    return heating, cooling, temperature, balance, through, figures


def residual(balance: Float, through: Float) -> Float:
    """Return what the balance of each zone lacks, float64 (n, 2), as a share of the heat that is turned over."""
    heat, cool, internal, solar, transmitted, ventilated, stored = np.moveaxis(balance, 2, 0)
    passed = np.stack([through, -through], axis=1)
    lack = heat - cool + internal + solar - transmitted - ventilated - stored - passed
    return np.asarray(np.abs(lack) / np.maximum(np.abs(balance).sum(axis=2), 1e-9))


def _sample(size: int, rng: np.random.Generator) -> Inputs:
    """Return the random pairs of `pair_reduction`, reduced."""
    seed = int(rng.integers(2**31))
    full = contract.sample(2 * size, np.random.default_rng(seed))
    networks = pair_reduction.sample_networks(size, np.random.default_rng(seed))
    shared = {name: full[name] for name in ("drive", "heat_set_c", "cool_set_c", "gain", "air_flow")}
    modes = pair_reduction.reduce_pairs(**networks, modes=PAIR_MODES)
    own = {
        "profile": full["profile"].reshape(size, 2),
        "zones": networks["zones"],
        "solar_in": full["solar_in"].reshape(size, 2, -1),
    }
    return shared | own | modes._asdict() | {name: full[name] for name in ("start_c", "overheating_c", "warmup")}


def _run(kernel: Kernel, inputs: Inputs) -> tuple[Float, ...]:
    return tuple(kernel(*inputs.values()))


def _conserves(kernel: Kernel, inputs: Inputs) -> None:
    *_, balance, through, _ = _run(kernel, inputs)
    assert residual(balance, through).max() <= 1e-9


def _order_does_not_matter(kernel: Kernel, inputs: Inputs) -> None:
    order = np.random.default_rng(1).permutation(len(inputs["profile"]))
    own = ("profile", "zones", "solar_in", *PairModes._fields)
    moved = {k: np.ascontiguousarray(v[order]) if k in own else v for k, v in inputs.items()}
    for straight, turned in zip(_run(kernel, inputs), _run(kernel, moved), strict=True):
        np.testing.assert_allclose(turned, straight[order], rtol=1e-9, atol=1e-6)


def _which_is_first_does_not_matter(kernel: Kernel, inputs: Inputs) -> None:
    """Name the second zone first: the same temperatures, and the heat through the floor the other way."""
    r = inputs["rate"].shape[1]
    rows = [*range(r), r + 1, r, r + 2]
    turned = inputs | {name: inputs[name][:, ::-1].copy() for name in ("profile", "zones", "solar_in", "storage")}
    sign = np.array([1.0, 1.0, -1.0])[:, None]
    turned["out"] = inputs["out"][:, [1, 0, 2]] * sign
    turned["air_direct"] = inputs["air_direct"][:, [1, 0, 2]][:, :, ::-1] * sign
    for name in ("drive_in", "gain_in"):
        turned[name] = inputs[name][:, rows].copy()
        turned[name][:, -1] *= -1.0
    turned["gain_in"] = np.ascontiguousarray(turned["gain_in"][:, :, ::-1])
    turned["air_direct"] = np.ascontiguousarray(turned["air_direct"])
    (*_, air, balance, through, _), (*_, air2, balance2, through2, _) = _run(kernel, inputs), _run(kernel, turned)
    np.testing.assert_allclose(air2[:, ::-1], air, atol=1e-5)
    scale = np.abs(balance).sum(axis=(1, 2))
    assert np.all(np.abs(balance2[:, ::-1] - balance).max(axis=(1, 2)) <= 1e-6 * scale)
    assert np.all(np.abs(through + through2) <= 1e-6 * scale)


def _nothing_from_nothing(kernel: Kernel, inputs: Inputs) -> None:
    """No gains, outdoors and both set-points at 20 °C: neither demand nor heat through the floor."""
    still = inputs | {
        "drive": np.zeros_like(inputs["drive"]), "gain": np.zeros_like(inputs["gain"]),
        "heat_set_c": np.full_like(inputs["heat_set_c"], 20.0), "cool_set_c": np.full_like(inputs["cool_set_c"], 20.0),
        "start_c": 20.0, "zones": inputs["zones"].copy(),
    }  # fmt: skip
    still["drive"][:, 0] = 20.0
    still["zones"][:, :, ZONE["heat_offset_k"]] = 0.0
    heating, cooling, air, _, through, _ = _run(kernel, still)
    scale = NOTHING_W_M2 * inputs["zones"][:, :, ZONE["internal_w"]]
    assert np.all(heating <= scale[:, :, None])
    assert np.all(cooling <= scale[:, :, None])
    assert np.all(np.abs(through) <= scale.sum(axis=1) * len(inputs["drive"]))
    np.testing.assert_allclose(air, 20.0, atol=1e-5)


_PAIR = ("n", "two")
_SERIES = ("n", "two", "t")
declare(
    Family(
        name="energy.zone_pair",
        purpose="Hourly heating, cooling and air temperature of two zones with a floor between them.",
        inputs=(
            *contract.PROFILE_INPUTS[:5],
            Array("profile", _PAIR, "int64", "-"),
            Array("zones", ("n", "two", "columns"), "float64", "see ZONE_COLUMNS"),
            Array("solar_in", ("n", "two", "m"), "float64", "W per drive, 0 for temperatures"),
            Array("rate", ("n", "r"), "float64", "1/s"),
            Array("out", ("n", "three", "r"), "float64", "see PairModes"),
            Array("storage", ("n", "two", "r"), "float64", "see PairModes"),
            Array("drive_in", ("n", "rows", "m"), "float64", "see PairModes"),
            Array("gain_in", ("n", "rows", "two"), "float64", "see PairModes"),
            Array("air_direct", ("n", "three", "two"), "float64", "W/K"),
            *contract.RUN_INPUTS,
        ),
        outputs=(
            Array("heating_w", _SERIES, "float32", "W"),
            Array("cooling_w", _SERIES, "float32", "W"),
            Array("air_c", _SERIES, "float32", "degC"),
            Array("balance", ("n", "two", "flows"), "float64", "Wh"),
            Array("through", ("n",), "float64", "Wh"),
            Array("figures", ("n", "two", "figures"), "float64", "see air_node.FIGURES"),
        ),
        sample=_sample,
        work=lambda inputs: float(len(inputs["profile"]) * len(inputs["drive"])),
        work_unit="building·hour",
        source="EN ISO 52016-1:2017, 6.5.6, two zones, reduced; Fernando and Nicholson 1983",
        rtol=1e-6,
        atol=1e-4,
        properties=(
            Property("each zone's books close to 1e-9 with the heat through the floor", _conserves),
            Property("the order of buildings does not matter", _order_does_not_matter),
            Property("which zone is first does not matter", _which_is_first_does_not_matter),
            Property("no gains and no temperature difference: no demand", _nothing_from_nothing),
        ),
    )
)
variant("energy.zone_pair", "reference")(reference)
