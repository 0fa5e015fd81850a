"""The layers of a city, declared once: column, unit, dtype, range, meaning and how a missing value is filled."""

from __future__ import annotations

from dataclasses import dataclass, field

BUILDING_USES = ("residential", "office", "retail", "education", "health", "public", "industrial", "other")
YEAR_CLASSES = ("before-1940", "1940-1959", "1960-1979", "1980-1999", "2000-2009", "2010-onwards")
ROOF_TYPES = ("flat", "gabled", "hipped")
ENVELOPES = ("existing", "standard_retrofit", "deep_retrofit")
ELEMENTS = ("wall", "roof", "floor", "window", "ventilation")
LEVELS = ("standard", "deep")
"""What a package renews, and how well."""
HEAT_SUPPLIES = (
    "district_heating",
    "gas_boiler",
    "oil_boiler",
    "direct_electric",
    "air_heat_pump",
    "ground_heat_pump",
)
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

MEASURED, DERIVED = "measured", "derived"
IMPUTED = "imputed:"
"""Values of an ``_origin`` column: ``measured``, ``derived`` or ``imputed:<rule>``."""


@dataclass(frozen=True)
class Column:
    """One column of a layer.

    Parameters
    ----------
    name : str
    dtype : str
        ``"str"``, ``"float64"``, ``"int64"`` or ``"bool"``.
    unit : str
        ``"-"`` where there is none.
    meaning : str
    low, high : float or None
        Valid range, inclusive.
    values : tuple of str
        Allowed values of a category; empty when free.
    imputation : str
        How a missing value is filled; empty when the column must be given or is plain state.
    has_origin : bool
        Whether a column ``<name>_origin`` says where each value is from.
    default : object
        Value for a column that describes state (for example no PV installed); None when there is no default.
    """

    name: str
    dtype: str
    unit: str
    meaning: str
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()
    imputation: str = ""
    has_origin: bool = False
    default: object = None


@dataclass(frozen=True)
class Layer:
    """One layer: its name, the name of its id (the index), geometry types and columns."""

    name: str
    id_name: str
    geometry: tuple[str, ...]
    columns: tuple[Column, ...] = field(default_factory=tuple)

    def column(self, name: str) -> Column:
        """Return a column by name; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


BUILDINGS = Layer(
    "buildings",
    "building_id",
    ("Polygon", "MultiPolygon"),
    (
        Column("name", "str", "-", "name or address, may be empty", default=""),
        Column(
            "use",
            "str",
            "-",
            "main use",
            values=BUILDING_USES,
            imputation="from tags, else size and neighbours",
            has_origin=True,
        ),
        Column(
            "height_m",
            "float64",
            "m",
            "height of the eaves or flat roof above ground",
            1.5,
            600.0,
            imputation="from levels, else median of type and neighbours",
            has_origin=True,
        ),
        Column(
            "levels",
            "float64",
            "-",
            "storeys above ground",
            1.0,
            200.0,
            imputation="from height, else median of type and neighbours",
            has_origin=True,
        ),
        Column(
            "year_class",
            "str",
            "-",
            "class of the year of construction",
            values=YEAR_CLASSES,
            imputation="from start date, else most common of neighbours",
            has_origin=True,
        ),
        Column(
            "roof_type",
            "str",
            "-",
            "roof shape",
            values=ROOF_TYPES,
            imputation="from tags, else by use, size and year class",
            has_origin=True,
        ),
        Column(
            "roof_azimuth_deg",
            "float64",
            "deg",
            "azimuth of the main pitched roof plane, clockwise from north; 0 when flat",
            0.0,
            360.0,
            imputation="across the long side of the footprint",
            has_origin=True,
        ),
        Column(
            "roof_tilt_deg",
            "float64",
            "deg",
            "tilt of the roof planes; 0 when flat",
            0.0,
            75.0,
            imputation="by roof type",
            has_origin=True,
        ),
        Column("footprint_area_m2", "float64", "m2", "area of the footprint", 0.0, 2e6),
        Column(
            "floor_area_m2",
            "float64",
            "m2",
            "gross heated floor area",
            0.0,
            2e7,
            imputation="footprint times levels times a net factor",
            has_origin=True,
        ),
        Column(
            "population",
            "float64",
            "persons",
            "residents",
            0.0,
            1e5,
            imputation="floor area per resident of residential use",
            has_origin=True,
        ),
        Column(
            "jobs",
            "float64",
            "jobs",
            "workplaces",
            0.0,
            1e5,
            imputation="floor area per workplace by use",
            has_origin=True,
        ),
        Column(
            "heat_supply",
            "str",
            "-",
            "main heat supply",
            values=HEAT_SUPPLIES,
            imputation="the city's usual supply by use and size",
            has_origin=True,
        ),
        Column("envelope", "str", "-", "state of the envelope", values=ENVELOPES, default="existing"),
        Column(
            "upgrades", "str", "-", "elements renewed beyond the state of the envelope, as element:level separated by "
            "one blank", default="",
        ),
        Column("heating_shift_k", "float64", "K", "added to the heating set-point", -5.0, 5.0, default=0.0),
        Column("heat_response", "bool", "-", "heating follows the signal of demand response", default=False),
        Column(
            "appliance_factor", "float64", "-", "electricity of appliances and lighting relative to usual", 0.2, 3.0,
            default=1.0,
        ),
        Column("electric_cars", "float64", "cars", "electric cars charged at the building", 0.0, 1e5, default=0.0),
        Column("battery_kwh", "float64", "kWh", "usable capacity of batteries", 0.0, 1e6, default=0.0),
        Column("pv_share", "float64", "-", "share of the suitable roof area that carries PV", 0.0, 1.0, default=0.0),
        Column(
            "facade_pv_share", "float64", "-", "share of the suitable façade area that carries PV", 0.0, 1.0,
            default=0.0,
        ),
        Column(
            "energy_community", "str", "-", "energy community that the building shares PV surplus in, may be empty",
            default="",
        ),
        Column(
            "community_price_eur_kwh", "float64", "EUR/kWh", "price of what members of the community share", -5.0, 5.0,
            default=0.0,
        ),
        Column(
            "community_fee_eur_kwh", "float64", "EUR/kWh", "grid fee and taxes on what members share", 0.0, 2.0,
            default=0.0,
        ),
        Column("zone_id", "str", "-", "zone that holds the building"),
    ),
)  # fmt: skip

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
