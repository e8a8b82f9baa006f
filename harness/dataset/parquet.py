"""Owns the Parquet files: rows to bytes, and whether a file on disk is one of ours. Called by ``store``.

Files carry every column, the schema's version and a checksum per page, because readers take the first file's schema for
all and decode damaged bytes into plausible numbers. Must not decide where files lie.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from harness.dataset.schema import INT64, INT64S, SCHEMA_VERSION, WORD, Row, Table
from harness.errors import DataError

ROW_GROUP = 250_000

_DURATIONS = "BYTE_STREAM_SPLIT"
_INSTANTS = "DELTA_BINARY_PACKED"


def encode(table: Table, rows: Sequence[Row]) -> bytes:
    """Turn rows of one table into the bytes of a Parquet file. Raises DataError for a value that no column can hold."""
    schema = table.schema
    arrays = [_array(table, field, rows) for field in schema]
    return encode_table(table, pa.Table.from_arrays(arrays, schema=schema))


def encode_table(table: Table, rows: pa.Table) -> bytes:
    """Turn an Arrow table with the schema of ``table`` into the bytes of a Parquet file. Raises DataError for a null
    where none may be.
    """
    for field in table.schema:
        if not field.nullable and rows[field.name].null_count:
            raise DataError(f"{table.name}: {field.name}: expected a value in every row, got none in some")
    sink = pa.BufferOutputStream()
    pq.write_table(
        rows,
        sink,
        row_group_size=ROW_GROUP,
        compression="zstd",
        compression_level=3,
        use_dictionary=[column.name for column in table.columns if column.type == WORD],
        column_encoding=_encodings(table),
        write_page_index=True,
        write_page_checksum=True,
    )
    return bytes(sink.getvalue())


def check(path: Path, table: Table) -> int:
    """Check from its footer that a file belongs to ``table``, in this version; return its number of rows.

    Raises DataError saying what was expected, what was found and what to do.
    """
    metadata = _guarded(path, table, lambda: pq.read_metadata(path))
    schema = _guarded(path, table, metadata.schema.to_arrow_schema)
    problem = _mismatch(schema, table)
    if problem:
        raise DataError(f"{path}: {problem}")
    return int(metadata.num_rows)


def check_content(path: Path, table: Table) -> None:
    """Read every page and compare it with its checksum. Raises DataError for damage anywhere in the file."""
    _guarded(path, table, lambda: _read_through(path))


def _array(table: Table, field: pa.Field, rows: Sequence[Row]) -> pa.Array:
    values = [getattr(row, field.name) for row in rows]
    try:
        array = pa.array(values, type=field.type)
    except (pa.ArrowException, TypeError, OverflowError) as problem:
        raise DataError(
            f"{table.name}: {field.name}: expected {field.type}, got a value beyond it: {problem}"
        ) from None
    if array.null_count and not field.nullable:
        raise DataError(f"{table.name}: {field.name}: expected a value in every row, got null in {array.null_count}")
    return array


def _encodings(table: Table) -> dict[str, str]:
    encodings: dict[str, str] = {}
    for column in table.columns:
        if column.type == INT64S:
            encodings[f"{column.name}.list.element"] = _INSTANTS
        elif column.is_instant:
            encodings[column.name] = _INSTANTS
        elif column.type == INT64 and column.unit == "ns":
            encodings[column.name] = _DURATIONS
    return encodings


def _guarded(path: Path, table: Table, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except PermissionError:
        raise DataError(f"{path}: cannot read: permission denied; make the file readable") from None
    except Exception as problem:  # noqa: BLE001 - damaged bytes fail in every way there is, and each is this one finding
        first_line = (str(problem).splitlines() or [type(problem).__name__])[0]
        raise DataError(
            f"{path}: expected a Parquet file of table {table.name}, got one that cannot be read ({first_line}); "
            "it is damaged or of another kind: move it out of the dataset and measure again"
        ) from None


def _read_through(path: Path) -> None:
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        for _ in file.iter_batches():
            pass


def _mismatch(found: pa.Schema, table: Table) -> str:
    return (
        _foreign(found, table)
        or _other_version(found.metadata[b"schema_version"].decode(errors="replace"))
        or _other_columns(found, table.schema)
    )


def _foreign(found: pa.Schema, table: Table) -> str:
    name = (found.metadata or {}).get(b"table", b"").decode(errors="replace")
    if b"schema_version" not in (found.metadata or {}) or not name:
        return (
            f"expected a file of table {table.name} written by this harness, got a foreign Parquet file; "
            "move it out of the dataset"
        )
    if name != table.name:
        return f"expected a file of table {table.name}, got one of table {name}; move it out of this folder"
    return ""


def _other_version(found: str) -> str:
    if found == str(SCHEMA_VERSION):
        return ""
    if found.isdecimal() and int(found) > SCHEMA_VERSION:
        return f"expected schema version {SCHEMA_VERSION}, got {found} of a newer harness; upgrade this one"
    return (
        f"expected schema version {SCHEMA_VERSION}, got {found!r}; move the file out of the dataset and measure again"
    )


def _other_columns(found: pa.Schema, expected: pa.Schema) -> str:
    missing = [name for name in expected.names if name not in found.names]
    extra = [name for name in found.names if name not in expected.names]
    remedy = "move the file out of the dataset and measure again"
    if missing:
        return f"{missing[0]}: expected this column, got none; {remedy}"
    if extra:
        return f"{extra[0]}: expected no such column, got one; {remedy}"
    for field in expected:
        if len(found.get_all_field_indices(field.name)) > 1:
            return f"{field.name}: expected one column, got several of this name; {remedy}"
        if not found.field(field.name).equals(field):
            return f"{field.name}: expected {_shape(field)}, got {_shape(found.field(field.name))}; {remedy}"
    if found.names != expected.names:
        return f"expected the columns in the order of the schema, got another order; {remedy}"
    return ""


def _shape(field: pa.Field) -> str:
    return f"{field.type}{'' if field.nullable else ' not null'}"
