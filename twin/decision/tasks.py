"""When the key activities of a canvas are done, and benefits may start."""

from __future__ import annotations

import pandas as pd

from twin.decision import staging
from twin.decision.canvas import Canvas

MONTHS = 12.0


def schedule(canvas: Canvas) -> pd.DataFrame:
    """Return when each key activity starts and ends, in months from the decision.

    Returns
    -------
    DataFrame
        place, id, text, months, start, end, critical, in the order of the file. A task without a duration counts as
        none, its `months` are NaN: the end of all is then a lower bound.
    """
    tasks = canvas.key_activities
    names = [task.id or f"#{place}" for place, task in enumerate(tasks)]  # an id holds no "#"
    pieces = [
        staging.Task(name, (task.months or 0.0) / MONTHS, tuple(task.after))
        for name, task in zip(names, tasks, strict=True)
    ]
    plan = staging.schedule(pieces, 0.0)
    return pd.DataFrame(
        {
            "place": range(len(tasks)),
            "id": [task.id or "" for task in tasks],
            "text": [task.text for task in tasks],
            "months": pd.Series([task.months for task in tasks], dtype="float64"),
            "start": MONTHS * plan["start"].to_numpy(),
            "end": MONTHS * plan["end"].to_numpy(),
            "critical": plan["critical"].to_numpy(),
        }
    )


def months_to_benefit(canvas: Canvas) -> float | None:
    """Return the months until all key activities are done, None where none has a duration."""
    plan = schedule(canvas)
    return float(plan["end"].max()) if plan["months"].notna().any() else None
