"""Unpacking one vector file from an untrusted zip archive: counted, capped, and never by the names it gives."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from twin.errors import DataError, UnsafeFileError

MAX_MEMBERS = 1000
MAX_RATIO = 200
RATIO_FREE_BYTES = 1 << 20
_SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")


def single_vector(archive: Path, folder: Path, suffixes: tuple[str, ...], max_bytes: int) -> Path:
    """Unpack the one vector file (for a Shapefile: its parts) of a zip archive into `folder` and return its path.

    Members are written under fixed names, so nothing in the archive decides where a file lands.

    Raises
    ------
    UnsafeFileError
        Too many members, too large, compressed too strongly, a path that leaves the archive, a link, or encryption.
    DataError
        A damaged archive, or not exactly one vector file.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            members = zipped.infolist()
            _check_members(archive, members, max_bytes)
            main = _single(archive, members, suffixes)
            suffix = PurePosixPath(main.filename).suffix.lower()
            stem = main.filename[: -len(suffix)]
            parts = {s: m for m in members for s in _SHAPEFILE_PARTS if m.filename.lower() == (stem + s).lower()}
            for part, member in (parts if suffix == ".shp" else {suffix: main}).items():
                with zipped.open(member) as source, (folder / f"layer{part}").open("wb") as target:
                    shutil.copyfileobj(source, target)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError) as error:
        raise DataError(
            f"the zip archive is damaged: {error}", where=str(archive), remedy="copy or download it again"
        ) from error
    return folder / f"layer{suffix}"


def _check_members(archive: Path, members: list[zipfile.ZipInfo], max_bytes: int) -> None:
    def refuse(what: str, expected: str) -> UnsafeFileError:
        return UnsafeFileError(
            what, where=str(archive), expected=expected, remedy="unpack it with care and pass the vector file itself"
        )

    if len(members) > MAX_MEMBERS:
        raise refuse(f"the archive has {len(members)} members", f"at most {MAX_MEMBERS}")
    total = sum(member.file_size for member in members)
    if total > max_bytes:
        raise refuse(f"the archive unpacks to {total / 2**20:.1f} MiB", f"at most {max_bytes / 2**20:.1f} MiB")
    for member in members:
        # ZipInfo cuts the name at a NUL and turns the system's separator into a slash; judge what was written.
        name = member.orig_filename.replace("\\", "/")
        if name.startswith("/") or ".." in name.split("/") or ":" in name or "\x00" in name:
            raise refuse(f"the member {name!r} leads out of the archive", "plain relative names")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise refuse(f"the member {name!r} is a link", "plain files")
        if member.flag_bits & 0x1:
            raise refuse(f"the member {name!r} is encrypted", "an archive without a password")
        if member.file_size > RATIO_FREE_BYTES and member.file_size > MAX_RATIO * max(member.compress_size, 1):
            raise refuse(
                f"the member {name!r} is compressed {member.file_size / max(member.compress_size, 1):.0f} to 1",
                f"at most {MAX_RATIO} to 1",
            )


def _single(archive: Path, members: list[zipfile.ZipInfo], suffixes: tuple[str, ...]) -> zipfile.ZipInfo:
    found = [
        m
        for m in members
        if m.filename.lower().endswith(suffixes) and not m.filename.startswith("__MACOSX/") and not m.is_dir()
    ]
    if len(found) != 1:
        names = ", ".join(m.filename for m in found[:5]) or "none"
        raise DataError(
            f"the archive holds {len(found)} vector files ({names})",
            where=str(archive),
            expected="exactly one of " + ", ".join(suffixes),
        )
    return found[0]
