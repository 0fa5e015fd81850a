"""The one door for YAML: version 1.2, plain values only, every key with its line and column.

``NO`` stays text, dates stay text, duplicate keys are refused. Tags, anchors, aliases and directives are refused too:
they can hide values, change the meaning of others, or make a small file expand without end.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from twin.errors import StudyError, TwinError, at_line

MAX_BYTES = 200_000
MAX_DEPTH = 32
KeyPath = tuple[str | int, ...]

_TAG = "tag:yaml.org,2002:"
_TEXT_TAGS = (f"{_TAG}str", f"{_TAG}timestamp")
_WORDS_OF_1_1 = ("y", "n", "yes", "no", "on", "off")
_VALUE_TAGS = tuple(_TAG + name for name in ("int", "float", "bool", "null"))


@dataclass(frozen=True)
class Positions:
    """Where each key and value of a file stands; lines and columns count from 1.

    A key path is a tuple of mapping keys and list indices, for example ``("measures", "car-free", 0, "type")``.
    """

    file: str
    keys: dict[KeyPath, tuple[int, int]] = field(default_factory=dict)
    values: dict[KeyPath, tuple[int, int]] = field(default_factory=dict)

    def key(self, path: KeyPath) -> tuple[int, int]:
        """Return the place of the key at the end of the path; of a list item, the place of the item."""
        return self._nearest(path, self.keys)

    def value(self, path: KeyPath) -> tuple[int, int]:
        """Return the place of the value at a path."""
        return self._nearest(path, self.values)

    def where(self, path: KeyPath, *, key: bool = False) -> str:
        """Return ``file:line:column`` of the value at a path, or of its key.

        A path that is not in the file (a missing key) gives the place of the nearest part of it that is.
        """
        line, column = self.key(path) if key else self.value(path)
        return at_line(self.file, line, column)

    def _nearest(self, path: KeyPath, places: dict[KeyPath, tuple[int, int]]) -> tuple[int, int]:
        for length in range(len(path), -1, -1):
            for known in (places, self.values):
                if path[:length] in known:
                    return known[path[:length]]
        return 1, 1


def read_yaml(
    path: str | Path, *, error: type[TwinError] = StudyError, max_bytes: int = MAX_BYTES, number_keys: bool = False
) -> tuple[dict[str, Any], Positions]:
    """Read a YAML 1.2 file whose top level is a mapping.

    Values are dict, list, str, int, float, bool and None; keys are text.

    Parameters
    ----------
    path : str or Path
    error : class of TwinError
        What to raise: `StudyError` for studies, `DataError` for city packages.
    max_bytes : int
        Larger files are refused unread.
    number_keys : bool
        Whether a key may be a whole number, as in a numbered list; it is read as text.

    Returns
    -------
    data : dict
    positions : Positions
        Line and column of every key path.

    Raises
    ------
    TwinError
        Of the class `error`: no such file, not a regular file, too large, not UTF-8, not YAML, nested more than
        `MAX_DEPTH` levels, a duplicate or non-text key, a tag, anchor, alias or directive. With line and column.
    """
    path = Path(path)
    try:
        if not path.is_file():
            what = "the path is not a file" if path.exists() else "the file does not exist"
            raise error(what, where=str(path))
        with path.open("rb") as stream:
            raw = stream.read(max_bytes + 1)
    except OSError as exc:  # no permission, a name too long, a broken disk
        raise error(f"the file cannot be read: {exc.strerror or exc}", where=str(path)[:200]) from exc
    if len(raw) > max_bytes:
        raise error("the file is too large", where=str(path), expected=f"at most {max_bytes:,} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = raw[: exc.start].count(b"\n") + 1
        raise error("the file is not UTF-8 text", where=f"{path}:{line}", remedy="save it as UTF-8") from exc
    return parse_yaml(text, file=str(path), error=error, number_keys=number_keys)


def parse_yaml(
    text: str, *, file: str = "<text>", error: type[TwinError] = StudyError, number_keys: bool = False
) -> tuple[dict[str, Any], Positions]:
    """Parse YAML text as `read_yaml` does; `file` is only named in errors."""
    _refuse_directives(text, file, error)
    _refuse_deep_brackets(text, file, error)
    yaml = YAML(typ="safe", pure=True)
    try:
        node = yaml.compose(io.StringIO(text))
    except RecursionError:
        raise _too_deep(error, file) from None
    except MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        where = at_line(file, mark.line + 1, mark.column + 1) if mark else file
        raise error(f"not valid YAML: {exc.problem or exc.context}", where=where) from exc
    except (YAMLError, ValueError) as exc:  # characters that YAML does not allow, numbers out of range
        raise error(f"not valid YAML: {' '.join(str(exc).split())}", where=file) from exc
    if not isinstance(node, MappingNode):
        raise error(
            "the file is empty" if node is None else "the top level is not a mapping",
            where=at_line(file, 1, 1),
            expected="lines of the form `key: value`",
        )
    key_tags = (*_TEXT_TAGS, f"{_TAG}int") if number_keys else _TEXT_TAGS
    reader = _Reader(yaml, Positions(file), error, key_tags)
    return reader.read(node, ()), reader.positions


def dump_yaml(data: dict[str, Any]) -> str:
    """Return plain data as YAML 1.2 text, keys in the given order.

    Words that YAML 1.1 takes for true or false (``NO``) are quoted, for other programs that still do.
    """
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 110
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    yaml.dump(_quoted(data), stream)
    return stream.getvalue()


def _quoted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _quoted(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_quoted(item) for item in value]
    if isinstance(value, str) and value.lower() in _WORDS_OF_1_1:
        return DoubleQuotedScalarString(value)
    return value


def _too_deep(error: type[TwinError], where: str) -> TwinError:
    return error("the file is nested too deeply", where=where, expected=f"at most {MAX_DEPTH} levels")


def _refuse_directives(text: str, file: str, error: type[TwinError]) -> None:
    """Refuse ``%YAML 1.1`` and the like, which would turn the text ``NO`` into false."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("%"):
            raise error("YAML directives (lines that start with %) are not supported", where=at_line(file, number, 1))
        if line.strip() and not line.lstrip().startswith("#"):
            return


def _refuse_deep_brackets(text: str, file: str, error: type[TwinError]) -> None:
    """Refuse nested flow brackets before the parser, whose cost grows with the square of their depth."""
    depth = 0
    for number, line in enumerate(text.splitlines(), start=1):
        for column, char in enumerate(line, start=1):
            if char in "[{":
                depth += 1
                if depth > MAX_DEPTH:
                    raise _too_deep(error, at_line(file, number, column))
            elif char in "]}":
                depth = max(0, depth - 1)


class _Reader:
    """Turns composed nodes into plain data and notes where they stand."""

    def __init__(self, yaml: YAML, positions: Positions, error: type[TwinError], key_tags: tuple[str, ...]) -> None:
        self.yaml = yaml
        self.positions = positions
        self.error = error
        self.key_tags = key_tags
        self.seen: set[int] = set()

    def where(self, node: Node) -> str:
        return at_line(self.positions.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def read(self, node: Node, path: KeyPath) -> Any:
        self.positions.values[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
        if node.anchor is not None or id(node) in self.seen:
            raise self.error("anchors and aliases (& and *) are not supported", where=self.where(node))
        self.seen.add(id(node))
        if len(path) > MAX_DEPTH:
            raise _too_deep(self.error, self.where(node))
        if isinstance(node, MappingNode) and str(node.tag) == f"{_TAG}map":
            return self.read_mapping(node, path)
        if isinstance(node, SequenceNode) and str(node.tag) == f"{_TAG}seq":
            return [self.read(item, (*path, k)) for k, item in enumerate(node.value)]
        if isinstance(node, ScalarNode):
            return self.read_scalar(node)
        raise self.error(f"the tag {node.tag} is not supported", where=self.where(node))

    def read_mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode) or str(key_node.tag) not in self.key_tags:
                shown = repr(key_node.value)[:40] if isinstance(key_node, ScalarNode) else "of this entry"
                raise self.error(f"the key {shown} is not text", where=self.where(key_node), remedy="put it in quotes")
            key = str(key_node.value)
            here = (*path, key)
            if key in data:
                line, column = self.positions.keys[here]
                raise self.error(
                    f"the key {key!r} stands twice", where=self.where(key_node), expected=f"first at {line}:{column}"
                )
            self.positions.keys[here] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            data[key] = self.read(value_node, here)
        return data

    def read_scalar(self, node: ScalarNode) -> Any:
        tag = str(node.tag)
        if tag in _TEXT_TAGS:
            return str(node.value)
        if tag in _VALUE_TAGS:
            try:
                return self.yaml.constructor.construct_object(node)
            except (ValueError, OverflowError, YAMLError) as exc:
                raise self.error(
                    f"{node.value[:40]!r} is not a number that can be read", where=self.where(node)
                ) from exc
        raise self.error(f"the tag {tag} is not supported", where=self.where(node), remedy="remove it")
