"""Owns the ports that fail before a request is read: refused, never connected, accepted in silence, closed at once.

Started beside the server when faults are to be acted out. What happens on them is not journalled, for nothing on the
wire says which call it belongs to: who connects counts its own connections. Called by ``__main__``.
"""

from __future__ import annotations

import asyncio
import socket
from functools import partial

from harness.fault import PORTS

_DESCRIPTORS_KEPT = 4_096


class FailingPorts:
    """One port per name in ``harness.fault.PORTS``, held from construction to ``close``. ``numbers`` has them by name.

    ``refuse`` is bound and does not listen. ``unreachable`` listens with a backlog that is full, so that the kernel
    drops further SYNs and a connection never comes about. ``silent`` accepts and never reads; ``closing`` accepts and
    closes, as a proxy does whose connections are used up.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, host: str) -> None:
        self._loop = loop
        self._host = host
        self._kept: list[socket.socket] = []
        self._listening: list[socket.socket] = []
        bound = {name: self._bound() for name in PORTS}
        self.numbers = {name: int(sock.getsockname()[1]) for name, sock in bound.items()}
        self._fill(bound["unreachable"])
        for name in ("silent", "closing"):
            bound[name].listen(1024)
            loop.add_reader(bound[name].fileno(), partial(self._accept, bound[name], is_kept=name == "silent"))
            self._listening.append(bound[name])

    def close(self) -> None:
        """Give every port and connection back."""
        for sock in self._listening:
            self._loop.remove_reader(sock.fileno())
        for sock in self._kept:
            sock.close()

    def _bound(self) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.bind((self._host, 0))
        self._kept.append(sock)
        return sock

    def _fill(self, sock: socket.socket) -> None:
        """Fill the backlog: one connection more than it is long is accepted by the kernel, the next one is not."""
        sock.listen(0)
        for _ in range(4):
            filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            filler.setblocking(False)
            filler.connect_ex(sock.getsockname())
            self._kept.append(filler)

    def _accept(self, listening: socket.socket, *, is_kept: bool) -> None:
        try:
            sock, _ = listening.accept()
        except OSError:
            return
        if not is_kept:
            sock.close()
            return
        sock.setblocking(False)
        self._kept.append(sock)
        if len(self._kept) > _DESCRIPTORS_KEPT:
            self._kept.pop(len(PORTS) + 4).close()
