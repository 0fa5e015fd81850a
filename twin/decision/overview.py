"""The whole canvas, alone or beside a run, in one object that pages and the command line read."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from twin.decision.actors import ActorRoles, actor_roles
from twin.decision.canvas import Canvas
from twin.decision.claims import evidence_sentence, judge, judge_parts, share_without_evidence
from twin.decision.compare import compare
from twin.decision.completeness import BlockState, completeness, computed_entries
from twin.decision.tasks import schedule

if TYPE_CHECKING:
    from twin.scenario.store import Run


@dataclass(frozen=True)
class Overview:
    """A canvas with all that is known of it; `parts` and `computed` are empty without a run."""

    canvas: Canvas
    states: list[BlockState]
    claims: pd.DataFrame
    parts: pd.DataFrame
    computed: pd.DataFrame
    actors: list[ActorRoles]
    schedule: pd.DataFrame

    def as_data(self) -> dict[str, Any]:
        """Return plain data for JSON: the share of claims without evidence first, empty values as None."""
        none, count, share = share_without_evidence(self.claims)
        return {
            "evidence": {
                "sentence": evidence_sentence(self.claims), "claims": count, "without_evidence": none,
                "share_without_evidence": None if math.isnan(share) else share,
            },
            "blocks": [
                {
                    **asdict(state.block), "origin": state.origin, "entries": list(state.entries),
                    "computed": state.computed, "missing": list(state.missing), "flags": list(state.flags),
                }
                for state in self.states
            ],
            "claims": _records(self.claims),
            "answers": _records(self.parts),
            "computed": _records(self.computed),
            "actors": [asdict(actor) for actor in self.actors],
            "schedule": _records(self.schedule),
        }  # fmt: skip


def overview(canvas: Canvas, run: Run | None = None, table: pd.DataFrame | None = None) -> Overview:
    """Return the overview of a canvas; with a run, its claims are judged and blocks filled by it.

    `table` is that of `twin.decision.compare.compare`, where it is at hand.
    """
    actors, plan = actor_roles(canvas), schedule(canvas)
    if run is None:
        claims = judge(canvas)
        return Overview(canvas, completeness(canvas, claims), claims, pd.DataFrame(), pd.DataFrame(), actors, plan)
    table = compare(run) if table is None else table
    parts = judge_parts(canvas, table, run.draws())
    claims = judge(canvas, parts, list(run.info["scenarios"]))
    computed = computed_entries(table, run.info.get("changes"))
    return Overview(canvas, completeness(canvas, claims, computed), claims, parts, computed, actors, plan)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(key): None if pd.isna(value) else value for key, value in row.items()} for row in table.to_dict("records")
    ]
