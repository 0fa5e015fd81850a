"""Numbers as a reader wants them: thin spaces, a true minus, and no more digits than are known."""

from __future__ import annotations

import math

from twin.decision.kpis import Kpi

THIN, MINUS, NOTHING = "\u202f", "\u2212", "–"
VALUE_DIGITS, DIFFERENCE_DIGITS = 4, 3
"""Significant digits of values and of differences: model results carry no more."""

TRIFLE_PERCENT = 0.05
"""Smaller relative changes are printed as 0.0 %: they are in tables, but no headline and no chart."""

DIRECTION = {"lower": "↓ lower is better", "higher": "↑ higher is better", "neutral": "neither is better"}


def number(value: float, decimals: int = 0, *, signed: bool = False) -> str:
    """Return a number with thin spaces between thousands; negative `decimals` round to tens and more."""
    if not math.isfinite(value):
        return NOTHING
    rounded = round(value, decimals)
    text = f"{abs(rounded):,.{max(decimals, 0)}f}".replace(",", THIN)
    if rounded == 0:
        return text
    return (MINUS if rounded < 0 else "+" if signed else "") + text


def decimals_of(magnitude: float, digits: int, most: int) -> int:
    """Return the decimals that print `magnitude` with `digits` significant digits, at most `most`."""
    if magnitude == 0 or not math.isfinite(magnitude):
        return most
    return min(most, digits - 1 - math.floor(math.log10(magnitude)))


def value_text(kpi: Kpi, value: float) -> str:
    """Return a KPI's value in its printed unit, without the unit."""
    shown = value * kpi.shown.scale
    if shown == 0:
        return "0"
    return number(shown, decimals_of(abs(shown), VALUE_DIGITS, kpi.shown.decimals))


def difference_texts(kpi: Kpi, difference: float, low: float, high: float) -> tuple[str, str]:
    """Return a difference and its interval in the KPI's printed unit, with equal decimals.

    The interval is empty text where there is none.
    """
    shown = [x * kpi.shown.scale for x in (difference, low, high)]
    largest = max((abs(x) for x in shown if math.isfinite(x)), default=0.0)
    decimals = decimals_of(largest, DIFFERENCE_DIGITS, kpi.shown.decimals + 1)
    if not math.isfinite(low):
        return number(shown[0], decimals, signed=True), ""
    if low == difference == high:
        return number(shown[0], decimals, signed=True), "all draws equal"
    texts = [number(x, decimals, signed=True) for x in shown]
    return texts[0], f"{texts[1]} … {texts[2]}"


def percent_text(kpi: Kpi, percent: float) -> str:
    """Return a relative difference; empty for shares, whose difference is in percentage points already."""
    if not math.isfinite(percent) or kpi.shown.unit == "%":
        return ""
    if abs(percent) >= 1000:
        return f"×{THIN}{number(1 + percent / 100, 0)}"
    return number(percent, decimals_of(abs(percent), 2, 1), signed=True) + f"{THIN}%"


def eur(value: float) -> str:
    """Return an amount in EUR, thousand or million EUR."""
    if abs(value) >= 1e6:
        return f"{number(value / 1e6, decimals_of(abs(value) / 1e6, 3, 2))}{THIN}M€"
    if abs(value) >= 1e3:
        return f"{number(value / 1e3, 0)}{THIN}k€"
    return f"{number(value, 0)}{THIN}€"
