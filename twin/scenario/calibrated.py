"""A study that stands on a calibration: its members instead of the model's own scatter between buildings."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin.errors import StudyError, TwinError
from twin.scenario.selectors import resolve

if TYPE_CHECKING:
    from twin.city.model import City
    from twin.energy.calibration.posterior import Calibration
    from twin.energy.parameters import EnergyParameters, Factors
    from twin.scenario.study import Study


@dataclass(frozen=True)
class Calibrated:
    """A calibration, and a hash of its content."""

    calibration: Calibration
    identity: str

    def inputs(self, city: City, parameters: EnergyParameters, draw: int) -> tuple[EnergyParameters, Factors]:
        """Return the parameters and factors of a draw: 0 the mean of the posterior, 1, 2, … its members."""
        return self.calibration.parameters(parameters), self.calibration.factors(city, draw)


def calibration_of(study: Study) -> Calibrated | None:
    """Return the calibration that a study names, None where it names none.

    Raises
    ------
    StudyError
        There is none, or it is damaged.
    """
    if study.calibration is None:
        return None
    from twin.energy.calibration.store import ARRAYS, INDEX, load_calibration

    folder = resolve(study.calibration, study.base)
    try:
        calibration = load_calibration(folder)
    except TwinError as error:
        raise StudyError(
            error.what, where=study.at("calibration"), expected=error.expected, remedy=error.remedy
        ) from None
    digest = hashlib.sha256()
    for name in (INDEX, ARRAYS):
        digest.update((folder / name).read_bytes())
    return Calibrated(calibration, digest.hexdigest())
