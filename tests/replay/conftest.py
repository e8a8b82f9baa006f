"""One backend for the tests that only ask; tests that break one start their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.replay.journal import JournalEntry, JournalReader
from harness.replay.launch import BackendProcess, start_backend
from tests.replay.wire import Wire, cassette, save

MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Running:
    """A backend with its journal, and the connections that the current test opened."""

    backend: BackendProcess
    journal: Path
    wires: list[Wire] = field(default_factory=list)

    def connect(self) -> Wire:
        """A new connection; closed after the test at the latest."""
        self.wires.append(Wire(self.backend.port))
        return self.wires[-1]

    def hang_up(self) -> None:
        """Close all connections."""
        while self.wires:
            self.wires.pop().close()

    def entries(self, call_number: int) -> list[JournalEntry]:
        """What the journal holds under one call id; the backend's answer to a question tells that it is written."""
        self.backend.status()
        with JournalReader(self.journal) as reader:
            return [entry for entry in reader.drain() if entry.call_number == call_number]


@pytest.fixture(scope="module")
def shared_backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
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


@pytest.fixture
def running(shared_backend: Running) -> Iterator[Running]:
    """The module's backend; connections are closed after each test."""
    yield shared_backend
    shared_backend.hang_up()
