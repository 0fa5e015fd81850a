from __future__ import annotations

import numpy as np
import pytest

from twin.city.model import City
from twin.errors import DataError
from twin.kernels import registry
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


def test_toll_and_operating_cost_become_minutes(small_city: City) -> None:
    links = small_city.links.copy()
    links.loc[links.index[0], "toll_eur"] = 3.0
    network = build_network(small_city.replace(links=links), TrafficParameters(value_of_time_eur_h=12.0))
    at = int(np.flatnonzero(network.row == 0)[0])
    assert network.fixed_cost[0, at] - network.reference_cost[at] == pytest.approx(15.0)
    running = network.length_km[at] * P.car_operating_cost_eur_km * 5.0
    assert network.reference_cost[at] == pytest.approx(running)


def test_low_emission_streets_are_shut_to_one_class(small_city: City) -> None:
    links = small_city.links.copy()
    links.loc[links.index[:3], "low_emission"] = True
    network = build_network(small_city.replace(links=links), P)
    assert np.isfinite(network.fixed_cost[0]).all()
    assert np.isinf(network.fixed_cost[1]).sum() == 3


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
