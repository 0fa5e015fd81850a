"""Run a study: the baseline and every scenario, for the nominal parameters and every uncertainty draw.

The work is cut into blocks of one scenario and one draw. A finished block is a file that appears by rename; a run
that was killed at any moment finds its finished blocks and ends with the same bits.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.errors import RunError
from twin.scenario import files, fingerprint
from twin.scenario.calibrated import Calibrated, calibration_of
from twin.scenario.evaluate import Evaluation, evaluate_applied
from twin.scenario.memo import Memo
from twin.scenario.neighbours import QUANTITIES, neighbour_totals, neighbours
from twin.scenario.output import ScenarioWriter, missing_outputs, write_draws, write_noise
from twin.scenario.parameters import model_parameters, scaled
from twin.scenario.payments import concerns_energy
from twin.scenario.run_info import parameter_table, sources, warnings
from twin.scenario.store import BASELINE, CANVAS, Run

if TYPE_CHECKING:
    from twin.city.model import City
    from twin.scenario.apply import Applied
    from twin.scenario.study import Study
    from twin.solar.model import Roofs

Progress = Callable[[str, int, int], None]

NOISE_QUANTITIES = {
    "links": ("flow_veh_day", "speed_peak_kmh"),
    "buildings": ("heating_kwh_a", "pv_kwh_a", "co2_kg_a", "energy_cost_eur_a", "lden_db", "nox_ug_m3", *QUANTITIES),
    "zones": (
        "mean_generalised_cost_min",
        "energy_bill_eur_per_resident_a",
        "accessibility_min",
        "consumer_surplus_eur_day",
    ),
}
"""Result columns that every draw keeps per entity, for maps whose threshold is the noise."""


@dataclass(frozen=True)
class Plan:
    """A study made ready: the city of every scenario, and the identity of the run.

    Where a measure chooses by what PV would bring, `scenarios` hold a rough choice, which `run_study` replaces by that
    of the simulation. What the simulation chooses follows from all that the identity holds.
    """

    study: Study
    city: City
    scenarios: dict[str, Applied]
    draws: int
    variant: str
    identity: str
    calibrated: Calibrated | None = None

    @property
    def folder_name(self) -> str:
        """Name of the run folder."""
        return f"{self.study.study}-{self.identity[:12]}"


def plan_run(study: Study, city: City, variant: str = "numba") -> Plan:
    """Apply every scenario's measures and compute the identity of the run. Simulates nothing.

    Parameters
    ----------
    study : Study
    city : City
        As loaded, before any measure.
    variant : str
        Kernel variant of every domain; part of the identity, since variants agree to rounding only.

    Raises
    ------
    StudyError, SelectorError
        A measure that does not fit the city, or no calibration where the study names one.
    """
    from twin.scenario.apply import apply_measures

    scenarios = {name: apply_measures(city, study, study.measures_of(name)) for name in study.names()}
    calibrated = calibration_of(study)
    identity = fingerprint.combined(
        json.dumps(_simulated(study), sort_keys=True),
        # The city before any measure counts too: what measures cost depends on what was there.
        [fingerprint.city_hash(each) for each in (city, *(applied.city for applied in scenarios.values()))],
        "" if calibrated is None else calibrated.identity,
        fingerprint.versions(),
        fingerprint.source_hash(),
        variant,
    )
    return Plan(study, city, scenarios, study.uncertainty.draws, variant, identity, calibrated)


def run_study(plan: Plan, runs: Path, progress: Progress | None = None) -> Run:
    """Simulate what is not yet done and return the finished run.

    Parameters
    ----------
    plan : Plan
    runs : Path
        The folder of run folders.
    progress : callable, optional
        Called with (label, blocks done, blocks in all).

    Raises
    ------
    RunError
        Another process is writing the same run.
    """
    from filelock import FileLock, Timeout

    folder = runs / plan.folder_name
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            finished = (folder / "run.json").is_file()
            files.remove_leftovers(folder, anybodys=not finished)  # of a finished run others may write reports
            if not finished:
                _Execution(plan, folder, progress or (lambda label, done, total: None)).finish()
            _keep_canvas(folder, plan.study)
    except Timeout:
        raise RunError(
            "another process is writing this run", where=str(folder), remedy="wait for it, or stop it and run again"
        ) from None
    return Run.open(folder)


class _Execution:
    """The state of one execution of a plan."""

    def __init__(self, plan: Plan, folder: Path, progress: Progress) -> None:
        self.plan, self.folder, self.progress = plan, folder, progress
        self.parameters = [model_parameters(plan.study, draw) for draw in range(plan.draws + 1)]
        self.memo = Memo()
        self.roofs: dict[str, Roofs] = {}
        self.keys: dict[int, tuple[City, str]] = {}
        self.total = len(plan.scenarios) * (plan.draws + 1)
        self.started, self.cpu = time.time(), time.process_time()

    def finish(self) -> None:
        """Do every block that is missing, then write what is made of all of them."""
        self._log("started", versions=fingerprint.versions())
        self._choose()
        done = 0
        for draw in range(self.plan.draws + 1):
            for name in self.plan.scenarios:
                label = f"{name}, nominal" if draw == 0 else f"{name}, draw {draw} of {self.plan.draws}"
                self.progress(label, done, self.total)
                if not self._is_done(name, draw):
                    self._simulate(name, draw)
                done += 1
        self.progress("writing results", done, self.total)
        blocks = {name: [self._read(name, d) for d in range(self.plan.draws + 1)] for name in self.plan.scenarios}
        blocks = {name: self._with_neighbours(name, rows, blocks[BASELINE]) for name, rows in blocks.items()}
        write_draws(self.folder, blocks)
        for name in self.plan.study.scenarios:
            write_noise(self.folder, name, blocks[name], blocks[BASELINE], self.plan.scenarios, NOISE_QUANTITIES)
        info = self._info(blocks)
        self._log("finished", seconds=round(time.time() - self.started, 3))
        files.write_json(self.folder / "run.json", info)
        self.progress("finished", self.total, self.total)

    def _choose(self) -> None:
        """Apply the measures again where one chooses by what PV would bring, now by simulation."""
        from twin.scenario.apply import apply_measures, needs_solar
        from twin.scenario.prospects import Simulated

        plan, study = self.plan, self.plan.study
        if not needs_solar(study):
            return
        self.progress("choosing roofs for PV", 0, self.total)
        begun = time.perf_counter()
        solar = Simulated(
            self.parameters[0], self._roofs, seed=study.seed, calibrated=plan.calibrated, variant=plan.variant
        )
        scenarios = {n: apply_measures(plan.city, study, study.measures_of(n), solar) for n in study.names()}
        self.plan = dataclasses.replace(plan, scenarios=scenarios)
        self._log("roofs chosen", seconds=round(time.perf_counter() - begun, 3))

    def _with_neighbours(
        self, scenario: str, blocks: list[dict[str, Any]], baseline: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Return the blocks with the totals of what neighbours of changed buildings lose."""
        here, there = (self.plan.scenarios[name].city.buildings for name in (scenario, BASELINE))
        kept = neighbours(there, here)
        after_rows, before_rows = here.index.get_indexer(kept), there.index.get_indexer(kept)
        joined = []
        for block, base, parameters in zip(blocks, baseline, self.parameters, strict=True):
            before = {name: base[f"buildings/{name}"][before_rows] for name in QUANTITIES}
            after = {name: block[f"buildings/{name}"][after_rows] for name in QUANTITIES}
            more = neighbour_totals(before, after, parameters.neighbours)
            names, totals = np.array([*block["names"], *more]), np.array([*block["totals"], *more.values()])
            joined.append(block | {"names": names, "totals": totals})
        return joined

    def _block(self, scenario: str, draw: int) -> Path:
        return self.folder / "blocks" / scenario / f"draw-{draw:04d}.npz"

    def _is_done(self, scenario: str, draw: int) -> bool:
        path = self._block(scenario, draw)
        if not path.is_file():
            return False
        lost = [] if draw else missing_outputs(self.folder / scenario)
        if not lost and files.read_arrays(path) is not None:
            return True
        self._log("damaged block, done again", scenario=scenario, draw=draw, missing=lost)
        return False

    def _read(self, scenario: str, draw: int) -> dict[str, Any]:
        block = files.read_arrays(self._block(scenario, draw))
        if block is None:
            raise RunError("a block cannot be read", where=str(self._block(scenario, draw)), remedy="run again")
        return block

    def _simulate(self, scenario: str, draw: int) -> None:
        applied = self.plan.scenarios[scenario]
        begun = time.perf_counter()
        writer = ScenarioWriter(self.folder / scenario, applied.city) if draw == 0 else None
        result = evaluate_applied(
            applied,
            self.plan.city,
            self.plan.scenarios[BASELINE].city,
            self.parameters[draw],
            self._roofs,
            seed=self.plan.study.seed,
            draw=draw,
            calibrated=self.plan.calibrated,
            variant=self.plan.variant,
            memo=self.memo,
            sink=writer.hourly if writer else None,
        )
        if writer:
            writer.finish(result)
        files.write_arrays(self._block(scenario, draw), _block_arrays(result))
        self._log("block", scenario=scenario, draw=draw, seconds=round(time.perf_counter() - begun, 3))

    def _roofs(self, city: City) -> Roofs:
        """Return the roofs of this geometry, from memory, from disk or anew."""
        from twin.solar.model import Roofs, geometry_key, prepare_roofs

        if id(city) not in self.keys:
            self.keys[id(city)] = (city, geometry_key(city))  # the city is kept, so that its id stays its own
        key = self.keys[id(city)][1]
        if key not in self.roofs:
            path = self.folder / "blocks" / f"roofs-{key[:16]}.npz"
            kept = files.read_arrays(path)
            self.roofs[key] = Roofs.from_arrays(kept) if kept else prepare_roofs(city, variant=self.plan.variant)
            if not kept:
                files.write_arrays(path, self.roofs[key].to_arrays())
        return self.roofs[key]

    def _log(self, event: str, **fields: object) -> None:
        """Write a line with the time, and the processor time that this process took since the line before."""
        before, self.cpu = self.cpu, time.process_time()
        fields["cpu_seconds"] = round(self.cpu - before, 3)
        line = json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "event": event, **fields})
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def _stock(self) -> list[dict[str, Any]]:
        """Return the heat of the baseline's homes beside measured stocks."""
        from twin.scenario.stock import compared_stock

        self.progress("comparing the heat of homes", self.total, self.total)
        city = self.plan.scenarios[BASELINE].city
        results = self.folder / BASELINE / "buildings.parquet"
        plan, roofs = self.plan, self._roofs(city)
        how = plan.study.seed, plan.variant, self.memo, plan.calibrated
        return compared_stock(city, results, self.parameters[0], roofs, *how)

    def _heat_rebound(self, blocks: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, float]]:
        """Return, by scenario, the change of heat as calculated and as simulated, in kWh a year.

        Homes that need less heat are heated more: what a calculation with full temperatures saves is not what is
        saved (the prebound effect, `twin.energy.stock`). Scenarios that change no heat are left out.
        """
        from twin.scenario.stock import without_prebound

        plan = self.plan
        heat = {name: _total(rows[0], "heating_kwh_a") for name, rows in blocks.items()}
        changed = [name for name in plan.study.scenarios if heat[name] != heat[BASELINE]]
        if not changed or not self.parameters[0].energy.prebound_strength:
            return {}
        self.progress("what homes take back of the heat that is saved", self.total, self.total)
        calculated = {}
        for name in (BASELINE, *changed):
            applied = plan.scenarios[name]
            how = plan.study.seed, plan.variant, self.memo, plan.calibrated
            parameters = scaled(self.parameters[0], applied.factors)
            found = without_prebound(applied.city, parameters, self._roofs(applied.city), *how)
            calculated[name] = float(found["heating_kwh_a"].sum())
        return {
            name: {
                "calculated_kwh_a": calculated[name] - calculated[BASELINE],
                "simulated_kwh_a": heat[name] - heat[BASELINE],
            }
            for name in changed
        }

    def _info(self, blocks: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
        """Return the content of run.json; the same for every execution of the same run."""
        from twin.city.resolution import resolution_score

        plan, study = self.plan, self.plan.study
        score = resolution_score(plan.scenarios[BASELINE].city)
        changes = {name: [dataclasses.asdict(c) for c in applied.changes] for name, applied in plan.scenarios.items()}
        return {
            "format": 1,
            "run": plan.folder_name,
            "identity": plan.identity,
            "study": _simulated(study),
            "question": study.question,
            "city": dataclasses.asdict(plan.city.meta),
            "size": {name: len(getattr(plan.city, name)) for name in ("buildings", "links", "nodes", "zones")},
            "weather": {"title": plan.city.weather.title, "source": dataclasses.asdict(plan.city.weather.source)},
            "scenarios": list(study.scenarios),
            "labels": study.labels(),
            "draws": plan.draws,
            "seed": study.seed,
            "changes": changes,
            "parameters": parameter_table(self.parameters[0], study),
            "sources": [dataclasses.asdict(source) for source in sources(plan.city)],
            "repairs": list(plan.city.meta.repairs),
            "resolution": {"score": score.attrs["score"], "rows": score.reset_index(drop=True).to_dict("records")},
            "stock": self._stock() if concerns_energy(changes) else [],
            "heat_rebound": self._heat_rebound(blocks) if concerns_energy(changes) else {},
            "warnings": warnings({name: rows[0]["notes"] for name, rows in blocks.items()}, study.labels()),
            "versions": fingerprint.versions(),
            "checksums": {"city": fingerprint.city_hash(plan.city), "source": fingerprint.source_hash()},
        }


def _simulated(study: Study) -> dict[str, Any]:
    """Return the study as plain data without its canvas: no result depends on it, so it makes no new run."""
    return {key: value for key, value in study.resolved().items() if key != "canvas"}


def _total(block: dict[str, Any], name: str) -> float:
    return float(block["totals"][list(block["names"]).index(name)])


def _keep_canvas(folder: Path, study: Study) -> None:
    """Write the canvas that the study has now, and remove one that it no longer has."""
    if study.canvas is None:
        (folder / CANVAS).unlink(missing_ok=True)
    else:
        text = json.dumps(study.canvas, indent=1, ensure_ascii=False, allow_nan=False)  # in the author's order
        files.write_text(folder / CANVAS, text + "\n")


def _block_arrays(result: Evaluation) -> dict[str, Any]:
    """Return what a block keeps: totals by name, and the entity columns of `NOISE_QUANTITIES`."""
    names = sorted(result.totals)
    arrays: dict[str, Any] = {
        "names": np.array(names),
        "totals": np.array([result.totals[name] for name in names], np.float64),
        "notes": np.array(result.notes, dtype=np.str_),
    }
    for layer, quantities in NOISE_QUANTITIES.items():
        for quantity in quantities:
            arrays[f"{layer}/{quantity}"] = result.layers[layer][quantity].to_numpy(np.float64)
    return arrays


def forecast(plan: Plan) -> dict[str, float]:
    """Return what a run will need: blocks, bytes of memory at the peak and bytes on disk (rough, upper bounds)."""
    from twin.scenario.evaluate import BLOCK

    n = len(plan.city.buildings)
    hourly = min(n, BLOCK) * 8760 * 4.0
    entities = n + len(plan.city.links) + len(plan.city.zones)
    blocks = len(plan.scenarios) * (plan.draws + 1)
    return {
        "buildings": float(n),
        "blocks": float(blocks),
        "memory_mb": (400e6 + hourly * 6 * 8 + n * 40e3) / 1e6,
        "disk_mb": (len(plan.scenarios) * n * 8760 * 4.0 * 3 + blocks * entities * 8 * 4) / 1e6,
    }
