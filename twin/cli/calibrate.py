"""``twin calibrate``: fit the energy model of a city to the meters of some of its buildings."""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.cli.progress import ProgressLine
from twin.errors import StudyError, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from twin.city.model import City
    from twin.energy.calibration.posterior import Calibration
    from twin.energy.calibration.predict import Prediction
    from twin.energy.drives import SunOnBuildings
    from twin.energy.parameters import EnergyParameters
    from twin.report.calibration_page import CalibrationReport

MARKER = "summary.json"
FILES = [
    ("buildings.csv", "every building: consumption, 90 % interval, trust"),
    ("totals.csv", "the city by carrier"),
    ("held_out.csv", "every reading, predicted without it"),
    ("guideline14.csv", "NMBE and CV(RMSE) after ASHRAE Guideline 14"),
    ("factors.csv", "what the meters tell of each factor"),
    ("calibration.json", "with calibration.npz: the posterior ensemble, for studies"),
    (MARKER, "sums, checks, parameters and sources as data"),
]


def run_calibrate(options: argparse.Namespace) -> dict[str, Any]:
    """Read, calibrate, predict, check and write; return the summary.

    Raises
    ------
    UsageError
        Options that do not fit, or an output that is there already.
    TwinError
        A city, weather or meters that cannot be used.
    """
    from twin.city.meters import read_meters
    from twin.cli.commands import prepare_kernels
    from twin.energy.calibration.calibrate import calibrate
    from twin.energy.calibration.predict import LEAST_MEMBERS, predict

    begun = time.perf_counter()
    out = Path(options.out)
    _check_target(out, force=options.force)
    for name, least in (("members", LEAST_MEMBERS + 1), ("city_members", LEAST_MEMBERS)):
        if not least <= getattr(options, name) <= 1000:
            given = f"--{name.replace('_', '-')} {getattr(options, name)}"
            raise UsageError(f"{given} is out of range", expected=f"{least} to 1000")
    parameters = _parameters(options.set or ())
    with ProgressLine("city", options.json) as say:
        city = _city(options, say)
        meters = read_meters(options.meters, city, year=options.year)
    prepare_kernels(options.threads, options.json, ("solar", "energy"))
    with ProgressLine("calibrate", options.json) as say:
        say("sun on walls and roofs")
        sun = _sun(city)
        found = calibrate(
            city, city.weather, sun, meters, parameters, members=options.members, seed=options.seed, progress=say
        )
        prediction = predict(found, city, city.weather, sun, parameters, members=options.city_members, progress=say)
        say("checking and writing")
        report = _report(options, city, found, prediction, parameters, meters.path)
        result = _summary(report, time.perf_counter() - begun)
        _write(out, report, result)
    if not options.json:
        _print(result, out)
    return result


def _check_target(folder: Path, *, force: bool) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not force:
        raise UsageError("there is something already", where=str(folder), remedy="choose another --out, or --force")
    if not (folder / MARKER).is_file() or not (folder / "calibration.json").is_file():
        raise UsageError(
            "the folder holds other files", where=str(folder),
            remedy="name a new folder, or one of an earlier calibration",
        )  # fmt: skip


def _parameters(settings: list[str] | tuple[()]) -> EnergyParameters:
    from twin.energy.parameters import EnergyParameters
    from twin.parameters import with_values

    parameters = EnergyParameters()
    for text in settings:
        path, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set {text!r} names no parameter", expected="for example energy.night_setback_k=3")
        try:
            parameters = with_values("energy", parameters, {path: float(value)})
        except ValueError:
            raise UsageError(f"--set {text!r} is no number", expected="a number after =") from None
        except StudyError as error:
            raise UsageError(error.what, expected=error.expected, remedy=error.remedy) from None
    return parameters


def _city(options: argparse.Namespace, say: ProgressLine) -> City:
    from twin.city.epw import check_weather_location, read_epw
    from twin.city.library import find_city

    city = find_city(options.city, progress=lambda text, *_: say(text))
    if options.weather:
        weather = read_epw(options.weather)
        check_weather_location(weather, city.meta.latitude, city.meta.longitude)
        city = city.replace(weather=weather)
    return city


def _sun(city: City) -> SunOnBuildings:
    from twin.energy.drives import SunOnBuildings
    from twin.solar.model import facade_gains, prepare_roofs
    from twin.solar.parameters import SolarParameters

    roofs = prepare_roofs(city)
    return SunOnBuildings(**vars(facade_gains(city, city.weather, SolarParameters(), roofs)))


def _report(
    options: argparse.Namespace,
    city: City,
    found: Calibration,
    prediction: Prediction,
    parameters: EnergyParameters,
    meters_path: str,
) -> CalibrationReport:
    from twin.energy.calibration import quality
    from twin.energy.calibration.calibrate import STEPS
    from twin.parameters import describe
    from twin.report.calibration_page import CalibrationReport

    rows = [
        {"path": info.path, "shown": f"{value:g}", "value": value, "unit": info.unit, "meaning": info.meaning,
         "source": info.source}
        for info in describe("energy", type(parameters))
        for value in [getattr(parameters, info.path.partition(".")[2])]
    ]  # fmt: skip
    notes = [
        f"Readings of {found.year} from {Path(meters_path).name} are compared with the weather “{city.weather.title}”. "
        "If that is not the weather of the year, scale the heat readings to it first, or name it with --weather.",
        f"Method: ensemble smoother with multiple data assimilation (Emerick and Reynolds 2013), {found.members} "
        f"members, {STEPS} assimilations, {found.runs} runs of the metered buildings. The factors of a group are those "
        "of the city, its use, its year class and the group itself; scatter between buildings is estimated and "
        "integrated out.",
        "Held-out meters are predicted by the last linearisation solved anew without them; the size of the scatter has "
        "seen all of them.",
        "A building whose meter is known to be wrong, vacant or shared with others belongs out of the readings: it "
        "would widen every interval.",
    ]
    if options.city_members < found.members:
        notes.append(f"Intervals of buildings and of the city come from {options.city_members} of the members.")
    return CalibrationReport(
        city=city,
        calibration=found,
        prediction=prediction,
        held_out=quality.held_out(found),
        guideline_14=quality.guideline_14(found),
        identified=quality.identified(found),
        parameters=rows,
        notes=notes,
        files=FILES,
    )


def _summary(report: CalibrationReport, seconds: float) -> dict[str, Any]:
    covered = report.held_out.groupby("quantity")["covered"].mean()
    return {
        "title": report.city.meta.title,
        "year": report.calibration.year,
        "metered_buildings": len(report.calibration.metered.ids),
        "buildings": len(report.city.buildings),
        "members": report.calibration.members,
        "runs": report.calibration.runs,
        "totals": _records(report.prediction.totals.reset_index()),
        "held_out_coverage": {str(k): float(v) for k, v in covered.items()},
        "guideline_14": _records(report.guideline_14),
        "factors": _records(report.identified.reset_index()),
        "scatter": {"heat": report.calibration.scatter[0, 0], "use": report.calibration.scatter[0, 1]},
        "parameters": {row["path"]: row["value"] for row in report.parameters},
        "sources": [dataclasses.asdict(s) for s in report.city.meta.sources],
        "notes": report.notes,
        "seconds": seconds,
    }


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as plain data; what is not finite becomes None."""
    return [
        {str(k): None if isinstance(v, float) and not np.isfinite(v) else v for k, v in row.items()}
        for row in table.to_dict("records")
    ]


def _write(out: Path, report: CalibrationReport, result: dict[str, Any]) -> None:
    from twin.energy.calibration.store import save_calibration
    from twin.report.calibration_page import render_calibration
    from twin.scenario import files

    tables = {
        "buildings.csv": report.prediction.buildings.reset_index(),
        "totals.csv": report.prediction.totals.reset_index(),
        "held_out.csv": report.held_out,
        "guideline14.csv": report.guideline_14,
        "factors.csv": report.identified.reset_index(),
    }

    def write(folder: Path) -> None:
        folder.mkdir(parents=True)
        save_calibration(report.calibration, folder)
        for name, table in tables.items():
            table.to_csv(folder / name, index=False, lineterminator="\n", float_format="%.6g")
        files.write_json(folder / MARKER, {k: v for k, v in result.items() if k != "seconds"})
        files.write_text(folder / "index.html", render_calibration(report))

    files.replace_folder(out, write)


def _print(result: dict[str, Any], out: Path) -> None:
    print(
        f"{result['title']}: {result['metered_buildings']} of {result['buildings']} buildings metered in "
        f"{result['year']}, {result['runs']} runs"
    )
    for row in result["totals"]:
        if row["mean_kwh"] > 0.0:
            print(
                f"  {row['carrier']:17s} {row['mean_kwh'] / 1e6:9.2f} GWh/a, 90 % {row['low_kwh'] / 1e6:.2f} to "
                f"{row['high_kwh'] / 1e6:.2f}; uncalibrated {row['uncalibrated_kwh'] / 1e6:.2f}"
            )
    for quantity, share in result["held_out_coverage"].items():
        print(f"  {quantity}: {100 * share:.0f} % of held-out readings in their 90 % interval")
    print(f"{out / 'index.html'}\ntook {result['seconds']:.1f} s")
