"""Results for other programs: a GeoPackage with QGIS styles inside, GeoJSON in WGS 84, CSV, and the attributions."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

from twin.city.schema import LAYERS
from twin.decision.compare import compare
from twin.decision.distribution import NOISE_FACTOR, is_noise, zone_differences
from twin.errors import UsageError
from twin.report.qml import LayerStyle, layer_styles
from twin.report.summary import labels_of
from twin.scenario import files
from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    from twin.scenario.store import Run

EXPORTED = {"buildings": "buildings", "links": "links", "zones": "zones", "sites": "charging_sites"}
"""What the layers are called in the export, and in the run."""
MARKER = "export.json"
"""Only a folder that holds this file is ever replaced."""
FIXED_TIME = "2000-01-01T00:00:00.000Z"
"""Stands in the GeoPackage where its format wants a time, so that equal runs give equal content."""


def export_run(run: Run, folder: Path) -> list[Path]:
    """Write the layers of every scenario with result and difference columns, and the KPI and zone tables.

    The folder appears whole or not at all; an earlier export there is replaced.

    Returns
    -------
    list of Path
        The files, sorted.

    Raises
    ------
    UsageError
        `folder` exists and holds something that is not an export.
    """
    if folder.exists() and not (folder / MARKER).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            "the folder holds other files", where=str(folder), remedy="name a new folder, or one of an earlier export"
        )
    files.replace_folder(folder, lambda target: _write(run, target))
    return sorted(path for path in folder.rglob("*") if path.is_file())


def export_layers(run: Run) -> dict[str, gpd.GeoDataFrame]:
    """Return the layers by name ``<scenario>_<layer>``; those without features are left out.

    Every result column of a scenario has its difference to the baseline as ``<column>_diff``. Where the run kept the
    spread of the paired difference it is ``<column>_diff_sd``, and ``<column>_distinct`` is false where the
    difference lies within 1.64 of it.
    """
    layers = {}
    for scenario in (BASELINE, *run.info["scenarios"]):
        for short, name in EXPORTED.items():
            layer = run.layer(scenario, name)
            if scenario != BASELINE:
                layer = _with_differences(layer, run.layer(BASELINE, name), run.noise(scenario), name)
            if len(layer):
                layers[f"{scenario}_{short}"] = layer
    return layers


def attribution(run: Run) -> str:
    """Return the text that goes with the data: sources, licences, attributions, and what made it."""
    lines = [f"Results of the run {run.info['run']}, made with twin {run.info['versions'].get('twin', '')}.", ""]
    for source in run.info["sources"]:
        lines += [f"{source['title']}", f"  licence: {source['licence']}", f"  attribution: {source['attribution']}"]
        lines += [f"  address: {source['url']}"] if source.get("url") else []
        lines.append("")
    lines.append("Whoever passes these files on keeps the attributions and the licences of the sources.")
    lines.append(f"Differences with <column>_distinct = false are smaller than {NOISE_FACTOR} standard deviations")
    lines.append("of the paired difference over the uncertainty draws: they cannot be told from noise.")
    return "\n".join(lines) + "\n"


def _with_differences(
    layer: gpd.GeoDataFrame, baseline: gpd.GeoDataFrame, noise: pd.DataFrame, name: str
) -> gpd.GeoDataFrame:
    known = {column.name for column in LAYERS[name].columns}
    results = [
        c for c in layer.columns if c not in known and c in baseline.columns and pd.api.types.is_numeric_dtype(layer[c])
    ]
    new: dict[str, Any] = {f"{c}_diff": layer[c] - baseline[c].reindex(layer.index) for c in results}
    for quantity, rows in noise[noise["layer"] == name].groupby("quantity", sort=True):
        spread = rows.set_index("id")["sd"].reindex(layer.index)
        value = rows.set_index("id")["value"].reindex(layer.index)
        new[f"{quantity}_diff_sd"] = spread
        new[f"{quantity}_distinct"] = (value != 0).to_numpy() & ~is_noise(value.to_numpy(), spread.to_numpy())
    return gpd.GeoDataFrame(pd.concat([layer, pd.DataFrame(new, index=layer.index)], axis=1), crs=layer.crs)


def _write(run: Run, folder: Path) -> None:
    layers = export_layers(run)
    package = folder / f"{run.info['run']}.gpkg"
    for part in ("geojson", "csv"):
        (folder / part).mkdir(parents=True)
    for name, layer in layers.items():
        flat = layer.reset_index()
        multi = bool(flat.geom_type.str.startswith("Multi").any())
        flat.to_file(package, layer=name, driver="GPKG", engine="pyogrio", promote_to_multi=multi)
        degrees = flat.to_crs("EPSG:4326")
        degrees.to_file(folder / "geojson" / f"{name}.geojson", driver="GeoJSON", engine="pyogrio", RFC7946="YES")
        table = pd.DataFrame(flat.drop(columns=flat.geometry.name))
        table.to_csv(folder / "csv" / f"{name}.csv", index=False, lineterminator="\n")
    for scenario in (BASELINE, *run.info["scenarios"]):
        run.roof_planes(scenario).to_csv(folder / "csv" / f"{scenario}_roof_planes.csv", lineterminator="\n")
    write_styles(package, layer_styles(layers, labels_of(run)))
    compare(run).to_csv(folder / "csv" / "kpis.csv", index=False, lineterminator="\n")
    zone_differences(run).to_csv(folder / "csv" / "zone_differences.csv", index=False, lineterminator="\n")
    files.write_text(folder / "ATTRIBUTION.txt", attribution(run))
    files.write_json(folder / MARKER, {"run": run.info["run"], "identity": run.info["identity"], "layers": [*layers]})


def write_styles(package: Path, styles: list[LayerStyle]) -> None:
    """Write the table ``layer_styles`` of a GeoPackage, which QGIS reads, and fix the times of the file."""
    with contextlib.closing(sqlite3.connect(package)) as connection, connection:
        connection.execute(
            "CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), "
            "f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), "
            "styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30), "
            "update_time DATETIME)"
        )
        geometry = dict(connection.execute("SELECT table_name, column_name FROM gpkg_geometry_columns"))
        connection.executemany(
            "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, "
            "styleQML, styleSLD, useAsDefault, description, owner, ui, update_time) "
            "VALUES ('', '', ?, ?, ?, ?, '', ?, ?, '', '', ?)",
            [(s.layer, geometry[s.layer], s.name, s.qml, int(s.default), s.description, FIXED_TIME) for s in styles],
        )
        connection.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change) "
            "VALUES ('layer_styles', 'attributes', 'layer_styles', 'QGIS styles', ?)",
            (FIXED_TIME,),
        )
        connection.execute("UPDATE gpkg_contents SET last_change = ?", (FIXED_TIME,))
