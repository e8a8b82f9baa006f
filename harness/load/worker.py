"""The measured process: imports one client, then makes one call per command until its pipe closes.

Started as ``python -m harness.load.worker`` by ``conductor.processes``. Reads a spec line and commands from standard
input; replies on a copy of standard output, which is then pointed at standard error so that a library's prints cannot
break the pipe. Ends when standard input does, so a killed conductor leaves nothing behind. Loads no SDK but its own.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast

from harness.clients import Client, client_named
from harness.clock import clock_domain, now_ns
from harness.load import pipe
from harness.load.bench import Bench
from harness.load.drivers import drive_async, drive_sync
from harness.load.injected import Injected
from harness.load.pipe import Op

HEAVY = ("pandas", "pyarrow", "scipy", "duckdb", "matplotlib", "jinja2", "pydantic", "rich", "typer")
"""Libraries that our own code must not bring into a measured process; a subject may bring its dependencies."""

SUBJECTS = {"raw_http": (), "openai": ("openai",), "litellm": ("litellm", "openai")}
"""The SDKs that a process measuring this client may hold; no other client's ever."""


def main() -> None:
    """Serve commands until the pipe closes."""
    commands, replies = os.fdopen(0, "rb", buffering=0), os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    spec = pipe.load_spec(_line(commands.fileno()))
    client = client_named(spec.client)
    brought = tuple(name for name in HEAVY if name in sys.modules)
    before_ns = now_ns()
    client.load()
    import_ns = now_ns() - before_ns
    ready = pipe.Ready(import_ns, len(sys.modules), resident_bytes(), clock_domain())
    replies.write(pipe.dump_ready(ready))
    subject = cast(Client, Injected(client, spec.injected_ns)) if spec.injected_ns else client
    worker = Worker(Bench(spec, subject), replies.fileno(), brought)
    if spec.mode == "sync":
        worker.serve_sync(commands.fileno())
    else:
        asyncio.run(worker.serve_async(commands.fileno()))
    os._exit(0)  # everything was said: the interpreter's own teardown would cost up to a second per process


class Worker:
    """One worker's handles (opened at the first warm-up of a cell) and its two command loops."""

    def __init__(self, bench: Bench, replies: int, brought: tuple[str, ...]) -> None:
        self._brought = brought
        self._bench = bench
        self._replies = replies
        self._handles: dict[int, Any] = {}
        self._first_call_ns = 0

    def serve_sync(self, commands: int) -> None:
        """Blocking reads; calls in this thread."""
        bench = self._bench
        for op, cell, number in _commands(commands):
            bench.settle()
            match op:
                case Op.CALL:
                    self._reply(drive_sync(bench, self._handles[cell], cell, number))
                case Op.WARM:
                    started_ns = now_ns()
                    if cell not in self._handles:
                        self._handles[cell] = bench.client.open_sync(bench.cell(cell).target)
                    for _ in range(number):
                        is_ok = drive_sync(bench, self._handles[cell], cell, 0)
                        self._first_call_ns = self._first_call_ns or now_ns() - started_ns
                        if not is_ok:
                            break
                    self._reply(is_ok)
                case Op.DUMP:
                    self._dump()
        for handle in self._handles.values():
            bench.client.close_sync(handle)

    async def serve_async(self, commands: int) -> None:
        """Reads through the loop, which stays free for what a library defers; calls in this task."""
        bench = self._bench
        async for op, cell, number in _acommands(commands):
            bench.settle()
            match op:
                case Op.CALL:
                    self._reply(await drive_async(bench, self._handles[cell], cell, number))
                case Op.WARM:
                    started_ns = now_ns()
                    if cell not in self._handles:
                        self._handles[cell] = await bench.client.open_async(bench.cell(cell).target)
                    for _ in range(number):
                        is_ok = await drive_async(bench, self._handles[cell], cell, 0)
                        self._first_call_ns = self._first_call_ns or now_ns() - started_ns
                        if not is_ok:
                            break
                    self._reply(is_ok)
                case Op.DUMP:
                    self._dump()
        for handle in self._handles.values():
            await bench.client.close_async(handle)

    def _reply(self, is_ok: bool) -> None:
        os.write(self._replies, pipe.OK if is_ok else pipe.FAILED + pipe.message(self._bench.last_failure))

    def _dump(self) -> None:
        strangers = self._brought + foreign_subjects(self._bench.spec.client)
        dump = pipe.Dump(tuple(self._bench.marks), self._first_call_ns, resident_bytes(), strangers)
        self._bench.marks.clear()
        body = memoryview(pipe.dump_dump(dump))
        while body:
            body = body[os.write(self._replies, body) :]


def foreign_subjects(client: str) -> tuple[str, ...]:
    """SDKs that this process holds although it does not measure them; must be empty."""
    every = {name for names in SUBJECTS.values() for name in names}
    return tuple(sorted(name for name in every - set(SUBJECTS[client]) if name in sys.modules))


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
