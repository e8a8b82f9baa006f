"""Owns the meaning of every number: one entry per metric with its formula, and the definitions that tools disagree on.

A new metric is one entry here. Called by ``frames`` and ``summaries`` (columns), by ``report`` and ``harness list
metrics`` (text). t0 and t3 are the client's marks before and after the call, t1 and t2 the backend's stamps of the last
request byte and of the first response byte; all on CLOCK_MONOTONIC.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """One measured quantity. ``columns`` are added with ``signs``; null in any of them gives null."""

    name: str
    unit: str
    columns: tuple[str, ...]
    signs: tuple[int, ...]
    formula: str
    description: str
    streams_only: bool = False


def _column(name: str, column: str, formula: str, description: str, *, streams_only: bool = False) -> Metric:
    return Metric(name, "s", (column,), (1,), formula, description, streams_only)


OVERHEAD = _column(
    "overhead",
    "overhead_ns",
    "(t1 − t0) + (t3 − t2); streams: from the last chunk's send",
    "what the call path adds to the backend's own time",
)
PRE_SEND = _column("pre_send", "pre_send_ns", "t1 − t0", "call made until its last request byte reached the backend")
SERVER = _column(
    "server",
    "server_ns",
    "t2 − t1; streams: to the last chunk's send",
    "the backend's own time, subtracted as measured",
)
POST_RECEIVE = _column(
    "post_receive", "post_receive_ns", "t3 − t2; streams: from the last chunk's send", "answer sent until call returned"
)
DURATION = _column("duration", "duration_ns", "t3 − t0", "the whole call as its caller sees it")
FIRST_CHUNK = _column(
    "first_chunk", "time_to_first_chunk_ns", "first chunk's arrival − t0", "wait for the first chunk", streams_only=True
)
FIRST_CONTENT = _column(
    "first_content",
    "time_to_first_content_ns",
    "arrival of the first chunk with content − t0",
    "wait for the first chunk that carries content",
    streams_only=True,
)
FIRST_CHUNK_DELIVERY = _column(
    "first_chunk_delivery",
    "first_chunk_delivery_ns",
    "first chunk: arrival at the caller − send by the backend",
    "what the call path adds before the first chunk is seen",
    streams_only=True,
)
CHUNK_DELIVERY = _column(
    "chunk_delivery",
    "chunk_delivery_ns",
    "median over the call's chunks of (arrival at the caller − send by the backend)",
    "what the call path adds to a chunk",
    streams_only=True,
)
TAIL = Metric(
    "tail",
    "s",
    ("post_receive_ns", "chunk_delivery_ns"),
    (1, -1),
    "(t3 − last chunk's send) − median chunk delivery",
    "t3 − the last chunk's arrival, with the call's typical delivery standing in for the last chunk's own",
    streams_only=True,
)
CPU = _column("cpu", "cpu_ns", "process CPU time at t3 − at t0", "CPU of the whole process, all its threads")
GC = _column("gc", "gc_ns", "sum of garbage-collector passes between t0 and t3", "time spent collecting garbage")
REPORTED_OVERHEAD = _column(
    "reported_overhead",
    "litellm_reported_overhead_ns",
    "as LiteLLM states it",
    "LiteLLM's overhead by its own clock; covers less than the caller's wall, shown to be audited",
)
MAX_CHUNK_GAP = _column(
    "max_chunk_gap",
    "max_chunk_gap_ns",
    "max over chunks of (arrival − previous arrival)",
    "longest silence in an answer",
    streams_only=True,
)
CHUNKS = Metric(
    "chunks",
    "chunks",
    ("chunk_count",),
    (1,),
    "chunks that reached the caller",
    "length of a stream",
    streams_only=True,
)

METRICS = (
    OVERHEAD,
    PRE_SEND,
    SERVER,
    POST_RECEIVE,
    DURATION,
    FIRST_CHUNK,
    FIRST_CONTENT,
    FIRST_CHUNK_DELIVERY,
    CHUNK_DELIVERY,
    TAIL,
    MAX_CHUNK_GAP,
    CHUNKS,
    CPU,
    GC,
    REPORTED_OVERHEAD,
)

DEFINITIONS = (
    ("TTFT", "arrival of the first chunk with content − request start (t0)"),
    ("ITL", "each gap between the arrivals of consecutive content chunks"),
    ("TPOT", "(arrival of the last content chunk − of the first) / (output tokens − 1)"),
)
"""(name, formula) of the latency words that tools define differently; they are printed only with these formulas."""
