"""Plain words beside the numbers of the ledger; none of them holds a number, and none calls noise a gain or a loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from twin.decision.ledger import DIRECT, OUTSIDE, OWN, PUBLIC

CASE_NAMES = {DIRECT: "Direct revenue only", OWN: "Plus its own savings", PUBLIC: "All public bodies together"}
TRIFLE = 0.5
"""Amounts below half a euro are none."""


def case_meaning(case: str, promoter: str) -> str:
    """Return what a business case counts."""
    return {
        DIRECT: f"What {promoter} pays, earns and is granted.",
        OWN: f"The same, and what {promoter} itself saves.",
        PUBLIC: "What all public actors pay, earn and save; money between them cancels.",
    }[case]


def case_words(row: Mapping[str, Any]) -> str:
    """Return what the net present value of a business case says."""
    if row["received"] < TRIFLE and row["paid"] < TRIFLE:
        return "No money moves in this account."
    return _sign_words(
        row["npv"],
        row["npv_low"],
        row["npv_high"],
        "More comes in than goes out",
        "More goes out than comes in",
        "What goes out comes back",
    )


def position_words(name: str, actor: str, row: Mapping[str, Any]) -> str:
    """Return what an actor's net position says."""
    if actor == OUTSIDE:
        return "Suppliers, markets and all who are no actor of the study: the other side of every line."
    if abs(row["value"]) < TRIFLE and not abs(row["high"]) >= TRIFLE and not abs(row["low"]) >= TRIFLE:
        return f"{name} would neither gain nor lose."
    return _sign_words(
        row["value"], row["low"], row["high"], f"{name} would gain", f"{name} would lose", f"{name} would stay even"
    )


def _sign_words(value: float, low: float, high: float, gain: str, loss: str, even: str) -> str:
    if not (np.isfinite(low) and np.isfinite(high)):
        nominal = gain if value >= TRIFLE else loss if value <= -TRIFLE else even
        return f"{nominal}, by nominal values alone: there is no interval."
    if low > 0.0:
        return f"{gain}."
    if high < 0.0:
        return f"{loss}."
    if low == high:
        return f"{even}."
    return "Gain and loss cannot be told apart: the interval holds both."


def pocket_words(cost: float) -> str:
    """Return whether an actor pays."""
    return "pays" if cost > TRIFLE else "is given money" if cost < -TRIFLE else "pays nothing"


def veto_words(row: Mapping[str, Any], low: float, high: float) -> str:
    """Return what a veto holder would say; `low` and `high` are its interval, NaN where none is known."""
    if row["outcome"] == "passes":
        if low < -TRIFLE:
            return "By nominal values it would not lose; but its interval reaches below zero."
        if row["position"] > TRIFLE:
            return "It would not lose, and may agree."
        return "No money of its own is at stake: it may agree."
    loss = "By nominal values it would lose, though its interval holds gain as well" if high > 0.0 else "It would lose"
    if row["outcome"] == "passes if compensated":
        return f"{loss}; it may stop this unless it is compensated."
    return f"{loss}; it may stop this, and those who gain do not gain enough to compensate it."


def offer_words(row: Mapping[str, Any], unit: str) -> str:
    """Return whether the compensation that the canvas offers is enough; nothing where they cannot be compared."""
    if not np.isfinite(row["stated"]) or unit.strip().casefold() not in ("eur", "€"):
        return ""
    if row["compensation"] <= 0.0:
        return "more than is needed"
    return "enough" if row["stated"] >= row["compensation"] - TRIFLE else "not enough"


def delay_words(cost: float, sure: bool) -> str:
    """Return what a year of delay does to an actor; `sure` where no benefit of it is inside the noise."""
    if not sure:
        return "not sure: rests on a difference inside the noise"
    return "loses by waiting" if cost > 0.0 else "gains by waiting"


def case_reason(row: Mapping[str, Any], measure: str) -> str:
    """Return why a business case has no rate of return, payback or break-even year; nothing where it may have."""
    received, paid = row["received"] >= TRIFLE, row["paid"] >= TRIFLE
    if not received or not paid:
        return "nothing comes in" if paid else "nothing is paid" if received else "no money moves"
    if np.isfinite(row[measure]):
        return ""
    return "none, or more than one" if measure == "irr" else "not within these years"


def verdict_words(verdict: str) -> tuple[str, str]:
    """Return what is said of the KPI of a line, and its style."""
    return {
        "": ("stated", "known"),
        "not distinguishable": ("inside the noise", "noise"),
        "no interval": ("no interval: noise not known", "noise"),
        "no change": ("no change", "noise"),
    }.get(verdict, (verdict, "known"))
