"""Owns the user's mapping: a TOML file that says which column states what, in which unit, and what holds for every row.

    [columns]
    model = "deployment"
    started_at = { column = "ts", unit = "ms" }
    duration = { column = "elapsed", unit = "s" }

    [constants]
    provider = "azure"
    timeout_s = 60

In JSON a column is a dotted path. Validated at the door, trusted after.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from harness.dataset.foreign.fields import BY_NAME, Kind, unit_of
from harness.dataset.foreign.given import Constant, Given, Reading, Shape, by_alias
from harness.dataset.foreign.intake import columns as columns_of
from harness.door import Strict, parse_toml, read_text, validate
from harness.errors import DataError, UsageError


class Named(Strict):
    """A column with its unit."""

    column: str
    unit: Literal["s", "ms", "us", "ns"] | None = None


class MappingFile(Strict):
    """The whole file."""

    columns: dict[str, str | Named] = Field(default_factory=dict)
    constants: dict[str, str | int | float | bool] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mapping:
    """What the user says of a file's columns; empty where they say nothing."""

    given: tuple[Given, ...] = ()
    text: str = ""

    def over(self, others: Iterator[Given]) -> tuple[Given, ...]:
        """These, and the others where these say nothing."""
        mine = {each.field.name: each for each in self.given}
        return tuple(({each.field.name: each for each in others} | mine).values())


def load_mapping(path: Path | None) -> Mapping:
    """Read and check a mapping. Raises UsageError."""
    if path is None:
        return Mapping()
    text = read_text(path, "mapping")
    found = validate(MappingFile, parse_toml(text, path), str(path))
    return Mapping((*_columns(path, found), *_constants(path, found)), text)


def table(path: Path, shape: Shape, mapping: Mapping, *fixed: Given) -> Reading:
    """A file of columns: the mapping's word first, then the format's (``fixed``), then the columns' own names.

    Raises DataError when model or duration are nowhere to be found, or a column that the mapping names.
    """
    there = columns_of(shape, path)
    known = {each.field.name: each for each in fixed if each.column is None or each.column in there}
    claimed = {each.column for each in (*known.values(), *mapping.given)}
    rest = {each.field.name: each for each in by_alias(c for c in there if c not in claimed)} | known
    reading = Reading(path, shape, mapping.over(iter(rest.values())), mapping.text)
    missing = [each.column for each in mapping.given if each.column is not None and not _is_there(each.column, there)]
    if missing:
        raise DataError(f"{path}: expected a column {missing[0]!r}, as mapped, got {_listed(there)}")
    if not reading.is_enough:
        raise DataError(
            f"{path}: expected columns that state model and duration (with its unit, as in duration_s), got "
            f"{_listed(there)}; say with --map which column is what"
        )
    return reading


def _columns(path: Path, found: MappingFile) -> Iterator[Given]:
    for name, said in found.columns.items():
        field = BY_NAME.get(name)
        if field is None:
            raise UsageError(f"{path}: columns.{name}: expected one of {', '.join(BY_NAME)}, got an unknown field")
        column: str = said if isinstance(said, str) else said.column
        unit: str | None = None if isinstance(said, str) else said.unit
        if field.kind is Kind.SPAN and unit is None:
            unit = unit_of(column)[1]
            if unit is None:
                raise UsageError(
                    f'{path}: columns.{name}: expected a unit, got none; write {{ column = "{column}", unit = "ms" }}'
                )
        yield Given(field, column, unit=unit)


def _constants(path: Path, found: MappingFile) -> Iterator[Given]:
    for name, value in found.constants.items():
        stem, unit = unit_of(name)
        field = BY_NAME.get(stem if unit else name)
        if field is None or (field.kind is Kind.SPAN) != (unit is not None):
            known = [f"{each}_s" if BY_NAME[each].kind is Kind.SPAN else each for each in BY_NAME]
            raise UsageError(f"{path}: constants.{name}: expected one of {', '.join(known)}, got an unknown one")
        yield Given(field, constant=_plain(value), unit=unit)


def _plain(value: Any) -> Constant:
    return value if isinstance(value, str | int | float | bool) else str(value)


def _is_there(column: str, there: list[str]) -> bool:
    return column in there or column.split(".")[0] in there


def _listed(there: list[str]) -> str:
    shown = ", ".join(there[:12])
    return f"{shown} and {len(there) - 12} more" if len(there) > 12 else shown or "no columns"
