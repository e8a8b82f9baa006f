"""Owns the data dictionary: the schemas as Markdown, in ``results/data-dictionary.md``; a test fails when it is stale.

``python -m harness.dataset.dictionary`` rewrites it. Must not say anything the schemas do not.
"""

from __future__ import annotations

from pathlib import Path

from harness.dataset.schema import SCHEMA_VERSION, SEMANTIC_CONVENTIONS_VERSION, TABLES, Column, Table

TARGET = Path(__file__).parents[2] / "results" / "data-dictionary.md"

_INTRODUCTION = f"""\
# Data dictionary

Written by `python -m harness.dataset.dictionary`; do not edit. Schema version {SCHEMA_VERSION}; names of the
[OpenTelemetry GenAI conventions](https://github.com/open-telemetry/semantic-conventions-genai)
{SEMANTIC_CONVENTIONS_VERSION}, where durations are seconds and here nanoseconds. Unit, meaning and OpenTelemetry
name are also in every file's Arrow field metadata.
"""
_HEAD = "| column | type | null | unit | meaning | OpenTelemetry |\n|---|---|---|---|---|---|\n"


def markdown() -> str:
    """Return the whole document."""
    return "\n".join([_INTRODUCTION, *(_section(table) for table in TABLES)])


def _section(table: Table) -> str:
    rows = "".join(_line(column) for column in table.columns)
    return f"## {table.name}\n\n{table.description}\n\n{_HEAD}{rows}"


def _line(column: Column) -> str:
    kind = str(column.type).replace("dictionary<values=string, indices=int32, ordered=0>", "dictionary<int32, string>")
    otel = f"`{column.otel}`" if column.otel else ""
    null = "null" if column.nullable else ""
    return f"| `{column.name}` | {kind} | {null} | {column.unit} | {column.description} | {otel} |\n"


if __name__ == "__main__":
    TARGET.write_text(markdown(), encoding="utf-8")
