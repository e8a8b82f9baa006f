"""The verdict on a case, from golden reports: what the wire and the clock say outranks the client's word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.conductor.verdicts import Left, Wire, verdicts
from harness.fault import Scenario, load_scenarios
from harness.load.probe import Report
from harness.places import benchmarks_dir
from harness.vocabulary import ErrorKind, FaultVerdict

SCENARIOS = load_scenarios(benchmarks_dir() / "faults")
LIMIT_S = 1.0
ONCE = Wire(1, (0,), None, is_open=False)
NO_REQUEST = Wire(None, (), None, is_open=False)
GOOD = Report(
    number=1,
    started_ns=0,
    finished_ns=100_000_000,
    reported_ns=400_000_000,
    chunks=0,
    is_unreadable=False,
    error_kind=None,
    error_class=None,
    error_is_own=None,
    status_code=None,
    finish_reason="stop",
    is_true_answer=True,
    response_model="m",
    connects=1,
    threads_left=0,
    descriptors_left=1,
    tasks_left=None,
    loop_lag_ns=None,
)


def failed(kind: ErrorKind, after_s: float = 0.1) -> Report:
    """A call that raised."""
    return replace(
        GOOD,
        error_kind=str(kind),
        error_class="a.B",
        finished_ns=int(after_s * 1e9),
        is_true_answer=None,
        finish_reason=None,
    )


def judged(
    fault: str, report: Report | None, wire: Wire = ONCE, limit_s: float | None = LIMIT_S, allowed: int | None = 1
) -> list[str]:
    """The verdicts of a case under a shipped scenario."""
    scenario: Scenario = SCENARIOS[fault]
    return [str(verdict) for verdict in verdicts(scenario, limit_s, allowed, report, wire, Left())]


def test_a_healthy_call_that_answers_held() -> None:
    """Nothing to say."""
    assert judged("healthy", GOOD) == []
    assert judged("healthy", failed(ErrorKind.NETWORK)) == ["misclassified"]


def test_an_honest_error_in_time_held() -> None:
    """Each fault allows the kinds that send the caller the right way."""
    assert judged("silence-after-request", failed(ErrorKind.TIMEOUT_FIRST_CHUNK, 1.02)) == []
    assert judged("status-503", failed(ErrorKind.SERVER_ERROR)) == []
    assert judged("reset-mid-body", failed(ErrorKind.NETWORK)) == []


def test_a_call_that_waits_for_an_answer_is_hung_whatever_its_limit() -> None:
    """With defaults as with limits; also where no request was ever read."""
    for limit_s in (None, LIMIT_S):
        assert judged("silence-after-request", None, replace(ONCE, is_open=True), limit_s=limit_s) == ["hung"]
        assert judged("unreachable", None, NO_REQUEST, limit_s=limit_s) == ["hung"]


def test_a_call_that_sleeps_between_its_retries_is_late() -> None:
    """All that it asked was answered, or refused: what keeps it is its own doing."""
    assert judged("status-503", None, Wire(3, (0, 1, 2), None, is_open=False), limit_s=None, allowed=None) == ["late"]
    assert judged("refuse", None, NO_REQUEST, limit_s=None) == ["late"]


def test_control_back_past_its_limit_is_late() -> None:
    """A quarter of a second is the machine's; more is the client's. Without a limit nothing is late."""
    assert judged("drip", failed(ErrorKind.TIMEOUT_TOTAL, 1.24)) == []
    assert judged("drip", failed(ErrorKind.TIMEOUT_TOTAL, 1.26)) == ["late"]
    assert judged("drip", failed(ErrorKind.TIMEOUT_TOTAL, 1.26), limit_s=None) == []


def test_a_broken_answer_passed_off_as_good_is_a_wrong_success() -> None:
    """Also when its text happens to be right where no right answer was on the wire."""
    assert judged("truncated-cleanly", replace(GOOD, is_true_answer=False)) == ["wrong_success"]
    assert judged("html-with-200", GOOD) == ["wrong_success"]
    assert judged("length", replace(GOOD, is_true_answer=False)) == ["wrong_success"]
    assert judged("length", replace(GOOD, finish_reason="length")) == []


def test_a_whole_answer_after_a_fault_that_befell_one_attempt_held() -> None:
    """Retrying is what retries are for."""
    assert judged("status-503-once", GOOD, Wire(2, (0, 1), None, is_open=False), 7.0, 3) == []


def test_more_requests_than_asked_for_are_multiplied() -> None:
    """Where the client's default was left nothing was asked for; where requests are hidden none are counted."""
    five = Wire(5, (0, 1, 2, 3, 4), None, is_open=False)
    assert judged("status-503", failed(ErrorKind.SERVER_ERROR), five, 7.0, 3) == ["multiplied"]
    assert judged("status-503", failed(ErrorKind.SERVER_ERROR), five, None, None) == []
    assert judged("refuse", failed(ErrorKind.REFUSED), NO_REQUEST) == []


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("status-401", ErrorKind.SERVER_ERROR),
        ("rate-limited", ErrorKind.BAD_REQUEST),
        ("reset-before-head", ErrorKind.AUTHENTICATION),
        ("silence-after-request", ErrorKind.OTHER),
    ],
)
def test_an_error_that_sends_the_caller_the_wrong_way_is_misclassified(fault: str, kind: ErrorKind) -> None:
    """A refused key that looks like a broken server is retried in vain."""
    assert judged(fault, failed(kind)) == ["misclassified"]


@pytest.mark.parametrize("kind", [ErrorKind.SERVER_ERROR, ErrorKind.MALFORMED, ErrorKind.REFUSED])
def test_an_error_of_another_name_that_sends_the_same_way_held(kind: ErrorKind) -> None:
    """A connection that was reset and a server that failed call for the same: once more, or elsewhere."""
    assert judged("reset-before-head", failed(kind)) == []


def test_a_limit_that_fires_may_say_so_whatever_the_fault_is() -> None:
    """A guard that ends a sleep on Retry-After is right to say timeout; long before its limit it is not."""
    assert judged("rate-limited-30s", failed(ErrorKind.TIMEOUT_TOTAL, 1.0)) == []
    assert judged("rate-limited-30s", failed(ErrorKind.TIMEOUT_TOTAL, 0.3)) == ["misclassified"]


def test_what_is_left_behind_beyond_a_healthy_calls_is_a_leak() -> None:
    """A thread, a descriptor, a task, or a connection that the peer still holds."""
    base = failed(ErrorKind.TIMEOUT_TOTAL, 1.0)
    for left in (
        replace(base, threads_left=1),
        replace(base, descriptors_left=2),
        replace(base, tasks_left=1),
    ):
        assert judged("drip", left) == ["leaked"]
    assert judged("drip", base, Wire(1, (0,), None, is_open=True)) == ["leaked"]


def test_connections_that_wait_in_pools_are_not_left_behind() -> None:
    """A call whose retries went over three clients may leave three pools with a connection each, and no fourth."""
    three = Wire(3, (0, 1, 2), None, is_open=False, pooled=3)
    for left, expected in ((3, []), (4, ["leaked"])):
        report = replace(failed(ErrorKind.SERVER_ERROR), descriptors_left=left)
        assert judged("status-503", report, three, 7.0, 3) == expected


def test_the_gravest_verdict_comes_first() -> None:
    """Its order is that of the closed list."""
    report = replace(failed(ErrorKind.OTHER, 3.0), threads_left=4)
    found = judged("status-503", report, Wire(3, (0, 1, 2), None, is_open=False))
    assert found == [
        str(word)
        for word in (FaultVerdict.LATE, FaultVerdict.MULTIPLIED, FaultVerdict.MISCLASSIFIED, FaultVerdict.LEAKED)
    ]
