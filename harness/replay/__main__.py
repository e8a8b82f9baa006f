"""Owns the backend's command line and life as a process: ``python -m harness.replay --cassettes DIR --journal FILE``
(with ``--upstream NAME=URL`` it passes requests on as well).

Prints one JSON line when it listens and nothing else; a mistake is one line on stderr and the error's exit code.
Started by ``launch`` and by ``harness replay``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.clock import clock_domain
from harness.errors import EXIT_OK, BackendError, HarnessError, UsageError
from harness.fault import load_scenarios
from harness.replay import quiet
from harness.replay.address import client_context, parse_upstream
from harness.replay.library import load_cassettes
from harness.replay.ports import FailingPorts
from harness.replay.recorder import Recorder
from harness.replay.server import Server, Tapped, listen
from harness.replay.tapping import parse_named


class Process:
    """One backend process: runs until told to stop, or until something that must not happen does."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._loop = asyncio.SelectorEventLoop()
        self._failure: HarnessError | None = None
        self._parent = os.getppid()

    def run(self) -> None:
        """Serve until SIGTERM, SIGINT or the parent's end. Raises HarnessError."""
        arguments, loop = self._arguments, self._loop
        if arguments.cassettes is None and not arguments.upstream:
            raise UsageError("backend: expected --cassettes or --upstream, got neither")
        cassettes = load_cassettes(arguments.cassettes, arguments.only) if arguments.cassettes else ()
        tapped = _tapped(arguments) if arguments.upstream else None
        secured = _secured(arguments.certificate) if arguments.certificate else None
        scenarios = load_scenarios(arguments.faults) if arguments.faults else {}
        listening = listen(arguments.host, arguments.port)
        server = Server(loop, listening, cassettes, arguments.journal, self._tick, scenarios, tapped, secured)
        failing = FailingPorts(loop, arguments.host) if scenarios else None
        loop.set_exception_handler(self._fail)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, loop.stop)
        if arguments.watch_parent:
            self._watch_stdin()
        quiet.sharpen_timers()
        quiet.raise_priority()
        held = quiet.hold_cpu_awake()
        quiet.freeze_garbage()
        ready = {
            "ready": True,
            "port": listening.port,
            "pid": os.getpid(),
            "arrival_stamps": "kernel" if listening.kernel_stamps else "read",
            "cpu_dma_latency_held": held is not None,
            "timer": server.state.pacer.timer_kind,
            "clock_domain": clock_domain(),
            "failing_ports": failing.numbers if failing else {},
            "is_secured": secured is not None,
        }
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        loop.run_forever()
        server.close()
        if failing is not None:
            failing.close()
        if self._failure is not None:
            raise self._failure

    def _tick(self) -> None:
        if self._arguments.watch_parent and os.getppid() != self._parent:
            self._loop.stop()

    def _watch_stdin(self) -> None:
        try:
            self._loop.add_reader(0, self._read_stdin)
        except (OSError, ValueError):
            raise BackendError("stdin: expected a pipe from the parent for --watch-parent, got none") from None

    def _read_stdin(self) -> None:
        try:
            ended = not os.read(0, 4096)
        except BlockingIOError:
            return
        except OSError:
            ended = True
        if ended:
            self._loop.stop()

    def _fail(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        problem = context.get("exception")
        if isinstance(problem, HarnessError):
            self._failure = problem
        else:
            self._failure = BackendError(f"backend: internal error: {problem!r} ({context.get('message')})")
        loop.stop()


def _tapped(arguments: argparse.Namespace) -> Tapped:
    """What is to be passed on, and recorded. Raises UsageError."""
    named = [parse_named(text) for text in arguments.upstream]
    recorder = None
    if arguments.record is not None:
        recorder = Recorder(arguments.record, arguments.workload, keeps_prompts=not arguments.replace_prompts)
    return Tapped({name: parse_upstream(url) for name, url in named}, client_context(arguments.upstream_ca), recorder)


def _secured(certificate: Path) -> ssl.SSLContext:
    """The server's side of TLS. Raises UsageError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate)
    except (OSError, ssl.SSLError) as problem:
        raise UsageError(
            f"{certificate}: expected a certificate and its key in PEM form, got none ({problem})"
        ) from None
    context.set_alpn_protocols(["http/1.1"])
    return context


def main(argv: Sequence[str] | None = None) -> int:
    """Run the backend; return its exit code."""
    try:
        Process(_parse(argv)).run()
    except HarnessError as problem:
        print(problem, file=sys.stderr)
        return problem.exit_code
    except KeyboardInterrupt:
        return EXIT_OK
    return EXIT_OK


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m harness.replay", description="Replay cassettes over real sockets.")
    parser.add_argument("--cassettes", type=Path, metavar="DIR")
    parser.add_argument("--only", nargs="*", action="extend", default=[], metavar="ID")
    parser.add_argument("--faults", type=Path, metavar="DIR", help="fault scenarios, for /<pace>~<fault>/… addresses")
    parser.add_argument("--journal", type=Path, required=True, metavar="FILE")
    parser.add_argument("--upstream", nargs="*", action="extend", default=[], metavar="NAME=URL")
    parser.add_argument("--upstream-ca", type=Path, metavar="FILE", help="authorities to trust instead of the system's")
    parser.add_argument("--record", type=Path, metavar="DIR", help="write what passes as cassettes, without secrets")
    parser.add_argument("--workload", default="recorded", help="what recordings are called")
    parser.add_argument("--replace-prompts", action="store_true", help="keep only the lengths of recorded prompts")
    parser.add_argument("--certificate", type=Path, metavar="FILE", help="serve TLS: certificate and key in one PEM")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--watch-parent", action="store_true", help="end when stdin does")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
