"""OMX: matrices between zones in HDF5 files.

Format: Open Matrix, https://github.com/osPlanning/omx/wiki (version 0.2). The group ``data`` holds the matrices, the
group ``lookup`` the names of the zones. Links out of the file are refused, whatever they lead to, before any matrix is
opened, and so are matrices that claim far more than the file holds.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from twin.city.door import check_size
from twin.city.road_network import MAX_ZONES, Floats, Trips
from twin.errors import DataError, MissingExtraError, TwinError, UnsafeFileError, did_you_mean

MAX_OMX_BYTES = 4 << 30
MAGIC = b"\x89HDF\r\n\x1a\n"
_MAX_RATIO = 1000
"""Tables with few trips pack about 200 to 1; what unpacks to far more is made to exhaust its reader."""
_RATIO_FREE_BYTES = 64 << 20
_MAX_NAMES = 1000
_MAX_NAME = 200


def read_omx(path: str | Path, matrix: str | None = None, lookup: str | None = None) -> Trips:
    """Read one matrix of trips.

    Parameters
    ----------
    path : OMX file
    matrix : its name; needed only when the file has several
    lookup : name of the lookup that names the zones; without any they are 1, 2, …

    Raises
    ------
    MissingExtraError
        h5py is not installed.
    UnsafeFileError
        Too large, links out of the file, or matrices that unpack to far more than the file.
    DataError
        Not an OMX file, damaged, unknown names, wrong shapes, or trips that are negative or not finite.
    """
    resolved = check_size(path, max_bytes=MAX_OMX_BYTES, what="OMX file")
    with resolved.open("rb") as stream:
        if stream.read(8) != MAGIC:
            raise DataError("this is not an OMX file", where=str(path), expected="an HDF5 file, named like trips.omx")
    h5py = require_h5py("reading OMX matrices")
    try:
        with h5py.File(resolved, "r", locking=False) as file:
            data = _member(file, "data", h5py.Group, str(path))
            names = _names(data, str(path))
            name = _chosen(names, matrix, "matrix", str(path))
            table = _matrix(_member(data, name, h5py.Dataset, f"{path}:data/{name}"), f"{path}:data/{name}", resolved)
            return Trips(_labels(file, lookup, len(table), str(path), h5py), table, str(path))
    except TwinError:
        raise
    except MemoryError:
        raise
    except Exception as error:  # h5py hands on whatever HDF5 finds in a damaged file
        raise DataError(
            f"the OMX file cannot be read: {str(error)[:200]}", where=str(path), remedy="copy or export it again"
        ) from error


def write_omx(path: str | Path, matrices: dict[str, Floats], labels: tuple[str, ...]) -> None:
    """Write matrices [zones, zones] with a lookup ``zone`` of their labels."""
    h5py = require_h5py("writing OMX matrices")
    whole = all(label.isascii() and label.isdigit() and len(label) <= 9 for label in labels)
    with h5py.File(path, "w") as file:
        file.attrs["OMX_VERSION"] = np.bytes_(b"0.2")
        file.attrs["SHAPE"] = np.array([len(labels)] * 2, np.int32)
        data = file.create_group("data")
        for name, table in matrices.items():
            data.create_dataset(name, data=table, chunks=(1, len(labels)), compression="gzip", compression_opts=1)
        names = np.array(labels, np.int32) if whole else np.array([label.encode() for label in labels])
        file.create_group("lookup").create_dataset("zone", data=names)


def require_h5py(purpose: str) -> Any:
    """Return the package h5py; MissingExtraError when it is not installed."""
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise MissingExtraError("h5py", "omx", purpose) from error
    return h5py


def _member(group: Any, name: str, kind: type, where: str) -> Any:
    """Return a member that is in the file itself."""
    import h5py

    link = group.get(name, getlink=True)
    if link is None:
        raise DataError(f"there is no {name!r} in the file", where=where, expected="an OMX file")
    if not isinstance(link, h5py.HardLink):
        raise UnsafeFileError(
            f"{name!r} is a link to somewhere else", where=where, expected="an OMX file without links"
        )
    member = group[name]
    if not isinstance(member, kind):
        raise DataError(f"{name!r} is a {type(member).__name__.lower()}", where=where, expected=kind.__name__.lower())
    return member


def _names(group: Any, where: str) -> list[str]:
    if len(group) > _MAX_NAMES:
        raise UnsafeFileError(f"{len(group)} matrices", where=where, expected=f"at most {_MAX_NAMES}")
    return sorted(group)


def _chosen(names: list[str], wanted: str | None, what: str, where: str) -> str:
    if not names:
        raise DataError(f"there is no {what} in the file", where=where)
    if wanted is None:
        if len(names) == 1:
            return names[0]
        raise DataError(f"the file has {len(names)}: {', '.join(names)[:200]}", where=where, remedy=f"name one {what}")
    if wanted not in names:
        raise DataError(f"there is no {what} {wanted!r}", where=where, remedy=did_you_mean(wanted, names))
    return wanted


def _checked(data: Any, where: str) -> None:
    """Check that a dataset lies in the file and unpacks to no more than it may."""
    if data.external or data.is_virtual:
        raise UnsafeFileError("the values lie in another file", where=where, expected="an OMX file without links")
    size, chunk = (math.prod(shape) * data.dtype.itemsize for shape in (data.shape, data.chunks or ()))
    # A chunk unpacks as a whole, however little of it the matrix needs.
    if chunk > max(size, _RATIO_FREE_BYTES):
        raise UnsafeFileError(
            f"chunks of {chunk} bytes", where=where, expected=f"no more than the {size} of the matrix"
        )
    if size > _RATIO_FREE_BYTES + _MAX_RATIO * int(data.id.get_storage_size()):
        raise UnsafeFileError(
            f"{data.id.get_storage_size()} bytes unpack to {size}", where=where, expected=f"at most {_MAX_RATIO} to 1"
        )


def _matrix(data: Any, where: str, path: Path) -> Floats:
    shape = data.shape
    if shape is None or len(shape) != 2 or shape[0] != shape[1] or shape[0] < 1:
        raise DataError(f"the matrix has the shape {shape}", where=where, expected="as many rows as columns")
    if shape[0] > MAX_ZONES:
        raise UnsafeFileError(f"{shape[0]} zones", where=where, expected=f"at most {MAX_ZONES}")
    declared = data.file.attrs.get("SHAPE")
    if declared is not None and [int(n) for n in np.ravel(declared)[:3]] != list(shape):
        raise DataError(
            f"the matrix has the shape {shape}", where=where, expected=f"{np.ravel(declared)[:3]}, as declared"
        )
    if data.dtype.kind not in "iuf":
        raise DataError(f"the matrix holds {data.dtype}", where=where, expected="numbers")
    _checked(data, where)
    table = np.asarray(data[()], np.float64)
    bad = ~np.isfinite(table) | (table < 0.0)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise DataError(
            f"{int(bad.sum())} trips cannot be used; the first is {table[row, column]} in row {row + 1}, "
            f"column {column + 1}",
            where=where,
            expected="numbers that are finite and not negative",
        )
    return table


def _labels(file: Any, lookup: str | None, zones: int, where: str, h5py: Any) -> tuple[str, ...]:
    names = _names(_member(file, "lookup", h5py.Group, where), where) if "lookup" in file else []
    if not names and lookup is None:
        return tuple(str(k + 1) for k in range(zones))
    name = _chosen(names, lookup, "lookup", where)
    place = f"{where}:lookup/{name}"
    data = _member(file["lookup"], name, h5py.Dataset, place)
    if data.shape != (zones,):
        raise DataError(f"the lookup has the shape {data.shape}", where=place, expected=f"({zones},)")
    _checked(data, place)
    text = data.dtype.kind == "S" or h5py.check_string_dtype(data.dtype) is not None
    if not text and data.dtype.kind not in "iuf":
        raise DataError(f"the lookup holds {data.dtype}", where=place, expected="numbers or text")
    # Texts of any length lie elsewhere in the file, and many entries may share one: they are taken one by one.
    labels = tuple(_label(data[k], place) for k in range(zones)) if text else tuple(map(_number, data[()].tolist()))
    if len(set(labels)) < len(labels):
        raise DataError("the lookup names a zone twice", where=place)
    return labels


def _label(raw: Any, where: str) -> str:
    name = raw.decode("utf-8", "replace").strip() if isinstance(raw, bytes) else str(raw).strip()
    if len(name) > _MAX_NAME:
        raise UnsafeFileError(f"a name of {len(name)} letters", where=where, expected=f"at most {_MAX_NAME}")
    return name


def _number(value: float) -> str:
    return str(int(value)) if math.isfinite(value) and value == int(value) else str(value)
