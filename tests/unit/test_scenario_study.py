from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from twin.errors import StudyError
from twin.scenario import parameters
from twin.scenario.measures import REGISTRY, registry_of
from twin.scenario.study import load_study, study_schema, write_schema

GOOD = """
study: small
question: does it work?
city: helsinki-centre
baseline:
  parameters: {solar.albedo: 0.3}
measures:
  street:
    - type: close_links
      where: name == "Mikonkatu"
  roofs:
    - {type: install_pv, share: 0.5}
scenarios:
  one: [street]
  both:
    label: Both of them
    measures: [street, roofs]
uncertainty:
  draws: 8
  parameters:
    energy.u_value_factor: {distribution: normal, mean: 1, sd: 0.1}
    solar.yield_factor: {distribution: uniform, low: 0.9, high: 1.1}
targets: [{kpi: pv_kwh_a, at_least: 5}]
seed: 3
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "study.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(folder: Path, text: str) -> StudyError:
    with pytest.raises(StudyError) as caught:
        load_study(write(folder, text))
    return caught.value


def test_a_good_study_is_read(tmp_path: Path) -> None:
    study = load_study(write(tmp_path, GOOD))
    assert study.names() == ["baseline", "one", "both"]
    assert study.labels() == {"baseline": "Baseline", "one": "One", "both": "Both of them"}
    assert study.measures_of("both") == ["street", "roofs"]
    assert study.parameters == {"solar.albedo": 0.3}
    assert study.path == tmp_path / "study.yaml"
    assert study.at("measures", "street", 0, "where") == f"{tmp_path / 'study.yaml'}:10:14"
    assert json.loads(json.dumps(study.resolved()))["targets"][0]["kpi"] == "pv_kwh_a"


# name, text to replace, replacement, words of the message, line:column
MALFORMED = [
    ("misspelt measure type", "type: close_links", "type: close_link", "did you mean 'close_links'?", "9:13"),
    ("measure without type", "- type: close_links\n      where", "- where", "has no 'type'", "9:7"),
    ("unknown key", "seed: 3", "sed: 3", "did you mean 'seed'?", "24:1"),
    ("unknown key of a measure", "where: name", "wher: name", "did you mean 'where'?", "10:7"),
    ("unknown key of a distribution", "mean: 1, sd", "mean: 1, sdd", "did you mean 'sd'?", "21:60"),
    ("duplicate key", "seed: 3", "city: other", "stands twice", "24:1"),
    ("missing key", "city: helsinki-centre", "", "the key 'city' is missing", "2:1"),
    ("NO as a seed", "seed: 3", "seed: NO", "seed is 'NO'", "24:7"),
    ("text as a seed", "seed: 3", "seed: '3'", "seed is '3'", "24:7"),
    ("negative seed", "seed: 3", "seed: -3", "greater than or equal to 0", "24:7"),
    ("NaN", "sd: 0.1", "sd: .nan", "finite number", "21:64"),
    ("infinity", "at_least: 5", "at_least: .inf", "finite number", "23:37"),
    ("unknown measure", "one: [street]", "one: [stret]", "did you mean 'street'?", "14:9"),
    ("measure listed twice", "one: [street]", "one: [street, street]", "listed twice", "14:17"),
    ("reserved name", "one: [street]", "baseline: [street]", "reserved", "14:3"),
    ("name with capitals", "study: small", "study: Small Study", "is not a name", "2:8"),
    ("scenario name with a slash", "one: [street]", "../one: [street]", "is not a name", "14:3"),
    ("unknown parameter", "solar.albedo", "solar.albdo", "did you mean 'solar.albedo'?", "6:16"),
    ("unknown domain", "solar.albedo", "water.flow", "unknown parameter 'water.flow'", "6:16"),
    ("parameter out of range", "albedo: 0.3", "albedo: 7", "outside its range", "6:16"),
    ("distribution out of range", "high: 1.1", "high: 99", "outside its range", "22:5"),
    ("unordered distribution", "low: 0.9", "low: 1.9", "not below", "22:25"),
    ("unknown distribution", "distribution: normal", "distribution: norml", "did you mean 'normal'?", "21:43"),
    ("negative draws", "draws: 8", "draws: -1", "greater than or equal to 0", "19:10"),
    ("draws without parameters", "draws: 8", "draws: 0", "uncertainty has no draws", "19:3"),
    ("target with two limits", "at_least: 5", "at_least: 5, at_most: 3", "one limit", "23:11"),
    ("share above 1", "share: 0.5", "share: 1.5", "less than or equal to 1", "12:33"),
    ("one equals sign", 'name == "Mik', 'name = "Mik', "put texts in quotes", "10:14"),
    ("no scenario", GOOD[GOOD.index("  one:") : GOOD.index("uncertainty")], "", "is None", None),
    ("scenarios as a list", "one: [street]\n  both:", "- one\n  - both:", "valid dictionary", None),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "words", "place"), [m[1:] for m in MALFORMED], ids=[m[0] for m in MALFORMED])
def test_malformed_studies_name_the_place(tmp_path: Path, old: str, new: str, words: str, place: str | None) -> None:
    assert GOOD.count(old) >= 1
    error = refused(tmp_path, GOOD.replace(old, new, 1))
    assert words in error.message()
    if place is not None:
        expected = f"{tmp_path / 'study.yaml'}:{place}"
        assert any(p.where == expected and words in p.message() for p in (error, *error.problems)), error.message()


@pytest.mark.parametrize(
    ("measure", "words"),
    [
        ("{type: change_links, lanes: -2}", "greater than or equal to 1"),
        ("{type: change_links}", "changes nothing"),
        ("{type: change_links, lanes: 2, lanes_factor: 2}", "both lanes and lanes_factor"),
        ("{type: change_links, speed_limit_kmh: fast}", "valid number"),
        ("{type: toll, toll_eur: 3}", "names no links"),
        ("{type: toll, toll_eur: -1, where: lanes > 1}", "greater than or equal to 0"),
        ("{type: toll, toll_eur: 1, cordon: [[24.9, 60.1], [24.95, 60.2]]}", "at least 3 items"),
        ("{type: close_links, inside: [[24.9, 60.1], [25, 60.2], [24.9, 60.2], [25, 60.1]]}", "not valid"),
        ("{type: close_links, inside: [[24.9, 60.1], [24.9, 60.1], [25, 60.2]]}", "distinct corners"),
        ("{type: close_links, inside: [[385000, 6672000], [385100, 6672000], [385000, 6672100]]}", "outside the world"),
        ("{type: close_links, inside: [[24.9, .nan], [25, 60.2], [24.9, 60.2]]}", "finite number"),
        ("{type: low_emission_zone}", "'inside' is missing"),
        ("{type: retrofit, to: deep}", "'deep_retrofit'"),
        ("{type: change_heat_supply, to: coal}", "'ground_heat_pump'"),
        ("{type: remove_buildings}", "would remove the city"),
        ("{type: add_buildings}", "one source of buildings"),
        ("{type: add_buildings, buildings: [{use: office, polygon: [[1, 1], [1, 2], [2, 2]]}]}", "has no height"),
        ("{type: build_charging_sites, sites: []}", "at least 1 item"),
        ("{type: build_charging_sites, sites: [{at: [60.17]}]}", "at least 2 items"),
        ("{type: build_charging_sites, sites: [{at: [24.9, 600]}]}", "outside the world"),
        ("{type: build_charging_sites, sites: [{at: [24.9, 60], connectors: 2.5}]}", "integer"),
        ("{type: change_demand, factor: -1}", "greater than or equal to 0"),
        ("{type: [close_links]}", "type"),
        ("close_links", "valid dictionary"),
    ],
)
def test_malformed_measures(tmp_path: Path, measure: str, words: str) -> None:
    error = refused(tmp_path, GOOD.replace("{type: install_pv, share: 0.5}", measure))
    assert words in error.message()
    assert all(":12:" in str(p.where) for p in error.problems), error.message()


def test_all_problems_are_collected_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = GOOD.replace("seed: 3", "sed: 3").replace("[street]", "[stret]").replace("close_links", "close")
    error = refused(tmp_path, text)
    lines = [int(str(p.where).split(":")[-2]) for p in error.problems]
    assert lines == [9, 14, 24]
    assert "3 problems" in error.what
    assert error.exit_code == 3


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01\x02\xff\xfe binary",
        b"",
        b"- just\n- a list\n",
        b"study:\n\tquestion: tab\n",
        b"[" * 200_000 + b"]" * 200_000,
        b"study: " + b"{a: " * 200_000,
        b"a: &x [1]\nb: *x\n",
        b"study: !!python/object/apply:os.system [ls]\n",
        b"x: " + b"y" * 20_000_000,
        b"{" * 1000 + b"\n" + b"measures: [" * 1000,
    ],
    ids=["binary", "empty", "list", "tab", "brackets", "braces", "alias", "tag", "huge", "open"],
)
def test_files_that_are_no_studies(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "study.yaml"
    path.write_bytes(raw)
    with pytest.raises(StudyError) as caught:
        load_study(path)
    assert str(path) in caught.value.message()


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(StudyError):
            load_study(path)


def test_draws_are_paired_stratified_and_within_range(tmp_path: Path) -> None:
    study = load_study(write(tmp_path, GOOD))
    nominal = parameters.model_parameters(study, 0)
    assert nominal.solar.albedo == 0.3
    assert nominal.energy.u_value_factor == 1.0
    draws = [parameters.model_parameters(study, k) for k in range(1, 9)]
    factors = np.sort([d.solar.yield_factor for d in draws])
    strata = np.floor((factors - 0.9) / 0.2 * 8)
    assert strata.tolist() == list(range(8))
    assert draws == [parameters.model_parameters(study, k) for k in range(1, 9)]
    assert all(d.solar.albedo == 0.3 for d in draws)
    assert np.mean([d.energy.u_value_factor for d in draws]) == pytest.approx(1.0, abs=0.03)
    with pytest.raises(StudyError, match="no draw 9"):
        parameters.model_parameters(study, 9)


def test_values_are_kept_within_the_range(tmp_path: Path) -> None:
    study = load_study(write(tmp_path, GOOD.replace("mean: 1, sd: 0.1", "mean: 1, sd: 9")))
    info = parameters.all_parameters()["energy.u_value_factor"]
    values = [parameters.model_parameters(study, k).energy.u_value_factor for k in range(1, 9)]
    assert min(values) == info.low
    assert max(values) == info.high


def test_duplicate_measure_types_are_refused() -> None:
    with pytest.raises(StudyError, match="registered twice"):
        registry_of([REGISTRY["toll"], REGISTRY["toll"]])


def test_committed_schema_is_the_export(repo_root: Path, tmp_path: Path) -> None:
    write_schema(tmp_path / "schema.json")
    committed = (repo_root / "scenarios" / "study.schema.json").read_text(encoding="utf-8")
    assert committed == (tmp_path / "schema.json").read_text(encoding="utf-8"), (
        "run: python -c \"from twin.scenario.study import write_schema; write_schema('scenarios/study.schema.json')\""
    )


def test_every_measure_is_described_in_the_schema() -> None:
    definitions = study_schema()["$defs"]
    for cls in REGISTRY.values():
        assert definitions[cls.__name__]["description"].startswith(str(cls.__doc__).split(";")[0].split(".")[0])


def test_every_study_of_the_library_loads(repo_root: Path) -> None:
    paths = sorted((repo_root / "scenarios").glob("*.yaml"))
    assert len(paths) >= 6
    for path in paths:
        study = load_study(path)
        assert study.study == path.stem
        assert {name for s in study.scenarios.values() for name in s.measures} == set(study.measures)
