"""Owns what a foreign row may state about a call: each field's kind, and the names that other tools give it. Data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a field's text is read. ``span`` is a duration and needs a unit, ``instant`` ISO 8601 text or a unit."""

    TEXT = "text"
    FLAG = "flag"
    COUNT = "count"
    SPAN = "span"
    INSTANT = "instant"
    MONEY = "money"


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a row may state. ``aliases`` are names that stand for it without a mapping; of a span or an
    instant with its unit as ending (``_s``, ``_ms``, ``_us``, ``_ns``).
    """

    name: str
    kind: Kind
    meaning: str
    aliases: tuple[str, ...] = ()


FIELDS = (
    Field("id", Kind.TEXT, "the call's own id; kept as a hash, and imported once", ("id", "request_id", "call_id")),
    Field(
        "started_at",
        Kind.INSTANT,
        "when the call began; UTC where no zone is given",
        ("started_at", "start_time", "timestamp", "time", "startTime"),
    ),
    Field("ended_at", Kind.INSTANT, "when it ended; with started_at in place of duration", ("ended_at", "end_time")),
    Field("first_chunk_at", Kind.INSTANT, "when the first chunk came; in place of first_chunk", ("first_chunk_at",)),
    Field("provider", Kind.TEXT, "who answered", ("provider", "provider_name", "custom_llm_provider")),
    Field("model", Kind.TEXT, "the model asked for", ("model", "request_model", "model_name")),
    Field("response_model", Kind.TEXT, "the model that the answer names", ("response_model",)),
    Field("client", Kind.TEXT, "what made the call: openai, litellm, …", ("client",)),
    Field("mode", Kind.TEXT, "sync or async", ("mode",)),
    Field("stream", Kind.FLAG, "the answer was streamed", ("stream", "request_stream", "streaming", "is_streaming")),
    Field("max_tokens", Kind.COUNT, "the output budget", ("max_tokens", "request_max_tokens", "max_completion_tokens")),
    Field(
        "duration",
        Kind.SPAN,
        "the whole call",
        ("duration", "total", "latency", "total_latency", "e2e_latency", "end_to_end_latency", "request_latency"),
    ),
    Field(
        "first_chunk",
        Kind.SPAN,
        "to the first chunk of a stream",
        ("time_to_first_chunk", "first_chunk", "ttfc", "ttft", "time_to_first_token"),
    ),
    Field("max_gap", Kind.SPAN, "the longest silence between two chunks", ("max_chunk_gap", "max_gap", "max_itl")),
    Field("timeout", Kind.SPAN, "the limit that was in force", ("timeout", "client_limit", "request_timeout")),
    Field("chunks", Kind.COUNT, "chunks received", ("chunks", "chunk_count")),
    Field("attempts", Kind.COUNT, "HTTP requests that the call made", ("attempts",)),
    Field("input_tokens", Kind.COUNT, "tokens asked with", ("input_tokens", "prompt_tokens", "usage_input_tokens")),
    Field(
        "output_tokens",
        Kind.COUNT,
        "tokens answered with",
        ("output_tokens", "completion_tokens", "usage_output_tokens"),
    ),
    Field("reasoning_tokens", Kind.COUNT, "output tokens spent on reasoning", ("reasoning_tokens",)),
    Field("cached_tokens", Kind.COUNT, "input tokens read from a cache", ("cached_tokens",)),
    Field("cost_usd", Kind.MONEY, "what it cost", ("cost_usd", "spend", "cost")),
    Field("status", Kind.COUNT, "HTTP status", ("status_code", "http_status", "http_response_status_code")),
    Field("ok", Kind.FLAG, "the call succeeded; outranks status and error", ("ok", "success", "succeeded")),
    Field("from_cache", Kind.FLAG, "a cache answered and no provider: such a row is none", ("from_cache", "cache_hit")),
    Field("error", Kind.TEXT, "what went wrong: read for its kind, never kept", ("error", "error_type", "exception")),
)
"""In the order of the data dictionary."""

BY_NAME = {field.name: field for field in FIELDS}

UNITS = {"s": 1e9, "ms": 1e6, "us": 1e3, "ns": 1.0}
"""Unit → nanoseconds."""

UNIT_ENDINGS = {"_s": "s", "_seconds": "s", "_sec": "s", "_ms": "ms", "_us": "us", "_ns": "ns"}


def unit_of(column: str) -> tuple[str, str | None]:
    """A column's name without its unit's ending, and the unit; None where it has none."""
    for ending, unit in UNIT_ENDINGS.items():
        if column.lower().endswith(ending):
            return column[: -len(ending)], unit
    return column, None
