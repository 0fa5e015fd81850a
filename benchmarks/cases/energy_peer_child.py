"""A year of a BESTEST building by another program; run by `energy_peers` in the environment of that program.

``python energy_peer_child.py PROGRAM CASE WEATHER FOLDER`` prints one line of JSON: version, seconds of CPU and wall
from the description of the building to the hours, imports apart. The hours are in FOLDER/hours.txt: heating, cooling
(W), air (°C); those of EnergyPlus in its own file.
The descriptions are those of ASHRAE 140-2020, section 7, as far as the program can hold them. CASE is 600 or 900.
"""

import contextlib
import io
import json
import os
import sys
import time
from pathlib import Path

# From inside to outside: thickness m, conductivity W/mK, density kg/m3, heat capacity J/kgK.
LIGHT = {
    "wall": ((0.012, 0.16, 950, 840), (0.066, 0.04, 12, 840), (0.009, 0.14, 530, 900)),
    "roof": ((0.010, 0.16, 950, 840), (0.1118, 0.04, 12, 840), (0.019, 0.14, 530, 900)),
    "floor": ((0.025, 0.14, 650, 1200), (1.003, 0.04, 0, 0)),
}
HEAVY = LIGHT | {
    "wall": ((0.100, 0.51, 1400, 1000), (0.0615, 0.04, 10, 1400), (0.009, 0.14, 530, 900)),
    "floor": ((0.080, 1.13, 1400, 1000), (1.007, 0.04, 0, 0)),
}
AREA = {"N": 21.6, "E": 16.2, "S": 9.6, "W": 16.2}
AZIMUTH = {"N": 0, "E": 90, "S": 180, "W": 270}
VOLUME, FLOOR, WINDOW, GAINS, LEAK, PRESSURE = 129.6, 48.0, 12.0, 200.0, 0.5, 0.822
WINDOW_U, WINDOW_G = 2.10, 0.769
SURFACES = {"wall": 1 / 8.29 + 1 / 29.3, "roof": 1 / 8.29 + 1 / 29.3, "floor": 1 / 8.29 + 1 / 29.3}


def u_value(layers, name):
    """Return the U-value with the standard's combined coefficients, W/m2K."""
    return 1.0 / (SURFACES[name] + sum(thick / k for thick, k, *_ in layers))


def heat_capacity(layers):
    """Return what a construction stores, J/m2K."""
    return float(sum(thick * rho * c for thick, _, rho, c in layers))


def pybuildingenergy(case, weather, folder):
    """ISO 52016-1 hourly, with air as the controlled temperature as in ASHRAE 140."""
    from pybuildingenergy.source.utils import ISO52016

    def job():
        layers = HEAVY if case == "900" else LIGHT

        def opaque(name, area, azimuth, tilt, kind, view):
            known = {"u_value": u_value(layers[kind], kind), "thermal_capacity": heat_capacity(layers[kind])}
            place = {"orientation": {"azimuth": azimuth, "tilt": tilt}, "boundary": "OUTDOORS", "name_adj_zone": None}
            mass = "class_i" if case == "900" and kind != "roof" else "class_d"
            sun = {"sky_view_factor": view, "solar_absorptance": 0.6, "construction_class": mass}
            return {"name": name, "type": "opaque", "area": area} | known | place | sun

        surfaces = [opaque(f"wall {side}", AREA[side], AZIMUTH[side], 90, "wall", 0.5) for side in AREA]
        surfaces += [opaque("roof", FLOOR, 0, 0, "roof", 1.0)]
        # raised above the air without sun: no view of the sky, and nothing absorbed
        surfaces += [opaque("floor", FLOOR, 0, 180, "floor", 0.01) | {"solar_absorptance": 0.0}]
        surfaces += [
            {
                "name": "window", "type": "transparent", "area": WINDOW, "sky_view_factor": 0.5, "u_value": WINDOW_U,
                "g_value": WINDOW_G, "height": 2.0, "width": 6.0, "parapet": 0.2, "shading": False,
                "frame_area_fraction": 0.0, "orientation": {"azimuth": 180, "tilt": 90}, "name_adj_zone": None,
            }
        ]  # fmt: skip
        on, leak = [1.0] * 24, LEAK * PRESSURE
        air = {"name": "leaks", "ventilation_type": "constant_ach", "air_changes_per_hour": leak}
        building = {
            "building": {
                "name": f"case {case}", "azimuth_relative_to_true_north": 0.0, "latitude": 39.83, "longitude": -104.65,
                "exposed_perimeter": 28, "height": 2.7, "wall_thickness": 0.1, "n_floors": 1, "net_floor_area": FLOOR,
                "building_type_class": "Residential_apartment", "adj_zones_present": False, "number_adj_zone": 0,
                "construction_class": "class_d", "zone_volume_m3": VOLUME,
            },
            "adjacent_zones": [],
            "building_surface": surfaces,
            "units": {"area": "m2", "u_value": "W/m2K"},
            "building_parameters": {
                "temperature_setpoints": {
                    "heating_setpoint": 20.0, "heating_setback": 20.0, "cooling_setpoint": 27.0, "cooling_setback": 27.0
                },
                "system_capacities": {"heating_capacity": 1e7, "cooling_capacity": 1e7},
                "airflow_rates": {"infiltration_rate": leak},
                "ventilation": {"components": [air | {"source_temperature": "outdoor"}]},
                "internal_gains": [
                    {"name": "occupants", "full_load": GAINS / FLOOR, "weekday": on, "weekend": on},
                    {"name": "appliances", "full_load": 0.0, "weekday": on, "weekend": on},
                ],
                "construction": {"wall_thickness": 0.1, "thermal_bridge_heat_W_K": 0.0},
                "climate_parameters": {"coldest_month": 1},
                **{f"{what}_profile": {"weekday": on, "weekend": on} for what in ("heating", "cooling", "ventilation")},
            },
        }  # fmt: skip
        found = ISO52016.Temperature_and_Energy_needs_calculation(
            building, weather_source="epw", path_weather_file=weather, c_int_per_A_us=0.0, hvac_control_variable="air"
        )
        hours = found[0] if isinstance(found, tuple) else found
        return [hours[name].to_numpy(float)[-8760:] for name in ("Q_H", "Q_C", "T_air")]

    return job, _version("pybuildingenergy")


def rc_simulator(case, weather, folder):
    """ISO 13790 simple hourly (5R1C), its own radiation, heating and cooling without losses.

    The heat capacity by floor area is that of the layers inside the insulation, as in EN ISO 13790, 12.3.1.
    """
    root = Path(os.environ["RC_SIMULATOR"]) / "rc_simulator"
    sys.path.insert(0, str(root))
    import emission_system
    import supply_system
    from building_physics import Zone
    from radiation import Location, Window

    def job():
        layers = HEAVY if case == "900" else LIGHT
        opaque = {"wall": sum(AREA.values()), "roof": FLOOR, "floor": FLOOR}
        loss = sum(area * u_value(layers[kind], kind) for kind, area in opaque.items())
        opaque_m2 = sum(opaque.values())
        stored = sum(area * heat_capacity(layers[kind][:1]) for kind, area in opaque.items())
        zone = Zone(
            window_area=WINDOW, walls_area=opaque_m2, floor_area=FLOOR, room_vol=VOLUME,
            total_internal_area=opaque_m2 + WINDOW, u_walls=loss / opaque_m2, u_windows=WINDOW_U, ach_vent=0.0,
            ach_infl=LEAK * PRESSURE, ventilation_efficiency=0.0,
            thermal_capacitance_per_floor_area=stored / FLOOR, t_set_heating=20.0,
            t_set_cooling=27.0, heating_supply_system=supply_system.DirectHeater,
            cooling_supply_system=supply_system.DirectCooler, heating_emission_system=emission_system.AirConditioning,
            cooling_emission_system=emission_system.AirConditioning,
        )  # fmt: skip
        place = Location(epwfile_path=weather)
        window = Window(azimuth_tilt=0, alititude_tilt=90, glass_solar_transmittance=0.9 * WINDOW_G, area=WINDOW)
        dry, direct, diffuse = (
            place.weather_data[name].tolist() for name in ("drybulb_C", "dirnorrad_Whm2", "difhorrad_Whm2")
        )
        heating, cooling, air, mass = [], [], [], 20.0
        for hour in [*range(8760 - 336, 8760), *range(8760)]:
            # its clock is UTC, Denver's the same less 7 h; the sun of the middle of the hour
            altitude, azimuth = place.calc_sun_position(39.83, -104.65, 2015, hour + 7.5)
            window.calc_solar_gains(altitude, azimuth, direct[hour], diffuse[hour])
            zone.solve_energy(GAINS, window.solar_gains, dry[hour], mass)
            mass = zone.t_m_next
            heating.append(zone.heating_demand)
            cooling.append(-zone.cooling_demand)
            air.append(zone.t_air)
        return [values[-8760:] for values in (heating, cooling, air)]

    return job, "97c1cdd"


def energyplus(case, weather, folder):
    """EnergyPlus with ten-minute steps; the input is in the folder already."""
    from pyenergyplus.api import EnergyPlusAPI

    api = EnergyPlusAPI()
    state = api.state_manager.new_state()
    api.runtime.set_console_output_status(state, False)

    def job():
        arguments = ["-w", weather, "-d", folder, str(Path(folder) / "in.idf")]
        if api.runtime.run_energyplus(state, arguments):
            raise SystemExit((Path(folder) / "eplusout.err").read_text())

    return job, str(api.functional.ep_version())


def _version(package):
    from importlib.metadata import version

    return version(package)


def main():
    """Run and print."""
    name, case, weather, folder = sys.argv[1:]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        job, version = globals()[name](case, weather, folder)
        cpu, wall = time.process_time(), time.perf_counter()
        hours = job()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    if hours is not None:
        rows = "\n".join(" ".join(repr(float(value)) for value in row) for row in zip(*hours, strict=True))
        (Path(folder) / "hours.txt").write_text(rows + "\n")
    print(json.dumps({"version": version, "cpu_s": cpu, "wall_s": wall}))


if __name__ == "__main__":
    main()
