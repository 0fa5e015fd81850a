"""Hourly prices and CO2 of electricity: what is read, and what is refused by line and column."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from twin.city.tariffs import read_electricity
from twin.errors import DataError

HOURS = 8760


def write(path, header, rows):
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def rows(edit=None, **cells):
    lines = [[f"{0.1 + 0.05 * (k % 24 > 16):.3f}", "0.06"] for k in range(HOURS)]
    for key, value in cells.items():
        lines[int(key[4:] if key[3] == "_" else key[3:])][0 if key[:3] == "eur" else 1] = value
    return [",".join(line) for line in (edit(lines) if edit else lines)]


def test_a_year_is_read(tmp_path):
    table = read_electricity(write(tmp_path / "e.csv", "price_eur_kwh,co2_kg_kwh", rows(eur5="-0.2")))
    assert list(table.columns) == ["price_eur_kwh", "co2_kg_kwh"]
    assert len(table) == HOURS
    assert (table.dtypes == np.float64).all()
    assert table["price_eur_kwh"].iloc[:7].tolist() == [0.1, 0.1, 0.1, 0.1, 0.1, -0.2, 0.1]


def test_named_hours_in_any_form(tmp_path):
    plain = rows()
    start = datetime(2023, 1, 1)
    times = [(start + timedelta(hours=k)).isoformat() for k in range(HOURS)]
    hours = [f"{k},{line}" for k, line in enumerate(plain)]
    one = read_electricity(write(tmp_path / "h.csv", "hour,price_eur_kwh,co2_kg_kwh", hours))
    timed = [f"{t},{line}" for t, line in zip(times, plain, strict=True)]
    two = read_electricity(write(tmp_path / "t.csv", "time,price_eur_kwh,co2_kg_kwh", timed))
    assert one.equals(two)
    del timed[100]
    with pytest.raises(DataError, match=r"t\.csv:102:1: hour 100 of the year \(01-05 04:00\) is missing"):
        read_electricity(write(tmp_path / "t.csv", "time,price_eur_kwh,co2_kg_kwh", timed))
    hours[7] = hours[6]
    with pytest.raises(DataError, match=r"h\.csv:9:1: hour 6 of the year .* stands twice"):
        read_electricity(write(tmp_path / "h.csv", "hour,price_eur_kwh,co2_kg_kwh", hours))
    timed[3] = timed[3].replace(":00:00", ":30:00")
    with pytest.raises(DataError, match=r"t\.csv:5:1: time is"):
        read_electricity(write(tmp_path / "t.csv", "time,price_eur_kwh,co2_kg_kwh", timed))


@pytest.mark.parametrize(
    ("header", "lines", "message"),
    [
        ("price_eur_kwh,co2_kg_kwh", rows(eur10="85.3"), r"e\.csv:12:1: price_eur_kwh is 85\.3[^~]*EUR/MWh by 1000"),
        ("price_eur_kwh,co2_kg_kwh", rows(co2_0="60"), r"e\.csv:2:2: co2_kg_kwh is 60[^~]*divide g/kWh by 1000"),
        ("price_eur_kwh,co2_kg_kwh", rows(co2_1="-0.01"), r"e\.csv:3:2: co2_kg_kwh is -0\.01"),
        ("price_eur_kwh,co2_kg_kwh", rows(eur2="n/a"), r"e\.csv:4:1: price_eur_kwh is 'n/a'"),
        ("price_eur_kwh,co2_kg_kwh", rows(eur3=""), r"e\.csv:5:1: price_eur_kwh is ''"),
        ("price_eur_kwh,co2_kg_kwh", rows()[:-1], "8759 hours"),
        ("price_eur_kwh,co2_kg_kwh", rows() + rows()[:24], "leave out February 29"),
        ("price_eur_mwh,co2_kg_kwh", rows(), r"'price_eur_kwh' is missing[^~]*rename 'price_eur_mwh'[^~]*by 1000"),
        ("price_eur_kwh,co2_g_kwh", rows(), r"'co2_kg_kwh' is missing[^~]*rename 'co2_g_kwh'"),
        ("price,co2", rows(), "the column 'price_eur_kwh' is missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path, header, lines, message):
    with pytest.raises(DataError, match=message):
        read_electricity(write(tmp_path / "e.csv", header, lines))
