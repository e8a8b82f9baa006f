"""Owns the closed sets of words that records, plans, tables and pages share. No logic; imported by everything."""

from __future__ import annotations

from enum import StrEnum

CALL_ID_HEADER = "x-harness-call-id"
"""Request header that joins an attempt on the wire to the call that made it; its value is a decimal integer."""

NULL_SUFFIX = "-null"
"""``openai-null`` is ``openai`` a second time in a process of its own: the A/A control."""


class Mode(StrEnum):
    """The colour of a call."""

    SYNC = "sync"
    ASYNC = "async"


class Load(StrEnum):
    """When calls start: back to back, with service time and gaps, by N callers, or on a fixed schedule."""

    HOT = "hot"
    PACED = "paced"
    CLOSED = "closed"
    OPEN = "open"


class Backend(StrEnum):
    """Who answers: cassettes, a provider through the tap, or (imported) production traffic."""

    RECORDED = "recorded"
    LIVE = "live"
    PRODUCTION = "production"


class Origin(StrEnum):
    """Where latencies come from. Nothing derived from ``authored`` may pass as advice."""

    RECORDED = "recorded"
    AUTHORED = "authored"
    LIVE = "live"
    IMPORTED = "imported"


class Outcome(StrEnum):
    """What a call came to; ``error_type`` is null only when ``ok``."""

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    WRONG_CONTENT = "wrong_content"
    CANCELLED = "cancelled"


class Operation(StrEnum):
    """Which of a provider's interfaces is called. ``background``: a job is created, then polled to its end."""

    CHAT = "chat"
    RESPONSES = "responses"
    BACKGROUND = "background"


class Finish(StrEnum):
    """Why an answer ended, in one set of words for all providers."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"


_FINISHES = {
    "end_turn": Finish.STOP,
    "stop_sequence": Finish.STOP,
    "completed": Finish.STOP,
    "max_tokens": Finish.LENGTH,
    "max_output_tokens": Finish.LENGTH,
    "tool_use": Finish.TOOL_CALLS,
    "refusal": Finish.CONTENT_FILTER,
    "safety": Finish.CONTENT_FILTER,
}


def finish_word(word: str | None) -> str | None:
    """A provider's or library's finish reason in the words of ``Finish``; unknown words pass as they are."""
    if word is None:
        return None
    return str(_FINISHES.get(word.lower(), word.lower()))


class Grade(StrEnum):
    """How far a recommended value may be trusted; ``insufficient_data`` never has a value."""

    CERTIFIED = "certified"
    PROVISIONAL = "provisional"
    EXAMPLE = "example"
    INSUFFICIENT_DATA = "insufficient_data"


class ErrorKind(StrEnum):
    """What an exception tells the caller, in one set of words for all libraries; timeouts by what was awaited."""

    TIMEOUT_CONNECT = "timeout.connect"
    TIMEOUT_FIRST_CHUNK = "timeout.first_chunk"
    TIMEOUT_INTER_CHUNK = "timeout.inter_chunk"
    TIMEOUT_TOTAL = "timeout.total"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    REFUSED = "refused"
    NETWORK = "network"
    MALFORMED = "malformed"
    BAD_REQUEST = "bad_request"
    AUTHENTICATION = "authentication"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    CONTENT_FILTER = "content_filter"
    CANCELLED = "cancelled"
    OTHER = "other"


class Way(StrEnum):
    """What an error has its caller do: try again or elsewhere, wait, mend the request, or nothing in particular."""

    AGAIN = "again"
    WAIT = "wait"
    MEND = "mend"
    NOWHERE = "nowhere"


_WAYS = {
    ErrorKind.RATE_LIMITED: Way.WAIT,
    ErrorKind.BAD_REQUEST: Way.MEND,
    ErrorKind.AUTHENTICATION: Way.MEND,
    ErrorKind.NOT_FOUND: Way.MEND,
    ErrorKind.CONTENT_FILTER: Way.MEND,
    ErrorKind.CANCELLED: Way.NOWHERE,
    ErrorKind.OTHER: Way.NOWHERE,
}


def way_of(kind: ErrorKind) -> Way:
    """Where an error of this kind sends its caller; what is not the request's fault is worth another attempt."""
    return _WAYS.get(kind, Way.AGAIN)


class FaultVerdict(StrEnum):
    """What the wire says of one call under a fault, gravest first. ``unclassified``: of a version never looked at."""

    HUNG = "hung"
    WRONG_SUCCESS = "wrong_success"
    LATE = "late"
    MULTIPLIED = "multiplied"
    MISCLASSIFIED = "misclassified"
    LEAKED = "leaked"
    HELD = "held"
    UNCLASSIFIED = "unclassified"


class FaultSetting(StrEnum):
    """How a call under a fault is set up: the client's own defaults; a limit and no retries; a limit and two retries by
    the client's own knob; a limit, no retries and the guard outside the client.
    """

    DEFAULT = "default"
    LIMITED = "limited"
    RETRYING = "retrying"
    GUARDED = "guarded"
