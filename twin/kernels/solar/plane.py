"""Irradiance of planes under the Perez sky, hour by hour and over the year: what every surface goes through.

What depends only on the hour (`twin.kernels.solar.transposition`, family ``solar.sky``) comes in as series; what
depends on plane and hour is left: one dot product with the sun, and a few sums. The irradiance of a plane is

    beam cos⁺ lit + max(circumsolar cos⁺ lit + background, 0) + ground · ground_view + wall · wall_view

with ``circumsolar = direct - beam``. The background is the isotropic light of the part of the sky that the plane sees,
and the brightness of the horizon. Under an overcast sky the band at the horizon is darker than the rest; this darkness
is taken from the isotropic light before the share of the sky that is seen is applied, so that one more obstruction
never gives more light. In the open (all shares 1, ``ground_view = (1 - cos tilt)/2``) this is the model of Perez et al.
(1990), doi:10.1016/0038-092X(90)90055-H, as in pvlib.

``transmitted`` is what passes the glass of a module: the beam is multiplied with the incidence angle modifier, the rest
passes unchanged, as in PVWatts version 5 (A. P. Dobos, PVWatts Version 5 Manual, NREL/TP-6A20-62641, 2014, section 8).
The modifier times the cosine comes as a polynomial, which is exact or within 1e-6 for all models in use and needs no
table look-ups (`twin.kernels.solar.pv_incidence`).

Single precision: an hour differs by less than 1e-3 W/m² from the reference, a year by less than 1e-6.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant

Float = NDArray[np.float64]
Single = NDArray[np.float32]

_PLANE_INPUTS = (
    Array("tilt_deg", ("planes",), "float64", "deg"),
    Array("surface_azimuth_deg", ("planes",), "float64", "deg clockwise from north"),
    Array("lit", ("planes", "hours"), "uint8", "1/255"),
    Array("sky_share", ("planes",), "float32", "-"),
    Array("band_share", ("planes",), "float32", "-"),
    Array("ground_view", ("planes",), "float32", "-"),
    Array("wall_view", ("planes",), "float32", "-"),
    Array("zenith_deg", ("hours",), "float64", "deg"),
    Array("azimuth_deg", ("hours",), "float64", "deg clockwise from north"),
    Array("beam", ("hours",), "float64", "W/m2"),
    Array("direct", ("hours",), "float64", "W/m2"),
    Array("isotropic", ("hours",), "float64", "W/m2"),
    Array("band", ("hours",), "float64", "W/m2"),
    Array("ground", ("hours",), "float64", "W/m2"),
    Array("wall", ("hours",), "float64", "W/m2"),
)
_OF_PLANES = tuple(a.name for a in _PLANE_INPUTS if a.shape[:1] == ("planes",))


def _sample(size: int, rng: np.random.Generator) -> Inputs:
    """Return `size` planes, some flat, and 700 hours; a dark horizon outdoes the rest of the sky on steep ones."""
    hours = 700
    tilt = np.where(rng.random(size) < 0.3, 0.0, rng.uniform(3.0, 90.0, size))
    zenith = rng.uniform(5.0, 95.0, hours)
    up = zenith < 90.0
    beam = np.where(up, rng.uniform(0.0, 950.0, hours), 0.0)
    return {
        "tilt_deg": tilt,
        "surface_azimuth_deg": rng.uniform(0.0, 360.0, size),
        "lit": rng.integers(0, 256, (size, hours), dtype=np.uint8),
        "sky_share": rng.uniform(0.2, 1.0, size).astype(np.float32),
        "band_share": rng.uniform(0.0, 1.0, size).astype(np.float32),
        "ground_view": rng.uniform(0.0, 0.5, size).astype(np.float32),
        "wall_view": rng.uniform(0.0, 0.5, size).astype(np.float32),
        "zenith_deg": zenith,
        "azimuth_deg": rng.uniform(0.0, 360.0, hours),
        "beam": beam,
        "direct": beam + np.where(up, rng.uniform(0.0, 200.0, hours), 0.0),
        "isotropic": rng.uniform(100.0, 400.0, hours),
        "band": rng.uniform(-100.0, 60.0, hours),
        "ground": rng.uniform(0.0, 150.0, hours),
        "wall": rng.uniform(0.0, 120.0, hours),
    }


def _sample_with_glass(size: int, rng: np.random.Generator) -> Inputs:
    # The ASHRAE modifier 1 - 0.05 (1/c - 1), times the cosine c = (1 + x) / 2.
    return _sample(size, rng) | {"incidence": np.array([0.475, 0.525], np.float32)}


def _in_the_open(inputs: Inputs) -> Inputs:
    ones = np.ones_like(inputs["sky_share"])
    view = (0.5 * (1.0 - np.cos(np.radians(inputs["tilt_deg"])))).astype(np.float32)
    lit = np.full_like(inputs["lit"], 255)
    return inputs | {
        "lit": lit, "sky_share": ones, "band_share": ones, "ground_view": view, "wall_view": np.zeros_like(ones),
    }  # fmt: skip


def _check_order(kernel: Kernel, inputs: Inputs) -> None:
    """Check that the order of the planes does not matter, to the last bit."""
    turned = inputs | {name: np.ascontiguousarray(inputs[name][::-1]) for name in _OF_PLANES}
    for a, b in zip(kernel(*inputs.values()), kernel(*turned.values()), strict=True):
        assert np.array_equal(a[::-1], b)


def _check_shade_takes(kernel: Kernel, inputs: Inputs) -> None:
    """Check that less sun, less sky, less ground and less wall never give more light, and never less than none."""
    before = kernel(*inputs.values())[0]
    assert before.min() >= 0.0
    for name in ("lit", "sky_share", "band_share", "ground_view", "wall_view"):
        less = inputs | {name: (inputs[name] * 0.6).astype(inputs[name].dtype)}
        assert np.all(kernel(*less.values())[0] <= before * (1.0 + 1e-6) + 1e-3), name


def _check_glass(kernel: Kernel, inputs: Inputs) -> None:
    """Check that glass only takes, that without glass nothing is lost, and that all lit means in the open."""
    poa, transmitted = kernel(*inputs.values())
    assert np.all(transmitted <= poa + 1e-3)
    poa, bare = kernel(*(inputs | {"incidence": np.empty(0, np.float32)}).values())
    assert np.array_equal(poa, bare)
    full = inputs | {"lit": np.full_like(inputs["lit"], 255)}
    open_sky = inputs | {"lit": np.empty((0, 0), np.uint8)}
    np.testing.assert_allclose(kernel(*full.values())[0], kernel(*open_sky.values())[0], rtol=1e-6, atol=1e-3)


def _check_unshaded(kernel: Kernel, inputs: Inputs) -> None:
    """Check that the second sum is what the first is in the open."""
    annual, unshaded = kernel(*inputs.values())
    again, same = kernel(*_in_the_open(inputs).values())
    np.testing.assert_allclose(again, unshaded, rtol=1e-6)
    assert np.array_equal(same, unshaded)
    assert np.all(annual >= 0.0)


_SHARED_PROPERTIES = (
    Property("the order of the planes does not matter", _check_order),
    Property("shade only takes", _check_shade_takes),
)
_SOURCE = "Perez et al. 1990, doi:10.1016/0038-092X(90)90055-H; Dobos 2014, NREL/TP-6A20-62641"

declare(
    Family(
        name="solar.plane_irradiance",
        purpose="Hourly irradiance on shaded planes and behind their glass.",
        inputs=(*_PLANE_INPUTS, Array("incidence", ("terms",), "float32", "-")),
        outputs=(
            Array("poa", ("planes", "hours"), "float32", "W/m2"),
            Array("transmitted", ("planes", "hours"), "float32", "W/m2"),
        ),
        sample=_sample_with_glass,
        work=lambda inputs: float(len(inputs["tilt_deg"]) * len(inputs["zenith_deg"])),
        work_unit="surface·hour",
        source=_SOURCE,
        rtol=0.0,
        atol=1e-3,
        sizes=(10, 1000, 10_000),
        properties=(*_SHARED_PROPERTIES, Property("glass only takes", _check_glass)),
    )
)

declare(
    Family(
        name="solar.plane_irradiation",
        purpose="Sums of the irradiance on planes, shaded and in the open.",
        inputs=_PLANE_INPUTS,
        outputs=(
            Array("annual", ("planes",), "float64", "Wh/m2"),
            Array("unshaded", ("planes",), "float64", "Wh/m2"),
        ),
        sample=_sample,
        work=lambda inputs: float(len(inputs["tilt_deg"]) * len(inputs["zenith_deg"])),
        work_unit="surface·hour",
        source=_SOURCE,
        rtol=1e-6,
        atol=1e-3,
        sizes=(10, 1000, 10_000),
        properties=(*_SHARED_PROPERTIES, Property("the second sum is that of the open plain", _check_unshaded)),
    )
)


def _plane_hours(
    i: int, lit: Float, shares: tuple[NDArray[np.floating], ...], tilt: float, turn: float, sky: tuple[Float, ...]
) -> tuple[Float, Float, Float]:
    """Return the irradiance, the cosine of incidence and the lit beam of plane `i`, each float64 (hours,)."""
    zenith, azimuth, beam, direct, isotropic, band, ground, wall = sky
    sky_share, band_share, ground_view, wall_view = (float(s[i]) for s in shares)
    cosine = np.cos(zenith) * math.cos(tilt) + np.sin(zenith) * math.sin(tilt) * np.cos(azimuth - turn)
    cosine = np.maximum(cosine, 0.0)
    rest = isotropic * (0.5 * (1.0 + math.cos(tilt))) + np.minimum(band, 0.0) * math.sin(tilt)
    seen = np.maximum(rest, 0.0) * sky_share + np.minimum(rest, 0.0)
    seen = seen + np.maximum(band, 0.0) * math.sin(tilt) * band_share
    sky_light = np.maximum((direct - beam) * cosine * lit + seen, 0.0)
    total = beam * cosine * lit + sky_light + ground * ground_view + wall * wall_view
    return total, cosine, beam * lit


@variant("solar.plane_irradiance", "reference")
def plane_irradiance_reference(
    tilt_deg: Float,
    surface_azimuth_deg: Float,
    lit: NDArray[np.uint8],
    sky_share: Single,
    band_share: Single,
    ground_view: Single,
    wall_view: Single,
    zenith_deg: Float,
    azimuth_deg: Float,
    beam: Float,
    direct: Float,
    isotropic: Float,
    band: Float,
    ground: Float,
    wall: Float,
    incidence: Single,
) -> tuple[Single, Single]:
    """Return the irradiance on planes and behind their glass.

    Parameters
    ----------
    tilt_deg, surface_azimuth_deg : float64 [planes]
    lit : uint8 [planes, hours]
        Share of the direct light that arrives, 255 for all of it; shape (0, 0) where nothing is shaded.
    sky_share, band_share : float32 [planes]
        Visible share of the plane's sky (weighted by the cosine of incidence), and of the sky along the horizon.
    ground_view, wall_view : float32 [planes]
        View factors to the ground and to walls.
    zenith_deg, azimuth_deg : float64 [hours]
    beam : float64 [hours], W/m2
        Direct normal irradiance.
    direct, isotropic, band : float64 [hours], W/m2
        Coefficients of ``solar.sky``; `direct` contains the beam.
    ground, wall : float64 [hours], W/m2
        Radiosity of the ground and of the walls seen.
    incidence : float32 [terms]
        Coefficients, from the constant up, of the polynomial in ``x = 2 cosine - 1`` whose value, where positive, is
        the incidence angle modifier of the beam times the cosine; shape (0,) without glass.

    Returns
    -------
    poa, transmitted : float32 [planes, hours], W/m2
        Without glass they may be one array.
    """
    planes, hours = len(tilt_deg), len(zenith_deg)
    poa, transmitted = np.empty((planes, hours), np.float32), np.empty((planes, hours), np.float32)
    sky = (np.radians(zenith_deg), np.radians(azimuth_deg), beam, direct, isotropic, band, ground, wall)
    shares = (sky_share, band_share, ground_view, wall_view)
    for i in range(planes):
        share = lit[i] / 255.0 if lit.size else np.ones(hours)
        tilt, turn = math.radians(tilt_deg[i]), math.radians(surface_azimuth_deg[i])
        total, cosine, sunlight = _plane_hours(i, share, shares, tilt, turn, sky)
        poa[i] = transmitted[i] = total
        if incidence.size:
            through = np.polynomial.polynomial.polyval(2.0 * cosine - 1.0, incidence.astype(np.float64))
            transmitted[i] = total + np.where(cosine > 0.0, sunlight * (np.maximum(through, 0.0) - cosine), 0.0)
    return poa, transmitted


@variant("solar.plane_irradiation", "reference")
def plane_irradiation_reference(
    tilt_deg: Float,
    surface_azimuth_deg: Float,
    lit: NDArray[np.uint8],
    sky_share: Single,
    band_share: Single,
    ground_view: Single,
    wall_view: Single,
    *sky: Float,
) -> tuple[Float, Float]:
    """Return the sums over the hours given, with the shares and in the open, both float64 [planes] in Wh/m2.

    Arguments as in `plane_irradiance_reference`, without `incidence`. In the open the ground has the same radiosity.
    """
    planes, hours = len(tilt_deg), len(sky[0])
    annual, unshaded = np.empty(planes), np.empty(planes)
    light = (np.radians(sky[0]), np.radians(sky[1]), *sky[2:])
    shares = (sky_share, band_share, ground_view, wall_view)
    for i in range(planes):
        tilt, turn = math.radians(tilt_deg[i]), math.radians(surface_azimuth_deg[i])
        share = lit[i] / 255.0 if lit.size else np.ones(hours)
        annual[i] = _plane_hours(i, share, shares, tilt, turn, light)[0].sum()
        free = tuple(np.full(planes, v) for v in (1.0, 1.0, 0.5 * (1.0 - math.cos(tilt)), 0.0))
        unshaded[i] = _plane_hours(i, np.ones(hours), free, tilt, turn, light)[0].sum()
    return annual, unshaded
