"""The solar cadastre as files: GeoPackage with QGIS styles, ranked list, summary, a page with maps, roof sheets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from twin import __version__
from twin.errors import UsageError
from twin.report.cadastre_page import MARKER, PACKAGE, CadastreReport, render_index, rule_colours, sheet_path
from twin.report.export import write_styles
from twin.report.layers import Aggregation, Theme
from twin.report.qml import LayerStyle, category_style, value_style
from twin.scenario import files
from twin.solar.cadastre import counts_by_reason

Extra = Callable[[Path], tuple[str, str]]
"""Writes into a folder and returns the name and the meaning of what it wrote."""
_SUM, _MEAN = Aggregation.SUM, Aggregation.MEAN
PLANE_THEMES = (
    Theme("roof_planes", "irradiation_kwh_m2", "Irradiation with shading", "kWh/(m²·a)", "higher", _MEAN, 1.0),
    Theme("roof_planes", "specific_yield_kwh_kwp", "Yield per power", "kWh/kWp", "higher", _MEAN, 1.0),
    Theme("roof_planes", "shading_loss_share", "Lost to shade", "1", "lower", _MEAN, 0.01, decimals=2),
    Theme("roof_planes", "lcoe_eur_kwh", "Levelised cost", "EUR/kWh", "lower", _MEAN, 0.01, decimals=3),
)
BUILDING_THEMES = (
    Theme("buildings", "pv_potential_kwh_a", "PV potential", "kWh/a", "higher", _SUM, 1.0),
    Theme("buildings", "specific_yield_kwh_kwp", "Yield per power", "kWh/kWp", "higher", _MEAN, 1.0),
    Theme("buildings", "npv_eur", "Net present value", "EUR", "higher", _SUM, 1.0),
    Theme("buildings", "cost_eur_t_co2", "Capital per tonne of CO2", "EUR/t", "lower", _MEAN, 1.0),
    Theme("buildings", "installed_share", "Installed over potential", "1", "higher", _MEAN, 0.01, decimals=2),
)
FACADE_THEMES = (
    Theme("facades", "irradiation_kwh_m2", "Irradiation with shading", "kWh/(m²·a)", "higher", _MEAN, 1.0),
)


def check_target(folder: Path, *, force: bool) -> None:
    """Refuse a folder that may not be written.

    Raises
    ------
    UsageError
        There is something already, and it is not an earlier cadastre or `force` was not given.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not force:
        raise UsageError("there is something already", where=str(folder), remedy="choose another --out, or --force")
    if not folder.is_dir() or not (folder / MARKER).is_file() or not (folder / PACKAGE).is_file():
        raise UsageError(
            "the folder holds other files", where=str(folder), remedy="name a new folder, or one of an earlier cadastre"
        )


def write_cadastre(
    report: CadastreReport,
    folder: Path,
    *,
    extra: Sequence[Extra] = (),
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Path]:
    """Write all files; the folder appears whole or not at all.

    Parameters
    ----------
    report : CadastreReport
    folder : Path
        Replaced when it is there; see `check_target`.
    extra : sequence of callables
        Each writes one more file, or folder of files, into the folder that it is given and returns its name and what it
        is.
    progress : callable, optional
        Called with (what, done, total).

    Returns
    -------
    list of Path
        The files, sorted; a Zarr store counts as one.
    """
    say = progress or (lambda *_: None)

    def write(target: Path) -> None:
        target.mkdir(parents=True)
        say("GeoPackage", 0, 0)
        write_package(report, target / PACKAGE)
        table = ranked_table(report)
        table.to_csv(target / "ranked.csv", lineterminator="\n", float_format="%.10g")
        more = [write_more(target) for write_more in extra]
        files.write_json(target / MARKER, summary(report))
        for done, (name, make) in enumerate(report.sheets.items()):
            say("roof sheets", done, len(report.sheets))
            files.write_text(target / sheet_path(name), make())
        say("page", 0, 0)
        files.write_text(target / "index.html", render_index(report, more))

    files.replace_folder(folder, write)
    return _listed(folder)


def _listed(folder: Path) -> list[Path]:
    """Return the files below a folder, sorted, without looking into Zarr stores."""
    found: list[Path] = []
    for path in sorted(folder.iterdir()):
        found += [path] if path.is_file() or path.suffix == ".zarr" else _listed(path)
    return sorted(found)


def summary(report: CadastreReport) -> dict[str, Any]:
    """Return the sums of the city and of the budget as plain data."""
    chosen = report.ranked
    names = ("kwp", "kwh_a", "capex_eur", "npv_eur", "co2_avoided_t", "co2_embodied_t")
    sums = {k: float(chosen[k].sum()) for k in names}
    return {
        "title": report.title,
        "rules": report.rules,
        "weather": report.weather,
        "totals": report.cadastre.totals | {"p90_kwh_a": report.city_p90_kwh},
        "ranking": {"by": report.by, "budget_eur": report.budget_eur, "buildings": len(chosen)} | sums,
        "reasons": {str(k): int(v) for k, v in counts_by_reason(report.cadastre.planes)["planes"].items()},
        "parameters": {row["path"]: row["value"] for row in report.parameters},
        "sources": report.sources,
        "notes": report.notes,
        "twin": __version__,
    }


def ranked_table(report: CadastreReport) -> pd.DataFrame:
    """Return the ranked list with names and what speaks for each building."""
    columns = ["name", "use", "reason", "specific_yield_kwh_kwp", "lcoe_eur_kwh", "payback_a", "cost_eur_t_co2"]
    columns += ["self_consumption_share", "p90_kwh_a", "installed_share"]
    about = report.buildings[[c for c in columns if c in report.buildings.columns]]
    return report.ranked.join(pd.DataFrame(about))


def write_package(report: CadastreReport, path: Path) -> None:
    """Write the layers roof_planes, buildings and facades, and their styles."""
    layers = {"roof_planes": report.planes, "buildings": report.buildings}
    if report.facades is not None and len(report.facades):
        layers["facades"] = report.facades
    for name, layer in layers.items():
        flat = layer.reset_index().replace([np.inf, -np.inf], np.nan)
        multi = bool(flat.geom_type.str.startswith("Multi").any())
        flat.to_file(path, layer=name, driver="GPKG", engine="pyogrio", promote_to_multi=multi)
    write_styles(path, [style for name, layer in layers.items() for style in layer_styles(name, layer)])


def layer_styles(name: str, layer: gpd.GeoDataFrame) -> list[LayerStyle]:
    """Return the QGIS styles of a layer; the first theme is shown unless chosen otherwise."""
    themes = {"roof_planes": PLANE_THEMES, "buildings": BUILDING_THEMES, "facades": FACADE_THEMES}[name]
    styles = [
        value_style(name, layer[t.quantity].to_numpy(np.float64), t, default=position == 0)
        for position, t in enumerate(themes)
        if t.quantity in layer.columns
    ]
    if "reason" in layer.columns:
        # Figures after the colon are each plane's own: the rule before it is the class.
        shown = "regexp_replace(\"reason\", ':.*$', '')"
        styles.append(category_style(name, name, shown, "deciding rule", rule_colours(layer["reason"])))
    return styles
