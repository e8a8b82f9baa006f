"""What importing is tried with: a store, and files as people have them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.dataset.foreign.intake import Imported
from harness.dataset.store import Store
from harness.importers import import_files

Import = Callable[..., Imported]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty one."""
    return Store(tmp_path / "results")


@pytest.fixture
def bring(store: Store, tmp_path: Path) -> Import:
    """Import one text as a file of a format, with a mapping."""

    def bring(form: str, text: str, mapping: str = "", name: str = "") -> Imported:
        path = tmp_path / (name or f"calls.{form}")
        path.write_text(text, encoding="utf-8")
        told = None
        if mapping:
            told = tmp_path / "mapping.toml"
            told.write_text(mapping, encoding="utf-8")
        return import_files(store, form, [path], told, lambda rows: None)[0]

    return bring
