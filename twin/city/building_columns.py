"""The layer of buildings: what its columns may hold, and the columns."""

from __future__ import annotations

from twin.city.columns import Column, Layer

BUILDING_USES = ("residential", "office", "retail", "education", "health", "public", "industrial", "other")
MAIN_USE = "main"
GROUND_FLOOR_USES = (MAIN_USE, *BUILDING_USES)
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
            "ground_floor_use",
            "str",
            "-",
            "use of the ground floor of a building with floors above; main where it is that of the others",
            values=GROUND_FLOOR_USES,
            imputation="from points of shops and services inside, else main",
            has_origin=True,
            default=MAIN_USE,
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
