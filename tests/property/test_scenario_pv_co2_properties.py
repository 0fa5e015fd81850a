"""The CO2 that PV avoids is one figure: in the balance of a run, in the choice of a programme, and in the cadastre."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from twin.scenario.balance import ElectricityParameters, building_balance
from twin.scenario.parameters import ModelParameters, domains
from twin.scenario.prospects import valued
from twin.solar.economics import economics

INDEX = pd.Index(["b"], name="building_id")
NOMINAL = ModelParameters(**{name: cls() for name, cls in domains().items()})


@given(
    demand=arrays(np.float32, (1, 48), elements=st.floats(0, 10, width=32)),
    pv=arrays(np.float32, (1, 48), elements=st.floats(0, 10, width=32)),
    factor=st.floats(0.0, 1.0),
    credit=st.sampled_from([0.0, 0.05, 0.4]),
)
@settings(max_examples=40, deadline=None)
def test_balance_programme_and_cadastre_agree(demand, pv, factor, credit):
    electricity = ElectricityParameters(co2_kg_kwh=factor, export_co2_kg_kwh=credit)
    parameters = replace(NOMINAL, electricity=electricity)
    without, with_pv = (building_balance(INDEX, demand, x, electricity).buildings for x in (0 * pv, pv))
    saved = float((without["electricity_co2_kg_a"] - with_pv["electricity_co2_kg_a"]).iloc[0])
    kwh = pv.sum(axis=1, dtype=np.float64)
    used = with_pv["pv_used_kwh_a"].to_numpy()
    promised = valued(INDEX, kwh / 900.0, kwh, used, "roofs", parameters)
    share = np.divide(used, kwh, out=np.zeros(1), where=kwh > 0.0)
    money = economics(INDEX, kwh / 900.0, kwh, share, electricity.prices, parameters.economics)
    np.testing.assert_allclose(promised["co2_kg_a"], saved, rtol=1e-4, atol=1e-4)
    assert promised["co2_kg_a"].iloc[0] == money["co2_avoided_kg_a"].iloc[0]
    assert promised["co2_t"].iloc[0] == money["co2_avoided_t"].iloc[0]
    if credit == 0.0:
        np.testing.assert_allclose(saved, float(used[0]) * factor, rtol=1e-4, atol=1e-4)
