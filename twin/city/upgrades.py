"""Which elements of a building are renewed, and how well: the column ``upgrades`` and the states of ``envelope``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.city.schema import ELEMENTS, ENVELOPES, LEVELS
from twin.errors import DataError, SchemaError, at_row, did_you_mean

PACKAGES: dict[str, dict[str, str]] = {
    "existing": {},
    "standard_retrofit": dict.fromkeys(("wall", "roof", "window"), "standard"),
    "deep_retrofit": dict.fromkeys(ELEMENTS, "deep"),
}
"""Elements that a state of `twin.city.schema.ENVELOPES` renews."""


def parse_upgrades(text: str) -> dict[str, str]:
    """Return the level of each element named in a cell of ``upgrades``.

    Raises
    ------
    DataError
        An entry that is not ``element:level``, an unknown element or level, an element that stands twice.
    """
    found: dict[str, str] = {}
    for entry in text.split(" ") if text else ():
        element, _, level = entry.partition(":")
        expected = f"element:level with {', '.join(ELEMENTS)} and {' or '.join(LEVELS)}, separated by one blank"
        if element not in ELEMENTS or level not in LEVELS:
            word, known = (element, ELEMENTS) if element not in ELEMENTS else (level, LEVELS)
            raise DataError(f"{entry!r} is no upgrade", expected=expected, remedy=did_you_mean(word, known))
        if element in found:
            raise DataError(f"the element {element!r} stands twice", expected=expected)
        found[element] = level
    return found


def format_upgrades(levels: Mapping[str, str]) -> str:
    """Return the cell of ``upgrades`` for some levels, in the order of `twin.city.schema.ELEMENTS`."""
    return " ".join(f"{element}:{levels[element]}" for element in ELEMENTS if element in levels)


def element_levels(buildings: pd.DataFrame) -> NDArray[np.int64]:
    """Return how well each element is renewed: the better of the state ``envelope`` and of ``upgrades``.

    Parameters
    ----------
    buildings : DataFrame
        With ``envelope`` and ``upgrades``.

    Returns
    -------
    int64 (n, 5)
        0 as built, 1 standard, 2 deep; columns in the order of `twin.city.schema.ELEMENTS`.

    Raises
    ------
    SchemaError
        An unknown state or upgrade, with its building.
    """
    levels = np.zeros((len(buildings), len(ELEMENTS)), np.int64)
    for column in ("envelope", "upgrades"):
        codes, words = pd.factorize(buildings[column])
        rows = np.zeros((len(words), len(ELEMENTS)), np.int64)
        for k, word in enumerate(words):
            building = buildings.index[int(np.argmax(codes == k))]
            for element, level in _named(column, str(word), at_row("buildings", building, column)).items():
                rows[k, ELEMENTS.index(element)] = 1 + LEVELS.index(level)
        if len(words):
            levels = np.maximum(levels, rows[codes])
    return levels


def _named(column: str, word: str, where: str) -> dict[str, str]:
    """Return the elements of a cell; SchemaError with its place."""
    if column == "envelope":
        if word not in PACKAGES:
            remedy = did_you_mean(word, ENVELOPES)
            raise SchemaError(f"unknown state of the envelope {word!r}", where=where, remedy=remedy)
        return PACKAGES[word]
    try:
        return parse_upgrades(word)
    except DataError as exc:
        raise SchemaError(exc.what, where=where, expected=exc.expected, remedy=exc.remedy) from None
