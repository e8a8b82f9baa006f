"""Owns starting, asking and stopping a backend process from another one; standard library only.

The child watches its stdin, so that it ends with its parent however that ends. Called by ``conductor`` and others.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import selectors
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

from harness.clock import clock_domain
from harness.errors import BackendError, DataError, HarnessError, UsageError
from harness.replay.shapes import RequestShape

_STOP_S = 5.0
_ASK_S = 5.0
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]
_ERRORS: dict[int, type[HarnessError]] = {error.exit_code: error for error in (UsageError, BackendError, DataError)}


@dataclass(frozen=True, slots=True)
class BackendInfo:
    """What the backend said when it was ready; goes into the fingerprint. ``cassettes`` are in exchange-index order,
    ``failing_ports`` those of ``harness.fault.PORTS`` where it acts out faults.
    """

    port: int
    pid: int
    arrival_stamps: str
    cpu_dma_latency_held: bool
    timer: str
    clock_domain: str
    cassettes: tuple[str, ...]
    failing_ports: Mapping[str, int] = field(default_factory=dict)
    is_secured: bool = False

    @property
    def scheme(self) -> str:
        """Of the URLs that clients are given."""
        return "https" if self.is_secured else "http"


@dataclass(frozen=True, slots=True)
class Passing:
    """What a backend is to pass on to providers, and to record: URLs by name, authorities to trust instead of the
    system's, the folder of cassettes (None: nothing is recorded).
    """

    upstreams: Mapping[str, str]
    authorities: Path | None = None
    record: Path | None = None
    workload: str = "recorded"
    keeps_prompts: bool = True

    def arguments(self) -> list[str]:
        """As the backend's command line has it."""
        found = ["--upstream", *(f"{name}={url}" for name, url in self.upstreams.items()), "--workload", self.workload]
        found += ["--upstream-ca", str(self.authorities)] if self.authorities else []
        found += ["--record", str(self.record)] if self.record else []
        return found + ([] if self.keeps_prompts else ["--replace-prompts"])


@dataclass(frozen=True, slots=True)
class Secured:
    """A certificate with its key in one PEM file, and the authority that signed it: who is to trust it needs that."""

    certificate: Path
    authority: Path


@dataclass(frozen=True, slots=True)
class BackendStatus:
    """Counters since the backend's start."""

    requests: int
    mismatches: int
    clock_steps: int
    connections_open: int
    journal_records: int
    uptime_ns: int
    recorded: int = 0
    to_record: int = 0
    not_recorded: tuple[str, ...] = ()


class BackendProcess:
    """A running backend. Leaving the context stops it."""

    def __init__(
        self, process: subprocess.Popen[bytes], errors: IO[bytes], info: BackendInfo, secured: Secured | None = None
    ) -> None:
        self._secured = secured
        self._process = process
        self._errors = errors
        self.info = info
        self.port = info.port
        self.pid = info.pid

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def connection(self, timeout_s: float) -> http.client.HTTPConnection:
        """A connection to it, to be closed by the caller; over TLS where it serves that."""
        return _connection(self.port, self._secured, timeout_s)

    def status(self) -> BackendStatus:
        """Ask for its counters. Raises BackendError, or the backend's own error, when it does not answer."""
        told = self._ask("/-/status")
        return BackendStatus(**{**told, "not_recorded": tuple(told["not_recorded"])})

    def mismatches(self) -> list[str]:
        """What did not match so far (the last hundred), each as one line. Raises as ``status`` does."""
        return [str(line) for line in self._ask("/-/mismatches")["mismatches"]]

    def shapes(self, first: int = 0) -> list[RequestShape]:
        """The distinct requests seen so far, from a number on. Raises as ``status`` does.

        Answering takes the backend a while when there are many: do not ask while something is measured.
        """
        assert first >= 0
        return [RequestShape.from_json(raw) for raw in self._ask(f"/-/shapes?from={first}")["shapes"]]

    def wait(self) -> None:
        """Block until the process ends by itself."""
        self._process.wait()

    def stop(self) -> None:
        """End the process and wait for it. Safe to call twice."""
        _end(self._process)
        self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _ask(self, path: str) -> dict[str, Any]:
        try:
            return _get(self.port, path, self._secured)
        except (OSError, http.client.HTTPException, ValueError) as problem:
            if not self.alive():
                raise _ended(self._process, self._errors) from None
            raise BackendError(f"backend: expected an answer on port {self.port}, got {problem!r}") from None


def start_backend(
    cassettes: Path | None,
    journal: Path,
    *,
    only: Sequence[str] = (),
    faults: Path | None = None,
    passing: Passing | None = None,
    secured: Secured | None = None,
    port: int = 0,
    timeout_s: float = 15,
    own_group: bool = False,
) -> BackendProcess:
    """Start a backend and wait until it answers. Raises BackendError or DataError with the child's own line.

    In a group of its own it does not hear the terminal's Ctrl-C: whoever started it ends it.
    """
    command = [sys.executable, "-m", "harness.replay", "--journal", str(journal)]
    command += ["--cassettes", str(cassettes)] if cassettes else []
    command += ["--faults", str(faults)] if faults else []
    command += passing.arguments() if passing else []
    command += ["--certificate", str(secured.certificate)] if secured else []
    command += ["--port", str(port), "--watch-parent", *(["--only", *only] if only else [])]
    errors = tempfile.TemporaryFile()  # noqa: SIM115  closed by BackendProcess.stop, or below
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=_environment(),
            start_new_session=own_group,
        )
    except OSError as problem:
        errors.close()
        raise BackendError(f"backend: cannot start {sys.executable}: {problem.strerror}") from None
    try:
        info = _await_ready(process, errors, time.monotonic() + timeout_s, secured)
    except BaseException:
        _end(process)
        errors.close()
        raise
    return BackendProcess(process, errors, info, secured)


def _environment() -> dict[str, str]:
    inherited = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(_PACKAGE_PARENT), *([inherited] if inherited else [])])
    return {**os.environ, "PYTHONPATH": path}


def _await_ready(
    process: subprocess.Popen[bytes], errors: IO[bytes], deadline_s: float, secured: Secured | None
) -> BackendInfo:
    ready = _ready_line(process, errors, deadline_s)
    if ready["clock_domain"] != clock_domain():
        raise BackendError("backend: expected this process's clock domain, got another; start both on one boot")
    try:
        health = _get(ready["port"], "/-/health", secured)
    except (OSError, http.client.HTTPException, ValueError) as problem:
        raise BackendError(f"backend: expected a health answer on port {ready['port']}, got {problem!r}") from None
    return BackendInfo(
        port=ready["port"],
        pid=ready["pid"],
        arrival_stamps=ready["arrival_stamps"],
        cpu_dma_latency_held=ready["cpu_dma_latency_held"],
        timer=ready["timer"],
        clock_domain=ready["clock_domain"],
        cassettes=tuple(health["cassettes"]),
        failing_ports=ready["failing_ports"],
        is_secured=ready["is_secured"],
    )


def _ready_line(process: subprocess.Popen[bytes], errors: IO[bytes], deadline_s: float) -> dict[str, Any]:
    assert process.stdout is not None
    line = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            if not selector.select(max(deadline_s - time.monotonic(), 0)):
                raise BackendError("backend: expected it to be ready in time, got silence; is the machine overloaded?")
            piece = os.read(process.stdout.fileno(), 65_536)
            if not piece:
                raise _ended(process, errors)
            line += piece
    try:
        ready: dict[str, Any] = json.loads(line)
    except ValueError:
        raise BackendError(f"backend: expected a ready line, got {line[:60]!r}") from None
    return ready


def _ended(process: subprocess.Popen[bytes], errors: IO[bytes]) -> HarnessError:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_S)
    errors.seek(0)
    lines = errors.read().decode("utf-8", "replace").strip().splitlines()
    said = lines[-1] if lines else f"it ended with code {process.returncode} and said nothing"
    error = _ERRORS.get(process.returncode or 0, BackendError)
    return error(said if lines and process.returncode in _ERRORS else f"backend: expected it to run, but {said}")


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


def _connection(port: int, secured: Secured | None, timeout_s: float) -> http.client.HTTPConnection:
    if secured is None:
        return http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    context = ssl.create_default_context(cafile=str(secured.authority))
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=timeout_s, context=context)


def _get(port: int, path: str, secured: Secured | None) -> dict[str, Any]:
    connection = _connection(port, secured, _ASK_S)
    try:
        connection.request("GET", path)
        found: dict[str, Any] = json.loads(connection.getresponse().read())
        return found
    finally:
        connection.close()
