"""Hours of planes and storeys: their sums are the annual figures, and the store holds what memory does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import zarr

import twin.solar.hourly
from tests.solar_scenes import box_city
from twin.city.model import HOURS, City, Weather
from twin.errors import DataError
from twin.solar.hourly import QUANTITIES, hourly_planes, hourly_storeys, write_hourly
from twin.solar.model import Roofs, SolarParameters, prepare_roofs, simulate_solar

P = SolarParameters(minimum_area_m2=0.0, maximum_tilt_deg=90.0, poleward_sector_deg=0.0, minimum_irradiation_share=0.0)
"""Every plane suits PV, so that every plane has an annual yield."""


@pytest.fixture(scope="module")
def mixed(small_city: City) -> City:
    """Return a city of flat, gabled and hipped roofs."""
    roof = np.array(["flat", "gabled", "hipped"])[np.arange(len(small_city.buildings)) % 3]
    turned = np.arange(len(roof)) * 37.0 % 360.0
    frame = small_city.buildings.assign(roof_tilt_deg=np.where(roof == "flat", 0.0, 30.0), roof_azimuth_deg=turned)
    return small_city.replace(buildings=frame.assign(roof_type=pd.array(roof, "str")))


@pytest.fixture(scope="module")
def roofs(mixed: City) -> Roofs:
    """Return its roofs."""
    return prepare_roofs(mixed)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, mixed: City, roofs: Roofs) -> zarr.Group:
    """Return the hours of all planes, and of the walls of two buildings."""
    path = tmp_path_factory.mktemp("hours") / "hourly.zarr"
    write_hourly(path, mixed, mixed.weather, P, roofs, storeys_of=mixed.buildings.index[[7, 3]].tolist())
    assert [p.name for p in path.parent.iterdir()] == ["hourly.zarr"]
    return zarr.open_group(path, mode="r")


def test_sums_of_the_store_are_the_annual_figures(store: zarr.Group, mixed: City, roofs: Roofs) -> None:
    planes = simulate_solar(mixed, mixed.weather, P, roofs).planes
    group = store["planes"]
    assert group["plane_id"][:].tolist() == planes.index.tolist()
    assert group["building_id"][:].tolist() == planes["building_id"].tolist()
    sums = {name: group[name][:].sum(axis=1, dtype=np.float64) for name in QUANTITIES}
    np.testing.assert_allclose(sums["irradiance_w_m2"] / 1000.0, planes["irradiation_kwh_m2"], rtol=1e-5)
    np.testing.assert_allclose(sums["sunlit_share"], planes["sun_h_a"], rtol=1e-6)
    specific = planes["pv_potential_kwh_a"] / planes["pv_potential_kwp"]
    np.testing.assert_allclose(sums["ac_kw_kwp"], specific, rtol=1e-5)


def test_hours_of_installed_pv_are_those_of_its_planes(store: zarr.Group, mixed: City, roofs: Roofs) -> None:
    full = mixed.replace(buildings=mixed.buildings.assign(pv_share=1.0, facade_pv_share=0.0))
    result = simulate_solar(full, mixed.weather, P, roofs)
    own = np.flatnonzero(result.planes["building_id"] == mixed.buildings.index[5])
    kw = result.planes["pv_potential_kwp"].to_numpy()[own] @ store["planes/ac_kw_kwp"][:][own]
    np.testing.assert_allclose(kw, result.pv_kw[5], rtol=1e-5, atol=1e-5)


def test_some_planes_without_a_store_are_the_same_bits(store: zarr.Group, mixed: City, roofs: Roofs) -> None:
    rows = [11, 2, 40]
    found = hourly_planes(mixed, mixed.weather, P, roofs, roofs.plane_id[rows].tolist())
    assert found.about.index.tolist() == roofs.plane_id[rows].tolist()
    for name in QUANTITIES:
        values = getattr(found, name)
        assert values.shape == (3, HOURS) and values.dtype == np.float32
        assert np.array_equal(values, store["planes"][name][:][rows])


def test_storeys(store: zarr.Group, mixed: City, roofs: Roofs) -> None:
    ids = mixed.buildings.index[[3, 7]].tolist()
    group = store["storeys"]
    assert list(dict.fromkeys(group["building_id"][:])) == ids
    for name in ids:
        found = hourly_storeys(mixed, mixed.weather, P, roofs, [name])
        rows = np.flatnonzero(group["building_id"][:] == name)
        assert group["storey_id"][:][rows].tolist() == found.about.index.tolist()
        for quantity in QUANTITIES:
            assert np.array_equal(getattr(found, quantity), group[quantity][:][rows])
    assert (found.irradiance_w_m2.sum(axis=1) > 0).all()


def test_higher_storeys_get_more_across_the_street(small_city: City, plain_weather: Weather) -> None:
    street = box_city(small_city, [(0.0, 0.0, 40.0, 12.0, 15.0), (0.0, 24.0, 40.0, 12.0, 15.0)])
    street = street.replace(buildings=street.buildings.assign(levels=5))
    found = hourly_storeys(street, plain_weather, P, prepare_roofs(street), [street.buildings.index[1]])
    south = found.about.reset_index()
    south = south[(south["azimuth_deg"] - 180.0).abs() < 1.0].sort_values("storey")
    annual = found.irradiance_w_m2.sum(axis=1)[south.index]
    assert len(annual) > 1 and np.all(np.diff(annual) > 0), "the house opposite takes most from the ground floor"


def test_units_and_dimensions_are_in_the_store(store: zarr.Group, mixed: City) -> None:
    assert store.attrs["city"] == mixed.meta.title and "UTC" in store.attrs["time"]
    for group in (store["planes"], store["storeys"]):
        for name, (unit, _) in QUANTITIES.items():
            array = group[name]
            assert array.attrs["units"] == unit
            assert array.metadata.dimension_names == ("surface", "hour")
            assert array.dtype == np.float32 and array.shape == (group["area_m2"].shape[0], HOURS)


def test_memory_is_bounded_by_the_block(
    mixed: City, roofs: Roofs, store: zarr.Group, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small blocks write the same store, and no call sees more planes than a block."""
    seen, whole = [], twin.solar.hourly._of_planes
    monkeypatch.setattr(twin.solar.hourly, "CHUNK", 16)
    monkeypatch.setattr(twin.solar.hourly, "_of_planes", lambda r, rows, a: seen.append(len(rows)) or whole(r, rows, a))
    steps: list[tuple[int, int]] = []
    write_hourly(tmp_path / "h", mixed, mixed.weather, P, roofs, progress=lambda *done: steps.append(done))
    assert max(seen) == 16 and sum(seen) == len(roofs.plane_id)
    assert steps[-1] == (len(roofs.plane_id),) * 2 and steps == sorted(steps)
    again = zarr.open_group(tmp_path / "h", mode="r")
    assert "storeys" not in again
    for name in QUANTITIES:
        assert np.array_equal(again["planes"][name][:], store["planes"][name][:])


def test_nothing_is_left_of_a_store_that_failed(
    mixed: City, roofs: Roofs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "h").mkdir()
    (tmp_path / "h" / "old").write_text("earlier")

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(twin.solar.hourly, "_append", fail)
        with pytest.raises(OSError, match="no space"):
            write_hourly(tmp_path / "h", mixed, mixed.weather, P, roofs)
    assert [p.name for p in tmp_path.iterdir()] == ["h"] and (tmp_path / "h" / "old").exists()
    write_hourly(tmp_path / "h", mixed, mixed.weather, P, roofs)
    assert not (tmp_path / "h" / "old").exists()


def test_a_city_without_buildings(small_city: City, tmp_path: Path) -> None:
    empty = small_city.replace(buildings=small_city.buildings.iloc[:0])
    write_hourly(tmp_path / "h", empty, empty.weather, P, prepare_roofs(empty))
    assert zarr.open_group(tmp_path / "h", mode="r")["planes/irradiance_w_m2"].shape == (0, HOURS)
    assert hourly_planes(empty, empty.weather, P, prepare_roofs(empty), []).ac_kw_kwp.shape == (0, HOURS)


def test_what_is_not_there_is_named(mixed: City, roofs: Roofs, small_city: City, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no roof plane 'nowhere/p0'"):
        hourly_planes(mixed, mixed.weather, P, roofs, ["nowhere/p0"])
    with pytest.raises(DataError, match="no building 'nowhere'"):
        write_hourly(tmp_path / "h", mixed, mixed.weather, P, roofs, storeys_of=["nowhere"])
    other = small_city.replace(buildings=small_city.buildings.iloc[:5])
    for act in (
        lambda: write_hourly(tmp_path / "h", other, other.weather, P, roofs),
        lambda: hourly_planes(other, other.weather, P, roofs, []),
        lambda: hourly_storeys(other, other.weather, P, roofs, []),
    ):
        with pytest.raises(DataError, match="prepare the roofs"):
            act()
    assert not (tmp_path / "h").exists()
