"""Map of winners and losers by zone: who wins less who loses, with suppressed zones hatched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from twin.decision.incidence import LOSER, MIXED, WINNER
from twin.decision.reach_tables import EMPTY, SUPPRESSED
from twin.report import svg
from twin.report.formats import DIRECTION, number
from twin.report.maps import (
    BLUES,
    HEAD,
    LAND,
    MAX_FEATURES,
    ORANGES,
    WIDTH,
    Frame,
    city_frame,
    north_arrow,
    scale_bar,
    zone_names,
)

if TYPE_CHECKING:
    import geopandas as gpd

    from twin.decision.reach import Incidence

LIMITS = (-2 / 3, -1 / 3, 0.0, 1 / 3, 2 / 3)
"""Limits of the classes of `net_share`."""
COLOURS = (*reversed(ORANGES), *BLUES)
MIXED_COLOUR, SAME_COLOUR, HATCH_COLOUR, EDGE = "#d9c7e3", "#d3d9de", "#7b8794", "#aab2bb"
UNIT = "% of residents"
TITLE = "Winners and losers"
FOOT = 78.0

MORE_WIN, MORE_LOSE, BALANCED, UNCHANGED = "more win than lose", "more lose than win", "mixed", "no change"
HIDDEN, NOBODY = "hidden: too few people", "nobody lives here"


def winners_map(layers: Mapping[str, gpd.GeoDataFrame], incidence: Incidence, label: str) -> str:
    """Return the map of a scenario as SVG.

    Parameters
    ----------
    layers : mapping of str to GeoDataFrame
        ``zones`` and ``buildings`` of the run's baseline.
    incidence : Incidence
        Of the scenario.
    label : str
        The scenario's name for readers.

    Returns
    -------
    str
        An SVG element. Its zones are coloured by the share of residents who win less that of those who lose; tooltips
        say in words what the colour says. The ids in it hold the scenario's name, so one page can hold many maps.
    """
    zones, frame = layers["zones"], city_frame(layers)
    words = zone_words(incidence.by_zone).reindex(zones.index.astype(str)).fillna(NOBODY)
    fills = _fills(incidence.by_zone.reindex(words.index), words, f"hatch-{incidence.scenario}")
    names = zones["name"].astype(str) if "name" in zones.columns else pd.Series("", index=zones.index)
    marks = [
        svg.element("path", svg.element("title", svg.escape(f"{name or zone}: {word}")), d=frame.path(shape), fill=fill)
        for zone, name, word, fill, shape in zip(
            words.index, names, words, fills, zones.geometry.simplify(0.3 / frame.scale), strict=True
        )
    ]
    body = svg.element("g", "".join(marks), stroke=EDGE, stroke_width=0.8) + _houses(layers["buildings"], frame)
    inner = svg.element(
        "svg", body + zone_names(zones, frame), x="0", y=svg.num(HEAD), width=svg.num(WIDTH),
        height=svg.num(frame.height), viewBox=f"0 {svg.num(HEAD)} {svg.num(WIDTH)} {svg.num(frame.height)}",
    )  # fmt: skip
    subtitle = f"Residents who win less those who lose, {UNIT} · {DIRECTION['higher']}"
    parts = [
        _hatch(f"hatch-{incidence.scenario}"),
        svg.text(4, 16, svg.shorten(f"{TITLE}: {label}", WIDTH - 8, 14), font_size=14, font_weight="600", fill=svg.INK),
        svg.text(4, 33, subtitle, font_size=11, fill=svg.MUTED),
        svg.rect(0, HEAD, WIDTH, frame.height, fill=LAND, stroke=svg.GRID),
        inner,
        scale_bar(frame),
        north_arrow(frame),
        _legend(HEAD + frame.height + 24, f"hatch-{incidence.scenario}"),
    ]
    return svg.document(WIDTH, HEAD + frame.height + FOOT, f"{TITLE}: {label}. {subtitle}", "".join(parts), "map")


def zone_words(by_zone: pd.DataFrame) -> pd.Series:
    """Return in words what each zone's colour says, by zone_id."""
    net, mixed = by_zone["net_share"], by_zone[MIXED] + np.minimum(by_zone[WINNER], by_zone[LOSER])
    return pd.Series(
        np.select(
            [by_zone["state"] == EMPTY, by_zone["state"] == SUPPRESSED, net > 0.0, net < 0.0, mixed > 0.0],
            [NOBODY, HIDDEN, MORE_WIN, MORE_LOSE, BALANCED],
            UNCHANGED,
        ),
        index=by_zone.index,
    )


def _fills(by_zone: pd.DataFrame, words: pd.Series, hatch: str) -> list[str]:
    plain = {NOBODY: LAND, HIDDEN: f"url(#{hatch})", BALANCED: MIXED_COLOUR, UNCHANGED: SAME_COLOUR}
    # a net share at a limit belongs to the class nearer to none
    level = np.where(
        by_zone["net_share"] > 0.0,
        np.digitize(by_zone["net_share"], LIMITS, right=True),
        np.digitize(by_zone["net_share"], LIMITS),
    )
    return [plain.get(word) or COLOURS[k] for word, k in zip(words, level, strict=True)]


def _houses(buildings: gpd.GeoDataFrame, frame: Frame) -> str:
    """Return the footprints as a pale veil, where there are not too many of them."""
    if len(buildings) > MAX_FEATURES:
        return ""
    path = "".join(frame.path(shape) for shape in buildings.geometry.simplify(0.5 / frame.scale))
    return svg.element("path", d=path, fill="#fff", opacity=0.35, pointer_events="none")


def _hatch(name: str) -> str:
    stroke = svg.element("path", d="M0 0V6", stroke=HATCH_COLOUR, stroke_width=2.0)
    pattern = svg.element(
        "pattern", svg.rect(0, 0, 6, 6, fill="#fff") + stroke, id=name, width="6", height="6",
        patternUnits="userSpaceOnUse", patternTransform="rotate(45)",
    )  # fmt: skip
    return svg.element("defs", pattern)


def _legend(y: float, hatch: str) -> str:
    """Return the colour bar with its limits and which end is better, and what the other fills mean."""
    cell, height, x = 46.0, 12.0, 4.0
    parts = [svg.rect(x + k * cell, y, cell, height, fill=colour) for k, colour in enumerate(COLOURS)]
    for k, limit in enumerate(LIMITS):
        tick = number(100 * limit, 0, signed=True)
        parts.append(
            svg.text(
                x + (k + 1) * cell, y + height + 13, tick, text_anchor="middle", font_size=10, fill=svg.MUTED,
                class_="tick",
            )
        )  # fmt: skip
    end = x + len(COLOURS) * cell
    parts.append(svg.text(x, y - 4, "◀ more lose", font_size=10, font_weight="600", fill=svg.INK))
    parts.append(
        svg.text(end, y - 4, "more win (better) ▶", font_size=10, font_weight="600", fill=svg.INK, text_anchor="end")
    )
    parts.append(svg.text(x, y + height + 28, UNIT, font_size=10, fill=svg.MUTED))
    keys = (
        (f"url(#{hatch})", "hidden: too few people to publish"),
        (MIXED_COLOUR, "mixed: gain here, lose there"),
        (SAME_COLOUR, "no change that matters"),
        (LAND, "nobody lives here"),
    )
    for k, (fill, name) in enumerate(keys):
        parts.append(svg.rect(end + 22, y - 12 + k * 16, 16, 11, fill=fill, stroke=EDGE, stroke_width=0.6))
        parts.append(svg.text(end + 44, y - 3 + k * 16, name, font_size=10.5, fill=svg.INK))
    return "".join(parts)
