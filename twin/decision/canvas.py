"""The City Model Canvas of a study: fourteen blocks, and the actors, costs, tasks and targets behind them.

The blocks and their order are those of Timeus, Vinaixa and Pardo-Bosch (2020), doi 10.1080/14719037.2020.1718187. A
block may be plain text, a list of texts, or a list (or mapping by name) of entries with more to say; all are read into
entries. What refers to what (actors, KPIs, tasks) is checked by `twin.decision.canvas_file`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from twin.decision.canvas_parts import Item, UnitValue, Year
from twin.decision.canvas_sections import Computing, Device, Incomes, Pilot, SharedProgramme
from twin.scenario.measures.base import Model
from twin.scenario.schema import Name, Text

Role = Literal["partner", "beneficiary", "buy-in", "supplier", "payer", "gainer", "doer"]
Evidence = Literal["simulated", "measured", "expert", "none"]
Direction = Literal["lower", "higher"]
Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class Block:
    """One of the fourteen blocks: `line` says to which of the three bottom lines it belongs."""

    number: int
    key: str
    title: str
    part: str
    question: str
    line: str = ""


BLOCKS = (
    Block(1, "mission", "Mission statement", "I", "the ultimate goal the city seeks"),
    Block(2, "value_proposition", "Value proposition", "I", "which benefits are created, which problems solved"),
    Block(3, "beneficiaries", "Beneficiaries", "II", "who benefits directly"),
    Block(4, "buy_in", "Buy-in and support", "II", "whose buy-in is needed"),
    Block(5, "deployment", "Deployment", "II", "how the problems will be solved"),
    Block(6, "key_partnerships", "Key partnerships", "III", "who helps to deliver"),
    Block(7, "key_activities", "Key activities", "III", "what the council must do"),
    Block(8, "key_infrastructure_resources", "Key infrastructure, resources, regulatory framework", "III",
          "what is needed and what exists"),
    Block(9, "budget_costs", "Budget cost structure", "IV", "costs", "economic"),
    Block(10, "revenue_streams", "Revenue streams", "IV", "revenue for the city", "economic"),
    Block(11, "environmental_costs", "Environmental costs", "IV", "negative environmental impacts", "environmental"),
    Block(12, "environmental_benefits", "Environmental benefits", "IV", "environmental benefits", "environmental"),
    Block(13, "social_risks", "Social risks", "IV", "risks, and who is most vulnerable", "social"),
    Block(14, "social_benefits", "Social benefits", "IV", "benefits, and for whom", "social"),
)  # fmt: skip
BLOCK = {block.key: block for block in BLOCKS}


class Statement(Item):
    """A plain entry, and the actor it is about."""

    actor: Name | None = None


class _Target(Model):
    at_most: float | None = None
    at_least: float | None = None
    year: Year | None = None

    @model_validator(mode="after")
    def _one_limit(self) -> _Target:
        if self.at_most is not None and self.at_least is not None:
            raise PydanticCustomError("twin", "there are two limits", {"expected": "either at_most or at_least"})
        return self


class Mission(_Target):
    """The goal, and the headline KPI that says when it is reached."""

    text: Text
    kpi: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"text": value} if isinstance(value, str) else value


class Claim(Item, _Target):
    """A promise bound to KPIs: a direction, a change of at least `by_percent`, or a limit.

    Without a direction it is that in which the KPI gets better. `evidence` is what its author says it rests on; a run
    that models the KPIs puts its own answer in place of it.
    """

    kpis: list[Text] = Field(default_factory=list)
    direction: Direction | None = None
    by_percent: float | None = Field(None, gt=0)
    scenario: Name | None = Field(None, description="scenario it is about; all when left out")
    evidence: Evidence = "none"
    source: str = ""

    @model_validator(mode="after")
    def _judgeable(self) -> Claim:
        bound = [key for key in ("direction", "by_percent", "at_most", "at_least") if getattr(self, key) is not None]
        if bound and not self.kpis:
            raise PydanticCustomError("twin", f"the claim has {bound[0]} and no kpis", {"expected": "kpis: [...]"})
        if self.by_percent is not None and (self.at_most is not None or self.at_least is not None):
            raise PydanticCustomError("twin", "the claim has by_percent and a limit", {"expected": "one of them"})
        if self.evidence == "simulated" and not self.kpis:
            raise PydanticCustomError(
                "twin", "evidence is simulated, but no KPI is named", {"expected": "kpis, or evidence: expert or none"}
            )
        if self.evidence in ("measured", "expert") and not self.source:
            raise PydanticCustomError("twin", f"evidence is {self.evidence} and has no source", {"expected": "source"})
        return self


class Uptake(Model):
    """How a measure spreads: the part of what is simulated that is reached in the end, and the years until then."""

    final: Share = 1.0
    years: float = Field(0.0, ge=0, le=100)
    shape: Literal["linear", "s_curve"] = "linear"


class Deployment(Statement):
    """How a problem is solved: measures of the study and their uptake."""

    measures: list[Name] = Field(default_factory=list)
    uptake: Uptake | None = None


class Task(Statement):
    """What must be done: how long it takes, and the tasks that come before."""

    months: float | None = Field(None, ge=0, le=1200)
    after: list[Name] = Field(default_factory=list, description="ids of tasks that must be done first")


class Need(Item):
    """An input that is needed: whether it exists, and who supplies it."""

    exists: bool | None = None
    supplier: Name | None = Field(None, description="an actor")


class _Line(Item):
    quantity: float = 1.0
    kpi: Text | None = Field(None, description="KPI whose difference to the baseline is the quantity")
    quantity_of: Text | None = Field(None, description="quantity of the study's measures, for example street_length_km")
    amount: UnitValue | None = None
    unit_value: Name | None = Field(None, description="entry of unit_values, in place of amount")
    measure: Name | None = Field(None, description="measure it belongs to: it counts in scenarios that have it")
    life_years: float | None = Field(None, gt=0, description="years it lasts; without end when left out")

    @model_validator(mode="after")
    def _one_of_each(self) -> _Line:
        if self.amount is not None and self.unit_value is not None:
            raise PydanticCustomError("twin", "the line has two amounts", {"expected": "either amount or unit_value"})
        if self.kpi is not None and self.quantity_of is not None:
            raise PydanticCustomError("twin", "the line has two quantities", {"expected": "either kpi or quantity_of"})
        return self


class CostLine(_Line):
    """A cost: quantity times unit cost, once (capex) or each year (opex), and who pays which share."""

    kind: Literal["capex", "opex"] | None = None
    payer: Name | None = None
    shares: dict[Name, Share] = Field(default_factory=dict, description="actor: share, in place of payer")

    @model_validator(mode="after")
    def _one_payer(self) -> CostLine:
        if self.payer is not None and self.shares:
            raise PydanticCustomError("twin", "the line has a payer and shares", {"expected": "one of them"})
        return self


class RevenueLine(_Line):
    """Money each year that is earned (direct) or saved, and by whom."""

    kind: Literal["direct", "saving"] = "saving"
    gain_when: Direction | None = Field(None, description="direction of the KPI that is a gain; else its better one")
    payer: Name | None = Field(None, description="who pays it; nobody where it is a saving")
    gainer: Name | None = None


class Actor(Model):
    """Someone who pays, gains, helps or must agree; one actor however many roles it has."""

    label: Text
    roles: list[Role] = Field(default_factory=list)
    veto: bool = False
    public: bool = Field(False, description="whether its savings are public savings")
    weight: float = Field(1.0, ge=0, description="weight among the stakeholders")
    can_pay: bool = Field(True, description="whether it could pay compensation; not where its gain is no money")
    aliases: list[Text] = Field(default_factory=list, description="other names in the blocks")
    compensation: UnitValue | None = Field(None, description="what it is offered for its consent")


class Accounts(Model):
    """Over which years money is counted, and at what real discount rate."""

    first_year: Year
    years: int = Field(ge=1, le=100)
    discount_rate: float = Field(ge=0, le=0.5)
    source: Text
    promoter: Name = Field(description="the actor whose decision it is")


class Wedge(Model):
    """A part of the way to a target."""

    label: Text
    change: float = Field(description="in the unit of the KPI; below zero where it falls")
    scenario: Name | None = None
    source: Text


class TargetPlan(_Target):
    """A target of the city and the wedges that are meant to reach it."""

    kpi: Text
    label: str = ""
    baseline: float | None = Field(None, description="value today")
    wedges: dict[Name, Wedge] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_limit(self) -> TargetPlan:
        if self.limit is None:
            raise PydanticCustomError("twin", "a target needs one limit", {"expected": "either at_most or at_least"})
        return self

    @property
    def limit(self) -> float | None:
        """The value to reach or to keep below."""
        return self.at_least if self.at_most is None else self.at_most


def _as_items(value: Any) -> Any:
    """Turn text, a list of texts, or a mapping by name into a list of entries."""
    if isinstance(value, str):
        return [{"text": value}]
    if isinstance(value, list):
        return [{"text": item} if isinstance(item, str) else item for item in value]
    if isinstance(value, dict):
        entries = {key: {"text": item} if isinstance(item, str) else item for key, item in value.items()}
        return [{"id": key, **item} if isinstance(item, dict) else item for key, item in entries.items()]
    return value


AnyItem = TypeVar("AnyItem", bound=Item)


def _rejoined(items: list[AnyItem]) -> list[AnyItem]:
    """Join texts that YAML split at a comma within brackets: ``[Council (goals, services), Citizens]``."""
    if any(item.model_fields_set != {"text"} for item in items):
        return items
    joined: list[AnyItem] = []
    at = 0
    while at < len(items):
        end, text = at + 1, items[at].text
        while end < len(items) and _is_open(text):
            text, end = f"{text}, {items[end].text}", end + 1
        if _is_open(text):  # never closed: a slip of the pen, not a list split by YAML
            end, text = at + 1, items[at].text
        joined.append(items[at] if end == at + 1 else items[at].model_copy(update={"text": text}))
        at = end
    return joined


def _is_open(text: str) -> bool:
    return text.count("(") > text.count(")")


_FORMS = (BeforeValidator(_as_items), AfterValidator(_rejoined))
Statements = Annotated[list[Statement], *_FORMS]
Claims = Annotated[list[Claim], *_FORMS]


class Canvas(Model):
    """The canvas of a study, all fourteen blocks optional."""

    mission: Mission | None = None
    value_proposition: Claims = Field(default_factory=list)
    beneficiaries: Statements = Field(default_factory=list)
    buy_in: Statements = Field(default_factory=list)
    deployment: Annotated[list[Deployment], *_FORMS] = Field(default_factory=list)
    key_partnerships: Statements = Field(default_factory=list)
    key_activities: Annotated[list[Task], *_FORMS] = Field(default_factory=list)
    key_infrastructure_resources: Annotated[list[Need], *_FORMS] = Field(default_factory=list)
    budget_costs: Annotated[list[CostLine], *_FORMS] = Field(default_factory=list)
    revenue_streams: Annotated[list[RevenueLine], *_FORMS] = Field(default_factory=list)
    environmental_costs: Claims = Field(default_factory=list)
    environmental_benefits: Claims = Field(default_factory=list)
    social_risks: Claims = Field(default_factory=list)
    social_benefits: Claims = Field(default_factory=list)

    actors: dict[Name, Actor] = Field(default_factory=dict)
    cost_shares: dict[Name, Share] = Field(
        default_factory=dict, description="actor: share of every cost line that names no payer"
    )
    unit_values: dict[Name, UnitValue] = Field(default_factory=dict)
    targets: list[TargetPlan] = Field(default_factory=list)
    accounts: Accounts | None = None
    devices: Annotated[list[Device], *_FORMS] = Field(default_factory=list)
    computing: Computing | None = None
    incomes: Incomes | None = None
    pilot: Pilot | None = None
    shared_programme: SharedProgramme | None = None

    def entries(self, block: str) -> list[Any]:
        """Return the entries of a block; of the mission, at most one."""
        found = getattr(self, block)
        return found if isinstance(found, list) else [] if found is None else [found]

    def claims(self) -> Iterator[tuple[str, int, Claim]]:
        """Yield what is promised: block, place in it, claim.

        These are the value proposition, a mission with a KPI, and those entries of the last four blocks that name a
        KPI or rest on evidence; other entries there are worries and hopes, not promises.
        """
        if self.mission is not None and self.mission.kpi is not None:
            goal = self.mission
            limits = {"at_most": goal.at_most, "at_least": goal.at_least, "year": goal.year}
            yield "mission", 0, Claim.model_validate({"text": goal.text, "kpis": [goal.kpi], **limits})
        for block in BLOCKS:
            if block.key == "value_proposition" or block.line in ("environmental", "social"):
                for i, claim in enumerate(self.entries(block.key)):
                    if block.key == "value_proposition" or claim.kpis or claim.evidence != "none":
                        yield block.key, i, claim

    def amount(self, line: CostLine | RevenueLine) -> UnitValue | None:
        """Return what a unit of a line costs or is worth, None where nothing is said."""
        return self.unit_values[line.unit_value] if line.unit_value is not None else line.amount

    def payers(self, line: CostLine) -> dict[str, float]:
        """Return who pays which share of a cost line; empty where nothing is said."""
        if line.payer is not None:
            return {line.payer: 1.0}
        return dict(line.shares or self.cost_shares)
