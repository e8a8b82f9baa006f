"""Owns the rows that measuring produces: one finished call, one HTTP attempt, one fresh process.

Field names are the column names of the tables; ``harness.dataset.schema`` gives each its type, unit and
OpenTelemetry name, and a test holds the two together. All times are CLOCK_MONOTONIC nanoseconds unless the name says
otherwise. Filled by ``load`` (marks) and ``conductor`` (joins); read by ``dataset``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Marks:
    """What a worker knows of one call, before the journal is joined. Small and picklable: it crosses a pipe."""

    call_number: int
    cell: int
    sequence: int
    started_ns: int
    finished_ns: int
    arrivals_ns: tuple[int, ...]
    content_chunks: tuple[int, ...]
    cpu_ns: int
    gc_ns: int
    outcome: str
    error_type: str | None
    error_class: str | None
    error_message: str | None
    status_code: int | None
    response_model: str | None
    input_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    cached_tokens: int | None
    cost_usd: float | None
    reported_overhead_ns: int | None
    is_valid_structure: bool | None
    client_verdict: str | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One HTTP request as the backend saw it (a row of ``attempts``).

    What follows ``pacing_error_ns`` is known of requests that the tap passed on, and null elsewhere.
    """

    run_id: str
    call_id: str
    attempt: int
    received_ns: int
    first_byte_sent_ns: int
    last_byte_sent_ns: int
    request_bytes: int
    response_bytes: int
    chunk_sent_ns: tuple[int, ...]
    connection_id: int
    connection_reused: bool
    status: int
    fault: str | None
    pacing_error_ns: tuple[int, ...]
    upstream_sent_ns: int | None = None
    upstream_first_byte_ns: int | None = None
    upstream_last_byte_ns: int | None = None
    upstream_connection_reused: bool | None = None
    upstream_failure: str | None = None
    openai_processing_ns: int | None = None
    envoy_upstream_service_ns: int | None = None
    server_timing_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One distinct request that an arm sent in a cell (a row of ``requests``): what it asked, without what was said.

    ``body`` is JSON text in which texts stand as their length and hash; ``headers`` are ``name: value`` lines, secrets
    and values that vary by call replaced.
    """

    run_id: str
    cell_id: str
    block: int
    arm: str
    calls: int
    method: str
    target: str
    headers: tuple[str, ...]
    body: str | None
    request_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultCase:
    """One call under one fault, in a process that can be killed (a row of ``faults``). Offsets are from its start.

    ``duration_ns`` is null where control had not come back when the process was killed, after ``window_ns``.
    ``attempts`` is null where the wire cannot show requests: what was dialled is in ``connects`` then, null for a
    killed process, which cannot tell. What is left behind counts beyond what was there before the call;
    ``peer_closed_offset_ns`` is when the backend saw the last connection of the call close, null where it was still
    open a moment after the call had returned.
    """

    run_id: str
    block: int
    case_id: str
    repeat: int
    fault: str
    family: str
    arm: str
    client: str
    client_version: str
    http_library: str
    http_library_version: str
    mode: str
    provider_name: str
    request_model: str
    request_stream: bool
    setting: str
    limit_ns: int | None
    retries_asked: int | None
    window_ns: int
    duration_ns: int | None
    chunk_count: int | None
    outcome: str
    error_kind: str | None
    error_class: str | None
    error_is_own: bool | None
    http_response_status_code: int | None
    finish_reason: str | None
    is_true_answer: bool | None
    response_model: str | None
    attempts: int | None
    attempt_offsets_ns: tuple[int, ...]
    connects: int | None
    peer_closed_offset_ns: int | None
    threads_left: int | None
    descriptors_left: int | None
    tasks_left: int | None
    loop_lag_ns: int | None
    verdict: str
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageCall:
    """One of the calls that arrive, one after the other in one process, while a fault lasts and after it has ended (a
    row of ``outages``). ``arrival_offset_ns`` is its start after the first call's, the other offsets are after its own.

    ``duration_ns`` is null where control had not come back when the process was killed.
    """

    run_id: str
    block: int
    arm: str
    client: str
    client_version: str
    http_library: str
    http_library_version: str
    mode: str
    provider_name: str
    request_model: str
    request_stream: bool
    setting: str
    limit_ns: int | None
    retries_asked: int | None
    fault: str
    outage_ns: int
    arrival: int
    arrival_offset_ns: int
    duration_ns: int | None
    outcome: str
    error_kind: str | None
    error_class: str | None
    is_true_answer: bool | None
    response_model: str | None
    attempts: int
    attempt_offsets_ns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Cold:
    """Facts of one fresh process (a row of ``cold``)."""

    run_id: str
    arm: str
    mode: str
    repeat: int
    import_ns: int
    modules_loaded: int
    rss_import_bytes: int
    first_call_ns: int
    rss_after_bytes: int


@dataclass(frozen=True, slots=True)
class FirstCall:
    """The first call of one cell in one process (a row of ``first_calls``): what a process pays to turn to it.

    ``position`` 0 is the process's very first call; ``shares_client`` says that the library's client object, and with
    it the connection, was there already.
    """

    run_id: str
    arm: str
    mode: str
    repeat: int
    cell_id: str
    position: int
    shares_client: bool
    first_call_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One logical call: what the user awaits (a row of ``calls``).

    What only measuring can know (CPU time, the client's version, …) is null in calls that were imported,
    ``duration_ns`` in those of them that failed without one.
    """

    run_id: str
    cell_id: str
    block: int
    arm: str
    call_id: str
    sequence: int
    started_at: datetime
    scheduled_offset_ns: int | None
    started_offset_ns: int | None
    client: str | None
    client_version: str | None
    http_library: str | None
    http_library_version: str | None
    mode: str | None
    backend: str
    origin: str
    workload: str
    load: str
    concurrency: int | None
    fault: str | None
    operation_name: str
    provider_name: str
    request_model: str
    response_model: str | None
    request_stream: bool
    request_max_tokens: int | None
    duration_ns: int | None
    time_to_first_chunk_ns: int | None
    time_to_first_content_ns: int | None
    max_chunk_gap_ns: int | None
    chunk_count: int | None
    first_chunk_delivery_ns: int | None
    chunk_delivery_ns: int | None
    pre_send_ns: int | None
    server_ns: int | None
    post_receive_ns: int | None
    overhead_ns: int | None
    cpu_ns: int | None
    gc_ns: int | None
    attempts: int | None
    connection_reused: bool | None
    usage_input_tokens: int | None
    usage_output_tokens: int | None
    usage_reasoning_output_tokens: int | None
    usage_cache_read_input_tokens: int | None
    cost_usd: float | None
    litellm_reported_overhead_ns: int | None
    is_valid_structure: bool | None
    client_verdict: str | None
    outcome: str
    error_type: str | None
    error_class: str | None
    http_response_status_code: int | None
    timeout_ns: int | None
    is_censored: bool


@dataclass(frozen=True, slots=True)
class BlockPressure:
    """How disturbed the machine was while one block was measured; marks the block, never drops it."""

    block: int
    cpu_some_avg10_percent: float | None
    steal_percent: float | None
    backend_run_delay_ns: int | None
    pacing_error_p99_ns: int | None
    clock_steps: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """One run as a row of ``runs`` and as ``results/runs/<run_id>.json``; JSON-shaped fields hold JSON text."""

    run_id: str
    schema_version: int
    semantic_conventions_version: str
    started_at: datetime
    finished_at: datetime | None
    plan_name: str
    plan_text: str
    plan_sha256: str
    seed: int
    backend: str
    blocks_planned: int
    blocks_done: int
    is_complete: bool
    git_commit: str | None
    harness_version: str
    fingerprint: str
    cassettes: str
    pressure: str
    doubts: tuple[str, ...] = field(default=())
