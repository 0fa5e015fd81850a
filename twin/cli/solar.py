"""``twin solar``: the solar cadastre of a city from a package, a 3D city file or a surface model."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from twin.cli.progress import ProgressLine
from twin.cli.solar_sources import Source, open_source
from twin.errors import StudyError, UsageError, did_you_mean
from twin.report.cadastre import Extra, check_target, write_cadastre
from twin.report.cadastre_page import CadastreReport

if TYPE_CHECKING:
    from twin.report.assessment import Assessment, Assumptions

SHEETS = 10
"""Roofs at the top of the list that get a sheet unless some are named."""
HOURLY = "hourly.zarr"


def run_solar(options: argparse.Namespace) -> dict[str, Any]:
    """Read, shade, assess, rank, write; return the summary.

    Raises
    ------
    UsageError
        Options that do not fit, or an output that is there already.
    TwinError
        Input that cannot be used; see the readers.
    """
    from twin.cli.commands import prepare_kernels
    from twin.report.assessment import assess, facade_layer
    from twin.report.cadastre import summary
    from twin.solar.cadastre import rank

    begun = time.perf_counter()
    out = Path(options.out)
    check_target(out, force=options.force)
    assumptions = _assumptions(options)
    _check_options(options)
    prepare_kernels(options.threads, options.json, ("solar", "energy"))
    with ProgressLine("solar", options.json) as say:
        source = open_source(options, say)
        _check_sheets(options.sheet, source.city.buildings.index)
        years = [_read_year(path) for path in options.years or ()]
        roofs = source.roofs(say)
        draws = [
            lambda draw=draw: source.redrawn(assumptions.uncertainty, options.seed, draw)
            for draw in range(1, options.draws + 1)
        ]
        found = assess(
            source.city, roofs, assumptions, years=years, redrawn=draws, measured_roofs=source.measured_roofs,
            seed=options.seed, say=say,
        )  # fmt: skip
        ranked = rank(found.cadastre.buildings, options.by, options.budget)
        facades = facade_layer(source.city, roofs, assumptions) if options.facades else None
        report = _report(options, source, found, ranked, facades, [year.title for year in years])
        extra = [_cityjson(source.cityjson, found)] if source.cityjson is not None else []
        extra += [_hourly(options, source, found, list(report.sheets), say)] if options.hourly else []
        paths = write_cadastre(report, out, extra=extra, progress=say)
    result = summary(report) | {"files": [str(p) for p in paths], "seconds": time.perf_counter() - begun}
    if not options.json:
        _print(result, out)
    return result


def _check_options(options: argparse.Namespace) -> None:
    if options.budget is not None and not options.budget >= 0.0:
        raise UsageError(f"--budget {options.budget:g} is no budget", expected="0 or more EUR")
    if options.draws < 0 or options.draws > 100:
        raise UsageError(f"--draws {options.draws} is out of range", expected="0 to 100")


def _assumptions(options: argparse.Namespace) -> Assumptions:
    """Return all parameters with what ``--set`` and ``--rules`` change.

    Raises
    ------
    UsageError
        A parameter that is not known, or a value that is no number or out of range.
    """
    from twin.energy.parameters import EnergyParameters
    from twin.parameters import with_values
    from twin.report.assessment import Assumptions
    from twin.scenario.balance import ElectricityParameters
    from twin.solar.economics import EconomicsParameters
    from twin.solar.parameters import SolarParameters
    from twin.solar.storage import StorageParameters
    from twin.solar.suitability import with_rules
    from twin.solar.uncertainty import UncertaintyParameters

    parts: dict[str, Any] = {
        "solar": with_rules(SolarParameters(), options.rules),
        "economics": EconomicsParameters(),
        "electricity": ElectricityParameters(),
        "storage": StorageParameters(),
        "uncertainty": UncertaintyParameters(),
        "energy": EnergyParameters(),
    }
    for text in options.set or ():
        path, equals, value = text.partition("=")
        domain = path.partition(".")[0]
        if not equals or domain not in parts:
            raise UsageError(
                f"--set {text!r} names no parameter", expected="for example electricity.price_eur_kwh=0.25",
                remedy=did_you_mean(domain, parts),
            )  # fmt: skip
        try:
            parts[domain] = with_values(domain, parts[domain], {path: float(value)})
        except ValueError:
            raise UsageError(f"--set {text!r} is no number", expected="a number after =") from None
        except StudyError as error:
            raise UsageError(error.what, expected=error.expected, remedy=error.remedy) from None
    return Assumptions(**parts)


def _read_year(path: str) -> Any:
    from twin.city.epw import read_epw

    return read_epw(path)


def _check_sheets(wanted: list[str] | None, known: pd.Index) -> None:
    for name in wanted or ():
        if name not in known:
            raise UsageError(f"no building has the id {name!r}", remedy=did_you_mean(name, list(known[:5000])))


def _report(
    options: argparse.Namespace,
    source: Source,
    found: Assessment,
    ranked: pd.DataFrame,
    facades: gpd.GeoDataFrame | None,
    years: list[str],
) -> CadastreReport:
    from dataclasses import asdict

    from twin.report.roof_sheet import SheetParameters, render_sheet
    from twin.solar.outlines import plane_outlines
    from twin.solar.uncertainty import city_exceedance

    city, cadastre, a = found.city, found.cadastre, found.assumptions
    planes = plane_outlines(city.buildings, cadastre.planes, source.planes)
    about = [c for c in ("name", "use") if c in city.buildings.columns]
    buildings = gpd.GeoDataFrame(
        pd.concat([city.buildings[about], cadastre.buildings], axis=1),
        geometry=city.buildings.geometry.to_numpy(),
        crs=city.buildings.crs,
    )
    report = CadastreReport(
        title=city.meta.title,
        cadastre=cadastre,
        planes=planes,
        buildings=buildings,
        ranked=ranked,
        by=options.by,
        budget_eur=options.budget,
        rules=options.rules,
        city_p90_kwh=city_exceedance(cadastre.buildings),
        parameters=a.rows(),
        sources=[asdict(s) for s in city.meta.sources],
        weather=[city.weather.title, *years],
        notes=_notes(options, source, years),
        facades=facades,
    )
    wanted = options.sheet or [str(i) for i in ranked.index[:SHEETS]]
    walls = options.facades
    stand = source.walls() if walls else None
    quoted = SheetParameters(a.solar, a.economics, a.prices, city.weather.latitude)
    sheets = {
        name: lambda name=name: render_sheet(report, name, found.year(name, walls=walls, source=stand), quoted)
        for name in dict.fromkeys(wanted)
    }
    return replace(report, sheets=sheets)


def _notes(options: argparse.Namespace, source: Source, years: list[str]) -> list[str]:
    city = source.city
    notes = [
        "Shading is computed hour by hour from the heights of buildings, terrain and trees where the data hold them; "
        "obstacles on the roof itself are not known and are part of the usable share.",
        "Self-consumption compares hourly PV with an hourly demand that the building model estimates from use, size "
        "and age; it is no measurement.",
        "Money is in today's prices. Every price is a parameter: see the table, and change one with --set.",
        "CO2 avoided is that of the electricity that the building no longer buys, at the grid's mean factor over the "
        "whole life, as scenarios count it; what is fed in earns no credit unless electricity.export_co2_kg_kwh gives "
        "one. Making the modules is shown beside it. A grid that gets cleaner saves less.",
    ]
    if years:
        notes.append(
            f"Yields are the mean of {len(years) + 1} weather years; hours and shading are shown for the first."
        )
    if not options.draws:
        notes.append("The error of heights is not in P90: no other heights were drawn (--draws).")
    if city.roof_planes is None and source.scene is None:
        notes.append("Roof shapes are parametric (flat, gabled or hipped by building), not surveyed.")
    return notes + [f"{city.meta.title}: {line}" for line in city.meta.repairs[:20]]


def _hourly(
    options: argparse.Namespace, source: Source, found: Assessment, sheets: list[str], say: ProgressLine
) -> Extra:
    """Return what writes the hours of all roof planes, and of the walls of the buildings that have a sheet."""

    def write(folder: Path) -> tuple[str, str]:
        from twin.solar.hourly import write_hourly

        city, walls = found.city, sheets if options.facades else []
        write_hourly(
            folder / HOURLY, city, city.weather, found.assumptions.solar, found.roofs, storeys_of=walls,
            source=source.walls() if walls else None,
            progress=lambda done, total: say("hours of the surfaces", done, total),
        )  # fmt: skip
        what = " and of the walls of the buildings with a sheet, by storey" if walls else ""
        return HOURLY, f"irradiance, sunlit share and AC output of every roof plane{what}, hour by hour (Zarr)"

    return write


def _cityjson(path: Path, found: Assessment) -> Extra:
    """Return what writes the CityJSON file with the results in it."""

    def write(folder: Path) -> tuple[str, str]:
        from twin.city.cityjson_write import write_cityjson_attributes

        name = f"{path.name.removesuffix('.gz').removesuffix('.json').removesuffix('.city')}.solar.city.json"
        tables = [found.cadastre.buildings, found.cadastre.planes.drop(columns="building_id")]
        attributes = pd.concat([_prefixed(table) for table in tables])
        write_cityjson_attributes(path, folder / name, attributes)
        return name, "the CityJSON file with all results as attributes (solar_…)"

    return write


def _prefixed(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table for CityJSON: names that cannot meet those of the file, no infinite numbers."""
    return table.replace([np.inf, -np.inf], np.nan).rename(columns=lambda c: f"solar_{c}")


def _print(result: Mapping[str, Any], out: Path) -> None:
    totals, ranking = result["totals"], result["ranking"]
    print(
        f"{result['title']}: {totals['suitable_buildings']:.0f} of {totals['buildings']:.0f} buildings suit PV "
        f"(rules {result['rules']})"
    )
    print(
        f"potential {totals['pv_potential_kwp'] / 1e3:.2f} MWp, {totals['pv_potential_kwh_a'] / 1e6:.2f} GWh/a, "
        f"P90 {totals['p90_kwh_a'] / 1e6:.2f} GWh/a; installed {100 * totals['installed_share']:.1f} %"
    )
    print(
        f"ranked by {ranking['by']}: {ranking['buildings']} buildings, {ranking['kwp'] / 1e3:.2f} MWp for "
        f"{ranking['capex_eur'] / 1e6:.2f} M EUR, {ranking['co2_avoided_t']:.0f} t CO2 over the life"
    )
    print(f"{out / 'index.html'}\ntook {result['seconds']:.1f} s")
