"""Windows with overhangs and side fins: what reaches the glass, and what passes it.

A window is a rectangle in a wall; the overhang is a horizontal, a fin a vertical rectangle that stands out of the wall.
Shadows are exact in width and integrated over the height of the window. Diffuse light is the same shadow averaged over
the directions of sky and ground. Transmittance is that of parallel panes by Fresnel and Bouguer with all reflections
between them: J. A. Duffie and W. A. Beckman, "Solar Engineering of Thermal Processes", 4th edition, Wiley (2013),
doi:10.1002/9781118671603, sections 5.1 to 5.3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
_LINES = 64  # horizontal lines across the window


@dataclass(frozen=True)
class Window:
    """A window and its devices, lengths in metres.

    The overhang, `overhang_gap` above the window, reaches `overhang_left` and `overhang_right` beyond its sides, seen
    from inside. The fins stand `fin_gap` beside it, from the overhang's height down to the ground. A depth of 0 means
    none.
    """

    width: float
    height: float
    overhang_depth: float = 0.0
    overhang_gap: float = 0.0
    overhang_left: float = 0.0
    overhang_right: float = 0.0
    fin_depth: float = 0.0
    fin_gap: float = 0.0


@dataclass(frozen=True)
class Views:
    """What the devices leave of the sky, of the sky along the horizon, and of the ground, each 0 to 1."""

    sky: float
    band: float
    ground: float


def lit_share(window: Window, altitude_deg: Float, turn_deg: Float) -> Float:
    """Return the share of the window that light from given directions reaches, float64 like them.

    Parameters
    ----------
    window : Window
    altitude_deg : float64 [n]
        Above the horizon; negative for light from the ground, which no overhang stops.
    turn_deg : float64 [n]
        Azimuth of the light minus that of the wall's outward normal. Light from behind the wall reaches nothing.
    """
    turn = np.radians((np.asarray(turn_deg, np.float64) + 180.0) % 360.0 - 180.0)
    front = np.abs(turn) < 0.5 * np.pi - 1e-9
    if window.overhang_depth <= 0.0 and window.fin_depth <= 0.0:
        return front.astype(np.float64)
    # The light seen from the glass: metres to the side and upwards for each metre out of the wall.
    aside = np.where(front, np.tan(turn), 0.0)[:, None]
    upward = np.where(front, np.tan(np.radians(altitude_deg)) / np.cos(turn), 0.0)[:, None]
    below = window.overhang_gap + (np.arange(_LINES) + 0.5) / _LINES * window.height
    # How far out the light comes from under the height of the overhang.
    out = np.divide(below, upward, out=np.full((len(turn), _LINES), np.inf), where=upward > 1e-9)
    lit_from = np.zeros_like(out)
    lit_to = np.full_like(out, window.width)
    if window.fin_depth > 0.0:
        shadow = np.minimum(window.fin_depth, out) * aside
        lit_to = np.minimum(lit_to, window.width + window.fin_gap - np.maximum(shadow, 0.0))
        lit_from = np.maximum(lit_from, -window.fin_gap - np.minimum(shadow, 0.0))
    lit = np.maximum(lit_to - lit_from, 0.0)
    if window.overhang_depth > 0.0:
        under = out <= window.overhang_depth
        shift = np.where(under, out, 0.0) * aside
        start = np.maximum(lit_from, -window.overhang_left - shift)
        stop = np.minimum(lit_to, window.width + window.overhang_right - shift)
        lit -= np.where(under, np.maximum(stop - start, 0.0), 0.0)
    return np.asarray(np.where(front, lit.mean(axis=1) / window.width, 0.0))


def views(window: Window) -> Views:
    """Return what the devices leave of the diffuse light: means of `lit_share` weighted by the cosine of incidence."""
    turn = np.linspace(-90.0, 90.0, 181)[:-1] + 0.5
    # Equal steps of the sine and angle: the weight of a direction is its cosine to the wall's normal, cos(a) cos(t).
    altitude = np.linspace(0.0, 90.0, 91)[:-1] + 0.5
    up, aside = (a.ravel() for a in np.meshgrid(altitude, turn, indexing="ij"))
    weight = np.cos(np.radians(up)) ** 2 * np.cos(np.radians(aside))
    sky, ground = (float(np.average(lit_share(window, sign * up, aside), weights=weight)) for sign in (1.0, -1.0))
    flat = lit_share(window, np.full(turn.shape, 0.5), turn)
    return Views(sky, float(np.average(flat, weights=np.cos(np.radians(turn)))), ground)


def transmittance(
    cosine: Float,
    panes: int = 2,
    *,
    index: float = 1.526,
    extinction_per_m: float = 31.0,
    thickness_m: float = 0.003048,
) -> Float:
    """Return the share of beam that passes one or two equal panes.

    The default is the clear glass of ASHRAE 140-2020 case 600, 3.048 mm thick; its extinction coefficient is that which
    gives the standard's transmittance of one pane at normal incidence, 0.834.
    """
    cosine = np.asarray(cosine, np.float64)
    outside = np.clip(cosine, 1e-9, 1.0)
    inside = np.sqrt(1.0 - (1.0 - outside**2) / index**2)
    kept = np.exp(-extinction_per_m * thickness_m / inside)
    total = np.zeros_like(outside)
    for numerator, denominator in (
        (outside - index * inside, outside + index * inside),
        (index * outside - inside, index * outside + inside),
    ):
        r = (numerator / denominator) ** 2
        through = kept * (1.0 - r) ** 2 / (1.0 - (r * kept) ** 2)
        back = r * (1.0 + kept * through)
        total += 0.5 * (through if panes == 1 else through**2 / (1.0 - back**2))
    return np.asarray(np.where(cosine > 0.0, total, 0.0))


def diffuse_transmittance(panes: int = 2) -> float:
    """Return the transmittance for light that comes equally from all directions."""
    square = (np.arange(2000) + 0.5) / 2000
    return float(transmittance(np.sqrt(square), panes).mean())
