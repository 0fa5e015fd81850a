"""The numbers of incidence, footprint, pilot, shared programme and sensitivity by reference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from twin.decision.figures import COUNT, EUR, PLAIN, SHARE, Figure, from_table
from twin.decision.incidence import OUTCOMES

if TYPE_CHECKING:
    from twin.decision.decide import Decision
    from twin.decision.pilot import SmartZone
    from twin.decision.reach import Incidence

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
    found |= dict(_sensitivity(decision))
    return found


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
    for row in found.rows.to_dict("records"):
        for name, unit in _FOOTPRINT.items():
            origin = f"footprint of {decision.labels[row['scenario']]}, {row['item']}: {row['source']}"
            yield f"footprint/{row['scenario']}/{row['item']}/{name}", Figure(float(row[name]), unit, origin)
    units = {f"{name}{end}": unit for name, unit in _FOOTPRINT.items() for end in ("", "_low", "_high")}
    yield from from_table("footprint", found.totals, "footprint of devices and computing", units)
    ends = {"gross_t_a": "t/a", "footprint_t_a": "t/a", "net_t_a": "t/a", "low": "t/a", "high": "t/a", "share": SHARE}
    net = found.net.set_index("scenario")
    signed = ("gross_t_a", "net_t_a", "low", "high")
    yield from from_table("footprint/net", net, "CO₂ after the footprint", ends, differences=signed)


def _pilot(found: SmartZone) -> Iterator[tuple[str, Figure]]:
    quantity = found.pilot.quantity
    units = {"entities": COUNT, "units": PLAIN, "baseline": PLAIN, "change": PLAIN, "per_unit": PLAIN}
    units |= {"low": PLAIN, "high": PLAIN}
    signed = ("change", "per_unit", "low", "high")
    yield from from_table("pilot/area", found.areas, f"{quantity} of the smart zone, area", units, differences=signed)
    for name in ("effect", "spill_over", "scaled"):
        estimate = getattr(found, name)
        for part in ("value", "low", "high"):
            origin = f"{quantity} of the smart zone: {name.replace('_', ' ')}"
            yield f"pilot/{name}/{part}", Figure(getattr(estimate, part), PLAIN, origin, difference=True)
    yield "pilot/truth", Figure(found.truth, PLAIN, f"{quantity}: simulated change of the whole city", difference=True)
    yield "pilot/alike", Figure(found.alike, PLAIN, "variance of a compact area over that of a random sample")


def _programme(decision: Decision) -> Iterator[tuple[str, Figure]]:
    found = decision.programme
    if found is None:
        return
    for name in ("total", "low", "high", "saving"):
        yield f"programme/{name}", Figure(getattr(found, name), EUR, f"shared programme, {name}, present value")
    units = {name: EUR for name in found.shares.columns if name not in ("people", "units")}
    units |= {"people": COUNT, "units": COUNT}
    yield from from_table("programme/share", found.shares, "shared programme, present value", units)
    leavers = found.leavers.set_index(found.leavers["split"] + "/" + found.leavers["group"])
    yield from from_table("programme/leavers", leavers, "group that leaves", {"pays": EUR, "alone": EUR, "gain": EUR})


def _sensitivity(decision: Decision) -> Iterator[tuple[str, Figure]]:
    if decision.sensitivity is not None:
        table = decision.sensitivity.table
        keys = table["scenario"] + "/" + table["kpi"] + "/" + table["parameter"]
        origin = f"sensitivity by {decision.sensitivity.method}, {decision.sensitivity.points} simulations"
        units = {"influence": PLAIN, "confidence": PLAIN, "rank": COUNT}
        yield from from_table("sensitivity", table.set_index(keys), origin, units)
    if decision.elasticity is not None:
        for scenario, value in decision.elasticity.turning.items():
            origin = f"elasticity at which the CO₂ benefit of {decision.labels[scenario]} turns negative"
            yield f"elasticity/{scenario}/turning", Figure(_number(value), PLAIN, origin)


def _number(value: float | None) -> float:
    return float("nan") if value is None or pd.isna(value) else float(value)
