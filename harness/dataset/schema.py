"""Owns the tables: every column's name, Arrow type, unit, meaning and OpenTelemetry name. Data, no I/O.

Names and nullability are those of the dataclasses in ``harness.record`` (a test holds the two together). Unit,
description and the exact OpenTelemetry name travel in the Arrow field metadata, the schema's and the conventions'
versions in the table metadata. Used by the rest of ``dataset``; ``conductor`` takes the two versions from here.

A change of a column or of its meaning is a step of ``SCHEMA_VERSION`` and an entry in the CHANGELOG.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from harness.record import Attempt, Call, Cold, FaultCase, FirstCall, Manifest, OutageCall, Request

SCHEMA_VERSION = 4
SEMANTIC_CONVENTIONS_VERSION = "0.1.0"
"""Release of open-telemetry/semantic-conventions-genai whose names are used."""

INT32 = pa.int32()
INT64 = pa.int64()
FLOAT = pa.float64()
BOOL = pa.bool_()
TEXT = pa.string()
WORD = pa.dictionary(pa.int32(), pa.string())
"""A string that repeats."""
TIME = pa.timestamp("us", tz="UTC")
INT64S = pa.list_(pa.int64())
TEXTS = pa.list_(pa.string())

Row = Call | Attempt | Cold | FirstCall | Request | FaultCase | OutageCall | Manifest


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``otel`` is the OpenTelemetry attribute or metric of the same meaning, empty where none exists;
    ``is_monotonic`` marks a reading of CLOCK_MONOTONIC.
    """

    name: str
    type: pa.DataType
    unit: str
    description: str
    otel: str = ""
    nullable: bool = False
    is_monotonic: bool = False

    @property
    def is_instant(self) -> bool:
        """A point in time (grows from row to row), not a duration."""
        return self.is_monotonic or bool(self.type == TIME)

    @property
    def field(self) -> pa.Field:
        """The Arrow field, with unit, description and OpenTelemetry name as metadata."""
        metadata = {"unit": self.unit, "description": self.description, "otel_name": self.otel}
        return pa.field(self.name, self.type, self.nullable, {key: text for key, text in metadata.items() if text})


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its name (also its folder), the record that is a row of it, and its columns in the record's order."""

    name: str
    row: type[Row]
    description: str
    columns: tuple[Column, ...]

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema that every file of this table has, exactly."""
        metadata = {
            "table": self.name,
            "schema_version": str(SCHEMA_VERSION),
            "semantic_conventions_version": SEMANTIC_CONVENTIONS_VERSION,
        }
        return pa.schema([column.field for column in self.columns], metadata)


def _maybe(
    name: str, kind: pa.DataType, unit: str, description: str, otel: str = "", *, instant: bool = False
) -> Column:
    return Column(name, kind, unit, description, otel, nullable=True, is_monotonic=instant)


def _instant(name: str, description: str, kind: pa.DataType = INT64) -> Column:
    return Column(name, kind, "ns", description, is_monotonic=True)


CALLS = Table(
    "calls",
    Call,
    "One logical call: what the user awaits. A retry adds an attempt, not a call.",
    (
        Column("run_id", WORD, "", "the run that measured this call"),
        Column("cell_id", WORD, "", "the condition: provider/model/[operation/]workload/shape/mode/load"),
        Column("block", INT32, "", "the set of fresh processes, from 0 within a cell; the unit of inference"),
        Column("arm", WORD, "", "the call path inside the cell; '-null' is the A/A control"),
        Column("call_id", TEXT, "", "decimal id, unique in the run; joins to attempts.call_id"),
        Column("sequence", INT32, "", "order of the call within its cell, block and arm, from 0"),
        Column("started_at", TIME, "", "wall-clock start, UTC; for grouping by day, never for durations"),
        _maybe(
            "scheduled_offset_ns", INT64, "ns", "intended start after the block's start; null unless the load is open"
        ),
        _maybe("started_offset_ns", INT64, "ns", "actual start after the block's start"),
        _maybe("client", WORD, "", "what is measured: raw_http, openai, litellm, …"),
        _maybe("client_version", WORD, "", "version of the client's distribution"),
        _maybe("http_library", WORD, "", "library that carried the bytes"),
        _maybe("http_library_version", WORD, "", "its version"),
        _maybe("mode", WORD, "", "sync or async"),
        Column("backend", WORD, "", "who answered: recorded, live or production"),
        Column("origin", WORD, "", "where latencies come from: recorded, authored, live or imported"),
        Column("workload", WORD, "", "name of the request in benchmarks/workloads"),
        Column("load", WORD, "", "hot, paced, closed or open"),
        _maybe("concurrency", INT32, "calls", "calls in flight at most"),
        _maybe("fault", WORD, "", "injected fault; null when none was injected"),
        Column("operation_name", WORD, "", "interface called: chat, responses or background", "gen_ai.operation.name"),
        Column("provider_name", WORD, "", "provider whose wire format was spoken", "gen_ai.provider.name"),
        Column("request_model", WORD, "", "model that was asked for", "gen_ai.request.model"),
        _maybe("response_model", WORD, "", "model that the answer names", "gen_ai.response.model"),
        Column("request_stream", BOOL, "", "the answer was asked for as a stream", "gen_ai.request.stream"),
        _maybe("request_max_tokens", INT64, "tokens", "output budget of the request", "gen_ai.request.max_tokens"),
        _maybe("duration_ns", INT64, "ns", "t3 − t0: the whole call at the caller", "gen_ai.client.inference.duration"),
        _maybe(
            "time_to_first_chunk_ns",
            INT64,
            "ns",
            "t0 to the first chunk at the caller; streams only",
            "gen_ai.client.inference.time_to_first_chunk",
        ),
        _maybe("time_to_first_content_ns", INT64, "ns", "t0 to the first chunk with content; streams only"),
        _maybe("max_chunk_gap_ns", INT64, "ns", "longest silence between two chunks of this call; streams only"),
        _maybe("chunk_count", INT32, "chunks", "chunks the caller received; streams only"),
        _maybe(
            "first_chunk_delivery_ns",
            INT64,
            "ns",
            "first content chunk: received − sent; null where the client merges or splits",
        ),
        _maybe(
            "chunk_delivery_ns",
            INT64,
            "ns",
            "median over content chunks of received − sent; null where merged or split",
        ),
        _maybe("pre_send_ns", INT64, "ns", "t1 − t0: call made to last request byte at the backend"),
        _maybe("server_ns", INT64, "ns", "t2 − t1: the backend's time (streams: to the last chunk's send)"),
        _maybe(
            "post_receive_ns", INT64, "ns", "t3 − t2: first response byte (streams: last chunk) sent to call returned"
        ),
        _maybe("overhead_ns", INT64, "ns", "pre_send_ns + post_receive_ns"),
        _maybe("cpu_ns", INT64, "ns", "CPU time of the whole process during the call, all threads"),
        _maybe("gc_ns", INT64, "ns", "time in the garbage collector during the call"),
        _maybe("attempts", INT32, "requests", "HTTP requests this call made"),
        _maybe("connection_reused", BOOL, "", "the first request went over a connection that had carried one before"),
        _maybe("usage_input_tokens", INT64, "tokens", "input tokens as the answer states", "gen_ai.usage.input_tokens"),
        _maybe("usage_output_tokens", INT64, "tokens", "output tokens as stated", "gen_ai.usage.output_tokens"),
        _maybe(
            "usage_reasoning_output_tokens",
            INT64,
            "tokens",
            "output tokens spent on reasoning, as the answer states",
            "gen_ai.usage.reasoning.output_tokens",
        ),
        _maybe(
            "usage_cache_read_input_tokens",
            INT64,
            "tokens",
            "input tokens read from the provider's cache, as the answer states; part of the input tokens",
            "gen_ai.usage.cache_read.input_tokens",
        ),
        _maybe("cost_usd", FLOAT, "USD", "cost as the client computed it; null when it computes none"),
        _maybe("litellm_reported_overhead_ns", INT64, "ns", "overhead by LiteLLM's own clock; audited, not trusted"),
        _maybe("is_valid_structure", BOOL, "", "our validator's word on the text; null where none was asked for"),
        _maybe("client_verdict", WORD, "", "the client's own word on a structured answer; null where it gives none"),
        Column("outcome", WORD, "", "ok, error, timeout, wrong_content or cancelled"),
        _maybe("error_type", WORD, "", "class of the failure; null only when ok", "error.type"),
        _maybe("error_class", WORD, "", "exception class as the caller saw it"),
        _maybe("http_response_status_code", INT32, "", "status of the last attempt", "http.response.status_code"),
        _maybe("timeout_ns", INT64, "ns", "limit that was in force on this call"),
        Column("is_censored", BOOL, "", "duration_ns is a lower bound: a limit of our own ended the call"),
    ),
)

ATTEMPTS = Table(
    "attempts",
    Attempt,
    "One HTTP request as the backend saw it. Instants are CLOCK_MONOTONIC and subtract only within one run.",
    (
        Column("run_id", WORD, "", "the run"),
        Column("call_id", TEXT, "", "the call that made this request; joins to calls.call_id"),
        Column("attempt", INT32, "", "which request of the call, from 1"),
        _instant("received_ns", "instant of the last request byte: the kernel's stamp where there is one"),
        _instant("first_byte_sent_ns", "instant just before the first response byte left; 0 where none did"),
        _instant("last_byte_sent_ns", "instant just before the last response bytes left; 0 where none did"),
        Column("request_bytes", INT64, "bytes", "head and body of the request"),
        Column("response_bytes", INT64, "bytes", "head and body of the response, framing included"),
        _instant("chunk_sent_ns", "instant of each chunk's send, in order", INT64S),
        Column("connection_id", INT64, "", "connection that carried the request"),
        Column("connection_reused", BOOL, "", "the connection had carried a request before"),
        Column("status", INT32, "", "status the backend sent", "http.response.status_code"),
        _maybe("fault", WORD, "", "fault the backend injected; null when none"),
        Column(
            "pacing_error_ns", INT64S, "ns", "each chunk's actual − due send, in order; live, it is due as it arrives"
        ),
        _maybe(
            "upstream_sent_ns", INT64, "ns", "live: instant just before the request left for the provider", instant=True
        ),
        _maybe("upstream_first_byte_ns", INT64, "ns", "live: instant of the answer's first byte there", instant=True),
        _maybe("upstream_last_byte_ns", INT64, "ns", "live: instant of the answer's last byte there", instant=True),
        _maybe(
            "upstream_connection_reused", BOOL, "", "live: the connection to the provider had carried a request before"
        ),
        _maybe(
            "upstream_failure", WORD, "", "live: how the provider failed: refused, certificate, tls, reset, closed, …"
        ),
        _maybe("openai_processing_ns", INT64, "ns", "live: openai-processing-ms, as the provider says"),
        _maybe("envoy_upstream_service_ns", INT64, "ns", "live: x-envoy-upstream-service-time, as the provider says"),
        _maybe("server_timing_ns", INT64, "ns", "live: the longest duration in Server-Timing, as the provider says"),
    ),
)

COLD = Table(
    "cold",
    Cold,
    "Facts of one fresh process: what the first call costs before anything is warm.",
    (
        Column("run_id", WORD, "", "the run"),
        Column("arm", WORD, "", "the call path"),
        Column("mode", WORD, "", "sync or async"),
        Column("repeat", INT32, "", "which fresh process of this arm and mode, from 0"),
        Column("import_ns", INT64, "ns", "importing the client and building it"),
        Column("modules_loaded", INT32, "modules", "modules in sys.modules after the import"),
        Column("rss_import_bytes", INT64, "bytes", "resident memory after the import"),
        Column("first_call_ns", INT64, "ns", "duration of the process's first call"),
        Column("rss_after_bytes", INT64, "bytes", "resident memory when the process was done"),
    ),
)

FIRST_CALLS = Table(
    "first_calls",
    FirstCall,
    "The first call of each cell in each process: what a process pays to turn to another model, shape or provider.",
    (
        Column("run_id", WORD, "", "the run"),
        Column("arm", WORD, "", "the call path"),
        Column("mode", WORD, "", "sync or async"),
        Column("repeat", INT32, "", "which fresh process of this arm and mode, from 0"),
        Column("cell_id", WORD, "", "the condition turned to"),
        Column("position", INT32, "", "how many conditions this process had turned to before"),
        Column("shares_client", BOOL, "", "the library's client object was there already"),
        Column("first_call_ns", INT64, "ns", "building the client where it was not there, and the call"),
    ),
)

REQUESTS = Table(
    "requests",
    Request,
    "Each distinct request that an arm sent in a cell and block, without what was said: texts are length and hash.",
    (
        Column("run_id", WORD, "", "the run"),
        Column("cell_id", WORD, "", "the condition"),
        Column("block", INT32, "", "the block"),
        Column("arm", WORD, "", "the call path"),
        Column("calls", INT32, "requests", "how many times it was sent"),
        Column("method", WORD, "", "HTTP method", "http.request.method"),
        Column("target", WORD, "", "path and query below the provider's root; secrets replaced"),
        Column("headers", TEXTS, "", "'name: value' lines in the order sent; secrets and values that vary replaced"),
        _maybe("body", TEXT, "", "JSON body with sorted members; texts as length and hash; null where it is no JSON"),
        Column("request_bytes", INT64, "bytes", "head and body of the request as sent"),
    ),
)

FAULTS = Table(
    "faults",
    FaultCase,
    "One call under one fault, in a process that can be killed. Offsets are from the call's start.",
    (
        Column("run_id", WORD, "", "the run"),
        Column("block", INT32, "", "the group of cases measured together: an arm, a provider and a colour"),
        Column("case_id", TEXT, "", "fault/arm/provider/mode/shape/setting/repeat"),
        Column("repeat", INT32, "", "which repetition of the case, from 0"),
        Column("fault", WORD, "", "scenario in benchmarks/faults"),
        Column("family", WORD, "", "what kind of fault: connection, silence, slow, cut, status, malformed or ending"),
        Column("arm", WORD, "", "the call path"),
        Column("client", WORD, "", "what is measured: raw_http, openai, litellm, …"),
        Column("client_version", WORD, "", "version of the client's distribution; the facts hold for it alone"),
        Column("http_library", WORD, "", "library that carried the bytes"),
        Column("http_library_version", WORD, "", "its version"),
        Column("mode", WORD, "", "sync or async"),
        Column("provider_name", WORD, "", "provider whose wire format was spoken", "gen_ai.provider.name"),
        Column("request_model", WORD, "", "model that was asked for", "gen_ai.request.model"),
        Column("request_stream", BOOL, "", "the answer was asked for as a stream", "gen_ai.request.stream"),
        Column("setting", WORD, "", "default, limited, retrying or guarded"),
        _maybe(
            "limit_ns", INT64, "ns", "by when control must be back under this setting; null where none was asked for"
        ),
        _maybe("retries_asked", INT32, "requests", "retries asked for; null where the client's default was left"),
        Column("window_ns", INT64, "ns", "how long control was waited for before the process was killed"),
        _maybe(
            "duration_ns", INT64, "ns", "the call at the caller; null where control did not come back in the window"
        ),
        _maybe("chunk_count", INT32, "chunks", "chunks the caller received; streams only"),
        Column("outcome", WORD, "", "returned, raised, killed or unreadable (it returned what cannot be read)"),
        _maybe("error_kind", WORD, "", "what the exception tells the caller, in one set of words", "error.type"),
        _maybe("error_class", WORD, "", "exception class as the caller saw it, fully qualified"),
        _maybe("error_is_own", BOOL, "", "the exception, or a base of it, is the client's own"),
        _maybe(
            "http_response_status_code", INT32, "", "status that the exception carries", "http.response.status_code"
        ),
        _maybe("finish_reason", WORD, "", "finish reason as the client reports it"),
        _maybe("is_true_answer", BOOL, "", "what came back is what the wire carried; null where nothing came back"),
        _maybe(
            "response_model",
            WORD,
            "",
            "model that the answer names; tells which link of a chain gave it",
            "gen_ai.response.model",
        ),
        _maybe("attempts", INT32, "requests", "HTTP requests on the wire; null where the fault hides them"),
        Column("attempt_offsets_ns", INT64S, "ns", "arrival of each request"),
        Column(
            "connects",
            INT32,
            "connections",
            "connections that the process dialled; null where it was killed",
            nullable=True,
        ),
        _maybe("peer_closed_offset_ns", INT64, "ns", "when the backend saw the call's last connection close"),
        _maybe("threads_left", INT32, "threads", "threads a moment after the call beyond those before it"),
        _maybe("descriptors_left", INT32, "descriptors", "file descriptors likewise"),
        _maybe("tasks_left", INT32, "tasks", "tasks of the event loop likewise; async only"),
        _maybe("loop_lag_ns", INT64, "ns", "longest delay of the event loop while the call was waited for; async only"),
        Column(
            "verdict", WORD, "", "hung, wrong_success, late, multiplied, misclassified, leaked, held or unclassified"
        ),
        Column("findings", TEXTS, "", "every verdict but 'held' that applies, the gravest first"),
    ),
)

OUTAGES = Table(
    "outages",
    OutageCall,
    "One of many calls that arrive while a fault lasts and after it has ended, all in one process.",
    (
        Column("run_id", WORD, "", "the run"),
        Column("block", INT32, "", "the group measured together: an arm, a provider and a colour"),
        Column("arm", WORD, "", "the call path"),
        Column("client", WORD, "", "what is measured: openai, litellm, …"),
        Column("client_version", WORD, "", "version of the client's distribution"),
        Column("http_library", WORD, "", "library that carried the bytes"),
        Column("http_library_version", WORD, "", "its version"),
        Column("mode", WORD, "", "sync or async"),
        Column("provider_name", WORD, "", "provider whose wire format was spoken", "gen_ai.provider.name"),
        Column("request_model", WORD, "", "model that was asked for", "gen_ai.request.model"),
        Column("request_stream", BOOL, "", "the answer was asked for as a stream", "gen_ai.request.stream"),
        Column("setting", WORD, "", "default, limited, retrying or guarded"),
        _maybe(
            "limit_ns", INT64, "ns", "by when control must be back under this setting; null where none was asked for"
        ),
        _maybe("retries_asked", INT32, "requests", "retries asked for; null where the client's default was left"),
        Column("fault", WORD, "", "scenario in benchmarks/faults that befalls every request while the outage lasts"),
        Column("outage_ns", INT64, "ns", "how long the outage lasted, from the first request on"),
        Column("arrival", INT32, "", "which of the calls, from 0"),
        Column("arrival_offset_ns", INT64, "ns", "the call's start after that of the first call"),
        _maybe("duration_ns", INT64, "ns", "the call at the caller; null where control did not come back"),
        Column("outcome", WORD, "", "returned, raised, killed or unreadable (it returned what cannot be read)"),
        _maybe("error_kind", WORD, "", "what the exception tells the caller, in one set of words", "error.type"),
        _maybe("error_class", WORD, "", "exception class as the caller saw it, fully qualified"),
        _maybe("is_true_answer", BOOL, "", "what came back is the true answer; null where nothing came back"),
        _maybe(
            "response_model",
            WORD,
            "",
            "model that the answer names; tells which link of a chain gave it",
            "gen_ai.response.model",
        ),
        Column("attempts", INT32, "requests", "HTTP requests on the wire"),
        Column("attempt_offsets_ns", INT64S, "ns", "arrival of each request after the call's start"),
    ),
)

RUNS = Table(
    "runs",
    Manifest,
    "One run: its manifest as a row, the same as results/runs/<run_id>.json.",
    (
        Column("run_id", WORD, "", "the run"),
        Column("schema_version", INT32, "", "version of these tables"),
        Column("semantic_conventions_version", WORD, "", "version of the OpenTelemetry GenAI conventions"),
        Column("started_at", TIME, "", "start, UTC"),
        _maybe("finished_at", TIME, "", "end, UTC; null while the run is unfinished"),
        Column("plan_name", WORD, "", "name of the plan"),
        Column("plan_text", TEXT, "", "the plan file as it was"),
        Column("plan_sha256", TEXT, "", "hash of plan_text, hex"),
        Column("seed", INT64, "", "seed of every random order"),
        Column("backend", WORD, "", "recorded, live or production"),
        Column("blocks_planned", INT32, "blocks", "blocks the plan asks for"),
        Column("blocks_done", INT32, "blocks", "blocks measured and kept"),
        Column("is_complete", BOOL, "", "every planned block was measured"),
        _maybe("git_commit", WORD, "", "commit of the checkout that measured; null outside one"),
        Column("harness_version", WORD, "", "version of this harness"),
        Column("fingerprint", TEXT, "", "JSON object: the machine, the clocks and the versions"),
        Column("cassettes", TEXT, "", "JSON: the cassettes that answered"),
        Column("pressure", TEXT, "", "JSON: how disturbed each block was"),
        Column("doubts", TEXTS, "", "reasons to trust this run less, known when it ended"),
    ),
)

TABLES = (CALLS, ATTEMPTS, COLD, FIRST_CALLS, REQUESTS, FAULTS, OUTAGES, RUNS)
