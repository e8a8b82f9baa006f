"""The measured process: imports one client, then makes one call per command until its pipe closes.

Started as ``python -m harness.load.worker`` by ``conductor.processes``. Reads a spec line and commands from standard
input; replies on a copy of standard output, which is then pointed at standard error so that a library's prints cannot
break the pipe. Ends when standard input does, so a killed conductor leaves nothing behind. Loads no SDK but its own.
SIGUSR1 makes it say on standard error where each of its threads is: how the conductor learns where a call hangs.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from harness.clients import OPTIONAL, Client, ClientFacts, JobClient, Target, client_named
from harness.clients.installed import installed
from harness.clock import clock_domain, now_ns
from harness.load import pipe
from harness.load.bench import Bench
from harness.load.bridges import bridged
from harness.load.drivers import drive_async, drive_sync
from harness.load.injected import Injected
from harness.load.jobs import Following
from harness.load.pipe import Op, WorkerSpec
from harness.vocabulary import Outcome

HEAVY = ("pandas", "pyarrow", "scipy", "duckdb", "matplotlib", "jinja2", "pydantic", "rich", "typer")
"""Libraries that our own code must not bring into a measured process; a subject may bring its dependencies."""

SUBJECTS = ("openai", "litellm", "anthropic", "google.genai", "any_llm")
"""The SDKs; a process holds those that its client's facts name as its subjects, and no other."""


def main() -> None:
    """Serve commands until the pipe closes."""
    commands, replies = os.fdopen(0, "rb", buffering=0), os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    faulthandler.register(signal.SIGUSR1)
    spec = pipe.load_spec(_line(commands.fileno()))
    client = client_named(spec.client)
    brought = tuple(name for name in HEAVY if name in sys.modules)
    hide_extras(client.FACTS)
    before_ns = now_ns()
    client.load()
    import_ns = now_ns() - before_ns
    ready = pipe.Ready(import_ns, len(sys.modules), resident_bytes(), clock_domain(), versions(client.FACTS))
    replies.write(pipe.dump_ready(ready))
    worker = Worker(Bench(spec, subjects_of(spec, client)), replies.fileno(), brought)
    if spec.mode == "sync":
        worker.serve_sync(commands.fileno())
    else:
        asyncio.run(worker.serve_async(commands.fileno()))
    os._exit(0)  # everything was said: the interpreter's own teardown would cost up to a second per process


def hide_extras(facts: ClientFacts) -> None:
    """Make optional extras of other paths look uninstalled: importing a module that is None fails as if missing."""
    for name in OPTIONAL:
        if name not in facts.extras:
            sys.modules[name] = cast(ModuleType, None)


def subjects_of(spec: WorkerSpec, client: Client) -> dict[str, Client]:
    """The client as this worker is to call it, by the bridge that it stands behind."""
    return {bridge: _subject(spec, client, bridge) for bridge in {cell.bridge for cell in spec.cells}}


def _subject(spec: WorkerSpec, client: Client, bridge: str) -> Client:
    """Behind a bridge, following jobs, or with a planted busy-wait."""
    subject = cast(Client, bridged(client, bridge))
    if any(cell.question.job for cell in spec.cells):
        subject = cast(Client, Following(cast(JobClient, subject)))
    return cast(Client, Injected(subject, spec.injected_ns)) if spec.injected_ns else subject


def versions(facts: ClientFacts) -> dict[str, str]:
    """Installed version of everything that the client's facts name, in this process's environment."""
    names = {facts.distribution, *facts.needs, *facts.http_libraries} - {None}
    return {name: installed(name) for name in sorted(filter(None, names))}


class Worker:
    """One worker's handles (opened at the first warm-up of a cell, one per arm and target), its two command loops."""

    def __init__(self, bench: Bench, replies: int, brought: tuple[str, ...]) -> None:
        self._brought = brought
        self._bench = bench
        self._replies = replies
        self._handles: dict[tuple[str, Target], Any] = {}
        self._first_calls: dict[int, tuple[bool, int]] = {}

    def serve_sync(self, commands: int) -> None:
        """Blocking reads; calls in this thread."""
        bench = self._bench
        for op, cell, number in _commands(commands):
            bench.settle()
            match op:
                case Op.CALL:
                    self._reply(drive_sync(bench, self._handles[_place(bench, cell)], cell, number))
                case Op.WARM:
                    self._reply(self._warm_sync(cell, number))
                case Op.DUMP:
                    self._dump()
        for cell, handle in self._opened():
            bench.client(cell).close_sync(handle)

    def _warm_sync(self, cell: int, calls: int) -> bool:
        bench, place, started_ns = self._bench, _place(self._bench, cell), now_ns()
        shares = place in self._handles
        if not shares:
            self._handles[place] = bench.client(cell).open_sync(bench.cell(cell).target)
        for _ in range(calls):
            if not drive_sync(bench, self._handles[place], cell, 0) and not self._answered():
                return False
            self._first_calls.setdefault(cell, (shares, now_ns() - started_ns))
        return True

    async def serve_async(self, commands: int) -> None:
        """Reads through the loop, which stays free for what a library defers; calls in this task."""
        bench = self._bench
        async for op, cell, number in _acommands(commands):
            bench.settle()
            match op:
                case Op.CALL:
                    self._reply(await drive_async(bench, self._handles[_place(bench, cell)], cell, number))
                case Op.WARM:
                    self._reply(await self._warm_async(cell, number))
                case Op.DUMP:
                    self._dump()
        for cell, handle in self._opened():
            await bench.client(cell).close_async(handle)

    async def _warm_async(self, cell: int, calls: int) -> bool:
        bench, place, started_ns = self._bench, _place(self._bench, cell), now_ns()
        shares = place in self._handles
        if not shares:
            self._handles[place] = await bench.client(cell).open_async(bench.cell(cell).target)
        for _ in range(calls):
            if not await drive_async(bench, self._handles[place], cell, 0) and not self._answered():
                return False
            self._first_calls.setdefault(cell, (shares, now_ns() - started_ns))
        return True

    def _opened(self) -> Iterator[tuple[int, Any]]:
        """Every open handle, with a cell that it serves."""
        cells = {_place(self._bench, cell): cell for cell in range(len(self._bench.spec.cells))}
        return ((cells[place], handle) for place, handle in self._handles.items())

    def _answered(self) -> bool:
        """Whether the last call was answered, if wrongly: such a path is warm, and its wrong answers are data."""
        return self._bench.last_outcome is Outcome.WRONG_CONTENT

    def _reply(self, is_expected: bool) -> None:
        reply = pipe.dump_reply(is_expected=is_expected, used=self._bench.used(), failure=self._bench.last_failure)
        os.write(self._replies, reply)

    def _dump(self) -> None:
        strangers = self._brought + foreign_subjects(self._bench.spec.client)
        firsts = tuple((cell, shares, took_ns) for cell, (shares, took_ns) in self._first_calls.items())
        dump = pipe.Dump(tuple(self._bench.marks), firsts, resident_bytes(), strangers)
        self._bench.marks.clear()
        body = memoryview(pipe.dump_dump(dump))
        while body:
            body = body[os.write(self._replies, body) :]


def _place(bench: Bench, cell: int) -> tuple[str, Target]:
    """Which handle a cell uses: arms that share a process share no client."""
    spec = bench.cell(cell)
    return spec.arm, spec.target


def foreign_subjects(client: str) -> tuple[str, ...]:
    """SDKs that this process holds although it does not measure them; must be empty."""
    held = set(SUBJECTS) - set(client_named(client).FACTS.subjects)
    return tuple(sorted(name for name in held if name in sys.modules))


def resident_bytes() -> int:
    """Resident set size of this process; the peak where the system does not tell the present one."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return pages * resource.getpagesize()


def _line(descriptor: int) -> bytes:
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = os.read(descriptor, 1)
        if not byte:
            raise SystemExit(0)
        line += byte
    return bytes(line)


def _commands(descriptor: int) -> Iterator[tuple[int, int, int]]:
    while len(data := os.read(descriptor, pipe.COMMAND.size)) == pipe.COMMAND.size:
        yield pipe.COMMAND.unpack(data)


async def _acommands(descriptor: int) -> AsyncIterator[tuple[int, int, int]]:
    loop = asyncio.get_running_loop()
    arrived = asyncio.Event()
    loop.add_reader(descriptor, arrived.set)
    try:
        while True:
            await arrived.wait()
            arrived.clear()
            data = os.read(descriptor, pipe.COMMAND.size)
            if len(data) < pipe.COMMAND.size:
                return
            yield pipe.COMMAND.unpack(data)
    finally:
        loop.remove_reader(descriptor)


if __name__ == "__main__":
    main()
