"""The files of a cadastre: layers, styles, ranked list, pages that need nothing else."""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from tests.solar_tables import PRICES, made_up
from twin.errors import UsageError
from twin.report.cadastre import check_target, ranked_table, write_cadastre
from twin.report.cadastre_page import MARKER, PACKAGE, CadastreReport, sheet_path
from twin.report.roof_sheet import RoofYear, SheetParameters, render_sheet
from twin.solar.cadastre import rank
from twin.solar.economics import EconomicsParameters
from twin.solar.outlines import plane_outlines
from twin.solar.parameters import SolarParameters
from twin.solar.storage import StorageParameters, battery_curve
from twin.solar.uncertainty import city_exceedance

ASSUMED = SheetParameters(SolarParameters(), EconomicsParameters(), PRICES, 60.0)


def a_year() -> RoofYear:
    hour = np.arange(8760)
    pv = np.clip(np.sin((hour % 24 - 6) / 12 * np.pi), 0, None).astype(np.float32) * np.float32(5.0)
    demand = np.full(8760, 0.8, np.float32)
    return RoofYear(pv, demand, battery_curve(demand, pv, np.linspace(0.0, 15.0, 4), StorageParameters()))


def a_report(budget: float | None = 60_000.0, count: int = 12, **more) -> CadastreReport:
    houses, cadastre = made_up(count, installed=0.1)
    buildings = gpd.GeoDataFrame(
        pd.concat([houses[["name", "use"]], cadastre.buildings], axis=1),
        geometry=houses.geometry.to_numpy(),
        crs=houses.crs,
    )
    report = CadastreReport(
        title="Town <&>",
        cadastre=cadastre,
        planes=plane_outlines(houses, cadastre.planes),
        buildings=buildings,
        ranked=rank(cadastre.buildings, "co2", budget),
        by="co2",
        budget_eur=budget,
        rules="nrel",
        city_p90_kwh=city_exceedance(cadastre.buildings),
        parameters=[{"path": "a.b", "value": 1.0, "shown": "1", "unit": "-", "meaning": "m", "source": "s"}],
        sources=[{"title": "Made up", "attribution": "nobody", "licence": "CC0-1.0"}],
        weather=["A year"],
        notes=["A note."],
    )
    report = replace(report, **more)
    names = list(report.ranked.index[:2]) or list(buildings.index[:1])
    return replace(report, sheets={n: lambda n=n: render_sheet(report, n, a_year(), ASSUMED) for n in names})


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in ("meta", "br", "img", "link"):
            self.open.append(tag)
        self.addresses += [v for k, v in attrs if k in ("href", "src")]

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("cadastre") / "out"
    write_cadastre(a_report(), target)
    return target


def test_files(folder: Path) -> None:
    names = {p.name for p in folder.iterdir()}
    assert names == {PACKAGE, MARKER, "ranked.csv", "index.html", "sheets"}
    assert len(list((folder / "sheets").iterdir())) == 2


def test_layers_and_styles(folder: Path) -> None:
    planes, buildings = (gpd.read_file(folder / PACKAGE, layer=name) for name in ("roof_planes", "buildings"))
    assert len(buildings) == 12 and len(planes) == 18
    assert {"reason", "lcoe_eur_kwh", "npv_eur", "payback_a", "irradiation_class"} <= set(planes.columns)
    assert {"p90_kwh_a", "installed_share", "co2_avoided_t", "co2_embodied_t", "self_consumption_battery_share"} <= set(
        buildings.columns
    )
    with sqlite3.connect(folder / PACKAGE) as connection:
        rows = connection.execute("SELECT f_table_name, styleName, styleQML, useAsDefault FROM layer_styles").fetchall()
    assert {row[0] for row in rows} == {"roof_planes", "buildings"}
    for layer in ("roof_planes", "buildings"):
        assert sum(row[3] for row in rows if row[0] == layer) == 1
    for _, name, qml, _ in rows:
        root = ET.fromstring(qml)
        used = {e.get("symbol") for e in root.iter() if e.tag in ("range", "category")}
        assert used == {e.get("name") for e in root.iter("symbol")}, name
    assert {"deciding rule", "specific_yield_kwh_kwp", "cost_eur_t_co2"} <= {row[1] for row in rows}


def test_ranked_list_and_summary(folder: Path) -> None:
    table = pd.read_csv(folder / "ranked.csv", index_col=0)
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    assert table["cumulative_capex_eur"].iloc[-1] == pytest.approx(60_000.0)
    summary = json.loads((folder / MARKER).read_text())
    assert summary["ranking"]["capex_eur"] == pytest.approx(60_000.0)
    assert summary["totals"]["p90_kwh_a"] < summary["totals"]["pv_potential_kwh_a"]
    assert sum(summary["reasons"].values()) == 18


def test_pages_are_whole_and_need_nothing_else(folder: Path) -> None:
    for path in (folder / "index.html", *(folder / "sheets").iterdir()):
        text = path.read_text(encoding="utf-8")
        page = Page(text)
        assert page.open == []
        assert not page.tags & {"script", "link", "iframe", "object", "img"}
        assert "nan" not in re.sub(r"<[^>]*>", " ", text).lower().split()
        for address in page.addresses:
            assert (path.parent / address).is_file(), address
        assert "Town &lt;&amp;&gt;" in text and "Town <&>" not in text


def test_maps_say_unit_direction_and_scale(folder: Path) -> None:
    text = (folder / "index.html").read_text(encoding="utf-8")
    maps = re.findall(r'<svg class="map".*?</svg>(?=\s*</div>)', text, re.S)
    assert len(maps) == 3
    for image in maps:
        assert ">N</text>" in image and re.search(r">[\d.]+ k?m</text>", image)
    assert "kWh/m² · ↑ higher is better" in maps[0]


def test_the_sheet_tells_every_step() -> None:
    report = a_report()
    text = render_sheet(report, str(report.ranked.index[0]), a_year(), ASSUMED)
    for words in ("Suitable planes", "Usable for modules", "Power", "Used in the building", "Levelised cost", "P90",
                  "sun ≥ 70 % of unshaded", "not to the pole, unless flat", "What a battery would change"):  # fmt: skip
        assert words in text, words


def test_sheet_rules_agree_with_the_reason() -> None:
    report = a_report(count=40)
    for name in report.buildings.index:
        text = render_sheet(report, str(name), RoofYear(np.zeros(8760, np.float32)), ASSUMED)
        rows = re.findall(r"<tr><td>\d+: .*?</tr>", text)
        for row in rows:
            assert ("✗" in row) != row.endswith("<td>suitable</td></tr>")
        assert rows


def test_a_roof_that_does_not_suit_has_a_sheet_too() -> None:
    report = a_report(count=40)
    unfit = report.buildings.index[report.buildings["pv_potential_kwp"] <= 0.0]
    text = render_sheet(report, str(unfit[0]), RoofYear(np.zeros(8760, np.float32)), ASSUMED)
    assert "No plane of this roof suits PV" in text and "NaN" not in text and ">nan" not in text


def test_no_budget_and_no_roof_worth_it(tmp_path: Path) -> None:
    write_cadastre(a_report(None), tmp_path / "all")
    assert "Without a limit" in (tmp_path / "all" / "index.html").read_text()
    write_cadastre(a_report(0.0), tmp_path / "none")
    assert "No roof is worth it" in (tmp_path / "none" / "index.html").read_text()
    assert len(ranked_table(a_report(0.0))) == 0


def test_targets(tmp_path: Path, folder: Path) -> None:
    check_target(tmp_path / "new", force=False)
    check_target(tmp_path, force=False)
    with pytest.raises(UsageError, match="something already"):
        check_target(folder, force=False)
    check_target(folder, force=True)
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match="holds other files"):
        check_target(tmp_path, force=True)


def test_sheet_names_are_safe_and_distinct() -> None:
    names = ["a/b", "a~b", "../up", "x" * 300, "näher", "..", "a:b"]
    paths = [sheet_path(name) for name in names]
    assert len(set(paths)) == len(names)
    for path in paths:
        folder, _, file = path.partition("/")
        assert folder == "sheets" and "/" not in file and ".." not in file and len(file) < 200
