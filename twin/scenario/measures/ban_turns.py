"""Ban turns."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import shapely
from pydantic import Field

from twin.city.model import City
from twin.errors import SelectorError
from twin.scenario import selectors
from twin.scenario.measures.base import (
    Area,
    Change,
    Context,
    Expression,
    Measure,
    count,
    of_streets,
    select_by,
    with_column,
)


class BanTurns(Measure):
    """Ban the turns from some links into others, at every junction where one leads into the other."""

    type: Literal["ban_turns"]
    layer: ClassVar[str] = "links"
    from_where: Expression = Field(description="expression on the links that traffic comes from")
    into_where: Expression = Field(description="expression on the links that it may not turn into")
    inside: Area | None = Field(None, description="polygon of the junctions; everywhere when left out")

    def apply(self, city: City, context: Context) -> tuple[City, Change]:
        """Return the city with the turns banned."""
        links = city.links
        coming = links[select_by(links, self.from_where, None, key="from_where", context=context)]
        into = links[select_by(links, self.into_where, None, key="into_where", context=context)]
        if self.inside is not None:
            area = selectors.polygon(self.inside, city.meta.crs, base=context.base)
            held = set(city.nodes.index[shapely.intersects(area, city.nodes.geometry.to_numpy())])
            coming = coming[coming["to_node"].isin(held)]
        starting = into.groupby("from_node").groups
        banned = {
            link: set(starting[node])
            for link, node in zip(coming.index, coming["to_node"], strict=True)
            if node in starting
        }
        if not banned:
            raise SelectorError(
                f"no link with `{self.from_where}` leads into one with `{self.into_where}`",
                remedy="links are directed: name those that end and those that start at the same junction",
            )
        mask = np.asarray(links.index.isin(banned))
        texts = [
            " ".join(sorted(banned[link] | set(before.split())))
            for link, before in zip(links.index[mask], links.loc[mask, "banned_turns"], strict=True)
        ]
        turns = sum(map(len, banned.values()))
        targets = links[links.index.isin(set().union(*banned.values()))]
        summary = (
            f"bans {count(turns, 'turn')} from {count(len(banned), 'link')}{of_streets(links[mask])} "
            f"into {count(len(targets), 'link')}{of_streets(targets)}"
        )
        change = self.report(context, len(banned), summary, quantities={"turns": turns})
        return city.replace(links=with_column(links, "links", "banned_turns", mask, texts)), change
