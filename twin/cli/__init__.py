"""The command line. This module holds only the parser, so that ``twin --help`` answers at once."""

from __future__ import annotations

import argparse
import errno
import json
import math
import os
import sys
from collections.abc import Sequence

from twin import __version__
from twin.errors import ResourceError, TwinError, UsageError, did_you_mean

PATH_ERRORS = (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)

EXIT_CODES = """exit codes:
  0  done
  1  internal error (a bug: please report it; TWIN_DEBUG=1 shows where)
  2  usage: a command, option or argument that does not fit
  3  study: the file, a selector or a measure does not fit
  4  data: city package, layer, geometry, reference system or weather
  5  unsafe file refused before it was opened
  6  run folder missing, unfinished, locked or damaged
  7  kernel family or variant unknown
  8  optional package missing (the message names the extra)
  9  memory or disk space does not suffice
  130  stopped by the user; run again to resume
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(message, remedy=f"{self.prog} --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="twin",
        description="Urban digital twin: simulate a city under policy scenarios and compare them honestly.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"twin {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        sub.add_argument("--json", action="store_true", help="print the result as JSON on standard output")
        return sub

    def with_run_options(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--runs", default="runs", metavar="FOLDER", help="folder of run folders (default: runs)")
        sub.add_argument("--threads", type=_positive, metavar="N", help="threads; results do not depend on it")

    demo = command("demo", "simulate and compare four scenarios for central Helsinki")
    with_run_options(demo)

    check = command("check", "check a study, report what its selectors match and what a run will need")
    check.add_argument("study", metavar="STUDY", help="a study file, or the name of one in the library")

    run = command("run", "simulate the baseline and all scenarios of a study; resumes a run that was stopped")
    run.add_argument("study", metavar="STUDY", help="a study file, or the name of one in the library")
    with_run_options(run)

    compare = command("compare", "print the KPI table of a run")
    compare.add_argument("run", metavar="RUN", help="a run folder")

    report = command("report", "write the report of a run as one self-contained HTML file")
    report.add_argument("run", metavar="RUN", help="a run folder")

    export = command("export", "write a GeoPackage with QGIS styles, GeoJSON and CSV")
    export.add_argument("run", metavar="RUN", help="a run folder")
    export.add_argument("--output", metavar="FOLDER", help="where to write (default: RUN/export)")

    sensitivity = command("sensitivity", "rank the uncertain parameters of a study by what they do to each difference")
    sensitivity.add_argument("study", metavar="STUDY", help="a study file, or the name of one in the library")
    sensitivity.add_argument("--method", choices=("morris", "sobol"), help="screening, or shares of variance (morris)")
    sensitivity.add_argument(
        "--trajectories", type=_positive, metavar="N", help="of morris (default: 10); base sample of sobol (64)"
    )
    sensitivity.add_argument("--kpi", nargs="+", metavar="KPI", help="KPIs to rank for (default: the headline ones)")
    sensitivity.add_argument(
        "--elasticity",
        metavar="E[,E...]",
        help="instead: the CO₂ saved with each elasticity of traffic across the edge, and where it turns into a loss",
    )
    with_run_options(sensitivity)

    canvas = command("canvas", "show the City Model Canvas of a study or a run: its blocks, claims and what is missing")
    canvas.add_argument(
        "source", metavar="FILE|RUN", help="a run folder, a study (file or library name), or a file that is a canvas"
    )
    canvas.add_argument("--out", metavar="FOLDER", help="also write the canvas on one page, canvas.html and canvas.svg")

    sheet = command("sheet", "write one page on what a run means for one building")
    sheet.add_argument("run", metavar="RUN", help="a run folder")
    sheet.add_argument("place", metavar="PLACE", help="id, name or address of a building, or longitude,latitude")
    sheet.add_argument("--out", metavar="FILE", help="where to write it (default: sheets/ in the run folder)")

    evaluate = command("evaluate", "hold a study against what was observed later: expected, observed, why they differ")
    evaluate.add_argument("study", metavar="STUDY", help="a study file, or the name of one in the library")
    evaluate.add_argument(
        "--observed", required=True, metavar="CSV",
        help="observations: year, kpi, scenario, value, low, high, unit, source; also inputs, uptake and money",
    )  # fmt: skip
    evaluate.add_argument(
        "--weather", action="append", metavar="YEAR=EPW", help="measured weather of a year, to simulate it again with"
    )
    evaluate.add_argument(
        "--run", metavar="RUN", help="the run that made the promise (default: that of the study in --runs)"
    )
    with_run_options(evaluate)

    add = command("import", "make a city package from an OpenStreetMap extract, vector files or a 3D city file")
    add.add_argument(
        "file",
        metavar="FILE",
        help="OSM PBF, CityJSON, CityGML, GeoPackage, GeoJSON, Shapefile, FlatGeobuf or GeoParquet",
    )
    add.add_argument("--name", required=True, type=_city_name, help="name of the city, for example kouvola")
    add.add_argument("--output", metavar="FOLDER", help="where to write the package (default: geodata/NAME)")
    add.add_argument("--roads", metavar="FILE", help="vector file of roads, when FILE holds only buildings")
    add.add_argument("--mapping", metavar="FILE", help="YAML file: our column -> column of the file or constant")
    add.add_argument(
        "--crs",
        metavar="EPSG:N",
        help="metric reference system of the city; of a 3D city file: that of its coordinates",
    )
    add.add_argument("--title", help="title for people")
    add.add_argument("--country", help="ISO 3166 code, for example FI")
    add.add_argument(
        "--utc-offset", type=_finite, metavar="HOURS", help="offset stated for the city (default: that of its weather)"
    )
    add.add_argument("--weather", metavar="EPW|NAME", help="an EPW file, or the name of built-in climate normals")
    add.add_argument(
        "--climate-change", metavar="CSV", help="monthly changes that make of the weather one of a changed climate"
    )
    add.add_argument(
        "--archetypes", metavar="CSV", help="thermal figures by use and year class, plain or in the manner of TABULA"
    )
    add.add_argument(
        "--electricity", metavar="CSV", help="price and CO₂ of electricity in each of the 8760 hours of the year"
    )
    add.add_argument("--zone-size", type=_finite, default=250.0, metavar="M", help="side of a zone (default: 250)")
    add.add_argument("--force", action="store_true", help="replace a package that is already there")

    generate = command("generate", "make a synthetic city of any size")
    generate.add_argument("--buildings", type=_positive, required=True, metavar="N")
    generate.add_argument("--seed", type=int, default=1, metavar="N")
    generate.add_argument("--layout", choices=("grid", "ring"), default="grid")
    generate.add_argument("--output", required=True, metavar="FOLDER", help="where to write the package")
    generate.add_argument("--force", action="store_true", help="replace a package that is already there")

    assign = command("assign", "solve the user equilibrium of a road network and trips: TNTP, GMNS, OMX or CSV")
    assign.add_argument("network", metavar="NETWORK", help="TNTP file, GMNS folder, or CSV table of links")
    assign.add_argument("trips", metavar="TRIPS", help="TNTP file, GMNS demand.csv, OMX file, or CSV table of trips")
    assign.add_argument("--gap", type=_finite, default=1e-8, metavar="G", help="relative gap (default: 1e-8)")
    assign.add_argument("--out", metavar="FOLDER", help="write links.csv and summary.json there")
    assign.add_argument("--skim", choices=("csv", "omx"), help="write the costs between zones there too")
    assign.add_argument(
        "--toll-factor", type=_finite, default=0.0, metavar="T", help="time per unit of toll (default: 0)"
    )
    assign.add_argument(
        "--length-factor", type=_finite, default=0.0, metavar="T", help="time per unit of length (default: 0)"
    )
    assign.add_argument("--matrix", metavar="NAME", help="matrix of an OMX file that has several")
    assign.add_argument("--closed-zones", action="store_true", help="CSV links: paths do not pass through zones")
    assign.add_argument(
        "--system-optimum",
        action="store_true",
        help="least total cost instead, and the tolls that lead there; costs hold them",
    )
    assign.add_argument("--select-link", metavar="ID[,ID...]", help="write whose trips use any of these links")
    assign.add_argument("--all", action="store_true", help="--select-link: trips that use all of the links")
    assign.add_argument("--close", metavar="ID[,ID...]", help="close these links too and write what changes")
    assign.add_argument(
        "--criticality", type=_positive, metavar="N", help="close the N busiest links in turn and write what each adds"
    )
    assign.add_argument("--force", action="store_true", help="replace files that are already there")
    assign.add_argument("--threads", type=_positive, metavar="N", help="threads; results do not depend on it")

    solar = command(
        "solar", "write the solar cadastre of a city: what every roof could yield, why, and which come first"
    )
    solar.add_argument(
        "source",
        metavar="SOURCE",
        help="city package or library name, CityJSON or CityGML file, or surface model (.tif)",
    )
    solar.add_argument("--out", required=True, metavar="FOLDER", help="where to write the cadastre")
    solar.add_argument("--title", help="name of the city for people (default: that of the source)")
    solar.add_argument("--weather", metavar="EPW", help="weather year (default: that of the city)")
    solar.add_argument(
        "--years", nargs="+", metavar="EPW", help="more weather years, for the mean yield and its spread"
    )
    solar.add_argument(
        "--rules", default="nrel", metavar="NAME", help="rule set: nrel, cea_800, sonnendach (default: nrel)"
    )
    solar.add_argument("--budget", type=_finite, metavar="EUR", help="stop the ranked list when this is spent")
    solar.add_argument(
        "--by", choices=("co2", "npv"), default="co2", help="rank by cost per tonne or by net present value"
    )
    solar.add_argument("--sheet", action="append", metavar="ID", help="building to explain (default: the first ten)")
    solar.add_argument("--facades", action="store_true", help="walls by orientation too")
    solar.add_argument(
        "--hourly",
        action="store_true",
        help="write every hour of every roof plane too (hourly.zarr); with --facades, of the storeys of the buildings "
        "that have a sheet",
    )
    solar.add_argument("--ground", metavar="TIF", help="terrain model below a surface model")
    solar.add_argument("--above-ground", action="store_true", help="the surface model holds heights above the ground")
    solar.add_argument("--canopy", metavar="TIF", help="heights of tree crowns above ground, beside a surface model")
    solar.add_argument("--footprints", metavar="FILE", help="outlines of buildings, beside a surface model")
    solar.add_argument("--crs", metavar="CRS", help="reference system of a 3D city file that names none")
    solar.add_argument(
        "--set", action="append", metavar="NAME=VALUE", help="a parameter, for example electricity.price_eur_kwh=0.25"
    )
    solar.add_argument(
        "--draws", type=int, default=2, metavar="N", help="times that heights are drawn anew for P90 (default: 2)"
    )
    solar.add_argument("--seed", type=int, default=1, metavar="N")
    solar.add_argument("--force", action="store_true", help="replace a cadastre that is already there")
    solar.add_argument("--threads", type=_positive, metavar="N", help="threads; results do not depend on it")

    calibrate = command(
        "calibrate", "fit the energy model to meter readings of some buildings: intervals, trust map and a page"
    )
    calibrate.add_argument("city", metavar="CITY", help="city package or library name")
    calibrate.add_argument(
        "--meters", required=True, metavar="CSV",
        help="readings: building_id, year, month (blank: the year), carrier, value, unit",
    )  # fmt: skip
    calibrate.add_argument("--out", required=True, metavar="FOLDER", help="where to write the calibration")
    calibrate.add_argument("--weather", metavar="EPW", help="weather of the readings' year (default: that of the city)")
    calibrate.add_argument("--year", type=int, metavar="YEAR", help="the year to use, when the readings are of several")
    calibrate.add_argument("--members", type=_positive, default=64, metavar="N", help="ensemble size (default: 64)")
    calibrate.add_argument(
        "--city-members", type=_positive, default=40, metavar="N",
        help="members that are run on all buildings (default: 40)",
    )  # fmt: skip
    calibrate.add_argument(
        "--set", action="append", metavar="NAME=VALUE", help="a parameter, for example energy.night_setback_k=3"
    )
    calibrate.add_argument("--seed", type=int, default=1, metavar="N")
    calibrate.add_argument("--force", action="store_true", help="replace a calibration that is already there")
    calibrate.add_argument("--threads", type=_positive, metavar="N", help="threads; results do not depend on it")

    bench = command("bench", "time the kernel variants on random inputs: units of work per second")
    bench.add_argument("family", nargs="?", metavar="FAMILY", help="kernel family, for example energy.zone_balance")
    bench.add_argument("--variants", metavar="A,B", help="variants (default: all)")
    bench.add_argument("--sizes", metavar="N,M", help="sizes (default: the family's)")
    bench.add_argument("--threads", type=_positive, metavar="N")

    schema = command("schema", "write the JSON Schema of study files")
    schema.add_argument("file", nargs="?", metavar="FILE", help="where to write (default: standard output)")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


_positive.__name__ = "positive whole number"


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


_finite.__name__ = "number"


def _city_name(text: str) -> str:
    """Return a city name: letters, digits, hyphens and underscores, so that it can name a folder and nothing else."""
    if not text or not all(c.isalnum() or c in "-_" for c in text) or len(text) > 64:
        raise ValueError(text)
    return text


_city_name.__name__ = "name of letters, digits and hyphens"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (documented in ``twin --help``)."""
    words = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in words
    try:
        return _dispatch(words)
    except TwinError as error:
        return _fail(error, as_json)
    except KeyboardInterrupt:
        print("\nstopped; run the same command again to resume", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError:
        remedy = "use a smaller city or extract, or a machine with more memory; finished blocks of a run are kept"
        return _fail(ResourceError("not enough memory", remedy=remedy), as_json)
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return _fail(
                ResourceError("the disk is full", remedy="free some space and run the same command again"), as_json
            )
        if os.environ.get("TWIN_DEBUG"):
            raise
        if isinstance(error, PATH_ERRORS) and error.filename:
            what = f"cannot be read or written: {error.strerror}"
            return _fail(UsageError(what, where=str(error.filename), remedy="check the path"), as_json)
        return _fail(
            TwinError(
                f"internal error: {type(error).__name__}: {error}",
                remedy="this is a bug, please report it; TWIN_DEBUG=1 shows where it happened",
            ),
            as_json,
        )


def _dispatch(words: list[str]) -> int:
    parser = _parser()
    known = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction)).choices
    first = next((w for w in words if not w.startswith("-")), None)
    if first is not None and first not in known:
        raise UsageError(f"unknown command {first!r}", remedy=did_you_mean(first, known))
    options = parser.parse_args(words)
    if options.command is None:
        parser.print_help()
        return 0
    from twin.cli import commands

    result = commands.COMMANDS[options.command](options)
    if options.json:
        print(json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False))
    return 0


def _fail(error: TwinError, as_json: bool) -> int:
    if as_json:
        print(json.dumps(error.as_dict(), indent=1, ensure_ascii=False))
    print(f"error: {error.message()}", file=sys.stderr)
    return error.exit_code
