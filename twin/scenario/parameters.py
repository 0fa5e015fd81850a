"""All named parameters of the domains, and their values in each uncertainty draw.

Draw 0 is nominal: defaults and the baseline's values. Draws 1 … n are sampled per parameter by Latin hypercube: the
n draws fall one in each of n equally probable strata, in an order that depends only on the seed and the parameter
(McKay, Beckman and Conover 1979, "A comparison of three methods for selecting values of input variables", doi
10.1080/00401706.1979.10489755). The same draw has the same values in every scenario.
"""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from twin.errors import StudyError, did_you_mean
from twin.parameters import ParameterInfo, describe, with_values
from twin.random import entity_keys, uniform
from twin.scenario.schema import Distribution, Lognormal, Normal, Study, Triangular, Uniform

if TYPE_CHECKING:
    from twin.energy.lifecycle import LifecycleParameters
    from twin.energy.parameters import EnergyParameters
    from twin.operations.charging import OperationsParameters
    from twin.scenario.balance import ElectricityParameters
    from twin.scenario.neighbours import NeighbourParameters
    from twin.solar.economics import EconomicsParameters
    from twin.solar.parameters import SolarParameters
    from twin.solar.storage import StorageParameters
    from twin.traffic.parameters import TrafficParameters

_CLASSES = {
    "traffic": ("twin.traffic.parameters", "TrafficParameters"),
    "solar": ("twin.solar.parameters", "SolarParameters"),
    "energy": ("twin.energy.parameters", "EnergyParameters"),
    "operations": ("twin.operations.charging", "OperationsParameters"),
    "electricity": ("twin.scenario.balance", "ElectricityParameters"),
    "storage": ("twin.solar.storage", "StorageParameters"),
    "economics": ("twin.solar.economics", "EconomicsParameters"),
    "lifecycle": ("twin.energy.lifecycle", "LifecycleParameters"),
    "neighbours": ("twin.scenario.neighbours", "NeighbourParameters"),
}


@dataclass(frozen=True)
class ModelParameters:
    """The parameters of every domain in one draw."""

    traffic: TrafficParameters
    solar: SolarParameters
    energy: EnergyParameters
    operations: OperationsParameters
    electricity: ElectricityParameters
    storage: StorageParameters
    economics: EconomicsParameters
    lifecycle: LifecycleParameters
    neighbours: NeighbourParameters


@functools.cache
def domains() -> dict[str, type]:
    """Return the parameter class of every domain; imports the domains."""
    return {name: getattr(importlib.import_module(module), cls) for name, (module, cls) in _CLASSES.items()}


@functools.cache
def all_parameters() -> dict[str, ParameterInfo]:
    """Return what is known of every parameter, by path ``domain.field``."""
    return {info.path: info for domain, cls in domains().items() for info in describe(domain, cls)}


def check_value(path: str, value: float) -> None:
    """Raise `StudyError` unless `path` is a parameter and `value` lies in its range."""
    info = known_parameter(path)
    if not info.low <= value <= info.high:
        raise StudyError(
            f"parameter {path} = {value:g} is outside its range",
            expected=f"{info.low:g} to {info.high:g} {info.unit}".removesuffix(" -"),
        )


def check_distribution(path: str, distribution: Distribution) -> None:
    """Raise `StudyError` unless the centre and the ends of a distribution lie in the parameter's range."""
    known_parameter(path)
    match distribution:
        case Normal(mean=centre) | Lognormal(median=centre):
            check_value(path, centre)
        case Uniform(low=low, high=high) | Triangular(low=low, high=high):
            check_value(path, low)
            check_value(path, high)


def known_parameter(path: str) -> ParameterInfo:
    """Return what is known of a parameter.

    Raises
    ------
    StudyError
        There is no such parameter.
    """
    known = all_parameters()
    if path not in known:
        domain = path.split(".")[0]
        inside = [name for name in known if name.startswith(f"{domain}.")]
        hint = did_you_mean(path, inside or known)
        if not inside and not hint.startswith("did you mean"):
            hint = f"names start with {', '.join(f'{name}.' for name in domains())}"
        raise StudyError(f"unknown parameter {path!r}", remedy=hint)
    return known[path]


def values_for(study: Study, draw: int) -> dict[str, float]:
    """Return the values that differ from the defaults in one draw, by parameter path.

    Raises
    ------
    StudyError
        The draw is not one of the study's.
    """
    draws = study.uncertainty.draws
    if not 0 <= draw <= draws:
        raise StudyError(f"the study {study.study!r} has no draw {draw}", expected=f"0 to {draws}")
    values = dict(study.parameters)
    if draw:
        for path, distribution in study.uncertainty.parameters.items():
            info = known_parameter(path)
            values[path] = min(max(sample(path, distribution, study.seed, draw, draws), info.low), info.high)
    return values


def model_parameters(study: Study, draw: int) -> ModelParameters:
    """Return the parameters of every domain in one draw; draw 0 is nominal."""
    values = values_for(study, draw)
    return ModelParameters(
        **{
            domain: with_values(domain, cls(), {p: v for p, v in values.items() if p.startswith(f"{domain}.")})
            for domain, cls in domains().items()
        }
    )


def scaled(parameters: ModelParameters, factors: Mapping[str, float]) -> ModelParameters:
    """Return parameters with some multiplied, each kept within its range; the same object where none is.

    Parameters
    ----------
    parameters : ModelParameters
    factors : mapping
        By path ``domain.field``, as measures give them (`twin.scenario.measures.base.Change`).
    """
    for path, factor in factors.items():
        info, (domain, _, name) = known_parameter(path), path.partition(".")
        of_domain = getattr(parameters, domain)
        value = min(max(getattr(of_domain, name) * factor, info.low), info.high)
        parameters = replace(parameters, **{domain: replace(of_domain, **{name: value})})
    return parameters


def sample(path: str, distribution: Distribution, seed: int, draw: int, draws: int) -> float:
    """Return the value of a parameter in draw 1 … `draws`, before it is kept within the parameter's range."""
    key = entity_keys([path])
    order = np.argsort(uniform(seed, "uncertainty.order", key, n=draws)[0], kind="stable")
    within = float(uniform(seed, "uncertainty", key, draw)[0, 0])
    return quantile(distribution, (int(order[draw - 1]) + within) / draws)


def quantile(distribution: Distribution, p: float) -> float:
    """Return the value below which a distribution has probability `p` (0 < p < 1)."""
    from scipy.special import ndtri  # here, since it takes a sixth of a second and only draws need it

    match distribution:
        case Normal(mean=mean, sd=sd):
            return mean + sd * float(ndtri(p))
        case Lognormal(median=median, sigma=sigma):
            return median * math.exp(sigma * float(ndtri(p)))
        case Uniform(low=low, high=high):
            return low + (high - low) * p
        case Triangular(low=low, mode=mode, high=high):
            span = high - low
            if p * span < mode - low:
                return low + math.sqrt(p * span * (mode - low))
            return high - math.sqrt((1 - p) * span * (high - mode))
