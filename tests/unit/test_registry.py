import numpy as np
import pytest

from twin.errors import KernelError
from twin.kernels import registry


@pytest.fixture
def double(monkeypatch):
    monkeypatch.setattr(registry, "_FAMILIES", {})
    array = registry.Array("x", ("n",), "float64", "-")
    return registry.declare(
        registry.Family(
            name="test.double",
            purpose="Doubles.",
            inputs=(array,),
            outputs=(array,),
            sample=lambda size, rng: {"x": rng.random(size)},
            work=lambda inputs: float(len(inputs["x"])),
            work_unit="number",
            source="-",
        )
    )


def test_a_family_declared_twice_is_an_error(double):
    with pytest.raises(KernelError, match="declared twice"):
        registry.declare(double)


def test_the_reference_comes_first(double):
    with pytest.raises(KernelError, match="no reference"):
        registry.variant("test.double", "numba")(lambda x: 2 * x)


def test_a_variant_registered_twice_is_an_error(double):
    registry.variant("test.double", "reference")(lambda x: 2 * x)
    with pytest.raises(KernelError, match="registered twice"):
        registry.variant("test.double", "reference")(lambda x: x + x)


def test_a_variant_may_claim_less_for_single_outputs(double):
    registry.variant("test.double", "reference")(lambda x: 2 * x)
    registry.variant("test.double", "single", tolerances={"x": (1e-5, 1e-4)})(lambda x: 2 * x)
    assert double.tolerance("single", "x") == (1e-5, 1e-4)
    assert double.tolerance("reference", "x") == (double.rtol, double.atol)
    assert double.laws("single") == double.properties
    for claim in ({"tolerances": {"y": (0.0, 0.0)}}, {"exempt": ["no such law"]}):
        with pytest.raises(KernelError, match="no output or property"):
            registry.variant("test.double", "other", **claim)(lambda x: 2 * x)
    assert "other" not in double.variants


def test_call_by_name_returns_a_tuple(double):
    registry.variant("test.double", "reference")(lambda x: 2 * x)
    (out,) = double.call("reference", {"x": np.arange(3.0)})
    assert out.tolist() == [0, 2, 4]


def test_unknown_names_suggest_the_closest(double):
    with pytest.raises(KernelError, match=r"did you mean 'test\.double'"):
        registry.family("test.doubel")
    registry.variant("test.double", "reference")(lambda x: 2 * x)
    with pytest.raises(KernelError, match="did you mean 'reference'"):
        registry.get("test.double", "referense")


def test_plugins_are_found_by_entry_point(double, monkeypatch):
    class Point:
        name = "other"

        @staticmethod
        def load():
            registry.variant("test.double", "reference")(lambda x: 2 * x)

    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [Point] if group == "twin.kernels" else [])
    assert registry.load_plugins() == ["other"]
    assert "reference" in double.variants
