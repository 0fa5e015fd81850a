"""The layers of a city, declared once: column, unit, dtype, range, meaning and how a missing value is filled."""

from __future__ import annotations

from twin.city.building_columns import (
    BUILDING_USES,
    BUILDINGS,
    ELEMENTS,
    ENVELOPES,
    GROUND_FLOOR_USES,
    HEAT_SUPPLIES,
    LEVELS,
    MAIN_USE,
    ROOF_TYPES,
    YEAR_CLASSES,
)
from twin.city.columns import DERIVED, IMPUTED, MEASURED, Column, Layer

__all__ = [
    "BUILDINGS",
    "BUILDING_USES",
    "CHARGING_SITES",
    "CYCLE_FACILITIES",
    "DERIVED",
    "ELEMENTS",
    "ENVELOPES",
    "GROUND_FLOOR_USES",
    "HEAT_SUPPLIES",
    "IMPUTED",
    "LAYERS",
    "LEVELS",
    "LINKS",
    "MAIN_USE",
    "MEASURED",
    "NODES",
    "OPTIONAL_LAYERS",
    "ROAD_CLASSES",
    "ROOF_PLANES",
    "ROOF_TYPES",
    "TREES",
    "YEAR_CLASSES",
    "ZONES",
    "Column",
    "Layer",
]

ROAD_CLASSES = (
    "motorway",
    "trunk",
    "primary",
    "secondary",
    "tertiary",
    "unclassified",
    "residential",
    "living_street",
    "service",
)
CYCLE_FACILITIES = ("none", "lane", "track")

NODES = Layer(
    "nodes",
    "node_id",
    ("Point",),
    (Column("external", "bool", "-", "cordon station where roads leave the area", default=False),),
)

LINKS = Layer(
    "links",
    "link_id",
    ("LineString",),
    (
        Column("name", "str", "-", "street name, may be empty", default=""),
        Column("from_node", "str", "-", "node_id of the tail"),
        Column("to_node", "str", "-", "node_id of the head"),
        Column("road_class", "str", "-", "road class", values=ROAD_CLASSES),
        Column("length_m", "float64", "m", "length", 0.01, 1e5),
        Column(
            "lanes", "float64", "-", "lanes in this direction", 1.0, 12.0, imputation="by road class", has_origin=True
        ),
        Column(
            "speed_limit_kmh", "float64", "km/h", "speed limit", 5.0, 130.0, imputation="by road class", has_origin=True
        ),
        Column(
            "capacity_veh_h",
            "float64",
            "veh/h",
            "capacity of all lanes in this direction",
            50.0,
            30000.0,
            imputation="lanes times capacity per lane of the road class",
            has_origin=True,
        ),
        Column("closed", "bool", "-", "closed to cars", default=False),
        Column("toll_eur", "float64", "EUR", "toll per passage", 0.0, 100.0, default=0.0),
        Column("low_emission", "bool", "-", "closed to vehicles below the low-emission standard", default=False),
        Column(
            "access_only",
            "bool",
            "-",
            "closed to trips that neither start nor end in a zone that holds an access-only link",
            default=False,
        ),
        Column("truck_ban", "bool", "-", "closed to trucks", default=False),
        Column(
            "cycle_facility",
            "str",
            "-",
            "room of their own for cyclists along the link",
            values=CYCLE_FACILITIES,
            default="none",
        ),
        Column(
            "banned_turns",
            "str",
            "-",
            "links, by id and separated by one blank, that traffic may not turn into at the end of this one",
            default="",
        ),
    ),
)

ZONES = Layer(
    "zones",
    "zone_id",
    ("Polygon", "MultiPolygon"),
    (
        Column("name", "str", "-", "name, may be empty", default=""),
        Column(
            "trip_factor", "float64", "-", "multiplies the trips that start and end in the zone", 0.0, 10.0, default=1.0
        ),
        Column(
            "parking_eur", "float64", "EUR", "mean parking charge per visit to the zone by car", 0.0, 100.0, default=0.0
        ),
        Column("parking_supply", "float64", "-", "parking spaces relative to today", 0.05, 5.0, default=1.0),
        Column(
            "transit_level", "float64", "-", "frequency of public transport relative to today", 0.1, 10.0, default=1.0
        ),
        Column(
            "electric_share_added",
            "float64",
            "-",
            "added to the share of electric cars among those of residents",
            -1.0,
            1.0,
            default=0.0,
        ),
        Column(
            "old_car_share_factor",
            "float64",
            "-",
            "multiplies the share of residents' cars below the low-emission standard",
            0.0,
            5.0,
            default=1.0,
        ),
        Column(
            "heat_island_k", "float64", "K", "added to the outdoor temperature of buildings", -5.0, 15.0, default=0.0
        ),
    ),
)

CHARGING_SITES = Layer(
    "charging_sites",
    "site_id",
    ("Point",),
    (
        Column("name", "str", "-", "name, may be empty", default=""),
        Column(
            "connectors",
            "int64",
            "-",
            "vehicles that can charge at once",
            1,
            1000,
            imputation="from tags, else 2",
            has_origin=True,
        ),
        Column(
            "connector_power_kw",
            "float64",
            "kW",
            "power of one connector",
            1.0,
            1000.0,
            imputation="from tags, else 22 kW",
            has_origin=True,
        ),
        Column(
            "power_cap_kw",
            "float64",
            "kW",
            "power cap of the whole site",
            1.0,
            1e5,
            imputation="connectors times connector power",
            has_origin=True,
        ),
        Column("zone_id", "str", "-", "zone that holds the site"),
    ),
)

ROOF_PLANES = Layer(
    "roof_planes",
    "plane_id",
    ("Polygon",),
    (
        Column("building_id", "str", "-", "building that carries the roof plane"),
        Column("tilt_deg", "float64", "deg", "tilt against the horizontal", 0.0, 90.0),
        Column("azimuth_deg", "float64", "deg", "azimuth, clockwise from north; 0 when the tilt is 0", 0.0, 360.0),
        Column("area_m2", "float64", "m2", "true area in the plane", 0.0, 2e6),
    ),
)
"""Heights (z) are above sea level. A building without rows here has the roof that its columns ``roof_…`` describe."""

TREES = Layer(
    "trees",
    "tree_id",
    ("Point",),
    (
        Column(
            "height_m", "float64", "m", "height of the top above ground", 1.0, 80.0,
            imputation="default", has_origin=True,
        ),
        Column(
            "crown_base_m", "float64", "m", "height of the lowest leaves above ground", 0.0, 79.0,
            imputation="share of the height", has_origin=True,
        ),
        Column(
            "crown_diameter_m", "float64", "m", "diameter of the crown", 0.2, 60.0,
            imputation="share of the height", has_origin=True,
        ),
        Column("evergreen", "bool", "-", "keeps its leaves in winter", imputation="deciduous", has_origin=True),
    ),
)  # fmt: skip

LAYERS = {layer.name: layer for layer in (BUILDINGS, NODES, LINKS, ZONES, CHARGING_SITES)}
OPTIONAL_LAYERS = {layer.name: layer for layer in (ROOF_PLANES, TREES)}
"""Layers that a city may lack; `City` holds None there."""
