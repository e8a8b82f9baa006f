"""What the cases of a fault matrix come to: repetitions together, retries counted, chains told apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from harness.analysis.analyse import analyse
from harness.analysis.beside import Beside
from harness.analysis.faults import fault_outcomes, retry_facts, unclassified
from harness.analysis.outcomes import Unclassified
from tests.analysis.befallen import KILLED, a_case, answered, frame, matrix
from tests.analysis.example import example_inputs
from tests.analysis.scripted import cold_frame, manifest
from tests.recommend.example import summary


def test_no_cases_are_no_outcomes() -> None:
    """Nor are they an error."""
    assert fault_outcomes(None) == ()
    assert fault_outcomes(pd.DataFrame()) == ()
    assert retry_facts(()) == ()


def test_repetitions_that_disagree_flap() -> None:
    """The first one's facts stand, all verdicts are kept."""
    steady = [a_case("drip", repeat=number) for number in range(3)]
    flapping = [a_case("refuse", repeat=number, verdict=word) for number, word in enumerate(("held", "late", "held"))]
    found = {each.fault: each for each in fault_outcomes(frame(*flapping, *steady))}
    assert (found["drip"].verdicts, found["drip"].flaps) == (("held",) * 3, False)
    assert (found["refuse"].verdicts, found["refuse"].flaps) == (("held", "late", "held"), True)


def test_what_was_not_there_is_none() -> None:
    """A killed call has no duration, a default no limit, a hidden request no count."""
    case = a_case(limit_ns=None, retries_asked=None, attempts=None, attempt_offsets_ns=(), **KILLED)
    (found,) = fault_outcomes(frame(case))
    assert (found.duration_s, found.limit_s, found.retries_asked) == (None, None, None)
    assert (found.attempts, found.last_attempt_s, found.error_class, found.status) == (None, None, None, None)


def test_a_chain_failed_over_when_the_second_link_gave_the_true_answer() -> None:
    """Its own model's name, with or without release and provider, is the first link's; a wrong answer is no rescue."""
    cases: dict[str, dict[str, Any]] = {
        "a": answered("gpt-5-mini-2025-08-07"),
        "b": answered("openai/gpt-5-mini"),
        "c": answered("claude-haiku-4-5-20251001"),
        "d": answered("claude-haiku-4-5", is_true=False),
        "e": {},
    }
    found = fault_outcomes(frame(*(a_case(fault, "litellm_fallbacks", **facts) for fault, facts in cases.items())))
    assert {each.fault: each.failed_over for each in found} == dict.fromkeys("abde", False) | {"c": True}


def test_retries_are_counted_where_every_request_fails() -> None:
    """A second request after the second that Retry-After asked for is waiting; not back in the window is sleeping."""
    offsets = (0, 1_001_000_000, 2_002_000_000)
    cases = (
        a_case("status-503", retries_asked=2, attempts=3, attempt_offsets_ns=(0, 500_000_000, 900_000_000)),
        a_case("rate-limited-1s", retries_asked=2, attempts=3, attempt_offsets_ns=offsets),
        a_case("rate-limited-30s", retries_asked=2, attempts=1, **KILLED),
        a_case("status-503", "litellm", attempts=5),
    )
    openai, litellm = retry_facts(fault_outcomes(frame(*cases)))
    assert (openai.requests, openai.retries_asked, openai.wall_s) == (3, 2, 0.12)
    assert (openai.waits_for_1_s, openai.sleeps_for_30_s) == (True, True)
    assert (litellm.requests, litellm.waits_for_1_s, litellm.sleeps_for_30_s) == (5, None, None)


def test_the_longest_that_any_fault_kept_such_a_call_is_named() -> None:
    """Streams count, too; a call that was not back is counted, not timed."""
    cases = (
        a_case("status-503", retries_asked=2, attempts=3),
        a_case("late-head", retries_asked=2, duration_ns=3_400_000_000, request_stream=True),
        a_case("drip", retries_asked=2, **KILLED),
        a_case("late-head", setting="default", limit_ns=None, retries_asked=None, duration_ns=9_000_000_000),
    )
    (found,) = retry_facts(fault_outcomes(frame(*cases)))
    assert (found.longest_s, found.longest_under, found.not_back) == (3.4, "late-head", 1)


def test_versions_that_met_no_fault_are_unclassified() -> None:
    """A null is its arm; the floor has no version; without a matrix there is nothing to compare with."""
    measured = [
        replace(summary(arm, client), client_version=version)
        for arm, client, version in (
            ("raw_http", "raw_http", "built in"),
            ("openai", "openai", "2.54.0"),
            ("openai-null", "openai", "2.54.0"),
            ("litellm", "litellm", "1.110.2"),
            ("anthropic", "anthropic", "2.12.0"),
        )
    ]
    outcomes = fault_outcomes(frame(a_case(), a_case(arm="litellm", client_version="1.106.2")))
    assert unclassified(outcomes, measured) == (
        Unclassified("litellm", "1.110.2", ("1.106.2",)),
        Unclassified("anthropic", "2.12.0", ()),
    )
    assert unclassified((), measured) == ()


def test_streams_and_hidden_requests_count_for_no_retries() -> None:
    """One shape is enough, and what cannot be counted is not guessed."""
    cases = (a_case(request_stream=True), a_case(arm="litellm", attempts=None))
    assert retry_facts(fault_outcomes(frame(*cases))) == ()


def test_a_run_of_faults_alone_is_analysed() -> None:
    """It has no calls, and says so nowhere as an error."""
    calls = example_inputs()[0].iloc[:0]
    findings = analyse(calls, cold_frame().iloc[:0], [manifest()], beside=Beside(faults=matrix()))
    assert len(findings.faults) == 6 * 5 * 2 * 2 * 4
    assert (findings.comparisons, findings.calls_total, findings.headline.comparisons) == ((), 0, ())
