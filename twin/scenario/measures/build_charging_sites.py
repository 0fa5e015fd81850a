"""Build public charging sites."""

from __future__ import annotations

from typing import ClassVar, Literal

import geopandas as gpd
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from twin.city.model import City
from twin.city.schema import DERIVED
from twin.scenario import selectors
from twin.scenario.measures.base import (
    Change,
    Context,
    Measure,
    Model,
    Position,
    amount,
    appended,
    count,
    new_ids,
    zone_of,
)


class ChargingSite(Model):
    """One public charging site."""

    at: Position
    name: str = Field("", description="name of the site")
    connectors: int = Field(2, ge=1, le=1000, description="vehicles that can charge at once")
    connector_power_kw: float = Field(22.0, ge=1, le=1000, description="power of one connector in kW")
    power_cap_kw: float | None = Field(
        None, ge=1, le=1e5, description="power cap of the site in kW; connectors times power when left out"
    )

    @model_validator(mode="after")
    def _on_earth(self) -> ChargingSite:
        longitude, latitude = self.at
        if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
            raise PydanticCustomError(
                "twin", f"the position {self.at} is outside the world", {"expected": "[longitude, latitude] in degrees"}
            )
        return self

    @property
    def cap_kw(self) -> float:
        """The power cap in kW."""
        return self.connectors * self.connector_power_kw if self.power_cap_kw is None else self.power_cap_kw


class BuildChargingSites(Measure):
    """Build public charging sites at given places."""

    type: Literal["build_charging_sites"]
    layer: ClassVar[str] = "charging_sites"
    sites: list[ChargingSite] = Field(min_length=1, max_length=10_000)

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the sites."""
        points = [selectors.point(site.at, city.meta.crs) for site in self.sites]
        labels = [f"the site {site.name or site.at}" for site in self.sites]
        added = gpd.GeoDataFrame(
            {
                "name": [site.name for site in self.sites],
                "connectors": [site.connectors for site in self.sites],
                "connector_power_kw": [site.connector_power_kw for site in self.sites],
                "power_cap_kw": [site.cap_kw for site in self.sites],
                **{f"{c}_origin": DERIVED for c in ("connectors", "connector_power_kw", "power_cap_kw")},
            },
            geometry=points,
            index=new_ids(city.charging_sites.index, context.name, len(points)),
            crs=city.meta.crs,
        )
        added["zone_id"] = zone_of(added, city.zones, labels)
        connectors = sum(site.connectors for site in self.sites)
        power_kw = sum(site.cap_kw for site in self.sites)
        summary = (
            f"builds {count(len(points), 'charging site')} with {count(connectors, 'connector')}, {amount(power_kw)} kW"
        )
        change = self.report(
            context,
            len(points),
            summary,
            quantities={"sites": len(points), "connectors": connectors, "power_cap_kw": power_kw},
        )
        return city.replace(charging_sites=appended(city.charging_sites, added)), change
