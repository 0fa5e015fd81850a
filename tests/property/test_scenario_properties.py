from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twin.city.model import City
from twin.errors import SelectorError, StudyError
from twin.scenario import expression
from twin.scenario.apply import apply_measures
from twin.scenario.parameters import quantile, sample
from twin.scenario.schema import Lognormal, Normal, Study, Triangular, Uniform
from twin.scenario.selectors import select
from twin.scenario.study import load_study

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

TOP = ["study", "question", "city", "baseline", "measures", "scenarios", "uncertainty", "targets", "seed"]
KEYS = st.sampled_from([*TOP, "type", "where", "inside", "draws", "parameters", "label", "x"])
SCALARS = st.sampled_from(
    ["1", "-1", ".nan", ".inf", "NO", "null", "true", "''", "a", "close_links", "1e400", "2024-01-01", "[]", "{}", "~"]
)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda v: "[" + ", ".join(v) + "]")
        | st.dictionaries(KEYS, inner, max_size=4).map(
            lambda d: "{" + ", ".join(f"{k}: {v}" for k, v in d.items()) + "}"
        )
    ),
    max_leaves=12,
)


def read(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.yaml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        with contextlib.suppress(StudyError):
            load_study(path)


@QUICK
@given(st.text(max_size=300))
def test_any_text_is_read_or_refused_as_a_study(text: str) -> None:
    read(text)


@QUICK
@given(st.dictionaries(KEYS, TREES, min_size=1))
def test_any_tree_is_read_or_refused_as_a_study(tree: dict[str, str]) -> None:
    read("\n".join(f"{key}: {value}" for key, value in tree.items()))


@QUICK
@given(st.text(alphabet="()[]+-*/<>=! andotrinames\"'1.0,x", max_size=60))
def test_any_text_is_an_expression_or_a_selector_error(text: str) -> None:
    columns = {"name": np.array(["a", "b"], dtype=object), "x": np.array([1.0, 2.0]), "s": np.array([True, False])}
    with contextlib.suppress(SelectorError):
        assert expression.evaluate(text, columns, layer="links", length=2).shape == (2,)


@QUICK
@given(st.randoms(use_true_random=False), st.floats(0, 3000), st.sampled_from(["residential", "office", "retail"]))
def test_selection_does_not_depend_on_row_order(small_city: City, random: object, area: float, use: str) -> None:
    layer = small_city.buildings
    order = np.arange(len(layer))
    random.shuffle(order)  # type: ignore[attr-defined]
    where = f'floor_area_m2 >= {area} or use == "{use}"'
    try:
        mask = select(layer, where, name="buildings")
    except SelectorError:
        with pytest.raises(SelectorError):
            select(layer.iloc[order], where, name="buildings")
        return
    assert (select(layer.iloc[order], where, name="buildings") == mask[order]).all()
    assert (mask == ((layer["floor_area_m2"] >= area) | (layer["use"] == use)).to_numpy()).all()


@settings(QUICK, max_examples=20)
@given(st.data())
def test_closing_then_reopening_restores_the_city(small_city: City, data: st.DataObject) -> None:
    ids = data.draw(st.lists(st.sampled_from(list(small_city.links.index)), min_size=1, max_size=8, unique=True))
    where = f"link_id in {ids!r}"
    study = Study.model_validate(
        {
            "study": "s", "question": "?", "city": "c",
            "measures": {"shut": [{"type": "close_links", "where": where}],
                         "open": [{"type": "reopen_links", "where": where}]},
            "scenarios": {"one": ["shut", "open"]},
        }
    )  # fmt: skip
    assert apply_measures(small_city, study, []).city is small_city
    shut = apply_measures(small_city, study, ["shut"]).city
    assert set(shut.links.index[shut.links["closed"]]) == set(ids)
    again = apply_measures(small_city, study, ["shut", "open"]).city
    assert again.links.equals(small_city.links)


DISTRIBUTIONS = st.one_of(
    st.builds(Normal, distribution=st.just("normal"), mean=st.floats(-5, 5), sd=st.floats(0.1, 3)),
    st.builds(Lognormal, distribution=st.just("lognormal"), median=st.floats(0.1, 5), sigma=st.floats(0.1, 1)),
    st.floats(-5, 5).map(lambda x: Uniform(distribution="uniform", low=x, high=x + 2.0)),
    st.floats(0, 1).map(lambda m: Triangular(distribution="triangular", low=0.0, mode=m, high=1.0)),
)


@QUICK
@given(DISTRIBUTIONS, st.integers(0, 2**31), st.integers(1, 24))
def test_draws_fall_one_in_each_stratum(distribution: Normal, seed: int, draws: int) -> None:
    values = np.sort([sample("energy.x", distribution, seed, k, draws) for k in range(1, draws + 1)])
    for k, value in enumerate(values):
        low = -np.inf if k == 0 else quantile(distribution, k / draws)
        high = np.inf if k == draws - 1 else quantile(distribution, (k + 1) / draws)
        assert low - 1e-9 <= value <= high + 1e-9
