"""The report: self-contained, escaped, equal bytes; maps and charts say what they show."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_fixture import FakeRun, make_run
from rich.console import Console

from twin.city.model import City
from twin.decision.compare import compare
from twin.decision.kpis import KPIS
from twin.report import charts, formats, maps, summary
from twin.report.html import render, write_report
from twin.report.layers import place_names, street_id
from twin.report.summary import labels_of
from twin.report.table import as_data, print_table

HOSTILE = "<script>alert(1)</script>\"&'<img src=x onerror=y>"
VOID = {"meta", "link", "br", "img", "input", "hr"}


@pytest.fixture(scope="module")
def run(small_city: City, tmp_path_factory: pytest.TempPathFactory) -> FakeRun:
    return make_run(small_city, tmp_path_factory.mktemp("report"), idle=True)


@pytest.fixture(scope="module")
def page(run: FakeRun) -> str:
    return render(run)


class Reader(HTMLParser):
    """Collects tags with attributes, ids, and checks that tags close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert not reader.open
    return reader


def test_nothing_refers_outside_the_file(page: str) -> None:
    reader = read(page)
    ids = {attributes["id"] for _, attributes in reader.tags if "id" in attributes}
    for tag, attributes in reader.tags:
        assert tag not in {"script", "link", "iframe", "object", "embed", "img", "base", "form"}
        for name, value in attributes.items():
            assert name not in {"src", "srcset", "action", "data", "xlink:href"}
            assert not name.startswith("on")
            if name == "href":
                assert value is not None
                assert value.startswith("#")
                assert value[1:] in ids, value
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)
    policy = [a for tag, a in reader.tags if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"]
    assert policy[0]["content"] == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_ids_are_unique(page: str) -> None:
    ids = [attributes["id"] for _, attributes in read(page).tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_hostile_names_are_text(run: FakeRun) -> None:
    info = {
        **run.info,
        "question": HOSTILE,
        "study": {**run.info["study"], "study": HOSTILE},
        "labels": dict.fromkeys(run.info["labels"], HOSTILE),
        "warnings": [HOSTILE],
        "city": {**run.info["city"], "title": HOSTILE},
        "sources": [{**run.info["sources"][0], "attribution": HOSTILE, "url": "javascript:alert(1)"}],
    }
    layers = {key: layer.assign(name=HOSTILE) if "name" in layer else layer for key, layer in run.layers.items()}
    page = render(FakeRun(**{**vars(run), "info": info, "layers": layers}))
    reader = read(page)
    assert not [tag for tag, _ in reader.tags if tag in {"script", "img"}]
    assert "<script" not in page
    assert page.count("&lt;script&gt;") > 10


def test_every_map_has_title_unit_direction_legend_scale_and_north(run: FakeRun) -> None:
    drawn = maps.difference_maps(run, labels_of(run))
    assert {group.theme.quantity for group in drawn.groups} >= {"flow_veh_day", "heating_kwh_a", "pv_kwh_a", "co2_kg_a"}
    for group in drawn.groups:
        assert len(group.maps) + len(group.unchanged) == len(run.info["scenarios"])
        assert "Do nothing" in group.unchanged
        for svg in group.maps:
            assert group.theme.title in svg
            assert group.theme.unit in svg
            assert formats.DIRECTION[group.theme.better] in svg
            assert "not distinguishable from noise" in svg
            assert "no change" in svg
            assert ">N</text>" in svg
            assert re.search(r"\d+ k?m</text>", svg)


def test_the_scale_is_the_same_in_every_scenario(run: FakeRun) -> None:
    for group in maps.difference_maps(run, labels_of(run)).groups:
        legends = {tuple(re.findall(r'font-size="10" fill="#5f6c7b">([^<]*)<', svg)) for svg in group.maps}
        assert len(legends) == 1


def test_without_draws_nothing_is_called_noise(small_city: City, tmp_path_factory: pytest.TempPathFactory) -> None:
    page = render(make_run(small_city, tmp_path_factory.mktemp("nodraws"), draws=0))
    assert "no draws: noise is not known" in page
    assert "no difference in this report can be told from noise" in page
    read(page)


def test_large_layers_are_shown_by_zone(run: FakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maps, "MAX_FEATURES", 20)
    drawn = maps.difference_maps(run, labels_of(run))
    assert drawn.notes
    assert all(group.theme.layer == "zones" for group in drawn.groups)
    assert 'href="#z0"' in "".join(svg for group in drawn.groups for svg in group.maps)


def test_huge_layers_are_left_out_of_the_background(run: FakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(maps.difference_maps(run, labels_of(run)).shapes)
    monkeypatch.setattr(maps, "MAX_FEATURES", 20)
    monkeypatch.setattr(maps, "MAX_BACKGROUND", 40)
    assert len(maps.difference_maps(run, labels_of(run)).shapes) < before / 4


def test_report_is_equal_bytes_and_atomic(run: FakeRun) -> None:
    first = write_report(run).read_bytes()
    assert write_report(run).read_bytes() == first
    assert not list(run.path.glob(".*.part"))


def test_sections_and_attribution(page: str) -> None:
    for section in ("headline", "changes", "kpis", "targets", "maps", "profiles", "zones", "method", "trust", "data"):
        assert f'<section id="{section}">' in page
    assert "© OpenStreetMap contributors" in page
    assert "ODbL-1.0" in page
    assert "not distinguishable" in page
    assert "nan" not in re.sub(r"<[^>]*>", " ", page).lower().split()


def test_idle_scenario_is_named_as_such(page: str) -> None:
    assert "Changes nothing: every KPI equals the baseline." in page


def test_interval_chart_stays_in_its_frame(run: FakeRun) -> None:
    table = compare(run)
    rows = table[table["scenario"] != "baseline"]
    for kpi in charts.chart_kpis(rows):
        svg = charts.interval_chart(kpi, rows[rows["kpi"] == kpi.id], labels_of(run))
        positions = [float(x) for x in re.findall(r' (?:x|x1|x2|cx)="(-?[\d.]+)"', svg)]
        assert min(positions) >= 0
        assert max(positions) <= charts.WIDTH


def test_typical_day_takes_working_days_of_the_season() -> None:
    year = np.repeat(np.where(np.arange(365) % 7 < 5, 1.0, 100.0), 24)
    assert np.array_equal(charts.typical_day(year, charts.WINTER), np.ones(24))
    july = np.zeros((365, 24))
    july[181:212] = np.arange(24)
    assert np.allclose(charts.typical_day(july.ravel(), (6,)), np.arange(24))
    assert not charts.typical_day(july.ravel(), charts.WINTER).any()


def test_duration_curve_falls(run: FakeRun) -> None:
    curve = charts.duration_curve({"baseline": run.series("baseline")})
    assert curve is not None
    assert (np.diff(curve.values["baseline"]) <= 0).all()


def test_places_are_named_by_their_longest_street(run: FakeRun) -> None:
    layers = {name: run.layer("baseline", name) for name in ("zones", "links")}
    layers["links"]["name"] = "Main Street"
    names = place_names(layers)
    assert list(names) == list(layers["zones"].index)
    assert any(name.endswith(" · Main Street") for name in names.values())
    assert street_id("way/12/f") == street_id("way/12/b") == "way/12"


@given(st.floats(-1e12, 1e12), st.integers(-3, 4))
@settings(max_examples=200, deadline=None)
def test_numbers_read_back(value: float, decimals: int) -> None:
    text = formats.number(value, decimals)
    read_back = float(text.replace(formats.THIN, "").replace(formats.MINUS, "-"))
    assert read_back == pytest.approx(round(value, decimals), rel=1e-12, abs=1e-9)


def test_no_false_precision() -> None:
    kpi = KPIS["vehicle_km_day"]
    assert formats.value_text(kpi, 48211.73) == f"48{formats.THIN}210"
    difference, spread = formats.difference_texts(kpi, 578.8, 291.85, 733.27)
    assert (difference, spread) == ("+579", "+292 … +733")
    assert formats.value_text(KPIS["car_share"], 0.2831) == "28.3"
    assert formats.number(float("nan")) == formats.NOTHING
    assert formats.number(-0.0001, 1) == "0.0"


@pytest.mark.parametrize("width", [80, 100, 140])
def test_terminal_table_keeps_its_numbers(run: FakeRun, width: int) -> None:
    out = StringIO()
    print_table(run, Console(file=out, width=width))
    text = out.getvalue()
    assert f"−3{formats.THIN}200" in text
    assert "distinguishable" in text
    assert "Do nothing: equals the baseline in every KPI" in text
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text.replace(" … ", "")


def test_data_for_json_has_no_nan(run: FakeRun) -> None:
    import json

    data = json.loads(json.dumps(as_data(run), allow_nan=False))
    assert {row["scenario"] for row in data["kpis"]} == {"baseline", *run.info["scenarios"]}
    assert data["draws"] == 16


def test_without_draws_nothing_is_said_of_intervals(small_city: City, tmp_path: Path) -> None:
    bare = make_run(small_city, tmp_path, draws=0)
    page, console = render(bare), Console(file=StringIO(), width=120, record=True)
    print_table(bare, console)  # type: ignore[arg-type]
    text = console.export_text()
    for words in (page, text):
        assert "0 draws" not in words
        assert "0 uncertainty draws" not in words
    assert "needs at least 5 uncertainty draws" in " ".join(text.split())
    assert "90 % intervals</h3>" not in page


def test_a_kpi_with_a_target_has_a_chart(run: FakeRun) -> None:
    rows = compare(run)
    plain = {kpi.id for kpi in charts.chart_kpis(rows)}
    quiet = next(kpi for kpi in KPIS if kpi not in plain and (rows.loc[rows["kpi"] == kpi, "difference"] != 0).any())
    assert quiet in {kpi.id for kpi in charts.chart_kpis(rows, {quiet})}


def test_a_kpi_with_a_target_is_a_headline(run: FakeRun) -> None:
    rows = compare(run)
    sure = rows[rows["verdict"].isin(["better", "worse"])]
    quiet = next(row for row in sure.to_dict("records") if not KPIS[row["kpi"]].headline)
    study = run.info["study"] | {"targets": [{"kpi": quiet["kpi"], "at_most": 1.0}]}
    asked = FakeRun(**{**vars(run), "info": run.info | {"study": study}})
    for which, wanted in (
        (dataclasses.replace(run, info=run.info | {"study": run.info["study"] | {"targets": []}}), False),
        (asked, True),
    ):
        cards = summary.headlines(which, rows, labels_of(run))
        card = cards[run.info["scenarios"].index(quiet["scenario"])]
        assert any(saying.startswith(quiet["label"] + " ") for saying in card["better"] + card["worse"]) is wanted


def test_loads_that_are_zero_everywhere_have_no_chart() -> None:
    series = {"baseline": {"pv_kw": np.zeros(8760), "import_kw": np.ones(8760)}}
    assert {chart.title for chart in charts.day_charts(series)} == {
        "Electricity from outside, winter day",
        "Electricity from outside, summer day",
    }


def test_lines_that_no_scenario_leaves_are_named_and_not_drawn(run: FakeRun) -> None:
    same = {name: {"pv_kw": np.zeros(8760), "import_kw": np.ones(8760)} for name in ("baseline", "a")}
    assert not any(map(charts.differs, charts.day_charts(same)))
    same["a"] = same["a"] | {"import_kw": np.full(8760, 1.01)}
    assert all(map(charts.differs, charts.day_charts(same)))
    page = render(dataclasses.replace(run, hourly=dict.fromkeys(run.hourly, run.hourly["baseline"])))
    assert "Not drawn, because no scenario changes it visibly: " in page
    assert page.count("winter day, MW") == 0
    assert page.count("winter day") > 0


def test_trifles_are_no_headline(run: FakeRun) -> None:
    rows = compare(run)
    rows.loc[rows["scenario"] == "combination", "percent"] = 0.01
    card = summary.headlines(run, rows, labels_of(run))[run.info["scenarios"].index("combination")]
    assert not card["better"]
    assert not card["worse"]
    assert not charts.chart_kpis(rows[rows["scenario"] == "combination"])
