"""What OSM tags of buildings and charging stations say about the columns of the city; nothing is guessed here.

Keys and values are those of the OpenStreetMap wiki (https://wiki.openstreetmap.org/wiki/Map_features).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from twin.city.ground_floors import STREET_USES
from twin.city.schema import DERIVED, MEASURED

Tags = Mapping[str, str]

_USES_BY_VALUE = {
    "residential": (
        "apartments house detached semidetached_house terrace residential dormitory bungalow farm cabin static_caravan "
        "houseboat villa nursing_home social_facility"
    ),
    "office": "office commercial bank central_bank government company",
    "retail": "retail supermarket shop mall department_store hotel hostel restaurant cafe pub bar fast_food nightclub "
    "marketplace fuel pharmacy cinema",
    "education": "school kindergarten university college childcare music_school research_institute",
    "health": "hospital clinic doctors dentist healthcare",
    "public": (
        "public civic church cathedral chapel mosque temple synagogue shrine monastery religious place_of_worship "
        "museum gallery train_station station transportation townhall courthouse library theatre arts_centre "
        "community_centre police fire_station post_office sports_hall sports_centre stadium grandstand embassy prison"
    ),
    "industrial": "industrial warehouse manufacture factory works depot hangar",
    "other": (
        "roof carport garage garages shed kiosk hut tent ruins bridge bandstand shelter entrance underpass_entrance "
        "utility service transformer_tower water_tower silo storage_tank barn farm_auxiliary stable cowshed sty "
        "greenhouse glasshouse atrium pavilion ship parking construction container toilets bunker"
    ),
}
USES = {value: use for use, values in _USES_BY_VALUE.items() for value in values.split()}
UNHEATED = frozenset(_USES_BY_VALUE["other"].split()) - {"greenhouse", "glasshouse", "atrium", "pavilion", "toilets"}
"""Values of ``building`` that stand for nothing heated: their floor area is zero. Assumption."""
ROOFS = {
    "flat": "flat",
    "gabled": "gabled",
    "gambrel": "gabled",
    "saltbox": "gabled",
    "hipped": "hipped",
    "half-hipped": "hipped",
    "mansard": "hipped",
    "pyramidal": "hipped",
}
_COMPASS = ("N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW")
_UNIT_M = {"": 1.0, "m": 1.0, "ft": 0.3048, "'": 0.3048}
_YEAR_STARTS = (
    (2010, "2010-onwards"),
    (2000, "2000-2009"),
    (1980, "1980-1999"),
    (1960, "1960-1979"),
    (1940, "1940-1959"),
    (0, "before-1940"),
)


def building_use(tags: Tags) -> tuple[str | None, str]:
    """Return use and origin: of ``building``, else of amenity, healthcare, shop, office and tourism."""
    value = tags.get("building", "")
    if value in USES:
        return USES[value], MEASURED
    for key, fallback in (("amenity", None), ("healthcare", "health"), ("shop", "retail"), ("office", "office")):
        if tags.get(key, "no") != "no":
            use = USES.get(tags[key], fallback)
            if use is not None:
                return use, DERIVED
    use = USES.get(tags.get("tourism", ""))
    return (use, DERIVED) if use else (None, "")


def street_use(tags: Tags) -> str | None:
    """Return the use that a mapped shop or service gives the ground floor; None where it gives none.

    What says that it is on another level, and what is no room (benches, machines, parking), gives none.
    """
    if "0" not in re.split(r"[;,]", tags.get("level", "0").replace(" ", "")):
        return None
    if tags.get("shop", "no") not in ("no", "vacant"):
        return "retail"
    use = USES.get(tags.get("amenity", ""))
    return use if use in STREET_USES else None


def length_m(text: str | None) -> float:
    """Return a length such as ``12``, ``12.13 m``, ``40 ft`` or ``40'`` in metres; NaN when it is none."""
    match = re.fullmatch(r"\s*(\d+(?:[.,]\d+)?)\s*(m|ft|'|)\s*", text or "")
    return float(match[1].replace(",", ".")) * _UNIT_M[match[2]] if match else np.nan


def building_height(tags: Tags) -> tuple[float, str]:
    """Return the height of the eaves and its origin: ``height`` less ``roof:height``."""
    total, roof = length_m(tags.get("height")), length_m(tags.get("roof:height"))
    derived = np.isfinite(roof) and 0.0 < roof < total
    height = total - roof if derived else total
    if not 1.5 <= height <= 600.0:
        return np.nan, ""
    return height, DERIVED if derived else MEASURED


def building_levels(tags: Tags) -> tuple[float, str]:
    """Return storeys and origin: the largest number of ``building:levels``."""
    numbers = [float(n) for n in re.findall(r"(?<![\d.-])\d+(?:\.\d+)?", tags.get("building:levels", ""))]
    levels = max(numbers, default=0.0)
    return (levels, MEASURED) if 1.0 <= levels <= 200.0 else (np.nan, "")


def year_class(text: str | None) -> tuple[str | None, str]:
    """Return the year class of a ``start_date`` and its origin.

    A plain date is measured. Of ``1890s``, ``C19``, ``before 1939``, ``after 1908``, ``1905..1908`` the last year named
    is taken, one year less after "before"; that is derived.
    """
    value = (text or "").strip()
    if match := re.fullmatch(r"(?:mid |late |early )?C(\d{1,2})", value):
        year, origin = 100 * int(match[1]) - 50, DERIVED
    else:
        years = [int(y) for y in re.findall(r"(?<!\d)(1\d{3}|20\d{2})(?!\d)", value.replace("s", " "))]
        if not years:
            return None, ""
        year = years[-1] - (1 if "before" in value and len(years) == 1 else 0)
        origin = MEASURED if re.fullmatch(r"\d{4}(-\d\d)?(-\d\d)?", value) else DERIVED
    return next(name for start, name in _YEAR_STARTS if year >= start), origin


def roof(tags: Tags) -> dict[str, tuple[object, str]]:
    """Return roof type, azimuth and tilt with their origins, as far as the tags go."""
    shape = ROOFS.get(tags.get("roof:shape", ""))
    tilt = _number(tags.get("roof:angle"))
    facing = tags.get("roof:direction", "")
    azimuth = 22.5 * _COMPASS.index(facing) if facing in _COMPASS else _number(facing)
    pitched = shape in ("gabled", "hipped")
    return {
        "roof_type": (shape, MEASURED if shape else ""),
        "roof_tilt_deg": (tilt, MEASURED) if pitched and 0.0 < tilt <= 75.0 else (np.nan, ""),
        "roof_azimuth_deg": (azimuth, MEASURED) if pitched and 0.0 <= azimuth <= 360.0 else (np.nan, ""),
    }


def building_name(tags: Tags) -> str:
    """Return the name, else the address."""
    address = f"{tags.get('addr:street', '')} {tags.get('addr:housenumber', '')}".strip()
    return tags.get("name") or (address if tags.get("addr:street") else "")


def charging(tags: Tags) -> dict[str, tuple[float, str]]:
    """Return connectors and power of one connector, with origins, from ``capacity`` and ``socket:*``."""
    counts = {k: _number(v) for k, v in tags.items() if re.fullmatch(r"socket:[a-z0-9_]+", k)}
    powers = [_power_kw(v) for k, v in tags.items() if re.fullmatch(r"socket:[a-z0-9_]+:output", k)]
    sockets = sum(n for n in counts.values() if np.isfinite(n))
    capacity = _number(tags.get("capacity"))
    connectors = capacity if capacity >= 1 else sockets
    power = max((p for p in powers if 1.0 <= p <= 1000.0), default=np.nan)
    return {
        "connectors": (float(int(connectors)), MEASURED) if 1 <= connectors <= 1000 else (np.nan, ""),
        "connector_power_kw": (power, MEASURED if np.isfinite(power) else ""),
    }


_LEAVES = {
    "leaf_cycle": {"evergreen": True, "deciduous": False, "semi_evergreen": True, "semi_deciduous": False},
    "leaf_type": {"needleleaved": True, "broadleaved": False, "leafless": False},
    "type": {"conifer": True, "broad_leaved": False, "palm": True},
    "wood": {"coniferous": True, "evergreen": True, "deciduous": False},
}


def tree(tags: Tags) -> dict[str, tuple[object, str]]:
    """Return height, crown diameter, crown base and evergreen with their origins, as far as the tags go.

    ``leaf_cycle`` is measured; from needles (``leaf_type``) and the old keys ``type`` and ``wood`` it is derived, with
    larches as the exception: they shed their needles.
    """
    height, estimated = length_m(tags.get("height")), length_m(tags.get("est_height"))
    origin = MEASURED if 1.0 <= height <= 80.0 else DERIVED
    height = height if origin == MEASURED else estimated
    crown = length_m(tags.get("diameter_crown"))
    larch = "larix" in f"{tags.get('genus', '')} {tags.get('species', '')}".lower()
    found = [(key, table[tags[key]]) for key, table in _LEAVES.items() if tags.get(key) in table]
    evergreen: tuple[bool | None, str] = (None, "")
    if found:
        key, keeps = found[0]
        evergreen = (keeps, MEASURED) if key == "leaf_cycle" else (keeps and not larch, DERIVED)
    return {
        "height_m": (height, origin) if 1.0 <= height <= 80.0 else (np.nan, ""),
        "crown_diameter_m": (crown, MEASURED) if 0.2 <= crown <= 60.0 else (np.nan, ""),
        "evergreen": evergreen,
    }


def _number(text: str | None) -> float:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*°?\s*", text or "")
    return float(match[1]) if match else np.nan


def _power_kw(text: str) -> float:
    match = re.match(r"\s*(\d+(?:\.\d+)?)\s*(kw|w|kva|)\b", text.lower())
    return float(match[1]) / (1000.0 if match[2] == "w" else 1.0) if match else np.nan
