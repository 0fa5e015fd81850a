"""EPW files: what is read, what is filled, what is refused by name."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.city.epw import MAX_BYTES, check_weather_location, distance_km, read_epw
from twin.city.normals import MONTH_DAYS
from twin.errors import TwinError, UnsafeFileError, WeatherError

SHARED = Path(__file__).parents[2] / "../shared/data"
HEADER = [
    "LOCATION,TESTVILLE,-,XXX,Made up,000000,60.20,25.00,2.0,20.0",
    "DESIGN CONDITIONS,0",
    "TYPICAL/EXTREME PERIODS,0",
    "GROUND TEMPERATURES,0",
    "HOLIDAYS/DAYLIGHT SAVINGS,No,0,0,0",
    "COMMENTS 1,none",
    "COMMENTS 2,none",
    "DATA PERIODS,1,1,Data,Sunday, 1/ 1,12/31",
]


def rows(leap=False):
    """Return 8760 or 8784 rows; temperature counts the hours in thousandths."""
    lines = []
    for month, days in enumerate(MONTH_DAYS, start=1):
        for day in range(1, days + 1 + (leap and month == 2)):
            for hour in range(1, 25):
                k = len(lines)
                cells = [2001, month, day, hour, 60, "A7", f"{k / 1000:.3f}", 1.0, 80, 101000, 0, 0, 300]
                cells += [100 if 8 <= hour <= 16 else 0, 50, 60, 0, 0, 0, 0, 180, 3.5, 5, 5]
                lines.append(",".join(str(c) for c in cells))
    return lines


LINES = HEADER + rows()


def write(tmp_path, lines, name="a.epw", newline="\n"):
    path = tmp_path / name
    path.write_bytes(newline.join(lines).encode("latin-1"))
    return path


def changed(line, column, text, lines=LINES):
    """Return the lines with one cell replaced; `line` counts from 0 over the whole file."""
    cells = lines[line].split(",")
    cells[column] = text
    return [*lines[:line], ",".join(cells), *lines[line + 1 :]]


def test_a_plain_year(tmp_path):
    weather = read_epw(write(tmp_path, LINES, newline="\r\n"))
    assert (weather.latitude, weather.longitude, weather.utc_offset_h, weather.elevation_m) == (60.2, 25.0, 2.0, 20.0)
    np.testing.assert_allclose(weather.temperature_c, np.arange(8760) / 1000)
    # Hour 8 of the file is the hour from 7:00 to 8:00.
    np.testing.assert_array_equal(np.flatnonzero(weather.ghi_w_m2[:24]), np.arange(7, 16))
    assert weather.title == "TESTVILLE (Made up)"
    assert len(weather.source.sha256) == 64
    assert all(v.shape == (8760,) and v.dtype == np.float64 for v in weather.channels().values())


def test_leap_day_is_dropped_with_a_note(tmp_path):
    weather = read_epw(write(tmp_path, HEADER + rows(leap=True)))
    assert weather.temperature_c[(31 + 28) * 24] == pytest.approx((31 + 29) * 24 / 1000)
    assert "29 February dropped" in weather.title


@settings(max_examples=15, deadline=None)
@given(start=st.integers(0, 8759), length=st.integers(1, 24))
def test_short_gaps_are_interpolated_and_noted(tmp_path_factory, start, length):
    lines = list(LINES)
    gap = [(start + i) % 8760 for i in range(length)]
    for k in gap:
        lines = changed(8 + k, 8, "999", lines)
    weather = read_epw(write(tmp_path_factory.mktemp("epw"), lines))
    np.testing.assert_allclose(weather.relative_humidity_pct, 80.0)
    assert f"relative_humidity_pct: {length} missing hours interpolated" in weather.title


@pytest.mark.parametrize(
    ("column", "code", "hours", "name"),
    [(6, "99.9", 25, "temperature_c"), (13, "9999", 4, "ghi_w_m2"), (21, "999", 8760, "wind_speed_m_s")],
)
def test_long_gaps_are_refused(tmp_path, column, code, hours, name):
    lines = list(LINES)
    for k in range(hours):
        cells = lines[8 + k].split(",")
        cells[column] = code
        lines[8 + k] = ",".join(cells)
    with pytest.raises(WeatherError, match=f"{name} is missing in {hours} hours"):
        read_epw(write(tmp_path, lines))


@pytest.mark.parametrize("text", ["9999", "0", ""])
def test_infrared_of_the_sky_may_be_unknown(tmp_path, text):
    assert read_epw(write(tmp_path, LINES)).sky_infrared_w_m2[4000] == 300.0
    lines = HEADER + [line.replace(",0,0,300,", f",0,0,{text},") for line in LINES[8:]]
    weather = read_epw(write(tmp_path, lines))
    assert weather.sky_infrared_w_m2 is None
    assert "sky_infrared_w_m2" not in weather.channels()
    assert weather.title == "TESTVILLE (Made up)"


def test_gaps_of_the_infrared_of_the_sky(tmp_path):
    lines = changed(8 + 100, 12, "9999")
    weather = read_epw(write(tmp_path, lines))
    np.testing.assert_array_equal(weather.sky_infrared_w_m2, 300.0)
    for k in range(101, 110):
        lines = changed(8 + k, 12, "9999", lines)
    weather = read_epw(write(tmp_path, lines))
    assert weather.sky_infrared_w_m2 is None
    assert "sky_infrared_w_m2: not read, 10 hours are missing" in weather.title
    with pytest.raises(WeatherError, match=r"a.epw:109:\d+: sky_infrared_w_m2 is '-3'"):
        read_epw(write(tmp_path, changed(8 + 100, 12, "-3")))


def test_many_short_gaps_are_refused(tmp_path):
    lines = list(LINES)
    for k in range(0, 8760, 10):
        lines[8 + k] = lines[8 + k].replace(",101000,", ",999999,")
    with pytest.raises(WeatherError, match="pressure_pa is missing in 876 hours"):
        read_epw(write(tmp_path, lines))


def test_bad_cells_are_named_with_line_and_column(tmp_path):
    lines = changed(8 + 100, 6, "warm")
    lines = changed(8 + 200, 13, "-5", lines)
    lines = changed(8 + 300, 21, "nan", lines)
    with pytest.raises(WeatherError) as caught:
        read_epw(write(tmp_path, lines))
    text = str(caught.value)
    assert "3 cells" in text
    line = lines[8 + 100]
    assert f"a.epw:109:{line.index('warm') + 1}: temperature_c is 'warm'" in text
    assert "a.epw:209:" in text
    assert "wind_speed_m_s is 'nan'" in text


BAD = {
    "empty": ([""], "not an EPW file"),
    "not an epw": (["hello", "world"], "not an EPW file"),
    "header only": (HEADER, "holds no hours"),
    "cut off": (LINES[:5000], "holds 4992 hours"),
    "cut in a row": ([*LINES[:4999], LINES[4999][:30]], "fields"),
    "too long": ([*LINES, LINES[-1]], "more than a year"),
    "sub-hourly": ([*HEADER[:7], "DATA PERIODS,1,4,Data,Sunday, 1/ 1,12/31", *rows()], "one record per hour"),
    "repeated hours": ([*HEADER, *(r for row in rows()[:4380] for r in (row, row))], "out of order"),
    "hour missing": ([*LINES[:500], *LINES[501:]], "out of order"),
    "starts in July": ([*HEADER, *rows()[4344:], *rows()[:4344]], "out of order"),
    "no data periods": ([*HEADER[:7], "SOMETHING", *rows()], "DATA PERIODS"),
    "short location": (["LOCATION,X,60,25", *LINES[1:]], "LOCATION line is incomplete"),
    "latitude": (changed(0, 6, "95.0"), "latitude '95.0'"),
    "longitude": (changed(0, 7, "east"), "longitude 'east'"),
    "utc offset": (changed(0, 8, "-9.0"), "does not fit the longitude"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused(tmp_path, name):
    lines, message = BAD[name]
    path = write(tmp_path, lines)
    with pytest.raises(WeatherError, match=message) as caught:
        read_epw(path)
    assert caught.value.exit_code == 4
    assert "a.epw" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x1f\x8b\x08 compressed", "compressed"),
        (b"PK\x03\x04", "compressed"),
        (b"LOCATION,\0\0", "not text"),
        (b"x" * (MAX_BYTES + 1), "too large"),
    ],
)
def test_unsafe_files(tmp_path, content, message):
    path = tmp_path / "a.epw"
    path.write_bytes(content)
    with pytest.raises(UnsafeFileError, match=message):
        read_epw(path)


def test_missing_file(tmp_path):
    with pytest.raises(WeatherError, match="does not exist"):
        read_epw(tmp_path / "none.epw")


def test_latin_1_names_are_read(tmp_path):
    weather = read_epw(write(tmp_path, changed(0, 1, "S\xe3o Paulo")))
    assert weather.title == "S\xe3o Paulo (Made up); read as Latin-1"


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=400))
def test_noise_gives_a_named_error(tmp_path_factory, noise):
    path = tmp_path_factory.mktemp("noise") / "a.epw"
    path.write_bytes(b"LOCATION," + noise)
    with pytest.raises(TwinError):
        read_epw(path)


def test_location_check(tmp_path):
    weather = read_epw(write(tmp_path, LINES))
    assert check_weather_location(weather, 60.17, 24.94) < 5.0
    with pytest.raises(WeatherError, match="km from the city"):
        check_weather_location(weather, 52.0, 5.0)
    # Helsinki to Tallinn, centres (60.1699, 24.9384) and (59.4370, 24.7536): 82 km.
    assert distance_km(60.1699, 24.9384, 59.4370, 24.7536) == pytest.approx(82.0, abs=1.0)


@pytest.mark.parametrize(
    ("name", "latitude", "ghi_kwh"),
    [
        ("weather/NLD_Amsterdam062400_IWEC.epw", 52.30, 982.5),
        ("weather/USA_CO_Denver_725650_TMY3.epw", 39.83, 1670.2),
        ("cities/bilbao/bilbao_2021.epw", 43.29, 1287.6),
    ],
)
def test_real_files(name, latitude, ghi_kwh):
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"../shared/data/{name} is not here")
    weather = read_epw(path)
    assert weather.latitude == pytest.approx(latitude, abs=0.01)
    assert weather.ghi_w_m2.sum() / 1000.0 == pytest.approx(ghi_kwh, abs=0.1)
