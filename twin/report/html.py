"""The report: one HTML file that needs no network, no script and no other file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from markupsafe import Markup

from twin.decision.compare import MINIMUM_DRAWS, compare, targets
from twin.decision.distribution import OUTCOMES, count_outcomes, zone_differences
from twin.report import charts, summary
from twin.report.energy_policies import energy_policies, peak_charts
from twin.report.formats import number
from twin.report.layers import place_names
from twin.report.maps import difference_maps
from twin.report.neighbours import limit_rows, neighbour_sections
from twin.report.rebound import rebound_rows
from twin.report.roofs_first import programme_sections
from twin.report.templating import environment
from twin.scenario import files
from twin.scenario.payments import concerns_energy
from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    from twin.scenario.store import Run


def write_report(run: Run) -> Path:
    """Write ``report.html`` into the run folder and return its path. Equal runs give equal bytes."""
    path = run.path / "report.html"
    files.write_text(path, render(run))
    return path


def render(run: Run) -> str:
    """Return the report as text."""
    return environment().get_template("report.html.j2").render(_content(run))


def _content(run: Run) -> dict[str, Any]:
    """Return everything that the template shows."""
    info, labels = run.info, summary.labels_of(run)
    table = compare(run)
    zones = zone_differences(run)
    counts = count_outcomes(zones) if len(zones) else pd.DataFrame()
    maps = difference_maps(run, labels)
    layers = {name: run.layer(BASELINE, name) for name in ("zones", "links")}
    notes = [*table.attrs["notes"], *maps.notes]
    profiles, same_profiles = _profiles(run, table, labels)
    shaded = neighbour_sections(run, table, labels)
    return {
        "title": info["study"]["study"].replace("-", " ").capitalize(),
        "question": info["question"],
        "city": info["city"],
        "size": {name: number(count) for name, count in info["size"].items()},
        "draws": info["draws"],
        "interval": info["draws"] >= MINIMUM_DRAWS,
        "names": [labels[name] for name in info["scenarios"]],
        "baseline": labels[BASELINE],
        "headlines": summary.headlines(run, table, labels),
        "changes": summary.changes(run, labels),
        "kpis": summary.kpi_groups(run, table),
        "rebound": rebound_rows(run, table, labels),
        "programmes": programme_sections(run, labels),
        "energy": energy_policies(run, table, labels),
        "energy_charts": _markup(_energy_charts(run, labels)),
        "neighbours": [section | {"map": _markup([section["map"]])[0]} for section in shaded],
        "neighbour_limits": limit_rows(run) if shaded else [],
        "intervals": _markup(_interval_charts(table, labels, summary.asked_for(run))),
        "targets": summary.target_rows(run, targets(run), labels),
        "shapes": _markup([maps.shapes])[0],
        "maps": [
            {
                "theme": group.theme,
                "maps": _markup(group.maps),
                "unchanged": group.unchanged,
                "limit": group.limit,
            }
            for group in maps.groups
        ],
        "profiles": _markup(profiles),
        "same_profiles": same_profiles,
        "outcomes": OUTCOMES,
        "winners": summary.winners(run, zones, counts, labels, place_names(layers)),
        "limits": summary.limits(run, notes),
        "resolution": _resolution(info["resolution"]),
        "sources": info["sources"],
        "weather": info["weather"],
        "parameters": [row | {"shown": f"{row['value']:g}"} for row in info["parameters"]],
        "repairs": info.get("repairs", []),
        "run": info["run"],
        "identity": info["identity"],
        "seed": info["seed"],
        "versions": info["versions"],
        "checksums": info["checksums"],
    }


def _markup(images: Sequence[str]) -> list[Markup]:
    """Mark images as safe for the template: `twin.report.svg` escapes every text and attribute in them."""
    return [Markup(image) for image in images]  # noqa: S704


def _interval_charts(table: pd.DataFrame, labels: dict[str, str], asked: set[str]) -> list[str]:
    scenarios = table[table["scenario"] != BASELINE]
    return [
        charts.interval_chart(kpi, scenarios[scenarios["kpi"] == kpi.id], labels)
        for kpi in charts.chart_kpis(scenarios, asked)
    ]


def _profiles(run: Run, table: pd.DataFrame, labels: dict[str, str]) -> tuple[list[str], list[str]]:
    """Return the charts of hours and seasons, and the titles of those in which no scenario leaves the baseline."""
    series = {name: run.series(name) for name in summary.labels_in_order(run)}
    rows = table[table["kpi"] == "vehicle_km_day"]
    vehicle_km = dict(zip(rows["scenario"], rows["value"], strict=True))
    lines = [*charts.day_charts(series), charts.duration_curve(series), charts.traffic_chart(series, vehicle_km)]
    drawn = [chart for chart in lines if chart is not None]
    same = [chart.title for chart in drawn if not charts.differs(chart)]
    return [charts.line_chart(chart, labels) for chart in drawn if chart.title not in same], same


def _energy_charts(run: Run, labels: dict[str, str]) -> list[str]:
    """Return the charts of peak days that some scenario changes."""
    if not concerns_energy(run.info["changes"]):
        return []
    return [charts.line_chart(chart, labels) for chart in peak_charts(run) if charts.differs(chart)]


def _resolution(resolution: dict[str, Any]) -> dict[str, Any]:
    """Return the resolution score in per cent, the worst column of a layer last."""
    rows = sorted(resolution["rows"], key=lambda row: (row["layer"], -row["score"], row["column"]))
    shares = ("quantity", "quality", "depth", "score")
    return {
        "score": number(100 * resolution["score"]),
        "rows": [
            {"layer": row["layer"], "column": row["column"], **{name: round(100 * row[name]) for name in shares}}
            for row in rows
        ],
    }
