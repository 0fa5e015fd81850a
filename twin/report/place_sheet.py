"""One page for one building: what each scenario means here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from twin.decision.compare import BETTER, NO_CHANGE, NOT_DISTINGUISHABLE, WORSE
from twin.decision.figures import Figures
from twin.decision.place import Place, place_figures, place_of
from twin.report.formats import DIRECTION
from twin.report.layers import building_names
from twin.report.templating import environment
from twin.report.traced import Traced, stated
from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    from twin.scenario.store import Run

_WORDS = {BETTER: "better", WORSE: "worse", NOT_DISTINGUISHABLE: "cannot be told from noise"}
_MARKS = {BETTER: "▲", WORSE: "▼", NOT_DISTINGUISHABLE: "≈"}


def render_place(run: Run, building_id: str) -> str:
    """Return the sheet of a building as HTML.

    Raises
    ------
    DataError
        No scenario of the run has the building.
    """
    place, labels = place_of(run, building_id), dict(run.info["labels"])
    traced = Traced(Figures(place_figures(place, labels)))
    home = BASELINE if building_id in run.layer(BASELINE, "buildings").index else place.new[0]
    name = building_names(run.layer(home, "buildings").loc[[building_id]], run.layer(home, "links"))[building_id]
    return (
        environment()
        .get_template("place.html.j2")
        .render(
            heading=place.name or name,
            building_id=building_id,
            use=place.use,
            city=run.info["city"]["title"],
            question=run.info["question"],
            zone=place.zone_id,
            scenarios=[
                _section(place, traced, s, labels) for s in run.info["scenarios"] if s in set(place.results["scenario"])
            ],
            gone=[labels[s] for s in place.gone],
            new=[labels[s] for s in place.new],
            draws=run.info["draws"],
            marks=[(_MARKS[key], words) for key, words in _WORDS.items()],
        )
    )


def _section(place: Place, traced: Traced, scenario: str, labels: Mapping[str, str]) -> dict[str, Any]:
    rows = place.results[place.results["scenario"] == scenario].to_dict("records")
    counts = {outcome: sum(row["outcome"] == outcome for row in rows) for outcome in _WORDS}
    return {
        "label": labels[scenario],
        "lead": _lead(counts),
        "done": list(_done(place, traced, scenario)),
        "rows": [
            {
                "label": row["label"],
                "direction": DIRECTION[row["better"]],
                "before": traced.html(f"place/{scenario}/{row['column']}/baseline"),
                "after": traced.html(f"place/{scenario}/{row['column']}/value"),
                "difference": traced.html(f"place/{scenario}/{row['column']}/difference"),
                "words": _WORDS[row["outcome"]],
                "mark": _MARKS[row["outcome"]],
            }
            for row in rows
            if row["outcome"] != NO_CHANGE
        ],
        "same": [row["label"] for row in rows if row["outcome"] == NO_CHANGE],
    }


def _lead(counts: Mapping[str, int]) -> str:
    """Return in words what the rows add up to."""
    better, worse = counts[BETTER], counts[WORSE]
    if not better and not worse:
        return "Nothing changes here that can be told from noise."
    if better and worse:
        return "Some things get better here and some get worse."
    return "Things get better here." if better else "Things get worse here."


def _done(place: Place, traced: Traced, scenario: str) -> Iterator[Markup]:
    """Yield what measures do to the building itself."""
    for row in place.done[place.done["scenario"] == scenario].to_dict("records"):
        parts = []
        for part in ("before", "after"):
            ref = f"place/{scenario}/{row['column']}/{part}"
            parts.append(traced.html(ref) if ref in traced.figures else stated(_plain(row[part])))
        meaning = re.split("[,;]", str(row["meaning"]))[0]  # the rest says how the column is written
        yield Markup("{}: {} → {}").format(meaning[:1].upper() + meaning[1:], *parts)


def _plain(value: object) -> str:
    """Return what a column of the city model holds, as people write it."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    parts = (part.replace(":", " ").replace("_", " ") for part in str(value).split())
    return (", " if ":" in str(value) else " ").join(parts) or "none"
