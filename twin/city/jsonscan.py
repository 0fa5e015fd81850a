"""A cheap look at untrusted JSON text before any parser sees it: nesting depth, completeness, non-finite numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from twin.errors import DataError, UnsafeFileError

MAX_DEPTH = 64
_CHUNK = 1 << 22
_OVERLAP = 32
_NOT_FINITE = re.compile(rb"(?<![A-Za-z])(NaN|-?Infinity|-?inf|nan)(?![A-Za-z])")
_TRAILING_BACKSLASHES = re.compile(rb"\\+\Z")


@dataclass(frozen=True)
class JsonScan:
    """What the scan saw: the deepest nesting, the first number that is not finite, and the marks found."""

    depth: int
    not_finite: str
    marks: frozenset[bytes]


def scan_stream(file: BinaryIO, where: str, *, marks: tuple[bytes, ...], max_depth: int = MAX_DEPTH) -> JsonScan:
    """Scan JSON text in chunks, in linear time and constant memory.

    Parameters
    ----------
    file : binary stream
    where : str
        Name of the text in errors.
    marks : tuple of bytes
        Texts whose presence is reported, at most 32 bytes each.
    max_depth : int

    Raises
    ------
    UnsafeFileError
        Brackets nested deeper than `max_depth`.
    DataError
        The text ends inside a string or an open bracket, or closes more than it opened.
    """
    depth = deepest = 0
    in_string = False
    found: set[bytes] = set()
    not_finite = ""
    carry = seen = outside_tail = b""
    while raw := file.read(_CHUNK):
        seen = seen[-_OVERLAP:] + raw
        found |= {mark for mark in marks if mark in seen}
        text, carry = _split_escape(carry + raw)
        # Without escaped characters every quote opens or closes a string.
        codes = np.frombuffer(text.replace(b"\\\\", b"").replace(b'\\"', b""), np.uint8)
        quoted = (np.cumsum(codes == ord('"')) + in_string) % 2 == 1
        outside = codes[~quoted]
        steps = np.isin(outside, (91, 123)).astype(np.int64) - np.isin(outside, (93, 125))
        levels = depth + np.cumsum(steps)
        if len(levels):
            deepest, depth = max(deepest, int(levels.max())), int(levels[-1])
            if deepest > max_depth:
                raise UnsafeFileError(
                    f"the JSON text is nested deeper than {max_depth} levels",
                    where=where,
                    expected=f"at most {max_depth} nested brackets; GeoJSON needs about 10",
                    remedy="export the file again as plain GeoJSON",
                )
            if levels.min() < 0:
                raise DataError("the JSON text closes a bracket that was never opened", where=where)
        if len(quoted):
            in_string = bool(quoted[-1])
        plain = outside_tail + outside.tobytes()
        if not not_finite and (match := _NOT_FINITE.search(plain)):
            not_finite = match.group().decode()
        outside_tail = plain[-_OVERLAP:]
    if depth or in_string or deepest == 0:
        raise DataError(
            "the JSON text is empty or ends too early",
            where=where,
            expected="a complete JSON document",
            remedy="the file is truncated: copy or download it again",
        )
    return JsonScan(deepest, not_finite, frozenset(found))


def _split_escape(data: bytes) -> tuple[bytes, bytes]:
    """Return the data without a trailing run of backslashes, and that run, so that no escape is cut in two."""
    match = _TRAILING_BACKSLASHES.search(data, max(0, len(data) - 4096))
    return (data, b"") if match is None else (data[: match.start()], data[match.start() :])
