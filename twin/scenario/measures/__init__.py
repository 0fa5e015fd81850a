"""The measures a study may use, one file each; `REGISTRY` maps the ``type`` of a study file to its model."""

from __future__ import annotations

from collections.abc import Iterable

from twin.errors import StudyError
from twin.scenario.measures.access_only import AccessOnly
from twin.scenario.measures.add_buildings import AddBuildings
from twin.scenario.measures.ban_turns import BanTurns
from twin.scenario.measures.base import Change, Context, Measure
from twin.scenario.measures.boiler_ban import BoilerBan
from twin.scenario.measures.build_charging_sites import BuildChargingSites
from twin.scenario.measures.change_demand import ChangeDemand
from twin.scenario.measures.change_district_heat import ChangeDistrictHeat
from twin.scenario.measures.change_heat_supply import ChangeHeatSupply
from twin.scenario.measures.change_links import ChangeLinks
from twin.scenario.measures.close_links import CloseLinks
from twin.scenario.measures.cycle_network import CycleNetwork
from twin.scenario.measures.district_heating_zone import DistrictHeatingZone
from twin.scenario.measures.electric_cars import ElectricCars
from twin.scenario.measures.electricity_monitoring import ElectricityMonitoring
from twin.scenario.measures.energy_community import EnergyCommunity
from twin.scenario.measures.fell_trees import FellTrees
from twin.scenario.measures.fleet_turnover import FleetTurnover
from twin.scenario.measures.heat_pump_subsidy import HeatPumpSubsidy
from twin.scenario.measures.heat_response import HeatResponse
from twin.scenario.measures.install_batteries import InstallBatteries
from twin.scenario.measures.install_pv import InstallPv
from twin.scenario.measures.land_use_change import LandUseChange
from twin.scenario.measures.low_emission_zone import LowEmissionZone
from twin.scenario.measures.low_traffic_neighbourhood import LowTrafficNeighbourhood
from twin.scenario.measures.parking import Parking
from twin.scenario.measures.plant_trees import PlantTrees
from twin.scenario.measures.public_building_programme import PublicBuildingProgramme
from twin.scenario.measures.public_transport import PublicTransport
from twin.scenario.measures.pv_programme import PvProgramme
from twin.scenario.measures.raise_buildings import RaiseBuildings
from twin.scenario.measures.remove_buildings import RemoveBuildings
from twin.scenario.measures.reopen_links import ReopenLinks
from twin.scenario.measures.retrofit import Retrofit
from twin.scenario.measures.retrofit_programme import RetrofitProgramme
from twin.scenario.measures.road_works import RoadWorks
from twin.scenario.measures.setback_campaign import SetbackCampaign
from twin.scenario.measures.toll import Toll
from twin.scenario.measures.truck_ban import TruckBan

__all__ = ["REGISTRY", "AnyMeasure", "Change", "Context", "Measure", "registry_of"]

AnyMeasure = (
    CloseLinks
    | ReopenLinks
    | ChangeLinks
    | Toll
    | LowEmissionZone
    | LowTrafficNeighbourhood
    | AccessOnly
    | TruckBan
    | BanTurns
    | CycleNetwork
    | RoadWorks
    | ChangeDemand
    | Parking
    | PublicTransport
    | FleetTurnover
    | BuildChargingSites
    | InstallPv
    | PvProgramme
    | Retrofit
    | ChangeHeatSupply
    | RetrofitProgramme
    | PublicBuildingProgramme
    | BoilerBan
    | HeatPumpSubsidy
    | DistrictHeatingZone
    | ChangeDistrictHeat
    | SetbackCampaign
    | HeatResponse
    | ElectricityMonitoring
    | InstallBatteries
    | ElectricCars
    | EnergyCommunity
    | AddBuildings
    | RaiseBuildings
    | RemoveBuildings
    | PlantTrees
    | FellTrees
    | LandUseChange
)


def registry_of(classes: Iterable[type[Measure]]) -> dict[str, type[Measure]]:
    """Return measure classes by their ``type``.

    Raises
    ------
    StudyError
        Two classes have the same type.
    """
    registry: dict[str, type[Measure]] = {}
    for cls in classes:
        name = cls.model_fields["type"].annotation.__args__[0]  # type: ignore[union-attr]
        if name in registry:
            raise StudyError(f"the measure type {name!r} is registered twice")
        registry[name] = cls
    return registry


REGISTRY = registry_of(AnyMeasure.__args__)
