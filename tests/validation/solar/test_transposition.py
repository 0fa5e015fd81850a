"""Perez sky and planes against published unit values, pvlib, and the laws that must hold; decomposition by Erbs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import twin.kernels.solar  # noqa: F401
from twin.kernels.registry import get
from twin.kernels.solar.light import Light
from twin.kernels.solar.position import extraterrestrial_normal

VARIANTS = ("reference", "numba")
COS_40 = np.cos(np.radians(40.0))


def light(variant, sun, irradiance, albedo=0.0):
    """Return the series of `Light`; sun = (zenith, azimuth), irradiance = (dni, dhi, ghi, extraterrestrial)."""
    zenith, azimuth = (np.asarray(v, float) for v in sun)
    dni, dhi, ghi, extra = (np.broadcast_to(np.asarray(v, float), zenith.shape).copy() for v in irradiance)
    beam = np.where(zenith < 90.0, dni, 0.0)
    return Light(zenith, azimuth, beam, *get("solar.sky", variant)(dni, dhi, ghi, zenith, extra, albedo))


def on_plane(variant, tilt, azimuth, series):
    """Return the irradiance [t] of one plane in the open."""
    one, ground = np.ones(1, np.float32), np.array([0.5 * (1.0 - np.cos(np.radians(tilt)))], np.float32)
    own = (np.array([float(tilt)]), np.array([float(azimuth)]), np.empty((0, 0), np.uint8), one, one, ground, 0.0 * one)
    none = np.zeros(len(series.ground)), np.empty(0, np.float32)
    return get("solar.plane_irradiance", variant)(*own, *series, *none)[0][0]


def cos_incidence(tilt, azimuth, zenith, sun_azimuth):
    t, a, z, s = (np.radians(np.asarray(v, float)) for v in (tilt, azimuth, zenith, sun_azimuth))
    return np.maximum(np.cos(z) * np.cos(t) + np.sin(z) * np.sin(t) * np.cos(s - a), 0.0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_unit_values_of_pvlib(variant, figure):
    # pvlib tests/test_irradiance.py, perez(40, 180) of a Tucson day; third and first row of the table.
    zenith = np.array([82.85456831, 72.41686967])
    azimuth = np.array([66.71409783, 287.04103641])
    dni, dhi = np.array([316.1949056, 646.2288]), np.array([40.46152, 62.0338])
    ghi = np.array([79.73860422, 257.20751138])
    series = light(variant, (zenith, azimuth), (dni, dhi, ghi, 1321.1655834))
    cosine, sine, view = cos_incidence(40.0, 180.0, zenith, azimuth), np.sin(np.radians(40.0)), 0.5 * (1 + COS_40)
    isotropic, horizon = series.isotropic * view, series.band * sine
    circumsolar = (series.direct - dni) * cosine
    # The inputs are printed with few digits.
    sky, source = isotropic + circumsolar + horizon, "pvlib tests/test_irradiance.py, Perez 1990"
    for name, ours, truth, limit, relative in (
        ("isotropic", isotropic, [26.84138589, 31.72696071], 2e-4, True),
        ("circumsolar", circumsolar, [0.0, 4.47966439], 2e-3, False),
        ("horizon", horizon, [4.62212181, 9.25316454], 5e-4, True),
        ("all of the sky", sky, [31.46046871, 45.45539877], 3e-4, True),
    ):
        figure.check(f"Perez sky on 40° south: {name}", ours, truth, limit, "W/m²", source, relative=relative)


@pytest.mark.parametrize("variant", VARIANTS)
def test_same_as_pvlib_perez(variant, figure):
    irradiance = pytest.importorskip("pvlib.irradiance")
    atmosphere = pytest.importorskip("pvlib.atmosphere")
    rng = np.random.default_rng(4)
    n = 3000
    zenith, azimuth = rng.uniform(0.0, 89.9, n), rng.uniform(0.0, 360.0, n)
    dni = rng.uniform(0.0, 1000.0, n) * (rng.random(n) < 0.7)
    dhi = rng.uniform(1.0, 450.0, n) * np.maximum(np.cos(np.radians(zenith)), 0.1)
    ghi, extra = dhi + dni * np.cos(np.radians(zenith)), rng.uniform(1320.0, 1413.0, n)
    source = "pvlib get_total_irradiance, model perez"
    for tilt, facing in ((0.0, 0.0), (12.0, 200.0), (35.0, 180.0), (60.0, 95.0), (90.0, 0.0), (90.0, 250.0)):
        ours = on_plane(variant, tilt, facing, light(variant, (zenith, azimuth), (dni, dhi, ghi, extra), albedo=0.2))
        peer = irradiance.get_total_irradiance(
            tilt, facing, zenith, azimuth, dni, ghi, dhi, dni_extra=extra, albedo=0.2, model="perez",
            airmass=atmosphere.get_relative_airmass(zenith),
        )  # fmt: skip
        figure.check("Perez sky on six planes, random light", ours, peer["poa_global"], 1e-3, "W/m²", source)


@settings(max_examples=60, deadline=None)
@given(
    zenith=st.floats(0.0, 84.9), dni=st.floats(0.0, 1000.0), dhi=st.floats(0.0, 500.0), azimuth=st.floats(0.0, 360.0)
)
def test_a_flat_roof_receives_the_global_irradiance(zenith, dni, dhi, azimuth):
    ghi = dhi + dni * np.cos(np.radians(zenith))
    for variant in VARIANTS:
        series = light(variant, ([zenith], [azimuth]), (dni, dhi, ghi, 1360.0), albedo=0.3)
        assert on_plane(variant, 0.0, 0.0, series)[0] == pytest.approx(ghi, rel=1e-6, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    tilt=st.floats(0.0, 90.0),
    facing=st.floats(0.0, 360.0),
    zenith=st.floats(0.0, 120.0),
    dni=st.floats(0.0, 1000.0),
    dhi=st.floats(0.0, 500.0),
    turn=st.floats(0.0, 180.0),
)
def test_planes_mirrored_at_the_sun_receive_the_same(tilt, facing, zenith, dni, dhi, turn):
    for variant in VARIANTS:
        series = light(variant, ([zenith], [facing]), (dni, dhi, dhi, 1360.0), albedo=0.2)
        left = on_plane(variant, tilt, (facing - turn) % 360.0, series)
        right = on_plane(variant, tilt, (facing + turn) % 360.0, series)
        np.testing.assert_allclose(left, right, rtol=1e-6, atol=2e-3)
        assert left[0] >= 0.0


@pytest.mark.parametrize("variant", VARIANTS)
def test_erbs_is_that_of_pvlib(variant, figure):
    irradiance = pytest.importorskip("pvlib.irradiance")
    rng = np.random.default_rng(7)
    day = rng.integers(1, 366, 2000).astype(float)
    zenith, extra = rng.uniform(0.0, 100.0, 2000), irradiance.get_extra_radiation(day)
    ghi = extra * np.maximum(np.cos(np.radians(zenith)), 0.0) * rng.uniform(0.0, 0.9, 2000)
    dni, dhi = get("solar.decomposition", variant)(ghi, zenith, extra)
    peer = irradiance.erbs(ghi, zenith, day)
    np.testing.assert_allclose(dni, peer["dni"], rtol=1e-9, atol=1e-7)
    np.testing.assert_allclose(dhi, peer["dhi"], rtol=1e-9, atol=1e-7)
    figure.check("Erbs, random hours: beam", dni, peer["dni"], 1e-7, "W/m²", "pvlib irradiance.erbs")
    figure.check("Erbs, random hours: diffuse", dhi, peer["dhi"], 1e-7, "W/m²", "pvlib irradiance.erbs")


@pytest.mark.parametrize("variant", VARIANTS)
def test_unit_values_of_erbs(variant, figure):
    # pvlib tests/test_irradiance.py, test_erbs: January 1 and June 20.
    ghi, zenith = np.array([50.0, 1000.0, 1000.0]), np.array([85.0, 10.0, 10.0])
    extra = extraterrestrial_normal(np.array([1.0, 1.0, 171.0]))
    dni, dhi = get("solar.decomposition", variant)(ghi, zenith, extra)
    source = "pvlib tests/test_irradiance.py, Erbs 1982"
    figure.check("Erbs, three hours: beam", dni, [96.7192672, 794.205651, 842.001578], 1e-6, "W/m²", source)
    figure.check("Erbs, three hours: diffuse", dhi, [41.5703604, 217.860117, 170.790318], 1e-6, "W/m²", source)


@pytest.mark.parametrize("variant", VARIANTS)
def test_erbs_at_its_corners(variant, figure):
    # Equation 1 worked by hand: (0.22, 0.9802), (0.5, 0.659150), (0.9, 0.165).
    extra = np.full(3, 1366.1)
    ghi = extra * np.array([0.22, 0.5, 0.9])
    dhi = get("solar.decomposition", variant)(ghi, np.zeros(3), extra)[1]
    source = "Erbs, Klein and Duffie 1982, equation 1"
    figure.check("Erbs: diffuse share at kt 0.22, 0.5, 0.9", dhi / ghi, [0.9802, 0.65915, 0.165], 1e-6, "-", source)


@settings(max_examples=60, deadline=None)
@given(zenith=st.floats(0.0, 180.0), clearness=st.floats(0.0, 1.2), extra=st.floats(1320.0, 1413.0))
def test_decomposition_closes(zenith, clearness, extra):
    ghi = np.array([extra * max(np.cos(np.radians(zenith)), 0.0) * clearness])
    for variant in VARIANTS:
        dni, dhi = get("solar.decomposition", variant)(ghi, np.array([zenith]), np.array([extra]))
        assert dhi[0] + dni[0] * np.cos(np.radians(zenith)) == pytest.approx(ghi[0], rel=1e-12, abs=1e-9)
        assert 0.0 <= dni[0] <= extra
        assert 0.0 <= dhi[0] <= ghi[0]
