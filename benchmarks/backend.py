"""Measures the backend process itself: requests per second beside nginx, send error of paced streams, cost of a stamp.

Run as ``python benchmarks/backend.py [--json] [--seconds N]``. Server on core 0, load on core 1; nginx and the backend
take turns within one run, because a machine's speed drifts. Importing this file measures nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from harness.cassette import SUFFIX, Cassette, Head, RecordedRequest, RecordedResponse, dump_cassette, load_cassette
from harness.clock import now_ns
from harness.errors import BackendError, HarnessError
from harness.replay.journal import JournalEntry, JournalReader, JournalWriter
from harness.replay.launch import BackendProcess, start_backend
from harness.replay.routes import base_url
from harness.vocabulary import CALL_ID_HEADER, Origin

SCHEMA_VERSION = 1
CASSETTES = Path(__file__).parent / "cassettes"
ANSWER = "openai-gpt-5-mini-chat"
CONNECTIONS = 32
ROUNDS = 4
CHUNK_INTERVAL_NS = 5_000_000
SERVER_CORE, LOAD_CORE = 0, 1


@dataclass(frozen=True, slots=True)
class Throughput:
    """Requests per second by round, in the order measured (A B A B …); ``ratio_*`` is backend over nginx by round."""

    backend_rps: tuple[float, ...]
    nginx_rps: tuple[float, ...]
    ratio_min: float | None
    ratio_median: float | None
    ratio_max: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Pacing:
    """Send error (sent − deadline) over all chunks, and how much longer the schedules became in total.

    ``run_delay_ns`` is how long the backend was ready to run and another process had its core.
    """

    streams: int
    chunks: int
    chunks_per_s: float
    error_p50_ns: int
    error_p99_ns: int
    error_max_ns: int
    earliest_ns: int
    stretch_percent: float
    run_delay_ns: int | None


@dataclass(frozen=True, slots=True)
class Stamps:
    """Cost of one chunk's stamp (clock and store), and of publishing a record of 60 chunks or of one."""

    stamp_ns: float
    record_of_60_ns: float
    record_of_1_ns: float


@dataclass(frozen=True, slots=True)
class Report:
    """Everything measured; ``arrival_stamps`` and the rest say under which conditions."""

    schema_version: int
    throughput: Throughput
    pacing: tuple[Pacing, ...]
    stamps: Stamps
    cores: int
    arrival_stamps: str
    timer: str
    cpu_dma_latency_held: bool


def measure(seconds: float) -> Report:
    """Run everything; about ``20 × seconds`` long. Raises BackendError or DataError."""
    with _scratch() as scratch:
        with start_backend(CASSETTES, scratch / "throughput.journal", only=[ANSWER]) as backend:
            _pin(backend.pid, SERVER_CORE)
            throughput = _throughput(backend, scratch, seconds)
            info = backend.info
        paced = tuple(_paced(scratch, streams, 2 * seconds) for streams in (10, 100))
        stamps = _stamps(scratch)
    return Report(
        schema_version=SCHEMA_VERSION,
        throughput=throughput,
        pacing=paced,
        stamps=stamps,
        cores=os.cpu_count() or 1,
        arrival_stamps=info.arrival_stamps,
        timer=info.timer,
        cpu_dma_latency_held=info.cpu_dma_latency_held,
    )


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    shm = Path("/dev/shm")  # noqa: S108  a journal belongs in memory, not on a disk
    with tempfile.TemporaryDirectory(dir=shm if os.access(shm, os.W_OK) else None) as name:
        Path(name).chmod(0o755)
        yield Path(name)


def _pin(pid: int, core: int) -> None:
    """Bind a process to a core; on a machine where that is not possible the figures are those of a shared core."""
    if hasattr(os, "sched_setaffinity"):
        with contextlib.suppress(OSError):
            os.sched_setaffinity(pid, {core})


def _throughput(backend: BackendProcess, scratch: Path, seconds: float) -> Throughput:
    wrk, nginx = shutil.which("wrk"), shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if wrk is None:
        return Throughput((), (), None, None, None, "wrk is not installed")
    cassette = load_cassette(CASSETTES / f"{ANSWER}{SUFFIX}")
    script = scratch / "post.lua"
    script.write_text(_lua(cassette, backend.port))
    ours = [wrk, "-s", str(script), f"http://127.0.0.1:{backend.port}"]
    backend_rps, nginx_rps = [], []
    with _nginx(nginx, scratch, cassette.body) as url:
        for _ in range(ROUNDS):
            if url is not None:
                nginx_rps.append(_wrk([wrk, url], seconds))
            backend_rps.append(_wrk(ours, seconds))
    if backend.mismatches():
        raise BackendError(f"backend: expected every request to match, got {backend.mismatches()[0]}")
    ratios = [mine / theirs for mine, theirs in zip(backend_rps, nginx_rps, strict=False)]
    return Throughput(
        backend_rps=tuple(backend_rps),
        nginx_rps=tuple(nginx_rps),
        ratio_min=min(ratios, default=None),
        ratio_median=statistics.median(ratios) if ratios else None,
        ratio_max=max(ratios, default=None),
        reason=None if ratios else "nginx is not installed",
    )


def _lua(cassette: Cassette, port: int) -> str:
    """POST the cassette's request, each under a call id of its own."""
    path = base_url(port, "none", ANSWER).removeprefix(f"http://127.0.0.1:{port}") + cassette.head.request.path
    body = json.dumps(cassette.head.request.body)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer none\r\nContent-Length: {len(body.encode())}\r\n{CALL_ID_HEADER}: "
    )
    return (
        f"local before = {json.dumps(head)}\nlocal after = {json.dumps(f'{chr(13)}{chr(10)}' * 2 + body)}\n"
        "local number = 0\nrequest = function()\n  number = number + 1\n  return before .. number .. after\nend\n"
    )


@contextlib.contextmanager
def _nginx(program: str | None, scratch: Path, body: bytes) -> Iterator[str | None]:
    """nginx as fast as it goes: for a small file, one writev from a cached descriptor beats its defaults twofold."""
    if program is None:
        yield None
        return
    (scratch / "answer.json").write_bytes(body)
    port = _free_port()
    (scratch / "nginx.conf").write_text(
        "daemon off; master_process off; worker_processes 1;\n"
        f"pid {scratch}/nginx.pid; error_log {scratch}/error.log;\n"
        "events { worker_connections 512; multi_accept on; }\n"
        "http { access_log off; keepalive_requests 1000000000; tcp_nodelay on; default_type application/json;\n"
        "  sendfile off; open_file_cache max=10 inactive=1h; open_file_cache_valid 1h;\n"
        f"  server {{ listen 127.0.0.1:{port}; root {scratch}; }} }}\n"
    )
    command = [program, "-p", str(scratch), "-e", str(scratch / "error.log"), "-c", str(scratch / "nginx.conf")]
    with subprocess.Popen(command) as process:
        try:
            _pin(process.pid, SERVER_CORE)
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, process.pid, -15)
            _await_port(port)
            yield f"http://127.0.0.1:{port}/answer.json"
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _await_port(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise BackendError(f"nginx: expected it to listen on {port}, got nothing in 10 s") from None
            time.sleep(0.02)


def _wrk(command: list[str], seconds: float) -> float:
    program, *rest = command
    pinned = ["taskset", "-c", str(LOAD_CORE)] if shutil.which("taskset") and (os.cpu_count() or 1) > LOAD_CORE else []
    options = ["-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s"]
    done = subprocess.run([*pinned, program, *options, *rest], capture_output=True, text=True, check=False)
    found = re.search(r"Requests/sec:\s*([0-9.]+)", done.stdout)
    if found is None or "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise BackendError(
            f"wrk: expected only 200 answers, got: {' '.join((done.stdout + done.stderr).split())[-200:]}"
        )
    return float(found[1])


def _paced(scratch: Path, streams: int, seconds: float) -> Pacing:
    cassette = _ticking(round(seconds * 1e9 / CHUNK_INTERVAL_NS))
    (scratch / f"{cassette.cassette_id}{SUFFIX}").write_text(dump_cassette(cassette))
    journal = scratch / f"pacing-{streams}.journal"
    with start_backend(scratch, journal) as backend, JournalReader(journal) as reader:
        _pin(backend.pid, SERVER_CORE)
        _pin(0, LOAD_CORE)
        before = _run_delay_ns(backend.pid)
        _stream_all(backend.port, cassette, streams)
        after = _run_delay_ns(backend.pid)
        entries = reader.drain()
    return _pacing(entries, streams, None if before is None or after is None else after - before)


def _run_delay_ns(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return None


def _ticking(chunks: int) -> Cassette:
    head = Head(
        cassette=1,
        origin=Origin.AUTHORED,
        provider="none",
        model="none",
        workload="ticking",
        stream=True,
        head_offset_ns=CHUNK_INTERVAL_NS,
        request=RecordedRequest(method="POST", path="/v1/chat/completions", body={}),
        response=RecordedResponse(status=200, headers=(("content-type", "text/event-stream"),), framing="chunked"),
    )
    offsets = tuple(CHUNK_INTERVAL_NS * k for k in range(1, chunks + 1))
    return Cassette("ticking", head, offsets, (b"data: " + b"x" * 200 + b"\n\n",) * chunks)


def _stream_all(port: int, cassette: Cassette, streams: int) -> None:
    """Open every stream at a random phase of the interval, as independent callers would, and read all to their ends."""
    target = f"/recorded/{cassette.cassette_id}{cassette.head.request.path}"
    phases = random.Random(streams)
    waiting = sorted(phases.uniform(0, 0.001 * streams) for _ in range(streams))
    with selectors.DefaultSelector() as selector:
        sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(streams)]
        started = time.monotonic()
        for number, (sock, phase) in enumerate(zip(sockets, waiting, strict=True), start=1):
            time.sleep(max(0.0, started + phase - time.monotonic()))
            request = (
                f"POST {target} HTTP/1.1\r\nhost: x\r\n{CALL_ID_HEADER}: {number}\r\ncontent-length: 2\r\n\r\n{{}}"
            )
            sock.sendall(request.encode())
            selector.register(sock, selectors.EVENT_READ)
        left = streams
        while left:
            for key, _ in selector.select():
                assert isinstance(key.fileobj, socket.socket)
                piece = key.fileobj.recv(65_536)
                if not piece or piece.endswith(b"\r\n0\r\n\r\n"):
                    selector.unregister(key.fileobj)
                    left -= 1
        for sock in sockets:
            sock.close()


def _pacing(entries: list[JournalEntry], streams: int, run_delay_ns: int | None) -> Pacing:
    if len(entries) != streams or not all(entry.completed for entry in entries):
        raise BackendError(f"backend: expected {streams} complete streams in the journal, got {len(entries)}")
    errors = sorted(error for entry in entries for error in entry.pacing_error_ns)
    spans = [entry.chunk_sent_ns[-1] - entry.chunk_sent_ns[0] for entry in entries]
    nominal = sum((len(entry.chunk_sent_ns) - 1) * CHUNK_INTERVAL_NS for entry in entries)
    first, last = min(e.chunk_sent_ns[0] for e in entries), max(e.chunk_sent_ns[-1] for e in entries)
    return Pacing(
        streams=streams,
        chunks=len(errors),
        chunks_per_s=len(errors) / ((last - first) / 1e9),
        error_p50_ns=errors[len(errors) // 2],
        error_p99_ns=errors[len(errors) * 99 // 100],
        error_max_ns=errors[-1],
        earliest_ns=errors[0],
        stretch_percent=100 * (sum(spans) / nominal - 1),
        run_delay_ns=run_delay_ns,
    )


def _stamps(scratch: Path) -> Stamps:
    """The least of several loops: what it costs when nothing else interferes."""
    writer = JournalWriter(scratch / "stamps.journal")
    fields = (1, 1, 1, 1, 0, 1, 200, 400, 20_000, now_ns(), now_ns(), now_ns(), now_ns(), 1)
    sixty, one = [now_ns()] * 60, [now_ns()]
    try:
        return Stamps(
            stamp_ns=min(_stamping_ns(2_000) for _ in range(15)),
            record_of_60_ns=min(_publishing_ns(writer, fields, sixty) for _ in range(5)),
            record_of_1_ns=min(_publishing_ns(writer, fields, one) for _ in range(5)),
        )
    finally:
        writer.close()


def _stamping_ns(count: int) -> float:
    stamps: list[int] = []
    started = now_ns()
    for _ in range(count):
        stamps.append(now_ns())  # noqa: PERF401  the loop is what is measured
    return (now_ns() - started) / count


def _publishing_ns(writer: JournalWriter, fields: tuple[int, ...], chunks: list[int]) -> float:
    marks = [now_ns()]
    for _ in range(500):
        writer.append(fields, chunks, chunks)
        marks.append(now_ns())
    return statistics.median(after - before for before, after in pairwise(marks))


def human(report: Report) -> str:
    """The report for people."""
    rates, stamps = report.throughput, report.stamps
    lines = [f"arrival stamps: {report.arrival_stamps}; timer: {report.timer}; {report.cores} cores"]
    lines += [f"backend  {' '.join(f'{rps:9,.0f}' for rps in rates.backend_rps)} requests/s"]
    lines += [f"nginx    {' '.join(f'{rps:9,.0f}' for rps in rates.nginx_rps)} requests/s"]
    if rates.ratio_median is None:
        lines.append(f"ratio    – ({rates.reason})")
    else:
        lines.append(
            f"ratio    {rates.ratio_median:.2f} (min {rates.ratio_min:.2f}, max {rates.ratio_max:.2f}); target ≥ 0.6"
        )
    lines += [_pacing_line(paced) for paced in report.pacing]
    lines.append(
        f"journal  {stamps.stamp_ns:.0f} ns a stamp, {stamps.record_of_1_ns:.0f} ns a record of one chunk, "
        f"{stamps.record_of_60_ns:.0f} ns of sixty"
    )
    return "\n".join(lines)


def _pacing_line(paced: Pacing) -> str:
    p50_us, p99_us, max_us, earliest_us = (
        ns / 1e3 for ns in (paced.error_p50_ns, paced.error_p99_ns, paced.error_max_ns, paced.earliest_ns)
    )
    lost = "–" if paced.run_delay_ns is None else f"{paced.run_delay_ns / 1e6:.1f} ms"
    return (
        f"pacing   {paced.streams:3} streams, {paced.chunks_per_s:,.0f} chunks/s: send error p50 {p50_us:.1f} µs, "
        f"p99 {p99_us:.1f} µs, max {max_us:.0f} µs, earliest {earliest_us:+.1f} µs, "
        f"stretch {paced.stretch_percent:.3f} %, core lost for {lost}"
    )


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description="Measure the backend process beside nginx.")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one round of load")
    arguments = parser.parse_args()
    try:
        report = measure(arguments.seconds)
    except HarnessError as problem:
        print(problem, file=sys.stderr)
        return problem.exit_code
    print(json.dumps(asdict(report)) if arguments.json else human(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
