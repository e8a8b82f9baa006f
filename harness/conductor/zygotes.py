"""Owns one forking process as the conductor sees it: start, cases in, lines out, and the end of all that it forked.

Called by ``conductor.group_run``. Whatever hangs in a child is the child's; this side never waits longer than it says.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from harness.clock import clock_domain
from harness.conductor.processes import WorkerLostError, worker_environment
from harness.errors import BackendError
from harness.load.probe import CaseSpec
from harness.load.zygote import dump_case

_START_S = 60.0
_LEARN_S = 120.0
_STOP_S = 3.0


class ZygoteProcess:
    """One client in one colour, ready to be forked. Use as a context manager: leaving it kills every child."""

    def __init__(self, client: str, mode: str, *, python: str = sys.executable) -> None:
        self.name = f"{client} ({mode})"
        self._buffer = b""
        self._process = subprocess.Popen(
            [python, "-m", "harness.load.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=worker_environment(),
            start_new_session=True,
        )
        try:
            self._send({"client": client, "mode": mode})
            ready = self._one(_START_S)
            if ready["clock_domain"] != clock_domain():
                raise BackendError(f"zygote {self.name}: expected the conductor's clock, got {ready['clock_domain']}")
            self.versions: dict[str, str] = ready["versions"]
        except BaseException:
            self.stop()
            raise

    def learn(self, cases: Sequence[CaseSpec]) -> None:
        """Have a scout make these calls, and import what they brought in, so that no child has to."""
        self._send({"learn": [dump_case(case) for case in cases]})
        self._one(_LEARN_S)

    def fork(self, cases: Sequence[CaseSpec], every_s: float | None = None) -> None:
        """Start a child for cases of one shape: one after the other, or one every ``every_s`` whatever became of those
        before. ``lines`` tells of each when it started and its report, and that the child ended, under the number of
        the first.
        """
        self._send({"cases": [dump_case(case) for case in cases], "every_s": every_s})

    def lines(self, timeout_s: float) -> list[dict[str, Any]]:
        """What was said since last asked; waits for the first of it. Raises WorkerLostError when it is gone."""
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([descriptor], [], [], timeout_s)
            if not ready:
                return []
            piece = os.read(descriptor, 1 << 20)
            if not piece:
                raise WorkerLostError(f"zygote {self.name} (pid {self._process.pid}): its pipe closed")
            self._buffer += piece
        *whole, self._buffer = self._buffer.split(b"\n")
        return [json.loads(line) for line in whole]

    def stop(self) -> None:
        """End it: its children die with it."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _send(self, words: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(words).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise WorkerLostError(f"zygote {self.name} (pid {self._process.pid}): it does not read its cases") from None

    def _one(self, timeout_s: float) -> dict[str, Any]:
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s:
            for line in self.lines(end_s - time.monotonic()):
                return line
        raise WorkerLostError(f"zygote {self.name} (pid {self._process.pid}): no reply within {timeout_s:g} s")
