"""The cases of `bestest_cases` as input of EnergyPlus, written from the specification, and a run of it.

EnergyPlus comes with the wheel ``pyenergyplus-lbnl``; the year of Denver with the wheel ``ochre-nrel``. Both may be
installed in another environment than the tests': the environment variable ``TWIN_ENERGYPLUS_PYTHON`` names its Python.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.validation.energy import bestest_cases as spec
from tests.validation.energy.bestest_cases import Case
from twin.energy.constructions import Layer

Float = NDArray[np.float64]
Vertices = Sequence[tuple[float, float, float]]
FIND = """
import importlib.util, pathlib
spec = importlib.util.find_spec("pyenergyplus")
print("pyenergyplus" if spec else "")
spec = importlib.util.find_spec("ochre")
found = list(pathlib.Path(spec.origin).parent.glob("defaults/Weather/*Denver*725650*.epw")) if spec else []
print(found[0] if found else "")
"""
RUN = """
import sys
from pyenergyplus.api import EnergyPlusAPI
api = EnergyPlusAPI()
state = api.state_manager.new_state()
api.runtime.set_console_output_status(state, False)
sys.exit(api.runtime.run_energyplus(state, sys.argv[1:]))
"""
HEATING, COOLING = "Zone Ideal Loads Zone Sensible Heating Energy", "Zone Ideal Loads Zone Sensible Cooling Energy"
AIR = "Zone Mean Air Temperature"
SETTINGS = """
Version,25.2;
SimulationControl,No,No,No,No,Yes;
Building,Case,0,Country,0.04,0.004,FullInteriorAndExterior,25,6;
Timestep,6;
GlobalGeometryRules,UpperLeftCorner,CounterClockWise,World;
SurfaceConvectionAlgorithm:Inside,TARP;
SurfaceConvectionAlgorithm:Outside,DOE-2;
ShadowCalculation,PolygonClipping,Periodic,1;
ScheduleTypeLimits,Any;
Schedule:Constant,Always,Any,1;
Schedule:Constant,Dual,Any,4;
"""
YEAR = "RunPeriod,Year,1,1,,12,31,,Sunday,No,No,No,Yes,Yes;"
EIGHT_WEEKS_MORE = "RunPeriod,Year,11,6,2017,12,31,2018,Monday,No,No,No,{rain},{rain};"
"""Begins as our runs do; of itself EnergyPlus repeats the first of January, and the year has its coldest hour then."""


def python() -> str:
    return os.environ.get("TWIN_ENERGYPLUS_PYTHON", sys.executable)


@cache
def available() -> tuple[bool, Path | None]:
    """Return whether EnergyPlus is installed, and the weather of Denver where it is."""
    try:
        lines = subprocess.run([python(), "-c", FIND], capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        return False, None
    return bool(lines[0]), Path(lines[1]) if lines[1] else None


def run(case: Case | str, weather: Path, folder: Path, *, films: bool = False) -> dict[str, dict[str, Float]]:
    """Return the 8760 hours of each zone, W and °C, after eight weeks of November and December.

    Parameters
    ----------
    case : Case or "960"
    weather, folder : Path
        The year, and an empty folder.
    films : bool
        Whether the standard's constant convection takes the place of EnergyPlus's own, and no rain wets the walls (it
        would give them a film of 1000 W/m²K).
    """
    text = sunspace(films) if isinstance(case, str) else single(case, films)
    longer = EIGHT_WEEKS_MORE.format(rain="No" if films else "Yes")
    (folder / "in.idf").write_text(text.replace(YEAR, longer), encoding="ascii")
    arguments = ["-w", str(weather), "-d", str(folder), str(folder / "in.idf")]
    done = subprocess.run([python(), "-c", RUN, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError((folder / "eplusout.err").read_text(encoding="utf-8"))
    return _hours(folder / "eplusout.eso")


def _hours(path: Path) -> dict[str, dict[str, Float]]:
    names: dict[str, tuple[str, str]] = {}
    values: dict[str, list[float]] = {}
    with path.open(encoding="ascii") as lines:
        for line in lines:
            cells = line.split(",", 4)
            if line.endswith("!Hourly\n"):
                names[cells[0]] = (cells[2].split()[0], cells[3].split(" [")[0])
                values[cells[0]] = []
            elif cells[0] in values and len(cells) == 2:
                values[cells[0]].append(float(cells[1]))
    zones: dict[str, dict[str, Float]] = {}
    for key, (zone, variable) in names.items():
        scale = 1.0 if variable == AIR else 1.0 / 3600.0
        zones.setdefault(zone.removesuffix("_IDEAL"), {})[variable] = scale * np.array(values[key])[-8760:]
    return zones


def single(case: Case, films: bool = False) -> str:
    """Return the input of a case of one zone."""
    wall, floor, roof = constructions(case)
    parts = [SETTINGS, YEAR, *materials(case, {"Wall": wall, "Floor": floor, "Roof": roof}), *glazing(case)]
    parts += box("ZONE", 0.0, 6.0, {"N": "Wall", "E": "Wall", "S": "Wall", "W": "Wall"})
    parts += [window(side, *place, case.glass) for side in case.windows for place in PLACES[side]]
    parts += shades(case) + conditions("ZONE", case) + outputs()
    if case.constant or films:
        parts += coefficients(case, films)
    return "\n".join(parts)


def sunspace(films: bool = False) -> str:
    """Return the input of case 960: a light room behind a heavy sunspace without heating."""
    light, heavy, free = Case(windows=()), Case(True), Case(True, control="none", gains_w=0.0)
    wall, floor, roof = constructions(light)
    heavy_wall, heavy_floor, _ = constructions(heavy)
    layers = {"Wall": wall, "Floor": floor, "Roof": roof, "HeavyWall": heavy_wall, "HeavyFloor": heavy_floor}
    parts = [SETTINGS, YEAR, *materials(light, layers | {"Common": spec.COMMON_WALL}), *glazing(heavy)]
    parts += box("BACK", 0.0, 6.0, {"N": "Wall", "E": "Wall", "S": "Common", "W": "Wall"}, other=("S", "SUN N"))
    names = {"N": "Common", "E": "HeavyWall", "S": "HeavyWall", "W": "HeavyWall", "floor": "HeavyFloor"}
    parts += box("SUN", -2.0, 0.0, names, other=("N", "BACK S"))
    parts += [window("S", x, -2.0, 0.5, "double", "SUN") for x in (0.5, 4.5)]
    if films:
        parts += coefficients(heavy, films)
        film = spec.STANDARD["wall"]
        parts.append(f"SurfaceProperty:ConvectionCoefficients:MultipleSurface,AllInteriorWalls,Inside,Value,{film};")
    return "\n".join(parts + conditions("BACK", light) + conditions("SUN", free, 43.2) + outputs())


def constructions(case: Case) -> tuple[tuple[Layer, ...], tuple[Layer, ...], tuple[Layer, ...]]:
    """Return wall, floor and roof from inside to outside."""
    wall, floor = (spec.HEAVY_WALL, spec.HEAVY_FLOOR) if case.heavy else (spec.LIGHT_WALL, spec.LIGHT_FLOOR)
    roof = spec.ROOF
    if case.insulated:
        wall, roof = (wall[0], spec.THICK_FOAM, wall[2]), (roof[0], spec.THICK_QUILT, roof[2])
    return wall, floor, roof


def materials(case: Case, layers: dict[str, tuple[Layer, ...]]) -> list[str]:
    """Return materials and constructions; a window without light is one of them."""
    if case.glass == "opaque":
        layers = layers | {"Opaque": spec.PANES["opaque"]}
    found = []
    for name, chain in layers.items():
        for at, layer in enumerate(chain):
            inside, outside = at == 0, at == len(chain) - 1
            emittance = case.emittance_inside if inside else case.emittance_outside
            absorptance = case.absorptance_inside if inside else case.absorptance_outside
            if (inside and "inside" in case.constant) or (outside and "outside" in case.constant):
                emittance = 1e-6
            rough = "VerySmooth" if name == "Opaque" else "Rough"
            tail = f"{emittance},{absorptance},{absorptance};"
            if layer.density_kg_m3 > 0.0:
                inner = f"{layer.conductivity_w_mk},{layer.density_kg_m3},{layer.heat_capacity_j_kgk}"
                found.append(f"Material,{name} {at},{rough},{layer.thickness_m},{inner},{tail}")
            else:
                resistance = layer.thickness_m / layer.conductivity_w_mk
                gap = name == "Opaque"
                rest = f"AirGap,{name} {at},{resistance};" if gap else f"NoMass,{name} {at},{rough},{resistance},{tail}"
                found.append(f"Material:{rest}")
        order = ",".join(f"{name} {at}" for at in reversed(range(len(chain))))
        found.append(f"Construction,{name},{order};")
    return found


def glazing(case: Case) -> list[str]:
    """Return the construction of the windows."""
    if not case.windows or case.glass == "opaque":
        return []
    face = 1e-6 if "outside" in case.constant else spec.GLASS_EMITTANCE
    room = 1e-6 if "inside" in case.constant else spec.GLASS_EMITTANCE

    def pane(name: str, front: float, back: float) -> str:
        optics = "SpectralAverage,,0.003048,0.834,0.075,0.075,0.9,0.08,0.08,0"
        return f"WindowMaterial:Glazing,{name},{optics},{front},{back},1.0;"

    if case.glass == "single":
        return [pane("Pane", face, room), "Construction,Glass,Pane;"]
    inner = pane("Inner", spec.GLASS_EMITTANCE, room)
    if case.glass == "low-e":
        coated = "WindowMaterial:Glazing,Outer,SpectralAverage,,0.00318,0.452,0.359,0.397,0.7,0.1,0.1,0,0.84,0.047,1.0;"
        return [coated, "WindowMaterial:Gas,Gap,Argon,0.012;", inner, "Construction,Glass,Outer,Gap,Inner;"]
    outer = pane("Outer", face, spec.GLASS_EMITTANCE)
    return [outer, "WindowMaterial:Gas,Gap,Air,0.012;", inner, "Construction,Glass,Outer,Gap,Inner;"]


PLACES = {  # of the windows: x, y and sill of the corner that is left seen from outside
    "S": ((0.5, 0.0, 0.2), (4.5, 0.0, 0.2)),
    "E": ((8.0, 1.5, 0.2),),
    "W": ((0.0, 4.5, 0.2),),
}
RIGHT = {"S": (1.0, 0.0), "E": (0.0, 1.0), "N": (-1.0, 0.0), "W": (0.0, -1.0)}


def _polygon(corners: Vertices) -> str:
    return "4," + ",".join(f"{v:g}" for corner in corners for v in corner) + ";"


def _upright(side: str, x: float, y: float, low: float, high: float, width: float) -> list[tuple[float, float, float]]:
    dx, dy = (width * c for c in RIGHT[side])
    return [(x, y, high), (x, y, low), (x + dx, y + dy, low), (x + dx, y + dy, high)]


def box(zone: str, south: float, north: float, walls: dict[str, str], other: tuple[str, str] = ("", "")) -> list[str]:
    """Return a zone 8 m wide; `other` is the side that is another zone's, and the surface there."""
    starts = {"S": (0.0, south, 8.0), "E": (8.0, south, north - south), "N": (8.0, north, 8.0)}
    starts["W"] = (0.0, north, north - south)
    found = [f"Zone,{zone},0,0,0,0,1,1,2.7,{8.0 * (north - south) * 2.7:g};"]
    for side, (x, y, width) in starts.items():
        there = f"Surface,{other[1]},NoSun,NoWind" if side == other[0] else "Outdoors,,SunExposed,WindExposed"
        corners = _polygon(_upright(side, x, y, 0.0, 2.7, width))
        found.append(f"BuildingSurface:Detailed,{zone} {side},Wall,{walls[side]},{zone},,{there},,{corners}")
    top = [(0.0, north, 2.7), (0.0, south, 2.7), (8.0, south, 2.7), (8.0, north, 2.7)]
    low = [(0.0, south, 0.0), (0.0, north, 0.0), (8.0, north, 0.0), (8.0, south, 0.0)]
    roof, floor = "Outdoors,,SunExposed,WindExposed", "Outdoors,,NoSun,NoWind"
    found.append(f"BuildingSurface:Detailed,{zone} roof,Roof,Roof,{zone},,{roof},,{_polygon(top)}")
    below = walls.get("floor", "Floor")
    found.append(f"BuildingSurface:Detailed,{zone} floor,Floor,{below},{zone},,{floor},,{_polygon(low)}")
    return found


def window(side: str, x: float, y: float, sill: float, glass: str, zone: str = "ZONE") -> str:
    kind = "Door,Opaque" if glass == "opaque" else "Window,Glass"
    kind_, construction = kind.split(",")
    corners = _polygon(_upright(side, x, y, sill, sill + 2.0, 3.0))
    name = f"{zone} {side} window {x:g}"
    return f"FenestrationSurface:Detailed,{name},{kind_},{construction},{zone} {side},,,,1,{corners}"


def shades(case: Case) -> list[str]:
    """Return overhangs and fins, 1 m deep, at the height of the roof."""
    found: list[Vertices] = []
    if case.overhang and not case.fins:
        found.append([(0.0, 0.0, 2.7), (0.0, -1.0, 2.7), (8.0, -1.0, 2.7), (8.0, 0.0, 2.7)])
    if case.fins:
        for x, out in ((8.0, 9.0), (0.0, -1.0)):
            found.append([(x, 1.5, 2.7), (out, 1.5, 2.7), (out, 4.5, 2.7), (x, 4.5, 2.7)])
            found += [[(x, y, 2.7), (x, y, 0.0), (out, y, 0.0), (out, y, 2.7)] for y in (1.5, 4.5)]
    return [f"Shading:Building:Detailed,Shade {at},,{_polygon(corners)}" for at, corners in enumerate(found)]


def schedule(name: str, tens: Float) -> str:
    """Return a day of values for every ten minutes."""
    ends = [at for at in range(1, 145) if at == 144 or tens[at] != tens[at - 1]]
    steps = ",".join(f"Until: {at // 6:02d}:{at % 6 * 10:02d},{tens[at - 1]:g}" for at in ends)
    return f"Schedule:Compact,{name},Any,Through: 12/31,For: AllDays,{steps};"


def conditions(zone: str, case: Case, volume: float = spec.VOLUME) -> list[str]:
    """Return gains, infiltration, fan, set-points and the ideal system."""
    hour = np.arange(144) / 6.0
    low, high = np.full(144, 20.0), np.full(144, 20.0 if case.control == "tight" else 27.0)
    if case.control == "setback":
        ramp = 10.0 + 10.0 * np.clip(hour - 7.0 + 1.0 / 12.0, 0.0, 1.0)
        low = np.where(hour >= 23.0, 10.0, ramp.round(3))
    night = (hour >= 18.0) | (hour < 7.0)
    if case.control == "night":
        low, high = np.full(144, -100.0), np.where(night, 100.0, 27.0)
    found = []
    if case.leak_h > 0.0:
        found.append(
            f"ZoneInfiltration:DesignFlowRate,{zone} leak,{zone},Always,AirChanges/Hour,,,,{case.leak_h},1,0,0,0;"
        )
    if case.gains_w > 0.0:
        found.append(f"OtherEquipment,{zone} gains,None,{zone},Always,EquipmentLevel,{case.gains_w},,,0,0.6,0;")
    if case.fan:
        found.append(schedule("Night", night.astype(float)))
        flow = spec.FAN_M3_H / 3600.0
        found.append(f"ZoneInfiltration:DesignFlowRate,{zone} fan,{zone},Night,Flow/Zone,{flow:.5f},,,,1,0,0,0;")
    if case.control != "none":
        found += [
            schedule(f"{zone} low", low), schedule(f"{zone} high", high),
            f"ThermostatSetpoint:DualSetpoint,{zone} points,{zone} low,{zone} high;",
            f"ZoneControl:Thermostat,{zone} control,{zone},Dual,ThermostatSetpoint:DualSetpoint,{zone} points;",
            f"ZoneHVAC:EquipmentConnections,{zone},{zone} equipment,{zone} in,,{zone} node,{zone} out;",
            f"ZoneHVAC:EquipmentList,{zone} equipment,SequentialLoad,"
            f"ZoneHVAC:IdealLoadsAirSystem,{zone}_IDEAL,1,1,,;",
            f"ZoneHVAC:IdealLoadsAirSystem,{zone}_IDEAL,,{zone} in,,,50,13,0.01,0.01,NoLimit,,,NoLimit,,,,,None,,None;",
        ]  # fmt: skip
    return found


def coefficients(case: Case, films: bool) -> list[str]:
    """Return constant films: the combined ones of the case, or the standard's convection."""
    inside = spec.COMBINED_INSIDE if "inside" in case.constant else spec.STANDARD if films else {}
    outside = spec.COMBINED_OUTSIDE if "outside" in case.constant else spec.OUTSIDE if films else {}
    found = []
    for name, kind in (("wall", "Walls"), ("roof", "Roofs"), ("floor", "Floors"), ("window", "Windows")):
        if name == "window" and not case.windows:
            continue
        pairs = [(where, table[name]) for where, table in (("Inside", inside), ("Outside", outside)) if table]
        values = ",".join(f"{where},Value,{value},," for where, value in pairs).removesuffix(",,")
        found.append(f"SurfaceProperty:ConvectionCoefficients:MultipleSurface,AllExterior{kind},{values};")
    return found


def outputs() -> list[str]:
    return [f"Output:Variable,*,{name},hourly;" for name in (AIR, HEATING, COOLING)]
