"""The door for YAML: version 1.2, positions, and everything that is refused."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from twin.city.yaml import MAX_BYTES, dump_yaml, parse_yaml, read_yaml
from twin.errors import DataError, StudyError

REFUSED = {
    "duplicate key": ("a: 1\nb: 2\na: 3", "3:1", "stands twice"),
    "duplicate key in a flow mapping": ("a: {b: 1, b: 2}", "1:11", "stands twice"),
    "alias": ("a: &x 1\nb: *x", "1:4", "anchors"),
    "merge key": ("<<: {a: 1}", "1:1", "not text"),
    "directive": ("# c\n%YAML 1.1\n---\na: NO", "2:1", "directives"),
    "python tag": ("a: !!python/object:os.system x", "1:4", "tag"),
    "own tag": ("a: !foo 1", "1:4", "tag"),
    "set": ("a: !!set {b, c}", "1:4", "tag"),
    "list at the top": ("- 1", "1:1", "not a mapping"),
    "empty": ("# nothing\n", "1:1", "empty"),
    "two documents": ("a: 1\n---\nb: 2", "2:1", "another document"),
    "unclosed list": ("a: [1, 2", "1:9", "not valid YAML"),
    "bad indentation": ("a:\n  b: 1\n c: 2", "3:2", "not valid YAML"),
    "number as key": ("2030: 1", "1:1", "not text"),
    "list as key": ("? [a]\n: 1", "1:3", "not text"),
    "control character": ("a: \x01", "", "special characters"),
    "number of 5000 digits": ("a: " + "9" * 5000, "1:4", "not a number"),
    "tab": ("\ta: 1", "1:1", "not valid YAML"),
    "brackets": ("a: " + "[" * 200_000, "1:36", "nested too deeply"),
    "braces": ("a: " + "{a: " * 200_000, "1:", "nested too deeply"),
    "dashes": ("- " * 90_000, "", "nested too deeply"),
    "question marks": ("? " * 90_000, "", "nested too deeply"),
    "deep blocks": ("".join(" " * k + "a:\n" for k in range(600)), "", "nested too deeply"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_place_and_quickly(name: str) -> None:
    text, place, what = REFUSED[name]
    start = time.perf_counter()
    with pytest.raises(StudyError) as caught:
        parse_yaml(text, file="study.yaml")
    assert time.perf_counter() - start < 5
    assert what in caught.value.what
    assert str(caught.value.where).startswith(f"study.yaml:{place}" if place else "study.yaml")
    assert len(str(caught.value)) < 1000


def test_values_follow_yaml_1_2() -> None:
    data, _ = parse_yaml("a: NO\nb: yes\nc: 2020-01-01\nd: 1e3\ne: true\nf: ~\ng: 12:30\nh: [1, 0x1f, 'x']\ni: on")
    assert data == {
        "a": "NO",
        "b": "yes",
        "c": "2020-01-01",
        "d": 1000.0,
        "e": True,
        "f": None,
        "g": "12:30",
        "h": [1, 31, "x"],
        "i": "on",
    }


def test_positions_of_keys_values_and_missing_keys() -> None:
    text = "study: x\nmeasures:\n  car-free:\n    - type: close_links\n      where: {name: Aleksi}\n"
    _, positions = parse_yaml(text, file="s.yaml")
    path = ("measures", "car-free", 0)
    assert positions.where((*path, "type")) == "s.yaml:4:13"
    assert positions.where((*path, "type"), key=True) == "s.yaml:4:7"
    assert positions.where((*path, "where", "name"), key=True) == "s.yaml:5:15"
    assert positions.where((*path, "tpye"), key=True) == "s.yaml:4:7"  # not there: its parent
    assert positions.where(("nothing",)) == "s.yaml:1:1"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for name, content, what in (
        ("large.yaml", b"a: 1\n" * MAX_BYTES, "too large"),
        ("latin.yaml", "a: 1\nb: \xe4".encode("latin-1"), "not UTF-8"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(DataError, match=what):
            read_yaml(path, error=DataError)
    with pytest.raises(StudyError, match="does not exist"):
        read_yaml(tmp_path / "absent.yaml")
    with pytest.raises(StudyError, match="not a file"):
        read_yaml(tmp_path)


def test_dumped_data_reads_back(tmp_path: Path) -> None:
    data = {
        "country": "NO",
        "date": "2020-01-01",
        "n": None,
        "x": 1.5,
        "e": "",
        "l": [{"a": "1"}],
        "m": "two\nlines: ü",
    }
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + dump_yaml(data).encode())
    assert read_yaml(path)[0] == data
    assert '"NO"' in dump_yaml(data)
