"""Owns TLS on a non-blocking socket, behind the few methods that ``connection`` and ``upstream`` call on a plain one.

The socket is read with ``recvmsg`` as a plain one is, so that the kernel's arrival stamps survive the encryption: what
is decrypted carries the stamp of the bytes that completed it. Standard library only (``ssl`` over memory buffers).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl

_READ_BYTES = 65_536
_RECORD_BYTES = 16_384

Received = tuple[bytes, list[tuple[int, int, bytes]], int, object]


class TlsSocket:
    """One side of a TLS connection, with a socket's ``recvmsg``, ``send``, ``fileno``, ``shutdown`` and ``close``.

    ``recvmsg`` raises BlockingIOError while there is no plaintext yet, and returns all there is: the loop need not ask
    again for what was already read. ``send`` takes all or nothing: bytes whose ciphertext did not fit are kept, and the
    same bytes must be offered again when the socket takes more. Both raise OSError when the connection is lost
    (``ssl.SSLError`` is one).
    """

    __slots__ = ("_committed", "_incoming", "_is_open", "_object", "_outgoing", "_pending", "_sock")

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, server_hostname: str | None = None) -> None:
        self._sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        is_server = server_hostname is None
        self._object = context.wrap_bio(
            self._incoming, self._outgoing, server_side=is_server, server_hostname=server_hostname
        )
        self._is_open = False
        self._pending = b""
        self._committed = 0

    async def connect(self, loop: asyncio.AbstractEventLoop) -> None:
        """Shake hands as the client. Raises OSError, of which ssl.SSLCertVerificationError is one."""
        while not self._shakes():
            await loop.sock_sendall(self._sock, self._outgoing.read())
            data = await loop.sock_recv(self._sock, _READ_BYTES)
            if not data:
                raise ConnectionResetError("closed while shaking hands")
            self._incoming.write(data)
        if self._outgoing.pending:
            await loop.sock_sendall(self._sock, self._outgoing.read())

    def recvmsg(self, _: int, ancillary_bytes: int, /) -> Received:
        """Read once from the socket; what it came to, with the kernel's stamp."""
        data, ancillary, flags, address = self._sock.recvmsg(_READ_BYTES, ancillary_bytes)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        if not self._is_open:
            self._shakes()
            self._flush()
            if not self._is_open:
                if not data:
                    return b"", ancillary, flags, address
                raise BlockingIOError
        return self._decrypted(is_end=not data), ancillary, flags, address

    def send(self, data: bytes | memoryview, /) -> int:
        """Encrypt and write; how many bytes were taken."""
        if not self._is_open:
            raise BlockingIOError
        if not self._committed:
            self._committed = self._object.write(data)
            self._pending = self._outgoing.read()
        self._flush()
        if self._pending:
            raise BlockingIOError
        taken, self._committed = self._committed, 0
        return taken

    def fileno(self) -> int:
        """The socket's."""
        return self._sock.fileno()

    def setsockopt(self, level: int, option: int, value: int | bytes, /) -> None:
        """The socket's."""
        self._sock.setsockopt(level, option, value)

    def shutdown(self, how: int, /) -> None:
        """Say good-bye, then shut the socket."""
        self._say_good_bye()
        self._sock.shutdown(how)

    def close(self) -> None:
        """Say good-bye where that takes no waiting, and close."""
        self._say_good_bye()
        self._sock.close()

    def _shakes(self) -> bool:
        """Go on shaking hands; whether that is done."""
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError:
            with contextlib.suppress(OSError):
                self._flush()  # the alert that tells the other side why
            raise
        self._is_open = True
        return True

    def _decrypted(self, *, is_end: bool) -> bytes:
        pieces: list[bytes] = []
        try:
            while piece := self._object.read(_RECORD_BYTES):
                pieces.append(piece)
        except ssl.SSLWantReadError:
            if not pieces and not is_end:
                raise BlockingIOError from None
        except ssl.SSLZeroReturnError:
            pass  # a good-bye: what came before it counts, and the next read tells the end
        except ssl.SSLEOFError:
            if not pieces and not is_end:
                raise
        self._flush()
        return b"".join(pieces)

    def _flush(self) -> None:
        """Write what ciphertext there is, as far as the socket takes it."""
        self._pending += self._outgoing.read()
        while self._pending:
            try:
                taken = self._sock.send(self._pending)
            except (BlockingIOError, InterruptedError):
                return
            self._pending = self._pending[taken:]

    def _say_good_bye(self) -> None:
        if not self._is_open or self._committed:
            return
        self._is_open = False
        with contextlib.suppress(ssl.SSLError, OSError, ValueError):
            self._object.unwrap()
        with contextlib.suppress(OSError, ValueError):
            self._flush()
