"""The process that fault cases are forked from: it imports one client once, and forks a child for every few cases.

Started as ``python -m harness.load.zygote`` by ``conductor.zygotes``. Reads JSON lines from standard input, writes JSON
lines to a copy of standard output. A child that outlives its window is killed by its own alarm, and by this process
should that fail; all of them end with this process, and it ends when standard input does. Makes no call itself: what a
call would leave in a process must not be inherited by the next one.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import ssl
import sys
import threading
from dataclasses import asdict
from typing import Any

from harness import guard
from harness.clients import Client, Target, client_named
from harness.clock import clock_domain, now_ns
from harness.load.pipe import load_question, load_truth
from harness.load.probe import GRACE_S, PROBES, CaseSpec, Report
from harness.load.steady import STEADY, lasting_s
from harness.load.worker import hide_extras, versions

_TICK_S = 0.01
_OPENING_S = 15.0
"""What a child may take on top of its window before it is killed from outside: building its client takes a while."""

_PR_SET_PDEATHSIG = 1
_TOLD = 300
"""Characters of a broken child's last words."""


def main() -> None:
    """Serve until standard input ends."""
    replies = os.dup(1)
    os.dup2(2, 1)
    lines = _Lines(0)
    spec = json.loads(lines.next() or b"{}")
    client = client_named(spec["client"])
    hide_extras(client.FACTS)
    client.load()
    _leave_certificates_unread()
    zygote = Zygote(client, spec["mode"], replies)
    zygote.say(ready=True, clock_domain=clock_domain(), versions=versions(client.FACTS))
    zygote.serve(lines)


def dump_case(spec: CaseSpec) -> dict[str, Any]:
    """A case as JSON."""
    return asdict(spec)


def load_case(raw: dict[str, Any]) -> CaseSpec:
    """The inverse of ``dump_case``; trusted, it comes from our own parent."""
    return CaseSpec(
        number=raw["number"],
        target=Target(**raw["target"]),
        sound=Target(**raw["sound"]),
        question=load_question(raw["question"]),
        truth=load_truth(raw["truth"]),
        window_s=raw["window_s"],
        guard=guard.Limits(**raw["guard"]) if raw["guard"] else None,
    )


class Zygote:
    """The forking process: its children by process id, each with its first case's number and its last moment."""

    def __init__(self, client: Client, mode: str, replies: int) -> None:
        self._client, self._mode, self._replies = client, mode, replies
        self._children: dict[int, tuple[int, int]] = {}

    def serve(self, lines: _Lines) -> None:
        """Fork what is asked for, tell what ended, until standard input ends; then end whoever is left."""
        while (line := lines.next(_TICK_S)) is not None:
            if line:
                self._obey(json.loads(line))
            self._reap()
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)

    def say(self, **words: Any) -> None:
        """One line to the parent; short enough to be written at once, whoever else writes."""
        os.write(self._replies, json.dumps(words).encode() + b"\n")

    def _obey(self, asked: dict[str, Any]) -> None:
        if "learn" in asked:
            self._learn([load_case(raw) for raw in asked["learn"]])
            self.say(learned=len(sys.modules), threads=threading.active_count())
            return
        specs = [load_case(raw) for raw in asked["cases"]]
        every_s = asked["every_s"]
        pid = os.fork()
        if pid == 0:
            self._be_child(specs, every_s)
        one_by_one_s = sum(spec.window_s + GRACE_S for spec in specs)
        allowed_s = _OPENING_S + (one_by_one_s if every_s is None else lasting_s(specs, every_s))
        self._children[pid] = (specs[0].number, now_ns() + int(allowed_s * 1e9))

    def _be_child(self, specs: list[CaseSpec], every_s: float | None) -> None:
        """Make the calls, tell, and end; nothing of the parent's loop runs in a child."""
        code = 1
        try:
            _end_with_parent()
            _silence()
            if every_s is None:
                PROBES[self._mode](self._client, specs, self._begin, self._tell)
            else:
                self._receive(specs, every_s)
            code = 0
        except BaseException as problem:  # noqa: BLE001  told: a child that breaks is a fault of ours
            self.say(broke=specs[0].number, why=f"{type(problem).__name__}: {problem}"[:_TOLD])
        finally:
            os._exit(code)

    def _begin(self, spec: CaseSpec) -> None:
        """The case begins now, and with it its window."""
        self.say(started=spec.number, started_ns=now_ns())
        signal.setitimer(signal.ITIMER_REAL, spec.window_s)

    def _receive(self, specs: list[CaseSpec], every_s: float) -> None:
        """Calls arrive: one window for all of them, from the first on."""

        def begin(spec: CaseSpec) -> None:
            if spec is specs[0]:
                signal.setitimer(signal.ITIMER_REAL, lasting_s(specs, every_s))
            self.say(started=spec.number, started_ns=now_ns())

        STEADY[self._mode](self._client, specs, every_s, begin, lambda report: self.say(report=asdict(report)))

    def _tell(self, report: Report) -> None:
        """The case is over in time."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.say(report=asdict(report))

    def _learn(self, cases: list[CaseSpec]) -> None:
        """Import what calls import lazily: a scout makes them and tells which modules it then has."""
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                _end_with_parent()
                _silence()
                for case in cases:
                    PROBES[self._mode](self._client, [case], lambda _: None, lambda _: None)
                with os.fdopen(writing, "wb") as telling:
                    telling.write(json.dumps(_loaded()).encode())
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as told:
            names = json.loads(told.read() or b"[]")
        os.waitpid(pid, 0)
        for name in names:
            if name not in sys.modules:
                with contextlib.suppress(Exception):
                    importlib.import_module(name)
        gc.collect()
        gc.freeze()

    def _reap(self) -> None:
        now = now_ns()
        for pid, (_, ends_ns) in self._children.items():
            if now > ends_ns:
                os.kill(pid, signal.SIGKILL)
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            number, _ = self._children.pop(pid)
            self.say(ended=number, signal=os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0)


class _Lines:
    """Lines from a descriptor, with a wait."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = b""

    def next(self, timeout_s: float | None = None) -> bytes | None:
        """The next line; empty when none came in time, None at the end."""
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._descriptor], [], [], timeout_s)
            if not ready:
                return b""
            piece = os.read(self._descriptor, 1 << 20)
            if not piece:
                return None
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line


def _loaded() -> list[str]:
    """Names of the modules that this process holds; hidden ones are None."""
    return [name for name, module in sys.modules.items() if module is not None]


def _end_with_parent() -> None:
    """Have the kernel end this process with the one that forked it."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _leave_certificates_unread() -> None:
    """Faults are met on loopback, without TLS; yet every client reads the store of certificates anew when it is built,
    which is most of what a case costs.
    """
    ssl.SSLContext.load_verify_locations = lambda self, *given, **named: None  # type: ignore[method-assign]
    ssl.SSLContext.set_default_verify_paths = lambda self: None  # type: ignore[method-assign]


def _silence() -> None:
    """Standard streams lead nowhere: libraries print when calls fail."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


if __name__ == "__main__":
    main()
