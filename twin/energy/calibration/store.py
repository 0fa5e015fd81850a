"""A calibration as a folder: ``calibration.json`` with names and ids, ``calibration.npz`` with the arrays."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.energy.calibration.observed import SLOTS, Observed
from twin.energy.calibration.posterior import Calibration
from twin.energy.calibration.prior import FIELDS, PARTS, Components
from twin.energy.calibration.smoother import Linear
from twin.errors import DataError

INDEX, ARRAYS = "calibration.json", "calibration.npz"
FORMAT = 1
_OWN = ("state", "covariance", "scatter", "own", "nominal", "archetypes", "fitted", "at_prior_mean")
_OBSERVED = ("rows", "carrier", "annual_kwh", "months", "monthly_kwh")
_LINEAR = ("slope", "noise", "there", "group")
MAX_BYTES = 1 << 30


def save_calibration(calibration: Calibration, folder: Path) -> None:
    """Write the two files into a folder, which is made when it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {name: getattr(calibration, name) for name in _OWN}
    arrays |= {f"metered_{name}": getattr(calibration.metered, name) for name in _OBSERVED}
    arrays |= {f"linear_{name}": getattr(calibration.linear, name) for name in _LINEAR}
    arrays["parts"] = calibration.components.parts
    index = {
        "format": FORMAT,
        "fields": FIELDS,
        "components": calibration.components.names,
        "groups": calibration.components.groups,
        "metered": list(calibration.metered.ids),
        "seed": calibration.seed,
        "year": calibration.year,
        "runs": calibration.runs,
    }
    np.savez_compressed(folder / ARRAYS, allow_pickle=False, **arrays)
    (folder / INDEX).write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load_calibration(path: str | Path) -> Calibration:
    """Read what `save_calibration` wrote.

    Raises
    ------
    DataError
        No calibration, damaged, or of another version.
    """
    folder = Path(path)
    remedy = "make it with twin calibrate"
    if not (folder / INDEX).is_file() or not (folder / ARRAYS).is_file():
        raise DataError("this is no calibration", where=str(path), expected=f"{INDEX} and {ARRAYS}", remedy=remedy)
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        if max((folder / name).stat().st_size for name in (INDEX, ARRAYS)) > MAX_BYTES:
            raise ValueError("too large")
        if index["format"] != FORMAT or tuple(index["fields"]) != FIELDS:
            raise DataError("the calibration is of another version", where=str(path), remedy=remedy)
        with np.load(folder / ARRAYS, allow_pickle=False) as data:
            return _calibration(index, {name: data[name] for name in data.files})
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise DataError(f"the calibration is damaged: {error}", where=str(path), remedy=remedy) from None


def _calibration(index: dict, arrays: dict[str, NDArray]) -> Calibration:
    names, groups = tuple(index["components"]), tuple((use, year) for use, year in index["groups"])
    components = Components(names, groups, arrays["parts"])
    ids = pd.Index(index["metered"], name="building_id", dtype="str")
    metered = Observed(ids, *(arrays[f"metered_{name}"] for name in _OBSERVED))
    linear = Linear(*(arrays[f"linear_{name}"] for name in _LINEAR))
    own = {name: arrays[name] for name in _OWN}
    members, m, n = len(own["state"]), len(ids), len(FIELDS)
    k = own["nominal"].shape[1]
    expected = {
        "state": (members, len(names), n),
        "covariance": (len(names) * n, len(names) * n),
        "scatter": (1 + members, 2),
        "own": (1 + members, m, n),
        "nominal": (m, k),
        "archetypes": (members, m, k),
        "fitted": (members, m, k),
        "at_prior_mean": (m, k),
    }
    wrong = [name for name, shape in expected.items() if own[name].shape != shape]
    if linear.slope.shape != (m, k, n) or metered.annual_kwh.shape != (m, len(SLOTS)):
        wrong.append("linear")
    if components.parts.shape != (len(groups), len(PARTS)) or not (components.parts < len(names)).all():
        wrong.append("parts")
    if wrong or not all(np.isfinite(array).all() for array in own.values()):
        raise ValueError(f"{', '.join(wrong) or 'values'} cannot be used")
    seed, year, runs = (int(index[name]) for name in ("seed", "year", "runs"))
    return Calibration(
        components=components, metered=metered, linear=linear, seed=seed, year=year, runs=runs, **own
    )  # fmt: skip
