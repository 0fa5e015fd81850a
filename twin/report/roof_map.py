"""Maps of roofs as SVG: one colour per class, north, scale and legend, and links to the sheets of buildings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray

from twin.report import svg
from twin.report.maps import BUILDING, HEAD, LAND, WIDTH, Frame, city_frame, north_arrow, scale_bar

MAX_SHAPES, EDGED = 30_000, 3000
"""Larger layers get no map in the page (they are in the GeoPackage); larger ones are drawn without white edges."""
ROW, PER_ROW = 17.0, 2


@dataclass(frozen=True)
class MapClass:
    """One entry of the legend; shapes of class i of the layer have its colour."""

    label: str
    colour: str


def class_map(
    title: str,
    subtitle: str,
    shapes: gpd.GeoSeries,
    classes: NDArray[np.int64],
    legend: Sequence[MapClass],
    *,
    background: gpd.GeoSeries | None = None,
    links: Mapping[str, tuple[str, str]] | None = None,
    link_shapes: gpd.GeoSeries | None = None,
) -> str:
    """Return a map, or no text when there are too many shapes or none.

    Parameters
    ----------
    title, subtitle : str
        The subtitle holds the unit and which direction is better.
    shapes : GeoSeries (n,)
        Polygons.
    classes : int64 (n,)
        Position in `legend`; -1 for none.
    legend : sequence of MapClass
    background : GeoSeries, optional
        Drawn pale below.
    links : mapping, optional
        Address and tooltip by id of `link_shapes`; their outlines are drawn on top and can be clicked.
    link_shapes : GeoSeries, optional
    """
    if not len(shapes) or len(shapes) > MAX_SHAPES:
        return ""
    frame = city_frame({"buildings": shapes if background is None else background})
    body, edge = [], 0.25 if len(shapes) <= EDGED else None  # thin edges would whiten small shapes
    if background is not None and len(background) <= MAX_SHAPES:
        body.append(svg.element("path", d=_path(background, frame), fill=BUILDING))
    for position, entry in enumerate(legend):
        chosen = shapes[classes == position]
        if len(chosen):
            body.append(
                svg.element(
                    "path",
                    d=_path(chosen, frame),
                    fill=entry.colour,
                    stroke="#fff" if edge else None,
                    stroke_width=edge,
                )
            )
    for name, (address, tip) in (links or {}).items():
        if link_shapes is not None and name in link_shapes.index:
            outline = frame.path(link_shapes[name])
            mark = svg.element("path", svg.element("title", svg.escape(tip)), d=outline, class_="link")
            body.append(svg.element("a", mark, href=address))
    key, height = _legend(legend, HEAD + frame.height + 18.0)
    parts = [
        svg.text(4, 16, svg.shorten(title, WIDTH - 8, 14), font_size=14, font_weight="600", fill=svg.INK),
        svg.text(4, 33, subtitle, font_size=11, fill=svg.MUTED),
        svg.rect(0, HEAD, WIDTH, frame.height, fill=LAND, stroke=svg.GRID),
        svg.element("svg", "".join(body), x="0", y=svg.num(HEAD), width=svg.num(WIDTH), height=svg.num(frame.height),
                    viewBox=f"0 {svg.num(HEAD)} {svg.num(WIDTH)} {svg.num(frame.height)}"),
        scale_bar(frame),
        north_arrow(frame),
        key,
    ]  # fmt: skip
    return svg.document(WIDTH, HEAD + frame.height + 18.0 + height, f"{title}. {subtitle}", "".join(parts), "map")


def _path(shapes: gpd.GeoSeries, frame: Frame) -> str:
    return "".join(frame.path(shape) for shape in shapes.simplify(0.3 / frame.scale))


def _legend(entries: Sequence[MapClass], top: float) -> tuple[str, float]:
    """Return the legend in two columns and its height."""
    parts, column = [], WIDTH / PER_ROW
    rows = -(-len(entries) // PER_ROW)
    for position, entry in enumerate(entries):
        x, y = (position // rows) * column + 4, top + (position % rows) * ROW
        parts.append(svg.rect(x, y - 9, 16, 11, fill=entry.colour))
        parts.append(svg.text(x + 22, y, svg.shorten(entry.label, column - 30, 10.5), font_size=10.5, fill=svg.INK))
    return "".join(parts), rows * ROW
