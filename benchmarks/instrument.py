"""asv suite: what the instrument itself costs: a timer mark, a journal record, the analysis, a report build."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import ClassVar

from harness.clock import CallTimer
from harness.replay.journal import FIXED_WORDS, JournalWriter
from harness.report.build import render


class Marks:
    """One mark of the timer inside the measured region."""

    number = 10_000
    repeat = (3, 10, 10.0)

    def setup(self) -> None:
        """A timer as a worker has it."""
        self.marks = CallTimer()

    def time_start_and_stop(self) -> None:
        """The two marks of a whole call."""
        self.marks.start()
        self.marks.stop()

    def time_chunk(self) -> None:
        """One chunk's mark (with the reset that keeps the buffer from filling)."""
        self.marks.chunk()
        self.marks.chunk_count = 0


class Journal:
    """One record of the backend's journal, whole and with the stamps of a 60-chunk stream."""

    params: ClassVar = [1, 60]
    param_names: ClassVar = ["chunks"]
    number = 200
    repeat = (3, 10, 10.0)

    def setup(self, chunks: int) -> None:
        """A journal on disk and the stamps of one answer."""
        self.folder = tempfile.TemporaryDirectory()
        self.journal = JournalWriter(Path(self.folder.name) / "journal")
        self.stamps = list(range(chunks))
        self.fields = tuple(range(FIXED_WORDS - 2))

    def time_record(self, chunks: int) -> None:
        """Append one record."""
        self.journal.append(self.fields, self.stamps, self.stamps)

    def teardown(self, chunks: int) -> None:
        """Remove it."""
        self.journal.close()
        self.folder.cleanup()


class Report:
    """The page from findings, without reading Parquet."""

    timeout = 120
    number = 1
    repeat = (1, 3, 30.0)

    def setup(self) -> None:
        """Findings of a scripted quick run."""
        from tests.analysis.example import example_findings

        self.findings = example_findings()

    def time_render(self) -> None:
        """Render all sections and figures."""
        render(self.findings, (), "")

    def track_page_bytes(self) -> int:
        """Size of the page."""
        return len(render(self.findings, (), "").encode())

    track_page_bytes.unit = "bytes"  # type: ignore[attr-defined]  # asv reads the unit from the function
