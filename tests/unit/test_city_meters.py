import numpy as np
import pytest

from twin.city.meters import read_meters
from twin.errors import DataError

HEADER = "building_id,year,month,carrier,value,unit\n"


@pytest.fixture(scope="module")
def homes(small_city):
    """Ids of two buildings with district heat and floor area, and one with another supply."""
    b = small_city.buildings[small_city.buildings["floor_area_m2"] > 100.0]
    district = b.index[b["heat_supply"] == "district_heating"]
    return str(district[0]), str(district[1]), str(b.index[b["heat_supply"] == "direct_electric"][0])


@pytest.fixture
def read(tmp_path, small_city):
    def of(text, **options):
        path = tmp_path / "meters.csv"
        path.write_text(HEADER + text, encoding="utf-8")
        return read_meters(path, small_city, **options)

    return of


def kwh(city, building, per_m2):
    return per_m2 * float(city.buildings["floor_area_m2"][building])


def test_readings_are_sorted_and_in_kwh(read, small_city, homes):
    a, b = sorted(homes[:2])
    heat, power = kwh(small_city, b, 150.0), kwh(small_city, a, 40.0)
    months = "".join(f"{b},2023,{m},District_Heating,{heat / 12e3:.6f},MWh\n" for m in range(1, 13))
    meters = read(months + f"{a},2023,,electricity,{power * 3.6:.3f},MJ\n")
    assert meters.year == 2023
    assert meters.has_months
    assert meters.table[["building_id", "carrier"]].to_numpy().tolist() == [[a, "electricity"], [b, "district_heating"]]
    np.testing.assert_allclose(meters.table["kwh"], [power, heat], rtol=1e-5)
    assert np.isnan(meters.monthly_kwh[0]).all()
    np.testing.assert_allclose(meters.monthly_kwh[1], heat / 12.0, rtol=1e-5)
    assert list(meters.of(meters.buildings[:1]).table["building_id"]) == [a]


def test_the_column_of_months_may_be_missing(tmp_path, small_city, homes):
    path = tmp_path / "meters.csv"
    path.write_text(
        f"building_id,year,carrier,value,unit\n{homes[0]},2023,heat,{kwh(small_city, homes[0], 99.0)},kWh\n"
    )
    assert not read_meters(path, small_city).has_months


def test_one_of_several_years_is_chosen(read, small_city, homes):
    amount = kwh(small_city, homes[0], 100.0)
    text = "".join(f"{homes[0]},{year},,heat,{amount * k},kWh\n" for k, year in ((1.0, 2022), (1.1, 2023)))
    assert read(text, year=2023).table["kwh"][0] == pytest.approx(1.1 * amount)
    with pytest.raises(DataError, match="of 2 years"):
        read(text)
    with pytest.raises(DataError, match="no readings of 2019"):
        read(text, year=2019)


BAD = {
    "unknown building": ("nowhere,2023,,heat,{v},kWh", 1, "no building 'nowhere'"),
    "unit of volume": ("{a},2023,,heat,{v},m3", 6, "unit 'm3'.*\n.*calorific"),
    "unknown carrier": ("{a},2023,,steam,{v},kWh", 4, "carrier 'steam'"),
    "other supply": ("{c},2023,,district_heating,{v},kWh", 4, "heat supply of .* is direct_electric"),
    "negative": ("{a},2023,,heat,-5,kWh", 5, "value is -5"),
    "no number": ("{a},2023,,heat,much,kWh", 5, "'much'"),
    "not finite": ("{a},2023,,heat,nan,kWh", 5, "'nan'"),
    "year": ("{a},23,,heat,{v},kWh", 2, "year is 23"),
    "part of a year": ("{a},2023.5,,heat,{v},kWh", 2, "year is 2023.5"),
    "month": ("{a},2023,13,heat,{v},kWh", 3, "month is 13"),
    "wrong unit, too small": ("{a},2023,,heat,{small},kWh", 5, "is the unit MWh"),
    "wrong unit, too large": ("{a},2023,,heat,{large},kWh", 5, "is the unit Wh"),
    "few months": ("{a},2023,1,heat,{v},kWh\n{a},2023,2,heat,{v},kWh", 3, "2 months of heat"),
}


@pytest.mark.parametrize(("row", "column", "what"), BAD.values(), ids=BAD.keys())
def test_what_is_wrong_is_named_with_row_and_column(read, small_city, homes, row, column, what):
    v = kwh(small_city, homes[0], 100.0)
    names = {"a": homes[0], "c": homes[2], "v": v, "small": v / 1e3, "large": v * 1e3}
    with pytest.raises(DataError, match=what) as caught:
        read(row.format(**names) + "\n")
    assert caught.value.problems[0].where.endswith(f"meters.csv:2:{column}")
    assert caught.value.problems[0].expected


@pytest.mark.parametrize(
    ("second", "what"),
    [
        ("{a},2023,,heat,{v},kWh", "second reading"),
        ("{a},2023,5,heat,{v},kWh", "by year and by month"),
        ("{a},2023,,district_heating,{v},kWh", "readings of heat and of district_heating"),
    ],
)
def test_readings_that_exclude_each_other_are_named(read, small_city, homes, second, what):
    first = "{a},2023,,heat,{v},kWh\n"
    with pytest.raises(DataError, match=what) as caught:
        read((first + second).format(a=homes[0], v=kwh(small_city, homes[0], 100.0)) + "\n")
    assert ":3:" in caught.value.problems[0].where


def test_all_problems_are_told_at_once(read, homes):
    with pytest.raises(DataError, match="3 problems") as caught:
        read(f"nowhere,2023,,heat,-1,kWh\n{homes[0]},2023,,heat,5,stone\n")
    assert len(caught.value.problems) == 3
