"""Route flows on lattices whose ways all cost the same: as many alternatives as there can be."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.kernels import registry
from twin.kernels.traffic.proportionality import ARGUMENTS, entropy, link_totals, sample_lattice

seeds = st.integers(0, 2**31 - 1)


@settings(max_examples=25, deadline=None)
@given(seed=seeds, size=st.integers(9, 40))
def test_unique_whatever_the_order_and_the_start(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    inputs = sample_lattice(size, rng)
    kernel = registry.get("traffic.proportionality", "numba")
    flow, deviation = kernel(*(inputs[name] for name in ARGUMENTS))
    total = link_totals(inputs, inputs["row_flow"])
    assert deviation <= 1e-8
    np.testing.assert_allclose(link_totals(inputs, flow), total, atol=1e-9 * total.max())
    parts = (inputs["link_head"], inputs["row_start"], inputs["row_link"])
    assert entropy(*parts, flow) >= entropy(*parts, inputs["row_flow"]) * (1.0 - 1e-12)
    order = rng.permutation(len(inputs["row_start"]) - 1)
    rows = [slice(inputs["row_start"][g], inputs["row_start"][g + 1]) for g in order]
    start = np.concatenate([[0], np.cumsum([r.stop - r.start for r in rows])])
    mixed = rng.uniform(0.0, 1.0)
    other = mixed * inputs["row_flow"] + (1.0 - mixed) * flow
    again, _ = kernel(
        inputs["link_tail"], inputs["link_head"], start, np.concatenate([inputs["row_link"][r] for r in rows]),
        np.concatenate([other[r] for r in rows]), 5000, 1e-11,
    )  # fmt: skip
    np.testing.assert_allclose(again, np.concatenate([flow[r] for r in rows]), atol=1e-6 * flow.max())
