"""Other tools' and production measurements, on their way into the dataset: one file per format.

Each module says how its files are read, as ``reading(path, mapping) -> Reading``; ``dataset.foreign`` reads, checks and
writes. ``IMPORTERS`` is the literal tuple of names; called by ``commands``. Never guesses a unit: a span's is in the
column's name, in the format's own definition, or in the user's mapping.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, cast

from harness.dataset.foreign.given import Reading
from harness.dataset.foreign.intake import Imported, take_in
from harness.dataset.store import Store
from harness.errors import UsageError
from harness.importers import litellm
from harness.importers.mapping import Mapping, load_mapping
from harness.importers.spend_logs import exported, is_database

IMPORTERS = (
    "csv",
    "parquet",
    "jsonl",
    "litellm",
    "collected",
    "otlp",
    "langfuse",
    "helicone",
    "llmperf",
    "guidellm",
    "aiperf",
    "vllm",
    "llmeter",
    "har",
    "vcr",
)
"""Formats, in the order of help."""


class Importer(Protocol):
    """What a module here offers."""

    SUMMARY: str
    """What the format is, in a few words."""

    def reading(self, path: Path, mapping: Mapping) -> Reading:
        """How one file is read. Raises DataError when it is of another kind."""


def importer_named(name: str) -> Importer:
    """The module of a format. Raises UsageError listing the known ones."""
    if name not in IMPORTERS:
        raise UsageError(f"import: expected one of {', '.join(IMPORTERS)}, got {name!r}")
    return cast(Importer, importlib.import_module(f"{__name__}.{name}"))


def import_files(
    store: Store, form: str, sources: Sequence[str | Path], mapping: Path | None, progress: Callable[[int], None]
) -> list[Imported]:
    """Import each file, or database, as a run of its own, in the order given. Raises HarnessError in one line."""
    importer = importer_named(form)
    told = load_mapping(mapping)
    found = []
    for source in sources:
        with _file(form, str(source)) as path:
            found.append(take_in(store, form, importer.reading(path, told), progress))
    return found


@contextmanager
def _file(form: str, source: str) -> Iterator[Path]:
    """The file itself, or what a database holds as one."""
    if not is_database(source):
        yield Path(source)
        return
    if form != "litellm":
        raise UsageError(f"import: expected the format litellm for a PostgreSQL address, got {form!r}")
    with exported(source, litellm.COLUMNS) as path:
        yield path
