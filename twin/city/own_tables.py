"""Tables that a user brings to a city beside its layers, and where they are from."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from twin.city.archetype_files import read_archetypes
from twin.city.door import sha256
from twin.city.model import Source
from twin.city.tariffs import read_electricity

_TITLES = {"archetypes": "Table of archetypes", "electricity": "Price and CO2 of electricity by the hour"}


def read_own_tables(
    archetypes: str | Path | None, electricity: str | Path | None, country: str
) -> tuple[dict[str, pd.DataFrame], tuple[Source, ...]]:
    """Return the tables that are named, by the field of `City` that holds them, and a source for each.

    Raises
    ------
    UnsafeFileError, DataError
        Tables that cannot be used; see their readers.
    """
    tables, sources = {}, []
    for name, path in (("archetypes", archetypes), ("electricity", electricity)):
        if path is None:
            continue
        tables[name] = read_archetypes(path, country) if name == "archetypes" else read_electricity(path)
        file = Path(path).name
        sources.append(
            Source(
                id=f"{name}:{file}",
                title=f"{_TITLES[name]}, {file}",
                licence="not stated",
                attribution=f"the user's file {file}",
                sha256=sha256(path),
            )
        )
    return tables, tuple(sources)
