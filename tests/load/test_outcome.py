"""A call is judged by content and by class names, never by the client's word alone."""

from __future__ import annotations

import pytest

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


def test_the_right_answer_is_ok() -> None:
    """Text and finish reason equal the cassette's."""
    verdict = judge_answer("four", "stop", TRUTH)
    assert verdict.outcome is Outcome.OK
    assert verdict.error_type is None


@pytest.mark.parametrize(
    ("text", "reason", "error_type"),
    [("for", "stop", "content_differs"), ("", "stop", "content_differs"), ("four", "length", "finish_reason_differs")],
)
def test_a_wrong_answer_is_not_a_success(text: str, reason: str, error_type: str) -> None:
    """A client that returns a broken answer as a success is not believed."""
    verdict = judge_answer(text, reason, TRUTH)
    assert (verdict.outcome, verdict.error_type) == (Outcome.WRONG_CONTENT, error_type)


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
