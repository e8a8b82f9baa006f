"""The closed formulas against their published values and against one another."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.recommend.bounds import STEPS, lognormal_limit, rate_per_part, round_up, round_up_to
from tests.recommend.arbitrary import rates

READABLE = {step.replace(".", "").rstrip("0") for step in STEPS}
"""The digits that a rounded value may consist of."""


def test_the_lognormal_quantile_matches_a_table() -> None:
    """ln-σ 1, median 1: 97.5 % quantile e^1.959964; the median is the 50 % quantile; the factor multiplies."""
    assert lognormal_limit(1, 1, 1, 0.025) == pytest.approx(math.exp(1.959963985))
    assert lognormal_limit(3, 0.55, 1, 0.5) == pytest.approx(3)
    assert lognormal_limit(3, 0.55, 1.23, 0.5) == pytest.approx(3.69)


def test_a_tail_beyond_floats_is_infinite_and_does_not_raise() -> None:
    """Absurd figures are refused by the rule, not by an exception."""
    assert lognormal_limit(1, 1000, 1, 0.001) == math.inf


@given(rates, st.integers(1, 10**9))
def test_the_shared_rate_adds_up(rate: float, parts: int) -> None:
    """``parts`` independent waits at the shared rate overrun together at ``rate``."""
    assert -math.expm1(parts * math.log1p(-rate_per_part(rate, parts))) == pytest.approx(rate, rel=1e-6)


@given(st.floats(1e-6, 1e12))
def test_rounding_up_is_up_and_readable(seconds: float) -> None:
    """Never below, at most a third above, two digits at most, and stable."""
    rounded = round_up(seconds)
    assert seconds <= rounded <= seconds * 4 / 3 * (1 + 1e-12)
    assert "".join(map(str, Decimal(repr(rounded)).normalize().as_tuple().digits)) in READABLE
    assert round_up(rounded) == rounded


@pytest.mark.parametrize(("seconds", "rounded"), [(41.2, 50), (1, 1), (0.26, 0.3), (1.01, 1.2), (99.9, 100), (8.5, 10)])
def test_rounding_up_by_example(seconds: float, rounded: float) -> None:
    """The values a person would write into a config."""
    assert round_up(seconds) == rounded


@given(st.floats(1e-6, 1e12))
def test_rounding_up_to_three_digits_costs_little(seconds: float) -> None:
    """Never below, at most one in a hundred above."""
    assert seconds * (1 - 1e-9) <= round_up_to(seconds) <= seconds * 1.0101
