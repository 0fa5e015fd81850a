"""Reading canvases: from a study's section ``canvas``, from a file that is only a canvas, or from a run.

Every problem of a file is collected, each with its line and column: first what does not fit the schema, and what refers
to something that is not there (an actor, a KPI, a task).
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from twin.city.yaml import Positions, read_yaml
from twin.decision.canvas import Canvas
from twin.decision.canvas_names import Keys, name_problems
from twin.errors import StudyError, did_you_mean
from twin.scenario.schema import NAME_PATTERN, Study

SECTION = "canvas"
Place = Callable[..., str]


def load_canvas(path: str | Path) -> Canvas:
    """Return the canvas in a study file or in a file that is only a canvas.

    Parameters
    ----------
    path : str or Path
        A file with the key ``canvas`` or ``study`` is a study; its other sections are not checked here, but for the
        names of measures and scenarios.

    Raises
    ------
    StudyError
        The file cannot be read, is a study without a canvas, or does not fit; all problems are in ``problems``.
    """
    path = Path(path)
    data, positions = read_yaml(path, error=StudyError, number_keys=True)
    if SECTION not in data and "study" not in data:
        return _canvas(data, str(path), lambda keys, **key: _where(positions, (), data, keys, **key), None)
    section = data.get(SECTION)
    if not isinstance(section, dict):
        what = "the study has no canvas" if section is None else "the section `canvas` is not a mapping"
        raise StudyError(what, where=positions.where((SECTION,)), remedy="add a section `canvas`")
    return _canvas(section, str(path), lambda keys, **key: _where(positions, (SECTION,), section, keys, **key), data)


def canvas_of(study: Mapping[str, Any], where: str = "study") -> Canvas:
    """Return the canvas in the plain data of a study, for example in ``run.info["study"]``.

    Raises
    ------
    StudyError
        The study has no canvas, or it does not fit.
    """
    section = study.get(SECTION)
    if not isinstance(section, Mapping):
        raise StudyError("the study has no canvas", where=where, remedy="add a section `canvas` and run it again")
    return _canvas(section, where, lambda keys, **_: f"{where}: {_label((SECTION, *_in_data(section, keys)))}", study)


def check_canvas(study: Study) -> None:
    """Check the canvas of a study that was read from a file; a study without one is fine.

    Raises
    ------
    StudyError
        The canvas does not fit; all problems are in ``problems``.
    """
    section = getattr(study, SECTION, None)
    if section is not None:
        base = str(study.path or "study")
        _canvas(section, base, lambda keys, **_: study.at(SECTION, *_in_data(section, keys)) or base, study.resolved())


def _canvas(data: Mapping[str, Any], name: str, place: Place, study: Mapping[str, Any] | None) -> Canvas:
    """Return the canvas in plain data; what fits is checked further even where other sections do not."""
    problems: list[tuple[str, StudyError]] = []
    broken: set[str] = set()
    try:
        canvas = Canvas.model_validate(data)
    except ValidationError as error:
        details = error.errors()
        problems += [_schema_problem(detail, place) for detail in details]
        broken = {str(detail["loc"][0]) for detail in details if detail["loc"]}
        canvas = Canvas.model_validate({key: value for key, value in data.items() if key not in broken})
    problems += [(place(keys), problem) for keys, problem in name_problems(canvas, broken, study)]
    if problems:
        found = {
            (where, problem.what): StudyError(
                problem.what, where=where, expected=problem.expected, remedy=problem.remedy
            )
            for where, problem in problems
        }
        ordered = sorted(found.values(), key=lambda problem: _line_order(str(problem.where)))
        count = len(ordered)
        raise StudyError(f"{name}: the canvas has {count} problem{'s' if count > 1 else ''}", problems=ordered)
    return canvas


def _schema_problem(detail: Any, place: Place) -> tuple[str, StudyError]:
    """Return the place and the message of one pydantic error."""
    keys, kind, context = tuple(detail["loc"]), detail["type"], detail.get("ctx", {})
    last = str(keys[-1]) if keys else SECTION
    is_name = kind == "string_pattern_mismatch" and context.get("pattern") == NAME_PATTERN
    if kind == "extra_forbidden":
        remedy = did_you_mean(last, _fields(Canvas, keys[:-1]))
        return place(keys, key=True), StudyError(f"unknown key {last!r}", remedy=remedy)
    if kind == "missing":
        return place(keys), StudyError(f"the key {last!r} is missing in {_label(keys[:-1]) or SECTION}")
    if kind == "twin":
        return place(keys), StudyError(detail["msg"], expected=context.get("expected"))
    shown = repr(detail["input"])
    shown = shown if len(shown) <= 60 else shown[:59] + "…"
    if is_name:
        at_key = last == "[key]"
        expected = "small letters, digits and hyphens, for example city-council"
        return place(keys[:-1] if at_key else keys, key=at_key), StudyError(f"{shown} is not a name", expected=expected)
    return place(keys), StudyError(
        f"{_label(keys)} is {shown}", expected=detail["msg"].removeprefix("Input should be ")
    )


def _where(positions: Positions, prefix: Keys, data: Any, keys: Keys, *, key: bool = False) -> str:
    return positions.where((*prefix, *_in_data(data, keys)), key=key)


def _in_data(data: Any, keys: Sequence[str | int]) -> Keys:
    """Return where the canvas's own place stands in the data, whose blocks may be texts, lists or mappings."""
    place: list[str | int] = []
    for key in keys:
        if isinstance(data, Mapping) and isinstance(key, int) and key < len(data):
            key = list(data)[key]
        inside = key in data if isinstance(data, Mapping) else isinstance(data, list) and isinstance(key, int)
        if not inside:
            break
        place.append(key)
        data = data[key]
    return tuple(place)


def _fields(kind: Any, keys: Sequence[str | int]) -> list[str]:
    """Return the keys that the model at `keys` knows, walking the type annotations from `kind`."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        if not keys:
            return list(kind.model_fields)
        field = kind.model_fields.get(str(keys[0]))
        return [] if field is None else _fields(field.annotation, keys[1:])
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _fields(arguments[0], keys)
    if origin in (Union, types.UnionType):
        return next((found for part in arguments if (found := _fields(part, keys))), [])
    return _fields(arguments[-1], keys[1:]) if arguments and keys else []


def _label(keys: Sequence[str | int]) -> str:
    """Return ``value_proposition[0].text``."""
    text = ""
    for key in keys:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else str(key)
    return text


def _line_order(where: str) -> tuple[int, int, str]:
    parts = where.rsplit(":", 2)
    numbers = [int(part) if part.isdigit() else 0 for part in parts[1:]]
    return (*([*numbers, 0, 0][:2]), where)  # type: ignore[return-value]
