"""Named model parameters: default, unit, range and source, declared once as dataclass fields.

A domain declares a frozen dataclass whose fields are made with `parameter`. Its path in study files is
``<domain>.<field>``, for example ``traffic.value_of_time_eur_h``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from twin.errors import StudyError, did_you_mean

P = TypeVar("P")


@dataclass(frozen=True)
class ParameterInfo:
    """What is known of one parameter."""

    path: str
    default: float
    unit: str
    low: float
    high: float
    meaning: str
    source: str


def parameter(default: float, *, unit: str, low: float, high: float, meaning: str, source: str) -> Any:
    """Return a dataclass field that carries its unit, valid range (inclusive), meaning and source."""
    info = {"unit": unit, "low": low, "high": high, "meaning": meaning, "source": source}
    return dataclasses.field(default=float(default), metadata=info)


def describe(domain: str, cls: type) -> list[ParameterInfo]:
    """Return the parameters of a domain in declared order."""
    return [
        ParameterInfo(path=f"{domain}.{f.name}", default=float(cast(float, f.default)), **f.metadata)
        for f in dataclasses.fields(cls)
    ]


def with_values(domain: str, base: P, values: Mapping[str, float]) -> P:
    """Return `base` with the parameters named in `values` (paths ``domain.field``) replaced.

    Raises
    ------
    StudyError
        A name that is not a parameter of the domain, or a value outside its range.
    """
    known = {info.path: info for info in describe(domain, type(base))}
    changes = {}
    for path, value in values.items():
        if path not in known:
            raise StudyError(f"unknown parameter {path!r}", remedy=did_you_mean(path, known))
        info = known[path]
        if not (math.isfinite(value) and info.low <= value <= info.high):
            raise StudyError(
                f"parameter {path} = {value!r} is outside its range",
                expected=f"a number from {info.low} to {info.high} {info.unit}",
            )
        changes[path.removeprefix(f"{domain}.")] = float(value)
    return dataclasses.replace(base, **changes)  # type: ignore[type-var]
