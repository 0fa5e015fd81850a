"""The city library: recipes in ``geodata/``, built at first use and cached; and city packages by path."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import twin
from twin.city.manifest import SCHEMA_VERSION
from twin.city.model import City
from twin.city.package import MANIFEST, load_city, save_city
from twin.errors import DataError, did_you_mean

Say = Callable[[str], None]
RECIPE = "build.py"


def library_root() -> Path:
    """Return the folder that holds ``geodata/`` and ``scenarios/``: inside an installed wheel, else the clone.

    Raises
    ------
    DataError
        Neither is there.
    """
    package = Path(twin.__file__).resolve().parent
    for root in (package / "_library", package.parent):
        if (root / "geodata").is_dir():
            return root
    raise DataError("the city library is missing", where=str(package), remedy="install twin again")


def cache_root() -> Path:
    """Return the folder of built cities: the environment variable TWIN_CACHE_DIR, else the user's cache folder."""
    own = os.environ.get("TWIN_CACHE_DIR")
    if own:
        return Path(own)
    import platformdirs

    return Path(platformdirs.user_cache_dir("twin", appauthor=False))


def city_names() -> list[str]:
    """Return the names of the cities in the library."""
    return sorted(p.name for p in (library_root() / "geodata").iterdir() if _is_city(p))


def find_city(name_or_path: str, *, base: Path | None = None, progress: Say | None = None) -> City:
    """Return a city of the library by name, or the city package at a path.

    Parameters
    ----------
    name_or_path : name in the library, or a folder with ``city.yaml``, or that file
    base : folder that a relative path starts from, before the working directory
    progress : called with one line per step while a city is built

    Raises
    ------
    DataError
        Neither a known name nor a package, or a package that is damaged.
    """
    for start in (base, Path()):
        candidate = Path(name_or_path) if start is None else start / name_or_path
        # os.path, unlike Path, answers no to a name that is too long for any file.
        if candidate.name == MANIFEST or os.path.isfile(candidate / MANIFEST):  # noqa: PTH113
            return load_city(candidate)
    names = city_names()
    if name_or_path in names:
        return _from_library(library_root() / "geodata" / name_or_path, progress or (lambda line: None))
    raise DataError(
        f"no city {name_or_path[:100]!r}: neither in the library nor a folder with {MANIFEST}",
        remedy=did_you_mean(name_or_path[:100], names),
    )


def _is_city(folder: Path) -> bool:
    return (folder / MANIFEST).is_file() or (folder / RECIPE).is_file()


def _from_library(folder: Path, say: Say) -> City:
    if (folder / MANIFEST).is_file():
        return load_city(folder)
    recipe = _load_recipe(folder)
    target = cache_root() / "cities" / f"{folder.name}-{_key(folder, recipe)}"
    if (target / MANIFEST).is_file():
        try:
            return load_city(target)
        except DataError as error:
            say(f"the cached city is damaged and is built again ({error.what})")
    say(f"building {folder.name}, once; it is kept in {target.parent}")
    city: City = recipe.build(say)
    _store(city, target, say)
    return city


def _store(city: City, target: Path, say: Say) -> None:
    """Save a city under a temporary name and rename it; a cache that cannot be written is said, not an error."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".building-") as temporary:
            save_city(city, Path(temporary) / "city")
            if target.exists():
                shutil.rmtree(target)
            (Path(temporary) / "city").rename(target)
    except OSError as error:
        # Another process may have put its equal result there first.
        if not (target / MANIFEST).is_file():
            say(f"the city could not be kept in {target.parent}: {error.strerror or error}")


def _load_recipe(folder: Path) -> ModuleType:
    name = "twin_recipe_" + re.sub(r"\W", "_", folder.name)
    spec = importlib.util.spec_from_file_location(name, folder / RECIPE)
    if spec is None or spec.loader is None:
        raise DataError("the recipe cannot be loaded", where=str(folder / RECIPE))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _key(folder: Path, recipe: ModuleType) -> str:
    """Return what a built city depends on, as one hash: recipe, sources, this package and the package format."""
    digest = hashlib.sha256(f"{twin.__version__} {SCHEMA_VERSION}".encode())
    digest.update(_code_hash().encode())
    inputs = sorted(p for p in folder.iterdir() if p.is_file() and p.suffix in (".py", ".yaml"))
    for path in [*inputs, *map(Path, recipe.sources())]:
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _code_hash() -> str:
    """Return a hash of the city code, so that a clone under work never uses what older code built."""
    folder = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("*.py"), *(folder / "climate_normals").glob("*.yaml")]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
