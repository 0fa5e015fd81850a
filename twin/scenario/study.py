"""Reading study files: every problem of a file is collected, each with its line and column.

A study is YAML 1.2 checked against `twin.scenario.schema.Study`, then against what a schema cannot say: measures that
scenarios name must exist, parameters must be known and within their range.
"""

from __future__ import annotations

import json
import math
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from twin.city.yaml import read_yaml
from twin.errors import StudyError, TwinError, did_you_mean
from twin.scenario import parameters
from twin.scenario.measures import REGISTRY
from twin.scenario.schema import BASELINE, NAME_PATTERN, Distribution, Study

Keys = tuple[str | int, ...]
KEY = "[key]"
"""Ends the keys of a problem that is about a key itself, as in pydantic's locations."""
_DISTRIBUTION: TypeAdapter[Distribution] = TypeAdapter(Distribution)
CALIBRATED = {
    *(f"energy.{name}_factor" for name in ("u_value", "infiltration", "ventilation", "internal_gains", "hot_water")),
    *("energy.appliance_use_factor", "energy.heating_setpoint_shift_k"),
    *("energy.behaviour_spread", "energy.setpoint_spread_k"),
}
"""Parameters whose doubt a calibration holds, building by building."""
_NAME_RULE = "small letters, digits and hyphens, for example car-free-street"


def load_study(path: str | Path) -> Study:
    """Return the study in a file.

    Raises
    ------
    StudyError
        The file cannot be read or does not fit; all problems are in ``problems``.
    """
    path = Path(path)
    data, positions = read_yaml(path, error=StudyError)
    problems = []
    study = None
    try:
        study = Study.model_validate(data)
    except ValidationError as error:
        problems += [_schema_problem(data, detail) for detail in error.errors()]
    problems += list(_meaning_problems(data))
    if problems or study is None:
        found = {}
        for keys, problem in problems:
            at_key = keys[-1:] == (KEY,)
            place = positions.where(keys[:-1], key=True) if at_key else positions.where(keys)
            found[place, problem.what] = StudyError(
                problem.what, where=place, expected=problem.expected, remedy=problem.remedy
            )
        ordered = sorted(found.values(), key=lambda e: [int(n) for n in str(e.where).rsplit(":", 2)[1:]])
        n = len(ordered)
        raise StudyError(f"{path}: the study has {n} problem{'s' if n > 1 else ''}", problems=ordered)
    study._path, study._positions = path, positions
    return study


def study_schema() -> dict[str, Any]:
    """Return the JSON Schema of study files, with the names of all parameters, for editors."""
    schema = Study.model_json_schema()
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Study of the urban twin"}
    definitions = schema["$defs"]
    definitions["Distribution"] = definitions["Uncertainty"]["properties"]["parameters"]["additionalProperties"]
    for model, value in (("Baseline", {"type": "number"}), ("Uncertainty", {"$ref": "#/$defs/Distribution"})):
        spec = definitions[model]["properties"]["parameters"]
        spec["additionalProperties"] = False
        spec["properties"] = {
            info.path: {
                **value,
                "description": f"{info.meaning} [{info.unit}], {info.low:g} to {info.high:g}, default {info.default:g}",
            }
            for info in parameters.all_parameters().values()
        }
    return schema


def write_schema(path: str | Path) -> None:
    """Write `study_schema` as JSON."""
    text = json.dumps(study_schema(), indent=1, ensure_ascii=False) + "\n"
    Path(path).write_text(text, encoding="utf-8")


def _schema_problem(data: Any, detail: Any) -> tuple[Keys, StudyError]:
    """Return the place and the message of one pydantic error."""
    keys = tuple(detail["loc"])
    kind, context = detail["type"], detail.get("ctx", {})
    place = _in_data(data, keys)
    last = str(keys[-1]) if keys else ""
    label = _label(place)
    if kind == "extra_forbidden":
        known = _fields(Study, keys[:-1])
        return (*place, KEY), StudyError(f"unknown key {last!r}", remedy=did_you_mean(last, known) if known else None)
    if kind == "missing":
        return place, StudyError(f"the key {last!r} is missing{f' in {label}' if label else ''}")
    if kind == "union_tag_invalid":
        words = list(REGISTRY) if "measures" in keys else ["normal", "lognormal", "uniform", "triangular"]
        key = str(context["discriminator"]).strip("'")
        return (*place, key), StudyError(
            f"unknown {key} {context['tag']!r}", remedy=did_you_mean(str(context["tag"]), words)
        )
    if kind == "union_tag_not_found":
        return place, StudyError(f"{label} has no {str(context['discriminator']).strip(chr(39))!r}")
    if kind == "string_pattern_mismatch" and context.get("pattern") == NAME_PATTERN:
        return (*place, KEY) if last == KEY else place, StudyError(
            f"{_short(detail['input'])} is not a name", expected=_NAME_RULE
        )
    if kind == "twin":
        return place, StudyError(detail["msg"], expected=context.get("expected"), remedy=context.get("remedy"))
    message = detail["msg"].removeprefix("Input should be ")
    return place, StudyError(f"{label} is {_short(detail['input'])}", expected=message)


def _in_data(data: Any, keys: Sequence[str | int]) -> Keys:
    """Return the keys that exist in the data: tags of unions and missing keys are left out."""
    place: list[str | int] = []
    for key in keys:
        inside = key in data if isinstance(data, Mapping) else isinstance(data, list) and isinstance(key, int)
        if inside:
            place.append(key)
            data = data[key]
    return tuple(place)


def _fields(kind: Any, keys: Sequence[str | int]) -> list[str]:
    """Return the keys that the model at `keys` knows, walking the type annotations from `kind`."""
    if get_origin(kind) is Annotated:
        return _fields(get_args(kind)[0], keys)
    if get_origin(kind) in (Union, types.UnionType):
        parts = [part for part in get_args(kind) if part is not type(None)]
        tagged = [part for part in parts if keys and keys[0] in _tags(part)]
        found = [_fields(part, keys[1:]) for part in tagged] or [_fields(part, keys) for part in parts]
        return next((fields for fields in found if fields), [])
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        if not keys:
            return list(kind.model_fields)
        field = kind.model_fields.get(str(keys[0]))
        return [] if field is None else _fields(field.annotation, keys[1:])
    arguments = get_args(kind)
    return _fields(arguments[-1], keys[1:]) if arguments and keys else []


def _tags(part: Any) -> tuple[Any, ...]:
    """Return the values of the literal `type` or `distribution` of a model."""
    fields = getattr(part, "model_fields", {})
    return next((get_args(fields[name].annotation) for name in ("type", "distribution") if name in fields), ())


def _meaning_problems(data: Mapping[str, Any]) -> Iterator[tuple[Keys, StudyError]]:
    """Yield the problems of names; parts of the wrong shape are left to the schema."""
    measures = _mapping(data.get("measures"))
    for name in _mapping(data.get("scenarios")):
        if name == BASELINE:
            yield (
                ("scenarios", name, KEY),
                StudyError("the scenario name 'baseline' is reserved", remedy="use the section `baseline`"),
            )
    for keys, used in _used_measures(data):
        if isinstance(used, str) and used not in measures:
            known = did_you_mean(used, map(str, measures)) if measures else "the study has no section `measures`"
            yield keys, StudyError(f"unknown measure {used!r}", remedy=known)
    yield from _repeated(data)
    baseline = _mapping(_mapping(data.get("baseline")).get("parameters"))
    for path, value in baseline.items():
        yield from _caught(("baseline", "parameters", path, KEY), partial(_check_value, str(path), value))
    uncertain = _mapping(_mapping(data.get("uncertainty")).get("parameters"))
    for path, value in uncertain.items():
        yield from _caught(("uncertainty", "parameters", path, KEY), partial(_check_uncertain, str(path), value))
        if path in CALIBRATED and data.get("calibration"):
            yield (
                ("uncertainty", "parameters", path, KEY),
                StudyError(f"the calibration holds {path} already", remedy="leave it out: draws take its members"),
            )
    if _mapping(data.get("uncertainty")).get("draws") and not uncertain and not data.get("calibration"):
        yield (
            ("uncertainty",),
            StudyError("uncertainty has no parameters", expected="draws and parameters, or a calibration"),
        )


def _check_value(path: str, value: Any) -> None:
    """Check a value against its parameter; what is no number is left to the schema."""
    parameters.known_parameter(path)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        parameters.check_value(path, value)


def _check_uncertain(path: str, value: Any) -> None:
    """Check a distribution against its parameter; a distribution of the wrong shape is left to the schema."""
    parameters.known_parameter(path)
    try:
        distribution = _DISTRIBUTION.validate_python(value)
    except ValidationError:
        return
    parameters.check_distribution(path, distribution)


def _caught(keys: Keys, check: Callable[[], object]) -> Iterator[tuple[Keys, StudyError]]:
    try:
        check()
    except TwinError as error:
        yield keys, StudyError(error.what, expected=error.expected, remedy=error.remedy)


def _used_measures(data: Mapping[str, Any]) -> Iterator[tuple[Keys, Any]]:
    """Yield each mention of a measure in the baseline and the scenarios, with its place."""
    for i, used in enumerate(_list(_mapping(data.get("baseline")).get("measures"))):
        yield ("baseline", "measures", i), used
    for name, scenario in _mapping(data.get("scenarios")).items():
        long = isinstance(scenario, Mapping)
        inner: Keys = ("measures",) if long else ()
        for i, used in enumerate(_list(scenario.get("measures") if long else scenario)):
            yield ("scenarios", name, *inner, i), used


def _repeated(data: Mapping[str, Any]) -> Iterator[tuple[Keys, StudyError]]:
    """Yield measures that a scenario lists twice, or lists although the baseline has them."""
    seen: dict[Any, set[str]] = {}
    base: set[str] = set()
    for keys, used in _used_measures(data):
        if not isinstance(used, str):
            continue
        mine = base if keys[0] == BASELINE else seen.setdefault(keys[1], set())
        if used in mine or used in base:
            yield keys, StudyError(f"the measure {used!r} is listed twice", remedy="list it once")
        mine.add(used)


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _label(keys: Keys) -> str:
    """Return ``measures.car-free-street[0].where``."""
    text = ""
    for key in keys:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else str(key)
    return text


def _short(value: Any, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
