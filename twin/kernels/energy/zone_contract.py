"""What the kernel family ``energy.zone_balance`` promises: its columns and inputs, random samples and laws."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.kernels.registry import Array, Inputs, Kernel, Property

ZONE_COLUMNS = (
    "floor_area_m2",
    "h_opaque_w_k",  # opaque elements, thermal bridges and ground included
    "h_window_w_k",
    "h_leak_w_k",  # infiltration, always there
    "h_vent_w_k",  # ventilation at full flow, before heat recovery
    "heat_recovery",  # 0..1
    "airing_w_k",  # additional ventilation at most, by windows and bypass
    "capacity_j_k",  # C_m
    "mass_area_m2",  # A_m; 9.1 A_m must exceed h_opaque_w_k
    "surface_area_m2",  # A_t
    "gains_factor",  # multiplies the internal gains
    "heat_offset_k",  # added to the heating set-point
    "heating_limit_w",
    "cooling_limit_w",  # 0: no cooling
)
BALANCE = ("heating", "cooling", "internal", "solar", "transmitted", "ventilated", "stored")
COMFORT = ("peak_heating_w", "overheating_h", "mean_air_c", "max_operative_c")

_K_T = ("k", "t")
INPUTS = (
    Array("temperature_c", ("t",), "float64", "degC"),
    Array("irradiance_w_m2", ("t", "o"), "float64", "W/m2"),
    Array("heat_set_c", _K_T, "float64", "degC"),
    Array("cool_set_c", _K_T, "float64", "degC"),
    Array("gains_w_m2", _K_T, "float64", "W/m2"),
    Array("air_flow", _K_T, "float64", "-"),
    Array("profile", ("n",), "int64", "-"),
    Array("zones", ("n", "columns"), "float64", "see ZONE_COLUMNS"),
    Array("aperture_m2", ("n", "o"), "float64", "m2"),
    Array("overheating_c", (), "float64", "degC"),
    Array("warmup", (), "int64", "h"),
)


def sample(size: int, rng: np.random.Generator) -> Inputs:
    """Return `size` random buildings, from hut to block, over ten days of random weather."""
    hours, kinds, orientations = 240, 3, 8
    hour = np.arange(hours)
    floor = 10.0 ** rng.uniform(1.5, 4.0, size)
    daily = np.sin(2.0 * np.pi * (hour % 24 - 9) / 24.0)
    sun = np.maximum(0.0, np.sin(np.pi * (hour % 24 - 5) / 14.0))
    night = (hour % 24 < 6).astype(float)
    zones = np.column_stack(
        [
            floor,
            floor * rng.uniform(0.1, 2.0, size),
            floor * rng.uniform(0.0, 0.6, size),
            floor * rng.uniform(0.0, 0.2, size),
            floor * rng.uniform(0.0, 1.0, size),
            rng.uniform(0.0, 0.8, size),
            floor * rng.choice([0.0, 0.5, 2.0], size),
            floor * rng.uniform(8e4, 4e5, size),
            floor * rng.uniform(2.5, 3.5, size),
            floor * 4.5,
            rng.uniform(0.5, 1.5, size),
            rng.normal(0.0, 0.5, size),
            floor * rng.uniform(20.0, 150.0, size),
            floor * rng.choice([0.0, 40.0, 200.0], size),
        ]
    )
    return {
        "temperature_c": rng.uniform(-15.0, 22.0) + 5.0 * daily + rng.normal(0.0, 1.0, hours),
        "irradiance_w_m2": np.ascontiguousarray(sun[:, None] * rng.uniform(0.0, 500.0, (hours, orientations))),
        "heat_set_c": 21.0 - rng.uniform(0.0, 4.0, (kinds, 1)) * night,
        "cool_set_c": np.full((kinds, hours), 26.0),
        "gains_w_m2": rng.uniform(0.0, 10.0, (kinds, hours)),
        "air_flow": 1.0 - 0.7 * rng.uniform(0.0, 1.0, (kinds, 1)) * night,
        "profile": rng.integers(0, kinds, size),
        "zones": zones,
        "aperture_m2": floor[:, None] * rng.uniform(0.0, 0.02, (size, orientations)),
        "overheating_c": 27.0,
        "warmup": 72,
    }


def _run(kernel: Kernel, inputs: Inputs) -> tuple[NDArray[np.float64], ...]:
    return tuple(kernel(*(inputs[a.name] for a in INPUTS)))


def _conserves(kernel: Kernel, inputs: Inputs) -> None:
    heat, cool, internal, solar, transmitted, ventilated, stored = _run(kernel, inputs)[2].T
    residual = heat - cool + internal + solar - transmitted - ventilated - stored
    turnover = heat + cool + internal + solar + np.abs(transmitted) + np.abs(ventilated) + np.abs(stored)
    assert np.all(np.abs(residual) <= 1e-9 * turnover), np.max(np.abs(residual) / turnover)


def _insulation_never_raises_heating(kernel: Kernel, inputs: Inputs) -> None:
    """Colder than every set-point outside, so that insulation cannot work as missing night cooling."""
    cold = {**inputs, "temperature_c": np.minimum(inputs["temperature_c"], 5.0)}
    better = {**cold, "zones": cold["zones"].copy()}
    better["zones"][:, 1] *= 0.6
    before, after = _run(kernel, cold)[2][:, 0], _run(kernel, better)[2][:, 0]
    assert np.all(after <= before * (1.0 + 1e-9) + 1e-6)


def _nothing_from_nothing(kernel: Kernel, inputs: Inputs) -> None:
    """No gains and outdoors at the set-point: no demand."""
    still = {
        **inputs,
        "temperature_c": np.full_like(inputs["temperature_c"], 21.0),
        "irradiance_w_m2": np.zeros_like(inputs["irradiance_w_m2"]),
        "gains_w_m2": np.zeros_like(inputs["gains_w_m2"]),
        "heat_set_c": np.full_like(inputs["heat_set_c"], 21.0),
        "zones": inputs["zones"].copy(),
    }
    still["zones"][:, ZONE_COLUMNS.index("heat_offset_k")] = 0.0
    balance = _run(kernel, still)[2]
    assert np.all(np.abs(balance) <= 1e-6 * inputs["zones"][:, :1])


def _order_does_not_matter(kernel: Kernel, inputs: Inputs) -> None:
    order = np.random.default_rng(1).permutation(inputs["zones"].shape[0])
    moved = {**inputs, **{name: inputs[name][order] for name in ("profile", "zones", "aperture_m2")}}
    for straight, turned in zip(_run(kernel, inputs), _run(kernel, moved), strict=True):
        np.testing.assert_allclose(turned, straight[order], rtol=1e-6, atol=1e-5)


def _demand_scales_with_size(kernel: Kernel, inputs: Inputs) -> None:
    intensive = {"heat_recovery", "gains_factor", "heat_offset_k"}
    extensive = np.array([name not in intensive for name in ZONE_COLUMNS])
    double = {**inputs, "zones": inputs["zones"] * np.where(extensive, 2.0, 1.0)}
    double["aperture_m2"] = 2.0 * inputs["aperture_m2"]
    np.testing.assert_allclose(_run(kernel, double)[2], 2.0 * _run(kernel, inputs)[2], rtol=1e-9, atol=1e-5)


LAWS = (
    Property("energy is conserved to 1e-9", _conserves),
    Property("more insulation never raises heating", _insulation_never_raises_heating),
    Property("no gains and no temperature difference: no demand", _nothing_from_nothing),
    Property("the order of buildings does not matter", _order_does_not_matter),
    Property("demand scales with the size of the building", _demand_scales_with_size),
)
