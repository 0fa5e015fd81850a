"""What the attributes of a building in a 3D city file say in our columns: use, year class, storeys, roof, height."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from twin.city.osm_tags import year_class

_NAMES = {
    "use": ("function", "usage", "class", "gebruiksdoel"),
    "levels": ("storeysAboveGround", "b3_bouwlagen"),
    "year": ("yearOfConstruction", "dateOfConstruction", "oorspronkelijkbouwjaar"),
    "roof": ("roofType",),
    "height": ("measuredHeight",),
    "name": ("name",),
}
"""Names of attributes: those of CityGML and CityJSON, then those of 3DBAG (https://docs.3dbag.nl)."""

# SIG3D code list _AbstractBuilding_function (CityGML 2.0, annex C.1, not normative): first code of each range.
_CITYGML = (
    (1000, "residential"),
    (1070, "other"),
    (1080, "residential"),
    (1090, "other"),
    (1120, "office"),
    (1150, "retail"),
    (1190, "retail"),
    (1200, "other"),
    (1350, "industrial"),
    (1420, "other"),
    (1660, "industrial"),
    (1870, "other"),
    (1960, "public"),
    (2070, "education"),
    (2120, "public"),
    (2300, "health"),
    (2340, "public"),
    (2380, "education"),
    (2390, "residential"),
    (2400, "public"),
    (2540, "other"),
    (2600, "health"),
    (2610, "other"),
    (2800, None),
)
# ALKIS Gebaeudefunktion (GeoInfoDok 6.0, AX_Gebaeude), written 31001_<code>: first code of each range.
_ALKIS = (
    (1000, "residential"),
    (1313, "other"),
    (2000, "other"),
    (2010, "retail"),
    (2020, "office"),
    (2050, "retail"),
    (2060, "other"),
    (2081, "retail"),
    (2090, "other"),
    (2100, "industrial"),
    (2200, "other"),
    (2500, "industrial"),
    (2700, "other"),
    (3000, "public"),
    (3020, "education"),
    (3030, "public"),
    (3050, "health"),
    (3060, "public"),
    (3065, "education"),
    (3070, "public"),
    (3090, "other"),
    (4000, None),
)
# CityGML 2.0, annex C.1, _AbstractBuilding_class.
_CLASSES = {
    1000: "residential",
    1020: "office",
    1030: "retail",
    1040: "retail",
    1070: "public",
    1080: "public",
    1090: "other",
    1100: "education",
    1120: "health",
    1150: "industrial",
    1160: "industrial",
}
_WORDS = (
    (("kantoor", "office", "administration", "bank"), "office"),
    (("winkel", "retail", "shop", "commerc", "business", "restaurant"), "retail"),
    (("onderwijs", "school", "education", "universit", "kindergarten"), "education"),
    (("gezondheid", "hospital", "health", "clinic"), "health"),
    (("industri", "warehouse", "factory", "storage"), "industrial"),
    (("bijeenkomst", "public", "church", "museum", "theatre", "police", "town hall", "religious"), "public"),
    (("woon", "resident", "apartment", "dwelling", "housing", "habitation"), "residential"),
    (("garage", "shed", "parking", "agricult", "barn", "sport"), "other"),
)
# SIG3D _AbstractBuilding_roofType, and AdV Dachform of the German LoD2 product.
_ROOFS = {
    "1000": "flat",
    "1010": "gabled",
    "1020": "gabled",
    "1030": "gabled",
    "1040": "hipped",
    "1050": "hipped",
    "1060": "gabled",
    "1070": "hipped",
    "2100": "gabled",
    "2200": "gabled",
    "3100": "gabled",
    "3200": "hipped",
    "3300": "hipped",
    "3400": "gabled",
    "3500": "hipped",
}


def columns_of(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that a building's attributes give: name, use, levels, year_class, roof_type, measured height.

    What is absent or makes no sense is left out; it is filled by rule later.
    """
    found: dict[str, Any] = {}
    for key, read in (
        ("use", _use),
        ("levels", _levels),
        ("year", _year),
        ("roof", _roof),
        ("height", _height),
        ("name", _name),
    ):
        for name in _NAMES[key]:
            value = attributes.get(name)
            if isinstance(value, list):
                value = value[0] if value else None
            answer = None if value in (None, "") else read(name, value)
            if answer is not None:
                found[key] = answer
                break
    return found


def _use(name: str, value: Any) -> str | None:
    text = str(value).strip().lower()
    if match := re.fullmatch(r"31001_(\d{4})", text):
        return _range(_ALKIS, int(match[1]))
    if re.fullmatch(r"\d{4}", text):
        return _CLASSES.get(int(text)) if name == "class" else _range(_CITYGML, int(text))
    return next((use for words, use in _WORDS if any(word in text for word in words)), None)


def _range(table: tuple[tuple[int, str | None], ...], code: int) -> str | None:
    return next((use for start, use in reversed(table) if code >= start), None)


def _levels(_: str, value: Any) -> float | None:
    number = _number(value)
    return float(round(number)) if number is not None and 1 <= number <= 200 else None


def _year(_: str, value: Any) -> str | None:
    return year_class(str(value))[0]


def _roof(_: str, value: Any) -> str | None:
    text = str(value).strip().lower()
    if text in _ROOFS:
        return _ROOFS[text]
    return next((kind for kind in ("flat", "gabled", "hipped") if kind in text), None)


def _height(_: str, value: Any) -> float | None:
    number = _number(value)
    return number if number is not None and 1.5 <= number <= 600 else None


def _name(_: str, value: Any) -> str | None:
    return " ".join(value.split())[:200] if isinstance(value, str) else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
