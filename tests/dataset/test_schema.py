"""The tables promise: the records' fields, one type per kind of value, and a meaning for every column."""

from __future__ import annotations

from dataclasses import fields

import pyarrow as pa
import pytest

from harness.dataset.schema import (
    BOOL,
    CALLS,
    FLOAT,
    INT32,
    INT64,
    INT64S,
    SCHEMA_VERSION,
    SEMANTIC_CONVENTIONS_VERSION,
    TABLES,
    TEXT,
    TEXTS,
    TIME,
    WORD,
    Table,
)

every_table = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)

ALLOWED = {
    "str": {WORD, TEXT},
    "int": {INT32, INT64},
    "float": {FLOAT},
    "bool": {BOOL},
    "datetime": {TIME},
    "tuple[int, ...]": {INT64S},
    "tuple[str, ...]": {TEXTS},
}


@every_table
def test_columns_are_the_fields_of_the_record_in_order(table: Table) -> None:
    """A field without a column would be lost in silence."""
    assert [column.name for column in table.columns] == [field.name for field in fields(table.row)]


@every_table
def test_types_and_nullability_follow_the_record(table: Table) -> None:
    """``int | None`` is a nullable integer, and so on."""
    for column, field in zip(table.columns, fields(table.row), strict=True):
        kind = str(field.type)
        assert column.nullable == kind.endswith(" | None"), column.name
        assert column.type in ALLOWED[kind.removesuffix(" | None")], column.name


@every_table
def test_every_column_has_a_meaning_and_times_have_their_unit(table: Table) -> None:
    """The unit is in the name and in the metadata, and they agree."""
    for column in table.columns:
        metadata = column.field.metadata
        assert metadata[b"description"], column.name
        if column.name.endswith("_ns"):
            assert metadata[b"unit"] == b"ns", column.name
            assert column.type in (INT64, INT64S), column.name


@every_table
def test_files_say_which_versions_they_follow(table: Table) -> None:
    """A file found alone a year later still says what it is."""
    assert table.schema.metadata == {
        b"table": table.name.encode(),
        b"schema_version": str(SCHEMA_VERSION).encode(),
        b"semantic_conventions_version": SEMANTIC_CONVENTIONS_VERSION.encode(),
    }


@every_table
def test_types_are_ones_that_every_reader_understands(table: Table) -> None:
    """No Arrow duration and no nanosecond timestamp: other readers refuse or round them."""
    for field in table.schema:
        assert not pa.types.is_duration(field.type)
        assert not (pa.types.is_timestamp(field.type) and field.type.unit == "ns")


def test_a_column_named_after_a_convention_carries_its_exact_name() -> None:
    """Names are the attribute's without ``gen_ai.``, dots as underscores."""
    attributes = {column.name: column.otel for column in CALLS.columns if column.otel.startswith("gen_ai.")}
    from_attributes = {name: otel for name, otel in attributes.items() if ".client." not in otel}
    assert from_attributes["usage_reasoning_output_tokens"] == "gen_ai.usage.reasoning.output_tokens"
    for name, otel in from_attributes.items():
        assert name == otel.removeprefix("gen_ai.").replace(".", "_")
