"""What every page of the decision must keep: each number carries its reference, and no digits stand beside them.

Digits may stand in what the study says in its own words (``class="stated"``), in addresses and styles, and in images'
axes and legends (``class="axis"`` or ``"tick"``). Years and numbers of blocks are marked like the study's words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from twin.decision.figures import Figure, Figures
from twin.decision.kpis import KPIS
from twin.report.traced import printed

QUIET = {"style", "script", "title", "head", "desc"}
VOID = {"meta", "br", "hr", "img", "link", "input", "col", "wbr"}


@dataclass
class _Reader(HTMLParser):
    stack: list[tuple[str, bool, bool]] = field(default_factory=list)
    found: list[tuple[str, str, str]] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        traced = "data-from" in given
        if traced:
            self.found.append((given["data-from"], given.get("value", given.get("data-value", "")), ""))
        classes = set(given.get("class", "").split())
        quiet = tag in QUIET or bool(classes & {"stated", "axis", "tick"}) or (bool(self.stack) and self.stack[-1][2])
        if tag not in VOID:
            self.stack.append((tag, traced or (bool(self.stack) and self.stack[-1][1]), quiet))

    def handle_endtag(self, tag: str) -> None:
        while self.stack:
            if self.stack.pop()[0] == tag:
                return

    def handle_data(self, data: str) -> None:
        traced, quiet = (self.stack[-1][1], self.stack[-1][2]) if self.stack else (False, False)
        if traced and not quiet and self.found:
            ref, value, text = self.found[-1]
            self.found[-1] = ref, value, text + data
        elif not quiet and re.search(r"\d", data):
            self.loose.append(data.strip())


def _rounds_to(text: str, figure: Figure) -> bool:
    """Return whether a text shows the figure with fewer digits, in one of its units."""
    plain = text.replace("\u202f", "").replace("\u2212", "-").replace(",", "")
    match = re.search(r"[-+]?\d+(?:\.(\d+))?", plain)
    if match is None:
        return False
    decimals = len(match[1] or "")
    digits = match[0].lstrip("+-")
    zeros = len(digits) - len(digits.rstrip("0")) if decimals == 0 and set(digits) != {"0"} else 0
    tolerance = 0.5 * 10.0 ** (zeros - decimals) * (1 + 1e-9)
    scales = [1.0, 100.0, 1e-3, 1e-6] + ([KPIS[figure.kpi].shown.scale] if figure.kpi else [])
    return any(abs(abs(figure.value) * scale - abs(float(match[0]))) <= tolerance for scale in scales)


def check_page(page: str, figures: Figures) -> int:
    """Check every number of a page against the figures and return how many there are."""
    reader = _Reader()
    reader.feed(page)
    for ref, value, text in reader.found:
        figure = figures[ref]
        assert repr(figure.value) == value, ref
        assert text == printed(figure) or _rounds_to(text, figure), (ref, text, printed(figure))
    assert not reader.loose, f"digits without a source: {reader.loose[:12]}"
    return len(reader.found)
