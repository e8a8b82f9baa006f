"""asv suite: what the instrument itself costs: a timer mark, a journal record, the analysis, a report build."""

from __future__ import annotations

from harness.clock import CallTimer
from harness.report.build import render


class Marks:
    """One mark of the timer inside the measured region."""

    def setup(self) -> None:
        """A timer as a worker has it."""
        self.timer = CallTimer()

    def time_start_and_stop(self) -> None:
        """The two marks of a whole call."""
        self.timer.start()
        self.timer.stop()

    def time_chunk(self) -> None:
        """One chunk's mark (with the reset that keeps the buffer from filling)."""
        self.timer.chunk()
        self.timer.chunk_count = 0


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
        """All sections and figures."""
        render(self.findings, (), "")

    def track_page_bytes(self) -> int:
        """Size of the page."""
        return len(render(self.findings, (), "").encode())

    track_page_bytes.unit = "bytes"  # type: ignore[attr-defined]  # asv reads the unit from the function
