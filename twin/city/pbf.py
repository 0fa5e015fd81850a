"""A look at the frames of an OSM PBF file before its reader sees it: complete, whole, and of the right kind.

The format: https://wiki.openstreetmap.org/wiki/PBF_Format. Frames are walked without decoding the map itself; every
zlib frame is unpacked once, so that its own checksum tells a damaged file from a whole one.
"""

from __future__ import annotations

import datetime
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from twin.city.door import check_size
from twin.errors import DataError, UnsafeFileError

MAX_PBF_BYTES = 2 << 30
_MAX_HEADER = 64 << 10
_MAX_BLOB = 32 << 20
_MAX_RATIO = 50
"""Map data packs about 2 to 10 to 1; what unpacks to far more is made to exhaust its reader."""
_RATIO_FREE_BYTES = 64 << 20
_KNOWN_FEATURES = {"OsmSchema-V0.6", "DenseNodes", "HistoricalInformation"}


@dataclass(frozen=True)
class PbfInfo:
    """What the file header says: the date of the data (ISO, may be empty) and the program that wrote it."""

    date: str
    writer: str


def check_pbf(path: str | Path, *, max_bytes: int = MAX_PBF_BYTES) -> PbfInfo:
    """Walk the frames of an OSM PBF file and return what its header says.

    Raises
    ------
    UnsafeFileError
        Too large, not a regular file, or a frame beyond the limits of the format.
    DataError
        Not an OSM PBF file, truncated, damaged, empty, or in need of features that no reader here has.
    """
    resolved = check_size(path, max_bytes=max_bytes, what="OSM PBF file")
    size = resolved.stat().st_size
    header: PbfInfo | None = None
    blocks = unpacked = 0
    with resolved.open("rb") as file:
        while file.tell() < size:
            kind, data = read_frame(file, size, str(path), first=header is None)
            unpacked += len(data)
            if unpacked > _RATIO_FREE_BYTES + _MAX_RATIO * size:
                raise UnsafeFileError(
                    f"the OSM PBF file of {size / 2**20:.1f} MiB unpacks to more than {unpacked / 2**20:.0f} MiB",
                    where=str(path),
                    expected=f"at most {_MAX_RATIO} to 1",
                )
            if header is None:
                if kind != b"OSMHeader":
                    raise _not_pbf(path, f"its first frame is {kind[:20]!r}")
                header = _header(data, path)
            blocks += kind == b"OSMData"
    if header is None or not blocks:
        raise DataError("the OSM PBF file holds no map data", where=str(path), remedy="copy or download it again")
    return header


def frames(path: str | Path) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield position, type and unpacked content of every frame of a file that `check_pbf` has passed."""
    size = Path(path).stat().st_size
    with Path(path).open("rb") as file:
        while (at := file.tell()) < size:
            yield at, *read_frame(file, size, str(path), first=at == 0)


def read_frame(file: BinaryIO, size: int, where: str, *, first: bool) -> tuple[bytes, bytes]:
    """Read one frame and return its type and its unpacked content."""
    at = file.tell()
    length = int.from_bytes(file.read(4), "big")
    if not 0 < length <= _MAX_HEADER:
        raise _not_pbf(where, "it does not begin with a frame") if first else _damaged(where, at, "frame header")
    header = dict(fields(file.read(length), where, at))
    kind, data_size = header.get(1), header.get(3)
    if not isinstance(kind, bytes) or not isinstance(data_size, int):
        raise _not_pbf(where, "it does not begin with a frame") if first else _damaged(where, at, "frame header")
    if data_size > _MAX_BLOB:
        raise UnsafeFileError(f"a frame of {data_size} bytes", where=where, expected=f"at most {_MAX_BLOB}")
    if file.tell() + data_size > size:
        raise DataError(
            f"the OSM PBF file is truncated: the frame at byte {at} needs {file.tell() + data_size - size} more bytes",
            where=where,
            remedy="copy or download it again",
        )
    return kind, _unpack(dict(fields(file.read(data_size), where, at)), where, at)


def _unpack(blob: dict[int, int | bytes], where: str, at: int) -> bytes:
    raw, packed, raw_size = blob.get(1), blob.get(3), blob.get(2)
    if isinstance(raw, bytes):
        return raw
    if not isinstance(packed, bytes):
        raise DataError(
            f"the frame at byte {at} is not packed with zlib",
            where=where,
            remedy="convert it with osmium or osmconvert",
        )
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(packed, _MAX_BLOB)
    except zlib.error as error:
        raise _damaged(where, at, str(error)) from error
    if not unpacker.eof or len(data) != raw_size:
        raise _damaged(where, at, "its size is not what it declares")
    return data


def _header(data: bytes, path: str | Path) -> PbfInfo:
    seconds, writer = 0, ""
    for number, value in fields(data, str(path), 0):
        if number == 4 and isinstance(value, bytes) and value.decode(errors="replace") not in _KNOWN_FEATURES:
            raise DataError(f"the OSM PBF file needs the feature {value!r}", where=str(path))
        if number == 16 and isinstance(value, bytes):
            writer = value.decode(errors="replace")[:80]
        if number == 32 and isinstance(value, int):
            seconds = value
    day = datetime.datetime.fromtimestamp(seconds, datetime.UTC).date().isoformat() if 0 < seconds < 2**33 else ""
    return PbfInfo(day, writer)


def fields(data: bytes, where: str, at: int) -> Iterator[tuple[int, int | bytes]]:
    """Yield (field number, value) of a protobuf message: an int of a varint, the bytes of anything else."""
    position = 0
    while position < len(data):
        key, position = varint(data, position, where, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, position = varint(data, position, where, at)
            yield number, value
            continue
        if wire == 2:
            length, position = varint(data, position, where, at)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise _damaged(where, at, "it is not a protocol buffer")
        if position + length > len(data):
            raise _damaged(where, at, "a field leads out of its frame")
        yield number, data[position : position + length]
        position += length


def packed(value: int | bytes, where: str, at: int) -> list[int]:
    """Return the unsigned numbers of a packed field."""
    numbers: list[int] = []
    position = 0
    while isinstance(value, bytes) and position < len(value):
        number, position = varint(value, position, where, at)
        numbers.append(number)
    return numbers


def varint(data: bytes, position: int, where: str, at: int) -> tuple[int, int]:
    """Return the number at a position, and the position after it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
    raise _damaged(where, at, "a number is cut off")


def _not_pbf(path: str | Path, reason: str) -> DataError:
    return DataError(
        f"this is not an OSM PBF file: {reason}", where=str(path), expected="an extract named like place.osm.pbf"
    )


def _damaged(where: str, at: int, reason: str) -> DataError:
    return DataError(
        f"the OSM PBF file is damaged in the frame at byte {at}: {reason}",
        where=where,
        remedy="copy or download it again",
    )
