"""Owns ``Given``: how one file states one field, and ``Reading``: a file with all it states. Values; no SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from harness.dataset.foreign.fields import BY_NAME, FIELDS, Field, Kind, unit_of

Constant = str | int | float | bool


class Shape(StrEnum):
    """How a file is laid out. ``rows`` come from code that reads documents."""

    CSV = "csv"
    PARQUET = "parquet"
    JSONL = "jsonl"
    ROWS = "rows"


@dataclass(frozen=True, slots=True)
class Given:
    """One field as a file states it: a column (in JSON a dotted path) or a constant, and its unit.

    ``unit`` is of a span one of ``fields.UNITS``; of an instant the same, from the epoch, or None: ISO 8601 text.
    """

    field: Field
    column: str | None = None
    constant: Constant | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """Documents read by code: each row is a mapping from field names to values, or a string saying why it is none.

    Spans are seconds, instants ISO 8601 text.
    """

    read: Callable[[Path], Iterator[dict[str, Constant | None] | str]]


@dataclass(frozen=True, slots=True)
class Reading:
    """One file and how to read it. ``told`` is the mapping as text, part of the import's identity."""

    path: Path
    shape: Shape
    given: tuple[Given, ...]
    told: str
    rows: Rows | None = None

    def states(self, name: str) -> bool:
        """Whether the file states this field at all."""
        return any(each.field.name == name for each in self.given)

    @property
    def is_enough(self) -> bool:
        """Whether it says which model was called and how long that took."""
        spans = self.states("duration") or (self.states("started_at") and self.states("ended_at"))
        return spans and self.states("model")


OF_ROWS = tuple(Given(field, field.name, unit="s" if field.kind is Kind.SPAN else None) for field in FIELDS)
"""How rows from code state every field."""


def by_alias(columns: Iterable[str]) -> Iterator[Given]:
    """The fields that these columns state by their own names; a span only with its unit in the name."""
    names = {column.lower(): column for column in columns}
    bare = {(stem.lower(), unit): name for name in names.values() for stem, unit in [unit_of(name)]}
    for field in FIELDS:
        for alias in (field.name, *field.aliases):
            found = _column_of(field, alias.lower(), names, bare)
            if found is not None:
                yield found
                break


def _column_of(
    field: Field, alias: str, names: dict[str, str], bare: dict[tuple[str, str | None], str]
) -> Given | None:
    if field.kind is Kind.SPAN:
        found = [(name, unit) for (stem, unit), name in bare.items() if stem == alias and unit is not None]
        return Given(field, found[0][0], unit=found[0][1]) if found else None
    if alias in names:
        return Given(field, names[alias])
    return None


def named(field: str, column: str, unit: str | None = None) -> Given:
    """A field in a column; a span's unit may be the ending of the column's name."""
    found = BY_NAME[field]
    return Given(found, column, unit=unit or (unit_of(column)[1] if found.kind is Kind.SPAN else None))
