"""Difference maps as SVG, one scale per quantity for all scenarios, with a threshold that follows the noise.

A feature whose difference is smaller than 1.64 standard deviations of the paired difference over the draws (a
two-sided 90 % interval) is drawn grey and called not distinguishable. Geometry is written once, in `MapSet.shapes`,
and every map refers to it, so that a report with many maps stays small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from twin.decision.distribution import is_noise
from twin.report import svg
from twin.report.formats import DIRECTION, number
from twin.report.layers import Aggregation, Theme, differences, merged_links, to_zones
from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    from twin.scenario.store import Run

MAX_FEATURES = 6000
"""Layers with more features are shown by zone."""
MAX_BACKGROUND = 30_000
"""Layers with more features are not drawn as background either."""
TOOLTIP_FEATURES, NAMED_ZONES = 1500, 80
WIDTH, HEAD, FOOT = 540.0, 44.0, 70.0
MIN_HEIGHT, MAX_HEIGHT = 300.0, 580.0

# ColorBrewer (Brewer and Harrower 2013): RdBu's blues against the oranges of PuOr, and PRGn; both are safe for
# red-green colour blindness. From little to much.
BLUES, ORANGES = ("#92c5de", "#4393c3", "#2166ac"), ("#fdb863", "#e08214", "#8c4a05")
PURPLES, GREENS = ("#c2a5cf", "#9970ab", "#5e2a78"), ("#a6dba0", "#5aae61", "#1b7837")
NOISE_FILL, NOISE_ZONE, LAND, BUILDING, STREET = "#9aa3ad", "#c9ced4", "#f7f8f9", "#e8ebee", "#d3d8de"
LINE_WIDTHS = (2.0, 3.0, 4.2)

THEMES = (
    Theme("links", "flow_veh_day", "Traffic flow, both directions", "veh/day", "neutral", Aggregation.SUM, 100.0,
          note="Cars, vans and trucks of a working day."),
    Theme("links", "speed_peak_kmh", "Speed of cars in the peak hour", "km/h", "neutral", Aggregation.MEAN, 2.0,
          decimals=1, note="Higher saves drivers time, lower is safer and quieter."),
    Theme("buildings", "lden_db", "Road noise at the loudest façade (Lden)", "dB", "lower", Aggregation.MEAN, 1.0,
          decimals=1, note="Day, evening and night of a year; few people notice less than 1 dB."),
    Theme("buildings", "nox_ug_m3", "NOx exposure at buildings", "µg/m³", "lower", Aggregation.MEAN, 0.4, decimals=2,
          note="What roads within 300 m add to the annual mean: a proxy that ranks places and scenarios."),
    Theme("zones", "accessibility_min", "Accessibility: cost of reaching a job", "min", "lower", Aggregation.MEAN, 0.1,
          decimals=2, note="Evening peak, over all modes and all jobs; charges and tolls counted as time."),
    Theme("zones", "mean_generalised_cost_min", "Cost of a car trip, evening peak", "min", "lower", Aggregation.MEAN,
          0.2, decimals=2, note="Time, with running costs, charges and tolls counted as time."),
    Theme("zones", "consumer_surplus_eur_day", "Travellers' benefit", "EUR/day", "higher", Aggregation.MEAN, 20.0,
          note="Consumer surplus by where trips start: what changed costs are worth to travellers and carriers, "
          "tolls and charges they pay included, revenue not. Through traffic is only in the KPI."),
    Theme("buildings", "heating_kwh_a", "Space heating demand", "kWh/(m²·a)", "lower", Aggregation.SUM, 5.0,
          per="floor_area_m2", decimals=1),
    Theme("buildings", "pv_kwh_a", "PV generation", "MWh/a", "higher", Aggregation.SUM, 2.0, scale=1e-3, decimals=1),
    Theme("buildings", "co2_kg_a", "CO₂ of buildings", "kg/(m²·a)", "lower", Aggregation.SUM, 1.0,
          per="floor_area_m2", decimals=1),
)  # fmt: skip


@dataclass(frozen=True)
class MapGroup:
    """The maps of one quantity; `unchanged` names the scenarios without any difference to speak of."""

    theme: Theme
    maps: tuple[str, ...]
    unchanged: tuple[str, ...]
    limit: str


@dataclass(frozen=True)
class MapSet:
    """All maps of a report, and the hidden image that holds the shapes they refer to."""

    shapes: str
    groups: tuple[MapGroup, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Frame:
    """From metric coordinates to the picture."""

    west: float
    north: float
    scale: float
    height: float

    def path(self, geometry: shapely.Geometry) -> str:
        """Return path data in picture coordinates, one decimal."""
        parts = []
        for piece in shapely.get_parts(geometry):
            rings = [piece.exterior, *piece.interiors] if piece.geom_type == "Polygon" else [piece]
            for ring in rings:
                xy = np.asarray(ring.coords)[:, :2]
                x = np.round((xy[:, 0] - self.west) * self.scale, 1)
                y = np.round((self.north - xy[:, 1]) * self.scale + HEAD, 1)
                points = "L".join(f"{svg.num(a)} {svg.num(b)}" for a, b in zip(x, y, strict=True))
                parts.append(f"M{points}" + ("Z" if piece.geom_type == "Polygon" else ""))
        return "".join(parts)


def difference_maps(run: Run, labels: Mapping[str, str]) -> MapSet:
    """Return the difference maps of every theme and scenario of a run."""
    layers = {name: run.layer(BASELINE, name) for name in ("buildings", "links", "zones")}
    layers["links"] = merged_links(layers["links"])
    frame = city_frame(layers)
    shown, notes = _themes(layers)
    shapes = _shapes(layers, frame)
    keys = {name: {str(i): f"{name[0]}{n}" for n, i in enumerate(layer.index)} for name, layer in layers.items()}
    noise = {scenario: run.noise(scenario) for scenario in run.info["scenarios"]}
    closed = {scenario: _newly_closed(run, scenario, layers["links"]) for scenario in run.info["scenarios"]}
    groups = []
    for theme, aggregate in shown:
        tables = {}
        for scenario, table in noise.items():
            values = differences(theme, table, layers, closed[scenario])
            tables[scenario] = to_zones(theme, values, layers) if aggregate else values
        drawn = replace(theme, layer="zones") if aggregate else theme
        tables = {s: t for s, t in tables.items() if (t["value"].abs() >= theme.least / 4).any()}
        bound = max(_bound(tables), theme.least)
        maps = tuple(
            _map(drawn, labels[s], table, bound, frame, keys, layers, closed[s]) for s, table in tables.items()
        )
        unchanged = tuple(labels[s] for s in noise if s not in tables)
        if maps:
            limit = number(theme.least / 4, class_decimals(theme.least))
            groups.append(MapGroup(drawn, maps, unchanged, f"{limit} {theme.unit}"))
    return MapSet(shapes, tuple(groups), tuple(notes))


def _themes(layers: Mapping[str, gpd.GeoDataFrame]) -> tuple[list[tuple[Theme, bool]], list[str]]:
    """Return the themes whose column is there, and whether each is shown by zone."""
    shown, notes = [], []
    for theme in THEMES:
        layer = layers[theme.layer]
        if theme.quantity not in layer.columns:
            continue
        many = theme.layer != "zones" and len(layer) > MAX_FEATURES
        shown.append((replace(theme, title=f"{theme.title}, by zone") if many else theme, many))
        if many:
            notes.append(f"{theme.title} is shown by zone: {number(len(layer))} features are more than a map can show.")
    return shown, notes


def _newly_closed(run: Run, scenario: str, links: gpd.GeoDataFrame) -> list[str]:
    """Return the merged links that are closed to cars in a scenario and open in the baseline."""
    state = merged_links(run.layer(scenario, "links"))["closed"].reindex(links.index).fillna(False).astype(bool)
    return [str(i) for i in links.index[(state & ~links["closed"].astype(bool)).to_numpy()]]


def city_frame(layers: Mapping[str, gpd.GeoDataFrame]) -> Frame:
    """Fit the middle of the city, where its buildings are, into the picture."""
    layer = layers["buildings"] if len(layers["buildings"]) else layers["zones"]
    west, south, east, north = layer.total_bounds
    margin = 0.06 * max(east - west, north - south, 1.0)
    width, depth = east - west + 2 * margin, north - south + 2 * margin
    scale = min(WIDTH / width, MAX_HEIGHT / depth)
    height = float(np.clip(depth * scale, MIN_HEIGHT, MAX_HEIGHT))
    x, y = (west + east) / 2, (south + north) / 2
    return Frame(x - WIDTH / scale / 2, y + height / scale / 2, scale, height)


def _shapes(layers: Mapping[str, gpd.GeoDataFrame], frame: Frame) -> str:
    """Return a hidden image: a group per layer, and in it a path per feature."""
    groups = []
    for name, layer in layers.items():
        if len(layer) > MAX_BACKGROUND:
            body = ""
        elif len(layer) > MAX_FEATURES:
            body = svg.element("path", d="".join(frame.path(g) for g in layer.geometry.simplify(1.0 / frame.scale)))
        else:
            simple = layer.geometry.simplify(0.3 / frame.scale)
            body = "".join(f'<path id="{name[0]}{n}" d="{frame.path(g)}"/>' for n, g in enumerate(simple))
        groups.append(svg.element("g", body, id=f"all-{name}"))
    clip = svg.element("clipPath", svg.rect(0, HEAD, WIDTH, frame.height), id="frame")
    return f'<svg class="shapes" width="0" height="0" aria-hidden="true"><defs>{clip}{"".join(groups)}</defs></svg>'


def _bound(tables: Mapping[str, pd.DataFrame]) -> float:
    magnitudes = [
        t["value"]
        .abs()
        .to_numpy()[((t["value"] != 0) & ~is_noise(t["value"].to_numpy(), t["sd"].to_numpy())).to_numpy()]
        for t in tables.values()
    ]
    return strongest_class(np.concatenate(magnitudes) if magnitudes else np.zeros(0))


def strongest_class(magnitudes: np.ndarray) -> float:
    """Return the round value from which the classes of a map follow: their limits are a half and a quarter of it.

    It is near the 85 % quantile of the differences that can be told from noise, over all scenarios, so that a few
    extremes do not pale all others.
    """
    return svg.nice_step(float(np.quantile(magnitudes, 0.85)), 1) if len(magnitudes) else 1.0


def class_colours(theme: Theme) -> tuple[Sequence[str], Sequence[str]]:
    """Return the colours of negative and of positive differences, from little to much."""
    if theme.better == "neutral":
        return GREENS, PURPLES
    return (BLUES, ORANGES) if theme.better == "lower" else (ORANGES, BLUES)


def _map(
    theme: Theme,
    scenario: str,
    table: pd.DataFrame,
    bound: float,
    frame: Frame,
    keys: Mapping[str, Mapping[str, str]],
    layers: Mapping[str, gpd.GeoDataFrame],
    closed: Sequence[str],
) -> str:
    """Return one map: background, differences by class, closed streets, title, scale, north arrow and legend."""
    title = f"{theme.title}: {scenario} minus baseline"
    parts = [
        svg.text(4, 16, svg.shorten(scenario, WIDTH - 8, 14), font_size=14, font_weight="600", fill=svg.INK),
        svg.text(
            4, 33, f"{theme.title}, difference to the baseline in {theme.unit} · {DIRECTION[theme.better]}",
            font_size=11, fill=svg.MUTED,
        ),
        svg.rect(0, HEAD, WIDTH, frame.height, fill=LAND, stroke=svg.GRID),
    ]  # fmt: skip
    body = [svg.element("use", href="#all-buildings", fill=BUILDING)]
    body.append(svg.element("use", href="#all-links", fill="none", stroke=STREET, stroke_width=1.2))
    body += _features(theme, table, bound, keys[theme.layer], layers[theme.layer])
    if theme.layer == "zones":
        body.append(svg.element("use", href="#all-zones", fill="none", stroke="#fff", stroke_width=1.2))
        body.append(svg.element("use", href="#all-buildings", fill="#fff", opacity=0.35))
        body.append(zone_names(layers["zones"], frame))
    if closed and theme.layer == "links" and keys["links"]:
        marks = "".join(svg.element("use", href=f"#{keys['links'][i]}") for i in closed)
        body.append(svg.element("g", marks, fill="none", stroke="#111", stroke_width=2.2, stroke_dasharray="2 3"))
    parts.append(svg.element("g", "".join(body), clip_path="url(#frame)"))
    parts.append(scale_bar(frame))
    parts.append(north_arrow(frame))
    has_noise = bool(table["sd"].notna().any())
    parts.append(_legend(theme, bound, HEAD + frame.height + 24, has_noise, bool(closed) and theme.layer == "links"))
    return svg.document(WIDTH, HEAD + frame.height + FOOT, f"{title}, {theme.unit}", "".join(parts), "map")


def _features(
    theme: Theme, table: pd.DataFrame, bound: float, keys: Mapping[str, str], layer: gpd.GeoDataFrame
) -> list[str]:
    """Return one group per class; strong differences are drawn last, on top."""
    value, sd = table["value"].to_numpy(np.float64), table["sd"].to_numpy(np.float64)
    noisy = is_noise(value, sd)
    level = np.digitize(np.abs(value), (bound / 4, bound / 2))
    names = layer["name"].reindex(table.index).fillna("").astype(str) if "name" in layer.columns else [""] * len(table)
    ids, names, tips = list(map(str, table.index)), list(names), len(table) <= TOOLTIP_FEATURES
    below, above = class_colours(theme)

    def uses(chosen: np.ndarray) -> str:
        marks = []
        for i in np.flatnonzero(chosen):
            tip = _tip(theme, names[i] or ids[i], value[i], sd[i], bool(noisy[i])) if tips else ""
            marks.append(svg.element("use", tip, href=f"#{keys[ids[i]]}"))
        return "".join(marks)

    groups = [_group(theme, uses(noisy), _noise_fill(theme), 1.6)]
    for step in range(3):
        for colours, sign in ((below, -1), (above, 1)):
            chosen = ~noisy & (np.sign(value) == sign) & (level == step)
            groups.append(_group(theme, uses(chosen), colours[step], LINE_WIDTHS[step]))
    return [g for g in groups if g]


def _noise_fill(theme: Theme) -> str:
    """Return the grey of noise, paler where it fills whole zones."""
    return NOISE_ZONE if theme.layer == "zones" else NOISE_FILL


def _group(theme: Theme, marks: str, colour: str, width: float) -> str:
    if not marks:
        return ""
    if theme.layer == "links":
        return svg.element("g", marks, fill="none", stroke=colour, stroke_width=width, stroke_linecap="round")
    return svg.element("g", marks, fill=colour, stroke="#fff", stroke_width=0.3)


def _tip(theme: Theme, name: str, value: float, sd: float, noisy: bool) -> str:
    spread = f" ± {number(1.64 * sd, theme.decimals)}" if np.isfinite(sd) else ""
    note = ", not distinguishable" if noisy else ""
    content = f"{name}: {number(value, theme.decimals, signed=True)}{spread} {theme.unit}{note}"
    return svg.element("title", svg.escape(content))


def scale_bar(frame: Frame) -> str:
    """Return a scale bar for the lower left corner."""
    metres = svg.nice_step(WIDTH / frame.scale / 4, 1)
    metres = metres if metres * frame.scale <= 190 else metres / 2
    length, x, y = metres * frame.scale, 14.0, HEAD + frame.height - 14
    name = f"{number(metres)} m" if metres < 1000 else f"{number(metres / 1000, 0 if metres % 1000 == 0 else 1)} km"
    return (
        svg.rect(x - 8, y - 20, length + 16, 28, fill="#fff", opacity=0.85)
        + svg.element("path", d=f"M{svg.num(x)} {svg.num(y - 4)}v6h{svg.num(length)}v-6", fill="none", stroke=svg.INK)
        + svg.text(x + length / 2, y - 6, name, text_anchor="middle", font_size=10, fill=svg.INK, class_="axis")
    )


def zone_names(zones: gpd.GeoDataFrame, frame: Frame) -> str:
    """Return the names of the zones at their middles, where few enough to be read."""
    if "name" not in zones.columns or len(zones) > NAMED_ZONES:
        return ""
    middles = zones.geometry.representative_point()
    return "".join(
        svg.text((p.x - frame.west) * frame.scale, (frame.north - p.y) * frame.scale + HEAD + 4, str(name),
                 text_anchor="middle", font_size=11, font_weight="600", fill=svg.INK, stroke="#fff", stroke_width=2.5,
                 paint_order="stroke", class_="stated")
        for p, name in zip(middles, zones["name"], strict=True)
        if len(str(name)) <= 6
    )  # fmt: skip


def north_arrow(frame: Frame) -> str:
    """Return a north arrow for the upper right corner."""
    x, y = WIDTH - 20, HEAD + 14
    return (
        svg.rect(x - 12, y - 8, 24, 40, fill="#fff", opacity=0.85)
        + svg.element("path", d=f"M{svg.num(x)} {svg.num(y - 4)}l6 18l-6 -5l-6 5z", fill=svg.INK)
        + svg.text(x, y + 28, "N", text_anchor="middle", font_size=11, font_weight="600", fill=svg.INK)
    )


def _legend(theme: Theme, bound: float, y: float, has_noise: bool, has_closed: bool) -> str:
    """Return the colour bar: classes with their limits, which end is better, grey for noise."""
    below, above = class_colours(theme)
    cell, height, x = 52.0, 12.0, 4.0
    colours = [*reversed(below), *above]
    edges = [-bound / 2, -bound / 4, 0.0, bound / 4, bound / 2]
    parts = []
    for i, colour in enumerate(colours):
        parts.append(svg.rect(x + i * cell, y, cell, height, fill=colour))
    for i, edge in enumerate(edges):
        shown = number(edge, class_decimals(bound), signed=True)
        parts.append(
            svg.text(x + (i + 1) * cell, y + height + 13, shown, text_anchor="middle", font_size=10, fill=svg.MUTED)
        )
    ends = {"neutral": ("less", "more"), "lower": ("better", "worse"), "higher": ("worse", "better")}[theme.better]
    parts.append(svg.text(x, y - 4, f"◀ {ends[0]}", font_size=10, font_weight="600", fill=svg.INK))
    parts.append(
        svg.text(x + 6 * cell, y - 4, f"{ends[1]} ▶", font_size=10, font_weight="600", fill=svg.INK, text_anchor="end")
    )
    parts.append(svg.text(x + 3 * cell, y - 4, theme.unit, font_size=10, fill=svg.MUTED, text_anchor="middle"))
    left = x + 6 * cell + 22
    noise = "not distinguishable from noise" if has_noise else "no draws: noise is not known"
    rows = [(_noise_fill(theme), noise), (BUILDING if theme.layer != "links" else STREET, "no change")]
    for i, (colour, name) in enumerate(rows):
        parts.append(svg.rect(left, y - 10 + i * 17, 16, 10, fill=colour))
        parts.append(svg.text(left + 22, y - 1 + i * 17, name, font_size=10.5, fill=svg.INK))
    if has_closed:
        parts.append(
            svg.line(left, y + 29, left + 16, y + 29, stroke="#111", stroke_width=2.2, stroke_dasharray="2 3")
            + svg.text(left + 22, y + 33, "closed to cars", font_size=10.5, fill=svg.INK)
        )
    return "".join(parts)


def class_decimals(bound: float) -> int:
    """Return the decimals that print a quarter of the bound exactly (bounds are 1, 2 or 5 times a power of ten)."""
    return next((d for d in range(8) if abs(round(bound / 4, d) - bound / 4) < 1e-9 * bound), 8)
