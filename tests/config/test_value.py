import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.config.value import duration_text, parse_duration


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (30, 30.0),
        (0, 0.0),
        (1.5, 1.5),
        ("30", 30.0),
        ("30s", 30.0),
        ("500ms", 0.5),
        ("1.5m", 90.0),
        (" 2 h ", 7200.0),
        ("1d", 86400.0),
    ],
)
def test_durations(value: object, seconds: float) -> None:
    assert parse_duration(value) == seconds


@pytest.mark.parametrize(
    "value",
    [
        "", "s", "-1s", -1, "1y", "1h30m", "1e3", "٣s", True, None, [], float("nan"), float("inf"),
        10**400, 10**9, "999999999h",
    ],
)  # fmt: skip
def test_what_is_no_duration(value: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(value)


@given(st.integers(min_value=0, max_value=10**8))
def test_the_text_of_whole_seconds_reads_back(seconds: int) -> None:
    assert parse_duration(duration_text(seconds)) == seconds


@pytest.mark.parametrize("value", [1_000_000.5, 999_999_999.5, "1.000001ms", 1e-9, "9ms", -0.0])
def test_the_text_of_odd_durations_reads_back(value: object) -> None:
    seconds = parse_duration(value)
    assert parse_duration(duration_text(seconds)) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.25, "250ms"),
        (1.5, "1500ms"),
        (0, "0s"),
        (0.0005, "0.0005s"),
        (90.0, "90s"),
        (600.0, "10m"),
        (3600.0, "1h"),
    ],
)
def test_the_text_is_what_people_write(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
