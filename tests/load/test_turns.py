"""The lock-step order is fair, complete and reproducible."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from harness.load.turns import Turn, turns, warmups

CELLS = st.lists(st.integers(1, 9), min_size=1, max_size=4)


@given(CELLS, st.integers(1, 5), st.integers())
def test_every_arm_makes_every_call_of_every_cell_once(calls: list[int], arms: int, seed: int) -> None:
    """No call is lost, doubled or given to another arm."""
    order = list(turns(calls, [range(arms)] * len(calls), random.Random(seed)))
    expected = {Turn(c, a, s) for c, n in enumerate(calls) for a in range(arms) for s in range(n)}
    assert len(order) == len(expected)
    assert set(order) == expected


@given(st.integers(1, 5), st.integers(1, 4), st.integers())
def test_a_round_runs_forwards_then_backwards(half: int, arms: int, seed: int) -> None:
    """ABBA: the second pass over the arms is the first in reverse, so linear drift cancels."""
    order = [turn.arm for turn in turns([2 * half], [range(arms)], random.Random(seed))]
    for start in range(0, len(order), 2 * arms):
        there, back = order[start : start + arms], order[start + arms : start + 2 * arms]
        assert back == there[::-1]


def test_every_arm_is_first_about_equally_often() -> None:
    """The order of the arms is random, not the plan's."""
    firsts = Counter(turn.arm for turn in list(turns([4000], [range(4)], random.Random(7)))[::8])
    assert min(firsts.values()) > 400
    assert set(firsts) == {0, 1, 2, 3}


def test_the_same_seed_gives_the_same_order() -> None:
    """A block that is measured again is measured in the same order."""
    arms = [range(3), range(1, 3)]
    assert list(turns([5, 3], arms, random.Random(1))) == list(turns([5, 3], arms, random.Random(1)))


def test_a_cell_takes_turns_among_its_own_arms_only() -> None:
    """An arm that cannot speak to a cell's provider is not asked there."""
    order = list(turns([4, 2], [(0, 2), (1,)], random.Random(3)))
    assert {turn.arm for turn in order if turn.cell == 0} == {0, 2}
    assert [turn.arm for turn in order if turn.cell == 1] == [1, 1]


def test_each_stream_kind_is_warmed_once_and_in_a_hot_cell() -> None:
    """The code of a (path, stream) pair is warmed by the full count; other cells only open their connection."""
    assert warmups([False, True, False, True], [False, True, True, True], 50) == [3, 50, 50, 3]
    assert warmups(["openai", "gemini"], [True, True], 50) == [50, 50], "another provider is other code"
    assert warmups([False, False], [False, False], 50) == [50, 3]
    assert warmups([True], [True], 3) == [3]
