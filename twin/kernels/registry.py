"""The kernel registry: every family is declared once, with one reference and any number of fast variants.

A family is the contract: arrays in, arrays out, their shapes, types and units, a maker of valid random inputs,
the tolerance within which variants agree with the reference, the unit of work, the properties that hold, and the
source of the method. The conformance, thread-count and property tests, ``twin bench`` and the documentation table
are all generated from it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from twin.errors import KernelError, did_you_mean

Kernel = Callable[..., Any]
Inputs = dict[str, Any]
ENTRY_POINT_GROUP = "twin.kernels"


@dataclass(frozen=True)
class Array:
    """One argument or result: its name, symbolic shape, dtype and unit.

    A scalar has the empty shape. Names in `shape` are shared between the arrays of a family: equal names mean
    equal lengths.
    """

    name: str
    shape: tuple[str, ...]
    dtype: str
    unit: str


@dataclass(frozen=True)
class Property:
    """A law that every variant obeys; `check(kernel, inputs)` raises AssertionError where it is broken."""

    name: str
    check: Callable[[Kernel, Inputs], None]


@dataclass(frozen=True)
class Family:
    """The declaration of a kernel family.

    Parameters
    ----------
    name : str
        ``"<domain>.<verb_or_noun>"``.
    purpose : str
        One sentence.
    inputs, outputs : tuple of Array
        In call order. Kernels take the inputs positionally and return one array or a tuple of arrays.
    sample : callable
        ``sample(size, rng) -> dict`` of valid random inputs by name; `size` scales the work about linearly.
    work : callable
        ``work(inputs) -> float``, the number of units of work in these inputs.
    work_unit : str
        For example ``"building·hour"``.
    source : str
        Where the method is published.
    rtol, atol : float
        A variant conforms when ``|out - ref| <= atol + rtol * |ref|`` for every output.
    sizes : tuple of int
        Default sizes of ``twin bench``; tests use the first.
    properties : tuple of Property
        Laws checked for every variant.
    warm_up : callable, optional
        Calls what the fast variant does not reach on the smallest sample, so that it is compiled with the rest.
    variants, tolerances, exempt : dict
        Filled by `variant`.
    """

    name: str
    purpose: str
    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]
    sample: Callable[[int, np.random.Generator], Inputs]
    work: Callable[[Inputs], float]
    work_unit: str
    source: str
    rtol: float = 1e-9
    atol: float = 1e-12
    sizes: tuple[int, ...] = (10, 100, 1000)
    properties: tuple[Property, ...] = ()
    warm_up: Callable[[], None] | None = None
    variants: dict[str, Kernel] = field(default_factory=dict)
    tolerances: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    exempt: dict[str, frozenset[str]] = field(default_factory=dict)

    def tolerance(self, variant: str, output: str) -> tuple[float, float]:
        """Return the relative and absolute tolerance of an output of a variant: its own, else the family's."""
        return self.tolerances.get((variant, output), (self.rtol, self.atol))

    def laws(self, variant: str) -> tuple[Property, ...]:
        """Return the properties that a variant obeys."""
        return tuple(p for p in self.properties if p.name not in self.exempt.get(variant, ()))

    def call(self, variant: str, inputs: Mapping[str, Any]) -> tuple[Any, ...]:
        """Call a variant with named inputs and return its outputs as a tuple."""
        out = get(self.name, variant)(*(inputs[a.name] for a in self.inputs))
        return out if isinstance(out, tuple) else (out,)


_FAMILIES: dict[str, Family] = {}


def declare(family: Family) -> Family:
    """Add a family. Declaring a name twice raises `KernelError`."""
    if family.name in _FAMILIES:
        raise KernelError(f"kernel family {family.name!r} is declared twice")
    _FAMILIES[family.name] = family
    return family


def variant(
    family_name: str,
    variant_name: str,
    *,
    tolerances: Mapping[str, tuple[float, float]] | None = None,
    exempt: Collection[str] = (),
) -> Callable[[Kernel], Kernel]:
    """Register the decorated function as a variant of a declared family.

    The first variant of a family must be ``"reference"``. A duplicate name raises `KernelError`.

    Parameters
    ----------
    family_name, variant_name : str
    tolerances : mapping, optional
        (rtol, atol) of outputs, by name, where the variant claims less than its family, for instance for being in
        single precision.
    exempt : collection of str, optional
        Names of the properties that the variant does not claim.
    """

    def register(kernel: Kernel) -> Kernel:
        owner = family(family_name)
        if variant_name in owner.variants:
            raise KernelError(f"variant {variant_name!r} of {family_name!r} is registered twice")
        if not owner.variants and variant_name != "reference":
            raise KernelError(f"{family_name!r} has no reference variant yet", remedy="register the reference first")
        unknown = (set(tolerances or {}) - {a.name for a in owner.outputs}) | (
            set(exempt) - {p.name for p in owner.properties}
        )
        if unknown:
            raise KernelError(f"{family_name!r} has no output or property {min(unknown)!r}")
        owner.variants[variant_name] = kernel
        owner.tolerances.update({(variant_name, output): at for output, at in (tolerances or {}).items()})
        owner.exempt[variant_name] = frozenset(exempt)
        return kernel

    return register


def family(name: str) -> Family:
    """Return a declared family by name."""
    if name not in _FAMILIES:
        raise KernelError(f"unknown kernel family {name!r}", remedy=did_you_mean(name, _FAMILIES))
    return _FAMILIES[name]


def get(name: str, variant_name: str) -> Kernel:
    """Return one variant of a family."""
    variants = family(name).variants
    if variant_name not in variants:
        raise KernelError(
            f"kernel family {name!r} has no variant {variant_name!r}", remedy=did_you_mean(variant_name, variants)
        )
    return variants[variant_name]


def families() -> dict[str, Family]:
    """Return all declared families by name, sorted, after importing the engine's own and the plug-ins'."""
    import twin.kernels.energy
    import twin.kernels.solar
    import twin.kernels.traffic  # noqa: F401

    load_plugins()
    return dict(sorted(_FAMILIES.items()))


def load_plugins() -> list[str]:
    """Import the variants that installed packages offer in the entry-point group ``twin.kernels``."""
    from importlib.metadata import entry_points

    loaded = []
    for point in entry_points(group=ENTRY_POINT_GROUP):
        point.load()
        loaded.append(point.name)
    return loaded
