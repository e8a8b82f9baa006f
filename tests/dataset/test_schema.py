"""The tables: columns are the records' fields, every column explains itself, and the dictionary says the same."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from types import NoneType
from typing import get_args, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.dataset import dictionary
from harness.dataset.schema import (
    ATTEMPTS,
    CALLS,
    COLD,
    RUNS,
    SCHEMA_VERSION,
    SEMANTIC_CONVENTIONS_VERSION,
    TABLES,
    Column,
    Table,
)
from harness.dataset.store import Store
from harness.record import Attempt, Call, Cold, Manifest

ROOT = Path(__file__).parents[2]
OTEL_NAMES = {
    "operation_name": "gen_ai.operation.name",
    "provider_name": "gen_ai.provider.name",
    "request_model": "gen_ai.request.model",
    "response_model": "gen_ai.response.model",
    "request_stream": "gen_ai.request.stream",
    "request_max_tokens": "gen_ai.request.max_tokens",
    "usage_input_tokens": "gen_ai.usage.input_tokens",
    "usage_output_tokens": "gen_ai.usage.output_tokens",
    "usage_reasoning_output_tokens": "gen_ai.usage.reasoning.output_tokens",
    "error_type": "error.type",
    "http_response_status_code": "http.response.status_code",
}
"""The attributes of the conventions that have a column; durations are metrics, and not in this list."""
UNITS = {"ns", "bytes", "tokens", "USD", "calls", "chunks", "requests", "blocks", "modules", ""}
ARROW_OF = {"int": pa.types.is_integer, "float": pa.types.is_floating, "bool": pa.types.is_boolean}

each_table = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
each_column = pytest.mark.parametrize(
    ("table", "column"),
    [pytest.param(table, column, id=f"{table.name}.{column.name}") for table in TABLES for column in table.columns],
)


def test_there_are_the_four_tables_of_the_design_each_with_its_record() -> None:
    """calls, attempts, cold and runs hold Call, Attempt, Cold and Manifest."""
    assert [(table.name, table.row) for table in TABLES] == [
        ("calls", Call),
        ("attempts", Attempt),
        ("cold", Cold),
        ("runs", Manifest),
    ]


@each_table
def test_columns_are_the_fields_of_the_record_in_its_order(table: Table) -> None:
    """A field without a column would be lost; a column without a field could not be filled."""
    assert [column.name for column in table.columns] == [field.name for field in fields(table.row)]
    assert table.schema.names == [field.name for field in fields(table.row)]


@each_column
def test_a_column_may_be_null_exactly_where_the_field_may_be_none(table: Table, column: Column) -> None:
    """Nullability is that of the record's type, in the column and in the Arrow field."""
    hint = get_type_hints(table.row)[column.name]
    assert column.nullable == (NoneType in get_args(hint))
    assert table.schema.field(column.name).nullable == (NoneType in get_args(hint))


@each_column
def test_a_column_has_the_arrow_type_of_the_fields_python_type(table: Table, column: Column) -> None:
    """Integers stay integers, times carry UTC, tuples are lists, strings strings or dictionaries of strings."""
    hint = get_type_hints(table.row)[column.name]
    python = next((each for each in get_args(hint) if each not in (NoneType, ...)), hint)
    if str(hint).startswith("tuple"):
        assert column.type == pa.list_({int: pa.int64(), str: pa.string()}[python])
    elif python.__name__ == "datetime":
        assert column.type == pa.timestamp("us", tz="UTC")
    elif python is str:
        plain = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        assert plain == pa.string()
    else:
        assert ARROW_OF[python.__name__](column.type)


@each_column
def test_a_column_says_what_it_means_and_in_which_unit(table: Table, column: Column) -> None:
    """Meaning is never empty; unit is one of a closed set, and it agrees with the suffix of the name."""
    metadata = table.schema.field(column.name).metadata
    assert metadata[b"description"].decode() == column.description
    assert len(column.description) >= 5
    assert metadata.get(b"unit", b"").decode() == column.unit
    assert column.unit in UNITS
    assert (column.unit == "ns") == column.name.endswith("_ns")
    assert (column.unit == "bytes") == column.name.endswith("_bytes")
    assert (column.unit == "USD") == column.name.endswith("_usd")


@each_column
def test_nanoseconds_have_64_bits(table: Table, column: Column) -> None:
    """32 bits of nanoseconds are two seconds: too few for any call worth a timeout."""
    if column.unit == "ns":
        assert column.type in (pa.int64(), pa.list_(pa.int64()))


@pytest.mark.parametrize(("name", "otel"), OTEL_NAMES.items())
def test_columns_that_opentelemetry_names_carry_the_exact_name(name: str, otel: str) -> None:
    """The attribute of the convention is in the field's metadata, letter for letter."""
    assert CALLS.schema.field(name).metadata[b"otel_name"].decode() == otel


@each_column
def test_a_column_is_the_conventions_name_in_snake_case_or_claims_none(table: Table, column: Column) -> None:
    """``gen_ai.request.model`` is ``request_model``; what OpenTelemetry has no name for has no such metadata."""
    metadata = table.schema.field(column.name).metadata
    assert metadata.get(b"otel_name", b"").decode() == column.otel
    if column.otel:
        attribute = re.sub(r"^gen_ai\.(client\.inference\.)?", "", column.otel).replace(".", "_")
        assert column.name in (attribute, f"{attribute}_ns", attribute.removeprefix("http_response_").split("_")[0])


@each_table
def test_a_written_file_keeps_versions_and_every_fields_metadata(filled: Store, table: Table) -> None:
    """Whoever copies one part away still has the units and the versions: plain pyarrow shows them."""
    (path, *_) = sorted((filled.root / "dataset" / table.name).rglob("*.parquet"))
    found = pq.read_schema(path)
    assert found.metadata[b"table"].decode() == table.name
    assert found.metadata[b"schema_version"].decode() == str(SCHEMA_VERSION)
    assert found.metadata[b"semantic_conventions_version"].decode() == SEMANTIC_CONVENTIONS_VERSION
    assert [found.field(column.name).metadata[b"description"].decode() for column in table.columns] == [
        column.description for column in table.columns
    ]
    assert {column.name: found.field(column.name).metadata.get(b"unit", b"").decode() for column in table.columns} == {
        column.name: column.unit for column in table.columns
    }


def test_instants_of_the_monotonic_clock_are_told_from_durations() -> None:
    """Only the backend's stamps are readings of the clock; a call's own times are differences."""
    instants = {column.name for table in TABLES for column in table.columns if column.is_monotonic}
    assert instants == {"received_ns", "first_byte_sent_ns", "last_byte_sent_ns", "chunk_sent_ns"}
    assert [column.name for column in ATTEMPTS.columns if column.is_monotonic] == [
        column.name for column in ATTEMPTS.columns if column.name in instants
    ]
    assert not any(column.is_instant for column in COLD.columns)
    assert {column.name for column in RUNS.columns if column.is_instant} == {"started_at", "finished_at"}


def test_the_data_dictionary_in_the_repository_is_current() -> None:
    """``results/data-dictionary.md`` is what ``python -m harness.dataset.dictionary`` would write."""
    assert ROOT / "results" / "data-dictionary.md" == dictionary.TARGET
    assert dictionary.TARGET.read_text(encoding="utf-8") == dictionary.markdown()


@each_column
def test_the_data_dictionary_has_one_row_for_each_column(table: Table, column: Column) -> None:
    """Each column's row stands in its table's section, with unit, meaning and OpenTelemetry name in their cells."""
    section = dictionary.markdown().split(f"\n## {table.name}\n")[1].split("\n## ")[0]
    (row,) = [line for line in section.splitlines() if line.startswith(f"| `{column.name}` |")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[2:] == [
        "null" if column.nullable else "",
        column.unit,
        column.description,
        f"`{column.otel}`" if column.otel else "",
    ]
