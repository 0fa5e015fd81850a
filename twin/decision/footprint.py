"""What a measure and its analysis take themselves: electricity and CO2 of devices, and of the run that judges them.

Sensors, gateways and servers draw power all year, and making them took CO2 that is spread over their life. The run
took processor time; times the power of a busy core and the runs that a year of the study takes, that is electricity
too. All of it is debited against the CO2 that a scenario saves (block 11). Electricity counts with the yearly mean
factor of the run's grid, ``electricity.co2_kg_kwh``, with what a scenario's measures make of it.

A range holds the ends of all stated ranges at once, so it is wider than a 90 % interval of their sum.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from twin.decision.canvas import Canvas
from twin.decision.canvas_parts import UnitValue
from twin.decision.canvas_sections import Computing, Device
from twin.decision.compare import BETTER, NO_CHANGE, NO_INTERVAL, NOT_DISTINGUISHABLE, WORSE
from twin.errors import RunError

if TYPE_CHECKING:
    from twin.scenario.store import Run

GRID = "electricity.co2_kg_kwh"
CO2 = "total_co2_t_a"
COMPUTING = "computing"
_W_PER_KW = 1e3
_J_PER_KWH = 3.6e6
_KG_PER_T = 1e3
_AMOUNTS = ("kwh_a", "use_kg_a", "embodied_kg_a", "co2_kg_a")
_ENDS = [f"{name}{end}" for name in _AMOUNTS for end in ("", "_low", "_high")]
ROW_COLUMNS = ["scenario", "item", "text", "count", *_ENDS, "source"]
NET_COLUMNS = ["scenario", "gross_t_a", "footprint_t_a", "net_t_a", "low", "high", "share", "verdict"]

Range = tuple[float, float, float]
Changes = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Footprint:
    """What a study's scenarios take themselves.

    Attributes
    ----------
    rows : DataFrame
        One row per scenario and item (``device-<place>`` or ``computing``): scenario, item, text, count (of the
        devices; runs a year for computing), then kwh_a, use_kg_a (CO2 of that electricity), embodied_kg_a and co2_kg_a
        (both), each with _low and _high, and source.
    totals : DataFrame
        Their sums, indexed by scenario; zero for a scenario without any.
    net : DataFrame
        The CO2 of each scenario after its footprint, t a year: scenario, gross_t_a (difference to the baseline),
        footprint_t_a, net_t_a, low, high (the KPI's 90 % interval, widened by the footprint's range; NaN without
        draws), share (of the gross saving that the footprint takes back; NaN where nothing is saved), verdict.
    cpu_seconds : float
        Processor time of the run; NaN where it was not measured.
    notes : list of str
        What is not counted, and why.
    """

    rows: pd.DataFrame
    totals: pd.DataFrame
    net: pd.DataFrame
    cpu_seconds: float
    notes: list[str]


def footprint(run: Run, canvas: Canvas, table: pd.DataFrame) -> Footprint:
    """Return the footprint of every scenario of a run, and its CO2 after it.

    The electricity of computing is debited whole from each scenario, because each was chosen with the help of the whole
    run: footprints of scenarios are not to be added.

    Parameters
    ----------
    run : Run
    canvas : Canvas
        Its sections ``devices`` and ``computing``.
    table : DataFrame
        As `twin.decision.compare.compare` returns it.

    Raises
    ------
    RunError
        The run does not say the CO2 of electricity.
    """
    spent, notes = run.cpu_seconds(), []
    if canvas.computing is None:
        notes.append("the electricity of computing is not counted: the canvas has no section `computing`")
    elif math.isnan(spent):
        notes.append("the electricity of computing is not counted: this run did not measure its processor time")
    rows: list[dict[str, Any]] = []
    for scenario in run.info["scenarios"]:
        changes = run.info["changes"][scenario]
        found, missing = _devices(canvas.devices, changes)
        if canvas.computing is not None and not math.isnan(spent):
            found.append(_computing(canvas.computing, spent))
        rows += [{"scenario": scenario, **_with_co2(row, _factor(run, changes))} for row in found]
        notes += [f"{run.info['labels'][scenario]}: {note}" for note in missing]
    frame = pd.DataFrame(rows, columns=ROW_COLUMNS)
    totals = frame.groupby("scenario")[_ENDS].sum().reindex(run.info["scenarios"], fill_value=0.0).astype(float)
    net = _net(totals, table)
    notes += [f"{run.info['labels'][s]}: the run has no {CO2}" for s in totals.index if s not in set(net["scenario"])]
    return Footprint(frame, totals, net, spent, notes)


def _devices(devices: Sequence[Device], changes: Changes) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the rows of the devices that a scenario's measures bring, and notes on those that cannot be counted."""
    rows, notes = [], []
    for place, device in enumerate(devices):
        own = [change for change in changes if device.measure in (None, change["measure"])]
        if device.measure is not None and not own:
            continue
        count = device.count
        if device.quantity_of is not None:
            amounts = [float(c["quantities"][device.quantity_of]) for c in own if device.quantity_of in c["quantities"]]
            if not amounts:
                notes.append(f"not counted, its measures have no {device.quantity_of}: {device.text}")
                continue
            count *= sum(amounts)
        energy = _scaled(device.power_w, count * device.hours_a / _W_PER_KW)
        embodied = _scaled(device.embodied_kg, count / device.life_years)
        row = {"item": f"device-{place}", "text": device.text, "count": count}
        rows.append(row | {"energy": energy, "embodied": embodied, "source": _source(device)})
    return rows, notes


def _computing(computing: Computing, cpu_seconds: float) -> dict[str, Any]:
    energy = _scaled(computing.power_w, cpu_seconds * computing.runs_a / _J_PER_KWH)
    power = computing.power_w
    row = {"item": COMPUTING, "text": "the runs of this twin", "count": computing.runs_a}
    return row | {"energy": energy, "embodied": (0.0, 0.0, 0.0), "source": f"{power.source} ({power.year})"}


def _scaled(unit: UnitValue | None, quantity: float) -> Range:
    """Return value, low and high of a quantity times what one of it takes."""
    if unit is None:
        return 0.0, 0.0, 0.0
    return quantity * unit.value, quantity * unit.low, quantity * unit.high


def _source(device: Device) -> str:
    stated = [unit for unit in (device.power_w, device.embodied_kg) if unit is not None]
    return "; ".join(dict.fromkeys(f"{unit.source} ({unit.year})" for unit in stated))


def _with_co2(row: dict[str, Any], factor: float) -> dict[str, Any]:
    """Return a row with its CO2: of the electricity, of making, and of both."""
    energy, embodied = row.pop("energy"), row.pop("embodied")
    use = tuple(kwh * factor for kwh in energy)
    both = tuple(a + b for a, b in zip(use, embodied, strict=True))
    return row | dict(zip(_ENDS, (*energy, *use, *embodied, *both), strict=True))


def _factor(run: Run, changes: Changes) -> float:
    """Return the CO2 of a kWh of electricity in a scenario, kg."""
    nominal = [float(row["value"]) for row in run.info.get("parameters", []) if row["path"] == GRID]
    if not nominal:
        raise RunError(f"the run does not say {GRID}", where=str(run.path), remedy="run the study again")
    return nominal[0] * math.prod(float(change.get("factors", {}).get(GRID, 1.0)) for change in changes)


def _net(totals: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return the CO2 of each scenario after its footprint; no row where the run has no CO2."""
    gross = table[table["kpi"] == CO2].set_index("scenario")
    rows = []
    for scenario in totals.index.intersection(gross.index, sort=False):
        saved: Any = gross.loc[scenario]
        own, own_low, own_high = (totals.loc[scenario, f"co2_kg_a{end}"] / _KG_PER_T for end in ("", "_low", "_high"))
        ends = (0.0, 0.0) if saved["verdict"] == NO_CHANGE else (saved["low"], saved["high"])
        net, low, high = saved["difference"] + own, ends[0] + own_low, ends[1] + own_high
        share = own / -saved["difference"] if saved["difference"] < 0.0 else math.nan
        rows.append([scenario, saved["difference"], own, net, low, high, share, _verdict(net, low, high)])
    return pd.DataFrame(rows, columns=NET_COLUMNS)


def _verdict(net: float, low: float, high: float) -> str:
    """Return what may be said of the net change, as `twin.decision.compare.verdict` does; less CO2 is better."""
    if math.isnan(low):
        return NO_INTERVAL
    if net == low == high == 0.0:
        return NO_CHANGE
    if low <= 0.0 <= high or (net < 0.0) != (low < 0.0):
        return NOT_DISTINGUISHABLE
    return BETTER if high < 0.0 else WORSE
