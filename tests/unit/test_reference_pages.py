"""Pages made from the code equal the code; files that pages name exist."""

import re

import pytest


@pytest.mark.parametrize(
    ("page", "module"), [("kernels.md", "twin.kernels.table"), ("reference.md", "twin.scenario.reference")]
)
def test_generated_page_is_current(repo_root, page, module):
    import importlib

    made = importlib.import_module(module)
    text = (made.table if page == "kernels.md" else made.page)()
    assert (repo_root / "docs" / page).read_text(encoding="utf-8") == text, f"python -m {module} > docs/{page}"


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "docs/cli.md", "docs/studies.md", "docs/architecture.md"]
)
def test_links_lead_somewhere(repo_root, page):
    path = repo_root / page
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), target
