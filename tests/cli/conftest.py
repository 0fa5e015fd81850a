"""A small city package and study, and a way to call ``twin`` as a user does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from .outcome import Outcome

STUDY = """\
study: small
question: What do closing a street, roofs with PV and a retrofit change?
city: {city}
baseline: {{label: Today}}
measures:
  close-a-street:
    - {{type: close_links, where: "link_id == '{link}'"}}
  solar:
    - {{type: install_pv, where: "footprint_area_m2 > 100", share: 0.8}}
  retrofit:
    - {{type: retrofit, where: "use == 'residential'", to: deep_retrofit}}
scenarios:
  nothing: []
  street: [close-a-street]
  both: [solar, retrofit]
uncertainty:
  draws: 2
  parameters:
    traffic.demand_factor: {{distribution: normal, mean: 1.0, sd: 0.1}}
    electricity.price_eur_kwh: {{distribution: uniform, low: 0.1, high: 0.3}}
seed: 7
"""


# A process starts with the peak memory of the one that made it, so a small process stands between pytest and twin.
LAUNCHER = """\
import os, sys
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(pid, 0)
with open(sys.argv[1], "w") as file:
    print(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss, file=file)
"""


def call(*words: str | Path, cwd: Path, env: dict[str, str] | None = None, timeout: float = 240) -> Outcome:
    """Run ``twin`` in a process of its own; return what it printed, its times and its peak memory."""
    command = [sys.executable, "-I", "-S", "-c", LAUNCHER, "usage", sys.executable, "-m", "twin", *map(str, words)]
    with tempfile.TemporaryDirectory() as folder:
        out, err, usage = (Path(folder) / name for name in ("out", "err", "usage"))
        command[5] = str(usage)
        begun = time.monotonic()
        with out.open("wb") as o, err.open("wb") as e:
            process = subprocess.Popen(
                command, cwd=cwd, stdout=o, stderr=e, env=os.environ | (env or {}), start_new_session=True
            )
            try:
                process.wait(timeout)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise
        seconds = time.monotonic() - begun
        code, cpu_s, peak_kb = usage.read_text().split()
        texts = [path.read_text(encoding="utf-8", errors="replace") for path in (out, err)]
    return Outcome(int(code), *texts, seconds, float(cpu_s), int(peak_kb) / 1024)


@pytest.fixture(scope="session")
def city_package(tmp_path_factory) -> Path:
    """Return a synthetic city of 60 buildings, saved once. Read only."""
    from twin.city.package import save_city
    from twin.city.synthetic import generate_city

    folder = tmp_path_factory.mktemp("city") / "small"
    save_city(generate_city(100, seed=3), folder)
    return folder


@pytest.fixture(scope="session")
def study_text(city_package) -> str:
    from twin.city.package import load_city

    links = load_city(city_package).links
    street = links.index[len(links) // 2]
    return STUDY.format(city=json.dumps(str(city_package)), link=street)


@pytest.fixture
def study(tmp_path, study_text) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(study_text, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory, study_text) -> Path:
    """Return the folder of a finished run of the small study. Read only."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "small.yaml").write_text(study_text, encoding="utf-8")
    outcome = call("run", "small.yaml", cwd=folder)
    assert outcome.code == 0, outcome.err
    (run,) = (folder / "runs").iterdir()
    return run
