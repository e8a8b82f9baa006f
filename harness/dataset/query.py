"""Owns reading many Parquet files as one table, in DuckDB's bounded memory. Called by ``store``, which checked them.

Must not decide which files count, nor interpret a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

from harness.dataset.schema import TEXT, WORD, Table
from harness.errors import DataError

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {"autoinstall_known_extensions": False}
# A filter, not `in (select …)`: that is a join, which loses the order of the files.
_ROWS_OF_RUNS = "select * from read_parquet($files, hive_partitioning = false) where list_contains($run_ids, run_id)"


def frame(table: Table, files: Sequence[Path], run_ids: Sequence[str]) -> pd.DataFrame:
    """Return the rows of ``run_ids`` in ``files``, in the order of the files, with the schema's columns.

    Strings are ``str``, times UTC, lists arrays. A nullable integer is always ``float64`` with NaN for null, whether or
    not nulls occur (exact below 2^53; every nullable time is a duration). Raises DataError when DuckDB cannot read.
    """
    rows = _rows(table, files, run_ids) if files else _plain(table.schema).empty_table()
    found: pd.DataFrame = rows.to_pandas()
    return found.astype({field.name: "float64" for field in table.schema if _is_nullable_integer(field)})


def _rows(table: Table, files: Sequence[Path], run_ids: Sequence[str]) -> pa.Table:
    parameters = {"files": [str(path) for path in files], "run_ids": list(run_ids)}
    try:
        with duckdb.connect(":memory:", config=_SETTINGS) as connection:
            found = connection.sql(_ROWS_OF_RUNS, params=parameters).to_arrow_table()
        return found.cast(_plain(table.schema))
    except (duckdb.Error, pa.ArrowException) as problem:
        first_line = str(problem).splitlines()[0]
        raise DataError(
            f"{files[0].parent.parent}: {table.name}: DuckDB cannot read these files: {first_line}; "
            "move the damaged one out of the dataset and measure again"
        ) from None


def _plain(schema: pa.Schema) -> pa.Schema:
    """The schema with strings in place of dictionaries, which DuckDB does not give back."""
    return pa.schema([field.with_type(TEXT) if field.type == WORD else field for field in schema])


def _is_nullable_integer(field: pa.Field) -> bool:
    return bool(field.nullable and pa.types.is_integer(field.type))
