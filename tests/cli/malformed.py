"""Malformed studies and commands, each with the exit code, the named error and the place that a user must see.

A case makes its files in an empty folder and returns the words after ``twin``. Packages and files to import are in
`malformed_packages` and `malformed_files`.
"""

# ruff: noqa: E501 (one line for each case)

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Words = list[str]
STUDY = """\
study: small
question: What does closing streets change?
city: city
measures:
  close:
    - {type: close_links, where: "lanes > 0"}
scenarios:
  street: [close]
"""
CLOSE = '{type: close_links, where: "lanes > 0"}'


@dataclass(frozen=True)
class Case:
    """One malformed input; `error` None means that the command must succeed and print `says`."""

    name: str
    make: Callable[[Path, Path], Words]
    """Called with the folder of the case and a sound city package (read only)."""
    code: int
    error: str | None
    says: str
    """A part of the message: where it names a place, with file, line and column or layer, row and column."""


def package(folder: Path, city: Path) -> Path:
    """Copy the sound city package to where `STUDY` expects it."""
    return Path(shutil.copytree(city, folder / "city"))


def write_study(folder: Path, text: str | bytes, name: str = "s.yaml") -> Words:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return ["check", name]


def study(name: str, says: str, text: str | bytes, *, code: int = 3, error: str = "StudyError") -> Case:
    """Return a case whose study file is `text`."""

    def make(folder: Path, city: Path) -> Words:
        package(folder, city)
        return write_study(folder, text)

    return Case(name, make, code, error, says)


def changed(
    name: str, says: str, old: str, new: str, *, code: int = 3, error: str = "StudyError", base: str = STUDY
) -> Case:
    """Return a case whose study file is the sound one with a part replaced."""
    assert base.count(old) == 1, (name, old)
    return study(name, says, base.replace(old, new), code=code, error=error)


def selector(name: str, says: str, where: str, *, error: str = "SelectorError", code: int = 3) -> Case:
    return changed(name, says, '"lanes > 0"', where, error=error, code=code)


def words(name: str, code: int, error: str, says: str, *command: str, files: dict[str, str] | None = None) -> Case:
    """Return a case of a command line, with files that are there before."""

    def make(folder: Path, city: Path) -> Words:
        for path, text in (files or {}).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        return list(command)

    return Case(name, make, code, error, says)


def _sparse_study(folder: Path, city: Path) -> Words:
    words = write_study(folder, STUDY)
    with (folder / "s.yaml").open("r+b") as file:
        file.truncate(100_000_000)
    return words


def _folder_as_study(folder: Path, city: Path) -> Words:
    (folder / "s.yaml").mkdir()
    return ["check", "s.yaml"]


def _too_many_threads(folder: Path, city: Path) -> Words:
    package(folder, city)
    return ["run", *write_study(folder, STUDY)[1:], "--threads", "999"]


def _beside(folder: Path, city: Path) -> Words:
    """Name a file outside the study's folder as polygons: text that is no GeoJSON."""
    (folder / "secret.geojson").write_text("the-secret-of-another-file")
    package(folder, city)
    return write_study(folder, STUDY.replace('"lanes > 0"', '"lanes > 0", inside: secret.geojson'))


_BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + k)}: &{chr(98 + k)} [*{chr(97 + k)}, *{chr(97 + k)}]\n" for k in range(20)
)
_BOW_TIE = "inside: [[27.0, 60.16], [27.1, 60.17], [27.1, 60.16], [27.0, 60.17]]"
_UNCERTAIN = "uncertainty: {draws: 2, parameters: {%s: {distribution: normal, mean: 1.0, sd: 0.1}}}\n"

STUDIES = [
    changed("misspelt-measure-type", "s.yaml:6:14: unknown type 'close_lnks'", "close_links", "close_lnks"),
    changed("unknown-key", "s.yaml:6:27: unknown key 'wher'", "where:", "wher:"),
    changed("duplicate-key", "s.yaml:4:1: the key 'city' stands twice", "measures:", "city: other\nmeasures:"),
    changed("duplicate-measure-name", "s.yaml:7:3: the key 'close' stands", "scenarios:", "  close: []\nscenarios:"),
    changed("unknown-measure", "s.yaml:8:12: unknown measure 'closed'", "[close]", "[closed]"),
    changed("measure-listed-twice", "s.yaml:8:19: the measure 'close' is listed twice", "[close]", "[close, close]"),
    changed("reserved-scenario", "s.yaml:8:3: the scenario name 'baseline' is reserved", "street:", "baseline:"),
    changed("not-a-name", "s.yaml:1:8: '../small' is not a name", "study: small", "study: ../small"),
    selector("matches-nothing", "s.yaml:6:34: measure 'close', close_links: none of the", '"lanes > 11"'),
    selector("unknown-column", "has no column 'lane'", '"lane > 1"'),
    selector("type-mismatch", "s.yaml:6:34: measure 'close', close_links: cannot compare", "\"lanes == 'two'\""),
    selector("import-call", "s.yaml:6:34: unknown function '__import__'", "\"__import__('os')\"", error="StudyError"),
    selector("attribute-call", "s.yaml:6:34: ", "\"().__class__.__bases__[0].__subclasses__()\"", error="StudyError"),
    selector("unclosed-quote", "s.yaml:6:34: cannot read the expression", "\"name == 'Mikonkatu\"", error="StudyError"),
    selector("deep-expression", "s.yaml:6:34: ", '"' + "(" * 900 + "1" + ")" * 900 + ' > 0"', error="StudyError"),
    selector("long-negation", "s.yaml:6:34: the expression is nested", '"' + "not " * 400 + 'true"', error="StudyError"),
    selector("division-by-zero", "division by zero", '"1 / toll_eur > 0"'),
    selector("bow-tie", "s.yaml:6:50: the polygon is not valid: Self-intersection", f'"true", {_BOW_TIE}', error="StudyError"),
    selector("swapped-axes", "none of them lies in the polygon", '"true", inside: [[60.0, 26.0], [61.0, 26.0], [61.0, 28.0]]'),
    selector("outside-the-world", "s.yaml:6:50: corner 0", '"true", inside: [[445000, 6712000], [1, 2], [3, 5]]', error="StudyError"),
    selector("area-from-the-network", "virtual and network paths", '"true", inside: /vsicurl/http://127.0.0.1/a.geojson', error="UnsafeFileError", code=5),
    Case("area-that-is-no-geojson", _beside, 5, "UnsafeFileError", "s.yaml:6:"),
    changed("nan", "s.yaml:6:42: ", CLOSE, "{type: change_links, lanes_factor: .nan}"),
    changed("infinity", "s.yaml:6:42: ", CLOSE, "{type: change_links, lanes_factor: .inf}"),
    changed("number-beyond-floats", "s.yaml:6:42: ", CLOSE, "{type: change_links, lanes_factor: 1e999}"),
    changed("number-of-6000-digits", "s.yaml:6:42: ", CLOSE, "{type: change_links, lanes_factor: %s}" % ("9" * 6000)),
    changed("negative-lanes", "s.yaml:6:35: measures.close[0].lanes is -2", CLOSE, "{type: change_links, lanes: -2}"),
    changed("norway-as-number", "s.yaml:6:35: measures.close[0].lanes is 'NO'", CLOSE, "{type: change_links, lanes: NO}"),
    changed("clock-as-number", "s.yaml:6:35: measures.close[0].lanes is '12:30'", CLOSE, "{type: change_links, lanes: 12:30}"),
    changed("result-out-of-range", "s.yaml:6:7: ", CLOSE, "{type: change_links, lanes_factor: 9.5}", error="SchemaError", code=4),
    changed("unknown-parameter", "s.yaml:7:38: unknown parameter 'traffic.demand_facto'", "scenarios:", _UNCERTAIN % "traffic.demand_facto" + "scenarios:"),
    changed("parameter-out-of-range", "s.yaml:4:25: parameter traffic.demand_factor = 1e+09", "measures:", "baseline: {parameters: {traffic.demand_factor: 1.0e9}}\nmeasures:"),
    changed("draws-without-end", "s.yaml:4:22: uncertainty.draws is 1000000000", "measures:", "uncertainty: {draws: 1000000000}\nmeasures:"),
    changed("unknown-city", "s.yaml:3:7: no city 'helsinki-center'", "city: city", "city: helsinki-center"),
    changed("city-with-nul", "s.yaml:3:7: ", "city: city", 'city: "a\\0b"'),
    changed("city-of-1900-letters", "s.yaml:3:7: ", "city: city", "city: " + "x" * 1900),
    study("nested-brackets", "s.yaml:1:40: the file is nested too deeply", "study: " + "[" * 90_000 + "]" * 90_000),
    study("200k-nested-brackets", "s.yaml: the file is too large", "study: " + "[" * 200_000 + "]" * 200_000),
    study("200k-nested-blocks", "s.yaml: the file is", "".join(" " * k + "a:\n" for k in range(620))),
    study("tab-indent", "s.yaml:2:1: not valid YAML", "measures:\n\tclose: []\n"),
    study("binary", "s.yaml:2: the file is not UTF-8", bytes(range(256)) * 20),
    study("nul-bytes", "s.yaml", STUDY.encode() + b"\0" * 50),
    study("empty", "s.yaml:1:1: the file is empty", ""),
    study("list-at-top", "s.yaml:1:1: the top level is not a mapping", "- study: small\n"),
    study("alias-bomb", "s.yaml:1:4: anchors and aliases", _BOMB),
    study("python-tag", "s.yaml:1:8: the tag", 'study: !!python/object/apply:os.system ["touch pwned"]\n'),
    study("yaml-1-1", "s.yaml:1:1: YAML directives", "%YAML 1.1\n---\n" + STUDY),
    study("two-documents", "s.yaml", STUDY + "---\n" + STUDY),
    study("latin-1", "s.yaml:9: the file is not UTF-8", STUDY.encode() + "# k\xe4rry\n".encode("latin-1")),
    Case("100-mb", _sparse_study, 3, "StudyError", "s.yaml: the file is too large"),
    Case("folder-as-study", _folder_as_study, 3, "StudyError", "s.yaml: the path is not a file"),
    words("missing-study", 3, "StudyError", "t.yaml: the file does not exist", "check", "t.yaml"),
    words("study-name-of-5000-letters", 3, "StudyError", "no study", "check", "x" * 5000),
]  # fmt: skip

COMMANDS = [
    words("unknown-command", 2, "UsageError", "unknown command 'chekc'", "chekc"),
    words("unknown-option", 2, "UsageError", "--outptu", "generate", "--buildings", "10", "--output", "c", "--outptu", "d"),
    words("abbreviated-option", 2, "UsageError", "--build", "generate", "--build", "10", "--output", "c"),
    words("missing-argument", 2, "UsageError", "STUDY", "check"),
    words("not-a-number", 2, "UsageError", "'many'", "generate", "--buildings", "many", "--output", "c"),
    words("negative-number", 2, "UsageError", "--buildings", "generate", "--buildings", "-5", "--output", "c"),
    words("existing-output", 2, "UsageError", "c: there is something already", "generate", "--buildings", "10", "--output", "c", files={"c/mine.txt": "mine"}),
    words("existing-file-as-output", 2, "UsageError", "c: there is something", "generate", "--buildings", "10", "--output", "c", files={"c": "mine"}),
    words("file-as-output-with-force", 4, "DataError", "c: the city package cannot be written", "generate", "--buildings", "100", "--output", "c", "--force", files={"c": "mine"}),
    words("import-over-existing", 2, "UsageError", "geodata/x: there is something", "import", "a.geojson", "--name", "x", files={"geodata/x/mine.txt": "mine"}),
    words("run-that-is-not-there", 6, "RunError", "runs/none: no such run folder", "compare", "runs/none"),
    words("unfinished-run", 6, "RunError", "r: this run has not finished", "report", "r", files={"r/log.jsonl": "{}\n"}),
    words("damaged-run", 6, "RunError", "r/run.json: run.json cannot be read", "compare", "r", files={"r/run.json": '{"study": {'}),
    words("run-of-something-else", 6, "RunError", "r/run.json", "report", "r", files={"r/run.json": "{}"}),
    words("run-that-is-a-list", 6, "RunError", "r/run.json", "export", "r", files={"r/run.json": "[1, 2]"}),
    words("run-nested-too-deeply", 6, "RunError", "r/run.json", "compare", "r", files={"r/run.json": "[" * 200_000}),
    words("unknown-family", 7, "KernelError", "energy.zone_balanc", "bench", "energy.zone_balanc"),
    words("unknown-variant", 7, "KernelError", "cobol", "bench", "energy.zone_balance", "--variants", "cobol", "--sizes", "1"),
    words("sizes-that-are-words", 2, "UsageError", "--sizes 'a,b'", "bench", "solar.position", "--sizes", "a,b"),
    words("size-zero", 2, "UsageError", "--sizes '0'", "bench", "solar.position", "--sizes", "0"),
    words("size-without-end", 2, "UsageError", "--sizes '1e30'", "bench", "solar.position", "--sizes", "1e30"),
    Case("999-threads", _too_many_threads, 2, "UsageError", "--threads 999 is more than this machine offers"),
]  # fmt: skip
