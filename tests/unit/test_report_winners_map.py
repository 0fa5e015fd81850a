"""The map of winners and losers: what each zone's colour says, hatching, unit, direction and legend."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from tests.unit.decision_reach_fixture import SCENARIO, random_run
from tests.unit.report_fixture import make_run
from twin.city.model import City
from twin.decision.incidence import OUTCOMES
from twin.decision.reach import incidence_of
from twin.decision.reach_tables import EMPTY, SHOWN, SUPPRESSED
from twin.report.maps import BLUES, ORANGES
from twin.report.winners_map import (
    BALANCED,
    HIDDEN,
    MIXED_COLOUR,
    MORE_LOSE,
    MORE_WIN,
    NOBODY,
    SAME_COLOUR,
    UNCHANGED,
    _fills,
    winners_map,
    zone_words,
)


def _zones() -> pd.DataFrame:
    rows = {  # wins, loses, mixed, no change
        "won": (90.0, 0.0, 0.0, 10.0), "part": (30.0, 10.0, 0.0, 60.0), "lost": (0.0, 80.0, 0.0, 20.0),
        "third": (0.0, 30.0, 0.0, 60.0), "both": (20.0, 20.0, 0.0, 60.0), "mixed": (0.0, 0.0, 50.0, 0.0),
        "same": (0.0, 0.0, 0.0, 9.0), "few": (np.nan,) * 4, "empty": (0.0,) * 4,
    }  # fmt: skip
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(OUTCOMES))
    people = table.sum(axis=1).replace(0.0, np.nan)
    table["net_share"] = (table["wins"] - table["loses"]) / people
    table["state"] = [SHOWN] * 7 + [SUPPRESSED, EMPTY]
    return table


def test_colours_and_words() -> None:
    words = zone_words(_zones())
    assert words.tolist() == [
        MORE_WIN, MORE_WIN, MORE_LOSE, MORE_LOSE, BALANCED, BALANCED, UNCHANGED, HIDDEN, NOBODY,
    ]  # fmt: skip
    fills = _fills(_zones(), words, "h")
    assert fills[:4] == [BLUES[2], BLUES[0], ORANGES[2], ORANGES[0]]  # a third is still the palest class
    assert fills[4:8] == [MIXED_COLOUR, MIXED_COLOUR, SAME_COLOUR, "url(#h)"]


def _texts(image: str) -> list[str]:
    return [str(e.text) for e in ElementTree.fromstring(image).iter() if e.tag.endswith("text")]


def test_the_map_says_what_it_shows(small_city: City, tmp_path: Path) -> None:
    run: Any = make_run(small_city, tmp_path)
    layers = {name: run.layer("baseline", name) for name in ("zones", "buildings")}
    for scenario in run.info["scenarios"]:
        found = incidence_of(run, scenario)
        image = winners_map(layers, found, run.info["labels"][scenario] + " & <more>")
        texts = _texts(image)
        assert texts[0].startswith("Winners and losers: ") and "<more>" in texts[0]
        assert "% of residents" in texts[1] and "higher is better" in texts[1]
        assert {"hidden: too few people to publish", "more win (better) ▶", "% of residents"} <= set(texts)
        tips = [e for e in ElementTree.fromstring(image).iter() if e.tag.endswith("title")]
        assert len(tips) == len(small_city.zones)
        hidden = (found.by_zone["state"] == SUPPRESSED).sum()
        assert image.count(f"url(#hatch-{scenario})") == hidden + 1  # and the legend
        assert winners_map(layers, found, "x") == winners_map(layers, found, "x")


def test_one_page_holds_many_maps_and_needs_no_buildings() -> None:
    run = random_run(3)
    layers = {name: run.layer("baseline", name) for name in ("zones", "buildings")}
    image = winners_map(layers, incidence_of(run, SCENARIO), "Change")
    assert f'id="hatch-{SCENARIO}"' in image and "NaN" not in image and "nan" not in image
    empty = {"zones": layers["zones"], "buildings": layers["buildings"].iloc[:0]}
    assert "<svg" in winners_map(empty, incidence_of(run, SCENARIO), "Change")
