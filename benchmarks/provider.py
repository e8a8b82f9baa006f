"""A provider to try the tap on that is no replay server: an ASGI application that uvicorn serves, over TLS or not.

What it answers is asked for in the text of the last message, as JSON (``{"shape": "sse", "chunks": 20}``); any other
question gets an answer of ``PROVIDER_SHAPE`` (``limited:4``: every fourth; a plain one without), once it gave
``PROVIDER_AFTER`` plain ones. ``PROVIDER_KEY`` is the only key it takes.
Where ``PROVIDER_STAMPS`` names a file, every answer appends a line of what it sent when, on the monotonic clock: the
provider's own word, which the tap's is held against. Used by ``benchmarks/tap.py`` and by tests.
"""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Send = Callable[[dict[str, Any]], Awaitable[None]]

_READY_S = 20.0


async def app(scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Send) -> None:
    """One request."""
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    asked = _asked(body)
    stamps: list[int] = []
    key = os.environ.get("PROVIDER_KEY")
    if key and f"Bearer {key}".encode() not in dict(scope["headers"]).values():
        await _head(send, 401, [(b"content-type", b"application/json")])
        await _piece(send, b'{"error": {"message": "Incorrect API key provided"}}', stamps, more=False)
        return
    try:
        await _SHAPES[asked.get("shape", "json")](asked, send, stamps, scope)
    finally:
        where = os.environ.get("PROVIDER_STAMPS")
        if where:
            with Path(where).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"number": asked.get("number", 0), "sent_ns": stamps}) + "\n")


def _asked(body: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(body)
        plain = {"shape": _turn() or ("sse" if asked.get("stream") else "json")}
        found = json.loads(asked["messages"][-1]["content"])
    except json.JSONDecodeError:
        return plain if body else {}
    except (KeyError, IndexError, TypeError):
        return {}
    return found if isinstance(found, dict) else plain


_turns = itertools.count(1)


def _turn() -> str:
    """The shape of this answer where not every one is plain."""
    shape, _, every = os.environ.get("PROVIDER_SHAPE", "").partition(":")
    turn = next(_turns)
    return shape if shape and turn > int(os.environ.get("PROVIDER_AFTER") or 0) and turn % int(every or 1) == 0 else ""


async def _head(send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    always = [
        (b"openai-processing-ms", b"12"),
        (b"x-request-id", b"req_0123456789abcdef"),
        (b"set-cookie", b"c=1234567"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *always]})


async def _piece(send: Send, data: bytes, stamps: list[int], *, more: bool = True) -> None:
    stamps.append(time.clock_gettime_ns(time.CLOCK_MONOTONIC))
    await send({"type": "http.response.body", "body": data, "more_body": more})


async def _json(asked: dict[str, Any], send: Send, stamps: list[int], scope: dict[str, Any]) -> None:
    answer = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-5-mini",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "é" * asked.get("size", 100)},
            }
        ],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
    }
    await asyncio.sleep(asked.get("wait_s", 0))
    data = json.dumps(answer, ensure_ascii=False).encode()
    headers = [(b"content-type", b"application/json")]
    encoding = asked.get("encoding")
    if encoding == "gzip":
        data = gzip.compress(data)
    elif encoding == "br":
        import brotli  # no other answer needs it

        data = brotli.compress(data)
    if encoding:
        headers.append((b"content-encoding", encoding.encode()))
    if not asked.get("chunked"):
        headers.append((b"content-length", str(len(data)).encode()))
    await _head(send, asked.get("status", 200), headers)
    await _piece(send, data, stamps, more=False)


async def _sse(asked: dict[str, Any], send: Send, stamps: list[int], scope: dict[str, Any]) -> None:
    await _head(send, 200, [(b"content-type", b"text/event-stream")])
    gap_s, dies_after = asked.get("gap_s", 0.0), asked.get("dies_after")
    event = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-5-mini"}
    due = asyncio.get_running_loop().time()
    for number in range(asked.get("chunks", 10)):
        if number == dies_after:
            _abort(scope)
            return
        delta = {"content": f"{number} " + "x" * asked.get("size", 0)}
        data = json.dumps({**event, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        await _piece(send, f"data: {data}\n\n".encode(), stamps)
        due += gap_s
        await asyncio.sleep(max(due - asyncio.get_running_loop().time(), 0))
    usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    last = {**event, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage}
    await _piece(send, f"data: {json.dumps(last)}\n\ndata: [DONE]\n\n".encode(), stamps, more=False)


async def _big(asked: dict[str, Any], send: Send, stamps: list[int], scope: dict[str, Any]) -> None:
    await _head(send, 200, [(b"content-type", b"application/octet-stream")])
    piece = b"x" * (1 << 20)
    for _ in range(asked.get("megabytes", 200)):
        await _piece(send, piece, stamps)
    await _piece(send, b"", stamps, more=False)


async def _html(asked: dict[str, Any], send: Send, stamps: list[int], scope: dict[str, Any]) -> None:
    await _head(send, asked.get("status", 200), [(b"content-type", b"text/html")])
    await _piece(send, b"<html><body>Bad gateway</body></html>", stamps, more=False)


async def _limited(asked: dict[str, Any], send: Send, stamps: list[int], scope: dict[str, Any]) -> None:
    await _head(send, 429, [(b"content-type", b"application/json"), (b"retry-after", b"1")])
    await _piece(send, b'{"error": {"message": "slow down", "type": "requests"}}', stamps, more=False)


async def _hang(asked: dict[str, Any], send: Send, stamps: list[int], scope: dict[str, Any]) -> None:
    await asyncio.sleep(asked.get("wait_s", 3600))


async def _file(asked: dict[str, Any], send: Send, stamps: list[int], scope: dict[str, Any]) -> None:
    data = Path(os.environ["PROVIDER_FILE"]).read_bytes()
    await _head(send, 200, [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())])
    await _piece(send, data, stamps, more=False)


async def _crash(asked: dict[str, Any], send: Send, stamps: list[int], scope: dict[str, Any]) -> None:
    raise RuntimeError("the provider's own mistake")


def _abort(scope: dict[str, Any]) -> None:
    """Cut the connection as a process that dies does."""
    raise ConnectionAbortedError("the provider dies here")


_SHAPES = {
    "json": _json,
    "sse": _sse,
    "big": _big,
    "html": _html,
    "limited": _limited,
    "hang": _hang,
    "crash": _crash,
    "file": _file,
}


@dataclass(frozen=True, slots=True)
class Provider:
    """A running one."""

    url: str
    port: int
    pid: int


@contextmanager
def running(
    stamps: Path | None = None,
    certificate: Path | None = None,
    port: int = 0,
    shape: str = "",
    key: str = "",
    after: int = 0,
    file: Path | None = None,
) -> Iterator[Provider]:
    """Serve with uvicorn in a process of its own, over TLS where there is a certificate (with its key in one file)."""
    if not port:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "benchmarks.provider:app",
        "--port",
        str(port),
        "--log-level",
        "critical",
    ]
    command += ["--no-access-log", "--timeout-graceful-shutdown", "1", "--loop", "uvloop", "--http", "httptools"]
    command += ["--ssl-certfile", str(certificate), "--ssl-keyfile", str(certificate)] if certificate else []
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    environment |= {"PROVIDER_SHAPE": shape, "PROVIDER_KEY": key, "PROVIDER_AFTER": str(after)}
    environment |= {} if file is None else {"PROVIDER_SHAPE": "file", "PROVIDER_FILE": str(file)}
    if stamps is not None:
        environment["PROVIDER_STAMPS"] = str(stamps)
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await_port(port, process)
        yield Provider(f"{'https' if certificate else 'http'}://127.0.0.1:{port}", port, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    end_s = time.monotonic() + _READY_S
    while time.monotonic() < end_s:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("uvicorn did not come up")


def question(number: int, *, stream: bool = False, **asked: Any) -> bytes:
    """The body of a request that asks for such an answer."""
    content = json.dumps({"number": number, **asked})
    return json.dumps(
        {"model": "gpt-5-mini", "messages": [{"role": "user", "content": content}], "stream": stream}
    ).encode()
