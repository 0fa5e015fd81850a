"""Tests generated from every family's declaration: conformance, thread count, properties, documentation."""

from __future__ import annotations

import os
import subprocess
import sys

import numba
import numpy as np
import pytest

from twin.kernels import registry

FAMILIES = registry.families()
VARIANTS = [(f.name, v) for f in FAMILIES.values() for v in f.variants]
FAST = [(f, v) for f, v in VARIANTS if v != "reference"]
PROPERTIES = [(f.name, v, p.name) for f in FAMILIES.values() for v in f.variants for p in f.laws(v)]


def sample(family: registry.Family, seed: int) -> registry.Inputs:
    return family.sample(family.sizes[0], np.random.default_rng(seed))


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_family_has_a_reference_and_a_fast_variant(name):
    assert {"reference", "numba"} <= set(FAMILIES[name].variants)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_declaration_matches_the_samples(name):
    family = FAMILIES[name]
    inputs = sample(family, 0)
    assert list(inputs) == [a.name for a in family.inputs]
    lengths: dict[str, int] = {}
    for array in family.inputs:
        value = np.asarray(inputs[array.name])
        assert value.ndim == len(array.shape), array.name
        assert value.dtype == np.dtype(array.dtype), array.name
        for symbol, length in zip(array.shape, value.shape, strict=True):
            if symbol.isidentifier():
                assert lengths.setdefault(symbol, length) == length, f"{array.name}: {symbol}"
    assert family.work(inputs) > 0
    assert family.source and family.work_unit and family.purpose


@pytest.mark.parametrize(("name", "variant"), FAST)
@pytest.mark.parametrize("seed", range(5))
def test_variant_agrees_with_the_reference(name, variant, seed):
    family = FAMILIES[name]
    expected = family.call("reference", sample(family, seed))
    got = family.call(variant, sample(family, seed))
    assert len(got) == len(expected) == len(family.outputs)
    for array, a, b in zip(family.outputs, got, expected, strict=True):
        rtol, atol = family.tolerance(variant, array.name)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol, err_msg=array.name)


@pytest.mark.parametrize(("name", "variant"), FAST)
def test_same_bits_for_any_thread_count(name, variant):
    family = FAMILIES[name]
    before = numba.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 4):
            numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
            results.append(family.call(variant, sample(family, 7)))
    finally:
        numba.set_num_threads(before)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


FOUR_THREADS = """
import numba, numpy as np
from twin.kernels import registry
assert numba.config.NUMBA_NUM_THREADS == 4
for family in registry.families().values():
    for variant in sorted(set(family.variants) - {"reference"}):
        bits = set()
        for threads in (1, 2, 3, 4):
            numba.set_num_threads(threads)
            out = family.call(variant, family.sample(family.sizes[0], np.random.default_rng(7)))
            bits.add(b"".join(np.asarray(a).tobytes() for a in out))
        print(family.name, variant, len(bits))
"""


def test_same_bits_for_up_to_four_threads_on_any_machine():
    """The test above has no more threads than the machine has cores; this one asks for four whatever there is."""
    done = subprocess.run(
        [sys.executable, "-c", FOUR_THREADS],
        env=os.environ | {"NUMBA_NUM_THREADS": "4"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()] == [[name, variant, "1"] for name, variant in FAST]


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_inputs_are_left_alone(name, variant):
    family = FAMILIES[name]
    inputs = sample(family, 3)
    family.call(variant, inputs)
    for key, value in sample(family, 3).items():
        np.testing.assert_array_equal(inputs[key], value, err_msg=key)


@pytest.mark.parametrize(("name", "variant", "law"), PROPERTIES)
@pytest.mark.parametrize("seed", [11, 12])
def test_property_holds(name, variant, law, seed):
    family = FAMILIES[name]
    prop = next(p for p in family.properties if p.name == law)
    prop.check(family.variants[variant], sample(family, seed))
