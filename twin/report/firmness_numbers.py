"""Numbers and names of a decision as the parts of the page "How firm this is" print them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from twin.decision import compare
from twin.report.traced import Traced, stated

if TYPE_CHECKING:
    from twin.decision.decide import Decision


class Numbers:
    """Prints numbers of one decision by their references."""

    def __init__(self, decision: Decision, traced: Traced) -> None:
        self.decision, self.traced = decision, traced

    def label(self, scenario: str) -> Markup:
        """Return the name of a scenario for readers."""
        return stated(self.decision.labels[scenario])

    def known(self, ref: str) -> Markup:
        """Return a number by its reference, nothing where there is none."""
        return self.traced.html(ref) if self.traced.known(ref) else Markup("")

    def interval(self, low: str, high: str) -> Markup:
        """Return the two ends of an interval, nothing where there is none."""
        if not (self.traced.known(low) and self.traced.known(high)):
            return Markup("")
        return Markup("{} … {}").format(self.traced.html(low), self.traced.html(high))

    def change(self, scenario: str, kpi: str) -> dict[str, Any]:
        """Return the difference of a KPI, its interval and what may be said of it."""
        base = f"kpi/{scenario}/{kpi}"
        verdict = str(self.traced.figures[f"{base}/difference"].verdict)
        return {
            "value": self.traced.html(f"{base}/difference"),
            "interval": "" if verdict == compare.NO_CHANGE else self.interval(f"{base}/low", f"{base}/high"),
            "verdict": verdict,
        }


def image(image: str) -> Markup:
    """Mark an image as safe for the template: `twin.report.svg` escapes every text and attribute in it."""
    return Markup(image)  # noqa: S704
