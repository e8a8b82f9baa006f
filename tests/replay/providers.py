"""Providers that do exactly what a test says, byte by byte: a thread, a socket, a script."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

Step = bytes | float | str
"""Bytes to send, seconds to wait, or how the connection ends: ``close``, ``reset``, ``hold``."""


@dataclass
class Scripted:
    """One that answers every request with the same script. ``requests`` are what arrived; ``closed``: it was left."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    closed: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}/base"


@contextmanager
def scripted(*steps: Step) -> Iterator[Scripted]:
    """Serve until the context is left."""
    listening = socket.create_server(("127.0.0.1", 0))
    provider = Scripted(listening.getsockname()[1])

    def serve(sock: socket.socket) -> None:
        try:
            while (request := _request(sock)) is not None:
                provider.requests.append(request)
                if not _act(sock, steps, provider):
                    return
        except OSError:
            pass
        finally:
            provider.closed.set()
            sock.close()

    def accept() -> None:
        while True:
            try:
                sock, _ = listening.accept()
            except OSError:
                return
            provider.connections += 1
            threading.Thread(target=serve, args=(sock,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield provider
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def _act(sock: socket.socket, steps: Sequence[Step], provider: Scripted) -> bool:
    """Play the script; whether the connection goes on."""
    for step in steps:
        if isinstance(step, bytes):
            sock.sendall(step)
        elif isinstance(step, float):
            time.sleep(step)
        elif step == "hold":
            sock.recv(1)
            return False
        else:
            if step == "reset":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
    return True


def _request(sock: socket.socket) -> bytes | None:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65_536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    wanted = int(lengths[0].partition(b":")[2]) if lengths else 0
    while len(body) < wanted:
        body += sock.recv(65_536)
    return head + b"\r\n\r\n" + body
