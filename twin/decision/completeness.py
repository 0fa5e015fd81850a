"""How complete a canvas is: what is filled and by whom, what is missing, and what should worry the council."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd

from twin.decision import compare
from twin.decision.canvas import BLOCKS, Block, Canvas
from twin.decision.claims import NOT_SUPPORTED, evidence_sentence, judge, share_without_evidence
from twin.decision.tasks import months_to_benefit
from twin.scenario.store import BASELINE

EMPTY, STATED, COMPUTED, BOTH = "empty", "stated", "computed", "computed and stated"
_GAP_TOLERANCE = 0.01

_COSTS = ("investment_eur", "public_investment_eur")
_REVENUES = ("toll_revenue_eur_a", "energy_cost_eur_a")
_ENVIRONMENT = (
    "total_co2_t_a", "building_co2_t_a", "traffic_co2_t_a", "traffic_nox_kg_a", "traffic_pm25_kg_a", "vehicle_km_day",
    "heating_kwh_a", "cooling_kwh_a", "pv_kwh_a", "import_kwh_a", "neighbour_pv_loss_kwh_a",
)  # fmt: skip
_SOCIAL = (
    "delay_veh_h_day", "mean_car_trip_time_min", "jobs_30min", "consumer_surplus_eur_a", "nox_exposure",
    "people_lden_55", "people_lnight_50", "highly_annoyed", "injuries_a", "overheating_h", "neighbours_affected",
    "charging_mean_wait_min", "charging_turned_away_day",
)  # fmt: skip
COMPUTED_COLUMNS = ["block", "scenario", "kpi", "label", "difference", "unit", "low", "high", "verdict"]


@dataclass(frozen=True)
class BlockState:
    """A block: what it says, how much of it the run computed, what is missing, and what is wrong with it."""

    block: Block
    entries: tuple[str, ...]
    computed: int
    missing: tuple[str, ...]
    flags: tuple[str, ...]

    @property
    def origin(self) -> str:
        """Whether the block is empty, stated, computed, or both."""
        if self.entries:
            return BOTH if self.computed else STATED
        return COMPUTED if self.computed else EMPTY


def computed_entries(table: pd.DataFrame, changes: dict[str, list[dict[str, object]]] | None = None) -> pd.DataFrame:
    """Return what a run fills into the blocks by itself.

    Environmental and social KPIs go to costs and risks where they get worse beyond noise and to benefits where they
    get better; what cannot be told from noise goes nowhere. Costs, revenue and measures go to theirs.

    Parameters
    ----------
    table : DataFrame
        As `twin.decision.compare.compare` returns it.
    changes : dict, optional
        ``run.info["changes"]``: what the measures of each scenario do.

    Returns
    -------
    DataFrame
        `COMPUTED_COLUMNS`; rows of deployment have the summary of a measure as label and no KPI.
    """
    rows = table[table["scenario"] != BASELINE].copy()
    rows["block"] = [_block_of(*pair) for pair in zip(rows["kpi"], rows["verdict"], strict=True)]
    found = rows.loc[rows["block"] != "", COMPUTED_COLUMNS]
    done = [
        {"block": "deployment", "scenario": scenario, "kpi": "", "label": str(change["summary"])}
        for scenario, several in (changes or {}).items()
        for change in several
    ]
    if not done:
        return found.reset_index(drop=True)
    return pd.concat([pd.DataFrame(done, columns=COMPUTED_COLUMNS), found], ignore_index=True)


def _block_of(kpi: str, verdict: str) -> str:
    """Return the block that a difference of a KPI belongs to; none where it cannot be told from noise."""
    if verdict not in (compare.BETTER, compare.WORSE, compare.CHANGED):
        return ""
    if kpi in _COSTS or kpi in _REVENUES:
        return "budget_costs" if kpi in _COSTS else "revenue_streams"
    gets_better = verdict == compare.BETTER
    if kpi in _ENVIRONMENT:
        return "environmental_benefits" if gets_better else "environmental_costs"
    if kpi in _SOCIAL:
        return "social_benefits" if gets_better else "social_risks"
    return ""


def completeness(
    canvas: Canvas, judged: pd.DataFrame | None = None, computed: pd.DataFrame | None = None
) -> list[BlockState]:
    """Return the state of all fourteen blocks, in order.

    Parameters
    ----------
    canvas : Canvas
    judged : DataFrame, optional
        The claims as a run judged them (`twin.decision.claims.judge`); without it, as their author states them.
    computed : DataFrame, optional
        What a run fills in (`computed_entries`), with the block in column ``block``.
    """
    claims = judge(canvas) if judged is None else judged
    counts = {} if computed is None else computed["block"].value_counts().to_dict()
    return [
        BlockState(
            block,
            tuple(entry.text for entry in canvas.entries(block.key)),
            int(counts.get(block.key, 0)),
            tuple(_missing(canvas, block, bool(counts.get(block.key)))),
            tuple(_FLAGS[block.key](canvas, claims) if block.key in _FLAGS else ()),
        )
        for block in BLOCKS
    ]


def _missing(canvas: Canvas, block: Block, computed: bool) -> Iterator[str]:
    """Yield what a block lacks."""
    entries = canvas.entries(block.key)
    if not entries:
        if not computed:
            yield "nothing is stated"
    elif block.key in _MISSING:
        yield from _MISSING[block.key](canvas)
    elif block.line:
        yield from _count(entries, lambda entry: not entry.kpis, "is not bound to a KPI", "are not bound to a KPI")


def _count(entries: list, lacks: Callable[..., bool], one: str, several: str) -> Iterator[str]:
    number = sum(map(lacks, entries))
    if number:
        yield f"{number} of {len(entries)} entries {one if number == 1 else several}"


def _of_mission(canvas: Canvas) -> Iterator[str]:
    goal = canvas.mission
    if goal is None or goal.kpi is None:
        yield "no headline KPI"
    elif goal.at_most is None and goal.at_least is None:
        yield "no target"
    elif goal.year is None:
        yield "no year of the target"


def _of_claims(canvas: Canvas) -> Iterator[str]:
    yield from _count(
        canvas.value_proposition, lambda claim: not claim.kpis, "is not bound to a KPI", "are not bound to a KPI"
    )


def _of_people(canvas: Canvas) -> Iterator[str]:
    yield from _count(
        canvas.beneficiaries, lambda e: e.actor is None, "is linked to no actor", "are linked to no actor"
    )


def _of_buy_in(canvas: Canvas) -> Iterator[str]:
    yield from _count(canvas.buy_in, lambda e: e.actor is None, "is linked to no actor", "are linked to no actor")
    if not any(actor.veto for actor in canvas.actors.values()):
        yield "nobody is said to hold a veto"


def _of_deployment(canvas: Canvas) -> Iterator[str]:
    yield from _count(canvas.deployment, lambda e: not e.measures, "names no measure", "name no measure")


def _of_partners(canvas: Canvas) -> Iterator[str]:
    yield from _count(
        canvas.key_partnerships, lambda e: e.actor is None, "is linked to no actor", "are linked to no actor"
    )
    if not canvas.cost_shares and not any(canvas.payers(line) for line in canvas.budget_costs):
        yield "no cost shares"


def _of_tasks(canvas: Canvas) -> Iterator[str]:
    yield from _count(canvas.key_activities, lambda e: e.months is None, "has no duration", "have no duration")


def _of_needs(canvas: Canvas) -> Iterator[str]:
    unsaid = "not said to exist or to come from somebody"
    yield from _count(
        canvas.key_infrastructure_resources,
        lambda e: e.exists is None and e.supplier is None, f"is {unsaid}", f"are {unsaid}",
    )  # fmt: skip


def _of_costs(canvas: Canvas) -> Iterator[str]:
    lines = canvas.budget_costs
    yield from _count(lines, lambda e: canvas.amount(e) is None, "has no amount", "have no amount")
    yield from _count(lines, lambda e: not canvas.payers(e), "has no payer", "have no payer")
    for kind in ("capex", "opex"):
        if not any(kind in (line.kind, line.id) for line in lines):
            yield f"no {kind}"
    if canvas.accounts is None:
        yield "no accounts: years and discount rate"


def _of_revenue(canvas: Canvas) -> Iterator[str]:
    lines = canvas.revenue_streams
    yield from _count(lines, lambda e: canvas.amount(e) is None, "has no unit value", "have no unit value")
    yield from _count(lines, lambda e: e.gainer is None, "has no gainer", "have no gainer")


def _flags_mission(canvas: Canvas, claims: pd.DataFrame) -> Iterator[str]:
    for plan in canvas.targets:
        name = plan.label or plan.kpi
        if not plan.wedges:
            yield f"no wedge leads to the target {name}"
        elif plan.baseline is not None and plan.limit is not None:
            gap, planned = plan.limit - plan.baseline, sum(wedge.change for wedge in plan.wedges.values())
            short = gap - planned if plan.at_most is None else planned - gap
            if short > _GAP_TOLERANCE * abs(gap):
                yield f"the wedges to the target {name} leave {short:g} of {abs(gap):g} open"
    yield from _flags_claims_of("mission", claims)


def _flags_claims(canvas: Canvas, claims: pd.DataFrame) -> Iterator[str]:
    if share_without_evidence(claims)[0]:
        yield evidence_sentence(claims)
    yield from _flags_claims_of("value_proposition", claims)


def _flags_claims_of(block: str, claims: pd.DataFrame) -> Iterator[str]:
    against = claims[(claims["block"] == block) & (claims["verdict"] == NOT_SUPPORTED)]
    for text, scenarios in against.groupby("text", sort=False)["scenario"]:
        yield f"not supported by {', '.join(scenarios)}: {text}"


def _flags_buy_in(canvas: Canvas, claims: pd.DataFrame) -> Iterator[str]:
    gainers = {line.gainer for line in canvas.revenue_streams}
    served = {entry.actor for entry in canvas.beneficiaries}
    paying = {payer for line in canvas.budget_costs for payer, share in canvas.payers(line).items() if share}
    for name, actor in canvas.actors.items():
        if actor.veto and name not in gainers and actor.compensation is None:
            pays = " and pays" if name in paying else ""
            promised = "only a benefit without a sum" if name in served else "no stated gain"
            yield f"{actor.label} holds a veto{pays}, and has {promised} and no compensation"


def _flags_inputs(canvas: Canvas, claims: pd.DataFrame) -> Iterator[str]:
    for need in canvas.key_infrastructure_resources:
        if need.exists is False and need.supplier is None:
            yield f"needed, and nobody supplies it: {need.text}"


def _flags_tasks(canvas: Canvas, claims: pd.DataFrame) -> Iterator[str]:
    years = [claim.year for _, _, claim in canvas.claims() if claim.year is not None]
    months = months_to_benefit(canvas)
    if years and months is None:
        yield f"something is promised for {min(years)}, but no task has a duration"


def _flags_costs(canvas: Canvas, claims: pd.DataFrame) -> Iterator[str]:
    for line in canvas.budget_costs:
        if canvas.amount(line) is not None and not canvas.payers(line):
            yield f"a cost that nobody pays: {line.text}"


_MISSING: dict[str, Callable[[Canvas], Iterator[str]]] = {
    "mission": _of_mission,
    "value_proposition": _of_claims,
    "beneficiaries": _of_people,
    "buy_in": _of_buy_in,
    "deployment": _of_deployment,
    "key_partnerships": _of_partners,
    "key_activities": _of_tasks,
    "key_infrastructure_resources": _of_needs,
    "budget_costs": _of_costs,
    "revenue_streams": _of_revenue,
}
_FLAGS: dict[str, Callable[[Canvas, pd.DataFrame], Iterator[str]]] = {
    "mission": _flags_mission,
    "value_proposition": _flags_claims,
    "buy_in": _flags_buy_in,
    "key_partnerships": _flags_inputs,
    "key_activities": _flags_tasks,
    "key_infrastructure_resources": _flags_inputs,
    "budget_costs": _flags_costs,
}
