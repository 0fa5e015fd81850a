"""QGIS styles (QML): graduated colours with the classes and colours of the report's maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray

from twin.report.formats import DIRECTION, number
from twin.report.layers import Aggregation, Theme
from twin.report.maps import NOISE_FILL, THEMES, class_colours, class_decimals, strongest_class
from twin.scenario.store import BASELINE

SEQUENTIAL = ("#fde725", "#5ec962", "#21918c", "#3b528b", "#440154")
"""Five steps of viridis (van der Walt and Smith 2015), light for little."""
FAR = 1e15
MARKS = {
    "links": "line",
    "buildings": "fill",
    "zones": "fill",
    "sites": "marker",
    "roof_planes": "fill",
    "facades": "line",
}
GEOMETRY_TYPES = {"marker": "0", "line": "1", "fill": "2"}
SITES = Theme("sites", "energy_kwh_day", "Energy charged", "kWh/day", "neutral", Aggregation.SUM, 10.0)
"""Charging sites show their value in every scenario: new ones have no baseline to differ from."""


@dataclass(frozen=True)
class LayerStyle:
    """One row of the table ``layer_styles``."""

    layer: str
    name: str
    qml: str
    default: bool
    description: str


@dataclass(frozen=True)
class _Class:
    low: float
    high: float
    colour: str
    label: str
    width: float = 0.5


def layer_styles(layers: Mapping[str, gpd.GeoDataFrame], labels: Mapping[str, str]) -> list[LayerStyle]:
    """Return the styles of the layers ``<scenario>_<layer>``, one per theme; the first that shows anything is default.

    The classes of a difference are the same in every scenario.
    """
    styles = []
    bounds = {theme: _bound(theme, layers) for theme in THEMES}
    for name, layer in layers.items():
        scenario, _, kind = name.rpartition("_")
        rows = []
        for theme in (t for t in (*THEMES, SITES) if t.layer == kind and t.quantity in layer.columns):
            if theme is SITES:
                values = np.concatenate(
                    [part[theme.quantity] for key, part in layers.items() if key.endswith("_sites")]
                )
                rows.append((theme, _qml(kind, f'"{theme.quantity}"', _value_classes(theme, values)), True))
            elif scenario == BASELINE:
                values = layer[theme.quantity].to_numpy(np.float64)
                rows.append((theme, _qml(kind, f'"{theme.quantity}"', _value_classes(theme, values)), True))
            elif f"{theme.quantity}_distinct" in layer.columns:
                shown = f'if("{theme.quantity}_distinct", "{theme.quantity}_diff", 0)'
                classes = _difference_classes(theme, bounds[theme])
                rows.append((theme, _qml(kind, shown, classes), bool(layer[f"{theme.quantity}_distinct"].any())))
        default = next((i for i, row in enumerate(rows) if row[2]), 0)
        for position, (theme, qml, _) in enumerate(rows):
            what = "value" if scenario == BASELINE or theme is SITES else "difference to the baseline"
            text = f"{labels[scenario]}: {theme.title}, {what}, {_unit(theme)}; {DIRECTION[theme.better]}"
            styles.append(LayerStyle(name, theme.quantity, qml, position == default, text))
    return styles


def value_style(layer: str, values: NDArray[np.float64], theme: Theme, *, default: bool = False) -> LayerStyle:
    """Return the style of one quantity of a layer that stands for itself, without scenarios."""
    qml = _qml(theme.layer, f'"{theme.quantity}"', _value_classes(theme, values))
    text = f"{theme.title}, {_unit(theme)}; {DIRECTION[theme.better]}"
    return LayerStyle(layer, theme.quantity, qml, default, text)


def category_style(
    layer: str, kind: str, expression: str, name: str, categories: Mapping[str, str], *, default: bool = False
) -> LayerStyle:
    """Return a style with one colour per text value.

    Parameters
    ----------
    layer, kind : str
        Name of the layer, and what it is drawn as (`MARKS`).
    expression : str
        QGIS expression that gives the text.
    name : str
        Name of the style.
    categories : mapping
        Colour (``#rrggbb``) by value.
    """
    root = ET.Element("qgis", version="3.28.0", styleCategories="Symbology")
    renderer = ET.SubElement(
        root, "renderer-v2", type="categorizedSymbol", attr=expression, symbollevels="0", enableorderby="0",
        forceraster="0",
    )  # fmt: skip
    rows, symbols = ET.SubElement(renderer, "categories"), ET.SubElement(renderer, "symbols")
    for position, (value, colour) in enumerate(categories.items()):
        ET.SubElement(rows, "category", value=value, label=value, symbol=str(position), render="true", type="string")
        symbols.append(_symbol(kind, str(position), _Class(0.0, 0.0, colour, value)))
    ET.SubElement(root, "layerGeometryType").text = GEOMETRY_TYPES[MARKS[kind]]
    return LayerStyle(layer, name, ET.tostring(root, encoding="unicode"), default, f"{name}, one colour per value")


def _unit(theme: Theme) -> str:
    """Return the unit of the stored column, which the maps of the report divide and scale."""
    for suffix, unit in (("_kwh_a", "kWh/a"), ("_kg_a", "kg/a")):
        if theme.quantity.endswith(suffix):
            return unit
    return theme.unit


def _bound(theme: Theme, layers: Mapping[str, gpd.GeoDataFrame]) -> float:
    values = [
        layer.loc[layer[f"{theme.quantity}_distinct"], f"{theme.quantity}_diff"].abs().dropna().to_numpy(np.float64)
        for name, layer in layers.items()
        if name.endswith(f"_{theme.layer}") and f"{theme.quantity}_distinct" in layer.columns
    ]
    return strongest_class(np.concatenate(values) if values else np.zeros(0))


def _difference_classes(theme: Theme, bound: float) -> list[_Class]:
    below, above = class_colours(theme)
    tiny = bound * 1e-9
    edges = [-FAR, -bound / 2, -bound / 4, -tiny, tiny, bound / 4, bound / 2, FAR]
    colours = [*reversed(below), NOISE_FILL, *above]
    widths = [1.4, 1.0, 0.7, 0.4, 0.7, 1.0, 1.4]
    less, more = {"neutral": ("less", "more"), "lower": ("better", "worse"), "higher": ("worse", "better")}[
        theme.better
    ]
    unit, decimals = _unit(theme), class_decimals(bound)
    half, quarter = number(bound / 2, decimals), number(bound / 4, decimals)
    labels = [
        f"below −{half} {unit} ({less})",
        f"−{half} to −{quarter} {unit}",
        f"−{quarter} to 0 {unit}",
        "no change, or not distinguishable from noise",
        f"0 to +{quarter} {unit}",
        f"+{quarter} to +{half} {unit}",
        f"above +{half} {unit} ({more})",
    ]
    return [
        _Class(*edge, colour, label, width)
        for edge, colour, label, width in zip(pairwise(edges), colours, labels, widths, strict=True)
    ]


def _value_classes(theme: Theme, values: NDArray[np.float64]) -> list[_Class]:
    values = values[np.isfinite(values)]
    edges = np.unique(np.quantile(values, np.linspace(0, 1, len(SEQUENTIAL) + 1))) if len(values) else np.zeros(1)
    if len(edges) < 2:
        edges = np.array([edges[0], edges[0]])
    unit = _unit(theme)
    return [
        _Class(float(a), float(b), colour, f"{number(a, theme.decimals)} to {number(b, theme.decimals)} {unit}")
        for a, b, colour in zip(edges, edges[1:], SEQUENTIAL, strict=False)
    ]


def _qml(kind: str, expression: str, classes: Sequence[_Class]) -> str:
    root = ET.Element("qgis", version="3.28.0", styleCategories="Symbology")
    renderer = ET.SubElement(
        root,
        "renderer-v2",
        type="graduatedSymbol",
        attr=expression,
        graduatedMethod="GraduatedColor",
        symbollevels="0",
        enableorderby="0",
        forceraster="0",
    )
    ranges, symbols = ET.SubElement(renderer, "ranges"), ET.SubElement(renderer, "symbols")
    for position, item in enumerate(classes):
        ET.SubElement(
            ranges, "range", lower=f"{item.low:.9f}", upper=f"{item.high:.9f}", symbol=str(position), label=item.label,
            render="true",
        )  # fmt: skip
        symbols.append(_symbol(kind, str(position), item))
    ET.SubElement(root, "layerGeometryType").text = GEOMETRY_TYPES[MARKS[kind]]
    return ET.tostring(root, encoding="unicode")


def _symbol(kind: str, name: str, item: _Class) -> ET.Element:
    colour = ",".join(str(int(item.colour[i : i + 2], 16)) for i in (1, 3, 5)) + ",255"
    symbol = ET.Element("symbol", type=MARKS[kind], name=name, alpha="1", clip_to_extent="1", force_rhr="0")
    if MARKS[kind] == "line":
        options = {"line_color": colour, "line_width": f"{item.width}", "line_width_unit": "MM", "capstyle": "round"}
        layer = ET.SubElement(symbol, "layer", {"class": "SimpleLine", "enabled": "1", "pass": "0", "locked": "0"})
    elif MARKS[kind] == "marker":
        options = {"name": "circle", "color": colour, "size": "3.5", "size_unit": "MM", "outline_color": "60,60,60,255"}
        layer = ET.SubElement(symbol, "layer", {"class": "SimpleMarker", "enabled": "1", "pass": "0", "locked": "0"})
    else:
        options = {
            "color": colour,
            "style": "solid",
            "outline_color": "255,255,255,255",
            "outline_width": "0.1",
            "outline_width_unit": "MM",
        }
        layer = ET.SubElement(symbol, "layer", {"class": "SimpleFill", "enabled": "1", "pass": "0", "locked": "0"})
    mapping = ET.SubElement(layer, "Option", type="Map")
    for key, value in options.items():
        ET.SubElement(mapping, "Option", name=key, type="QString", value=value)
    return symbol
