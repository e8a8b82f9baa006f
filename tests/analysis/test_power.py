"""The minimum detectable effect: its formula against an independent t, and its promise by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t

from harness.analysis.power import minimum_detectable
from harness.analysis.significance import signed_rank_p


def test_the_effect_at_six_blocks_uses_the_level_that_six_blocks_attain() -> None:
    """By hand: differences ±1 have s = √(6/5); the test's level is 2/64, its efficiency 3/π."""
    expected = (t.ppf(1 - 1 / 64, 5) + t.ppf(0.8, 5)) * math.sqrt(6 / 5) / math.sqrt(6 * 3 / math.pi)
    assert minimum_detectable([1, -1, 1, -1, 1, -1]) == pytest.approx(expected)


@pytest.mark.parametrize("count", range(6))
def test_fewer_than_six_blocks_can_detect_nothing(count: int) -> None:
    """None, not zero: zero would claim that any effect is seen."""
    assert minimum_detectable([1.0] * count) is None


def test_the_effect_does_not_depend_on_the_difference_itself() -> None:
    """Only on the spread: it says what could have been seen, not what was."""
    assert minimum_detectable([101, 99, 101, 99, 101, 99]) == pytest.approx(minimum_detectable([1, -1, 1, -1, 1, -1]))


def test_four_times_the_blocks_see_less_than_half_the_effect() -> None:
    """√K, and a t that is less afraid."""
    few, many = minimum_detectable([1, -1] * 5), minimum_detectable([1, -1] * 20)
    assert few is not None
    assert many is not None
    assert many < few / 2


@pytest.mark.parametrize("blocks", [10, 20])
def test_an_effect_of_that_size_is_found_about_four_times_in_five(blocks: int) -> None:
    """2,000 seeded experiments with normal blocks of standard deviation 1, for which the effect is stated."""
    unit = np.array([1.0, -1.0] * (blocks // 2)) * math.sqrt((blocks - 1) / blocks)
    effect = minimum_detectable(unit)
    assert effect is not None
    experiments = np.random.default_rng(blocks).normal(effect, 1, (2_000, blocks))
    p_values = [signed_rank_p(differences) for differences in experiments]
    found = sum(p is not None and p <= 0.05 for p in p_values) / len(p_values)
    assert 0.75 <= found <= 0.88
