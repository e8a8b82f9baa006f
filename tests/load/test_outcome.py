"""A call is judged by content and by class names, never by the client's word alone."""

from __future__ import annotations

import pytest

from harness.clients import Answer
from harness.load.outcome import Truth, judge_answer, judge_error
from harness.vocabulary import Outcome

TRUTH = Truth("four", "stop")


class APITimeoutError(Exception):
    """Named as the SDKs name it."""


class RateLimitError(Exception):
    """Carries a status, as the SDKs' errors do."""

    status_code = 429


class InternalServerError(Exception):
    """Carries a status."""

    status_code = 503


class NotFoundError(Exception):
    """Carries a status."""

    status_code = 404


class APIConnectionError(Exception):
    """Carries none."""


def answer(text: str, reason: str, tool_calls: tuple[tuple[str, str], ...] = ()) -> Answer:
    """What a client returned as a success."""
    return Answer(text, reason, "scripted-1", 3, 2, 0, tool_calls=tool_calls)


def test_the_right_answer_is_ok() -> None:
    """Text and finish reason equal the cassette's."""
    verdict = judge_answer(answer("four", "stop"), TRUTH)
    assert verdict.outcome is Outcome.OK
    assert verdict.error_type is None


@pytest.mark.parametrize(
    ("text", "reason", "error_type"),
    [("for", "stop", "content_differs"), ("", "stop", "content_differs"), ("four", "length", "finish_reason_differs")],
)
def test_a_wrong_answer_is_not_a_success(text: str, reason: str, error_type: str) -> None:
    """A client that returns a broken answer as a success is not believed."""
    verdict = judge_answer(answer(text, reason), TRUTH)
    assert (verdict.outcome, verdict.error_type) == (Outcome.WRONG_CONTENT, error_type)


@pytest.mark.parametrize(
    ("tool_calls", "outcome"),
    [
        ((("find", '{"b": 1, "a": [2]}'),), Outcome.OK),
        ((), Outcome.WRONG_CONTENT),
        ((("find", '{"a": [2]}'),), Outcome.WRONG_CONTENT),
        ((("seek", '{"a":[2],"b":1}'),), Outcome.WRONG_CONTENT),
        ((("find", '{"a":[2],"b":1}'), ("find", "{}")), Outcome.WRONG_CONTENT),
        ((("find", '{"a":[2],"b":1'),), Outcome.WRONG_CONTENT),
    ],
)
def test_tool_calls_are_compared_as_json(tool_calls: tuple[tuple[str, str], ...], outcome: Outcome) -> None:
    """Spaces and the order of members are a matter of spelling; names, values and the number of calls are not."""
    truth = Truth("", "tool_calls", (("find", '{"a":[2],"b":1}'),))
    verdict = judge_answer(answer("", "tool_calls", tool_calls), truth)
    assert verdict.outcome is outcome
    assert verdict.error_type == (None if outcome is Outcome.OK else "tool_calls_differ")


@pytest.mark.parametrize(
    ("reason", "outcome", "error_type"),
    [
        ("stop", Outcome.OK, None),
        ("failed", Outcome.ERROR, "job_failed"),
        ("length", Outcome.ERROR, "job_incomplete"),
        ("cancelled", Outcome.CANCELLED, "job_cancelled"),
    ],
)
def test_a_job_is_what_it_came_to(reason: str, outcome: Outcome, error_type: str | None) -> None:
    """No SDK raises for a job that ended badly, so the word in the answer decides; a plain answer is not a job."""
    verdict = judge_answer(answer("", reason), Truth("", reason, is_job=True))
    assert (verdict.outcome, verdict.error_type) == (outcome, error_type)
    assert judge_answer(answer("", reason), Truth("", reason)).outcome is Outcome.OK


@pytest.mark.parametrize(
    ("error", "outcome", "error_type"),
    [
        (APITimeoutError(), Outcome.TIMEOUT, "timeout"),
        (TimeoutError(), Outcome.TIMEOUT, "timeout"),
        (RateLimitError(), Outcome.ERROR, "rate_limited"),
        (InternalServerError(), Outcome.ERROR, "server_error"),
        (NotFoundError(), Outcome.ERROR, "client_error"),
        (APIConnectionError(), Outcome.ERROR, "network"),
        (ConnectionResetError(), Outcome.ERROR, "network"),
        (ValueError(), Outcome.ERROR, "other"),
    ],
)
def test_an_exception_is_classified_by_names_and_status(error: Exception, outcome: Outcome, error_type: str) -> None:
    """No SDK is imported to tell its exceptions apart; the full class name is kept."""
    verdict = judge_error(error)
    assert (verdict.outcome, verdict.error_type) == (outcome, error_type)
    assert verdict.error_class is not None
    assert verdict.error_class.endswith(type(error).__name__)
