"""Owns what an exception tells the caller, in the words of ``vocabulary.ErrorKind``. Pure; must not import an SDK.

The outermost exception decides, for it is what a caller catches: what lies beneath it only says which wait timed out
and whether a connection was refused. Told apart by the names of classes and by the status they carry.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.load.outcome import full_name
from harness.vocabulary import ErrorKind

_DEPTH = 8
_NETWORK = (
    "ConnectionError",
    "ConnectError",
    "NetworkError",
    "ProtocolError",
    "TransportError",
    "ConnectionLostError",
    "DisconnectedError",
    "PayloadError",
    "ClientOSError",
    "ClientConnectorError",
    "IncompleteRead",
    "OSError",
)
_MALFORMED = (
    "ValidationError",
    "DecodeError",
    "DecodingError",
    "UnknownApiResponseError",
    "ValueError",
    "LookupError",
    "AttributeError",
    "TypeError",
)
_FILTERED = ("ContentPolicyViolationError", "ContentFilterFinishReasonError")
_SERVER = ("InternalServerError", "ServiceUnavailableError", "APIError", "APIStatusError", "ServerError")
_STATUS = {
    400: ErrorKind.BAD_REQUEST,
    401: ErrorKind.AUTHENTICATION,
    403: ErrorKind.AUTHENTICATION,
    404: ErrorKind.NOT_FOUND,
    408: ErrorKind.TIMEOUT_TOTAL,
    409: ErrorKind.CONFLICT,
    413: ErrorKind.BAD_REQUEST,
    422: ErrorKind.BAD_REQUEST,
    429: ErrorKind.RATE_LIMITED,
}
_PHASES = {
    "first_chunk": ErrorKind.TIMEOUT_FIRST_CHUNK,
    "inter_chunk": ErrorKind.TIMEOUT_INTER_CHUNK,
    "total": ErrorKind.TIMEOUT_TOTAL,
}


@dataclass(frozen=True, slots=True)
class Told:
    """What an exception says. ``is_own`` is false where the library let another library's exception through."""

    kind: ErrorKind
    error_class: str
    status_code: int | None
    is_own: bool


def told(error: BaseException, *, chunks: int, families: Sequence[str]) -> Told:
    """What ``error`` tells its caller after ``chunks`` chunks. ``families`` are the library's top-level modules."""
    mine = any(cls.__module__.partition(".")[0] in families for cls in type(error).__mro__)
    return Told(_kind(error, chunks), full_name(error), status_of(error), mine)


def status_of(error: BaseException) -> int | None:
    """The HTTP status that an exception carries, by the names libraries use; None where it carries none."""
    said = (getattr(error, name, None) for name in ("status_code", "code", "status"))
    return next((word for word in said if isinstance(word, int) and not isinstance(word, bool) and word >= 100), None)


def _kind(error: BaseException, chunks: int) -> ErrorKind:
    names = [cls.__name__ for cls in type(error).__mro__]
    if any("Timeout" in name for name in names):
        return _timeout(error, chunks)
    if any("Cancelled" in name for name in names):
        return ErrorKind.CANCELLED
    if _any(names, _FILTERED):
        return ErrorKind.CONTENT_FILTER
    status = status_of(error)
    if _any(names, _NETWORK) and not _any(names, _SERVER[:2]):
        return _network(error)
    if status is not None and status >= 400:
        return _STATUS.get(status, ErrorKind.SERVER_ERROR if status >= 500 else ErrorKind.BAD_REQUEST)
    if _any(names, _SERVER):
        return ErrorKind.SERVER_ERROR
    return ErrorKind.MALFORMED if _any(names, _MALFORMED) else ErrorKind.OTHER


def _any(names: Sequence[str], endings: Sequence[str]) -> bool:
    return any(name.endswith(tuple(endings)) for name in names)


def _timeout(error: BaseException, chunks: int) -> ErrorKind:
    phase = getattr(error, "phase", None)
    if isinstance(phase, str) and phase in _PHASES:
        return _PHASES[phase]
    beneath = [cls.__name__ for each in _chain(error) for cls in type(each).__mro__]
    if any(name in ("ConnectTimeout", "ConnectionTimeoutError") for name in beneath):
        return ErrorKind.TIMEOUT_CONNECT
    if any(name in ("ReadTimeout", "SocketTimeoutError", "ServerTimeoutError") for name in beneath):
        return ErrorKind.TIMEOUT_INTER_CHUNK if chunks else ErrorKind.TIMEOUT_FIRST_CHUNK
    return ErrorKind.TIMEOUT_TOTAL


def _network(error: BaseException) -> ErrorKind:
    is_refused = any(isinstance(each, ConnectionRefusedError) for each in _chain(error))
    return ErrorKind.REFUSED if is_refused else ErrorKind.NETWORK


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and what it was raised from, outermost first."""
    each: BaseException | None = error
    for _ in range(_DEPTH):
        if each is None:
            return
        yield each
        each = each.__cause__ or each.__context__
