"""What rounds of an equilibrium tell about the next one: whether they stall, and which bushes to renew."""

from __future__ import annotations

import numpy as np

NEARLY = 0.95  # a round may leave out bushes that hold no more than the rest of the excess
FEW = 0.4  # as long as this part of the bushes, or fewer, is left in
SLOW, PATIENCE = 0.3, 4  # rounds stall that leave more than this part of the excess in so many rounds


class Watch:
    """Tells when rounds stall; if little comes of that, not before twice as many more rounds have passed.

    What is to be done then costs as much as `worth` rounds: where that is many, they get as many more to recover.
    """

    def __init__(self, worth: int) -> None:
        self.usual = PATIENCE * worth
        self.least, self.patience = [np.inf], self.usual

    def stalls(self, excess: float) -> bool:
        """Return whether the excess of a round, and of those before it, has fallen too little."""
        self.least.append(min(self.least[-1], excess))
        if self.least[-1] <= SLOW * self.least[0]:
            self.patience = self.usual
        if len(self.least) <= self.patience or self.least[-1] <= SLOW * self.least[-1 - self.patience]:
            return False
        self.least, self.patience = self.least[-1:], 2 * self.patience
        return True


def next_rows(rows: np.ndarray, excess: np.ndarray, same: bool) -> np.ndarray:
    """Return the bushes to renew next: all, or after a round of all the few that hold nearly all the excess.

    These go on alone for some rounds, as long as `same`.
    """
    if len(rows) < len(excess):
        return rows if same else np.arange(len(excess))
    order = np.argsort(-excess, kind="stable")
    held = np.cumsum(excess[order])
    few = int(np.searchsorted(held, NEARLY * held[-1])) + 1
    return np.sort(order[:few]) if few < FEW * len(excess) else rows
