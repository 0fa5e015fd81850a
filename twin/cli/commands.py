"""The commands: each takes the parsed options, prints for people unless ``--json``, and returns plain data."""

from __future__ import annotations

import argparse
import os
import shutil
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin.cli.progress import ProgressLine
from twin.errors import DataError, StudyError, UsageError, did_you_mean

if TYPE_CHECKING:
    from twin.city.model import City
    from twin.scenario.runner import Plan
    from twin.scenario.store import Run
    from twin.scenario.study import Study

Result = dict[str, Any]
DEMO_STUDY = "helsinki-centre-demo"


def find_study(name_or_path: str) -> Path:
    """Return the path of a study: a file, or the name of one in the library.

    Raises
    ------
    StudyError
        There is neither.
    """
    from twin.city.library import library_root

    path = Path(name_or_path)
    if path.suffix or os.path.lexists(path):  # unlike Path.exists, false for a name too long for any file
        return path
    known = {p.stem: p for p in (library_root() / "scenarios").glob("*.yaml")}
    if name_or_path in known:
        return known[name_or_path]
    raise StudyError(
        f"no study {name_or_path[:100]!r}: neither a file nor in the library",
        remedy=did_you_mean(name_or_path[:100], known),
    )


def _load(name_or_path: str, quiet: bool) -> tuple[Study, City]:
    from twin.city.library import find_city
    from twin.decision.canvas_file import check_canvas
    from twin.scenario.study import load_study

    path = find_study(name_or_path)
    study = load_study(path)
    check_canvas(study)
    _check_targets(study)
    with ProgressLine("city", quiet) as progress:
        try:
            city = find_city(study.city, base=path.parent, progress=lambda text, *_: progress(text))
        except DataError as error:
            if error.where or error.problems:
                raise
            raise StudyError(error.what, where=study.at("city"), remedy=error.remedy) from error  # no such city
    return study, city


def _check_targets(study: Study) -> None:
    """Raise `StudyError` when a target names no KPI."""
    from twin.decision.kpis import find_kpi
    from twin.errors import TwinError

    for i, target in enumerate(study.targets):
        try:
            find_kpi(target.kpi)
        except TwinError as error:
            raise StudyError(error.what, where=study.at("targets", i, "kpi"), remedy=error.remedy) from None


def demo(options: argparse.Namespace) -> Result:
    """Run the demonstration study."""
    options.study = DEMO_STUDY
    return run(options)


def check(options: argparse.Namespace) -> Result:
    """Check a study without simulating anything."""
    from twin.cli.decision import check_pilot, known_incomes
    from twin.scenario.runner import forecast, plan_run

    study, city = _load(options.study, options.json)
    check_pilot(study, city)
    known_incomes(study, city)
    plan = plan_run(study, city)
    needs = forecast(plan)
    changes = {name: [change.summary for change in applied.changes] for name, applied in plan.scenarios.items()}
    if not options.json:
        many = f"{len(study.scenarios)} scenario{'s' if len(study.scenarios) != 1 else ''}"
        print(f"{study.study}: {many} on {city.meta.title}, {plan.draws or 'no'} uncertainty draws")
        for name, lines in changes.items():
            print(f"  {name}: " + ("; ".join(lines) or "no measures"))
        print(
            f"a run needs about {needs['memory_mb']:.0f} MB of memory and {needs['disk_mb']:.0f} MB of disk "
            f"for {needs['blocks']:.0f} blocks"
        )
    return {"study": study.study, "valid": True, "changes": changes, "forecast": needs, "run": plan.folder_name}


def run(options: argparse.Namespace) -> Result:
    """Simulate a study, compare, and write the report."""
    from twin.cli.decision import check_pilot, known_incomes, write_decision
    from twin.decision.compare import write_kpis
    from twin.report.html import write_report
    from twin.scenario.runner import plan_run, run_study

    begun = time.perf_counter()
    study, city = _load(options.study, options.json)
    check_pilot(study, city)
    incomes = known_incomes(study, city)
    plan = plan_run(study, city)
    runs = Path(options.runs)
    compiled = 0.0
    if not (runs / plan.folder_name / "run.json").is_file():
        _check_disk(plan, runs)
        compiled = prepare_kernels(options.threads, options.json)
    with ProgressLine("simulating", options.json) as progress:
        finished = run_study(plan, runs, progress)
    if not (finished.path / "kpis.parquet").is_file() or not (finished.path / "kpis.csv").is_file():
        write_kpis(finished)
    with ProgressLine("report", options.json) as progress:
        progress("drawing maps and charts")
        report_path = write_report(finished)
        pages = write_decision(finished, incomes, progress)
    result = _compare(finished, options.json)
    seconds = time.perf_counter() - begun
    if not options.json:
        for source in finished.info["sources"]:
            print(f"data: {source['attribution']} ({source['licence']})")
        print(f"\nreport: {report_path}")
        for page in pages:
            print(f"{page.stem}: {page}")
        print(f"took {seconds:.1f} s, of which {compiled:.1f} s compiling or loading kernels")
    result |= {"report": str(report_path), "pages": [str(page) for page in pages]}
    return result | {"seconds": seconds, "compile_seconds": compiled}


def prepare_kernels(threads: int | None, quiet: bool, domains: Collection[str] = ()) -> float:
    """Compile or load the fast kernels (of some domains), announced; return the seconds it took."""
    from twin.kernels.compile import OUTSIDE_RUNS, compile_kernels

    begun = time.perf_counter()
    _set_threads(threads)
    with ProgressLine("kernels (compiled once, a minute or two the first time)", quiet) as progress:
        done = compile_kernels(progress=progress, domains=domains, leave_out=OUTSIDE_RUNS)
    seconds = time.perf_counter() - begun
    fresh = [kernel for kernel in done if not kernel.from_cache]
    if not quiet:
        import sys

        what = f"{len(fresh)} compiled, {len(done) - len(fresh)} from the cache"
        print(f"kernels ready in {seconds:.1f} s: {what}", file=sys.stderr)
    return seconds


def _set_threads(threads: int | None) -> None:
    if threads is None:
        return
    import numba

    limit = int(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    if threads > limit:
        raise UsageError(f"--threads {threads} is more than this machine offers", expected=f"1 to {limit}")
    numba.set_num_threads(threads)


def _check_disk(plan: Plan, runs: Path) -> None:
    from twin.errors import ResourceError
    from twin.scenario.runner import forecast

    runs.mkdir(parents=True, exist_ok=True)
    need, free = forecast(plan)["disk_mb"], shutil.disk_usage(runs).free / 1e6
    if need > free:
        raise ResourceError(
            f"the run may need {need:.0f} MB and the disk has {free:.0f} MB free",
            where=str(runs),
            remedy="free some space, choose another folder with --runs, or use fewer scenarios",
        )


def _compare(finished: Run, as_json: bool) -> Result:
    import sys

    from rich.console import Console

    from twin.report.table import as_data, print_table

    if not as_json:
        print_table(finished, Console(width=None if sys.stdout.isatty() else 120))
    return as_data(finished)


def compare(options: argparse.Namespace) -> Result:
    """Print the KPI table of a run."""
    from twin.scenario.store import Run

    return _compare(Run.open(options.run), options.json)


def report(options: argparse.Namespace) -> Result:
    """Write the report of a run."""
    from twin.report.html import write_report
    from twin.scenario.store import Run

    path = write_report(Run.open(options.run))
    if not options.json:
        print(path)
    return {"report": str(path)}


def canvas(options: argparse.Namespace) -> Result:
    """Show the canvas of a study or a run."""
    from twin.cli.canvas import run_canvas

    return run_canvas(options)


def sheet(options: argparse.Namespace) -> Result:
    """Write one page on what a run means for one building."""
    from twin.cli.sheet import run_sheet

    return run_sheet(options)


def sensitivity(options: argparse.Namespace) -> Result:
    """Rank the uncertain parameters of a study."""
    from twin.cli.sensitivity import run_sensitivity

    return run_sensitivity(options)


def evaluate(options: argparse.Namespace) -> Result:
    """Hold a study against observations."""
    from twin.cli.evaluate import run_evaluate

    return run_evaluate(options)


def export(options: argparse.Namespace) -> Result:
    """Export a run for GIS."""
    from twin.report.export import export_run
    from twin.scenario.store import Run

    finished = Run.open(options.run)
    paths = export_run(finished, Path(options.output) if options.output else finished.path / "export")
    if not options.json:
        print("\n".join(map(str, paths)))
    return {"files": [str(path) for path in paths]}


def _save(city: City, options: argparse.Namespace, default: str) -> Result:
    from twin.city.package import save_city
    from twin.city.resolution import resolution_score

    folder = Path(options.output or default)
    save_city(city, folder)
    names = ("buildings", "roof_planes", "trees", "links", "nodes", "zones", "charging_sites")
    sizes = {name: len(getattr(city, name)) for name in names if getattr(city, name) is not None}
    score = float(resolution_score(city).attrs["score"])
    if not options.json:
        print(f"{folder}: " + ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sizes.items()))
        print(f"resolution score {score:.2f} (0 = all imputed, 1 = all measured); crs {city.meta.crs}")
        for line in city.meta.repairs:
            print(f"  note: {line}")
    return {"package": str(folder), "crs": city.meta.crs, "resolution": score, "repairs": list(city.meta.repairs)} | {
        "size": sizes
    }


def _existing_target(options: argparse.Namespace, default: str) -> None:
    folder = Path(options.output or default)
    if folder.exists() and not options.force:
        raise UsageError("there is something already", where=str(folder), remedy="choose another --output, or --force")


def import_(options: argparse.Namespace) -> Result:
    """Import a city."""
    from twin.city.importing import import_city

    default = f"geodata/{options.name}"
    _existing_target(options, default)
    with ProgressLine("import", options.json) as progress:
        city = import_city(
            options.file,
            options.name,
            title=options.title,
            country=options.country,
            utc_offset_h=options.utc_offset,
            weather=options.weather,
            roads=options.roads,
            mapping=options.mapping,
            crs=options.crs,
            zone_cell_m=options.zone_size,
            archetypes=options.archetypes,
            electricity=options.electricity,
            climate_change=options.climate_change,
            progress=lambda text, *_: progress(text),
        )
    return _save(city, options, default)


def generate(options: argparse.Namespace) -> Result:
    """Generate a synthetic city."""
    from twin.city.synthetic import generate_city

    _existing_target(options, options.output)
    return _save(generate_city(options.buildings, seed=options.seed, layout=options.layout), options, options.output)


def assign(options: argparse.Namespace) -> Result:
    """Solve the user equilibrium of a network."""
    from twin.cli.assign import run_assign

    _set_threads(options.threads)
    return run_assign(options)


def solar(options: argparse.Namespace) -> Result:
    """Write the solar cadastre of a city."""
    from twin.cli.solar import run_solar

    return run_solar(options)


def calibrate(options: argparse.Namespace) -> Result:
    """Fit the energy model to meters."""
    from twin.cli.calibrate import run_calibrate

    return run_calibrate(options)


def bench(options: argparse.Namespace) -> Result:
    """Time kernel variants."""
    from twin.cli.bench import run_bench

    _set_threads(options.threads)
    return run_bench(options.family, options.variants, options.sizes, quiet=options.json)


def schema(options: argparse.Namespace) -> Result:
    """Write the JSON Schema of study files."""
    import json

    from twin.scenario.study import study_schema, write_schema

    if options.file:
        write_schema(Path(options.file))
    elif not options.json:
        print(json.dumps(study_schema(), indent=1))
    return study_schema()


COMMANDS: dict[str, Callable[[argparse.Namespace], Result]] = {
    "demo": demo,
    "check": check,
    "run": run,
    "compare": compare,
    "report": report,
    "export": export,
    "canvas": canvas,
    "evaluate": evaluate,
    "sheet": sheet,
    "sensitivity": sensitivity,
    "import": import_,
    "generate": generate,
    "assign": assign,
    "solar": solar,
    "calibrate": calibrate,
    "bench": bench,
    "schema": schema,
}
