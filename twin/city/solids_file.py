"""3D city files as bytes: which format a name claims, packed or not, with the limits of `twin.city.door`."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from twin.city.door import MAX_VECTOR_BYTES, check_size
from twin.city.unzip import MAX_RATIO, RATIO_FREE_BYTES
from twin.errors import DataError, UnsafeFileError

CITYJSON, CITYJSON_SEQ, CITYGML = "CityJSON", "CityJSONSeq", "CityGML"
ENDINGS = {
    ".city.jsonl": CITYJSON_SEQ,
    ".jsonl": CITYJSON_SEQ,
    ".city.json": CITYJSON,
    ".cityjson": CITYJSON,
    ".gml": CITYGML,
    ".citygml": CITYGML,
}
"""Formats by the end of the name, each also packed (``.gz``)."""
MAX_UNPACKED_BYTES = 2 * MAX_VECTOR_BYTES
_CHUNK = 1 << 20
_PEEK = 1 << 16


def solid_format(path: str | Path) -> str | None:
    """Return the 3D format that a file claims by its name; a plain ``.json`` is CityJSON where its start says so."""
    name = Path(path).name.lower().removesuffix(".gz")
    for ending, kind in ENDINGS.items():
        if name.endswith(ending):
            return kind
    if not name.endswith(".json"):
        return None
    if str(path).lower().endswith(".gz"):
        return CITYJSON
    try:
        with Path(path).open("rb") as file:
            head = file.read(_PEEK)
    except (OSError, ValueError):
        return None  # the door says what is wrong with it
    return CITYJSON if b'"CityJSON"' in head or b'"CityObjects"' in head else None


def chunks(path: str | Path) -> Iterator[bytes]:
    """Yield the content of a file, unpacked where it is packed, in pieces of at most 1 MiB.

    Raises
    ------
    UnsafeFileError
        Not a regular local file, too large, or packed too strongly.
    DataError
        No such file, an empty one, or a damaged archive.
    """
    resolved = check_size(path, max_bytes=MAX_VECTOR_BYTES, what="3D city file")
    with resolved.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    named = str(path).lower().endswith(".gz")
    if packed != named:
        raise UnsafeFileError(
            f"the name says {'packed' if named else 'plain'}, but the content is not",
            where=str(path),
            expected="a name that ends in .gz where, and only where, the file is packed with gzip",
        )
    size, total = resolved.stat().st_size, 0
    limit = min(MAX_UNPACKED_BYTES, max(MAX_RATIO * size, RATIO_FREE_BYTES)) if packed else MAX_UNPACKED_BYTES
    try:
        with gzip.open(resolved) if packed else resolved.open("rb") as file:
            while piece := file.read(_CHUNK):
                total += len(piece)
                if total > limit:
                    raise UnsafeFileError(
                        f"the file unpacks to more than {limit / 2**20:.0f} MiB",
                        where=str(path),
                        expected=f"at most {MAX_UNPACKED_BYTES >> 20} MiB and {MAX_RATIO} to 1",
                        remedy="cut out the area of interest first",
                    )
                yield piece
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"the packed file is truncated or damaged: {error}",
            where=str(path),
            remedy="copy or download it again",
        ) from error
    if total == 0:
        raise DataError("the packed file is empty", where=str(path), remedy="copy or download it again")
