"""What PV on all of a building's suitable area would bring, worked out for measures that choose where to put it.

`Estimate` is quick and rough and serves ``twin check`` and the identity of a run; `Simulated` runs the solar, energy
and balance models with nominal parameters and serves the run itself. Choices are made once: every draw of a scenario
has PV on the same buildings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from twin.scenario import fingerprint
from twin.solar.economics import economics

if TYPE_CHECKING:
    from twin.city.model import City
    from twin.scenario.calibrated import Calibrated
    from twin.scenario.parameters import ModelParameters
    from twin.solar.model import Roofs

Surface = Literal["roofs", "facades"]
SHARE_COLUMN: dict[Surface, str] = {"roofs": "pv_share", "facades": "facade_pv_share"}
"""Column of the buildings that holds how much of a surface's suitable area carries PV."""
POTENTIAL: dict[Surface, str] = {"roofs": "pv_potential", "facades": "facade_pv_potential"}
"""What result columns of a surface's potential begin with: ``pv_potential_kwp``, ``pv_potential_kwh_a``."""


class Prospects(Protocol):
    """Says what PV would bring, per building."""

    exact: bool
    """Whether this is what the simulation will find."""

    def of(self, city: City, surface: Surface) -> pd.DataFrame:
        """Return what PV on all suitable area of a surface would add to what is there.

        Returns
        -------
        DataFrame
            One row per building of `city`, in its order: `kwp`; `kwh_a` generated; `used_kwh_a` of it used behind the
            building's own meter; `co2_kg_a` avoided in a year as the results count it, by what the building no longer
            buys, and `co2_t` over the system's life; `saving_eur_a` saved or earned in the first year; `cost_eur` of
            installing it; `npv_eur`, its net present value.
        """
        ...


class Estimate:
    """A rough guess from footprints, walls and the weather, without a simulation.

    Modules cover the usable share of the footprint, or a tenth of the walls (assumption); they yield what falls on the
    horizontal, less the system's losses (walls: 0.7 of it, assumption); all of it is used in the building.
    """

    exact = False
    wall_share, wall_light = 0.1, 0.7

    def __init__(self, parameters: ModelParameters) -> None:
        self._parameters = parameters

    def of(self, city: City, surface: Surface) -> pd.DataFrame:
        """Return the guess; see `Prospects.of`."""
        solar = self._parameters.solar
        sun_kwh_m2 = float(city.weather.ghi_w_m2.sum()) / 1000.0
        if surface == "roofs":
            area = city.buildings["footprint_area_m2"].to_numpy() * solar.usable_share * solar.flat_coverage
            light = 1.0
        else:
            walls = shapely.length(city.buildings.geometry.to_numpy()) * city.buildings["height_m"].to_numpy()
            area, light = walls * self.wall_share, self.wall_light
        kwp = area * solar.module_efficiency * (1.0 - city.buildings[SHARE_COLUMN[surface]].to_numpy())
        kwh = kwp * sun_kwh_m2 * light * (1.0 - solar.system_losses)
        return valued(city.buildings.index, kwp, kwh, kwh, surface, self._parameters)


class Simulated:
    """What the models find with nominal parameters, hour by hour, shading and the building's own demand included.

    Each surface is looked at by itself, on top of the PV that is there; that roof and façade of one building share its
    demand is left out. Results are remembered by city, since scenarios choose among the same buildings.

    Parameters
    ----------
    parameters : ModelParameters
        Nominal ones.
    roofs : callable
        Returns the roofs of a city.
    seed : int
        The study's.
    calibrated : Calibrated, optional
        The study's calibration.
    variant : str
        Kernel variant.
    """

    exact = True

    def __init__(
        self,
        parameters: ModelParameters,
        roofs: Callable[[City], Roofs],
        *,
        seed: int,
        calibrated: Calibrated | None = None,
        variant: str = "numba",
    ) -> None:
        self._parameters, self._roofs, self._seed = parameters, roofs, seed
        self._calibrated, self._variant = calibrated, variant
        self._known: dict[tuple[str, Surface], pd.DataFrame] = {}

    def of(self, city: City, surface: Surface) -> pd.DataFrame:
        """Return what the simulation finds; see `Prospects.of`."""
        key = (fingerprint.city_hash(city), surface)
        if key not in self._known:
            self._known[key] = self._work_out(city, surface)
        return self._known[key].copy()

    def _work_out(self, city: City, surface: Surface) -> pd.DataFrame:
        column = SHARE_COLUMN[surface]
        full = self._simulated(city.replace(buildings=city.buildings.assign(**{column: 1.0})))
        used = full["pv_used_kwh_a"].to_numpy()
        if (city.buildings[list(SHARE_COLUMN.values())] > 0.0).any(axis=None):
            used = used - self._simulated(city)["pv_used_kwh_a"].to_numpy()
        room = 1.0 - city.buildings[column].to_numpy()
        kwp, kwh = (full[f"{POTENTIAL[surface]}_{unit}"].to_numpy() * room for unit in ("kwp", "kwh_a"))
        return valued(city.buildings.index, kwp, kwh, np.clip(used, 0.0, kwh), surface, self._parameters)

    def _simulated(self, city: City) -> pd.DataFrame:
        """Return the columns of the buildings, nominal."""
        from twin.scenario.evaluate import simulate_buildings
        from twin.scenario.memo import Memo

        roofs, memo = self._roofs(city), Memo(capacity=1)
        how = {"variant": self._variant, "memo": memo, "calibrated": self._calibrated}
        frame, *_ = simulate_buildings(city, self._parameters, roofs, self._seed, 0, **how)  # type: ignore[arg-type]
        return frame


def valued(
    index: pd.Index,
    kwp: NDArray[np.float64],
    kwh_a: NDArray[np.float64],
    used_kwh_a: NDArray[np.float64],
    surface: Surface,
    parameters: ModelParameters,
) -> pd.DataFrame:
    """Return what systems cost, save and avoid, with the columns of `Prospects.of`.

    Parameters
    ----------
    index : Index (n,)
        Building ids.
    kwp, kwh_a, used_kwh_a : float64 (n,)
        Power, output of the first year, and what the building itself uses of it.
    surface : {"roofs", "facades"}
    parameters : ModelParameters
    """
    life = parameters.economics
    share = np.divide(used_kwh_a, kwh_a, out=np.zeros(len(kwh_a)), where=kwh_a > 0.0)
    factor = 1.0 if surface == "roofs" else life.facade_cost_factor
    money = economics(index, kwp, kwh_a, share, parameters.electricity.prices, life, cost_factor=factor)
    return pd.DataFrame(
        {
            "kwp": kwp,
            "kwh_a": kwh_a,
            "used_kwh_a": used_kwh_a,
            "co2_kg_a": money["co2_avoided_kg_a"].to_numpy(),
            "co2_t": money["co2_avoided_t"].to_numpy(),
            "saving_eur_a": money["revenue_eur_a"].to_numpy(),
            "cost_eur": money["capex_eur"].to_numpy(),
            "npv_eur": money["npv_eur"].to_numpy(),
        },
        index=index,
    )
