"""Malformed networks and trips: each gives its named error, place and exit code, and leaves nothing behind."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

pytest.importorskip("h5py")

from .conftest import call
from .forked import call_forked
from .malformed_networks import CONFIG, DEMAND, GMNS, LINKS, NETWORKS, TNTP_NET, TNTP_TRIPS, TRIPS, put
from .test_malformed import MAX_MB, MAX_SECONDS, snapshot


@pytest.mark.parametrize("number", range(len(NETWORKS)), ids=[case.name for case in NETWORKS])
def test_malformed_network_is_named(number: int, tmp_path: Path) -> None:
    case = NETWORKS[number]
    folder, temporary = tmp_path / "work", tmp_path / "temporary"
    folder.mkdir()
    temporary.mkdir()
    command = case.make(folder, folder)
    before = snapshot(folder)
    # Every twentieth case runs in a new process, imports and all.
    run = call_forked if number % 20 and not os.environ.get("TWIN_TEST_NEW_PROCESS") else call
    outcome = run(*command, "--json", cwd=folder, env={"TMPDIR": str(temporary)}, timeout=60)
    everything = outcome.out + outcome.err
    assert outcome.code == case.code, everything
    assert "Traceback" not in everything
    assert "internal error" not in everything
    assert json.loads(outcome.out)["error"] == case.error
    assert case.says in outcome.err
    assert outcome.cpu_s < MAX_SECONDS
    assert outcome.peak_mb < MAX_MB
    assert snapshot(folder) == before
    assert not [path for path in temporary.rglob("*") if path.is_file()]
    assert not (folder / "o").exists() or not any((folder / "o").iterdir())


def test_no_two_cases_have_one_name() -> None:
    names = [case.name for case in NETWORKS]
    assert len(set(names)) == len(names) >= 60


def test_the_sound_files_are_solved_alike_in_all_formats(tmp_path: Path) -> None:
    from twin.city.omx import write_omx
    from twin.city.tables import read_trips

    for name, text in {"n.tntp": TNTP_NET, "t.tntp": TNTP_TRIPS, "n.csv": LINKS, "t.csv": TRIPS}.items():
        put(tmp_path, name, text)
    for name, text in GMNS.items():
        put(tmp_path, f"g/{name}", text.replace("mile,mph", "km,km/h") if text == CONFIG else text)
    # Speeds for the same times: 1.5 km in 1.5 min, and 2 km in 2.5 min.
    put(tmp_path, "g/link.csv", GMNS["link.csv"].replace("1.5,30", "1.5,60").replace("2,30", "2,48"))
    assert DEMAND in GMNS.values()
    table = read_trips(tmp_path / "t.csv")
    write_omx(tmp_path / "t.omx", {"trips": table.table}, table.labels)
    found = {}
    for net, trips in (("n.tntp", "t.tntp"), ("n.csv", "t.csv"), ("g", "g"), ("n.csv", "t.omx")):
        words = ("assign", net, trips, "--out", f"o-{net}-{trips}", "--skim", "omx" if net == "g" else "csv", "--json")
        outcome = call_forked(*words, cwd=tmp_path, env={}, timeout=400)
        assert outcome.code == 0, outcome.err
        found[trips] = json.loads(outcome.out)
        assert (tmp_path / f"o-{net}-{trips}" / "links.csv").read_text().count("\n") == 5
    assert {trips: one["relative_gap"] <= 1e-8 for trips, one in found.items()} == dict.fromkeys(found, True)
    for one in found.values():
        assert one["total_time"] == pytest.approx(found["t.tntp"]["total_time"], rel=1e-12)
        assert one["objective"] == pytest.approx(found["t.tntp"]["objective"], rel=1e-12)
    rows = (tmp_path / "o-n.csv-t.csv" / "skim.csv").read_text().splitlines()
    assert rows[0] == "origin,destination,cost" and len(rows) == 5
