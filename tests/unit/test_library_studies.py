"""The studies that come with the program: each loads, can tell an effect from noise, and is in the README."""

from __future__ import annotations

from pathlib import Path

import pytest

from twin.decision.compare import MINIMUM_DRAWS
from twin.decision.kpis import find_kpi
from twin.scenario.study import load_study

ROOT = Path(__file__).resolve().parents[2]
STUDIES = sorted((ROOT / "scenarios").glob("*.yaml"))


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_a_library_study_gives_verdicts(path: Path) -> None:
    study = load_study(path)
    assert study.study == path.stem
    assert study.uncertainty.draws >= MINIMUM_DRAWS
    assert study.uncertainty.parameters
    for target in study.targets:
        find_kpi(target.kpi)


def test_the_readme_lists_every_library_study() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = {line.split("`")[1] for line in text.splitlines() if line.startswith("| `")}
    assert listed == {path.stem for path in STUDIES}


def test_the_study_of_the_readme_loads(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    example = text.split("```yaml\n", 1)[1].split("```", 1)[0]
    (tmp_path / "my-street.yaml").write_text(example, encoding="utf-8")
    assert set(load_study(tmp_path / "my-street.yaml").scenarios) == {"street", "street-and-roofs"}
