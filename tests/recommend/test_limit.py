"""From waits to a grade: what is certified, what is provisional and why, what is refused and what it lacks."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.limits.order import bound_rank, required_n
from harness.analysis.limits.waits import Floats, Waits
from harness.recommend.limit import MARGIN, Limit, limit_of
from harness.vocabulary import Grade
from tests.analysis.limits.waiting import NOW_S, heavy, lognormal, spread

RATE = 0.01


Draw = Callable[[np.random.Generator, int], Floats]


def graded(waits: Waits, rate: float = RATE) -> Limit:
    """Now."""
    return limit_of(waits, rate, NOW_S)


def test_enough_fresh_calls_of_enough_quiet_days_are_certified() -> None:
    """A week: the order statistic and the margin that a week's days need."""
    waits = spread(lognormal(np.random.default_rng(1), 3000), days=8)
    found = graded(waits)
    rank = bound_rank(3000, RATE)
    assert rank is not None
    assert (found.grade, found.gates) == (Grade.CERTIFIED, ())
    assert found.bound_s == np.sort(waits.seconds)[rank - 1]
    assert found.bound_s is not None
    assert found.seconds == pytest.approx(found.bound_s * MARGIN)


def test_many_days_need_no_margin_but_the_worst_of_them() -> None:
    """Nineteen days of 400 calls, one of them twice as slow: its own bound is the limit."""
    rng = np.random.default_rng(2)
    per_day = [lognormal(rng, 400, median_s=2.0 if day == 5 else 1.0) for day in range(20)]
    found = graded(spread(np.concatenate(per_day), days=20))
    assert found.grade is Grade.CERTIFIED
    assert found.seconds == pytest.approx(float(np.max(per_day[5])), rel=0.3)
    assert found.seconds is not None
    assert found.bound_s is not None
    assert found.seconds > found.bound_s


@given(count=st.integers(0, required_n(RATE) - 1), days=st.integers(1, 30))
def test_too_few_calls_are_refused_whatever_else(count: int, days: int) -> None:
    """With how many it takes, and what these could certify."""
    found = graded(spread(lognormal(np.random.default_rng(count), count), days=days))
    assert (found.grade, found.seconds) == (Grade.INSUFFICIENT_DATA, None)
    assert found.required_n == 299
    assert (found.strongest_rate is None) == (found.n == 0)


@given(days=st.integers(1, 6), count=st.integers(required_n(RATE), 2000))
def test_too_few_days_are_provisional(days: int, count: int) -> None:
    """And say which gate is open."""
    found = graded(spread(lognormal(np.random.default_rng(count), count), days=days))
    assert found.grade in (Grade.PROVISIONAL, Grade.INSUFFICIENT_DATA)
    assert f"{found.days} of 7 days" in found.gates


@given(age=st.integers(7, 400))
def test_old_calls_are_no_more_than_provisional(age: int) -> None:
    """However many."""
    found = graded(spread(lognormal(np.random.default_rng(3), 4000), days=10, newest=age + 1))
    assert found.grade is Grade.PROVISIONAL
    assert any("days old" in gate for gate in found.gates)


@settings(deadline=None)
@given(factor=st.floats(1.5, 10), last=st.integers(1, 3), seed=st.integers(0, 50))
def test_a_change_in_the_last_days_is_never_certified(factor: float, last: int, seed: int) -> None:
    """Only what came since counts, and three days are no week."""
    rng = np.random.default_rng(seed)
    slow = [lognormal(rng, 400, median_s=factor if day >= 12 - last else 1.0) for day in range(12)]
    found = graded(spread(np.concatenate(slow), days=12))
    assert found.grade is not Grade.CERTIFIED
    assert found.change is not None
    assert found.days <= 3


def test_quiet_days_are_seldom_called_changed() -> None:
    """At most one in twenty of 400 quiet fortnights, days differing by a tenth among themselves."""
    rng = np.random.default_rng(4)
    alarms = 0
    for _ in range(400):
        per_day = [lognormal(rng, 100, median_s=math.exp(0.1 * rng.standard_normal())) for _ in range(14)]
        alarms += graded(spread(np.concatenate(per_day), days=14)).change is not None
    assert alarms <= 0.05 * 400 + 2 * math.sqrt(400 * 0.05 * 0.95)


@settings(deadline=None)
@given(limit_s=st.floats(0.2, 3.0), seed=st.integers(0, 30))
def test_a_bound_at_or_above_the_own_limit_is_refused(limit_s: float, seed: int) -> None:
    """Calls that were cut off might have been any longer; a limit far above the bound does no harm."""
    seconds = lognormal(np.random.default_rng(seed), 3000)
    cut = seconds > limit_s
    found = graded(spread(np.minimum(seconds, limit_s), days=8, cut=cut))
    assert (found.grade is Grade.INSUFFICIENT_DATA) == bool(cut.sum() > 3000 - (bound_rank(3000, RATE) or 0))
    if found.seconds is None:
        assert any("raise their limit" in gate for gate in found.gates)


def test_two_hangs_do_not_become_a_limit() -> None:
    """They are counted beside, with the upper bound of their probability."""
    seconds = lognormal(np.random.default_rng(5), 300, median_s=2.0)
    seconds[[10, 200]] = 100.0
    found = graded(spread(seconds, days=8))
    assert found.separated.hangs == 2
    assert 2 / 300 < found.separated.probability_bound < 0.025
    assert found.n == 298
    assert found.grade is Grade.INSUFFICIENT_DATA


def test_a_leap_below_the_patience_is_a_doubt() -> None:
    """Waits of 50 s beside waits of 2 s: perhaps hangs that ended just in time."""
    seconds = lognormal(np.random.default_rng(6), 3000)
    seconds[::600] = 50.0
    assert graded(spread(seconds, days=8)).separated.leap is not None
    assert graded(spread(lognormal(np.random.default_rng(6), 3000), days=8)).separated.leap is None


@pytest.mark.parametrize("draw", [lognormal, heavy])
def test_certified_limits_hold_on_calls_to_come(draw: Draw) -> None:
    """1,000 calibrations: at least 93.5 % cut off no more than their share of what follows."""
    rng = np.random.default_rng(8)
    held = 0
    for _ in range(1000):
        found = graded(spread(draw(rng, 600), days=8, patience_s=math.inf), rate=0.05)
        assert found.bound_s is not None
        later = draw(rng, 20_000)
        held += float(np.mean(later > found.bound_s)) <= 0.05
    assert held >= 935


def test_a_model_that_often_outlasts_the_patience_is_refused() -> None:
    """One call in ten after more than a minute is how that model is: a bound below the patience would cut them off."""
    seconds = lognormal(np.random.default_rng(9), 3000)
    seconds[::10] = 70.0
    found = graded(spread(seconds, days=8))
    assert (found.grade, found.seconds) == (Grade.INSUFFICIENT_DATA, None)
    assert "declare a longer one" in found.gates[0]
