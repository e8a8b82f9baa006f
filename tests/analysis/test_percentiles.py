"""Which percentiles may be printed, and the curve that is drawn."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.percentiles import ecdf_points, is_carried, percentile


@pytest.mark.parametrize(("probability", "required"), [(0.5, 1), (0.95, 100), (0.99, 500), (0.999, 5_000)])
def test_a_percentile_appears_with_the_first_call_that_carries_it(probability: float, required: int) -> None:
    """p99 needs 500 calls and p99.9 needs 5,000; one fewer prints nothing."""
    assert is_carried(probability, required)
    assert not is_carried(probability, required - 1)
    assert percentile(np.zeros(required - 1), probability) is None
    assert percentile(np.zeros(required), probability) == 0


def test_a_percentile_nobody_stated_a_requirement_for_is_refused() -> None:
    """A new percentile is a decision, not a default."""
    with pytest.raises(KeyError):
        is_carried(0.9, 1_000_000)


def test_a_percentile_is_interpolated_between_order_statistics() -> None:
    """By hand: of 0 … 100 the 95 % point is 95; of 0 … 99 it lies 0.95 · 99 = 94.05 along."""
    assert percentile(np.arange(101.0), 0.95) == pytest.approx(95)
    assert percentile(np.arange(100.0), 0.95) == pytest.approx(94.05)


def test_few_values_are_drawn_as_they_are() -> None:
    """Sorted, each once; nothing of nothing."""
    assert ecdf_points(np.array([3.0, 1.0, 2.0])) == (1, 2, 3)
    assert ecdf_points(np.array([])) == ()


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=600))
def test_the_curve_has_at_most_200_ascending_points_from_minimum_to_maximum(values: list[float]) -> None:
    """The page stays small and the ends stay true."""
    points = ecdf_points(np.array(values))
    assert len(points) == min(200, len(values))
    assert all(later - earlier >= -1e-9 for earlier, later in pairwise(points))
    assert points[0] == min(values)
    assert points[-1] == max(values)
