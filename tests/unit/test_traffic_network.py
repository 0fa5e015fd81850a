from __future__ import annotations

import numpy as np
import pytest

from twin.city.model import City
from twin.errors import DataError
from twin.kernels import registry
from twin.traffic.classes import NAMES
from twin.traffic.network import CONNECTORS_PER_ZONE, along_paths, build_network
from twin.traffic.parameters import TrafficParameters

P = TrafficParameters()


def test_numbering_does_not_depend_on_closures(small_city: City) -> None:
    links = small_city.links.copy()
    links["closed"] = True
    before, after = build_network(small_city, P), build_network(small_city.replace(links=links), P)
    assert np.array_equal(before.link_head, after.link_head)
    assert np.array_equal(before.row, after.row)
    assert np.isinf(after.fixed_cost[:, after.row >= 0]).all()
    assert np.isfinite(after.fixed_cost[:, after.row < 0]).all()


def test_every_link_appears_once_and_zones_have_connectors(small_city: City) -> None:
    network = build_network(small_city, P)
    assert sorted(network.row[network.row >= 0]) == list(range(len(small_city.links)))
    stations = int(small_city.nodes["external"].sum())
    assert network.zones == len(small_city.zones)
    assert len(network.station_nodes) == stations
    assert (network.row < 0).sum() == 2 * (CONNECTORS_PER_ZONE * network.zones + stations)
    street = network.row >= 0
    expected = small_city.links["length_m"].to_numpy()[network.row[street]] / 1000
    assert np.array_equal(network.length_km[street], expected)
    hours = expected / (small_city.links["speed_limit_kmh"].to_numpy()[network.row[street]] * P.free_flow_speed_ratio)
    assert network.free_flow_time[street] == pytest.approx(60 * hours)


def test_paths_do_not_cross_zones_and_sums_follow_them(small_city: City) -> None:
    network = build_network(small_city, P)
    trees = registry.get("traffic.shortest_path", "reference")
    cost, pred = trees(
        network.link_start, network.link_head, network.free_flow_time, np.arange(network.centroids), network.centroids
    )
    assert np.isfinite(cost).all()
    again = along_paths(network, pred, network.free_flow_time)
    assert again == pytest.approx(cost[:, : network.centroids])
    into_zone = network.link_head < network.centroids
    crossings = along_paths(network, pred, into_zone.astype(float))
    assert (crossings + np.eye(network.centroids) == 1.0).all()


def test_toll_and_operating_cost_become_minutes_of_each_class(small_city: City) -> None:
    links = small_city.links.copy()
    links.loc[links.index[0], "toll_eur"] = 3.0
    parameters = TrafficParameters(value_of_time_eur_h=12.0)
    network = build_network(small_city.replace(links=links), parameters)
    at = int(np.flatnonzero(network.row == 0)[0])
    toll = network.fixed_cost[:, at] - network.reference_cost[:, at]
    van = 180.0 / parameters.van_value_of_time_eur_h
    truck = parameters.truck_toll_factor * 180.0 / parameters.truck_value_of_time_eur_h
    assert toll == pytest.approx([15.0, 15.0, 15.0, 15.0, van, truck])
    running = network.length_km[at] * P.car_operating_cost_eur_km * 5.0
    assert network.reference_cost[0, at] == pytest.approx(running)
    km = network.length_km[at] * 60.0
    assert network.reference_cost[4, at] == pytest.approx(
        km * parameters.van_operating_cost_eur_km / parameters.van_value_of_time_eur_h
    )
    assert network.reference_cost[5, at] == pytest.approx(
        km * parameters.truck_operating_cost_eur_km / parameters.truck_value_of_time_eur_h
    )


@pytest.mark.parametrize(
    ("column", "shut"),
    [
        ("closed", NAMES),
        ("low_emission", ("old_car", "old_car_access")),
        ("access_only", ("car", "old_car")),
        ("truck_ban", ("truck",)),
    ],
)
def test_rules_shut_streets_to_their_classes(small_city: City, column: str, shut: tuple[str, ...]) -> None:
    links = small_city.links.copy()
    links[column] = np.arange(len(links)) < 3
    network = build_network(small_city.replace(links=links), P)
    assert network.fixed_cost.shape == (len(NAMES), len(network.row))
    for cost, name in zip(network.fixed_cost, NAMES, strict=True):
        assert np.isinf(cost).sum() == (3 if name in shut else 0)
    assert np.isfinite(network.reference_cost).all()


def test_columns_of_an_old_package_have_their_default(small_city: City) -> None:
    new = ["access_only", "truck_ban", "banned_turns"]
    old = small_city.replace(links=small_city.links.drop(columns=new, errors="ignore"))
    before, after = build_network(small_city, P), build_network(old, P)
    assert np.array_equal(before.fixed_cost, after.fixed_cost)
    assert not after.access_zone.any()


def test_access_zones_hold_the_middle_of_an_access_only_link(small_city: City) -> None:
    links = small_city.links.copy()
    links["access_only"] = False
    links.loc[links.index[5], "access_only"] = True
    network = build_network(small_city.replace(links=links), P)
    middle = links.geometry.iloc[5].interpolate(0.5, normalized=True)
    assert network.access_zone.any()
    assert network.access_zone.tolist() == small_city.zones.intersects(middle).tolist()


def with_bans(city: City, bans: dict[str, str]) -> City:
    links = city.links.copy()
    links["banned_turns"] = [bans.get(i, "") for i in links.index]
    return city.replace(links=links)


def test_banned_turns_are_not_made_and_streets_stay_single(small_city: City) -> None:
    links = small_city.links
    node = links["to_node"].value_counts().index[0]
    entering, leaving = links.index[links["to_node"] == node], links.index[links["from_node"] == node]
    city = with_bans(small_city, {entering[0]: " ".join(leaving[:2]), entering[1]: leaving[0]})
    before, network = build_network(small_city, P), build_network(city, P)
    assert sorted(network.row[network.row >= 0]) == list(range(len(links)))
    assert len(network.link_start) > len(before.link_start)
    added = (network.row < 0) & (network.free_flow_time == 0.0) & (network.link_tail >= network.centroids)
    added &= network.link_head >= network.centroids
    assert (network.capacity[added] == 1e9).all() and (network.alpha[added] == 0.0).all()
    assert (network.fixed_cost[:, added] == 0.0).all()
    at = {i: int(np.flatnonzero(network.row == links.index.get_loc(i))[0]) for i in [*entering, *leaving]}
    pairs = {(int(a), int(b)) for a, b in zip(network.link_tail[added], network.link_head[added], strict=True)}
    for k, a in enumerate(entering):
        for j, b in enumerate(leaving):
            banned = (k == 0 and j < 2) or (k == 1 and j == 0)
            assert ((int(network.link_head[at[a]]), int(network.link_tail[at[b]])) in pairs) is not banned


def test_zones_still_reach_each_other_past_junctions_with_bans(small_city: City) -> None:
    links = small_city.links
    bans = {}
    for link, node in links["to_node"].items():
        back = links.index[(links["from_node"] == node) & (links["to_node"] == links.loc[link, "from_node"])]
        bans[link] = " ".join(back) if (links["from_node"] == node).sum() > 1 else ""  # no U-turns but at dead ends
    network, before = build_network(with_bans(small_city, bans), P), build_network(small_city, P)
    trees = registry.get("traffic.shortest_path", "reference")
    costs = []
    for net in (before, network):
        cost, pred = trees(net.link_start, net.link_head, net.free_flow_time, np.arange(net.centroids), net.centroids)
        assert along_paths(net, pred, net.free_flow_time) == pytest.approx(cost[:, : net.centroids])
        costs.append(cost[:, : net.centroids])
    assert np.isfinite(costs[1]).all()
    assert (costs[1] >= costs[0] - 1e-12).all()


def test_turn_bans_that_name_no_turn_are_refused(small_city: City) -> None:
    links = small_city.links
    elsewhere = links.index[links["from_node"] != links["to_node"].iloc[1]][0]
    city = with_bans(small_city, {links.index[0]: "nowhere", links.index[1]: elsewhere})
    with pytest.raises(DataError) as caught:
        build_network(city, P)
    assert "unknown link 'nowhere'" in str(caught.value)
    assert "does not begin where this one ends" in str(caught.value)


def test_bad_links_are_named_together(small_city: City) -> None:
    links = small_city.links.copy()
    links.loc[links.index[0], "to_node"] = "nowhere"
    links.loc[links.index[1], "length_m"] = np.nan
    links.loc[links.index[2], "capacity_veh_h"] = 0.0
    with pytest.raises(DataError) as caught:
        build_network(small_city.replace(links=links), P)
    message = str(caught.value)
    assert "nowhere" in message
    assert f"links[{links.index[1]}].length_m" in message
    assert f"links[{links.index[2]}].capacity_veh_h" in message


def test_a_city_without_links_is_refused(small_city: City) -> None:
    with pytest.raises(DataError, match="at least one link"):
        build_network(small_city.replace(links=small_city.links.iloc[:0]), P)
