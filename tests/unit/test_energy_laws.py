"""Radiation and convection by their laws as loads on a linear network, as in the ASHRAE 140 cases: closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.validation.energy.bestest_cases import CASES, PANES
from tests.validation.energy.bestest_laws import (
    SIGMA,
    ZERO_K,
    Outside,
    beyond_constant_films,
    beyond_constants,
    with_loads,
)
from twin.energy.constructions import Element, Layer, radiant_films
from twin.energy.glazing import gap_conductance

WALL = (Layer(0.1, 0.5, 1400.0, 1000.0), Layer(0.06, 0.04))
OUT = Outside(10.0, 4.6, 0.9)
HOURS = 5


def elements(layers: tuple[Layer, ...] = WALL) -> list[Element]:
    areas = 12.0, 20.0, 7.0
    return with_loads([Element(area, layers, 2.5, OUT.convection + OUT.radiation, 1) for area in areas], 2)


def drive(air: float, met: float) -> np.ndarray:
    return np.column_stack([np.full(HOURS, air), np.full(HOURS, met), np.zeros((HOURS, 6))])


@settings(max_examples=30, deadline=None)
@given(temperatures=st.lists(st.floats(-10.0, 80.0), min_size=3, max_size=3))
def test_inside_loads_cancel_and_add_up_to_the_law(temperatures: list[float]) -> None:
    parts, surfaces = elements(), np.tile(temperatures, (HOURS, 1))
    loads = beyond_constants(CASES["195"], parts, [], drive(0.0, 0.0), surfaces, 293.15)[:, ::2]
    area = np.array([e.area_m2 for e in parts])
    films = radiant_films(area, np.full(3, 0.9))
    np.testing.assert_allclose(loads @ area, 0.0, atol=1e-8)
    share, fourth = films * area / (films @ area), (surfaces + ZERO_K) ** 4
    given_off = films * (surfaces - (surfaces @ share)[:, None]) - loads
    law = films / (4.0 * 293.15**3) * (fourth - (fourth @ share)[:, None])
    np.testing.assert_allclose(given_off, law, atol=1e-8)


def test_constants_are_right_where_they_belong() -> None:
    """Next to the temperature about which radiation is linear nothing is beyond the constants."""
    surfaces = np.full((HOURS, 3), 20.0) + np.array([0.1, -0.1, 0.0])
    loads = beyond_constants(CASES["195"], elements(), [], drive(0.0, 0.0), surfaces, 293.15)
    assert np.abs(loads).max() < 1e-3


def test_natural_convection() -> None:
    parts, air = elements(), np.full(HOURS, 20.0)
    loads = beyond_constant_films(parts, np.tile([28.0, 20.0, 12.0], (HOURS, 1)), air)
    np.testing.assert_allclose(loads, np.tile([(2.62 - 2.5) * 8.0, 0.0, -(2.62 - 2.5) * 8.0], (HOURS, 1)))


@settings(max_examples=30, deadline=None)
@given(inner=st.floats(5.0, 70.0), air=st.floats(-25.0, 40.0), sun=st.floats(-8.0, 40.0))
@pytest.mark.parametrize("glazed", [False, True])
def test_an_outside_surface_obeys_the_law(glazed: bool, inner: float, air: float, sun: float) -> None:
    """With the loads the linear surface is where convection, radiation by the fourth power and conduction balance."""
    case = CASES["600" if glazed else "195"]
    parts = elements(PANES["double"] if glazed else WALL)
    table, surfaces = drive(air, air + sun), np.full((HOURS, 3), inner)
    loads = beyond_constants(case, parts, [OUT] * 3, table, surfaces, 293.15)[0]
    within = beyond_constants(case, parts, [], table, surfaces, 293.15)[0]
    through, load = within[4] - loads[4], loads[5]
    resistance = sum(layer.thickness_m / layer.conductivity_w_mk for layer in parts[2].layers)
    film = OUT.convection + OUT.radiation
    outer = (film * (air + sun) + inner / resistance + load) / (film + 1.0 / resistance)
    flow = (inner - outer) / resistance + through
    radiated = OUT.emittance * SIGMA * ((outer + ZERO_K) ** 4 - (air + ZERO_K) ** 4)
    assert flow + film * sun + OUT.convection * (air - outer) - radiated == pytest.approx(0.0, abs=1e-4)
    if glazed:
        half = 0.5 * flow * 2.0 * 0.003048
        gap = gap_conductance(np.array([inner - half]), np.array([outer + half]), 0.012, pressure_share=0.82)[0]
        assert flow == pytest.approx(gap * (inner - outer - 2.0 * half), abs=0.02)
    else:
        assert through == 0.0
