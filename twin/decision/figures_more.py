"""The numbers of incidence, footprint, pilot, shared programme and sensitivity by reference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from twin.city.schema import LAYERS
from twin.decision.compare import NO_CHANGE, NOT_DISTINGUISHABLE
from twin.decision.figures import COUNT, EUR, PLAIN, SHARE, Figure, from_table
from twin.decision.incidence import OUTCOMES
from twin.decision.kpis import KPIS
from twin.decision.place import QUANTITIES
from twin.decision.programme import SPLITS
from twin.decision.rebound import rebound
from twin.scenario.store import BASELINE

if TYPE_CHECKING:
    from twin.decision.canvas_sections import Pilot
    from twin.decision.decide import Decision
    from twin.decision.elasticity import Elasticity
    from twin.decision.pilot import SmartZone
    from twin.decision.reach import Incidence
    from twin.decision.sensitivity import Sensitivity

_PEOPLE = {"people": COUNT, "share": SHARE, "buildings": COUNT}
_GAIN = ("mean_gain", "poorest", "richest", "ratio")
_FOOTPRINT = {"kwh_a": "kWh/a", "use_kg_a": "kg/a", "embodied_kg_a": "kg/a", "co2_kg_a": "kg/a"}


def more_figures(decision: Decision) -> dict[str, Figure]:
    """Return the numbers of the parts that stand beside the ledger."""
    found: dict[str, Figure] = {}
    for scenario, incidence in decision.reach.items():
        found |= dict(_reach(scenario, incidence, decision.labels[scenario]))
    found |= dict(_footprint(decision))
    if decision.pilot is not None:
        found |= dict(_pilot(decision.pilot))
    found |= dict(_programme(decision))
    found |= dict(_heat_rebound(decision))
    if decision.sensitivity is not None:
        found |= dict(_sensitivity(decision.sensitivity, decision.labels))
    if decision.elasticity is not None:
        found |= dict(_elasticity(decision.elasticity, decision.labels))
    return found | dict(_noise(decision))


def _reach(scenario: str, incidence: Incidence, label: str) -> Iterator[tuple[str, Figure]]:
    base, origin = f"reach/{scenario}", f"incidence of {label}, small cells suppressed"
    yield f"{base}/people", Figure(incidence.people, COUNT, "residents of the baseline")
    yield f"{base}/newcomers", Figure(incidence.newcomers, COUNT, f"residents of new buildings, {label}")
    yield f"{base}/hidden_share", Figure(incidence.hidden_share, SHARE, f"cells suppressed, {label}")
    for what, count in incidence.acted_on.items():
        yield f"{base}/acted_on/{what}", Figure(float(count), COUNT, f"{what} that measures act on, {label}")
    yield from from_table(base, incidence.reach, f"{origin}, benefit", _PEOPLE)
    yield from from_table(f"{base}/outcome", incidence.outcomes, f"{origin}, outcome", _PEOPLE)
    for effect in incidence.effects:
        row = {str(name): float(incidence.gains.at[effect.quantity, name]) for name in _GAIN}  # type: ignore[arg-type]
        words = f"{effect.label}, {label}, mean of a resident"
        gain = Figure(row["mean_gain"], effect.unit, words, difference=True)
        yield f"{base}/gain/{effect.quantity}/mean_gain", gain
        for part in _GAIN[1:]:
            unit = PLAIN if part == "ratio" else effect.unit
            yield f"{base}/gain/{effect.quantity}/{part}", Figure(row[part], unit, f"{words}, {part} fifth")
    zones, units = incidence.by_zone, {"people": COUNT, "net_share": SHARE}
    yield from from_table(f"{base}/zone", zones, f"{origin}, zone", units, differences=("net_share",))
    if len(incidence.by_quintile):
        units = dict.fromkeys(("people", *OUTCOMES), COUNT)
        yield from from_table(f"{base}/quintile", incidence.by_quintile, f"{origin}, fifth", units)
    if incidence.poverty is not None:
        for name, value in vars(incidence.poverty).items():
            if isinstance(value, float):
                unit = COUNT if name == "people" else SHARE
                yield f"{base}/poverty/{name}", Figure(value, unit, f"energy poverty, {label}: {name}")


def _footprint(decision: Decision) -> Iterator[tuple[str, Figure]]:
    found = decision.footprint
    if found is None:
        return
    yield "footprint/cpu_seconds", Figure(found.cpu_seconds, "s", "processor time of the run, by its log")
    ends = {f"{name}{end}": unit for name, unit in _FOOTPRINT.items() for end in ("", "_low", "_high")}
    for row in found.rows.to_dict("records"):
        for name, unit in {"count": COUNT, **ends}.items():
            origin = f"footprint of {decision.labels[row['scenario']]}, {row['text']}: {row['source']}"
            yield f"footprint/{row['scenario']}/{row['item']}/{name}", Figure(float(row[name]), unit, origin)
    yield from from_table("footprint", found.totals, "footprint of devices and computing", ends)
    parts = {"gross_t_a": "t/a", "footprint_t_a": "t/a", "net_t_a": "t/a", "low": "t/a", "high": "t/a", "share": SHARE}
    net = found.net.set_index("scenario")
    signed = ("gross_t_a", "net_t_a", "low", "high")
    yield from from_table(
        "footprint/net", net, "CO₂ after the footprint of devices and runs", parts, differences=signed
    )


def _pilot(found: SmartZone) -> Iterator[tuple[str, Figure]]:
    pilot = found.pilot
    unit, of = pilot_units(pilot)
    each = f"{unit} per {of}".strip()
    units = {"entities": COUNT, "units": of if pilot.per else COUNT, "baseline": unit, "change": unit}
    units |= dict.fromkeys(("per_unit", "low", "high"), each)
    signed = ("change", "per_unit", "low", "high")
    origin = f"{pilot.quantity} of the smart zone ({pilot.scenario})"
    yield from from_table("pilot/area", found.areas, f"{origin}, area", units, differences=signed)
    estimates = {
        "effect": (found.effect, each, "change in the pilot less that in the control area"),
        "spill_over": (found.spill_over, each, "change in the strip around the pilot less that in the control area"),
        "scaled": (found.scaled, unit, "the effect times the units of the whole city"),
    }
    for name, (estimate, its_unit, words) in estimates.items():
        for part in ("value", "low", "high"):
            verdict = found.verdict if name == "effect" else ""
            value = getattr(estimate, part)
            yield f"pilot/{name}/{part}", Figure(value, its_unit, f"{origin}: {words}, {part}", "", True, verdict)
    truth = f"{pilot.quantity}: simulated change of the whole city ({pilot.citywide})"
    yield "pilot/truth", Figure(found.truth, unit, truth, difference=True)
    yield "pilot/alike", Figure(found.alike, PLAIN, "variance of a compact area over that of a random sample")
    yield "pilot/edge_m", Figure(pilot.edge_m, "m", "stated in the canvas: width of the strip around the pilot")


def pilot_units(pilot: Pilot) -> tuple[str, str]:
    """Return the unit of a pilot's quantity, empty where it is not known, and that of what it is scaled by."""
    columns = {column.name: column.unit.replace("m2", "m²") for column in LAYERS[pilot.layer].columns}
    stored = {q.column: q.unit for q in QUANTITIES} | {name: kpi.unit for name, kpi in KPIS.items()}
    unit = (stored | columns).get(pilot.quantity, PLAIN)
    of = columns.get(pilot.per, "unit") if pilot.per else pilot.layer.removesuffix("s")
    return ("" if unit == "-" else unit), ("unit" if of == "-" else of)


def _programme(decision: Decision) -> Iterator[tuple[str, Figure]]:
    found = decision.programme
    if found is None:
        return
    words = {"total": "all members together", "low": "all members together, low", "high": "all members together, high"}
    for name, text in (words | {"saving": "what the members save together against each alone"}).items():
        yield f"programme/{name}", Figure(getattr(found, name), EUR, f"shared programme, {text}, present value")
    for member, row in found.shares.to_dict("index").items():
        label = found.labels[str(member)]
        for name in ("people", "units"):
            yield (
                f"programme/share/{member}/{name}",
                Figure(float(row[name]), COUNT, f"stated in the canvas: {name} of {label}"),
            )
        for name in ("alone", *SPLITS):
            origin = f"shared programme, what {label} pays, {name.replace('_', ' ')}, present value"
            yield f"programme/share/{member}/{name}", Figure(float(row[name]), EUR, origin)
    leavers = found.leavers.set_index(found.leavers["split"] + "/" + found.leavers["group"])
    origin = "shared programme, present value, a group that would leave"
    yield from from_table("programme/leavers", leavers, origin, {"pays": EUR, "alone": EUR, "gain": EUR})


def _sensitivity(found: Sensitivity, labels: dict[str, str]) -> Iterator[tuple[str, Figure]]:
    yield "sensitivity/points", Figure(float(found.points), COUNT, f"simulations of the sensitivity by {found.method}")
    morris = found.method == "morris"
    for row in found.table.to_dict("records"):
        shown = KPIS[row["kpi"]].shown
        scale, unit = (shown.scale, shown.difference_unit) if morris else (1.0, SHARE)
        base = f"sensitivity/{row['scenario']}/{row['kpi']}/{row['parameter']}"
        origin = (
            f"sensitivity by {found.method}, {found.points} simulations: {row['parameter']} on the difference of "
            f"{row['kpi']}, {labels[row['scenario']]}"
        )
        yield f"{base}/rank", Figure(float(row["rank"]), COUNT, origin)
        for name in ("influence", "confidence"):
            yield f"{base}/{name}", Figure(scale * float(row[name]), unit, f"{origin}, {name}")


def _elasticity(found: Elasticity, labels: dict[str, str]) -> Iterator[tuple[str, Figure]]:
    units = {"elasticity": PLAIN, "saving_t_a": "t/a", "rebound_share": SHARE}
    for scenario, part in found.table.groupby("scenario", sort=False):
        origin = f"CO₂ saved by {labels[str(scenario)]} with other values of {found.parameter}, value"
        yield from from_table(f"elasticity/{scenario}", part.reset_index(drop=True), origin, units)
    for scenario, value in found.turning.items():
        origin = f"{found.parameter} at which the CO₂ benefit of {labels[scenario]} turns negative"
        yield f"elasticity/{scenario}/turning", Figure(_number(value), PLAIN, origin)


def _noise(decision: Decision) -> Iterator[tuple[str, Figure]]:
    for scenario in decision.scenarios:
        verdicts = decision.table.loc[decision.table["scenario"] == scenario, "verdict"]
        moved = verdicts[verdicts != NO_CHANGE]
        origin = f"KPIs of {decision.labels[scenario]} that differ from {decision.labels[BASELINE]}"
        yield f"noise/{scenario}/moved", Figure(float(len(moved)), COUNT, origin)
        unclear = float((moved == NOT_DISTINGUISHABLE).sum())
        yield f"noise/{scenario}/unclear", Figure(unclear, COUNT, f"{origin} and cannot be told from noise")


def _number(value: float | None) -> float:
    return float("nan") if value is None or pd.isna(value) else float(value)


def _heat_rebound(decision: Decision) -> Iterator[tuple[str, Figure]]:
    for scenario, found in decision.run.info.get("heat_rebound", {}).items():
        base, label = f"rebound/{scenario}/heat", decision.labels[scenario]
        calculated, simulated = found["calculated_kwh_a"], found["simulated_kwh_a"]
        origin = f"heat for rooms, {label}, homes heated as calculations assume"
        yield f"{base}/calculated", Figure(calculated, "kWh/a", origin, "heating_kwh_a", difference=True)
        yield (
            f"{base}/simulated",
            Figure(simulated, "kWh/a", f"heat for rooms, {label}", "heating_kwh_a", difference=True),
        )
        share = rebound(calculated, simulated).share
        yield f"{base}/share", Figure(share, SHARE, f"part of the calculated saving that homes take back, {label}")
