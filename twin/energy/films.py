"""Film coefficients of natural convection at inside surfaces, as constants that fit the temperatures of a zone.

The coefficient of a surface depends on how much it is warmer than the air (`walton_film`); the kernels take constants.
`settled_films` runs a zone, takes for every surface the constant that gives the closest heat flow in the mean square
over the run (equivalent linearisation: weight ΔT²), and repeats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from twin.energy.constructions import STEFAN_BOLTZMANN, Element, Network
from twin.kernels.energy.modal import all_modes, phi

Float = NDArray[np.float64]
LEAST_W_M2K = 0.1
"""As EnergyPlus (Engineering Reference, "TARP algorithm")."""
ROUNDS = 3


def walton_film(tilt_deg: float, difference_k: Float) -> Float:
    """Return the coefficient of natural convection at an inside surface, W/m²K, float64 like `difference_k`.

    G. N. Walton, "Thermal Analysis Research Program Reference Manual", NBSIR 83-2655 (1983), section 3.3.

    Parameters
    ----------
    tilt_deg : float
        Of the normal into the room: 0 floor, 90 wall, 180 ceiling.
    difference_k : float64
        Surface minus air.
    """
    cosine = np.cos(np.radians(tilt_deg))
    root = np.cbrt(np.abs(difference_k))
    if abs(cosine) < 1e-9:
        return np.asarray(1.31 * root)
    stirs = cosine * np.asarray(difference_k) > 0.0  # a warm floor, a cold ceiling
    return np.asarray(root * np.where(stirs, 9.482 / (7.238 - abs(cosine)), 1.810 / (1.382 + abs(cosine))))


def radiative_film(emissivity: float, surface_c: Float, other_c: Float) -> float:
    """Return the constant that fits what a surface radiates to others best, W/m²K: weight ΔT², as `fitted_films`."""
    a, b = np.asarray(surface_c, np.float64) + 273.15, np.asarray(other_c, np.float64) + 273.15
    weight = np.maximum((a - b) ** 2, 1e-12)
    return float(np.average(emissivity * STEFAN_BOLTZMANN * (a**2 + b**2) * (a + b), weights=weight))


def inside_surfaces(network: Network, drive: Float, gains_w: Float, air_c: Float) -> Float:
    """Return the temperatures of the inside surfaces, float64 (t, e): means of the hours of a year that repeats.

    Parameters
    ----------
    network : Network
    drive : float64 (t, m)
    gains_w, air_c : float64 (t,)
        Internal gains and air temperature, means of the hours.
    """
    arrays = network.capacity_j_k, network.conductance_w_k, network.air_in_w_k, network.drive_in, network.gain_in
    unused = np.zeros((1, 8)), network.direct[None], network.solar_in[None]
    modes = all_modes(*unused, *(a[None] for a in arrays))
    inputs = np.column_stack([drive, gains_w, air_c])
    into = np.column_stack([modes.drive_in[0], modes.gain_in[0], modes.air_in[0]])
    flow = into @ inputs.T
    e, one, two, _ = phi(modes.rate[0] * 3600.0)
    means = np.empty_like(flow)
    for mode, kept in enumerate(e):
        came = 3600.0 * one[mode] * flow[mode]
        # From rest, and what is left of the state with which a year that repeats begins.
        state = lfilter([0.0, 1.0], [1.0, -kept], came)
        last = kept * state[-1] + came[-1]
        # Of which e^-46, 1e-20, is nothing.
        seen = int(min(46.0 / (-3600.0 * modes.rate[0, mode]) + 1.0, len(came)))
        state[:seen] += last / (1.0 - kept ** len(came)) * kept ** np.arange(seen)
        means[mode] = one[mode] * state + 3600.0 * two[mode] * flow[mode]
    # Modes back to nodes: both times the same symmetric turn.
    root = np.sqrt(network.capacity_j_k)
    turn = np.linalg.eigh(-network.conductance_w_k / (root[:, None] * root))[1]
    of_modes = turn.T @ (network.surface_state / root).T
    return np.asarray(means.T @ of_modes + inputs @ network.surface_input.T)


def fitted_films(elements: Sequence[Element], surface_c: Float, air_c: Float) -> list[Element]:
    """Return the elements with the constants that fit the temperatures of a run, (t, e) and (t,)."""
    fitted = []
    for element, difference in zip(elements, (surface_c - air_c[:, None]).T, strict=True):
        weight = difference**2
        film = float(np.sum(weight * walton_film(element.tilt_deg, difference)) / max(float(weight.sum()), 1e-12))
        fitted.append(replace(element, h_inside_w_m2k=max(film, LEAST_W_M2K)))
    return fitted


def settled_films(
    elements: Sequence[Element],
    build: Callable[[Sequence[Element]], Network],
    run: Callable[[Network], Float],
    drive: Float,
    gains_w: Float,
) -> list[Element]:
    """Return the elements with the inside films of natural convection, after `ROUNDS` runs from the films they have.

    Parameters
    ----------
    elements : sequence of Element
    build : callable
        From elements to the network of the zone.
    run : callable
        From a network to the air temperature of each hour, float64 (t,).
    drive, gains_w : float64 (t, m), (t,)
        As in `inside_surfaces`.
    """
    settled = list(elements)
    for _ in range(ROUNDS):
        network = build(settled)
        air = np.asarray(run(network), np.float64)
        settled = fitted_films(settled, inside_surfaces(network, drive, gains_w, air), air)
    return settled
