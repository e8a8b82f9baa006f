"""Owns how a provider can fail the tap, in one closed set: as the journal keeps it, as a line says it.

Called by ``upstream`` and ``tap``; ``conductor`` names it in the table ``attempts``.
"""

from __future__ import annotations

import socket
import ssl
from enum import IntEnum

CONNECT_S = 10.0
"""How long a provider may take to take a connection."""


class Failure(IntEnum):
    """How an upstream failed, as the journal keeps it; 0 is not at all."""

    NONE = 0
    NAME = 1
    REFUSED = 2
    UNREACHABLE = 3
    CERTIFICATE = 4
    TLS = 5
    RESET = 6
    CLOSED = 7
    MALFORMED = 8
    CONNECT_TIMEOUT = 9
    HTML = 10


WORDS = {
    Failure.NAME: "its name does not resolve",
    Failure.REFUSED: "it refuses connections",
    Failure.UNREACHABLE: "it cannot be reached",
    Failure.CERTIFICATE: "its certificate is not trusted",
    Failure.TLS: "it does not speak TLS as expected",
    Failure.RESET: "it reset the connection",
    Failure.CLOSED: "it closed the connection before its answer was complete",
    Failure.MALFORMED: "it does not speak HTTP",
    Failure.HTML: "it answers with a page for people",
    Failure.CONNECT_TIMEOUT: f"it took no connection within {CONNECT_S:g} s",
}
"""What a failure is called in a line."""


def failure_of(problem: Exception) -> Failure:
    """What went wrong while a connection was made."""
    match problem:
        case ssl.SSLCertVerificationError():
            return Failure.CERTIFICATE
        case ssl.SSLError():
            return Failure.TLS
        case socket.gaierror() | UnicodeError():
            return Failure.NAME
        case ConnectionRefusedError():
            return Failure.REFUSED
        case TimeoutError():
            return Failure.CONNECT_TIMEOUT
        case ConnectionError():
            return Failure.RESET
        case _:
            return Failure.UNREACHABLE
