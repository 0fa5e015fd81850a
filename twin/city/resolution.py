"""The resolution score: how far the city's data may be believed, from the origin flags alone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from twin.city.model import City
from twin.city.schema import DERIVED, LAYERS, MEASURED

QUALITY = {MEASURED: 1.0, DERIVED: 0.7}
QUALITY_IMPUTED = 0.3
"""Worth of a value by origin. Assumption: a rule is worth less than half of a measurement."""


def resolution_score(city: City) -> pd.DataFrame:
    """Return how well each column and layer is informed.

    For a column, *quantity* is the share of values from a source (measured or derived), *quality* the mean worth of
    all values (measured 1, derived 0.7, imputed 0.3), *depth* 1 when at least half of the values are from a source,
    else 0, and *score* the mean of quantity and quality. For a layer (column ``""``), quantity and quality are means
    over its columns, depth is the share of its columns that are truly informed, and the score is the mean of the
    three. ``attrs["score"]`` (0 … 1) is the mean of the layers' scores; layers without rows or flags do not count.

    Returns
    -------
    DataFrame
        Columns layer, column, quantity, quality, depth, score.
    """
    rows: list[dict[str, object]] = []
    totals: list[float] = []
    for name, layer in LAYERS.items():
        frame = getattr(city, name)
        flagged = [column.name for column in layer.columns if column.has_origin]
        if not flagged or len(frame) == 0:
            continue
        columns = np.array([_column(frame[f"{column}_origin"]) for column in flagged])
        means = columns.mean(axis=0)
        total = float(means.mean())
        totals.append(total)
        rows.append(_row(name, "", means, total))
        rows += [
            _row(name, column, values, float(values[:2].mean()))
            for column, values in zip(flagged, columns, strict=True)
        ]
    table = pd.DataFrame(rows, columns=["layer", "column", "quantity", "quality", "depth", "score"])
    table.attrs["score"] = float(np.mean(totals)) if totals else 0.0
    return table


def _column(origin: pd.Series) -> list[float]:
    counts = origin.value_counts(normalize=True)
    sourced = float(sum(share for word, share in counts.items() if word in QUALITY))
    quality = float(sum(share * QUALITY.get(str(word), QUALITY_IMPUTED) for word, share in counts.items()))
    return [sourced, quality, float(sourced >= 0.5)]


def _row(layer: str, column: str, values: np.ndarray, score: float) -> dict[str, object]:
    quantity, quality, depth = (float(v) for v in values)
    return {
        "layer": layer,
        "column": column,
        "quantity": quantity,
        "quality": quality,
        "depth": depth,
        "score": score,
    }
