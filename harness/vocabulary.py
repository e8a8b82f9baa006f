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


class Grade(StrEnum):
    """How far a recommended value may be trusted; ``insufficient_data`` never has a value."""

    CERTIFIED = "certified"
    PROVISIONAL = "provisional"
    EXAMPLE = "example"
    INSUFFICIENT_DATA = "insufficient_data"
