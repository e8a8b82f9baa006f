"""Owns where a provider is: its base URL read and checked, and which certificates it may show.

Called by ``__main__`` and ``conductor`` before anything is connected.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from harness.errors import UsageError

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a provider is. ``path`` is put before what the client asks for; ``authority`` is the Host header."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host, with the port where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if _PORTS[self.scheme] == self.port else f"{host}:{self.port}"


def parse_upstream(url: str) -> Address:
    """Read a provider's base URL. Raises UsageError for anything but http(s) with a host, or one that holds a key."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as problem:
        raise UsageError(
            f"upstream: expected a URL as https://api.openai.com, got one that is none ({problem})"
        ) from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise UsageError(f"upstream: expected http:// or https:// and a host, got {url[:60]!r}")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError("upstream: expected a plain URL, got one with credentials or a query; clients send those")
    try:
        host = parts.hostname.encode("ascii" if parts.hostname.isascii() else "idna").decode("ascii")
        path = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~")
    except UnicodeError:
        raise UsageError(f"upstream: expected a host's name, got {parts.hostname[:60]!r}") from None
    return Address(parts.scheme, host, port or _PORTS[parts.scheme], path)


def client_context(authorities: Path | None = None) -> ssl.SSLContext:
    """How providers' certificates are checked: by the system's authorities or those in a file. Raises UsageError."""
    try:
        context = ssl.create_default_context(cafile=None if authorities is None else str(authorities))
    except (OSError, ssl.SSLError) as problem:
        raise UsageError(f"{authorities}: expected certificates in PEM form, got none ({problem})") from None
    context.set_alpn_protocols(["http/1.1"])
    return context
