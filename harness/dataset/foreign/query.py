"""Owns the SQL that reads a foreign file: every field's text, its value, what it comes to, and what is wrong with it.

A row passes when ``reason`` is null. Reasons name fields and never repeat what stood in them: it may be a prompt or a
key. Pure text; run by ``intake``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.dataset.foreign.fields import FIELDS, UNITS, Field, Kind
from harness.dataset.foreign.given import Given, Reading, Shape
from harness.vocabulary import ErrorKind, Outcome

ROWS_VIEW = "foreign_rows"
"""What the rows of documents are called in SQL; ``_problem`` says of a row why it is none."""

LONGEST_S = 7 * 86_400
"""Longer than a week is no call but a mistaken unit."""

_NOTHING = "|null|none|nan|nat|\\n|n/a|"
_TRUE = "|true|t|1|1.0|yes|ok|success|succeeded|"
_FALSE = "|false|f|0|0.0|no|error|failure|failed|"
"""Words between bars, so that a look into one text decides: a list of them would be a join."""

_TYPES = {
    Kind.TEXT: "varchar",
    Kind.FLAG: "boolean",
    Kind.COUNT: "bigint",
    Kind.SPAN: "double",
    Kind.INSTANT: "timestamptz",
    Kind.MONEY: "double",
}
_EXPECTED = {
    Kind.FLAG: "true or false",
    Kind.COUNT: "a whole number from 0",
    Kind.SPAN: "a number from 0",
    Kind.INSTANT: "a point in time",
    Kind.MONEY: "a number from 0",
}
_KINDS = (
    ("status = 429", ErrorKind.RATE_LIMITED),
    ("status in (401, 403)", ErrorKind.AUTHENTICATION),
    ("status = 404", ErrorKind.NOT_FOUND),
    ("status = 409", ErrorKind.CONFLICT),
    ("status >= 500", ErrorKind.SERVER_ERROR),
    ("regexp_matches(said, 'time[d]?[ _-]?out|deadline')", ErrorKind.TIMEOUT_TOTAL),
    ("regexp_matches(said, 'rate[ _-]?limit|too many requests|quota|throttl')", ErrorKind.RATE_LIMITED),
    ("regexp_matches(said, 'cancel')", ErrorKind.CANCELLED),
    ("status between 400 and 499", ErrorKind.BAD_REQUEST),
    ("regexp_matches(said, 'connect|network|reset|eof|socket|disconnect')", ErrorKind.NETWORK),
    ("regexp_matches(said, 'internal|server|overload|unavailable|gateway')", ErrorKind.SERVER_ERROR),
    ("regexp_matches(said, 'auth|api key|permission|forbidden')", ErrorKind.AUTHENTICATION),
    ("regexp_matches(said, 'content[ _-]?(filter|policy)')", ErrorKind.CONTENT_FILTER),
    ("regexp_matches(said, 'invalid|bad request|context window')", ErrorKind.BAD_REQUEST),
)
"""What a status and the words of an error come to, the first that fits."""


def select(reading: Reading, path: Path) -> str:
    """The query over one file, in its order: ``reason``, ``has_id``, and what of ``calls`` a row may state."""
    given = {each.field.name: each for each in reading.given}
    texts = ",\n    ".join(f"{_text(given.get(field.name), reading.shape)} as {_told(field)}" for field in FIELDS)
    values = ",\n    ".join(f"{_value_or_null(field, given)} as {field.name}" for field in FIELDS)
    problem = "_problem" if reading.shape is Shape.ROWS else "null::varchar"
    return f"""
with source as (select * from {_source(reading.shape, path)}),
texts as (select {_unreadable(reading.shape)} as unreadable, {problem} as problem,
    {texts}
from source),
valued as (select lower(told_error) as said, told_status,
    {values},
    coalesce(problem, unreadable,
        {_misread(given)}) as misread
from texts),
timed as (select * replace (
    coalesce(duration, epoch(ended_at - started_at)) as duration,
    coalesce(first_chunk, epoch(first_chunk_at - started_at)) as first_chunk,
    coalesce(status, {_status_in_error()}) as status
) from valued),
judged as (select *,
    coalesce(ok, {_flag("told_status")}, status < 400, error is null) as is_ok,
    coalesce(stream, first_chunk < duration, false) as is_stream,
    coalesce(provider, case when contains(model, '/') then split_part(model, '/', 1) end, 'unknown') as who
from timed),
kinded as (select *, {_error_kind()} as kind from judged)
select
    coalesce(misread, {_implausible()}) as reason,
    id is not null as has_id,
    case when id is not null then md5_number_lower(id) end as call_id,
    coalesce(started_at, to_timestamp(0)) as started_at,
    concat(who, '/', model, '/imported/', if(is_stream, 'stream', 'whole')) as cell_id,
    client, mode, who as provider_name, model as request_model, response_model,
    is_stream as request_stream,
    max_tokens as request_max_tokens,
    {_ns("duration")} as duration_ns,
    case when is_stream then {_ns("first_chunk")} end as time_to_first_chunk_ns,
    case when is_stream then {_ns("max_gap")} end as max_chunk_gap_ns,
    case when is_stream then chunks::int end as chunk_count,
    attempts::int as attempts,
    input_tokens as usage_input_tokens,
    output_tokens as usage_output_tokens,
    reasoning_tokens as usage_reasoning_output_tokens,
    cached_tokens as usage_cache_read_input_tokens,
    cost_usd,
    case
        when is_ok then '{Outcome.OK}'
        when starts_with(kind, 'timeout') then '{Outcome.TIMEOUT}'
        when kind = '{ErrorKind.CANCELLED}' then '{Outcome.CANCELLED}'
        else '{Outcome.ERROR}'
    end as outcome,
    kind as error_type,
    status::int as http_response_status_code,
    {_ns("timeout")} as timeout_ns,
    not is_ok and starts_with(kind, 'timeout') as is_censored
from kinded"""  # noqa: S608  (column names are quoted, and no value of a file is in it)


def identifier(name: str) -> str:
    """A name as SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL string."""
    return "'" + text.replace("'", "''") + "'"


def columns_of(shape: Shape, path: Path) -> str:
    """The query whose columns are the file's."""
    return f"select * from {_source(shape, path)} limit 0"  # noqa: S608  (the path is quoted)


def first_objects(path: Path) -> str:
    """The query for the first objects of a file of JSON lines, as text."""
    return f"select json::varchar from {_source(Shape.JSONL, path)} limit 100"  # noqa: S608  (the path is quoted)


def _source(shape: Shape, path: Path) -> str:
    file = literal(str(path))
    match shape:
        case Shape.CSV:
            return f"read_csv({file}, header = true, all_varchar = true, store_rejects = true)"
        case Shape.PARQUET:
            return f"read_parquet({file}, hive_partitioning = false)"
        case Shape.JSONL:
            return f"read_ndjson_objects({file}, ignore_errors = true)"
        case Shape.ROWS:
            return ROWS_VIEW


def _text(given: Given | None, shape: Shape) -> str:
    """A field's text; null where the file states none or says that there is nothing."""
    if given is None:
        return "null::varchar"
    if given.constant is not None:
        said = str(given.constant).lower() if isinstance(given.constant, bool) else str(given.constant)
        return f"{literal(said)}::varchar"
    assert given.column is not None
    if shape is Shape.JSONL:
        raw = f"json_extract_string(json, {literal(_json_path(given.column))})"
    else:
        raw = f"{identifier(given.column)}::varchar"
    return f"nullif(trim({raw}), '')"


def _json_path(column: str) -> str:
    return "$" + "".join(f'."{part}"' for part in column.split("."))


def _unreadable(shape: Shape) -> str:
    return "case when json is null then 'expected a JSON object' end" if shape is Shape.JSONL else "null::varchar"


def _value(field: Field, given: Given) -> str:
    name = _told(field)
    number = f"try_cast({name} as double)"
    match field.kind:
        case Kind.TEXT:
            return f"case when not {_is_nothing(name)} then {name} end"
        case Kind.FLAG:
            return _flag(name)
        case Kind.COUNT:
            is_whole = f"{number} >= 0 and {number} = floor({number}) and {number} < 1e15"
            return f"case when {is_whole} then {number}::bigint end"
        case Kind.SPAN:
            scale = UNITS[given.unit] / 1e9 if given.unit is not None else 1.0
            return f"case when isfinite({number}) and {number} >= 0 then {number} * {scale!r} end"
        case Kind.MONEY:
            return f"case when isfinite({number}) and {number} >= 0 then {number} end"
        case Kind.INSTANT:
            if given.unit is not None:
                scale = UNITS[given.unit] / 1e9
                return f"case when {number} * {scale!r} between 0 and 1e11 then to_timestamp({number} * {scale!r}) end"
            return f"try_cast({name} as timestamptz)"


def _value_or_null(field: Field, given: Mapping[str, Given]) -> str:
    return _value(field, given[field.name]) if field.name in given else f"null::{_TYPES[field.kind]}"


def _misread(given: Mapping[str, Given]) -> str:
    """The first field whose text is there and has no value."""
    cases = [
        f"case when {_told(field)} is not null and {field.name} is null{_unless(field)} "
        f"and not {_is_nothing(_told(field))} "
        f"then '{field.name}: expected {expected}' end"
        for field in FIELDS
        if field.name in given and (expected := _EXPECTED.get(field.kind)) is not None
    ]
    return ",\n        ".join(cases or ["null::varchar"])


def _unless(field: Field) -> str:
    """A status may be a word as well as a code."""
    return f" and {_flag(_told(field))} is null" if field.name == "status" else ""


def _is_nothing(name: str) -> str:
    """Whether a text is a word for nothing; most are too long to ask."""
    return f"(case when length({name}) <= 4 then {_is_one_of(name, _NOTHING)} else false end)"


def _flag(name: str) -> str:
    return f"case when {_is_one_of(name, _TRUE)} then true when {_is_one_of(name, _FALSE)} then false end"


def _is_one_of(name: str, words: str) -> str:
    return f"contains({literal(words)}, '|' || lower({name}) || '|')"


def _told(field: Field) -> str:
    return f"told_{field.name}"


def _status_in_error() -> str:
    code = "try_cast(regexp_extract(error, '^\\s*(\\d{3})\\b', 1) as bigint)"
    return f"case when {code} between 100 and 599 then {code} end"


def _error_kind() -> str:
    cases = " ".join(f"when {condition} then '{kind}'" for condition, kind in _KINDS)
    return f"case when is_ok then null {cases} else '{ErrorKind.OTHER}' end"


def _implausible() -> str:
    """What is wrong with values that could each be read."""
    return f"""case
        when from_cache then 'from_cache: expected an answer of the provider, got one of a cache'
        when model is null then 'model: expected a name, got none'
        when is_ok and duration is null and (first_chunk is null or not is_stream)
            then 'duration: expected one of a call that succeeded, got none'
        when duration <= 0 and is_ok then 'duration: expected more than 0'
        when duration < 0 then 'duration: ended before it began'
        when duration > {LONGEST_S} then 'duration: expected less than a week; is the unit right?'
        when is_ok and first_chunk < 0 then 'first_chunk: came before the call'
        when is_ok and is_stream and first_chunk > duration * 1.001 + 0.001 then 'first_chunk: came after the end'
        when started_at > now() + interval 1 day then 'started_at: lies in the future; is the unit right?'
        when started_at < timestamptz '2015-01-01 00:00:00+00'
            then 'started_at: expected a time after 2015; is the unit right?'
    end"""


def _ns(name: str) -> str:
    return f"round({name} * 1e9)::bigint"
