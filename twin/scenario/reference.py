"""The reference page of study files, made from the code: ``python -m twin.scenario.reference``."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from twin.city.schema import LAYERS, OPTIONAL_LAYERS, Column
from twin.scenario.measures import REGISTRY
from twin.scenario.parameters import all_parameters


def page() -> str:
    """Return the Markdown page: measures, columns that selectors may use, and parameters."""
    parts = [
        "# Reference: measures, columns, parameters\n",
        "Made by `python -m twin.scenario.reference`; a test keeps this page equal to the code.\n",
        "## Measures\n",
    ]
    for name, model in REGISTRY.items():
        parts.append(f"### {name}\n\n{inspect.getdoc(model)}\n")
        keys = [(key, str(f.description or ""), _default(f)) for key, f in model.model_fields.items() if key != "type"]
        parts.append(_table(("key", "meaning", "when left out"), keys))
    parts.append("## Columns\n")
    for layer in (LAYERS | OPTIONAL_LAYERS).values():
        parts.append(f"### {layer.name} (`{layer.id_name}`)\n")
        columns = [(c.name, c.unit, c.meaning, _range(c), c.imputation) for c in layer.columns]
        parts.append(_table(("column", "unit", "meaning", "range", "filled"), columns))
    parts.append("## Parameters\n")
    heads = ("parameter", "default", "unit", "range", "meaning", "source")
    infos = all_parameters().values()
    rows = [(f"`{p.path}`", f"{p.default:g}", p.unit, f"{p.low:g} to {p.high:g}", p.meaning, p.source) for p in infos]
    parts.append(_table(heads, rows))
    return "\n".join(parts)


def _default(field: Any) -> str:
    if field.is_required():
        return "must be given"
    return "" if field.default is None else f"`{field.default}`"


def _range(column: Column) -> str:
    if column.values:
        return ", ".join(column.values)
    return "" if column.low is None or column.high is None else f"{column.low:g} to {column.high:g}"


def _table(heads: tuple[str, ...], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
