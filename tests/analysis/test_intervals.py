"""Intervals: golden cases by hand and from textbooks, coverage where it is promised, and their algebra."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.analysis.findings import Interval
from harness.analysis.intervals import clopper_pearson, excludes_zero, hodges_lehmann, ratio_interval, student_t
from harness.analysis.significance import signed_rank_p
from tests.analysis.test_significance import DEPRESSION

SLEEP = (1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4)
"""Student 1908: additional hours of sleep, second drug minus first, ten patients."""

Drawn = Callable[[np.random.Generator, tuple[int, int]], NDArray[np.float64]]
HEAVY_TAILED: dict[str, Drawn] = {
    "cauchy": lambda rng, shape: rng.standard_cauchy(shape),
    "t with 2 degrees": lambda rng, shape: rng.standard_t(2, shape),
    "laplace": lambda rng, shape: rng.laplace(size=shape),
    "contaminated normal": lambda rng, shape: rng.normal(size=shape) * np.where(rng.random(shape) < 0.1, 100.0, 1.0),
}

whole_numbers = st.lists(st.integers(-1000, 1000), min_size=6, max_size=14)


def exact(values: list[float] | list[int] | tuple[float, ...] | NDArray[np.float64]) -> Interval:
    """The interval of values that are enough for one."""
    found = hodges_lehmann(values)
    assert found is not None
    return found


def test_six_blocks_give_the_range_of_the_walsh_averages_at_96_9_percent() -> None:
    """By hand: of the 21 averages of 1, 2, 4 … 32 the eleventh is 8.5, and only all-of-one-sign rejects: 1 − 2/64."""
    found = exact([8, 1, 32, 2, 16, 4])
    assert (found.estimate, found.low, found.high, found.confidence) == (8.5, 1, 32, 1 - 2 / 64)


def test_seven_blocks_leave_out_two_walsh_averages_at_each_end() -> None:
    """By hand for 0 … 6: averages 0, ½, 1, 1, … and mirrored; T ≤ 2 rejects, which is 3 of 128 per side."""
    found = exact([0, 1, 2, 3, 4, 5, 6])
    assert (found.estimate, found.low, found.high, found.confidence) == (3, 1, 5, 1 - 6 / 128)


def test_the_textbook_example_has_the_textbooks_estimate_and_interval() -> None:
    """Hollander & Wolfe 1999, examples 3.3 and 3.4: −0.46 and (−0.786, −0.010) at 96 %."""
    found = exact(DEPRESSION)
    assert (found.estimate, found.low, found.high) == pytest.approx((-0.460, -0.786, -0.010))
    assert found.confidence == 1 - 20 / 512


@pytest.mark.parametrize("count", range(6))
def test_fewer_than_six_values_have_no_interval(count: int) -> None:
    """K < 6 prints nothing, however clear the values look."""
    assert hodges_lehmann([1.0] * count) is None


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_has_no_interval(bad: float) -> None:
    """No interval is better than one with a hole in it."""
    values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, bad]
    assert hodges_lehmann(values) is None
    assert student_t(values) is None


@pytest.mark.parametrize("count", range(6, 31))
def test_the_attained_level_is_at_least_the_level_asked_for(count: int) -> None:
    """A discrete statistic overshoots; it never falls short, and is stated as attained."""
    assert 0.95 <= exact([float(i) for i in range(count)]).confidence < 1


@pytest.mark.parametrize("blocks", [6, 10, 20])
@pytest.mark.parametrize("name", HEAVY_TAILED)
def test_the_interval_covers_the_centre_as_often_as_it_says_under_heavy_tails(name: str, blocks: int) -> None:
    """1,500 seeded samples: coverage within four standard errors of the attained level, for any symmetric law."""
    samples = HEAVY_TAILED[name](np.random.default_rng(blocks), (1_500, blocks))
    found = [exact(sample) for sample in samples]
    level = found[0].confidence
    covered = sum(interval.low <= 0 <= interval.high for interval in found) / len(found)
    assert abs(covered - level) <= 4 * math.sqrt(level * (1 - level) / len(found))


@given(whole_numbers)
def test_the_interval_contains_its_estimate(values: list[int]) -> None:
    """And stays within the range of the data."""
    found = exact(values)
    assert min(values) <= found.low <= found.estimate <= found.high <= max(values)


@given(whole_numbers, st.integers(-10_000, 10_000))
def test_shifting_every_value_shifts_the_interval(values: list[int], shift: int) -> None:
    """Nothing else moves."""
    before, after = exact(values), exact([value + shift for value in values])
    assert (after.estimate, after.low, after.high) == (before.estimate + shift, before.low + shift, before.high + shift)
    assert after.confidence == before.confidence


@given(whole_numbers, st.integers(-20, 20))
def test_changing_the_unit_changes_the_unit_of_the_interval(values: list[int], power: int) -> None:
    """Powers of two, so that equality is exact."""
    scale = 2.0**power
    before, after = exact(values), exact([value * scale for value in values])
    assert (after.estimate, after.low, after.high) == (before.estimate * scale, before.low * scale, before.high * scale)


@given(whole_numbers)
def test_swapping_the_sides_mirrors_the_interval(values: list[int]) -> None:
    """Arm minus base and base minus arm say the same."""
    before, after = exact(values), exact([-value for value in values])
    assert (after.estimate, after.low, after.high) == (-before.estimate, -before.high, -before.low)


@given(st.lists(st.integers(-12, 20), min_size=6, max_size=14))
def test_the_interval_excludes_zero_exactly_when_the_test_rejects(values: list[int]) -> None:
    """Interval and p-value are two faces of one procedure, with ties and zeros too."""
    p = signed_rank_p(values)
    assert p is not None
    assert (excludes_zero(exact(values)) != 0) is (p <= 0.05)


def test_a_ratio_of_two_in_every_block_is_a_hundred_percent_more() -> None:
    """Relative differences are fractions: 1.0 is twice as much."""
    found = ratio_interval([2, 4, 6, 8, 10, 12], [1, 2, 3, 4, 5, 6])
    assert found is not None
    assert (found.estimate, found.low, found.high) == pytest.approx((1, 1, 1))


def test_a_ratio_interval_is_geometric() -> None:
    """By hand: ratios 2⁰ … 2⁵ have log centre 2½ and range 0 … 5 doublings."""
    found = ratio_interval([1, 2, 4, 8, 16, 32], [1] * 6)
    assert found is not None
    assert (found.estimate, found.low, found.high) == pytest.approx((2**2.5 - 1, 0, 31))


@pytest.mark.parametrize(
    ("numerators", "denominators"),
    [([1.0] * 5, [1.0] * 5), ([1.0] * 5 + [0.0], [1.0] * 6), ([1.0] * 6, [1.0] * 5 + [-1.0])],
)
def test_no_ratio_of_too_few_or_of_values_that_are_not_positive(
    numerators: list[float], denominators: list[float]
) -> None:
    """A logarithm of nothing is not invented."""
    assert ratio_interval(numerators, denominators) is None


def test_students_own_data_have_students_own_interval() -> None:
    """The sleep data: 1.58 hours, (0.7001142, 2.4598858) at 95 %, as every statistics package prints it."""
    found = student_t(SLEEP)
    assert found is not None
    assert (found.estimate, found.low, found.high) == pytest.approx((1.58, 0.7001142, 2.4598858), abs=1e-7)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_values_have_no_t_interval(count: int) -> None:
    """One value has no spread."""
    assert student_t([1.0] * count) is None


def test_the_interval_of_a_proportion_is_clopper_and_pearsons() -> None:
    """682 of 925 plants (Conover 1971, p. 97): (0.7076683, 0.7654066) at 95 %."""
    found = clopper_pearson(682, 925)
    assert (found.low, found.high) == pytest.approx((0.7076683, 0.7654066), abs=1e-7)
    assert found.estimate == 682 / 925


@pytest.mark.parametrize("trials", [1, 59, 299])
def test_none_of_n_and_all_of_n_have_closed_forms(trials: int) -> None:
    """The bound that is left solves (1 − p)^n = 2.5 %."""
    none, everything = clopper_pearson(0, trials), clopper_pearson(trials, trials)
    assert (none.low, none.high) == pytest.approx((0, 1 - 0.025 ** (1 / trials)))
    assert (everything.low, everything.high) == pytest.approx((0.025 ** (1 / trials), 1))


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_of_a_proportion_contains_it_and_stays_in_range(counted: tuple[int, int]) -> None:
    """0 ≤ low ≤ successes / trials ≤ high ≤ 1."""
    found = clopper_pearson(*counted)
    assert 0 <= found.low <= found.estimate <= found.high <= 1


@pytest.mark.parametrize(("low", "high", "sign"), [(1, 2, 1), (-2, -1, -1), (-1, 1, 0), (0, 1, 0), (-1, 0, 0)])
def test_zero_is_excluded_only_by_a_whole_interval_on_one_side(low: float, high: float, sign: int) -> None:
    """An end at zero still contains it."""
    assert excludes_zero(Interval((low + high) / 2, low, high, 0.95, "")) == sign


def test_no_interval_excludes_nothing() -> None:
    """Absence of evidence is not a sign."""
    assert excludes_zero(None) == 0
