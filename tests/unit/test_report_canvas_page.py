"""The canvas on one page: all blocks, every number traced, nothing over the edge, nothing unescaped."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import decision_canvas_fixture as fixture
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from report_fixture import LABELS, make_run

from twin.decision.canvas import BLOCKS, Canvas
from twin.decision.canvas_figures import canvas_figures, sentence
from twin.decision.decide import Decision, decide
from twin.decision.figures import Figures, figures_of
from twin.decision.overview import Overview, overview
from twin.report import canvas_layout, canvas_marks, font_metrics
from twin.report.canvas_page import canvas_pages, canvas_pages_alone
from twin.report.canvas_sheet import sheet_of
from twin.report.canvas_svg import draw_sheet
from twin.report.canvas_text import Piece, Printer, in_words, stated, words

HOSTILE = '<script>alert("x")</script> & "quoted" \u202e\x07 ]]> </svg>'
BRISTOL = """\
mission: To integrate the city's platforms, and enable innovation.
key_partnerships: [Bristol Operations Centre, University of Bristol, TravelWest]
key_activities: [Agree scope and resources, Map requirements]
key_infrastructure_resources: [BNET fibre network]
value_proposition: [trusted data storage, control of networks, new services]
buy_in: [Mayor of Bristol]
deployment: [open data through the Open Data Platform]
beneficiaries: [Universities (research), Citizens (better services, safety)]
budget_costs: {capex: development budget, opex: maintenance}
revenue_streams: {direct: savings}
environmental_costs: [CO2 of servers]
environmental_benefits: [less congestion]
social_risks: [privacy]
social_benefits: [participation]
"""


@pytest.fixture(scope="module")
def decision(small_city, tmp_path_factory) -> Decision:
    return _decision(small_city, tmp_path_factory.mktemp("run"), fixture.CANVAS)


@pytest.fixture(scope="module")
def figures(decision) -> Figures:
    return figures_of(decision)


@pytest.fixture(scope="module")
def html(decision, figures) -> str:
    return canvas_pages(decision, figures)["canvas.html"]


@pytest.fixture(scope="module")
def alone() -> Overview:
    return overview(Canvas.model_validate(yaml.safe_load(BRISTOL)))


def _decision(city, folder: Path, canvas: str) -> Decision:
    run = make_run(city, folder)
    run.info["study"].update(yaml.safe_load(fixture.STUDY))
    run.info["study"]["canvas"] = yaml.safe_load(canvas)
    return decide(run)


class _Reader(HTMLParser):
    """Collects numbers with their references, and text that is neither a number nor quoted."""

    VOID = ("meta", "br", "img")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, bool]] = []
        self.numbers: list[tuple[str, str, str]] = []
        self.loose: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.scripts += tag == "script" or any(name.startswith("on") for name in found)
        if "data-from" in found:
            self.numbers.append((found["data-from"], found.get("value") or found["data-value"], tag))
        quiet = tag == "style" or "data-from" in found or "stated" in (found.get("class") or "").split()
        if tag not in self.VOID:
            self.open.append((tag, quiet))

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open, tag
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if not any(quiet for _, quiet in self.open):
            self.loose.append(data)


def _read(text: str) -> _Reader:
    reader = _Reader()
    reader.feed(text)
    assert not reader.open
    return reader


def test_numbers_resolve_and_no_digit_stands_outside_of_them(html, decision, figures):
    known = Figures({**canvas_figures(decision.overview), **{ref: figures[ref] for ref in figures}})
    page = _read(html)
    assert len(page.numbers) > 200
    for ref, value, _ in page.numbers:
        assert repr(known[ref].value) == value, ref
    assert not [text for text in page.loose if re.search(r"\d", text)]
    assert page.scripts == 0


def test_all_blocks_stand_on_page_and_sheet_and_evidence_comes_first(html, decision, figures):
    svg = canvas_pages(decision, figures)["canvas.svg"]
    for text in (html, svg):
        for block in BLOCKS:
            assert block.title.split(",")[0] in text, block
    first = "".join(_texts(svg)[:5])
    assert first.replace("\u202f", " ").startswith("1 of 8 claims has no evidence (12 %).")
    main = html[html.index("<main>") : html.index("</main>") + 7]
    assert "".join(_read(main).loose).split("claims")[0].strip() == "of"


def test_verdicts_conflicts_and_vetoes_are_told_in_words_and_shapes(html):
    for verdict in ("supported", "not supported", "not modelled"):
        assert f"<b>{verdict}</b>" in html
        assert canvas_marks.shape(verdict) in html
    text = " ".join("".join(_texts(_sheet(html))).split())
    assert "Conflict: environmental better, social worse" in text
    assert "nobody gains enough to compensate" in text
    assert len(set(canvas_marks.SHAPES.values())) == len(canvas_marks.SHAPES)


def test_the_sheet_is_one_image_of_a3_without_anything_from_outside(decision, figures):
    svg = canvas_pages(decision, figures)["canvas.svg"]
    root = ET.fromstring(svg)
    assert (root.get("width"), root.get("height")) == ("420mm", "297mm")
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
    assert all(label in "".join(root.itertext()) for label in LABELS.values())


def test_equal_decisions_give_equal_bytes(html, decision, figures):
    assert canvas_pages(decision, figures)["canvas.html"] == html
    assert canvas_pages(decision, figures)["canvas.svg"] == canvas_pages(decision, figures)["canvas.svg"]


def test_a_canvas_alone_shows_all_blocks_and_that_no_claim_has_evidence(alone):
    html, svg = canvas_pages_alone(alone)["canvas.html"], canvas_pages_alone(alone)["canvas.svg"]
    for block in BLOCKS:
        assert block.title.split(",")[0] in html
    text = " ".join("".join(_texts(svg)).split())
    assert text.startswith("3 of 3 claims have no evidence (100 %).")
    assert "This canvas has not been run" in text
    assert "University of Bristol is one actor with several roles" in text
    page = _read(html)
    assert not [t for t in page.loose if re.search(r"\d", t)]
    assert {ref for ref, _, _ in page.numbers} <= set(canvas_figures(alone))


def test_the_bristol_canvas_fits_on_the_sheet():
    path = Path(__file__).parents[2] / "../shared/data/canvas_bristol.yaml"
    if not path.exists():
        pytest.skip("the canvas of Bristol is not here")
    from twin.decision.canvas_file import load_canvas

    found = overview(load_canvas(path))
    text = " ".join("".join(_texts(canvas_pages_alone(found)["canvas.svg"])).split())
    for state in found.states:
        for entry in state.entries:
            assert " ".join(entry.split())[:30] in text
    assert "more, on the page" not in text


def test_hostile_text_is_escaped(small_city, tmp_path):
    canvas = yaml.safe_load(fixture.CANVAS)
    for block in BLOCKS[1:]:
        entries = canvas[block.key]
        if isinstance(entries, list):
            entries.append({"text": HOSTILE})
    canvas["mission"]["text"] = HOSTILE * 3
    canvas["actors"]["city"]["label"] = HOSTILE
    canvas["value_proposition"].append({"text": "x" * 400, "evidence": "expert", "source": HOSTILE})
    text = yaml.safe_dump(canvas)
    found = _decision(small_city, tmp_path, text)
    found.run.info["question"] = HOSTILE * 9
    numbers = figures_of(found)
    page = _read(canvas_pages(found, numbers)["canvas.html"])
    assert page.scripts == 0
    svg = canvas_pages(found, numbers)["canvas.svg"]
    assert '<script>alert("x")' in "".join(ET.fromstring(svg).itertext())
    assert "\u202e" not in svg
    assert "\x07" not in svg


def test_a_block_that_is_too_full_says_how_much_stands_on_the_page(small_city, tmp_path):
    canvas = yaml.safe_load(fixture.CANVAS)
    canvas["value_proposition"] += [{"text": f"{'a promise that goes on and on ' * 9}{k}"} for k in range(40)]
    found = _decision(small_city, tmp_path, yaml.safe_dump(canvas))
    html = canvas_pages(found, figures_of(found))["canvas.html"]
    svg = _sheet(html)
    assert "more than twenty more, on the page in full" in " ".join("".join(_texts(svg)).split())
    assert html[html.index("<main>") :].count("a promise that goes on and on") >= 40
    _inside(svg)


def test_nothing_is_drawn_over_the_edge(decision, figures, alone):
    _inside(canvas_pages(decision, figures)["canvas.svg"])
    _inside(canvas_pages_alone(alone)["canvas.svg"])


def test_rows_stay_within_their_block(decision, figures):
    sheet = sheet_of(decision, figures)
    for brief in (False, True):
        printer = Printer(sheet.book.figures, brief)
        for block in sheet.blocks:
            for width, most in ((50.0, float("inf")), (90.0, 40.0), (60.0, 12.0)):
                laid = canvas_layout.lay_out(printer, block, width, 2.6, most)
                assert laid.height <= max(most, 30.0)
                for row in laid.rows:
                    assert row.y <= laid.height
                    end = row.bits[-1]
                    wide = font_metrics.width(end.text, row.size, bold=end.piece.bold)
                    assert row.indent + end.x + wide <= width - 2 * canvas_layout.PADDING + 0.01
    assert draw_sheet(sheet) == canvas_pages(decision, figures)["canvas.svg"]


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=120),
    width=st.floats(8.0, 80.0),
    size=st.floats(2.0, 5.0),
)
def test_wrapping_keeps_every_word_and_no_line_is_too_wide(text, width, size):
    printer = Printer(Figures({}))
    pieces = (words("we say"), words(" "), stated(text, bold=True))
    lines = canvas_layout.wrap(printer, pieces, width, size)
    kept = "".join(bit.text for line in lines for bit in line)
    assert kept == "".join(piece.text for piece in pieces).replace(" ", "")
    for line in lines:
        last = line[-1]
        assert (
            last.x + font_metrics.width(last.text, size, bold=last.piece.bold) <= width + 1.06 * size
            or len(last.text) == 1
        )


def test_widths_are_those_of_the_font():
    assert font_metrics.width("iiii", 1000.0) == 4 * 222
    assert font_metrics.width("W", 1000.0, bold=True) == 944
    assert font_metrics.width("äé", 1000.0) == font_metrics.width("ae", 1000.0)
    assert font_metrics.width("漢", 1.0) > 1.0


def test_numbers_within_sentences_have_references_and_quotes_keep_theirs(decision):
    flag = next(f for s in decision.overview.states for f in s.flags if "wedges" in f)
    parts = sentence(decision.overview, "r", flag)
    assert [p.text for p in parts if p.ref] == ["1500", "3000"]
    assert "".join(p.text for p in parts) == flag
    quoted = sentence(decision.overview, "r", "needed: Cleaner air")
    assert [p.ref for p in quoted] == [""]
    assert [p.text for p in sentence(decision.overview, "r", "PM2.5 by -10 %, in 2035") if p.ref] == ["-10", "2035"]


def test_room_is_shared_fairly():
    assert canvas_layout.fair([10.0, 30.0], 80.0) == [20.0, 60.0]
    assert canvas_layout.fair([10.0, 90.0], 50.0) == [10.0, 40.0]
    assert canvas_layout.fair([60.0, 90.0], 50.0) == [25.0, 25.0]


def test_small_counts_are_words():
    assert in_words(3) == "three"
    assert in_words(21) == "more than twenty"
    assert Piece("a\nb\x07").text == "a b"


def _sheet(html: str) -> str:
    return html[html.index("<svg xmlns") : html.index("</svg></div>") + 6]


def _texts(svg: str) -> list[str]:
    """Return the texts of an image in the order of drawing, without titles."""
    root = ET.fromstring(svg)
    for parent in root.iter():
        for child in list(parent):
            if child.tag.endswith("title"):
                parent.remove(child)
    return ["".join(e.itertext()) + " " for e in root.iter() if e.tag.endswith("}text")]


def _inside(svg: str) -> None:
    for x, y in re.findall(r'<text x="([-\d.]+)" y="([-\d.]+)"', svg):
        assert 8.0 <= float(x) <= 412.0
        assert 8.0 <= float(y) <= 289.0
