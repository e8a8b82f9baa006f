"""Owns the judgement of one finished call: pure, by type names and content, never on the client's word alone.

Called by ``load.bench``. Must not import an SDK: exceptions are told apart by the names of their classes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from harness.clients import Answer
from harness.vocabulary import Finish, Outcome


@dataclass(frozen=True, slots=True)
class Truth:
    """What the answer must be: the cassette's text, finish reason and tool calls (canonical JSON arguments).

    ``outcome`` is what the call is expected to come to: a job may be made to fail, its creation to be answered late.
    ``text`` is None where a provider answers live and nobody knows what it will say: something, and to an end.
    """

    text: str | None
    finish_reason: str | None
    tool_calls: tuple[tuple[str, str], ...] = ()
    outcome: str = Outcome.OK.value
    is_job: bool = False


_JOB_ENDINGS = {
    "failed": (Outcome.ERROR, "job_failed"),
    "length": (Outcome.ERROR, "job_incomplete"),
    "incomplete": (Outcome.ERROR, "job_incomplete"),
    "cancelled": (Outcome.CANCELLED, "job_cancelled"),
}
"""How a background job ended other than well: neither SDK raises for it, so the caller's code must look."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Outcome, a low-cardinality error type (None only when ok), the exception's full class name, and the status."""

    outcome: Outcome
    error_type: str | None = None
    error_class: str | None = None
    status_code: int | None = None


def judge_answer(answer: Answer, truth: Truth) -> Verdict:
    """Compare an answer that the client returned as a success with the truth."""
    if truth.text is None:
        return _judge_live(answer)
    if answer.text != truth.text:
        return Verdict(Outcome.WRONG_CONTENT, "content_differs")
    if answer.finish_reason != truth.finish_reason:
        return Verdict(Outcome.WRONG_CONTENT, "finish_reason_differs")
    if tuple((name, canonical_json(arguments)) for name, arguments in answer.tool_calls) != truth.tool_calls:
        return Verdict(Outcome.WRONG_CONTENT, "tool_calls_differ")
    if truth.is_job and answer.finish_reason in _JOB_ENDINGS:
        outcome, kind = _JOB_ENDINGS[answer.finish_reason]
        return Verdict(outcome, kind, status_code=200)
    return Verdict(Outcome.OK, status_code=200)


def _judge_live(answer: Answer) -> Verdict:
    """An answer is one when it says something (or stopped at its budget, thinking) and tells why it ended."""
    if answer.finish_reason is None:
        return Verdict(Outcome.WRONG_CONTENT, "unfinished")
    if not answer.text and not answer.tool_calls and answer.finish_reason != Finish.LENGTH:
        return Verdict(Outcome.WRONG_CONTENT, "empty")
    return Verdict(Outcome.OK, status_code=200)


def canonical_json(text: str) -> str:
    """JSON text with sorted members and no spaces; other text as it is (free-form tool input)."""
    try:
        return json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    except ValueError:
        return text


def judge_error(error: BaseException) -> Verdict:
    """Classify an exception by its inheritance's class names and its ``status_code`` (google-genai: ``code``)."""
    names = [cls.__name__ for cls in type(error).__mro__]
    said = (getattr(error, "status_code", None), getattr(error, "code", None))
    status = next((word for word in said if isinstance(word, int)), None)
    if any("Timeout" in name for name in names):
        return Verdict(Outcome.TIMEOUT, "timeout", full_name(error), status)
    if any("Cancelled" in name for name in names):
        return Verdict(Outcome.CANCELLED, "cancelled", full_name(error), status)
    return Verdict(Outcome.ERROR, _error_type(names, status), full_name(error), status)


def full_name(error: BaseException) -> str:
    """``module.Class`` of an exception."""
    return f"{type(error).__module__}.{type(error).__qualname__}"


def _error_type(names: list[str], status: int | None) -> str:
    if any("Connect" in name or name == "OSError" for name in names):
        return "network"
    if status == 429:
        return "rate_limited"
    if status is not None and status >= 500:
        return "server_error"
    if status is not None and status >= 400:
        return "client_error"
    return "other"
