"""The run folder: what a finished run left on disk, and how it is read.

``runs/<study>-<hash>/`` holds ``run.json`` (written last: a folder without it is an unfinished run), ``log.jsonl``
(times and machine, the only file that differs between two executions), ``canvas.json`` (of the study as it was last
run), ``blocks/`` (finished pieces of work, from which a killed run resumes), ``draws.parquet``, ``kpis.parquet`` and
``.csv``, ``report.html`` and one folder per scenario with its layers, hourly series and the noise of its differences.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twin.errors import RunError

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

BASELINE = "baseline"
CITY_GROUP, BUILDING_GROUP = "city", "buildings"
CANVAS = "canvas.json"
"""The canvas that the study had when it was last run: it may change without a new simulation."""


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes
    ----------
    path : Path
        The run folder.
    info : dict
        The content of ``run.json``.
    """

    path: Path
    info: dict[str, Any]
    _baseline: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """Open a run folder.

        Raises
        ------
        RunError
            The folder is missing, unfinished or damaged.
        """
        folder = Path(path)
        if not folder.is_dir():
            raise RunError("no such run folder", where=str(folder), remedy="list runs/, or start one with: twin run")
        file = folder / "run.json"
        if not file.is_file() and not (folder / "log.jsonl").is_file():
            raise RunError("this is not a run folder", where=str(folder), expected="a folder like runs/<study>-<hash>")
        if not file.is_file():
            raise RunError(
                "this run has not finished", where=str(folder), remedy="resume it by running the same study again"
            )
        again = "delete run.json and run the study again"
        try:
            info = json.loads(file.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise RunError(f"run.json cannot be read ({error})", where=str(file), remedy=again) from None
        if not isinstance(info, dict) or not isinstance(info.get("scenarios"), list):
            raise RunError("run.json is not what a run writes: it lists no scenarios", where=str(file), remedy=again)
        if (folder / CANVAS).is_file():
            try:
                canvas = json.loads((folder / CANVAS).read_text(encoding="utf-8"))
            except (ValueError, RecursionError) as error:
                remedy = "delete it and run the study again"
                raise RunError(f"{CANVAS} cannot be read ({error})", where=str(folder), remedy=remedy) from None
            info["study"] = {**info.get("study", {}), "canvas": canvas}
        return cls(folder, info)

    @property
    def scenarios(self) -> list[str]:
        """Names of the scenarios, the baseline first."""
        return [BASELINE, *self.info["scenarios"]]

    def folder(self, scenario: str) -> Path:
        """Return the folder of a scenario."""
        if scenario not in self.scenarios:
            raise RunError(f"no scenario {scenario!r} in this run", expected=", ".join(self.scenarios))
        return self.path / scenario

    def layer(self, scenario: str, name: str) -> gpd.GeoDataFrame:
        """Return a layer of the city with its result columns, indexed by id. Those of the baseline are read once."""
        import geopandas as gpd

        kept = self._baseline if scenario == BASELINE else {}
        if name not in kept:
            kept[name] = self._read(self.folder(scenario) / f"{name}.parquet", gpd.read_parquet)
        frame: gpd.GeoDataFrame = kept[name].copy(deep=False)  # copied where somebody writes (pandas 3)
        return frame

    def roof_planes(self, scenario: str) -> pd.DataFrame:
        """Return every roof plane with its irradiation, and why it is suitable for PV or not, indexed by plane."""
        import pandas as pd

        frame: pd.DataFrame = self._read(self.folder(scenario) / "roof_planes.parquet", pd.read_parquet)
        return frame

    def draws(self) -> pd.DataFrame:
        """Return the totals of every scenario and draw: scenario, draw, quantity, value. Draw 0 is nominal."""
        import pandas as pd

        frame: pd.DataFrame = self._read(self.path / "draws.parquet", pd.read_parquet)
        return frame

    def noise(self, scenario: str) -> pd.DataFrame:
        """Return the nominal difference to the baseline and its spread over the draws.

        Columns: layer, id, quantity, value, sd.
        """
        import pandas as pd

        frame: pd.DataFrame = self._read(self.folder(scenario) / "noise.parquet", pd.read_parquet)
        return frame

    def series(self, scenario: str) -> dict[str, NDArray[np.float64]]:
        """Return the city's hourly series."""
        group = self._zarr(scenario)[CITY_GROUP]
        return {name: np.asarray(array[:]) for name, array in sorted(group.arrays())}

    def building_series(self, scenario: str, building_ids: list[str] | None = None) -> dict[str, NDArray[np.float32]]:
        """Return the hourly series of buildings, float32 (n, 8760); of all when no ids are given."""
        group = self._zarr(scenario)[BUILDING_GROUP]
        rows: Any = slice(None)
        if building_ids is not None:
            index = self.layer(scenario, "buildings").index
            rows = index.get_indexer(building_ids)
            if (rows < 0).any():
                missing = [b for b, row in zip(building_ids, rows, strict=True) if row < 0]
                raise RunError(f"no building {missing[0]!r} in scenario {scenario!r}")
        return {name: np.asarray(array.oindex[rows, :]) for name, array in sorted(group.arrays())}

    def cpu_seconds(self) -> float:
        """Return the processor time that the run took, in core seconds, by its log; NaN where that was not measured.

        The time of all executions that a run was finished by, of all threads; the import of the city and a block that
        a killed execution did not finish are not in it.
        """
        file = self.path / "log.jsonl"
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else []
        return sum(spent) if (spent := [_cpu_seconds(line) for line in lines]) else float("nan")

    def _zarr(self, scenario: str) -> Any:
        import zarr

        return self._read(self.folder(scenario) / "series.zarr", lambda path: zarr.open_group(path, mode="r"))

    def _read(self, path: Path, read: Callable[[Path], Any]) -> Any:
        if not path.exists():
            raise RunError("a file of this run is missing", where=str(path), remedy="delete run.json and run again")
        try:
            return read(path)
        except (OSError, ValueError) as error:  # pyarrow's and zarr's own errors are of these kinds
            remedy = "delete it and run.json, and run the study again"
            raise RunError("a file of this run is damaged", where=str(path), remedy=remedy) from error


def _cpu_seconds(line: str) -> float:
    """Return the processor time of a line of the log; NaN for lines of versions that did not measure it."""
    try:
        event = json.loads(line)
    except ValueError:
        return 0.0  # half a line, of an execution that was killed
    return float(event.get("cpu_seconds", float("nan"))) if isinstance(event, dict) else 0.0
