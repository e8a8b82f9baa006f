"""What may be tried again, where to fall back, and what one call comes to at worst."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.recommend.retries import (
    MOST_RETRIES,
    Attempts,
    Candidate,
    fallback_order,
    pauses_s,
    retries_within,
    worst_case_s,
)


def test_the_worst_case_is_every_attempt_at_its_limit_and_every_pause() -> None:
    """(R + 1) · T and pauses of 0.5 s and 1 s."""
    assert pauses_s(2) == (0.5, 1.0)
    assert worst_case_s(10.0, 2) == pytest.approx(31.5)
    assert worst_case_s(10.0, 0) == 10.0


@given(deadline_s=st.floats(0.1, 1000), total_s=st.floats(0.1, 100))
def test_retries_fit_into_the_deadline(deadline_s: float, total_s: float) -> None:
    """As many as fit and no more than two; none where not even the first attempt fits."""
    found = retries_within(deadline_s, total_s)
    assert 0 <= found <= MOST_RETRIES
    if found:
        assert worst_case_s(total_s, found) <= deadline_s
    if found < MOST_RETRIES:
        assert worst_case_s(total_s, found + 1) > deadline_s


@pytest.mark.parametrize(
    ("attempts", "retries"),
    [
        (Attempts(1000, 10, 10, 1), 0),
        (Attempts(1000, 100, 100, 20), 2),
        (Attempts(1000, 0, 0, 0), 2),
        (Attempts(0, 0, 0, 0), 2),
    ],
)
def test_a_second_attempt_that_fails_far_more_often_is_not_made(attempts: Attempts, retries: int) -> None:
    """One in a hundred first attempts fails and one in ten of the second: fall back instead."""
    assert retries_within(1000.0, 1.0, attempts) == retries


def test_fallbacks_go_by_what_is_sure_then_by_price_then_as_given() -> None:
    """Many calls say more than few; equal ones keep their order."""
    sure = Candidate("sure", 990, 1000, 0.02)
    lucky = Candidate("lucky", 10, 10, 0.01)
    cheap = Candidate("cheap", 990, 1000, 0.01)
    unseen = Candidate("unseen", 0, 0, None)
    assert fallback_order([unseen, lucky, sure, cheap]) == ("cheap", "sure", "lucky", "unseen")
    twin = Candidate("twin", 990, 1000, 0.02)
    assert fallback_order([sure, twin]) == ("sure", "twin")
    assert fallback_order([twin, sure]) == ("twin", "sure")
