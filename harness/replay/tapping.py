"""Owns which providers a backend passes requests on to, and the addresses under which clients reach them.

``http://127.0.0.1:<port>/live/<name>[~<workload>]/v1/…`` is ``<base URL of that name>/v1/…``; the workload is what a
recording of it is to be called. Built by ``server``; asked by
``connection`` for every request that no cassette is to answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.replay.recorder import Recorder
    from harness.replay.upstream import Upstream

PREFIX = "/live/"
_PREFIX = PREFIX.encode()


@dataclass(frozen=True, slots=True)
class Tapping:
    """Which provider a request is for, what it asks there (the target below the provider's base URL), and for which
    workload.
    """

    upstream: Upstream
    target: bytes
    workload: str = ""


@dataclass(slots=True)
class Taps:
    """The providers by name, and who records what passes (None: nobody)."""

    upstreams: Mapping[bytes, Upstream] = field(default_factory=dict)
    recorder: Recorder | None = None

    def tapping(self, target: bytes) -> Tapping | None:
        """Where a request goes; None for one that is not to be passed on."""
        if not target.startswith(_PREFIX):
            return None
        manner, slash, below = target[len(_PREFIX) :].partition(b"/")
        name, _, workload = manner.partition(b"~")
        upstream = self.upstreams.get(name)
        return None if upstream is None else Tapping(upstream, slash + below or b"/", workload.decode("latin-1"))


def tap_url(port: int, name: str, workload: str = "", *, scheme: str = "http") -> str:
    """The URL to give a client in place of the provider's, without ``/v1``."""
    manner = f"~{quote(workload, safe='')}" if workload else ""
    return f"{scheme}://127.0.0.1:{port}{PREFIX}{quote(name, safe='')}{manner}"


def parse_named(text: str) -> tuple[str, str]:
    """``name=url`` from a command line. Raises UsageError."""
    name, sign, url = text.partition("=")
    if not sign or not name.replace("-", "").replace("_", "").isalnum():
        raise UsageError(f"upstream: expected <name>=<url>, got {text[:60]!r}")
    return name, url
