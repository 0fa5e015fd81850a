"""Who pays whom, as a flow chart: payers on the left, those who receive on the right, bands as wide as the money.

A Sankey diagram in plain SVG (Schmidt 2008, doi 10.1111/j.1530-9290.2008.00004.x): every band has the same scale, and
the bar of an actor is as high as its bands together. Labels stand in blocks of their own height, so that none overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import pairwise

import numpy as np

from twin.decision import finance
from twin.decision.ledger import COST, OUTSIDE, REVENUE, SAVING, TRANSFER, Ledger
from twin.decision.valuation import in_noise
from twin.report import svg
from twin.report.font_metrics import FAMILY, width

LOSS, AVOIDED = "loss", "avoided cost"
KIND_COLOURS = {
    COST: "#D55E00", REVENUE: "#0072B2", SAVING: "#009E73", LOSS: "#E69F00", AVOIDED: "#56B4E9", TRANSFER: "#7A5195",
}  # fmt: skip
"""Of the kinds of lines, and of those that flow back. Okabe and Ito, "Color Universal Design" (2008), but the last."""
_BACK = {COST: AVOIDED, REVENUE: LOSS, SAVING: LOSS, TRANSFER: TRANSFER}
_ORDER = list(KIND_COLOURS)
UNSURE = "inside the noise"

WIDTH, TOP, BARS = 860.0, 74.0, 300.0
"""Width of the image, where the bars may start, and the most that all bars of a side together are high, in pixels."""
PER_FLOW = 75.0
"""Height of the bars for each flow, up to `BARS`: few flows need little room."""
LEFT, RIGHT, BAR = 206.0, 494.0, 11.0
"""Where the bars of payers and of receivers start, and how thick they are."""
NAME, SMALL = 12.0, 11.0
NAME_ROW, SMALL_ROW, GAP = 15.0, 14.5, 12.0
SPACE = 10.0
"""Between a bar and its labels."""


@dataclass(frozen=True)
class Flow:
    """Money of one of `KIND_COLOURS` from a payer to a gainer; `sure` where no line of it is inside the noise."""

    payer: str
    gainer: str
    kind: str
    value: float
    sure: bool = True


@dataclass(frozen=True)
class Text:
    """One line of text: the box it fills, from its left upper corner, and what it says.

    `number` stands between `before` and `after`; a name has none. `of` is the actor, or of an amount payer and gainer.
    """

    left: float
    top: float
    width: float
    height: float
    of: tuple[str, ...]
    before: str = ""
    number: str = ""
    after: str = ""


@dataclass(frozen=True)
class Bar:
    """An actor on one side."""

    actor: str
    top: float
    height: float


@dataclass(frozen=True)
class Band:
    """A flow drawn: where it leaves, where it arrives, and how wide it is."""

    flow: Flow
    start: float
    end: float
    width: float


@dataclass(frozen=True)
class Layout:
    """Where everything stands, in pixels; `scale` is pixels per EUR."""

    scale: float
    payers: list[Bar]
    gainers: list[Bar]
    bands: list[Band]
    texts: list[Text]
    height: float


def flows_of(book: Ledger, rate: float, actors: Mapping[str, str]) -> list[Flow]:
    """Return the present values that flow between actors, by kind and whether they are sure.

    As in `twin.decision.ledger.matrix`, a line below zero flows back, and flows of a pair sum to its entry there; a
    saving or revenue that flows back is a loss, a cost an avoided one.
    """
    payer, gainer = book.parties(actors)
    value = finance.npv(rate, book.amounts)
    unsure = in_noise(book.lines).to_numpy()
    sums: dict[tuple[str, str, str, bool], float] = {}
    for k, kind in enumerate(book.lines["kind"]):
        back = value[k] < 0.0
        start, end = (gainer[k], payer[k]) if back else (payer[k], gainer[k])
        if start != end and value[k] != 0.0:
            key = (str(start), str(end), _BACK[kind] if back else str(kind), not unsure[k])
            sums[key] = sums.get(key, 0.0) + abs(float(value[k]))
    return [Flow(p, g, kind, total, sure) for (p, g, kind, sure), total in sums.items()]


def lay_out(
    flows: Iterable[Flow], names: Callable[[str], str], amount: Callable[[str, str], str], net: Callable[[str], str]
) -> Layout:
    """Return the layout of a chart.

    Parameters
    ----------
    flows : iterable of Flow
        One or more.
    names : callable
        The name of an actor for readers.
    amount : callable
        The text of all that a payer gives a gainer.
    net : callable
        The text of what an actor ends with.
    """
    kept = [flow for flow in flows if flow.value > 0.0]
    scale = min(BARS, PER_FLOW * len(kept)) / sum(flow.value for flow in kept)
    payers = _payers(kept)
    gainers = _gainers(kept, payers)
    place = {"payer": _ranks(payers), "gainer": _ranks(gainers)}
    ordered = sorted(kept, key=lambda f: (_ORDER.index(f.kind), not f.sure))
    pairs = {g: [p for p in payers if any((f.payer, f.gainer) == (p, g) for f in kept)] for g in gainers}
    heads = {a: [Text(0, 0, 0, NAME_ROW, (a,), line) for line in _wrapped(names(a))] for a in {*payers, *gainers}}
    nets = {a: Text(0, 0, 0, SMALL_ROW, (a,), "net ", net(a)) for a in heads}
    rows = {
        g: [Text(0, 0, 0, SMALL_ROW, (p, g), "", amount(p, g), _after(ordered, names, p, g)) for p in pairs[g]]
        for g in gainers
    }
    left_texts = [[*heads[p], nets[p]] for p in payers]
    right_texts = [[*heads[g], *([] if g in payers else [nets[g]]), *rows[g]] for g in gainers]
    totals = [[scale * sum(f.value for f in kept if f.payer == p) for p in payers]]
    totals.append([scale * sum(f.value for f in kept if f.gainer == g) for g in gainers])
    blocks = [_blocks(bars, texts) for bars, texts in zip(totals, (left_texts, right_texts), strict=True)]
    height = max(blocks[0][-1], blocks[1][-1])
    left, right = (_bars(*side, height) for side in zip((payers, gainers), totals, blocks, strict=True))
    texts = [t for bar, lines in zip(left, left_texts, strict=True) for t in _beside(bar, lines, "left")]
    texts += [t for bar, lines in zip(right, right_texts, strict=True) for t in _beside(bar, lines, "right")]
    return Layout(scale, left, right, _bands(ordered, left, right, place, scale), texts, TOP + height + 6.0)


def flow_chart(
    flows: Sequence[Flow],
    names: Callable[[str], str],
    amount: Callable[[str, str], tuple[str, str]],
    net: Callable[[str], tuple[str, str]],
    title: str,
    unit: str,
) -> str:
    """Return the chart; nothing where no money flows.

    `amount` and `net` return a number as text, which is measured, and as the SVG markup that is drawn in its place.
    """
    if not any(flow.value > 0.0 for flow in flows):
        return ""
    layout = lay_out(flows, names, lambda p, g: amount(p, g)[0], lambda a: net(a)[0])
    parts = [f"<style>svg.flows {{ font-family: {FAMILY}; }}</style>"]
    parts.append(svg.text(4, 17, title, font_size=14, font_weight="600", fill=svg.INK, class_="stated"))
    parts.append(svg.text(4, 35, unit, font_size=11, fill=svg.MUTED))
    parts += _legend(flows)
    parts += [_drawn(band, names) for band in layout.bands]
    for bars, x in ((layout.payers, LEFT), (layout.gainers, RIGHT)):
        parts += [svg.rect(x, b.top, BAR, max(b.height, 0.8), fill=svg.INK) for b in bars]
    ends: dict[tuple[str, ...], list[float]] = {}
    for band in layout.bands:
        ends.setdefault((band.flow.payer, band.flow.gainer), []).extend((band.end, band.end + band.width))
    for text in layout.texts:
        number = "" if not text.number else amount(*text.of)[1] if text.of in ends else net(text.of[0])[1]
        parts.append(_written(text, number))
        if text.of in ends:
            y = (min(ends[text.of]) + max(ends[text.of])) / 2.0
            to = text.top + text.height / 2.0
            parts.append(svg.line(RIGHT + BAR + 1, y, text.left - 2, to, stroke=svg.MUTED, stroke_width=0.6))
    return svg.document(WIDTH, layout.height, f"{title}: who pays whom, {unit}", "".join(parts), "chart flows")


def _payers(flows: Sequence[Flow]) -> list[str]:
    """Return the payers, the largest first and those outside of the study last."""
    totals = {f.payer: sum(g.value for g in flows if g.payer == f.payer) for f in flows}
    return sorted(totals, key=lambda p: (p == OUTSIDE, -totals[p], p))


def _gainers(flows: Sequence[Flow], payers: Sequence[str]) -> list[str]:
    """Return the gainers in the order of the mean place of who pays them, so that few bands cross."""
    rank = _ranks(payers)
    mean = {}
    for gainer in {f.gainer for f in flows}:
        own = [f for f in flows if f.gainer == gainer]
        mean[gainer] = sum(f.value * rank[f.payer] for f in own) / sum(f.value for f in own)
    return sorted(mean, key=lambda g: (mean[g], g))


def _ranks(actors: Sequence[str]) -> dict[str, int]:
    return {actor: k for k, actor in enumerate(actors)}


def _wrapped(name: str) -> list[str]:
    """Return a name in at most two lines that fit beside the bars."""
    most, lines = LEFT - SPACE - 8.0, [""]
    for word in name.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width(longer, NAME, bold=True) > most and len(lines) == 1:
            lines.append(word)
        else:
            lines[-1] = longer
    return [_shortened(line, most, NAME, bold=True) for line in lines]


def _shortened(content: str, most: float, size: float, *, bold: bool = False) -> str:
    """Return a text, cut with an ellipsis where it is wider than `most`."""
    if width(content, size, bold=bold) <= most:
        return content
    kept = content
    while kept and width(f"{kept}…", size, bold=bold) > most:
        kept = kept[:-1].rstrip()
    return f"{kept}…"


def _blocks(bars: Sequence[float], texts: Sequence[Sequence[Text]]) -> list[float]:
    """Return where each block of a side starts, and where the last one ends."""
    needed = np.array([sum(text.height for text in lines) for lines in texts])
    return [0.0, *(float(x) for x in np.cumsum(np.maximum(np.array(bars), needed) + GAP))]


def _bars(actors: Sequence[str], bars: Sequence[float], blocks: Sequence[float], height: float) -> list[Bar]:
    """Return bars in the middle of their blocks, and the blocks in the middle of the image."""
    shift = TOP + (height - blocks[-1]) / 2.0
    middles = [(start + end) / 2.0 for start, end in pairwise(blocks)]
    return [Bar(a, shift + m - h / 2.0, h) for a, h, m in zip(actors, bars, middles, strict=True)]


def _beside(bar: Bar, lines: Sequence[Text], side: str) -> list[Text]:
    """Return lines of text, one below the other beside the middle of a bar; what follows a number is cut to fit."""
    top = bar.top + bar.height / 2.0 - sum(line.height for line in lines) / 2.0
    found = []
    for line in lines:
        size = NAME if line.height == NAME_ROW else SMALL
        start = RIGHT + BAR + SPACE + (4.0 if len(line.of) == 1 else 4.0 + SPACE)
        after = _shortened(line.after, WIDTH - 4.0 - start - width(line.before + line.number, size), size)
        wide = width(line.before + line.number + after, size, bold=not line.number)
        left = LEFT - SPACE - wide if side == "left" else start
        found.append(replace(line, left=left, top=top, width=wide, after=after))
        top += line.height
    return found


def _after(flows: Sequence[Flow], names: Callable[[str], str], payer: str, gainer: str) -> str:
    """Return what stands behind an amount: from whom, of which kinds, and whether it may be relied on."""
    own = [f for f in flows if (f.payer, f.gainer) == (payer, gainer)]
    kinds = ", ".join(dict.fromkeys(f.kind for f in own))
    unsure = "" if all(f.sure for f in own) else f" ({UNSURE})"
    return f" {kinds}{unsure} from {names(payer)}"


def _bands(
    flows: Sequence[Flow], left: list[Bar], right: list[Bar], place: Mapping[str, Mapping[str, int]], scale: float
) -> list[Band]:
    """Return the bands: at each bar in the order of the bars they come from or go to, one below the other."""
    starts, ends = {b.actor: b.top for b in left}, {b.actor: b.top for b in right}
    start_of: dict[int, float] = {}
    for k in sorted(range(len(flows)), key=lambda k: place["gainer"][flows[k].gainer]):
        start_of[k] = starts[flows[k].payer]
        starts[flows[k].payer] += scale * flows[k].value
    bands = []
    for k in sorted(range(len(flows)), key=lambda k: place["payer"][flows[k].payer]):
        flow = flows[k]
        bands.append(Band(flow, start_of[k], ends[flow.gainer], scale * flow.value))
        ends[flow.gainer] += scale * flow.value
    return bands


def _drawn(band: Band, names: Callable[[str], str]) -> str:
    x0, x1 = LEFT + BAR, RIGHT
    middle = (x0 + x1) / 2.0
    upper = f"M{svg.num(x0)} {band.start:.2f}C{svg.num(middle)} {band.start:.2f} {svg.num(middle)} {band.end:.2f} "
    lower = (
        f"{svg.num(x1)} {band.end:.2f}v{band.width:.2f}C{svg.num(middle)} {band.end + band.width:.2f} "
        f"{svg.num(middle)} {band.start + band.width:.2f} {svg.num(x0)} {band.start + band.width:.2f}Z"
    )
    flow = band.flow
    said = f"{names(flow.payer)} to {names(flow.gainer)}: {flow.kind}{'' if flow.sure else f', {UNSURE}'}"
    return svg.element(
        "path", f"<title>{escape(said)}</title>", d=upper + lower, **_style(flow.kind, flow.sure), class_="stated"
    )


def _style(kind: str, sure: bool) -> dict[str, object]:
    """Return how a band is drawn: full where it is sure, an outline in dashes where it is inside the noise."""
    colour = KIND_COLOURS[kind]
    if sure:
        return {"fill": colour, "fill_opacity": "0.6", "stroke": colour, "stroke_width": "0.5"}
    return {
        "fill": colour, "fill_opacity": "0.16", "stroke": colour, "stroke_width": "1", "stroke_dasharray": "4 3",
    }  # fmt: skip


def _written(text: Text, number: str) -> str:
    """Return a text, with the markup of its number, which names where it is from."""
    left = text.left < LEFT
    name, after = not number, f'<tspan class="stated">{escape(text.after)}</tspan>' if text.after else ""
    return svg.element(
        "text", escape(text.before) + number + after, x=text.left + text.width if left else text.left,
        text_anchor="end" if left else None, y=text.top + 0.78 * text.height,
        font_size=NAME if name else SMALL, font_weight="600" if name else None,
        fill=svg.INK if name or text.after else svg.MUTED, class_="stated" if name else None,
    )  # fmt: skip


def _legend(flows: Sequence[Flow]) -> list[str]:
    present = [(kind, kind, True) for kind in KIND_COLOURS if any(f.kind == kind for f in flows)]
    if any(not f.sure for f in flows):
        present.append((f"dashed: {UNSURE}", present[0][1], False))
    parts, x = [], 4.0
    for label, kind, sure in present:
        parts.append(svg.rect(x, 47, 18, 10, **_style(kind, sure)))
        parts.append(svg.text(x + 24, 56, label, font_size=11, fill=svg.INK))
        x += 24 + width(label, 11.0) + 20
    return parts
