"""The PV chain against pvlib, rows on flat roofs against closed forms, the whole chain against two PVWatts years."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import twin.kernels.solar  # noqa: F401
from tests.figures import Recorder
from tests.solar_scenes import box_city
from twin.city.model import City, Weather
from twin.kernels.registry import family, get
from twin.kernels.solar import pv_incidence
from twin.kernels.solar.light import light_of_year
from twin.kernels.solar.position import sun_of_year
from twin.kernels.solar.pv_diode import cec_module, module_power
from twin.kernels.solar.pv_temperature import OPEN_RACK_INOCT_C, ROOF_MOUNT_INOCT_C, faiman_heating, king_heating
from twin.kernels.solar.rack import coverage_without_shade, rack_rows, row_shade, row_views
from twin.solar.model import SolarParameters, prepare_roofs, simulate_solar

Float = NDArray[np.float64]
VARIANTS = ("reference", "numba")
SHARED = Path(__file__).resolve().parents[3] / "../shared/data/validation"
# Annual sums in the files: incident Wh/m², direct and alternating current of 4 kW in Wh.
PVWATTS = {
    "rackmount": (OPEN_RACK_INOCT_C, 1_930_893.6, 6_291_910.7, 6_023_671.2),
    "roofmount": (ROOF_MOUNT_INOCT_C, 1_930_893.6, 6_201_017.1, 5_938_052.6),
}
# Canadian Solar CS5P-220M in the CEC library of SAM, as pvlib carries it.
CS5P = {
    "alpha_sc": 0.004539, "a_ref": 2.635926, "I_L_ref": 5.114256, "I_o_ref": 8.10251e-10, "R_sh_ref": 381.254425,
    "R_s": 1.066023, "Adjust": 8.619516,
}  # fmt: skip


def in_the_open(light: tuple[Float, ...], tilt: float, azimuth: float, incidence: NDArray[np.float32]):  # type: ignore[no-untyped-def]
    """Return irradiance and light behind glass of one plane, float32 [1, hours]."""
    one = np.ones(1, np.float32)
    ground = np.array([0.5 * (1.0 - np.cos(np.radians(tilt)))], np.float32)
    own = np.array([tilt]), np.array([azimuth]), np.empty((0, 0), np.uint8), one, one, ground, 0.0 * one
    return get("solar.plane_irradiance", "numba")(*own, *light, np.zeros(len(light[0])), incidence)


@pytest.mark.parametrize("variant", VARIANTS)
def test_chain_equals_pvlib(variant: str, figure: Recorder) -> None:
    pvlib = pytest.importorskip("pvlib")
    rng = np.random.default_rng(4)
    inputs = family("solar.pv_system").sample(20, rng)
    wind = rng.uniform(0.0, 12.0, 120)
    inputs |= {"module": np.array([-0.0035]), "system_losses": 0.11, "dc_ac_ratio": 1.25}
    inputs["heating"] = faiman_heating(wind, 22.0, 5.0)
    ac, annual = get("solar.pv_system", variant)(*inputs.values())
    poa, behind = (inputs[name].astype(float) for name in ("poa", "transmitted"))
    cell = pvlib.temperature.faiman(poa, inputs["temperature_c"], wind, u0=22.0, u1=5.0)
    dc = pvlib.pvsystem.pvwatts_dc(behind, cell, 1.0, -0.0035) * (1 - 0.11)
    expected = pvlib.inverter.pvwatts(dc, 1.0 / 1.25 / 0.96, eta_inv_nom=0.96)
    source = "pvlib faiman, pvwatts_dc, pvwatts inverter"
    figure.check("PV chain: AC output by hour", ac, expected, 1e-6, "kW/kWp", source)
    year = expected.sum(axis=1)
    figure.check("PV chain: AC output by year", annual, year, 1e-9, "kWh/kWp", source, relative=True)


def test_cell_temperatures_equal_pvlib(figure: Recorder) -> None:
    pvlib = pytest.importorskip("pvlib")
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(5)
    poa, air, wind = rng.uniform(50.0, 1100.0, 100), rng.uniform(-10.0, 35.0, 100), rng.uniform(0.0, 10.0, 100)
    ours, expected = air + poa * king_heating(wind), pvlib.temperature.sapm_cell(poa, air, wind, -3.56, -0.075, 3.0)
    figure.check("Cell temperature: King", ours, expected, 1e-9, "K", "pvlib sapm_cell")
    times = pandas.date_range("2021-06-01", periods=100, freq="h")
    series = (pandas.Series(v, times) for v in (poa, air, wind))
    expected = pvlib.temperature.fuentes(*series, 47.0, surface_tilt=25.0).to_numpy()
    rest = air, wind, np.arange(100), np.array([25.0]), 47.0
    ours = get("solar.fuentes", "numba")(poa[None].astype(np.float32), *rest)[0]
    # The start differs: there 20 °C, here the air.
    figure.check("Cell temperature: Fuentes", ours[10:], expected[10:], 1e-3, "K", "pvlib fuentes")


def test_glass_equals_pvlib(figure: Recorder) -> None:
    pvlib = pytest.importorskip("pvlib")
    angle = np.linspace(0.0, 89.0, 90)
    cosine = np.cos(np.radians(angle))
    for name, ours, expected in (
        ("physical", pv_incidence.physical(cosine), pvlib.iam.physical(angle)),
        ("coated", pv_incidence.physical(cosine, coating=1.3), pvlib.iam.physical(angle, n_ar=1.3)),
        ("ASHRAE", pv_incidence.ashrae(cosine), pvlib.iam.ashrae(angle)),
        ("Martin and Ruiz", pv_incidence.martin_ruiz(cosine), pvlib.iam.martin_ruiz(angle)),
    ):
        figure.check(f"Glass, {name}: modifier from 0° to 89°", ours, expected, 1e-9, "-", "pvlib iam")
    # In the kernel: 1000 W/m² of beam at each angle on a flat plane.
    beam, none = np.full(90, 1000.0), np.zeros(90)
    light = angle, np.full(90, 180.0), beam, beam, none, none, none
    for name, incidence, expected in (
        ("physical", pv_incidence.polynomial(pv_incidence.physical), pvlib.iam.physical(angle)),
        ("ASHRAE", pv_incidence.ashrae_polynomial(0.05), pvlib.iam.ashrae(angle)),
        ("Martin and Ruiz", pv_incidence.polynomial(pv_incidence.martin_ruiz), pvlib.iam.martin_ruiz(angle)),
    ):
        behind = in_the_open(light, 0.0, 0.0, incidence)[1][0]
        name = f"Glass, {name}: beam of 1000 W/m² in the kernel"
        figure.check(name, behind, 1000.0 * cosine * expected, 2e-3, "W/m²", "pvlib iam")


def test_single_diode_equals_pvlib(figure: Recorder) -> None:
    pvlib = pytest.importorskip("pvlib")
    sun, cell = (
        v.ravel() for v in np.meshgrid([1e-3, 1.0, 20.0, 200.0, 800.0, 1300.0], [-30.0, 0.0, 25.0, 50.0, 85.0])
    )
    library = pvlib.pvsystem.retrieve_sam("CECMod")
    source = "pvlib calcparams_cec and singlediode, Lambert W"
    for row in (CS5P, *(library.iloc[:, k].to_dict() for k in range(500, library.shape[1], 4000))):
        names = ("alpha_sc", "a_ref", "I_L_ref", "I_o_ref", "R_sh_ref", "R_s", "Adjust")
        expected = pvlib.pvsystem.singlediode(*pvlib.pvsystem.calcparams_cec(sun, cell, *(row[n] for n in names)))[
            "p_mp"
        ]
        module = cec_module(row)
        ours = [module_power(g, t, *module[:6]) for g, t in zip(sun, cell, strict=True)]
        figure.check("Single diode: maximum power", ours, np.asarray(expected), 1e-6, "W", source)


def test_single_diode_in_figures(figure: Recorder) -> None:
    # Data sheet of the module: 219.961 W at standard conditions (CEC library, column STC).
    power = cec_module(CS5P)[6]
    figure.check("Single diode: power at standard conditions", power, 219.961, 0.01, "W", "CEC library of SAM")


@pytest.mark.parametrize("mount", PVWATTS)
def test_year_of_pvwatts(mount: str, figure: Recorder) -> None:
    path = SHARED / f"pvwatts_8760_{mount}.csv"
    if not path.exists():
        pytest.skip(f"../shared/data/validation/pvwatts_8760_{mount}.csv is not here")
    with path.open(encoding="latin-1") as stream:
        lines = [line for line in csv.reader(stream) if line]
    first = next(i for i, line in enumerate(lines) if line[0] == "Month") + 1
    table = np.array([[float(v) for v in line] for line in lines[first : first + 8760]])
    dni, dhi, air, wind, poa_file, cell_file, dc_file, ac_file = np.ascontiguousarray(table[:, 3:].T)
    inoct, *sums = PVWATTS[mount]
    np.testing.assert_allclose([poa_file.sum(), dc_file.sum(), ac_file.sum()], sums, rtol=1e-6)

    site = (39.73, -105.18, -7.0, 1819.6)
    zenith, _ = sun_of_year(*site, float(air.mean()))
    ghi = dhi + dni * np.maximum(np.cos(np.radians(zenith)), 0.0)
    light = light_of_year(site, dni, dhi, ghi, 0.2, temperature_c=float(air.mean()))
    poa, behind = in_the_open(light, 20.0, 180.0, pv_incidence.polynomial(pv_incidence.physical))
    cell = get("solar.fuentes", "numba")(poa, air, wind, np.arange(8760), np.array([20.0]), inoct)
    zero, one = np.zeros(8760), np.ones(8760)
    ac, year = get("solar.pv_system", "numba")(cell, behind, zero, one, np.array([-0.0047]), 0.1408, 1.2, 0.96)

    source, title = "PVWatts v5, Golden, 8760 h", f"PVWatts, {mount}"
    figure.check(
        f"{title}: irradiation on 20° south", poa.sum(dtype=float), sums[0], 0.001, "Wh/m²", source, relative=True
    )
    rms = np.sqrt(np.mean((poa[0] - poa_file) ** 2))
    figure.check(f"{title}: hourly irradiance, root mean square error", rms, 0.0, 1.6, "W/m²", source)
    sunny = poa_file > 50.0
    warm = np.sqrt(np.mean((cell[0] - cell_file)[sunny] ** 2))
    figure.check(f"{title}: cell temperature above 50 W/m², root mean square error", warm, 0.0, 0.5, "K", source)
    figure.check(f"{title}: AC energy of 4 kW", 4000.0 * year[0], sums[2], 0.001, "Wh", source, relative=True)
    rms = np.sqrt(np.mean((4000.0 * ac[0] - ac_file) ** 2))
    figure.check(f"{title}: hourly AC power of 4 kW, root mean square error", rms, 0.0, 5.0, "W", source)


def test_hours_of_pvwatts(figure: Recorder) -> None:
    """Without the files: two hours of January 1 in `roofmount`, cell temperature (°C), DC and AC power (W)."""
    for cell, dc, power in ((7.542, 2616.238, 2516.966), (-12.265, 93.369, 71.241)):
        sun = dc / 4.0 / (1.0 - 0.0047 * (cell - 25.0)) / (1.0 - 0.1408)
        light = np.full((1, 1), cell, np.float32), np.full((1, 1), sun, np.float32)
        rest = np.zeros(1), np.ones(1), np.array([-0.0047]), 0.1408, 1.2, 0.96
        ours = 4000.0 * get("solar.pv_system", "numba")(*light, *rest)[0][0, 0]
        figure.check("PVWatts: AC of two hours from their DC", ours, power, 0.01, "W", "PVWatts v5, January 1")


def test_rows_equal_pvlib(figure: Recorder) -> None:
    shading, bifacial = pytest.importorskip("pvlib.shading"), pytest.importorskip("pvlib.bifacial.utils")
    rng = np.random.default_rng(6)
    zenith, azimuth = rng.uniform(0.0, 89.0, 400), rng.uniform(0.0, 360.0, 400)
    point = (np.arange(2000) + 0.5) / 2000
    for tilt, facing, coverage in ((10.0, 180.0, 0.6), (30.0, 150.0, 0.5), (60.0, 200.0, 0.8), (15.0, 0.0, 0.9)):
        z, turn, t = np.radians(zenith), np.radians(azimuth - facing), np.radians(tilt)
        front = np.cos(z) * np.cos(t) + np.sin(z) * np.cos(turn) * np.sin(t) > 0.0
        rows = {"collector_width": 1.0, "pitch": 1.0 / coverage, "axis_azimuth": (facing - 90.0) % 360.0}
        expected = shading.shaded_fraction1d(zenith, azimuth, shaded_row_rotation=tilt, **rows)
        ours = row_shade(zenith, azimuth, tilt, facing, coverage)
        figure.check(
            "Rows: shaded share", ours[front], expected[front], 1e-9, "-", "pvlib shading.shaded_fraction1d"
        )  # fmt: skip
        view, source = row_views(tilt, coverage), "pvlib bifacial.utils"
        figure.check("Rows: view of the sky", view.sky, bifacial.vf_row_sky_2d_integ(tilt, coverage), 1e-9, "-", source)
        ground = bifacial.vf_row_ground_2d(tilt, coverage, point).mean()
        figure.check("Rows: view of the roof between", view.ground, ground, 1e-6, "-", source)


def test_rows_in_figures(figure: Recorder) -> None:
    # Vertical rows as far apart as high are a square canyon: of a wall half of (1 + 1 - sqrt 2) goes to sky and ground.
    view, strings = row_views(90.0, 1.0), "crossed strings, Hottel"
    ours = [view.sky, view.ground, view.row]
    figure.check("Rows: views in a square canyon", ours, [0.292893, 0.292893, 0.414214], 1e-6, "-", strings)
    # Sun in front at 30°, rows upright, twice as far apart as high: the shadow of 1 m is 1.732 m long, short of 2 m;
    # as far apart as high: at 1 m it is still 1 - tan 30° = 0.42265 high.
    z, a = np.array([60.0]), np.array([180.0])
    ours = [row_shade(z, a, 90.0, 180.0, coverage)[0] for coverage in (0.5, 1.0)]
    figure.check("Rows: shadow of upright rows", ours, [0.0, 0.422650], 1e-6, "-", "tangent of the altitude")


@settings(max_examples=50, deadline=None)
@given(
    tilt=st.floats(1.0, 60.0), coverage=st.floats(0.1, 0.95), zenith=st.floats(0.0, 89.0), turn=st.floats(-180.0, 180.0)
)
def test_laws_of_rows(tilt: float, coverage: float, zenith: float, turn: float) -> None:
    view = row_views(tilt, coverage)
    assert sum(view) == pytest.approx(1.0, abs=1e-12)
    assert min(view) >= -1e-12
    assert view.sky <= 0.5 * (1.0 + np.cos(np.radians(tilt))) + 1e-12
    sun = np.array([zenith]), np.array([180.0 + turn])
    shade, denser = (row_shade(*sun, tilt, 180.0, g)[0] for g in (coverage, min(1.0, coverage * 1.05)))
    assert 0.0 <= shade <= denser + 1e-12 <= 1.0 + 1e-12
    # At the profile angle of the layout the shadow just reaches the row; a degree higher it does not.
    profile = 25.0
    layout = coverage_without_shade(tilt, profile)
    lower, higher = (row_shade(np.array([90.0 - p]), np.array([180.0]), tilt, 180.0, layout)[0] for p in (24.0, 26.0))
    assert lower > 0.0
    assert higher == 0.0
    rows = rack_rows(20.0, 1.7, tilt, coverage)
    run, pitch = 1.7 * np.cos(np.radians(tilt)), 1.7 / coverage
    assert run + (rows - 1) * pitch <= 20.0 + 1e-6 < run + rows * pitch + 2e-6


def test_yield_of_the_north(small_city: City, plain_weather: Weather, figure: Recorder) -> None:
    """Unshaded flat roofs near 60° north yield 750 to 1000 kWh per kWp and year (PVGIS: about 900 in Helsinki)."""
    city = box_city(small_city, [(0.0, 0.0, 20.0, 15.0, 10.0)])
    result = simulate_solar(city, plain_weather, SolarParameters(), prepare_roofs(city))
    horizontal = result.planes["irradiation_kwh_m2"].iloc[0]
    assert horizontal == pytest.approx(plain_weather.ghi_w_m2.sum() / 1000, rel=0.02)
    # The smooth year is brighter than Helsinki (980 kWh/m2): compare the yield per unit of irradiation.
    specific = result.buildings["specific_yield_kwh_kwp"].iloc[0] * 980.0 / horizontal
    figure(
        "PV yield of flat roofs at 60° north", specific, 875.0, 125.0, "kWh/kWp", "range 750 to 1000; PVGIS about 900"
    )
    assert 750.0 < specific < 1000.0
