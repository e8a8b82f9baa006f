"""Owns the shape of long tables: what every row says alike is said once above, and empty columns are left out.

A table of a thousand rows must neither hide a number nor repeat one a thousand times. Pure; called by the sections.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.report import format as fmt

LONG = 60
"""Rows above which a table is folded (the ``fold`` macro agrees) and says once what its rows share."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns to show as (field of the row, heading), and a sentence with what the others say in every row."""

    columns: tuple[tuple[str, str], ...]
    shared: str

    def shows(self, name: str) -> bool:
        """Whether this field has a column."""
        return any(name == field for field, _ in self.columns)


def shape(rows: Sequence[object], columns: Mapping[str, str]) -> Shape:
    """Which of ``columns`` (field to heading; each a text) the table of ``rows`` needs."""
    values = {name: {str(getattr(row, name)) for row in rows} for name in columns}
    alike = {name: next(iter(found)) for name, found in values.items() if len(found) == 1}
    dropped = {name: text for name, text in alike.items() if text == fmt.NONE or len(rows) > LONG}
    said = [f"{columns[name]} {text}" for name, text in dropped.items() if text != fmt.NONE]
    return Shape(
        tuple((name, heading) for name, heading in columns.items() if name not in dropped),
        f"In every row: {'; '.join(said)}." if said else "",
    )
