"""The signed-rank test and Holm's correction, held against enumeration, printed tables and scipy."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wilcoxon

from harness.analysis.significance import (
    can_reject,
    critical_count,
    holm,
    lower_tail,
    null_distribution,
    signed_rank_p,
    walsh_averages,
)

PRINTED_CRITICAL_VALUES = {
    6: 0,
    7: 2,
    8: 3,
    9: 5,
    10: 8,
    11: 10,
    12: 13,
    13: 17,
    14: 21,
    15: 25,
    16: 29,
    17: 34,
    18: 40,
    19: 46,
    20: 52,
    25: 89,
}
"""Largest T that rejects at 5 %, two-sided, as textbooks print it."""

DEPRESSION = (-0.952, 0.147, -1.022, -0.430, -0.620, -0.590, -0.490, 0.080, -0.010)
"""Hollander & Wolfe 1999, table 3.1: Hamilton depression scale, differences of nine patients."""

whole_numbers = st.lists(st.integers(-6, 6), min_size=1, max_size=14)


@pytest.mark.parametrize("n", range(1, 11))
def test_the_null_distribution_is_what_enumerating_every_assignment_of_signs_gives(n: int) -> None:
    """Exact, not approximate: each of the 2^n assignments counts once."""
    counts = [0] * (n * (n + 1) // 2 + 1)
    for joins in product((0, 1), repeat=n):
        counts[sum(rank for rank, joined in enumerate(joins, 1) if joined)] += 1
    assert null_distribution(n).tolist() == [count / 2**n for count in counts]


@pytest.mark.parametrize("n", [1, 6, 20, 40])
def test_the_null_distribution_sums_to_one_and_is_symmetric(n: int) -> None:
    """Also for the block counts that no enumeration reaches."""
    probabilities = null_distribution(n)
    assert probabilities.sum() == pytest.approx(1, abs=1e-12)
    assert np.array_equal(probabilities, probabilities[::-1])


def test_the_cached_null_distribution_cannot_be_written_to() -> None:
    """One caller cannot spoil the distribution for the next."""
    with pytest.raises(ValueError, match="read-only"):
        null_distribution(6)[0] = 1


@pytest.mark.parametrize(("statistic", "probability"), [(-1, 0.0), (0, 1 / 8), (3, 5 / 8), (6, 1.0), (9, 1.0)])
def test_the_lower_tail_counts_up_to_and_with_the_statistic(statistic: int, probability: float) -> None:
    """By hand for n = 3: the eight sums are 0, 1, 2, 3, 3, 4, 5, 6."""
    assert lower_tail(3, statistic) == probability


@pytest.mark.parametrize(("n", "largest"), PRINTED_CRITICAL_VALUES.items())
def test_the_critical_count_agrees_with_the_printed_table(n: int, largest: int) -> None:
    """T from 0 to the printed value rejects: one more value than its number."""
    assert critical_count(n) == largest + 1


@pytest.mark.parametrize("n", range(6))
def test_fewer_than_six_differences_can_never_reject_at_five_percent(n: int) -> None:
    """Even all of one sign: 2 / 2^5 = 6.25 %."""
    assert critical_count(n) == 0


def test_walsh_averages_are_all_pairwise_means_ascending() -> None:
    """By hand for (4, 0, 1): each with itself and with each other."""
    assert walsh_averages([4, 0, 1]).tolist() == [0.0, 0.5, 1.0, 2.0, 2.5, 4.0]


@pytest.mark.parametrize("n", range(6, 26))
def test_the_p_value_is_scipys_exact_one_without_ties(n: int) -> None:
    """Continuous differences, with and without a shift, against an independent implementation."""
    rng = np.random.default_rng(n)
    for shift in (0.0, 0.4, 1.5):
        differences = rng.normal(shift, 1, n)
        assert signed_rank_p(differences) == pytest.approx(wilcoxon(differences, method="exact").pvalue, rel=1e-9)


def test_the_p_value_of_the_textbook_example_is_the_textbooks() -> None:
    """T = 5 of nine: ten of the 512 sums are at most 5, so two-sided 20 / 512."""
    assert signed_rank_p(DEPRESSION) == 20 / 512


@pytest.mark.parametrize(("count", "p"), [(1, 1.0), (2, 0.5), (6, 2 / 64), (10, 2 / 1024)])
def test_differences_of_one_sign_give_the_smallest_p_value_there_is(count: int, p: float) -> None:
    """2^(1−K), whatever their sizes and ties."""
    assert signed_rank_p([3.0] * count) == p
    assert signed_rank_p([-1.0] * count) == p


def test_nothing_but_zeros_is_no_evidence() -> None:
    """Zero differences count for both sides."""
    assert signed_rank_p([0.0] * 8) == 1.0


def test_no_differences_have_no_p_value() -> None:
    """None, not 1: nothing was tested."""
    assert signed_rank_p([]) is None


@given(whole_numbers, st.lists(st.integers(-100, 100), min_size=14, max_size=14, unique=True))
def test_ties_are_counted_conservatively(differences: list[int], nudges: list[int]) -> None:
    """However ties and zeros are broken by nudges too small to reorder anything else, p does not rise."""
    broken = [d + nudge / 1e4 for d, nudge in zip(differences, nudges, strict=False)]
    untied, tied = signed_rank_p(broken), signed_rank_p(differences)
    assert untied is not None
    assert tied is not None
    assert tied >= untied


@given(whole_numbers)
def test_the_test_is_blind_to_the_name_of_the_sides(differences: list[int]) -> None:
    """Swapping base and arm changes the sign of every difference and nothing about the evidence."""
    assert signed_rank_p(differences) == signed_rank_p([-d for d in differences])


def test_holm_multiplies_the_smallest_first_and_never_falls() -> None:
    """By hand: 0.005·4, then 0.01·3, then 0.03·2, then 0.04·1, raised to the 0.06 before it."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


def test_holm_stops_at_one() -> None:
    """A probability stays a probability."""
    assert holm([0.6, 0.9]) == (1.0, 1.0)


def test_a_comparison_without_a_test_stays_outside_the_family() -> None:
    """Cells without enough blocks do not make the others pay."""
    assert holm([None, 0.02, None, 0.03]) == (None, 0.04, None, 0.04)
    assert holm([]) == ()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_the_raw_and_the_bonferroni_values(p_values: list[float]) -> None:
    """Never more generous than no correction, never stricter than the bluntest one."""
    for raw, adjusted in zip(p_values, holm(p_values), strict=True):
        assert adjusted is not None
        assert raw <= adjusted <= min(1.0, len(p_values) * raw)


@pytest.mark.parametrize(
    ("blocks", "family", "possible"),
    [(5, 1, False), (6, 0, True), (6, 1, True), (6, 2, False), (10, 25, True), (10, 26, False), (20, 20_000, True)],
)
def test_how_many_comparisons_the_blocks_carry(blocks: int, family: int, possible: bool) -> None:
    """2^(1−K) times the family must not exceed 5 %: 1/32 once, 1/512 25 times."""
    assert can_reject(blocks, family) is possible


@given(st.integers(1, 30), st.integers(1, 60))
def test_the_blocks_carry_a_family_exactly_when_unanimous_blocks_survive_holm_in_it(blocks: int, family: int) -> None:
    """The doubt about few blocks and the correction cannot contradict each other."""
    smallest = signed_rank_p([1.0] * blocks)
    first = holm([smallest] + [1.0] * (family - 1))[0]
    assert first is not None
    assert can_reject(blocks, family) is (first <= 0.05)
