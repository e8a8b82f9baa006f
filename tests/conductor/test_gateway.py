"""The gateway for real: a LiteLLM proxy process between this test and a provider of its own on loopback."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from harness.conductor import gateway
from harness.conductor.gateway import Deployment, Gateway, configuration
from harness.errors import BackendError
from harness.vocabulary import CALL_ID_HEADER

pytestmark = pytest.mark.real

_CHOICE = {"index": 0, "finish_reason": "stop"}
_ANSWER = {"id": "chatcmpl-1", "created": 1, "model": "gpt-5-mini"}


class Provider(BaseHTTPRequestHandler):
    """Answers chat completions, whole and streamed, and remembers path, call id and whether a stream was asked."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[tuple[str, str | None, bool]]] = []

    def do_POST(self) -> None:
        """One call."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        is_stream = bool(asked.get("stream"))
        self.seen.append((self.path, self.headers.get(CALL_ID_HEADER), is_stream))
        body = _streamed() if is_stream else _whole()
        self.send_response(200)
        self.send_header("content-type", "text/event-stream" if is_stream else "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        """Nobody asks, or it is seen."""
        self.seen.append((self.path, self.headers.get(CALL_ID_HEADER), False))
        self.send_error(404)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Say nothing."""


def _whole() -> bytes:
    message = {"role": "assistant", "content": "pong"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    answer = {**_ANSWER, "object": "chat.completion", "choices": [{**_CHOICE, "message": message}], "usage": usage}
    return json.dumps(answer).encode()


def _streamed() -> bytes:
    chunk = {**_ANSWER, "object": "chat.completion.chunk", "choices": [{**_CHOICE, "delta": {"content": "pong"}}]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\ndata: [DONE]\n\n"


@pytest.fixture
def provider() -> Iterator[str]:
    """The root URL of a provider that has seen nothing yet."""
    Provider.seen.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/root"
        server.shutdown()
        thread.join()


def deployment(root_url: str = "http://127.0.0.1:1") -> Deployment:
    """One cell."""
    return Deployment("cell-7", "openai", "gpt-5-mini", root_url, "sk-test", 10.0)


def ask(port: int, call_number: int, *, stream: bool) -> tuple[int, str]:
    """One call to the gateway: status and body."""
    body = {"model": "cell-7", "messages": [{"role": "user", "content": "ping"}], "stream": stream}
    headers = {"content-type": "application/json", "authorization": "Bearer sk-any", CALL_ID_HEADER: str(call_number)}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def is_gone(group: int) -> bool:
    """Whether no process of this group is left, waiting a little."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def test_a_gateway_forwards_calls_with_their_call_id_and_leaves_no_process(provider: str) -> None:
    """Whole and streamed: the content comes back, the provider saw each once, and no more; nothing is left."""
    with Gateway([deployment(provider)]) as running:
        answers = [ask(running.port, 41, stream=False), ask(running.port, 42, stream=True)]
        assert running.url == f"http://127.0.0.1:{running.port}"
        group = running.pid
    assert [(status, "pong" in body) for status, body in answers] == [(200, True), (200, True)]
    assert Provider.seen == [
        ("/root/v1/chat/completions", "41", False),
        ("/root/v1/chat/completions", "42", True),
    ]
    assert is_gone(group)


def test_a_killed_conductor_leaves_no_gateway() -> None:
    """kill -9 of the process that started it: the proxy ends by itself, and takes its folder along."""
    folders = set(Path(tempfile.gettempdir()).glob("llm-call-bench-gateway-*"))
    code = f"""
import time
from harness.conductor.gateway import Deployment, Gateway
print(Gateway([{deployment()!r}]).pid, flush=True)
time.sleep(600)
"""
    conductor = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert conductor.stdout is not None
    group = int(conductor.stdout.readline())
    conductor.send_signal(signal.SIGKILL)
    conductor.wait()
    conductor.stdout.close()
    assert is_gone(group)
    assert set(Path(tempfile.gettempdir()).glob("llm-call-bench-gateway-*")) == folders


def test_a_taken_port_is_refused_in_one_line() -> None:
    """BackendError that names the port, before any process is started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BackendError, match=f"^gateway: expected port {port} to be free, got .*in use$"):
            Gateway([deployment()], port=port)


def test_a_proxy_that_does_not_start_is_reported_with_its_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration it refuses: BackendError, one line, with the exit code and what the proxy said last."""
    refused = {**configuration([deployment()]), "general_settings": {}}
    monkeypatch.setattr(gateway, "configuration", lambda deployments: refused)
    with pytest.raises(
        BackendError, match=r"^gateway: expected the proxy to start, got exit code \d; .*master_key"
    ) as e:
        Gateway([deployment()])
    assert "\n" not in str(e.value)
