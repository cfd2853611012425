import pytest

from movieqa.errors import ConfigError
from movieqa.times import format_time, parse_time


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "00:00:00.000"),
        (4.76, "00:00:04.760"),
        (59.9996, "00:01:00.000"),
        (3599.9995, "01:00:00.000"),
        (363_601.5, "101:00:01.500"),
        (-1.5, "-00:00:01.500"),
    ],
)
def test_format_time_rounds_to_milliseconds(seconds: float, text: str) -> None:
    assert format_time(seconds) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("00:41:07.5", 2467.5),
        ("00:41:07,5", 2467.5),
        ("41:07", 2467.0),
        ("90", 90.0),
        ("90s", 90.0),
        ("1h 2m 3s", 3723.0),
        ("1.5 hours", 5400.0),
        ("2 min", 120.0),
        (" 12.25 ", 12.25),
        ("75:00", 4500.0),
    ],
)
def test_parse_time_reads_what_people_write(text: str, seconds: float) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize(
    "text", ["", " ", "soon", "00:61:00", "0:00:61", "-5", "1:2:3:4", "nan", "inf", "5 apples", "h"]
)
def test_parse_time_refuses_what_is_no_time(text: str) -> None:
    with pytest.raises(ConfigError, match="not a time"):
        parse_time(text)
