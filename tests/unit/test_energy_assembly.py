"""Networks of many buildings at once against `build_network` of each, and against finer ones."""

import numpy as np
import pytest

import twin.kernels.energy  # noqa: F401
from twin.energy import assembly, constructions, fabric
from twin.energy import drives as d
from twin.energy.constructions import Element, Layer, Load, build_network
from twin.energy.fabric import ELEMENTS, Fabric, check_fabric, layers_of, mass_of, window_resistance
from twin.energy.ground import SOIL_M, STORE_J_M3K, floor_on_ground
from twin.errors import DataError
from twin.kernels import registry
from twin.kernels.energy.network_contract import ZONE_COLUMNS

FIELDS = (
    ("capacity_j_k", "capacity_j_k"),
    ("conductance_w_k", "conductance_w_k"),
    ("air_in_w_k", "air_in_w_k"),
    ("drive_in", "drive_in"),
    ("gain_in", "gain_in"),
    ("direct", "direct"),
    ("direct_gain", "direct_gain"),
    ("direct_air_w_k", "direct_air"),
    ("solar_in", "solar_in"),
)


def stock(size=12, seed=3):
    """Random buildings from hut to block, some in rows, some without windows."""
    rng = np.random.default_rng(seed)
    footprint = 10.0 ** rng.uniform(1.7, 3.3, size)
    levels = rng.integers(1, 9, size)
    walls = np.sqrt(footprint)[:, None] * 3.0 * levels[:, None] * rng.uniform(0.1, 0.6, (size, 8))
    windows = walls * rng.uniform(0.0, 0.4, (size, 1))
    windows[0] = 0.0
    party = rng.choice([0.0, 1.0], size) * walls.sum(axis=1)
    inner_floor, inner_wall = fabric.inner_areas(
        footprint * levels, footprint, walls.sum(axis=1) + 2.0 * footprint, party
    )
    area = {
        "wall": (walls - windows).sum(axis=1), "roof": footprint, "floor": footprint, "inner_floor": inner_floor,
        "inner_wall": inner_wall, "party": party, "window": windows.sum(axis=1),
    }  # fmt: skip
    u = {name: rng.uniform(0.1, most, size) for name, most in (("wall", 3), ("roof", 2), ("floor", 2), ("window", 5.5))}
    return Fabric(
        area, walls - windows, windows, u, rng.uniform(0.3, 0.7, size), rng.integers(0, 3, size),
        4.0 * np.sqrt(footprint), rng.uniform(0.3, 1.1, (size, 8)), rng.uniform(0.6, 1.0, size),
    )  # fmt: skip


def part(built, rows):
    """Some of the buildings."""
    return Fabric(
        **{
            key: {name: values[rows] for name, values in value.items()} if isinstance(value, dict) else value[rows]
            for key, value in built._asdict().items()
        }
    )


def one(built, i, cells=assembly.CELLS):
    """The elements of one building, made by hand for `build_network`; `cells` are those of the layers with mass."""
    sources, light = assembly.outside_sources(built), assembly.light_through_windows(built)[i]
    area = {name: max(float(values[i]), assembly.LEAST_M2) for name, values in built.area_m2.items()}
    opaque = sum(area[name] for name in ELEMENTS)

    def mass(resistance, capacity):
        return [(resistance * share, capacity * share) for share in cells]

    def plain(name):
        return [values[i] for values in mass_of(name, built.mass)]

    slices, outside = {}, {"wall": 25.0, "roof": 25.0}
    for name in ("wall", "roof"):
        own = [values[i] for values in layers_of(name, built.u_value_w_m2k[name], built.mass)]
        slices[name] = [*mass(own[0], own[1]), (own[2], 0.0), (own[3], own[4])]
    ground = floor_on_ground(built.area_m2["floor"], built.perimeter_m, built.u_value_w_m2k["floor"])
    resistance, capacity = plain("floor")
    slab = min(resistance, 0.5 * ground.construction_m2k_w[i])
    rest = ground.construction_m2k_w[i] - slab
    slices["floor"] = [*mass(slab, capacity), (rest, 0.0), (SOIL_M / 2.0, SOIL_M * STORE_J_M3K)]
    outside["floor"] = 1.0 / ground.virtual_m2k_w[i]
    for name in ("inner_floor", "inner_wall", "party"):
        slices[name] = mass(*plain(name))

    elements = []
    for name in (*ELEMENTS, "window"):
        loads = [Load(column, float(amount[i]), inside=False) for column, amount in sources.get(name, ())]
        if name == "window":
            layers = (Layer(1.0, 1.0 / window_resistance(built.u_value_w_m2k["window"])[i]),)
        else:
            loads += [Load(d.LIGHT.start + k, 0.9 * light[k] * area[name] / opaque) for k in range(8)]
            layers = tuple(Layer(1.0, 1.0 / r, k, 1.0) for r, k in slices[name])
        elements.append(
            Element(
                area[name], layers, assembly.FILM_W_M2K[name], outside.get(name, 25.0 if name == "window" else 0.0),
                d.GROUND if name == "floor" else d.AIR,
                assembly.GLASS_EMISSIVITY if name == "window" else assembly.EMISSIVITY, tuple(loads),
            )
        )  # fmt: skip
    return elements


@pytest.fixture
def single_cells(monkeypatch):
    monkeypatch.setattr(constructions, "cells_of", lambda layer: int(layer.density_kg_m3 > 0.0))


def test_assembly_is_build_network_of_each_building(single_cells):
    built = stock()
    networks = assembly.assemble(built)
    light = assembly.light_through_windows(built)
    for i in range(len(built.mass)):
        plain = build_network(one(built, i), d.COLUMNS, radiant=1.0 - assembly.CONVECTIVE)
        plain.direct[d.LIGHT] += assembly.SUN_TO_AIR * light[i]
        plain.solar_in[d.LIGHT] += assembly.SUN_TO_AIR * light[i]
        plain.solar_in[: d.LIGHT.start] = plain.solar_in[d.WALLS] = 0.0  # outside: less transmission, no gains
        for ours, theirs in FIELDS:
            truth = getattr(plain, theirs)
            scale = np.abs(truth).max()
            np.testing.assert_allclose(getattr(networks, ours)[i], truth, rtol=1e-9, atol=1e-11 * scale, err_msg=ours)


def test_bits_do_not_depend_on_the_block():
    built = stock(9)
    whole = assembly.assemble(built)

    for rows in (slice(4, 5), slice(2, 9)):
        for name, values in assembly.assemble(part(built, rows))._asdict().items():
            np.testing.assert_array_equal(values, getattr(whole, name)[rows], err_msg=name)


def weather_drive(hours=2160):
    """A winter and spring of swings of days and of weeks, with sun and clear nights."""
    hour = np.arange(hours)
    day = np.sin(2.0 * np.pi * (hour - 9) / 24.0)
    sun = np.maximum(0.0, np.sin(np.pi * (hour % 24 - 7) / 10.0)) * (1.0 + np.sin(hour / 80.0)) * hour / hours
    table = np.zeros((hours, d.COLUMNS))
    table[:, d.AIR] = -2.0 + 5.0 * day + 6.0 * np.sin(2.0 * np.pi * hour / 170.0) + 14.0 * hour / hours
    table[:, d.GROUND], table[:, d.SWING] = 6.0, -4.0
    table[:, d.SKY] = -60.0 + 20.0 * day
    table[:, d.ROOF] = 250.0 * sun
    table[:, d.LIGHT] = table[:, d.WALLS] = 180.0 * sun[:, None] * np.linspace(0.4, 1.6, 8)
    return table


def demand(networks, built, modes=None):
    """Hourly heating by the network, or by some modes of it, with night set-back, gains and ventilation."""
    n = len(built.mass)
    area = 0.5 * (built.area_m2["inner_floor"] + 2.0 * built.area_m2["floor"])
    columns = {
        "h_leak_w_k": 0.1 * area, "h_vent_w_k": 0.3 * area, "air_capacity_j_k": 1e4 * area, "internal_w": area,
        "direct_gain_w": area * networks.direct_gain, "direct_air_w_k": networks.direct_air_w_k,
        "heating_limit_w": 1e9 * np.ones(n),
    }  # fmt: skip
    drive = weather_drive()
    hours = np.arange(len(drive)) % 24
    schedules = {
        "heat_set_c": np.where((hours < 6) | (hours > 21), 18.0, 21.0), "cool_set_c": np.full(len(hours), 90.0),
        "gain": np.where(hours > 15, 6.0, 2.0), "air_flow": np.where(hours > 6, 1.0, 0.3),
    }  # fmt: skip
    shared = drive, *(values[None] for values in schedules.values()), np.zeros(n, np.int64)
    inner = [getattr(networks, name) for name in ("capacity_j_k", "conductance_w_k", "air_in_w_k", "drive_in")]
    table = np.column_stack([columns.get(name, np.zeros(n)) for name in ZONE_COLUMNS])
    batch = table, networks.direct, networks.solar_in, *inner, area[:, None] * networks.gain_in
    if modes is None:
        return registry.get("energy.zone_network", "numba")(*shared, *batch, 20.0, 27.0, 600)[0]
    reduced = registry.get("energy.zone_reduction", "numba")(*batch, modes)
    return registry.get("energy.zone_modal", "numba")(*shared, *reduced, 20.0, 27.0, 600, 1)[0]


def stacked(networks):
    """Networks of `build_network` with equal nodes as the assembly gives them."""
    fields = {ours: np.stack([np.asarray(getattr(n, theirs)) for n in networks]) for ours, theirs in FIELDS}
    return assembly.Networks(**fields, film_w_k=np.ones(len(networks)))


@pytest.mark.parametrize("which", range(3))
def test_few_cells_do_as_well_as_many(which):
    """Cells of half the depth that an hourly wave reaches: heating within 1 %, its highest hour within 3 %."""
    built = stock(3, seed=5)._replace(mass=np.full(3, which))
    light = assembly.light_through_windows(built)
    ours = demand(assembly.assemble(built), built)
    for i in range(3):
        fine = build_network(one(built, i, cells=(1.0,)), d.COLUMNS, radiant=1.0 - assembly.CONVECTIVE)
        fine.direct[d.LIGHT] += assembly.SUN_TO_AIR * light[i]
        assert len(fine.capacity_j_k) > 20
        truth = demand(stacked([fine]), part(built, slice(i, i + 1)))[0]
        np.testing.assert_allclose(ours[i].sum(), truth.sum(), rtol=0.01)
        np.testing.assert_allclose(ours[i].max(), truth.max(), rtol=0.03)


def test_six_modes_of_city_buildings_are_the_network():
    built = stock(40, seed=11)
    networks = assembly.assemble(built)
    full, modal = demand(networks, built), demand(networks, built, modes=6)
    np.testing.assert_allclose(modal.sum(axis=1), full.sum(axis=1), rtol=0.006)
    # The highest hour is the first after the set-back, with all the power that it takes.
    np.testing.assert_allclose(modal.max(axis=1), full.max(axis=1), rtol=0.05)


@pytest.mark.parametrize(("share", "least"), [(1.0, 0.8), (0.1, 0.97)])
def test_steady_loss_is_that_of_the_u_values(share, least):
    """Outdoors, ground and sky at one temperature: the air loses area times U-value of all elements, or less.

    A U-value takes the surfaces around as warm as the air, which those of well insulated buildings are.
    """
    built = stock(30, seed=2)
    built = built._replace(u_value_w_m2k={name: share * u for name, u in built.u_value_w_m2k.items()})
    networks = assembly.assemble(built)
    nodes = np.linalg.solve(networks.conductance_w_k, networks.air_in_w_k[:, :, None])[:, :, 0]
    loss = networks.direct_air_w_k - np.sum(networks.air_in_w_k * nodes, axis=1)
    floor = floor_on_ground(built.area_m2["floor"], built.perimeter_m, built.u_value_w_m2k["floor"])
    expected = built.area_m2["floor"] / (0.17 + floor.construction_m2k_w + SOIL_M / 2.0 + floor.virtual_m2k_w)
    for name in ("wall", "roof", "window"):
        expected = expected + built.area_m2[name] * built.u_value_w_m2k[name]
    assert ((loss > least * expected) & (loss < 1.01 * expected)).all(), loss / expected
    steady = networks.direct + np.sum(nodes[:, :, None] * networks.drive_in, axis=1)
    np.testing.assert_allclose(steady[:, [d.AIR, d.GROUND]].sum(axis=1), loss, rtol=1e-9)  # energy is conserved


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"u_value_w_m2k": {"wall": 0.0}}, "U-value of the wall is 0"),
        ({"u_value_w_m2k": {"window": np.nan}}, "U-value of the window is nan"),
        ({"area_m2": {"roof": -5.0}}, "area of the roof is -5"),
        ({"g_value": 1.4}, "g-value of the window is 1.4"),
    ],
)
def test_impossible_constructions_are_named(change, says):
    built = stock(4)
    third = np.arange(4) == 2
    for key, value in change.items():
        old = getattr(built, key)
        if isinstance(old, dict):
            new = old | {name: np.where(third, wrong, old[name]) for name, wrong in value.items()}
        else:
            new = np.where(third, value, old)
        built = built._replace(**{key: new})
    with pytest.raises(DataError, match=says) as caught:
        check_fabric(built, np.array(["a", "b", "c", "d"]))
    assert "buildings[c]" in str(caught.value)


def test_floors_follow_the_standard():
    """U-values of slabs by hand, EN ISO 13370; bigger floors lose less, and follow the year less."""
    area, edge = np.array([100.0, 100.0, 10000.0]), np.array([40.0, 40.0, 400.0])
    u = np.array([2.0, 0.25, 2.0])
    found = floor_on_ground(area, edge, u)
    total = 0.17 + found.construction_m2k_w + SOIL_M / 2.0 + found.virtual_m2k_w
    depth = 0.4 + 2.0 * (1.0 / u)
    slab = 4.0 / (np.pi * 5.0 + depth[0]) * np.log(np.pi * 5.0 / depth[0] + 1.0)
    insulated = 2.0 / (0.457 * 5.0 + depth[1])
    np.testing.assert_allclose(1.0 / total[:2], [slab, insulated], rtol=1e-9)
    assert 1.0 / total[2] < 0.25 * slab
    assert found.swing[2] < found.swing[0] < 1.0
