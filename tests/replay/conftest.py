"""One backend for the tests that only ask; tests that break one start their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.replay.journal import JournalEntry, JournalReader
from harness.replay.launch import BackendProcess, start_backend
from tests.replay.wire import Wire, cassette, save

MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Running:
    """A backend with its journal."""

    backend: BackendProcess
    journal: Path

    def connect(self) -> Wire:
        """A new connection."""
        return Wire(self.backend.port)

    def entries(self, call_number: int) -> list[JournalEntry]:
        """What the journal holds under one call id."""
        with JournalReader(self.journal) as reader:
            return [entry for entry in reader.drain() if entry.call_number == call_number]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A backend serving ``whole``, ``stream`` (head apart from the first chunk) and ``long`` (bulky, slow)."""
    folder = tmp_path_factory.mktemp("backend")
    save(cassette("whole", (b"hello", b" you"), (2 * MS, 4 * MS), head_offset_ns=2 * MS, stream=False), folder)
    save(
        cassette("stream", (b"a" * 10, b"b", b"c"), (4 * MS, 6 * MS, 9 * MS), head_offset_ns=1 * MS, stream=True),
        folder,
    )
    bulk = tuple(bytes([65 + i % 26]) * 200_000 for i in range(40))
    save(cassette("long", bulk, tuple(50 * MS * i for i in range(40)), head_offset_ns=0, stream=True), folder)
    with start_backend(folder, folder / "journal") as backend:
        yield Running(backend, folder / "journal")
