"""``twin assign``: system optimum, select link, closures and criticality, against hand figures and the Python API."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.validation.sioux_falls import sioux_falls
from twin.cli import main
from twin.kernels.traffic.assignment import ARGUMENTS
from twin.kernels.traffic.equilibrium import Problem, solve
from twin.traffic.criticality import link_criticality
from twin.traffic.select_link import displaced, route_flows, select_links

# Two ways from A to B: wide takes 1 + x / 100, narrow 2 + x / 100; "in" and "out" lead there and away in no time.
FOUR = """link_id,from_node,to_node,length_km,free_flow_time_min,capacity_veh_h,alpha,power,toll
in,A,p,1,0,1000,0,1,0
wide,p,q,1,1,100,1,1,0
narrow,p,q,1,2,200,1,1,1
out,q,B,1,0,1000,0,1,0
"""
TRIPS = "origin,destination,trips\nA,B,300\n"
Rows = list[dict[str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "n.csv").write_text(FOUR)
    (tmp_path / "t.csv").write_text(TRIPS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def assign(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    assert main(["assign", "n.csv", "t.csv", *words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def rows(path: str) -> Rows:
    with Path(path).open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def column(table: Rows, name: str) -> dict[str, float]:
    return {row["link_id"]: float(row[name]) for row in table}


def test_system_optimum_by_hand(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Equal times: 1 + w / 100 = 2 + n / 100, so 200 and 100. Equal marginal times, 1 + 2w / 100: 175 and 125."""
    user = assign(capsys, "--out", "user", "--gap", "1e-13")
    best = assign(capsys, "--out", "best", "--gap", "1e-13", "--system-optimum")
    flow = column(rows("user/links.csv"), "flow")
    assert [flow["wide"], flow["narrow"]] == pytest.approx([200.0, 100.0], rel=1e-9)
    assert user["total_time"] == pytest.approx(900.0, rel=1e-9)
    table = rows("best/links.csv")
    flow, time, toll = (column(table, name) for name in ("flow", "time", "toll_min"))
    assert [flow["wide"], flow["narrow"]] == pytest.approx([175.0, 125.0], rel=1e-9)
    assert [toll["wide"], toll["narrow"]] == pytest.approx([1.75, 1.25], rel=1e-9)
    assert toll["in"] == toll["out"] == 0.0
    assert time["wide"] + toll["wide"] == pytest.approx(time["narrow"] + toll["narrow"], rel=1e-9)
    assert best["total_time"] == best["objective"] == pytest.approx(175 * 2.75 + 125 * 3.25, rel=1e-9)
    assert best["toll_revenue"] == pytest.approx(175 * 1.75 + 125 * 1.25, rel=1e-9)
    assert best["system_optimum"] and not user["system_optimum"]
    assert "toll_min" not in rows("user/links.csv")[0] and "toll_revenue" not in user


def test_charging_the_tolls_leads_to_the_optimum(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assign(capsys, "--out", "best", "--gap", "1e-13", "--system-optimum")
    toll = column(rows("best/links.csv"), "toll_min")
    lines = FOUR.splitlines()
    tolled = [lines[0]] + [f"{line.rsplit(',', 1)[0]},{toll[line.split(',')[0]]}" for line in lines[1:]]
    (folder / "n.csv").write_text("\n".join(tolled))
    assign(capsys, "--out", "charged", "--gap", "1e-13", "--toll-factor", "1")
    there, here = (column(rows(f"{name}/links.csv"), "flow") for name in ("best", "charged"))
    assert here == pytest.approx(there, rel=1e-9)


def test_select_link_by_hand(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = assign(capsys, "--out", "o", "--gap", "1e-13", "--select-link", "wide")
    assert found["select_link"]["trips"] == pytest.approx(200.0, rel=1e-9)
    (pair,) = rows("o/select_link_od.csv")
    assert (pair["origin"], pair["destination"]) == ("A", "B")
    assert float(pair["trips"]) == pytest.approx(200.0, rel=1e-9)
    bundle = column(rows("o/select_link_flow.csv"), "flow")
    assert bundle == pytest.approx({"in": 200.0, "wide": 200.0, "narrow": 0.0, "out": 200.0}, rel=1e-9)
    either = assign(capsys, "--out", "either", "--select-link", "wide, narrow")["select_link"]
    both = assign(capsys, "--out", "both", "--select-link", "wide,narrow", "--all")["select_link"]
    chain = assign(capsys, "--out", "chain", "--select-link", "in,wide", "--all", "--gap", "1e-13")["select_link"]
    assert either["trips"] == pytest.approx(300.0)
    assert (both["trips"], both["pairs"], chain["how"]) == (0.0, 0, "all")
    assert chain["trips"] == pytest.approx(200.0, rel=1e-9)
    assert rows("both/select_link_od.csv") == []
    best = assign(capsys, "--out", "best", "--select-link", "wide", "--system-optimum", "--gap", "1e-13")
    assert best["select_link"]["trips"] == pytest.approx(175.0, rel=1e-9)


def test_closing_a_link_by_hand(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All 300 take the narrow way, in 5 minutes instead of 3."""
    found = assign(capsys, "--out", "o", "--gap", "1e-13", "--close", "wide")["close"]
    table = rows("o/difference.csv")
    assert list(table[0]) == ["link_id", "from_node", "to_node", "base", "closed", "change", "displaced"]
    change = {"in": 0.0, "wide": -200.0, "narrow": 200.0, "out": 0.0}
    assert column(table, "change") == pytest.approx(change, rel=1e-9, abs=1e-9)
    assert column(table, "displaced") == pytest.approx(change, rel=1e-9, abs=1e-9)
    assert column(table, "closed")["wide"] == 0.0
    assert found["flow"] == pytest.approx(200.0)
    assert found["displaced_trips"] == 300.0
    assert found["added_time"] == pytest.approx(600.0)
    assert found["cut_off"] == 0.0 and found["reached"]


def test_closing_the_only_way_cuts_trips_off(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for closed in ("in", "wide,narrow", "in,wide,narrow,out"):
        found = assign(capsys, "--out", closed, "--close", closed)["close"]
        assert found["cut_off"] == 300.0
        assert found["total_time"] == 0.0
        assert set(column(rows(f"{closed}/difference.csv"), "closed").values()) == {0.0}


def test_criticality_by_hand(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the wide way 2 minutes more for 300, without the narrow one 1; the ends cut everybody off."""
    found = assign(capsys, "--out", "o", "--gap", "1e-13", "--criticality", "4")["criticality"]
    table = rows("o/criticality.csv")
    assert [row["link_id"] for row in table[:2]] == ["wide", "narrow"]
    cost = column(table, "added_cost")
    assert cost == pytest.approx({"wide": 600.0, "narrow": 300.0, "in": 0.0, "out": 0.0})
    assert column(table, "cut_off") == {"wide": 0.0, "narrow": 0.0, "in": 300.0, "out": 300.0}
    assert (found["worst"], found["cutting_off"], found["reached"]) == ("wide", 2, True)
    three = assign(capsys, "--out", "three", "--criticality", "3")
    assert three["criticality"]["links"] == 3
    assert "narrow" not in {row["link_id"] for row in rows("three/criticality.csv")}


def test_nothing_to_assign(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "t.csv").write_text(TRIPS.replace("300", "0"))
    words = ("--select-link", "wide", "--close", "narrow")
    found = assign(capsys, "--out", "o", *words)
    assert found["select_link"]["trips"] == found["close"]["cut_off"] == found["total_time"] == 0.0
    assert assign(capsys, "--out", "c", "--criticality", "4")["criticality"]["worst_added_cost"] == 0.0


def test_people_get_lines_and_progress(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["assign", "n.csv", "t.csv", "--gap", "1e-13"]
    assert main([*words, "--out", "a", "--criticality", "4"]) == 0
    said = capsys.readouterr()
    assert "criticality of 4 links: wide adds most, 600 (vehicles × min); 2 would cut trips off" in said.out
    assert "4/4 links closed in turn" in said.err and " left)" in said.err
    assert main([*words, "--out", "b", "--close", "wide", "--select-link", "wide,in"]) == 0
    said = capsys.readouterr()
    assert "closed wide: total time changes by +600 (vehicles × min), 0 trips are cut off" in said.out
    assert "300 trips of 1 pairs use any of wide, in" in said.out
    assert "closed: round 0" in said.err and "displaced trips" in said.err
    assert main([*words, "--system-optimum"]) == 0
    assert "marginal-cost tolls bring 462.5" in capsys.readouterr().out


def test_same_figures_as_the_api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """Sioux Falls, at a gap of 1e-10."""
    inputs = sioux_falls()
    problem = Problem(*(inputs[name] for name in ARGUMENTS[:9]))
    tail = np.repeat(np.arange(len(problem.link_start) - 1), np.diff(problem.link_start)) + 1
    ends = list(zip(tail.tolist(), (problem.link_head + 1).tolist(), strict=True))
    lines = ["link_id,from_node,to_node,length_km,free_flow_time_min,capacity_veh_h,alpha,power"]
    values = zip(problem.free_flow_time.tolist(), problem.capacity.tolist(), problem.alpha.tolist(), strict=True)
    lines += [f"{a}-{b},{a},{b},1,{t!r},{c!r},{k!r},4" for (a, b), (t, c, k) in zip(ends, values, strict=True)]
    (tmp_path / "n.csv").write_text("\n".join(lines))
    demand = problem.demand[0]
    trips = [f"{o + 1},{d + 1},{demand[o, d]}" for o, d in np.argwhere(demand > 0.0)]
    (tmp_path / "t.csv").write_text("\n".join(["origin,destination,trips", *trips]))
    monkeypatch.chdir(tmp_path)
    link = ends.index((6, 8))
    found = assign(capsys, "--gap", "1e-10", "--out", "o", "--close", "6-8", "--select-link", "6-8")
    base = solve(problem, 1e-10, 1000)
    flows = route_flows(problem, base)
    assert found["select_link"]["trips"] == pytest.approx(select_links(flows, [link]).trips.sum(), rel=1e-9)
    fixed = problem.fixed_cost.copy()
    fixed[:, link] = np.inf
    closed = problem._replace(fixed_cost=fixed)
    after = solve(closed, 1e-10, 1000, base)
    moved = displaced(flows, route_flows(closed, after), [link])
    table = rows("o/difference.csv")
    most = base.link_flow.max()
    for name, values in {
        "base": base.link_flow[0],
        "change": after.link_flow[0] - base.link_flow[0],
        "displaced": moved.by_users[0],
    }.items():
        np.testing.assert_allclose(list(column(table, name).values()), values, atol=1e-9 * most)
    assign(capsys, "--gap", "1e-10", "--out", "c", "--criticality", "3")
    busiest = np.argsort(-base.link_flow[0], kind="stable")[:3]
    wanted = link_criticality(problem, base, busiest.tolist(), target_gap=1e-10)["added_cost_h"].to_numpy() * 60.0
    names = ["-".join(map(str, ends[k])) for k in busiest]
    there = column(rows("c/criticality.csv"), "added_cost")
    assert there == pytest.approx(dict(zip(names, wanted, strict=True)), rel=1e-6)
    assert list(there.values()) == sorted(there.values(), reverse=True)


WRONG = {
    "unknown": (("--close", "wied"), "--close names a link that is not there", "did you mean 'wide'?"),
    "unknown-twice": (("--select-link", "narow,x"), "--select-link names 2 links that are not there", "'narrow'"),
    "empty-id": (("--select-link", "wide,,in"), "a link id is empty", "commas"),
    "no-id": (("--close", ""), "a link id is empty", "commas"),
    "all-alone": (("--all",), "--all says how to combine links", "--select-link"),
    "close-and-criticality": (("--close", "wide", "--criticality", "2"), "do not go together", "twice"),
    "optimum-and-close": (("--system-optimum", "--close", "wide"), "do not go together", "user equilibrium"),
    "optimum-and-criticality": (("--system-optimum", "--criticality", "1"), "do not go together", "user equilibrium"),
    "too-many": (("--criticality", "5"), "more than the network has links", "1 to 4"),
    "none": (("--criticality", "0"), "invalid positive whole number", "twin assign --help"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_questions_are_named(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words, what, hint = WRONG[name]
    assert main(["assign", "n.csv", "t.csv", "--out", "o", *words, "--json"]) == 2
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert found["error"] == "UsageError"
    assert what in found["what"]
    assert hint in said.err
    assert not (folder / "o").exists()


@pytest.mark.parametrize("words", [("--select-link", "in"), ("--close", "in"), ("--criticality", "1")])
def test_analyses_need_a_folder(words: tuple[str, str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = assign(capsys, *words, code=2)
    assert found["what"] == f"{words[0]} needs a folder to write to"


def test_all_combines_eight_links_at_most(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = [f"x{k},p,q,1,3,100,1,1,0" for k in range(9)]
    (folder / "n.csv").write_text(FOUR + "\n".join(more))
    found = assign(capsys, "--out", "o", "--all", "--select-link", ",".join(f"x{k}" for k in range(9)), code=2)
    assert (found["what"], found["expected"]) == ("--all combines 9 links", "at most 8")
