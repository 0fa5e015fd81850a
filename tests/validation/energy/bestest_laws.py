"""Radiation, gaps of windows and natural convection by their laws, hour by hour, as loads on a linear network.

A network has constants. What the law of Stefan and Boltzmann, EN 673 and, where wanted, Walton's films give beyond them
follows from the temperatures of a run and is a drive of the next one, until these settle: waveform relaxation, as
between zones in `twin.energy.coupled`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.validation.energy.bestest_cases import Case
from twin.energy.constructions import Element, Load, radiant_films
from twin.energy.films import LEAST_W_M2K, walton_film
from twin.energy.glazing import gap_conductance

Float = NDArray[np.float64]
SIGMA, ZERO_K = 5.670374419e-8, 273.15
GAP_M = 0.012
PRESSURE_SHARE = 0.82  # at 1650 m
ROUNDS = 8  # of Newton's method for a surface: more change nothing


class Outside(NamedTuple):
    """Convection and linear radiation of an outside surface, W/m²K, and its emittance."""

    convection: float
    radiation: float
    emittance: float


def with_loads(elements: Sequence[Element], first: int) -> list[Element]:
    """Return the elements with loads of two columns each from `first` on, W/m²: inside, outside."""
    return [
        replace(e, loads=(*e.loads, Load(first + 2 * k, e.area_m2), Load(first + 2 * k + 1, e.area_m2, inside=False)))
        for k, e in enumerate(elements)
    ]


def beyond_constants(
    case: Case,
    elements: Sequence[Element],
    outsides: Sequence[Outside],
    drive: Float,
    surfaces: Float,
    room_k: float,
) -> Float:
    """Return the loads of `with_loads` that stand for the laws, float64 (t, 2e).

    outsides: of the first elements, of which the last are windows as the case has them; what follows lies between
    zones. drive, surfaces (t, e): of a run, °C.
    """
    loads = np.zeros((len(drive), 2 * len(elements)))
    loads[:, ::2] = _inside(elements, surfaces, room_k)
    for k, outside in enumerate(outsides):
        window = k >= len(outsides) - len(case.windows)
        gas = {"double": "air", "low-e": "argon"}.get(case.glass, "") if window else ""
        through, beyond = _outside(elements[k], outside, drive, surfaces[:, k], gas)
        loads[:, 2 * k] -= through
        loads[:, 2 * k + 1] += through + beyond
    return loads


def beyond_constant_films(elements: Sequence[Element], surfaces: Float, air: Float) -> Float:
    """Return what Walton's natural convection brings from surfaces to the air beyond their constants, W/m² (t, e)."""
    apart = surfaces - air[:, None]
    films = [np.maximum(walton_film(e.tilt_deg, d), LEAST_W_M2K) for e, d in zip(elements, apart.T, strict=True)]
    return np.asarray((np.transpose(films) - np.array([e.h_inside_w_m2k for e in elements])) * apart)


def _inside(elements: Sequence[Element], surfaces: Float, room_k: float) -> Float:
    """Return what constants give off and the law does not, W/m² by surface; over all surfaces it adds to nothing."""
    area = np.array([e.area_m2 for e in elements])
    films = radiant_films(area, np.array([e.emissivity for e in elements]), room_k)
    share, fourth = films * area / (films * area).sum(), (surfaces + ZERO_K) ** 4
    linear = surfaces - (surfaces @ share)[:, None]
    return np.asarray(films * (linear - (fourth - (fourth @ share)[:, None]) / (4.0 * room_k**3)))


def _outside(element: Element, outside: Outside, drive: Float, inner: Float, gas: str) -> tuple[Float, Float]:
    """Return what the law brings from inside to outside beyond the constants, and the same from outdoors, W/m².

    The outside surface is at the temperature that balances it, heat stored in what lies behind it left out.
    """
    air = drive[:, 0]
    taken = (drive[:, element.column] - air) * (outside.convection + outside.radiation)
    for load in element.loads[:-1]:  # the last is the correction of the run before
        if not load.inside:
            taken = taken + load.amount / element.area_m2 * drive[:, load.column]
    resistance = sum(layer.thickness_m / layer.conductivity_w_mk for layer in element.layers)
    linear = 1.0 / resistance
    panes = resistance - GAP_M / element.layers[1].conductivity_w_mk if gas else 0.0
    faces = (0.047, 0.84) if gas == "argon" else (0.84, 0.84)
    radiates = outside.emittance * SIGMA if outside.radiation > 0.0 else 0.0
    own, passed = air.copy(), np.full(len(air), linear)
    for _ in range(ROUNDS):
        if gas:
            # The panes' faces at the gap, from the flow through both.
            half = 0.5 * panes * passed * (inner - own)
            gap = gap_conductance(
                inner - half, own + half, GAP_M, gas=gas, emissivities=faces, pressure_share=PRESSURE_SHARE
            )
            passed = 1.0 / (1.0 / gap + panes)
        kelvin = own + ZERO_K
        lack = outside.convection * (air - own) + taken + passed * (inner - own)
        lack -= radiates * (kelvin**4 - (air + ZERO_K) ** 4)
        own = own + lack / (outside.convection + passed + 4.0 * radiates * kelvin**3)
    kelvin = own + ZERO_K
    beyond = outside.radiation * (own - air) - radiates * (kelvin**4 - (air + ZERO_K) ** 4)
    return (passed - linear) * (inner - own), beyond
