"""Owns reading many Parquet files as one table, in DuckDB's bounded memory. Called by ``store``, which checked them.

Must not decide which files count, nor interpret a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from harness.dataset.schema import TEXT, WORD, Table
from harness.errors import DataError

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {"autoinstall_known_extensions": False}
# A filter, not `in (select …)`: that is a join, which loses the order of the files.
_ROWS_OF_RUNS = "select * from read_parquet($files, hive_partitioning = false) where list_contains($run_ids, run_id)"
_TRAFFIC = """
with attempt as (
    select
        run_id, call_id, sum(request_bytes) as sent, sum(response_bytes) as received,
        list(distinct connection_id) as connections, arg_min(connection_reused, attempt) as reused
    from read_parquet($attempts, hive_partitioning = false)
    where list_contains($run_ids, run_id)
    group by all
), joined as (
    select calls.run_id, calls.cell_id, calls.arm, calls.block, calls.call_id, attempt.* exclude (run_id, call_id)
    from read_parquet($calls, hive_partitioning = false) as calls
    left join attempt using (run_id, call_id)
    where list_contains($run_ids, calls.run_id)
), used as (
    select run_id, cell_id, arm, count(distinct (block, connection)) as connections
    from (select run_id, cell_id, arm, block, unnest(connections) as connection from joined)
    group by all
), summed as (
    select
        run_id, cell_id, arm, count(*) as calls, median(sent) as request_bytes_p50,
        median(received) as response_bytes_p50, avg(reused::int) as reuse
    from joined
    group by all
)
select
    run_id::varchar as run_id, cell_id::varchar as cell_id, arm::varchar as arm, calls,
    request_bytes_p50::double as request_bytes_p50, response_bytes_p50::double as response_bytes_p50,
    coalesce(connections, 0) as connections, reuse::double as reuse
from summed left join used using (run_id, cell_id, arm)
order by all
"""
_NO_TRAFFIC = {
    **dict.fromkeys(("run_id", "cell_id", "arm"), "str"),
    "calls": "int64",
    "request_bytes_p50": "float64",
    "response_bytes_p50": "float64",
    "connections": "int64",
    "reuse": "float64",
}


def traffic(calls: Sequence[Path], attempts: Sequence[Path], run_ids: Sequence[str]) -> pd.DataFrame:
    """Return a row per run, cell and arm, in that order.

    ``calls``; ``request_bytes_p50`` and ``response_bytes_p50``, medians over calls of what all attempts of a call
    moved; ``connections``, the distinct ones that carried them (one that served several cells counts in each);
    ``reuse``, the share of calls whose first attempt went over a connection that had carried a request before. Bytes
    and reuse are NaN where no call reached the wire. Raises DataError when DuckDB cannot read.
    """
    if not calls or not attempts:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _NO_TRAFFIC.items()})
    files = {"calls": [str(path) for path in calls], "attempts": [str(path) for path in attempts]}
    with _reading(attempts[0], "attempts"), duckdb.connect(":memory:", config=_SETTINGS) as connection:
        found: pd.DataFrame = connection.sql(_TRAFFIC, params=files | {"run_ids": list(run_ids)}).df()
    return found.astype(_NO_TRAFFIC)


_WAITS = """
select
    run_id::varchar as run_id, origin::varchar as origin, provider_name::varchar as provider,
    request_model::varchar as model, request_stream as stream, request_max_tokens as max_tokens,
    duration_ns / 1e9 as total_s, time_to_first_chunk_ns / 1e9 as first_s, max_chunk_gap_ns / 1e9 as gap_s,
    timeout_ns / 1e9 as limit_s, epoch(started_at) as at_s, outcome::varchar as outcome,
    is_censored, http_response_status_code is not null as is_answered, error_type::varchar as error_type,
    cost_usd
from read_parquet($files, hive_partitioning = false)
where list_contains($run_ids, run_id) and origin in ('live', 'imported')
order by provider, model, stream, at_s
"""


def waits(files: Sequence[Path], run_ids: Sequence[str]) -> pd.DataFrame:
    """Return a row per call that a real provider answered, or did not, sorted by provider, model, stream and time.

    ``run_id``, ``origin``, ``provider``, ``model``, ``outcome`` and ``error_type`` are categories; ``stream`` and
    ``is_censored`` flags; ``total_s``, ``first_s``, ``gap_s``, ``limit_s`` and ``cost_usd`` NaN where unknown, as is
    ``max_tokens``; ``at_s`` are seconds from the epoch, 0 without a date. Raises DataError when DuckDB cannot read.
    """
    if not files:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _WAIT_KINDS.items()})
    parameters = {"files": [str(path) for path in files], "run_ids": list(run_ids)}
    with _reading(files[0], "calls"), duckdb.connect(":memory:", config=_SETTINGS) as connection:
        found: pd.DataFrame = connection.sql(_WAITS, params=parameters).df()
    return found.astype(_WAIT_KINDS)


_WAIT_KINDS = {
    **dict.fromkeys(("run_id", "origin", "provider", "model"), "category"),
    "stream": "bool",
    **dict.fromkeys(("max_tokens", "total_s", "first_s", "gap_s", "limit_s", "at_s"), "float64"),
    "outcome": "category",
    "is_censored": "bool",
    "is_answered": "bool",
    "error_type": "category",
    "cost_usd": "float64",
}


def call_ids(files: Sequence[Path], run_ids: Sequence[str]) -> npt.NDArray[np.uint64]:
    """Return the numbers of these calls, each once, sorted. Raises DataError when DuckDB cannot read."""
    if not files:
        return np.empty(0, dtype=np.uint64)
    parameters = {"files": [str(path) for path in files], "run_ids": list(run_ids)}
    with _reading(files[0], "calls"), duckdb.connect(":memory:", config=_SETTINGS) as connection:
        found = connection.sql(_CALL_IDS, params=parameters).fetchnumpy()["number"]
    return np.unique(np.asarray(found, dtype=np.uint64))


_CALL_IDS = """
select call_id::ubigint as number from read_parquet($files, hive_partitioning = false)
where list_contains($run_ids, run_id)
"""


def frame(table: Table, files: Sequence[Path], run_ids: Sequence[str]) -> pd.DataFrame:
    """Return the rows of ``run_ids`` in ``files``, in the order of the files, with the schema's columns.

    Strings are ``str``, times UTC, lists arrays. A nullable integer is always ``float64`` with NaN for null, whether or
    not nulls occur (exact below 2^53; every nullable time is a duration), a nullable boolean an object with None.
    Raises DataError when DuckDB cannot read.
    """
    rows = _rows(table, files, run_ids) if files else _plain(table.schema).empty_table()
    found: pd.DataFrame = rows.to_pandas()
    kinds = {field.name: kind for field in table.schema if (kind := _kind_with_nulls(field))}
    return found.astype(kinds)


def _rows(table: Table, files: Sequence[Path], run_ids: Sequence[str]) -> pa.Table:
    parameters = {"files": [str(path) for path in files], "run_ids": list(run_ids)}
    with _reading(files[0], table.name):
        with duckdb.connect(":memory:", config=_SETTINGS) as connection:
            found = connection.sql(_ROWS_OF_RUNS, params=parameters).to_arrow_table()
        return found.cast(_plain(table.schema))


@contextmanager
def _reading(first: Path, name: str) -> Iterator[None]:
    """Turn what DuckDB and Arrow say into one line."""
    try:
        yield
    except (duckdb.Error, pa.ArrowException) as problem:
        first_line = str(problem).splitlines()[0]
        raise DataError(
            f"{first.parent.parent}: {name}: DuckDB cannot read these files: {first_line}; "
            "move the damaged one out of the dataset and measure again"
        ) from None


def _plain(schema: pa.Schema) -> pa.Schema:
    """The schema with strings in place of dictionaries, which DuckDB does not give back."""
    return pa.schema([field.with_type(TEXT) if field.type == WORD else field for field in schema])


def _kind_with_nulls(field: pa.Field) -> str | None:
    """The dtype that holds a nullable column's values and its nulls; None where the column's own does."""
    if not field.nullable:
        return None
    if pa.types.is_integer(field.type):
        return "float64"
    return "object" if pa.types.is_boolean(field.type) else None
