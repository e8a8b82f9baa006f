"""What calls around an outage come to: requests of the outage itself, who got through, when all was well again."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from harness.analysis.outages import outage_facts
from tests.analysis.befallen import an_arrival, answered, arrivals

WELL = {key: value for key, value in answered("gpt-5-mini").items() if key in ("outcome", "is_true_answer")} | {
    "error_kind": None,
    "error_class": None,
    "response_model": "gpt-5-mini-2025-08-07",
}


def test_no_rows_are_no_facts() -> None:
    """Nor are they an error."""
    assert outage_facts(None) == ()
    assert outage_facts(pd.DataFrame()) == ()


def test_requests_of_the_outage_are_counted_wherever_their_call_ended() -> None:
    """Four calls of three requests in four seconds; the last one's third request comes when all is over."""
    retried = (1_000_000, 300_000_000, 900_000_000)
    calls = [an_arrival(number, attempts=3, attempt_offsets_ns=retried) for number in range(3)]
    calls += [an_arrival(3, attempts=3, attempt_offsets_ns=(1_000_000, 500_000_000, 1_500_000_000), **WELL)]
    calls += [an_arrival(number, **WELL) for number in (4, 5)]
    (found,) = outage_facts(arrivals(*calls))
    assert (found.calls, found.requests, found.amplification) == (4, 11, 2.75)
    assert (found.succeeded, found.second_link, found.not_back) == (1, 0, 0)
    assert (found.calls_after, found.failed_after, found.well_again_s) == (2, 0, 0.0)
    assert (found.lasting_s, found.every_s, found.slowest_s) == (4.0, 1.0, 0.1)


def test_the_peak_is_of_a_stretch_of_five_seconds() -> None:
    """Ten requests in the second of two stretches, five in the first."""
    calls = [an_arrival(number, outage_ns=10_000_000_000) for number in range(5)]
    calls += [an_arrival(n, outage_ns=10_000_000_000, attempts=2, attempt_offsets_ns=(0, 1)) for n in range(5, 10)]
    (found,) = outage_facts(arrivals(*calls))
    assert found.peak_per_s == pytest.approx(2.0)


def test_a_client_that_goes_on_failing_is_told() -> None:
    """A cooldown that outlives the outage: the last failing call decides when all was well."""
    calls = [an_arrival(number) for number in range(6)] + [an_arrival(number, **WELL) for number in (6, 7)]
    (found,) = outage_facts(arrivals(*calls))
    assert (found.calls_after, found.failed_after, found.well_again_s) == (4, 2, 2.0)
    (never,) = outage_facts(arrivals(*(an_arrival(number) for number in range(6))))
    assert never.well_again_s is None


def test_the_second_links_answers_are_told_apart_and_lost_calls_counted() -> None:
    """Another model's true answer is the second link's; no duration is not back."""
    second = an_arrival(0, **(WELL | {"response_model": "claude-haiku-4-5-20251001"}))
    lost = an_arrival(1, duration_ns=None, outcome="killed", error_kind=None, error_class=None)
    (found,) = outage_facts(arrivals(second, lost, replace(second, arrival=4, arrival_offset_ns=4_000_000_000)))
    assert (found.succeeded, found.second_link, found.not_back) == (1, 1, 1)
