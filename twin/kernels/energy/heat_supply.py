"""The heat supply of buildings hour by hour: heat and cold in, carriers out.

A supply is a heat exchanger, boiler or direct heater with a seasonal efficiency, or a heat pump with an electric
back-up heater. The heat pump covers hot water first, then space heat, up to its capacity; its flow temperature follows
the outdoor temperature, its COP the lift from source to flow (`twin.kernels.energy.heat_pump`). A tank is charged with
the mean of what was drawn in the last hours, those before the first being the last of the series, so that nothing is
lost. Cold is made with electricity at a seasonal efficiency.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.kernels.energy.heat_pump import cop
from twin.kernels.registry import Array, Family, Inputs, Kernel, Property, declare, variant

Float = NDArray[np.float64]
Single = NDArray[np.float32]

DISTRICT, GAS, OIL, DIRECT, AIR_PUMP, GROUND_PUMP = range(6)
"""Kinds of supply."""
PLANT = (
    "space_factor",  # heat fed into the heating circuit over room heat
    "efficiency",  # of exchanger, boiler or direct heater; not read of heat pumps
    "flow_c",  # flow temperature at 0 °C outside, heat pumps only, as the next three
    "flow_slope",  # its rise per kelvin colder
    "water_c",  # sink temperature for hot water
    "capacity_kw",  # heat of the heat pump at most
    "cooling_efficiency",
    "tank_hours",  # whole hours over which a tank spreads the draws of hot water; 1 without
)
"""Columns of `plant`."""
ANNUAL = (
    "district_heating",
    "gas",
    "oil",
    "direct",  # electricity of direct heaters
    "compressor",
    "backup",
    "cooling",  # electricity of cooling
    "pumped_space",  # heat from the heat pump
    "pumped_water",
)
"""Columns of the sums in kWh."""


def reference(
    heating_kw: Single,
    hot_water_kw: Single,
    cooling_kw: Single,
    outdoor_c: Float,
    source_c: Float,
    supply: NDArray[np.int64],
    plant: Float,
    correction: float,
) -> tuple[Single, Single, Float]:
    """Supply each building's heat and cold.

    Parameters
    ----------
    heating_kw, hot_water_kw, cooling_kw : float32 (n, t)
        Room heat, heat for hot water and cold.
    outdoor_c : float64 (t,)
        Outdoor air, which sets the flow temperature.
    source_c : float64 (2, t)
        Temperature of the sources `heat_pump.AIR` and `heat_pump.GROUND`.
    supply : int64 (n,)
        `DISTRICT` … `GROUND_PUMP`.
    plant : float64 (n, len(PLANT))
    correction : float
        Field over catalogue COP.

    Returns
    -------
    electricity_kw, district_kw : float32 (n, t)
        Electricity for heat and cold; heat from the network.
    annual : float64 (n, len(ANNUAL))
    """
    n, hours = heating_kw.shape
    electricity, district = np.zeros((n, hours), np.float32), np.zeros((n, hours), np.float32)
    annual = np.zeros((n, len(ANNUAL)))
    for i in range(n):
        factor, efficiency, flow, slope, water, capacity, cooling_efficiency, tank = plant[i]
        space, drawn = factor * heating_kw[i].astype(np.float64), hot_water_kw[i].astype(np.float64)
        back = np.arange(max(int(tank), 1))
        hot = drawn[(np.arange(hours)[:, None] - back) % hours].mean(axis=1)
        cold = cooling_kw[i].astype(np.float64) / cooling_efficiency
        annual[i, ANNUAL.index("cooling")] = cold.sum()
        power = cold
        if supply[i] >= AIR_PUMP:
            kind = int(supply[i]) - AIR_PUMP
            from_water = np.minimum(hot, capacity)
            from_space = np.minimum(space, capacity - from_water)
            compressor = from_space / cop(kind, flow - slope * outdoor_c - source_c[kind], correction)
            compressor += from_water / cop(kind, water - source_c[kind], correction)
            backup = (hot - from_water) + (space - from_space)
            power = cold + compressor + backup
            annual[i, 4:6] = compressor.sum(), backup.sum()
            annual[i, 7:] = from_space.sum(), from_water.sum()
        else:
            carrier = (space + hot) / efficiency
            annual[i, supply[i]] = carrier.sum()
            if supply[i] == DISTRICT:
                district[i] = carrier
            elif supply[i] == DIRECT:
                power = cold + carrier
        electricity[i] = power
    return electricity, district, annual


def sample(size: int, rng: np.random.Generator) -> Inputs:
    """Return `size` random buildings of all supplies over ten days."""
    hours = 250  # no multiple of the tiles of the fast variant
    outdoor = rng.uniform(-15.0, 15.0) + 5.0 * np.sin(np.arange(hours) * 2.0 * np.pi / 24.0)
    columns = {
        "space_factor": rng.uniform(1.0, 1.3, size),
        "efficiency": rng.uniform(0.8, 1.0, size),
        "flow_c": rng.uniform(30.0, 50.0, size),
        "flow_slope": rng.uniform(0.3, 1.0, size),
        "water_c": np.full(size, 55.0),
        "capacity_kw": rng.uniform(0.0, 10.0, size),
        "cooling_efficiency": rng.uniform(2.0, 5.0, size),
        "tank_hours": rng.choice([1.0, 4.0, 24.0], size),
    }
    return {
        "heating_kw": np.maximum(0.0, rng.normal(4.0, 4.0, (size, hours))).astype(np.float32),
        "hot_water_kw": rng.uniform(0.0, 2.0, (size, hours)).astype(np.float32),
        "cooling_kw": np.maximum(0.0, rng.normal(-2.0, 2.0, (size, hours))).astype(np.float32),
        "outdoor_c": outdoor,
        "source_c": np.stack([outdoor, np.full(hours, 1.0)]),
        "supply": np.arange(size) % 6,
        "plant": np.column_stack([columns[name] for name in PLANT]),
        "correction": 0.85,
    }


def _run(kernel: Kernel, inputs: Inputs) -> tuple[Single, Single, Float]:
    electricity, district, annual = kernel(*(inputs[a.name] for a in FAMILY.inputs))
    return electricity, district, annual


def _need(inputs: Inputs) -> Float:
    space, hot = (inputs[name].astype(float).sum(axis=1) for name in ("heating_kw", "hot_water_kw"))
    return np.asarray(inputs["plant"][:, 0] * space + hot)


def _heat_is_supplied(kernel: Kernel, inputs: Inputs) -> None:
    annual = _run(kernel, inputs)[2]
    burnt = annual[:, :4].sum(axis=1) * inputs["plant"][:, 1]
    pumped = annual[:, 5] + annual[:, 7] + annual[:, 8]
    np.testing.assert_allclose(burnt + pumped, _need(inputs), rtol=1e-9)
    assert np.all((burnt == 0.0) | (pumped == 0.0))
    assert annual.min() >= 0.0


def _hours_are_the_sums(kernel: Kernel, inputs: Inputs) -> None:
    electricity, district, annual = _run(kernel, inputs)
    assert electricity.min() >= 0.0
    np.testing.assert_allclose(electricity.sum(axis=1, dtype=float), annual[:, 3:7].sum(axis=1), rtol=1e-5)
    np.testing.assert_allclose(district.sum(axis=1, dtype=float), annual[:, 0], rtol=1e-5)


def _never_more_than_direct(kernel: Kernel, inputs: Inputs) -> None:
    annual = _run(kernel, inputs)[2]
    assert np.all(annual[:, 4:6].sum(axis=1) <= _need(inputs) * (1.0 + 1e-9))


def _warmer_source_never_costs(kernel: Kernel, inputs: Inputs) -> None:
    warmer = {**inputs, "source_c": inputs["source_c"] + 3.0}
    assert np.all(_run(kernel, warmer)[2][:, 4] <= _run(kernel, inputs)[2][:, 4] * (1.0 + 1e-12))


def _capacity_never_hurts(kernel: Kernel, inputs: Inputs) -> None:
    endless = {**inputs, "plant": inputs["plant"].copy()}
    endless["plant"][:, PLANT.index("capacity_kw")] = 1e12
    before, after = _run(kernel, inputs)[2], _run(kernel, endless)[2]
    assert np.all(after[:, 5] == 0.0)
    assert np.all(after[:, 4] <= before[:, 4:6].sum(axis=1) * (1.0 + 1e-12))


FAMILY = declare(
    Family(
        name="energy.heat_supply",
        purpose="Carriers that meet each building's heat and cold hour by hour, with the COP of heat pumps.",
        inputs=(
            Array("heating_kw", ("n", "t"), "float32", "kW"),
            Array("hot_water_kw", ("n", "t"), "float32", "kW"),
            Array("cooling_kw", ("n", "t"), "float32", "kW"),
            Array("outdoor_c", ("t",), "float64", "degC"),
            Array("source_c", ("kinds", "t"), "float64", "degC"),
            Array("supply", ("n",), "int64", "-"),
            Array("plant", ("n", "columns"), "float64", "see PLANT"),
            Array("correction", (), "float64", "-"),
        ),
        outputs=(
            Array("electricity_kw", ("n", "t"), "float32", "kW"),
            Array("district_kw", ("n", "t"), "float32", "kW"),
            Array("annual", ("n", "sums"), "float64", "kWh"),
        ),
        sample=sample,
        work=lambda inputs: float(inputs["heating_kw"].size),
        work_unit="building·hour",
        source="COP: Ruhnau, Hirth and Praktiknjo 2019, doi 10.1038/s41597-019-0199-y",
        rtol=1e-6,
        atol=1e-9,
        sizes=(12, 1000, 10_000),
        properties=(
            Property("heat demand is supplied", _heat_is_supplied),
            Property("the hours add up to the sums", _hours_are_the_sums),
            Property("a heat pump never needs more electricity than direct heating", _never_more_than_direct),
            Property("a warmer source never raises the electricity", _warmer_source_never_costs),
            Property("more capacity never raises the electricity", _capacity_never_hurts),
        ),
    )
)

variant("energy.heat_supply", "reference")(reference)
