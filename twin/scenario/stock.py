"""The heat of homes with and without prebound correction beside measured stocks, for the report of a run."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from twin.energy.stock import BOUGHT_HEAT, stock_comparison
from twin.scenario.evaluate import simulate_buildings
from twin.scenario.memo import Memo

if TYPE_CHECKING:
    from pathlib import Path

    from twin.city.model import City
    from twin.scenario.calibrated import Calibrated
    from twin.scenario.parameters import ModelParameters
    from twin.solar.model import Roofs

CARRIERS = list(BOUGHT_HEAT.values())


def compared_stock(
    city: City,
    results: Path,
    parameters: ModelParameters,
    roofs: Roofs,
    seed: int,
    variant: str,
    memo: Memo,
    calibrated: Calibrated | None,
) -> list[dict[str, Any]]:
    """Return the rows of `twin.energy.stock.stock_comparison` as plain data, None where there is no figure.

    Parameters
    ----------
    city : City
        That of the baseline.
    results : Path
        The baseline's buildings with their results under the nominal parameters (GeoParquet).
    parameters : ModelParameters
        The nominal ones.
    roofs : Roofs
        Of `city`.
    seed, variant, memo, calibrated
        As of `twin.scenario.evaluate.evaluate`.
    """
    corrected = pd.read_parquet(results, columns=CARRIERS).reindex(city.buildings.index)
    calculated = without_prebound(city, parameters, roofs, seed, variant, memo, calibrated)
    table = stock_comparison(city.buildings, corrected, calculated, city.meta.country).reset_index()
    rows = table.to_dict("records")
    return [{str(k): None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()} for row in rows]


def without_prebound(
    city: City,
    parameters: ModelParameters,
    roofs: Roofs,
    seed: int,
    variant: str,
    memo: Memo,
    calibrated: Calibrated | None,
) -> pd.DataFrame:
    """Return the results of buildings whose homes are heated as calculations assume: the arguments as above."""
    energy = dataclasses.replace(parameters.energy, prebound_strength=0.0)
    without = dataclasses.replace(parameters, energy=energy)
    found, *_ = simulate_buildings(city, without, roofs, seed, 0, variant=variant, memo=memo, calibrated=calibrated)
    return found
