"""The bound that needs no distribution: its golden sample sizes, its rank, and what it promises, by simulation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.analysis.limits.order import CONFIDENCE, bound_rank, required_n, share_bound, strongest_rate
from harness.analysis.limits.waits import Floats

rates = st.floats(1e-6, 0.5)
Draw = Callable[[np.random.Generator, int], Floats]


@pytest.mark.parametrize(("rate", "n"), [(0.05, 59), (0.01, 299), (0.001, 2995)])
def test_the_golden_sample_sizes(rate: float, n: int) -> None:
    """One call fewer certifies nothing; with just enough the largest is the bound."""
    assert required_n(rate) == n
    assert bound_rank(n, rate) == n
    assert bound_rank(n - 1, rate) is None
    assert strongest_rate(n) <= rate < strongest_rate(n - 1)


@given(rates, rates)
def test_a_stricter_rate_never_needs_fewer_samples(one: float, other: float) -> None:
    """required_n falls as the rate grows."""
    assert required_n(min(one, other)) >= required_n(max(one, other))


@given(rates, st.floats(0.5, 0.999), st.floats(0.5, 0.999))
def test_more_confidence_never_needs_fewer_samples(rate: float, one: float, other: float) -> None:
    """required_n grows with confidence."""
    assert required_n(rate, min(one, other)) <= required_n(rate, max(one, other))


@given(st.integers(5, 10**7))
def test_the_strongest_rate_is_the_one_that_n_just_certifies(n: int) -> None:
    """What n certifies needs n samples, and one sample less does not certify it."""
    rate = strongest_rate(n)
    assert required_n(rate * (1 + 1e-9)) <= n
    assert required_n(rate * (1 - 1e-6)) >= n


@given(n=st.integers(59, 20_000), rate=st.sampled_from([0.05, 0.02, 0.01, 0.001]))
def test_the_rank_is_the_smallest_that_has_the_confidence(n: int, rate: float) -> None:
    """One lower would not."""
    rank = bound_rank(n, rate)
    if rank is None:
        assert n < required_n(rate)
        return
    below = stats.binom(n, 1 - rate)
    assert below.cdf(rank - 1) >= CONFIDENCE
    assert below.cdf(rank - 2) < CONFIDENCE


def test_a_share_is_bounded_as_clopper_and_pearson_have_it() -> None:
    """None of 59 is at most 5 %, all of them at most all."""
    assert share_bound(0, 59) == pytest.approx(1 - 0.05 ** (1 / 59))
    assert share_bound(59, 59) == 1.0
    assert share_bound(2, 100) == pytest.approx(stats.beta.ppf(0.95, 3, 98))


@pytest.mark.parametrize("draw", [lambda rng, n: rng.pareto(1.1, n), lambda rng, n: rng.lognormal(0, 1, n)])
def test_the_bound_covers_the_quantile_as_often_as_it_says(draw: Draw) -> None:
    """2,000 samples of 299: in 95 % of them, give or take, the bound lies above the true 99 % quantile."""
    rng = np.random.default_rng(7)
    truth = float(np.quantile(draw(rng, 4_000_000), 0.99))
    rank = bound_rank(299, 0.01)
    assert rank is not None
    held = [np.sort(draw(rng, 299))[rank - 1] >= truth for _ in range(2000)]
    assert 0.935 <= float(np.mean(held)) <= 0.965
