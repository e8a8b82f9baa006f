"""Measures the tap: what it adds to a call, how truly it stamps, how soon it delivers, how much it carries.

Run as ``python -m benchmarks.tap [--json] [--quick]``. The provider is uvicorn over TLS, which keeps its own stamps;
for the requests per second it is nginx, driven by wrk (left out, saying so, where they are missing). Calls through the
tap and calls straight to the provider take turns on kept connections. Importing this file measures nothing.
"""

from __future__ import annotations

import argparse
import json
import random
import selectors
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from benchmarks.keeping import keep
from benchmarks.provider import Provider, question, running
from harness.clock import now_ns
from harness.errors import HarnessError
from harness.replay.certificates import make_certificate
from harness.replay.journal import JournalEntry, JournalReader
from harness.replay.launch import BackendProcess, Passing, start_backend
from harness.vocabulary import CALL_ID_HEADER

SCHEMA_VERSION = 1
PATH = "/v1/chat/completions"
CONNECTIONS = 16
GAP_S = 0.02
REQUESTS_PER_S = 2000
_WRK = """
wrk.method = "POST"
wrk.body = '{"model": "gpt-5-mini", "messages": [{"role": "user", "content": "hello"}]}'
wrk.headers["Content-Type"] = "application/json"
"""
_NGINX = """
worker_processes 1; daemon off; error_log /dev/null; pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{ access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e; keepalive_requests 1000000;
  server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {certificate}; ssl_certificate_key {certificate};
    location / {{ default_type application/json; return 200 '{answer}'; }} }} }}
"""


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles of n values, in µs."""

    n: int
    p50_us: float
    p99_us: float
    max_us: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything measured. ``added`` is what a call takes longer through the tap (paired, call by call); ``stamps`` how
    far the tap's arrival stamps lie from the provider's own sends, also with a client that reads slowly; ``delivery``
    from a chunk's arrival at the tap to its leaving for the client.
    """

    schema_version: int
    added: Spread
    stamps: Spread
    stamps_slow_client: Spread
    delivery: Spread
    requests_per_s: float | None
    nginx_requests_per_s: float | None
    reason: str | None
    rss_growth_mib: float


def spread(values_ns: Sequence[int]) -> Spread:
    """Percentiles by rank."""
    ordered = sorted(values_ns)
    at = [ordered[min(len(ordered) * part // 100, len(ordered) - 1)] / 1e3 for part in (50, 99)]
    return Spread(len(ordered), round(at[0], 1), round(at[1], 1), round(ordered[-1] / 1e3, 1))


class Caller:
    """One kept connection, over TLS where it has a context."""

    def __init__(self, port: int, prefix: str, context: ssl.SSLContext | None) -> None:
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock if context is None else context.wrap_socket(sock, server_hostname="127.0.0.1")
        self._prefix = prefix

    def send(self, body: bytes, number: int) -> None:
        """Ask."""
        head = f"POST {self._prefix}{PATH} HTTP/1.1\r\nhost: x\r\n{CALL_ID_HEADER}: {number}\r\n"
        self.sock.sendall(head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body)

    def call(self, body: bytes, number: int) -> int:
        """One whole answer with a length; how long it took, in ns."""
        started = now_ns()
        self.send(body, number)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.sock.recv(65_536)
        head, _, rest = data.partition(b"\r\n\r\n")
        wanted = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        while len(rest) < wanted:
            rest += self.sock.recv(65_536)
        return now_ns() - started


@contextmanager
def tapped(folder: Path, provider: Provider, authority: Path) -> Iterator[tuple[BackendProcess, JournalReader]]:
    """A tap in front of the provider, and what it journals."""
    journal = folder / "journal"
    with (
        start_backend(None, journal, passing=Passing({"p": provider.url}, authority)) as backend,
        JournalReader(journal) as reader,
    ):
        yield backend, reader


def added(provider: Provider, backend: BackendProcess, authority: Path, calls: int) -> Spread:
    """A call through the tap beside one straight to the provider, in turns; differences of neighbours."""
    context = ssl.create_default_context(cafile=str(authority))
    straight, through = Caller(provider.port, "", context), Caller(backend.port, "/live/p", None)
    body, found = question(0, size=500), []
    for number in range(-50, calls):
        pair = [straight.call(body, 0), 0]
        pair[1] = through.call(body, 0)
        if number % 2:
            pair = [straight.call(body, 0), pair[1]]
        if number >= 0:
            found.append(pair[1] - pair[0])
    return spread(found)


def streams(backend: BackendProcess, count: int, chunks: int, *, pause_s: float = 0.0) -> None:
    """Read ``count`` streams side by side, begun at moments of their own; with a pause, each is read in small sips."""
    tails: dict[socket.socket, bytes] = {}
    moments = random.Random(count)
    with selectors.DefaultSelector() as selector:
        for number in range(1, count + 1):
            time.sleep(moments.random() * GAP_S)
            caller = Caller(backend.port, "/live/p", None)
            if pause_s:
                caller.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            caller.send(question(number, stream=True, shape="sse", chunks=chunks, gap_s=GAP_S, size=200), number)
            selector.register(caller.sock, selectors.EVENT_READ)
        ended = 0
        while ended < count:
            for key, _ in selector.select(10):
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                data = sock.recv(512 if pause_s else 65_536)
                tails[sock] = (tails.get(sock, b"") + data)[-5:]
                if not data or tails[sock] == b"0\r\n\r\n":
                    ended += 1
                    selector.unregister(sock)
                    sock.close()
            if pause_s:
                time.sleep(pause_s)


def settled(reader: JournalReader, wanted: int) -> list[JournalEntry]:
    """The journal once it has so many entries."""
    found: list[JournalEntry] = []
    end_s = time.monotonic() + 20
    while len(found) < wanted and time.monotonic() < end_s:
        found += reader.drain()
        time.sleep(0.05)
    return found


def against(stamps: Path, entries: Sequence[JournalEntry]) -> list[int]:
    """|the tap's arrival stamp − the provider's own send|, chunk by chunk, in ns.

    A read may hold several chunks (the head travels with none of its own): every chunk counts with the earliest read
    that did not end before it was sent.
    """
    told = {line["number"]: line["sent_ns"] for line in map(json.loads, stamps.read_text().splitlines())}
    found = []
    for entry in entries:
        came = [sent - late for sent, late in zip(entry.chunk_sent_ns, entry.pacing_error_ns, strict=True)]
        for sent_ns in told.get(entry.call_number, []):
            after = next((at for at in came if at >= sent_ns), None)
            if after is not None:
                found.append(after - sent_ns)
    return found


def requests_per_s(folder: Path, seconds: int) -> tuple[float | None, float | None, str | None]:
    """wrk through the tap to nginx, and straight to nginx, in turns; requests per second of each."""
    missing = [name for name in ("nginx", "wrk") if shutil.which(name) is None]
    if missing:
        return None, None, f"{' and '.join(missing)} not installed"
    made = make_certificate(folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "nginx.conf"
    answer = json.dumps({"choices": [{"message": {"content": "x" * 400}}]})
    config.write_text(_NGINX.format(folder=folder, port=port, certificate=made.certificate, answer=answer))
    (folder / "ask.lua").write_text(_WRK)
    nginx = subprocess.Popen(["nginx", "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        time.sleep(1)
        passing = Passing({"p": f"https://127.0.0.1:{port}"}, made.authority)
        with start_backend(None, folder / "journal-rps", passing=passing) as backend:
            through, straight = [], []
            for _ in range(3):
                through.append(_wrk(folder, f"http://127.0.0.1:{backend.port}/live/p{PATH}", seconds))
                straight.append(_wrk(folder, f"https://127.0.0.1:{port}{PATH}", seconds))
    finally:
        nginx.terminate()
        nginx.wait()
    return sorted(through)[1], sorted(straight)[1], None


def _wrk(folder: Path, url: str, seconds: int) -> float:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(folder / "ask.lua"), url]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said:
        raise HarnessError(f"wrk: expected answers, got {said!r}")
    return float(next(line for line in said.splitlines() if "Requests/sec" in line).split()[1])


def big_answer(backend: BackendProcess, megabytes: int) -> float:
    """How much the tap's memory grows while a large answer passes to a slow reader, in MiB."""
    process = psutil.Process(backend.pid)
    before = most = process.memory_info().rss
    caller = Caller(backend.port, "/live/p", None)
    caller.send(question(0, shape="big", megabytes=megabytes), 0)
    time.sleep(0.5)
    tail = b""
    while not tail.endswith(b"0\r\n\r\n"):
        data = caller.sock.recv(1 << 18)
        if not data:
            raise HarnessError("a large answer broke off")
        tail = (tail + data)[-16:]
        most = max(most, process.memory_info().rss)
    return round((most - before) / (1 << 20), 1)


def measure(*, quick: bool) -> Figures:
    """All figures."""
    calls, chunks, seconds, megabytes = (300, 50, 2, 50) if quick else (3000, 250, 8, 200)
    with tempfile.TemporaryDirectory(prefix="llm-call-bench-") as name:
        folder = Path(name)
        made, stamps = make_certificate(folder), folder / "stamps"
        with (
            running(stamps, made.certificate) as provider,
            tapped(folder, provider, made.authority) as (backend, reader),
        ):
            more = added(provider, backend, made.authority, calls)
            reader.drain()
            streams(backend, 10, chunks)
            truth = against(stamps, settled(reader, 10))
            stamps.unlink()
            streams(backend, 10, chunks, pause_s=0.05)
            slow = against(stamps, settled(reader, 10))
            streams(backend, 20, chunks)
            late = [error for entry in settled(reader, 20) for error in entry.pacing_error_ns]
            grown = big_answer(backend, megabytes)
        rps, nginx_rps, reason = requests_per_s(folder, seconds)
    return Figures(SCHEMA_VERSION, more, spread(truth), spread(slow), spread(late), rps, nginx_rps, reason, grown)


def keep_lines(results: Path, figures: Figures) -> None:
    """The last result, as lines for the page."""
    bounds = {
        "added": ("Added to a call by the tap", 300, 1000),
        "stamps": ("The tap's stamps beside the provider's", 50, 250),
        "stamps_slow_client": ("The tap's stamps with a slow client", 50, 250),
        "delivery": ("A chunk's way through the tap", 300, 1000),
    }
    for name, (title, p50_us, p99_us) in bounds.items():
        found: Spread = getattr(figures, name)
        said = f"p50 {found.p50_us:.0f} µs, p99 {found.p99_us:.0f} µs of {found.n:,}"
        passed = found.p50_us <= p50_us and found.p99_us <= p99_us
        keep(results, title, said, f"p50 ≤ {p50_us} µs, p99 ≤ {p99_us} µs", asdict(figures), passed=passed)
    if figures.requests_per_s is not None:
        said = f"{figures.requests_per_s:,.0f} requests/s"
        passed = figures.requests_per_s >= REQUESTS_PER_S
        keep(results, "Carried by the tap", said, f"≥ {REQUESTS_PER_S:,}", asdict(figures), passed=passed)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    try:
        figures = measure(quick=arguments.quick)
    except HarnessError as problem:
        print(problem, file=sys.stderr)
        return problem.exit_code
    if arguments.keep:
        keep_lines(arguments.keep, figures)
    if arguments.json:
        print(json.dumps(asdict(figures), indent=2))
        return 0
    for name in ("added", "stamps", "stamps_slow_client", "delivery"):
        found: Spread = getattr(figures, name)
        said = f"p50 {found.p50_us:8.1f} µs   p99 {found.p99_us:8.1f} µs   max {found.max_us:9.1f} µs   n = {found.n}"
        print(f"{name:20} {said}")
    rates = f"{figures.requests_per_s} through the tap, {figures.nginx_requests_per_s} straight to nginx"
    print(f"requests per second  {rates} {figures.reason or ''}")
    print(f"memory               +{figures.rss_growth_mib} MiB while a large answer passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
