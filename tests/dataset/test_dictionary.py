"""The data dictionary says what the schemas say."""

from __future__ import annotations

from harness.dataset.dictionary import TARGET, markdown
from harness.dataset.schema import TABLES


def test_the_kept_dictionary_is_the_schemas() -> None:
    """A schema change without ``python -m harness.dataset.dictionary`` is caught here."""
    assert TARGET.read_text(encoding="utf-8") == markdown()


def test_every_column_has_its_line() -> None:
    """Nothing is left to the reader's guess."""
    lines = markdown().splitlines()
    for table in TABLES:
        for column in table.columns:
            assert any(line.startswith(f"| `{column.name}` |") and column.description in line for line in lines)
