"""The fixture by which a validation test records what it compares with which truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.figures import Recorder

NEEDS = "(needs ../shared)"
"""Mark of the rows whose tests read public data that are not part of the project, and skip without them."""


@pytest.fixture
def figure(request: pytest.FixtureRequest, repo_root: Path) -> Iterator[Recorder]:
    """Record figures; each must stand in docs/validation.md under the same name."""
    recorder = Recorder(request.node.user_properties)
    yield recorder
    page = (repo_root / "docs" / "validation.md").read_text(encoding="utf-8").splitlines()
    cells = (line.removeprefix("| ").split(" | ")[0].strip() for line in page if line.startswith("| "))
    rows = {cell.removesuffix(NEEDS).strip() for cell in cells}
    missing = sorted(recorder.names - rows)
    assert not missing, f"docs/validation.md lacks {missing}"
