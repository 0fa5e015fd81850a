"""``twin sheet``: one page for one building, what each scenario of a run means there."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def run_sheet(options: argparse.Namespace) -> dict[str, Any]:
    """Write the sheet of the building at a place: its id, its name or address, or longitude,latitude."""
    from twin.decision.place import find_building, place_of
    from twin.report.place_sheet import render_place
    from twin.scenario import files
    from twin.scenario.store import Run

    run = Run.open(options.run)
    building = find_building(run, options.place)
    path = Path(options.out) if options.out else run.path / "sheets" / f"{_file_name(building)}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_text(path, render_place(run, building))
    if not options.json:
        print(f"{building}: {path}")
    place = place_of(run, building)
    results = place.results.astype(object).where(place.results.notna(), None).to_dict("records")
    return {"run": str(run.path), "building": building, "name": place.name, "sheet": str(path), "results": results}


def _file_name(building: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in building)
