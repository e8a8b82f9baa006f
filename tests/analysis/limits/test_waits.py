"""From calls to waits: what counts as one, what was cut off, what hung; and the curve and cost of limits."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.analysis.limits.days import known_value
from harness.analysis.limits.hangs import separate
from harness.analysis.limits.lost import candidates_s, lost
from harness.analysis.limits.survival import survival
from harness.analysis.limits.waits import Condition, Observed, Patience, Wait, Waits

NAN = float("nan")


def calls(*rows: tuple[float, float, float, bool, float], stream: bool = True) -> Observed:
    """Rows of (first chunk, longest gap, total, cut off, limit)."""
    first, gap, total, cut, limit = (np.array(column) for column in zip(*rows, strict=True))
    return Observed(
        Condition("openai", "m", stream, None),
        ("run",),
        ("imported",),
        first,
        gap,
        total,
        limit,
        cut.astype(bool),
        np.ones(len(rows), dtype=np.int64),
        np.arange(len(rows), dtype=float),
        len(rows),
        0,
        0,
        0,
        None,
    )


FINE = (0.5, 0.2, 3.0, False, NAN)
HUNG = (100.0, 0.2, 101.0, False, NAN)
CUT_BEFORE = (NAN, NAN, 30.0, True, 30.0)
CUT_INSIDE = (0.5, NAN, 30.0, True, 30.0)
BROKEN = (NAN, NAN, 0.1, True, math.inf)


def test_a_cut_call_is_at_least_its_limit() -> None:
    """Before the first chunk it is a cut wait for it; after it, a known one and a cut gap; broken off: no upper end."""
    observed = calls(FINE, CUT_BEFORE, CUT_INSIDE, BROKEN)
    first = observed.waits(Wait.FIRST_CHUNK, Patience())
    assert list(first.seconds) == [0.5, 30.0, 0.5, math.inf]
    assert list(first.is_cut) == [False, True, False, True]
    gap = observed.waits(Wait.INTER_CHUNK, Patience())
    assert list(gap.seconds) == [0.2, 30.0]
    total = observed.waits(Wait.TOTAL, Patience())
    assert list(total.seconds) == [3.0, 30.0, 30.0, math.inf]


def test_a_hang_is_one_in_every_kind_of_wait() -> None:
    """A call that hung before its first chunk is no healthy total either."""
    observed = calls(FINE, HUNG, FINE)
    for wait in Wait:
        assert list(observed.waits(wait, Patience()).is_hang) == [False, True, False]
    assert not observed.waits(Wait.TOTAL, Patience(first_chunk_s=200.0)).is_hang.any()


def test_whole_answers_have_no_gaps_and_hang_by_their_own_measure() -> None:
    """A reasoning model's 70 s are no hang where its median is 50 s; ten medians are."""
    rows = [(NAN, NAN, 50.0, False, NAN)] * 9 + [(NAN, NAN, 70.0, False, NAN), (NAN, NAN, 600.0, False, NAN)]
    observed = calls(*rows, stream=False)
    assert len(observed.waits(Wait.INTER_CHUNK, Patience())) == 0
    assert int(observed.waits(Wait.TOTAL, Patience()).is_hang.sum()) == 1
    assert observed.waits(Wait.FIRST_CHUNK, Patience()).seconds.max() == 600.0


def test_waits_that_no_call_states_are_none() -> None:
    """Cut calls alone say nothing about a kind of wait."""
    observed = calls((NAN, NAN, 3.0, False, NAN), (NAN, NAN, 30.0, True, 30.0))
    assert len(observed.waits(Wait.FIRST_CHUNK, Patience())) == 0
    assert len(observed.waits(Wait.TOTAL, Patience())) == 2


def waits(seconds: list[float], cut: list[bool]) -> Waits:
    """Waits of one day."""
    values = np.array(seconds)
    return Waits(values, np.array(cut), values > 60, np.ones(len(values), dtype=np.int64), np.ones(len(values)))


def test_a_rank_above_a_cut_call_is_unknown() -> None:
    """It might have been any longer wait; what lies below is known."""
    some = waits([1.0, 2.0, 3.0, 4.0], [False, False, True, False])
    assert known_value(some, 2) == 2.0
    assert known_value(some, 4) is None
    assert known_value(waits([1.0, 2.0, math.inf], [False, False, True]), 2) == 2.0


def test_survival_is_kaplan_and_meiers() -> None:
    """Their textbook case by hand: at risk 5, 4, 2, 1; the cut one counts until it was cut."""
    found = survival(waits([1.0, 2.0, 2.5, 3.0, 4.0], [False, False, True, False, False]))
    assert list(found.seconds) == [1.0, 2.0, 3.0, 4.0]
    assert list(found.share) == pytest.approx([0.8, 0.6, 0.3, 0.0])
    assert [found.beyond(at) for at in (0.5, 1.0, 2.7, 9.0)] == pytest.approx([1.0, 0.8, 0.6, 0.0])


def test_a_longer_limit_cuts_less_and_waits_longer_for_hangs() -> None:
    """Of 100 calls one hangs: 10 s cut off none and lose 100 s per thousand to it, 2 s cut off half."""
    separated = separate(waits([1.0] * 49 + [3.0] * 50 + [100.0], [False] * 100))
    short, long = lost(separated, [2.0, 10.0], usd_per_call=0.01)
    assert [short.cut_share, long.cut_share] == pytest.approx([50 / 99, 0.0])
    assert [short.to_hangs_s, long.to_hangs_s] == pytest.approx([20.0, 100.0])
    assert short.to_cuts_s == pytest.approx(1000.0)
    assert long.usd == pytest.approx(0.1)
    assert {2.0, 600.0} <= set(candidates_s(separated, [2.0, 600.0]))


def test_a_call_that_broke_off_gives_no_infinite_limit_to_try() -> None:
    """Its wait has no upper end; the limits tried have one."""
    separated = separate(waits([1.0, 2.0, math.inf], [False, False, True]))
    found = candidates_s(separated, [600.0])
    assert all(map(math.isfinite, found))
    assert all(math.isfinite(each.to_cuts_s) for each in lost(separated, found))
