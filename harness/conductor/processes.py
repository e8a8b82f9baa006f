"""Owns one worker process as the conductor sees it: start, turns, dump, end; and its environment.

Called by ``conductor.block``. A worker that dies or falls silent is a ``WorkerLostError``, never a hang.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.errors import HarnessError
from harness.load import pipe
from harness.load.pipe import Dump, Op, Ready, Used, WorkerSpec

LITELLM_SWITCHES = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True"}
"""Without these LiteLLM's import fetches a price table over the network, and a thread may swap it in mid-run."""

_PRIVATE = ("OPENAI_", "ANTHROPIC_", "GEMINI_", "GOOGLE_", "AZURE_", "LITELLM_", "OPENROUTER_", "AWS_")
_FRAME = re.compile(r'File "(?:.*/site-packages/)?(?P<file>.+)", line (?P<line>\d+) in (?P<function>.+)')
_CALLING = "harness/load/"
_FRAMES_TOLD = 4
_STACK_S = 0.5
_WARM_CALL_S = 0.5
"""What each warm-up call may take on top of the time that any reply may take."""

_TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class WorkerLostError(HarnessError):
    """A worker died, was killed, or did not answer in time. The block in flight is lost, earlier ones are not."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A worker's answer to a command: what failed (None: nothing), and the tokens that the calls used."""

    failure: str | None
    used: Used


def worker_environment(authority: Path | None = None) -> dict[str, str]:
    """The user's environment without keys, provider settings and proxies, plus LiteLLM's offline switches.

    ``authority`` is the only one whose certificates the process is to trust.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_PRIVATE) and name.lower() not in _PROXIES
    }
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(part for part in (root, kept.get("PYTHONPATH", "")) if part)
    trusted = dict.fromkeys(_TRUST, str(authority)) if authority else {}
    return {**kept, **LITELLM_SWITCHES, "PYTHONPATH": path, "NO_PROXY": "127.0.0.1", **trusted}


class WorkerProcess:
    """One fresh process, one client, one colour. Use as a context manager: leaving it ends the process."""

    def __init__(
        self,
        name: str,
        spec: WorkerSpec,
        *,
        python: str = sys.executable,
        start_timeout_s: float = 60.0,
        reply_timeout_s: float = 20.0,
        authority: Path | None = None,
    ) -> None:
        self._environment = worker_environment(authority)
        self.name = name
        self.restarts = 0
        self._spec, self._python = spec, python
        self._start_timeout_s, self._reply_timeout_s = start_timeout_s, reply_timeout_s
        self._start()

    def _start(self) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  closed by stop
        self._process = subprocess.Popen(
            [self._python, "-m", "harness.load.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=self._environment,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._commands = self._process.stdin.fileno()
        self._replies = self._process.stdout.fileno()
        try:
            self._write(pipe.dump_spec(self._spec))
            self.ready = Ready(**json.loads(self._read_line(self._start_timeout_s)))
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def warm(self, cell: int, calls: int) -> Reply:
        """Open the cell's client and make warm-up calls."""
        return self._ask(Op.WARM, cell, calls, self._reply_timeout_s + calls * _WARM_CALL_S)

    def call(self, cell: int, call_number: int) -> Reply:
        """Make one measured call; one that failed is data all the same."""
        return self._ask(Op.CALL, cell, call_number, self._reply_timeout_s)

    def restart(self) -> None:
        """End the process, whatever it does, and start a fresh one of the same kind."""
        self._process.kill()
        self.stop()
        self.restarts += 1
        self._start()

    def dump(self) -> Dump:
        """Fetch everything measured since the start."""
        self._write(pipe.COMMAND.pack(Op.DUMP, 0, 0))
        (length,) = pipe.LENGTH.unpack(self._read(pipe.LENGTH.size, self._reply_timeout_s))
        return pipe.load_dump(self._read(length, self._reply_timeout_s))

    def stop(self) -> None:
        """Close its pipe; kill it if that does not end it within two seconds."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._said.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _ask(self, op: Op, cell: int, number: int, timeout_s: float) -> Reply:
        self._write(pipe.COMMAND.pack(op, cell, number))
        word, *tokens, is_known = pipe.REPLY.unpack(self._read(pipe.REPLY.size, timeout_s))
        used = Used(tokens[0], tokens[1], bool(is_known))
        if word == pipe.OK:
            return Reply(None, used)
        (length,) = pipe.LENGTH.unpack(self._read(pipe.LENGTH.size, self._reply_timeout_s))
        return Reply(self._read(length, self._reply_timeout_s).decode("utf-8", "replace"), used)

    def _write(self, data: bytes) -> None:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._commands, view) :]
        except (BrokenPipeError, OSError):
            raise self._lost("it does not read its commands") from None

    def _read(self, size: int, timeout_s: float) -> bytes:
        data = bytearray()
        while len(data) < size:
            ready, _, _ = select.select([self._replies], [], [], timeout_s)
            if not ready:
                raise self._lost(f"no reply within {timeout_s:g} s{self._whereabouts()}")
            piece = os.read(self._replies, size - len(data))
            if not piece:
                raise self._lost("its pipe closed")
            data += piece
        return bytes(data)

    def _read_line(self, timeout_s: float) -> bytes:
        line = bytearray()
        while not line.endswith(b"\n"):
            line += self._read(1, timeout_s)
        return bytes(line)

    def _lost(self, what: str) -> WorkerLostError:
        try:
            code = self._process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            return WorkerLostError(f"worker {self.name} (pid {self.pid}): {what}")
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return WorkerLostError(f"worker {self.name} (pid {self.pid}): {what}; it ended with {how}")

    def _whereabouts(self) -> str:
        """Where the silent process is, innermost first: `` in file:line function < …``; empty when it does not say."""
        start = self._said.seek(0, os.SEEK_END)
        try:
            self._process.send_signal(signal.SIGUSR1)
        except OSError:
            return ""
        time.sleep(_STACK_S)
        self._said.seek(start)
        told = innermost_frames(self._said.read().decode("utf-8", "replace"))
        return f" in {' < '.join(told)}" if told else ""


def innermost_frames(traceback: str) -> list[str]:
    """The innermost frames of the thread that makes the calls, out of what ``faulthandler`` writes of all of them."""
    threads = traceback.split("(most recent call first):")
    calling = next((thread for thread in threads if _CALLING in thread), threads[-1])
    frames = _FRAME.finditer(calling)
    return [f"{frame['file']}:{frame['line']} {frame['function']}" for frame in islice(frames, _FRAMES_TOLD)]
