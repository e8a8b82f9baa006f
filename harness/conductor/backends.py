"""Owns the backend of a run: started with its cassettes and faults, its journal open on both sides and nameless.

Called by ``run``, ``fault_run`` and ``verify``; ``block`` and ``seats`` ask whether it still answers as it should.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from harness.errors import BackendError, DataError
from harness.replay.journal import JournalReader
from harness.replay.launch import BackendProcess, Passing, Secured, start_backend


@contextmanager
def backend_of_run(
    cassettes: Path,
    only: Sequence[str],
    faults: Path | None = None,
    passing: Passing | None = None,
    secured: Secured | None = None,
) -> Iterator[tuple[BackendProcess, JournalReader]]:
    """A backend and its journal; a tap where ``passing`` says to whom, over TLS where it is secured.

    The journal's file has no name once both sides hold it open, so that nothing of it outlives them, however they end.
    """
    memory = Path("/dev/shm")  # noqa: S108  a private folder is made in it
    with ExitStack() as stack:
        place = memory if os.access(memory, os.W_OK) else None
        with tempfile.TemporaryDirectory(prefix="llm-call-bench-", dir=place) as folder:
            path = Path(folder) / "journal"
            backend = stack.enter_context(
                start_backend(
                    None if passing else cassettes, path, only=only, faults=faults, passing=passing, secured=secured
                )
            )
            journal = stack.enter_context(JournalReader(path))
        yield backend, journal


def check_answers(backend: BackendProcess) -> None:
    """Raise DataError when a request matched no cassette, BackendError when the backend is gone."""
    if not backend.alive():
        raise BackendError("the backend process died while measuring; what was measured before is kept: resume the run")
    mismatches = backend.mismatches()
    if mismatches:
        raise DataError(
            f"a request matched no cassette: {mismatches[0]}"
            + (f" (and {len(mismatches) - 1} more)" if mismatches[1:] else "")
        )
