"""Owns how a run shows that it is alive: a bar with the time left on a terminal, one quiet line per block elsewhere.

Everything goes to standard error. Called by ``conductor.run``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """What a run reports while it goes."""

    def call_done(self) -> None:
        """One measured call more."""

    def block_done(self, block: int, blocks: int) -> None:
        """One block more is on disk."""

    def say(self, line: str) -> None:
        """A line worth reading (a block repeated, a lock awaited)."""


class Quiet:
    """Says nothing (tests, ``self``)."""

    def call_done(self) -> None:
        """Nothing."""

    def block_done(self, block: int, blocks: int) -> None:
        """Nothing."""

    def say(self, line: str) -> None:
        """Nothing."""


class Lines:
    """One line per block: for logs and pipes."""

    def __init__(self, total_calls: int) -> None:
        self._total = total_calls
        self._done = 0
        self._started_s = time.monotonic()

    def call_done(self) -> None:
        """Count."""
        self._done += 1

    def block_done(self, block: int, blocks: int) -> None:
        """Say how far, and how long still."""
        elapsed_s = time.monotonic() - self._started_s
        left_s = elapsed_s * (self._total - self._done) / max(self._done, 1)
        self.say(
            f"block {block + 1} of {blocks} measured, {self._done} of {self._total} calls, about {left_s:.0f} s left"
        )

    def say(self, line: str) -> None:
        """Print to standard error."""
        print(line, file=sys.stderr, flush=True)


class _Bar:
    def __init__(self, total_calls: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (
            TextColumn("measuring"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(),
            TimeElapsedColumn(),
        )
        self.bar = RichProgress(*columns, console=Console(stderr=True), refresh_per_second=2, transient=True)
        self._task = self.bar.add_task("measuring", total=total_calls)

    def call_done(self) -> None:
        self.bar.advance(self._task)

    def block_done(self, block: int, blocks: int) -> None:
        pass

    def say(self, line: str) -> None:
        self.bar.console.print(line, markup=False)


@contextmanager
def shown(total_calls: int) -> Iterator[Progress]:
    """Show progress in the way that fits standard error."""
    if not sys.stderr.isatty():
        yield Lines(total_calls)
        return
    bar = _Bar(total_calls)
    with bar.bar:
        yield bar
