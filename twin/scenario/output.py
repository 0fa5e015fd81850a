"""What a run writes: layers and hourly series of each scenario, the draws table and the noise of differences."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.city.model import HOURS
from twin.scenario import files
from twin.scenario.store import BUILDING_GROUP, CITY_GROUP

if TYPE_CHECKING:
    from twin.city.model import City
    from twin.scenario.apply import Applied
    from twin.scenario.evaluate import Evaluation

LAYERS_WRITTEN = ("buildings", "links", "zones", "charging_sites")
PLANES = "roof_planes.parquet"
MINIMUM_DRAWS = 5
"""Fewer draws say next to nothing about spread and give no interval."""
CHUNK = 128
"""Buildings per chunk of an hourly array: 4.5 MB in float32."""


class ScenarioWriter:
    """Writes the folder of one scenario; hourly blocks stream in, the rest follows at the end."""

    def __init__(self, folder: Path, city: City) -> None:
        self.folder, self.city = folder, city
        self.part = folder / f".series.zarr.{os.getpid()}.part"
        self.group: Any = None

    def hourly(self, rows: slice, arrays: dict[str, NDArray[np.float32]]) -> None:
        """Write a block of buildings, float32 (rows, 8760) by name, in kW."""
        group = self._group().require_group(BUILDING_GROUP)
        for name, values in arrays.items():
            if name not in group:
                group.create_array(
                    name, shape=(len(self.city.buildings), HOURS), chunks=(CHUNK, HOURS), dtype="float32"
                )
            group[name][rows, :] = values

    def finish(self, result: Evaluation) -> None:
        """Write the city series and the layers; the folder is complete afterwards."""
        group = self._group().require_group(CITY_GROUP)
        for name, values in sorted(result.series.items()):
            array = group.create_array(name, shape=values.shape, chunks=values.shape, dtype="float64")
            array[:] = values
        target = self.folder / "series.zarr"
        shutil.rmtree(target, ignore_errors=True)
        self.part.rename(target)
        for name in LAYERS_WRITTEN:
            layer, columns = getattr(self.city, name), result.layers[name]
            new = columns[[c for c in columns.columns if c not in layer.columns]]
            table = layer.join(new) if len(layer) else layer
            files.write_atomically(
                self.folder / f"{name}.parquet",
                lambda path, table=table: table.to_parquet(path),  # type: ignore[misc]
            )

        files.write_atomically(self.folder / PLANES, result.roof_planes.to_parquet)

    def _group(self) -> Any:
        import zarr

        if self.group is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(self.part, ignore_errors=True)
            self.group = zarr.open_group(self.part, mode="w")
        return self.group


def missing_outputs(folder: Path) -> list[str]:
    """Return what a scenario's folder lacks of all that `ScenarioWriter` writes."""
    wanted = ["series.zarr", PLANES, *(f"{name}.parquet" for name in LAYERS_WRITTEN)]
    return [name for name in wanted if not (folder / name).exists()]


def write_draws(folder: Path, blocks: Mapping[str, list[dict[str, Any]]]) -> None:
    """Write ``draws.parquet``: the totals of every scenario and draw."""
    table = draws_frame(blocks)
    files.write_atomically(folder / "draws.parquet", lambda path: table.to_parquet(path, index=False))


def draws_frame(blocks: Mapping[str, list[dict[str, Any]]]) -> pd.DataFrame:
    """Return the totals of all blocks as one table."""
    parts = []
    for scenario, rows in blocks.items():
        for draw, block in enumerate(rows):
            names = block["names"].astype(str)
            part = {"scenario": scenario, "draw": draw, "quantity": names, "value": block["totals"]}
            parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def write_noise(
    folder: Path,
    scenario: str,
    blocks: list[dict[str, Any]],
    baseline: list[dict[str, Any]],
    cities: Mapping[str, Applied],
    quantities: Mapping[str, tuple[str, ...]],
) -> None:
    """Write ``noise.parquet``: per entity the nominal difference to the baseline and its spread over the draws."""
    parts = []
    for layer, names in quantities.items():
        ids = getattr(cities[scenario].city, layer).index
        base_ids = getattr(cities["baseline"].city, layer).index
        common = ids.intersection(base_ids, sort=False)
        here, there = ids.get_indexer(common), base_ids.get_indexer(common)
        for name in names:
            key = f"{layer}/{name}"
            paired = np.stack([b[key][here] - a[key][there] for b, a in zip(blocks, baseline, strict=True)])
            spread = paired[1:].std(axis=0, ddof=1) if len(paired) > MINIMUM_DRAWS else np.full(len(common), np.nan)
            part = {"layer": layer, "id": common, "quantity": name, "value": paired[0], "sd": spread}
            parts.append(pd.DataFrame(part))
    table = pd.concat(parts, ignore_index=True)
    files.write_atomically(folder / scenario / "noise.parquet", lambda path: table.to_parquet(path, index=False))
