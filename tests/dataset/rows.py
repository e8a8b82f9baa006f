"""Factories of valid rows for tests: each gives one plausible row, and any field can be overridden by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from harness.dataset.schema import SCHEMA_VERSION
from harness.record import Attempt, Call, Cold, FaultCase, FirstCall, Manifest, OutageCall, Request
from tests.analysis.befallen import a_case, an_arrival

RUN_ID = "20261101T120000-quick-000001"
STARTED_AT = datetime(2026, 11, 1, 12, 0, 0, 123_456, tzinfo=UTC)

_CALL = Call(
    run_id=RUN_ID,
    cell_id="openai/gpt-5-mini/chat/whole/sync/hot",
    block=0,
    arm="openai",
    call_id="1",
    sequence=0,
    started_at=STARTED_AT,
    scheduled_offset_ns=None,
    started_offset_ns=5_000_000,
    client="openai",
    client_version="2.54.0",
    http_library="httpx",
    http_library_version="0.28.1",
    mode="sync",
    backend="recorded",
    origin="authored",
    workload="chat",
    load="hot",
    concurrency=1,
    fault=None,
    operation_name="chat",
    provider_name="openai",
    request_model="gpt-5-mini",
    response_model="gpt-5-mini-2026-08-07",
    request_stream=False,
    request_max_tokens=300,
    duration_ns=1_000_000,
    time_to_first_chunk_ns=None,
    time_to_first_content_ns=None,
    max_chunk_gap_ns=None,
    chunk_count=None,
    first_chunk_delivery_ns=None,
    chunk_delivery_ns=None,
    pre_send_ns=400_000,
    server_ns=100_000,
    post_receive_ns=500_000,
    overhead_ns=900_000,
    cpu_ns=800_000,
    gc_ns=0,
    attempts=1,
    connection_reused=True,
    usage_input_tokens=25,
    usage_output_tokens=120,
    usage_reasoning_output_tokens=None,
    usage_cache_read_input_tokens=None,
    cost_usd=None,
    litellm_reported_overhead_ns=None,
    is_valid_structure=None,
    client_verdict=None,
    outcome="ok",
    error_type=None,
    error_class=None,
    http_response_status_code=200,
    timeout_ns=None,
    is_censored=False,
)

_ATTEMPT = Attempt(
    run_id=RUN_ID,
    call_id="1",
    attempt=1,
    received_ns=9_000_000_400_000,
    first_byte_sent_ns=9_000_000_500_000,
    last_byte_sent_ns=9_000_000_500_000,
    request_bytes=412,
    response_bytes=873,
    chunk_sent_ns=(9_000_000_500_000,),
    connection_id=1,
    connection_reused=False,
    status=200,
    fault=None,
    pacing_error_ns=(1_500,),
)

_COLD = Cold(
    run_id=RUN_ID,
    arm="openai",
    mode="sync",
    repeat=0,
    import_ns=450_000_000,
    modules_loaded=900,
    rss_import_bytes=70_000_000,
    first_call_ns=30_000_000,
    rss_after_bytes=90_000_000,
)

_MANIFEST = Manifest(
    run_id=RUN_ID,
    schema_version=SCHEMA_VERSION,
    semantic_conventions_version="0.1.0",
    started_at=STARTED_AT,
    finished_at=None,
    plan_name="quick",
    plan_text='name = "quick"\n',
    plan_sha256="0" * 64,
    seed=1,
    backend="recorded",
    blocks_planned=2,
    blocks_done=0,
    is_complete=False,
    git_commit=None,
    harness_version="0.1.0",
    fingerprint="{}",
    cassettes="[]",
    pressure="[]",
    doubts=(),
)


def a_call(**overrides: Any) -> Call:
    """One successful, whole (not streamed) call of 1 ms whose parts sum to its duration."""
    return replace(_CALL, **overrides)


def an_attempt(**overrides: Any) -> Attempt:
    """The one HTTP request of ``a_call()``, joined by ``run_id`` and ``call_id``."""
    return replace(_ATTEMPT, **overrides)


def a_cold(**overrides: Any) -> Cold:
    """One fresh process of the ``openai`` arm."""
    return replace(_COLD, **overrides)


def a_first_call(**overrides: Any) -> FirstCall:
    """The very first call of a process of the ``openai`` arm."""
    first = FirstCall(RUN_ID, "openai", "sync", 0, _CALL.cell_id, 0, shares_client=False, first_call_ns=30_000_000)
    return replace(first, **overrides)


def a_request(**overrides: Any) -> Request:
    """What the ``openai`` arm sent in a block."""
    sent = ("POST", "/v1/chat/completions", ("content-type: application/json",), '{"model": "gpt-5-mini"}', 412)
    return replace(Request(RUN_ID, _CALL.cell_id, 0, "openai", 3, *sent), **overrides)


def a_fault(**overrides: Any) -> FaultCase:
    """One call under one fault."""
    return a_case(run_id=RUN_ID, **overrides)


def an_outage_call(**overrides: Any) -> OutageCall:
    """One call that arrived around an outage."""
    return an_arrival(0, run_id=RUN_ID, **overrides)


def a_manifest(**overrides: Any) -> Manifest:
    """The manifest of an unfinished two-block run, started on 2026-11-01."""
    return replace(_MANIFEST, **overrides)
