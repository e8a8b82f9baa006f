"""The judgement on scripted trials: what holds, what does not, and what a call comes to at worst."""

from __future__ import annotations

from harness.configs.stated import Limit, Stated
from harness.verify.trials import Seen, Trial, judge, scale_of, trials

ROUTER = Stated("m", "openai", "gpt", "litellm", timeout_s=40.0, stream_timeout_s=10.0, retries=2)
GUARDED = Stated("m", "openai", total_s=30.0, first_chunk_s=8.0, inter_chunk_s=5.0, retries=0)


def fired(requests: int, each_s: float = 1.0, pauses_s: float = 0.0) -> Seen:
    """A call whose every request was waited for so long."""
    return Seen(requests * each_s + pauses_s, "Timeout", requests, (each_s,) * requests)


def test_a_limit_is_tried_at_a_second_whatever_it_is() -> None:
    """Every limit of the file is scaled by the one under test."""
    assert scale_of(ROUTER, Trial(Limit.TIMEOUT, "silence-after-request", False)) == 1 / 40
    assert scale_of(ROUTER, Trial(Limit.STREAM_TIMEOUT, "silence-after-request", True)) == 1 / 10


def test_limits_that_fire_in_time_hold_and_the_worst_case_counts_every_attempt() -> None:
    """Three attempts of 40 s and the pauses between them; no end where an answer drips."""
    done = []
    for trial in trials(ROUTER):
        if trial.limit is Limit.RETRIES:
            done.append((trial, fired(3, 0.0)))
        elif trial.is_drip:
            done.append((trial, Seen(None, None, 1, (12.0,))))
        else:
            done.append((trial, fired(3, pauses_s=0.5)))
    judged = {(each.limit, each.found.partition(":")[0]): each for each in judge(ROUTER, done)}
    assert all(each.holds is not False for each in judged.values())
    worst = next(each for each in judged.values() if each.limit == "one call at worst")
    assert "120 s when nothing answers" in worst.found
    assert "no end when an answer drips" in worst.found


def test_a_limit_that_fires_late_or_never_does_not_hold() -> None:
    """And the line says when it fired, on the file's own scale."""
    silent = Trial(Limit.TIMEOUT, "silence-after-request", stream=False)
    (late, _) = judge(ROUTER, [(silent, fired(1, each_s=3.0))])
    assert late.holds is False
    assert "fires when nothing answers at 120 s instead" in late.found or "at 120 s instead" in late.found
    (never, _) = judge(ROUTER, [(silent, Seen(None, None, 1, (12.0,)))])
    assert never.holds is False
    assert "never fires" in never.found


def test_more_requests_than_stated_do_not_hold() -> None:
    """Five where three were asked for."""
    retried = Trial(Limit.RETRIES, "status-503", stream=False)
    line = next(iter(judge(ROUTER, [(retried, fired(5, 0.0))])))
    assert (line.holds, line.found) == (False, "5 requests for one call that fails with 503")
    assert line.stated == "2: 3 requests"


def test_a_guard_is_judged_by_the_clock_and_must_end_a_drip() -> None:
    """Its total is the worst case."""
    done = [(trial, Seen(1.0, "DeadlineExceeded", 1, (1.0,))) for trial in trials(GUARDED)]
    judged = list(judge(GUARDED, done))
    assert all(each.holds is not False for each in judged)
    assert sum("drips" in each.found for each in judged) == 1
    assert judged[-1].found == "30 s: the guard's total"
    dripping = [(trial, Seen(None, None, 1, (12.0,)) if trial.is_drip else seen) for trial, seen in done]
    assert [each.holds for each in judge(GUARDED, dripping)].count(False) == 1
