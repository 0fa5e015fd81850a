"""Who pays for a measure: owners, the public and the energy company, each sum once.

A payment is a plain row: `payer` (one of `PAYERS`), `what` it is for, `eur` once (below zero: received) and `eur_a`
each year. The sums paid once over all payers are the investment of a measure: a subsidy is a sum that the public pays
and owners do not. Open data name no owners, so they follow from the main use of a building: education, health and
public buildings are taken as public property (assumption).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from twin.city.schema import BUILDING_USES

HOMES = "owners of homes"
BUSINESS = "owners of other buildings"
PUBLIC = "public buildings"
SUBSIDY = "subsidies and campaigns"
UTILITY = "energy company"
PAYERS = (HOMES, BUSINESS, PUBLIC, SUBSIDY, UTILITY)
PUBLIC_USES = ("education", "health", "public")
OWNER_OF_USE = {
    use: HOMES if use == "residential" else PUBLIC if use in PUBLIC_USES else BUSINESS for use in BUILDING_USES
}

BILLS = {"energy_cost_homes_eur_a": HOMES, "energy_cost_business_eur_a": BUSINESS, "energy_cost_public_eur_a": PUBLIC}
"""Totals of energy cost by owner."""

Payments = tuple[dict[str, Any], ...]


def concerns_energy(changes: Mapping[str, Iterable[Mapping[str, Any]]]) -> bool:
    """Return whether a measure says who pays for it, or changes district heat; `changes` as in ``run.json``."""
    return any(change.get("payments") or change.get("factors") for some in changes.values() for change in some)


def payment(payer: str, what: str, *, eur: float = 0.0, eur_a: float = 0.0) -> Payments:
    """Return the row of one payer, none where nothing is paid."""
    return ({"payer": payer, "what": what, "eur": float(eur), "eur_a": float(eur_a)},) if eur or eur_a else ()


def by_owner(
    buildings: pd.DataFrame, what: str, cost_eur: Any, *, subsidy_eur: Any = 0.0, yearly_eur: Any = 0.0
) -> Payments:
    """Return the rows of the owners of some buildings and of the public that subsidises them.

    Parameters
    ----------
    buildings : DataFrame (n,)
        With ``use``.
    what : str
    cost_eur, subsidy_eur, yearly_eur : float64 (n,) or float
        Investment in each building, the part of it that public money pays, and what owners pay each year.
    """
    owner = buildings["use"].map(OWNER_OF_USE).to_numpy()
    cost, subsidy, yearly = (
        np.broadcast_to(np.asarray(x, float), len(owner)) for x in (cost_eur, subsidy_eur, yearly_eur)
    )
    rows: Payments = ()
    for payer in (HOMES, BUSINESS, PUBLIC):
        mine = owner == payer
        rows += payment(payer, what, eur=(cost - subsidy)[mine].sum(), eur_a=yearly[mine].sum())
    return rows + payment(SUBSIDY, what, eur=subsidy.sum())


def invested(payments: Payments) -> float:
    """Return the investment: what all pay once."""
    return float(sum(row["eur"] for row in payments))


def public_part(payments: Payments) -> float:
    """Return what the public pays once: for its own buildings, and as subsidies and campaigns."""
    return float(sum(row["eur"] for row in payments if row["payer"] in (PUBLIC, SUBSIDY)))


def summed(payments: Payments) -> dict[str, tuple[float, float]]:
    """Return what each payer pays once and each year, in the order of `PAYERS`, without those who pay nothing."""
    sums = {p: [sum(r[key] for r in payments if r["payer"] == p) for key in ("eur", "eur_a")] for p in PAYERS}
    return {payer: (once, yearly) for payer, (once, yearly) in sums.items() if once or yearly}
