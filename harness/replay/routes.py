"""Owns the backend's addresses: ``http://127.0.0.1:PORT/<pace>[~<fault>[~<outage>]]/<cassette_id>`` and the path below
it.

Called by ``library`` (parsing) and by ``conductor`` (building). Must not know sockets.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote

from harness.cassette import Pace
from harness.errors import UsageError

CONTROL_PREFIX = "/-/"
"""Paths below this are about the backend itself and are not journalled."""


ANY = "any"
"""In place of a cassette's id: whichever cassette holds the request, so that one URL serves many models."""


@dataclass(frozen=True, slots=True)
class Outage:
    """How long a fault acts: ``lasting_s`` from the first request on that names it. Requests of one ``name`` share it.

    Written ``<seconds>.<name>``, the seconds whole.
    """

    lasting_s: int
    name: str

    def __str__(self) -> str:
        return f"{self.lasting_s}.{self.name}"


@dataclass(frozen=True, slots=True)
class Route:
    """What a request target means: which cassette, at which pace, the path the provider would have seen, the fault
    scenario that befalls the answer (empty: none), and the outage outside of which it does not (None: it always does).
    """

    pace: Pace
    cassette_id: str
    path: str
    fault: str = ""
    outage: Outage | None = None


def base_url(
    port: int, pace: str, cassette_id: str, fault: str = "", outage: Outage | None = None, *, scheme: str = "http"
) -> str:
    """The URL to give a client, without ``/v1``. Raises UsageError when ``pace`` is not a pace."""
    Pace.parse(pace)
    manner = "~".join((pace, *((fault,) if fault else ()), *((str(outage),) if outage else ())))
    return f"{scheme}://127.0.0.1:{port}/{manner}/{quote(cassette_id, safe='')}"


def parse_target(target: str) -> Route:
    """Split a request target (percent-encoding allowed, absolute form too). Raises UsageError."""
    path, _, query = _without_authority(target).partition("?")
    parts = path.split("/", 3)
    if len(parts) < 3 or parts[0] or not parts[1] or not parts[2]:
        raise UsageError(f"target: expected /<pace>[~<fault>[~<outage>]]/<cassette id>/…, got {unquote(path)[:80]!r}")
    below = "/" + unquote(parts[3] if len(parts) == 4 else "") + (f"?{query}" if query else "")
    pace, _, manner = unquote(parts[1]).partition("~")
    fault, _, outage = manner.partition("~")
    return Route(Pace.parse(pace), unquote(parts[2]), below, fault, _outage(outage) if outage else None)


def _outage(text: str) -> Outage:
    seconds, _, name = text.partition(".")
    if not seconds.isascii() or not seconds.isdigit() or not name:
        raise UsageError(f"target: expected an outage as <seconds>.<name>, got {text[:40]!r}")
    return Outage(int(seconds), name)


def below_cassette(target: str) -> str:
    """The path and query below the cassette exactly as sent; of a target that is no address, all of it."""
    path, mark, query = _without_authority(target).partition("?")
    parts = path.split("/", 3)
    return (f"/{parts[3]}" if len(parts) == 4 else path) + mark + query


def _without_authority(target: str) -> str:
    if target.startswith("/"):
        return target
    _, separator, rest = target.partition("://")
    return "/" + rest.partition("/")[2] if separator else target
