"""Numbers become text with the right unit, sign and digits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.findings import Interval
from harness.report import format as fmt


def interval(estimate: float, low: float, high: float) -> Interval:
    """An interval of some level."""
    return Interval(estimate, low, high, 0.96875, "exact")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (math.nan, "–"),
        (0.0, "0 µs"),
        (2.5e-9, "2.50 ns"),
        (0.0000412, "41.2 µs"),
        (0.00271, "2.71 ms"),
        (-0.00271, "−2.71 ms"),
        (0.99996, "1.00 s"),
        (0.9994, "999 ms"),
        (13.8, "13.8 s"),
        (6000, "6,000 s"),
    ],
)
def test_a_duration_reads_in_its_natural_unit(seconds: float | None, text: str) -> None:
    """Three significant digits, a true minus sign, a no-break space before the unit, a dash for nothing."""
    assert fmt.duration(seconds) == text.replace(" ", fmt.SPACE)


def test_a_difference_carries_its_sign() -> None:
    """A positive difference says so; zero has no sign."""
    assert fmt.difference(0.00271) == f"+2.71{fmt.SPACE}ms"
    assert fmt.difference(-0.000012, 2) == f"−12{fmt.SPACE}µs"
    assert fmt.difference(0.0) == f"0{fmt.SPACE}µs"
    assert fmt.difference(None) == "–"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (interval(0.002712, 0.002598, 0.002829), "+2.71 ms [2.60, 2.83]"),
        (interval(0.0000123, -0.0000034, 0.000027), "+12 µs [−3, 27]"),
        (interval(-0.0000004, -0.000041, 0.000039), "0 µs [−41, 39]"),
        (interval(0.0009, 0.0004, 0.0014), "+0.9 ms [0.4, 1.4]"),
        (interval(0.005, 0.005, 0.005), "+5.00 ms [5.00, 5.00]"),
    ],
)
def test_an_interval_decides_its_own_digits(value: Interval, text: str) -> None:
    """The half-width gives the decimals, the farthest bound the unit, and a rounded zero loses its sign."""
    assert fmt.interval(value).replace(fmt.SPACE, " ") == text


def test_no_interval_is_a_dash() -> None:
    """Nothing is invented where nothing was computed."""
    assert fmt.interval(None) == fmt.ratio(None) == "–"


def test_a_ratio_is_a_factor() -> None:
    """Ratios are multiplicative and have no unit."""
    assert fmt.ratio(interval(1.352, 1.31, 1.39)).replace(fmt.SPACE, " ") == "×1.35 [1.31, 1.39]"


@pytest.mark.parametrize(
    ("value", "text"), [(0.03125, "0.031"), (0.0009, "< 0.001"), (1.0, "1.000"), (None, "–"), (math.nan, "–")]
)
def test_a_p_value_has_three_decimals(value: float | None, text: str) -> None:
    """Smaller ones show only the bound."""
    assert fmt.probability(value).replace(fmt.SPACE, " ") == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(41.0, "s", "41 s"), (0, None, "0"), (True, None, "true"), (None, "s", "–"), ("openai", None, "openai")],
)
def test_a_setting_reads_as_in_a_configuration(value: object, unit: str | None, text: str) -> None:
    """Booleans are lower case, whole floats lose their point, a refusal is a dash."""
    assert fmt.setting_value(value, unit).replace(fmt.SPACE, " ") == text


def test_counts_sizes_shares_and_spans() -> None:
    """The remaining kinds of number, each in its usual notation."""
    assert fmt.count(13824) == "13,824"
    assert fmt.count(61.5) == "61.5"
    assert fmt.count(None) == fmt.size(None) == fmt.percent(None) == fmt.span(None) == fmt.number(None, 2) == "–"
    assert fmt.size(243 << 20) == f"243{fmt.SPACE}MiB"
    assert fmt.size(512) == f"512{fmt.SPACE}B"
    assert fmt.percent(0.96875) == f"96.9{fmt.SPACE}%"
    assert fmt.percent(0.001) == f"0.1{fmt.SPACE}%"
    assert fmt.span(193.4) == f"3{fmt.SPACE}min 13{fmt.SPACE}s"
    assert fmt.span(3 * 3600 + 125) == f"3{fmt.SPACE}h 2{fmt.SPACE}min"


def test_control_and_direction_characters_become_visible() -> None:
    """A name cannot hide what it is by overriding the direction of the text."""
    assert fmt.plain("a\x00b\u202ec") == "a\ufffdb\ufffdc"
    assert fmt.plain("gpt-5-mini ✓ 日本") == "gpt-5-mini ✓ 日本"


@given(st.floats(-1e4, 1e4), st.floats(1e-9, 1e3))
def test_an_interval_never_shows_an_ascii_minus_or_nonsense(estimate: float, half: float) -> None:
    """Whatever the magnitudes, the text is a number, two bounds and a unit."""
    estimate_text, bounds, unit = fmt.interval_parts(interval(estimate, estimate - half, estimate + half))
    numbers = [estimate_text, *bounds.strip("[]").split(f",{fmt.SPACE}")]
    assert unit in ("s", "ms", "µs", "ns")
    low, high = (float(text.replace("−", "-").replace(",", "")) for text in numbers[1:])
    assert low <= float(numbers[0].replace("−", "-").replace(",", "")) <= high
    assert "-" not in "".join(numbers)


@given(st.floats(1e-9, 9e4))
def test_a_duration_is_read_back_to_three_digits(seconds: float) -> None:
    """What is printed lies within half a unit of the third digit of what was measured."""
    number, unit = fmt.duration(seconds).split(fmt.SPACE)
    scale = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}[unit]
    assert float(number.replace(",", "")) * scale == pytest.approx(seconds, rel=0.0051)


def test_plain_keeps_the_line_breaks_it_is_told_to_keep() -> None:
    """A configuration has lines; everything else that is invisible still shows."""
    assert fmt.plain("a\n\tb\x07", keep="\n\t") == "a\n\tb\ufffd"
