"""From networks of nodes to a few modes: family ``energy.zone_reduction``.

Written with √C the network is symmetric, and by reciprocity what the air can reach is what the air can feel: the
network is projected on the dominant eigenvectors of the controllability Gramian of the air temperature alone, which is
the balanced truncation of a symmetric system (K. Fernando and H. Nicholson, "On the structure of balanced and other
principal representations of SISO systems", IEEE Trans. Automatic Control 28(2), 228-231 (1983),
doi:10.1109/TAC.1983.1103195), and diagonalised again, so that all modes are real and decay. What the modes lack at
steady state is added as a direct term: steady losses and gains are those of the full network.

Notation of `network_contract`, with modes z in place of the nodes x: dz/dt = λ z + B u + b T + f g.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.kernels.energy import network_contract as contract
from twin.kernels.energy.network_contract import NETWORK_INPUTS, OF_NETWORK, ZONE
from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant

Float = NDArray[np.float64]
MODES = 6


class Modes(NamedTuple):
    """Buildings as modes: what `energy.zone_modal` takes, in its order; float64, unit of a mode √J√K.

    zones (n, 13) and direct (n, m) as in `network_contract`, with the direct terms of the modes left out; rate (n, r)
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
    modes: int = MODES,
) -> Modes:
    """Return networks as `modes` modes each (all, where there are not more), slowest last, none moved down by the air.

    Parameters
    ----------
    zones, direct, solar_in, capacity_j_k, conductance_w_k, air_in_w_k, drive_in, gain_in
        As in `network.reference`; n networks of s nodes.
    modes : int
    """
    full = all_modes(zones, direct, solar_in, capacity_j_k, conductance_w_k, air_in_w_k, drive_in, gain_in)
    if full.rate.shape[1] <= modes:
        return _upright(full)
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
    zones[:, ZONE["direct_gain_w"]] += gains
    zones[:, ZONE["direct_air_w_k"]] -= air
    return _upright(small._replace(zones=zones, direct=direct + drives))


def _upright(modes: Modes) -> Modes:
    """Return the modes with the sign, which is free, that makes the warm air move them up."""
    sign = np.where(modes.air_in < 0.0, -1.0, 1.0)
    return modes._replace(
        air_in=sign * modes.air_in,
        storage=sign * modes.storage,
        drive_in=sign[:, :, None] * modes.drive_in,
        gain_in=sign * modes.gain_in,
    )


def _steady(modes: Modes) -> tuple[Float, Float, Float]:
    """Return the steady heat to the air through the modes per drive, gain and kelvin of the air."""
    weight = modes.air_in / -modes.rate
    drives = np.einsum("nr,nrm->nm", weight, modes.drive_in)
    return drives, np.sum(weight * modes.gain_in, axis=1), np.sum(weight * modes.air_in, axis=1)


NAMES = ("zones", "direct", "solar_in", *OF_NETWORK)


def _sample(size: int, rng: np.random.Generator) -> Inputs:
    full = contract.sample(size, rng)
    return {name: full[name] for name in NAMES} | {"modes": MODES}


def _run(kernel: Kernel, inputs: Inputs) -> Modes:
    return Modes(*kernel(*inputs.values()))


def _steady_state_is_kept(kernel: Kernel, inputs: Inputs) -> None:
    """Per drive, gain and kelvin of the air as of the whole network, D + b·K⁻¹ B and so on."""
    reduced = _run(kernel, inputs)
    back = np.linalg.solve(inputs["conductance_w_k"], inputs["air_in_w_k"][:, :, None])[:, :, 0]
    drives, gains, air = _steady(reduced)
    gain, pull = ZONE["direct_gain_w"], ZONE["direct_air_w_k"]
    pairs = (
        (drives + reduced.direct, np.einsum("ns,nsm->nm", back, inputs["drive_in"]) + inputs["direct"]),
        (gains + reduced.zones[:, gain], np.sum(back * inputs["gain_in"], axis=1) + inputs["zones"][:, gain]),
        (reduced.zones[:, pull] - air, inputs["zones"][:, pull] - np.sum(back * inputs["air_in_w_k"], axis=1)),
    )
    scale = inputs["zones"][:, pull]
    for got, whole in pairs:
        assert np.all(np.abs(got - whole).reshape(len(scale), -1) <= 1e-9 * scale[:, None])


def _modes_decay(kernel: Kernel, inputs: Inputs) -> None:
    reduced = _run(kernel, inputs)
    assert np.all(reduced.rate < 0.0)
    assert np.all(np.diff(reduced.rate, axis=1) >= 0.0)
    assert np.all(reduced.air_in >= 0.0)


def _order_does_not_matter(kernel: Kernel, inputs: Inputs) -> None:
    order = np.random.default_rng(1).permutation(len(inputs["zones"]))
    moved = {name: np.ascontiguousarray(inputs[name][order]) for name in NAMES}
    for straight, turned in zip(_run(kernel, inputs), _run(kernel, moved | {"modes": inputs["modes"]}), strict=True):
        np.testing.assert_allclose(turned, straight[order], rtol=1e-9, atol=1e-12)


_N_R = ("n", "r")
OUTPUTS = (
    Array("zones", ("n", "columns"), "float64", "see ZONE_COLUMNS"),
    Array("direct", ("n", "m"), "float64", "W per drive"),
    Array("solar_in", ("n", "m"), "float64", "W per drive"),
    Array("rate", _N_R, "float64", "1/s"),
    Array("air_in", _N_R, "float64", "see Modes"),
    Array("storage", _N_R, "float64", "see Modes"),
    Array("drive_in", ("n", "r", "m"), "float64", "see Modes"),
    Array("gain_in", _N_R, "float64", "see Modes"),
)
declare(
    Family(
        name="energy.zone_reduction",
        purpose="Buildings as networks of nodes reduced to a few modes each.",
        inputs=(*(a for a in NETWORK_INPUTS if a.name in NAMES), Array("modes", (), "int64", "-")),
        outputs=OUTPUTS,
        sample=_sample,
        work=lambda inputs: float(len(inputs["zones"])),
        work_unit="building",
        source="Fernando and Nicholson 1983, doi:10.1109/TAC.1983.1103195",
        rtol=1e-5,
        atol=1e-8,
        properties=(
            Property("steady losses and gains are kept", _steady_state_is_kept),
            Property("all modes decay and follow the air", _modes_decay),
            Property("the order of buildings does not matter", _order_does_not_matter),
        ),
    )
)
variant("energy.zone_reduction", "reference")(reduce_networks)
