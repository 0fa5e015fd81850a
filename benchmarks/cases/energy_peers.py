"""The BESTEST buildings 600 and 900 in other programs, each in an environment of its own.

``TWIN_ENERGYPLUS_PYTHON`` (a Python with pyenergyplus-lbnl; ochre-nrel brings the year of Denver),
``PYBUILDINGENERGY_PYTHON`` (a Python with pybuildingenergy) and ``RC_SIMULATOR`` (a clone of RC_BuildingSimulator) say
where they are; ``DENVER_EPW`` names the weather file where ochre-nrel is not there. What is absent is named in its row.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

CHILD = Path(__file__).with_name("energy_peer_child.py")


@dataclass(frozen=True)
class Program:
    """A peer: its name, its function in the child, the variable that says where it is, and what brings it."""

    name: str
    function: str
    variable: str
    package: str

    def python(self) -> str | None:
        """Return the Python that runs it, None where it is absent."""
        place = os.environ.get(self.variable)
        if self.function == "rc_simulator":
            return sys.executable if place and (Path(place) / "rc_simulator").is_dir() else None
        module = "pyenergyplus" if self.function == "energyplus" else "pybuildingenergy"
        python = place or sys.executable
        look = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
        try:
            return python if subprocess.run([python, "-c", look], check=False).returncode == 0 else None
        except OSError:
            return None


PROGRAMS = (
    Program("EnergyPlus", "energyplus", "TWIN_ENERGYPLUS_PYTHON", "pyenergyplus-lbnl"),
    Program("RC_BuildingSimulator", "rc_simulator", "RC_SIMULATOR", "github.com/architecture-building-systems"),
    Program("pyBuildingEnergy", "pybuildingenergy", "PYBUILDINGENERGY_PYTHON", "pybuildingenergy"),
)


def weather() -> Path:
    """Return the weather file of Denver."""
    from tests.validation.energy import energyplus

    named = os.environ.get("DENVER_EPW")
    found = Path(named) if named else energyplus.available()[1]
    if found is None or not found.is_file():
        raise SystemExit("no weather file: pip install ochre-nrel (TWIN_ENERGYPLUS_PYTHON), or name one by DENVER_EPW")
    return found


def run(program: Program, case: str, epw: Path) -> tuple[dict[str, Any], np.ndarray]:
    """Run a peer once: what it says of version and seconds, and its hours (3, 8760): heating and cooling W, air °C."""
    from tests.validation.energy import bestest_cases, energyplus

    python = program.python()
    assert python
    with tempfile.TemporaryDirectory(prefix="energy-peer-") as folder:
        if program.function == "energyplus":
            (Path(folder) / "in.idf").write_text(energyplus.single(bestest_cases.CASES[case]), encoding="ascii")
        command = [python, str(CHILD), program.function, case, str(epw), folder]
        quiet = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        said = subprocess.run(command, capture_output=True, text=True, check=False, env=quiet)
        if said.returncode:
            raise SystemExit(f"{program.name}: {said.stderr[-2000:]}")
        if program.function == "energyplus":
            zone = next(iter(energyplus._hours(Path(folder) / "eplusout.eso").values()))
            hours = np.stack([zone[name] for name in (energyplus.HEATING, energyplus.COOLING, energyplus.AIR)])
        else:
            hours = np.loadtxt(Path(folder) / "hours.txt").T
    return json.loads(said.stdout.splitlines()[-1]), hours


def agreement(ours: np.ndarray, theirs: np.ndarray) -> str:
    """Return annual heating and cooling and their peaks, ours before theirs."""
    year = [f"{o.sum() / 1e6:.2f} {t.sum() / 1e6:.2f}" for o, t in zip(ours[:2], theirs[:2], strict=True)]
    peak = [f"{o.max() / 1e3:.2f} {t.max() / 1e3:.2f}" for o, t in zip(ours[:2], theirs[:2], strict=True)]
    return f"heating {year[0]}, cooling {year[1]} MWh; peaks {peak[0]}, {peak[1]} kW"
