"""What the kernel families ``energy.zone_network`` and ``energy.zone_modal`` share: columns, inputs, laws.

A building is one zone: an air node and a linear network of nodes with heat capacity,

    C dx/dt = -K x + B u + b T + f g        (W)
    q = b·x + D u + d_g g - d T             (W from the surfaces to the air)

with the shared drives u (temperatures in °C, irradiances in W/m²), the building's own gains g and the temperature T of
the air. Nodes without capacity are eliminated beforehand. The network is reciprocal: what the air gives to a node by b,
the node gives to the air. Within an hour drives and gains vary linearly about their mean, with half the difference
between the next and the previous hour as slope (a first-order hold that keeps the mean); T is the mean of the hour. So
every output is the mean of an hour, and the balance of each hour closes.

The air has its own balance, solved in closed form, so that ventilation may differ from hour to hour:

    c (T - T_before) / 3600 s = q + H (T_out - T) + P - A,    H = h_leak + flow h_vent (1 - heat recovery)

P is 0 between the set-points, else what holds them, at most the capacity. A is airing by windows and the bypass of heat
recovery: from the middle between the set-points upwards as much as is needed to hold it, at most h_airing (T - T_out);
cooling comes after it (`energy.zone_balance` does the same). The mean temperature of the surfaces, weighted by film and
area, follows from q less the convective gains, which is Σ h_c A (T_s - T); the operative temperature is the mean of it
and of the air's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.kernels.energy.air_node import heating_set
from twin.kernels.registry import Array, Inputs, Kernel, Property

STEP_S = 3600.0
NOTHING_W_M2 = 1e-3
"""What single precision may make of nothing, in laws that all variants obey."""
ZONE_COLUMNS = (
    "h_leak_w_k",  # infiltration, always there
    "h_vent_w_k",  # ventilation at flow 1
    "air_capacity_j_k",
    "internal_w",  # internal gains per unit of the gains profile, all of them
    "direct_gain_w",  # of these, what reaches the air at once (d_g): convective and passed on by massless surfaces
    "direct_air_w_k",  # d
    "heating_limit_w",
    "cooling_limit_w",
    "heat_recovery",  # 0..1, of the ventilation's heat
    "airing_w_k",  # additional exchange at most
    "heat_offset_k",  # added to the heating set-point, which it lifts no higher than 0.5 K below the cooling set-point
    "surface_film_w_k",  # Σ h_c A of the inside surfaces; with 0 the operative temperature is the air's
    "convective_w",  # of internal_w what goes straight to the air, for the temperature of the surfaces
)
"""Columns of `zones`; limits of 0 leave the zone to itself. The last five may all be 0."""
ZONE = {name: at for at, name in enumerate(ZONE_COLUMNS)}
BALANCE = ("heating", "cooling", "internal", "solar", "transmitted", "ventilated", "stored")
"""Wh over the run, ``heating - cooling + internal + solar - transmitted - ventilated = stored``."""

_K_T, _N_M = ("k", "t"), ("n", "m")
PROFILE_INPUTS = (
    Array("drive", ("t", "m"), "float64", "degC or W/m2, column 0 outdoor air"),
    Array("heat_set_c", _K_T, "float64", "degC"),
    Array("cool_set_c", _K_T, "float64", "degC"),
    Array("gain", _K_T, "float64", "-"),
    Array("air_flow", _K_T, "float64", "-"),
    Array("profile", ("n",), "int64", "-"),
    Array("zones", ("n", "columns"), "float64", "see ZONE_COLUMNS"),
    Array("direct", _N_M, "float64", "W per drive"),
    Array("solar_in", _N_M, "float64", "W per drive, 0 for temperatures"),
)
RUN_INPUTS = (
    Array("start_c", (), "float64", "degC"),
    Array("overheating_c", (), "float64", "degC"),
    Array("warmup", (), "int64", "h"),
)
NETWORK_INPUTS = (
    *PROFILE_INPUTS,
    Array("capacity_j_k", ("n", "s"), "float64", "J/K"),
    Array("conductance_w_k", ("n", "s", "s"), "float64", "W/K"),
    Array("air_in_w_k", ("n", "s"), "float64", "W/K"),
    Array("drive_in", ("n", "s", "m"), "float64", "W per drive"),
    Array("gain_in", ("n", "s"), "float64", "W"),
    *RUN_INPUTS,
)
OUTPUTS = (
    Array("heating_w", ("n", "t"), "float32", "W"),
    Array("cooling_w", ("n", "t"), "float32", "W"),
    Array("air_c", ("n", "t"), "float32", "degC"),
    Array("balance", ("n", "flows"), "float64", "Wh"),
    Array("figures", ("n", "figures"), "float64", "see air_node.FIGURES"),
)
PER_BUILDING = ("profile", "zones", "direct", "solar_in")
OF_NETWORK = ("capacity_j_k", "conductance_w_k", "air_in_w_k", "drive_in", "gain_in")


def sample(size: int, rng: np.random.Generator) -> Inputs:
    """Return `size` random buildings of two walls, ten days of weather and three profiles."""
    hours, kinds, cells = 240, 3, 4
    nodes, drives = 2 * cells, 4
    hour = np.arange(hours)
    sun = np.maximum(0.0, np.sin(np.pi * (hour % 24 - 5) / 14.0))
    night = (hour % 24 < 6).astype(float)
    floor = 10.0 ** rng.uniform(1.5, 4.0, size)
    capacity = np.empty((size, nodes))
    conductance = np.zeros((size, nodes, nodes))
    air_in, outside = np.zeros((size, nodes)), np.zeros((size, nodes))
    for wall in range(2):
        at = slice(wall * cells, (wall + 1) * cells)
        area = floor * rng.uniform(0.5, 2.0, size)
        capacity[:, at] = (area * 10.0 ** rng.uniform(4.0, 5.5, size) / cells)[:, None]
        link = area * rng.uniform(0.2, 20.0, size)
        for cell in range(wall * cells, (wall + 1) * cells - 1):
            conductance[:, cell, cell + 1] = conductance[:, cell + 1, cell] = -link
        air_in[:, wall * cells] = area * rng.uniform(2.0, 8.0, size)
        outside[:, (wall + 1) * cells - 1] = area * rng.uniform(0.2, 2.0, size) * (1.0 - wall)
    diagonal = np.arange(nodes)
    conductance[:, diagonal, diagonal] = air_in + outside - conductance.sum(axis=2)
    window = floor * rng.uniform(0.1, 0.5, size)
    drive_in, direct = np.zeros((size, nodes, drives)), np.zeros((size, drives))
    drive_in[:, :, 0], direct[:, 0] = outside, window
    solar_in = np.zeros((size, drives))
    for j in range(1, drives):
        solar_in[:, j] = floor * rng.uniform(0.0, 0.1, size)
        drive_in[:, 0, j], drive_in[:, cells, j] = 0.3 * solar_in[:, j], 0.6 * solar_in[:, j]
        direct[:, j] = 0.1 * solar_in[:, j]
    radiant = 0.6 * floor
    gain_in = np.zeros((size, nodes))
    gain_in[:, 0], gain_in[:, cells] = 0.5 * radiant, 0.5 * radiant
    zones = np.column_stack(
        [
            floor * rng.uniform(0.0, 0.3, size), floor * rng.uniform(0.0, 1.0, size), 5e3 * floor, floor,
            floor - radiant, air_in.sum(axis=1) + window, floor * rng.choice([0.0, 30.0, 1e3], size),
            floor * rng.choice([0.0, 1e3], size),
            rng.uniform(0.0, 0.8, size), floor * rng.choice([0.0, 0.5, 2.0], size), rng.normal(0.0, 1.0, size),
            air_in.sum(axis=1) + window, floor - radiant,
        ]
    )  # fmt: skip
    clouds = rng.uniform(0.2, 1.0, (hours, drives - 1))
    return {
        "drive": np.column_stack([8.0 + 9.0 * np.sin(2.0 * np.pi * (hour - 9) / 24.0), 600.0 * sun[:, None] * clouds]),
        "heat_set_c": 21.0 - rng.uniform(0.0, 4.0, (kinds, 1)) * night,
        "cool_set_c": np.full((kinds, hours), 26.0),
        "gain": rng.uniform(0.0, 10.0, (kinds, hours)),
        "air_flow": 1.0 - 0.7 * rng.uniform(0.0, 1.0, (kinds, 1)) * night,
        "profile": rng.integers(0, kinds, size),
        "zones": zones,
        "direct": direct,
        "solar_in": solar_in,
        "capacity_j_k": capacity,
        "conductance_w_k": conductance,
        "air_in_w_k": air_in,
        "drive_in": drive_in,
        "gain_in": gain_in,
        "start_c": 20.0,
        "overheating_c": 26.5,
        "warmup": 72,
    }


def _run(kernel: Kernel, inputs: Inputs) -> tuple[NDArray[np.float64], ...]:
    return tuple(kernel(*inputs.values()))


def residual(balance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what a balance lacks, float64 (n,), as a share of the heat that is turned over."""
    heat, cool, internal, solar, transmitted, ventilated, stored = balance.T
    lack = heat - cool + internal + solar - transmitted - ventilated - stored
    return np.asarray(np.abs(lack) / np.maximum(np.abs(balance).sum(axis=1), 1e-9))


def _conserves(kernel: Kernel, inputs: Inputs) -> None:
    assert residual(_run(kernel, inputs)[3]).max() <= 1e-9


def _nearly_conserves(kernel: Kernel, inputs: Inputs) -> None:
    assert residual(_run(kernel, inputs)[3]).max() <= 1e-5


def _nothing_from_nothing(kernel: Kernel, inputs: Inputs) -> None:
    """No gains and outdoors at the set-point: the zone stays there without heating."""
    still = inputs | {
        "drive": np.zeros_like(inputs["drive"]), "gain": np.zeros_like(inputs["gain"]),
        "heat_set_c": np.full_like(inputs["heat_set_c"], 20.0), "cool_set_c": np.full_like(inputs["cool_set_c"], 20.0),
        "start_c": 20.0, "zones": inputs["zones"].copy(),
    }  # fmt: skip
    still["drive"][:, 0] = 20.0
    still["zones"][:, ZONE["heat_offset_k"]] = 0.0
    heating, cooling, air = _run(kernel, still)[:3]
    scale = inputs["zones"][:, 3:4]
    assert np.all(heating <= NOTHING_W_M2 * scale)
    assert np.all(cooling <= NOTHING_W_M2 * scale)
    np.testing.assert_allclose(air, 20.0, atol=1e-5)


def _order_does_not_matter(kernel: Kernel, inputs: Inputs) -> None:
    count = inputs["zones"].shape[0]
    order = np.random.default_rng(1).permutation(count)
    shared = {a.name for a in PROFILE_INPUTS} - set(PER_BUILDING)
    moved = {
        name: value if name in shared or np.ndim(value) == 0 else np.ascontiguousarray(value[order])
        for name, value in inputs.items()
    }
    for straight, turned in zip(_run(kernel, inputs), _run(kernel, moved), strict=True):
        np.testing.assert_allclose(turned, straight[order], rtol=1e-9, atol=1e-6)


def _holds_the_limits(kernel: Kernel, inputs: Inputs) -> None:
    """Never more than the capacity, never outside the set-points with capacity left."""
    heating, cooling, air = _run(kernel, inputs)[:3]
    most, least = inputs["zones"][:, 6:7], inputs["zones"][:, 7:8]
    assert np.all(heating <= most * (1.0 + 1e-6))
    assert np.all(cooling <= least * (1.0 + 1e-6))
    low, high = inputs["heat_set_c"][inputs["profile"]], inputs["cool_set_c"][inputs["profile"]]
    low = heating_set(low, inputs["zones"][:, ZONE["heat_offset_k"]][:, None], high)
    assert np.all((air >= low - 1e-4) | (heating >= most * (1.0 - 1e-6)))
    assert np.all((air <= high + 1e-4) | (cooling >= least * (1.0 - 1e-6)))
    assert not np.any((heating > 0.0) & (cooling > 0.0))


def _leaks_never_lower_heating(kernel: Kernel, inputs: Inputs) -> None:
    """Colder outside than every set-point, and no gains: more infiltration, never less heating."""
    cold = inputs | {"drive": inputs["drive"].copy(), "gain": np.zeros_like(inputs["gain"])}
    cold["drive"][:, 0] = np.minimum(cold["drive"][:, 0], 5.0)
    cold["drive"][:, 1:] = 0.0
    worse = cold | {"zones": cold["zones"].copy()}
    worse["zones"][:, 0] = 1.5 * worse["zones"][:, 0] + 1.0
    before, after = _run(kernel, cold)[3][:, 0], _run(kernel, worse)[3][:, 0]
    assert np.all(after >= before * (1.0 - 1e-9))


def _recovery_is_less_ventilation(kernel: Kernel, inputs: Inputs) -> None:
    less = inputs | {"zones": inputs["zones"].copy()}
    vent, recovery = ZONE["h_vent_w_k"], ZONE["heat_recovery"]
    less["zones"][:, vent] *= 1.0 - inputs["zones"][:, recovery]
    less["zones"][:, recovery] = 0.0
    for one, other in zip(_run(kernel, inputs), _run(kernel, less), strict=True):
        np.testing.assert_array_equal(one, other)


def _airing_only_cools(kernel: Kernel, inputs: Inputs) -> None:
    """Never warmer for it, never more cooling, never less heating."""
    closed = inputs | {"zones": inputs["zones"].copy()}
    closed["zones"][:, ZONE["airing_w_k"]] = 0.0
    (heating, cooling, air, _, figures), before = _run(kernel, inputs), _run(kernel, closed)
    assert np.all(air <= before[2] + 1e-4)
    least = NOTHING_W_M2 * inputs["zones"][:, 3:4]
    assert np.all(cooling <= before[1] + least)
    assert np.all(heating >= before[0] - least)
    assert np.all(figures[:, 6] <= before[4][:, 6] + 1e-4)


LAWS = (
    Property("energy is conserved to 1e-9", _conserves),
    Property("energy is conserved to 1e-5, also in single precision", _nearly_conserves),
    Property("no gains and no temperature difference: no demand", _nothing_from_nothing),
    Property("the order of buildings does not matter", _order_does_not_matter),
    Property("set-points and capacities hold", _holds_the_limits),
    Property("more infiltration never lowers heating in the cold", _leaks_never_lower_heating),
    Property("heat recovery is as much less ventilation", _recovery_is_less_ventilation),
    Property("airing only cools", _airing_only_cools),
)
