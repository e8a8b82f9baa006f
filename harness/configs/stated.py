"""Owns ``Stated``: what a configuration promises for calls of one model. Values; no logic."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Limit(StrEnum):
    """A limit by the name that configurations have for it."""

    TIMEOUT = "timeout"
    STREAM_TIMEOUT = "stream_timeout"
    FIRST_CHUNK = "first_chunk_timeout"
    INTER_CHUNK = "inter_chunk_timeout"
    TOTAL = "total_timeout"
    RETRIES = "num_retries"


@dataclass(frozen=True, slots=True)
class Stated:
    """One model's limits, in seconds as they stand in the file; None where it states none.

    ``timeout_s`` and ``stream_timeout_s`` are the client's own knobs (per read), the others those of a guard round it.
    ``retries`` are what the file says a call may be tried again, ``retries_key`` where it says so. ``model`` is what
    the provider calls it, ``client`` what the file configures, where that is one, ``fallbacks`` the groups to turn to
    next.
    """

    name: str
    provider: str
    model: str = ""
    client: str | None = None
    timeout_s: float | None = None
    stream_timeout_s: float | None = None
    first_chunk_s: float | None = None
    inter_chunk_s: float | None = None
    total_s: float | None = None
    retries: int | None = None
    retries_key: str = str(Limit.RETRIES)
    fallbacks: tuple[str, ...] = ()

    @property
    def is_guarded(self) -> bool:
        """Whether a guard is meant to hold limits that no knob does."""
        return self.total_s is not None

    def seconds(self, limit: Limit) -> float | None:
        """A limit's value."""
        return {
            Limit.TIMEOUT: self.timeout_s,
            Limit.STREAM_TIMEOUT: self.stream_timeout_s if self.stream_timeout_s is not None else self.timeout_s,
            Limit.FIRST_CHUNK: self.first_chunk_s,
            Limit.INTER_CHUNK: self.inter_chunk_s,
            Limit.TOTAL: self.total_s,
        }.get(limit)
