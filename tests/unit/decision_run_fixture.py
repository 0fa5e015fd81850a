"""A run with made-up results whose study has a canvas."""

from __future__ import annotations

from pathlib import Path

import decision_canvas_fixture as texts
import yaml
from report_fixture import FakeRun, make_run

from twin.city.model import City


def canvas_run(city: City, folder: Path, **changes: object) -> FakeRun:
    """Return the run; `changes` replace sections of the canvas, None removes one."""
    run = make_run(city, folder)
    canvas = yaml.safe_load(texts.CANVAS)
    for key, value in changes.items():
        canvas = {k: v for k, v in canvas.items() if k != key} | ({} if value is None else {key: value})
    run.info["study"] = run.info["study"] | yaml.safe_load(texts.STUDY) | {"canvas": canvas}
    return run
