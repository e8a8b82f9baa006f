"""Owns the rule that one machine measures one thing at a time: a second run waits until the first has ended.

Two runs at once would disturb each other and neither would know. Called by ``conductor.run``.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def only_measurement(say: Callable[[str], None]) -> Iterator[None]:
    """Hold this user's measuring lock of the machine; waits for it, saying so. The kernel releases it if we die."""
    path = Path(tempfile.gettempdir()) / f"llm-call-bench-{os.getuid()}.lock"
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another run is measuring on this machine; waiting for it to end (Ctrl-C gives up)")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
