"""Owns ``Observed``, all calls of one condition, and ``Waits``, what one kind of wait was like in them, call by call.

``analysis.observed`` makes the first from rows of calls; everything else here works on the second.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Days = npt.NDArray[np.int64]

_WHOLE_PATIENCE = 10.0
"""A whole answer's only byte may come after everything was generated: it hangs when it takes so many medians."""


class Wait(StrEnum):
    """What is waited for: the first chunk (of a whole answer its end, as its head comes with it), the next chunk (of a
    stream's gaps the longest), the end of the call.
    """

    FIRST_CHUNK = "first_chunk"
    INTER_CHUNK = "inter_chunk"
    TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Patience:
    """Longer than this nobody waits for a first chunk, or inside an answer, unless they say so. Seconds."""

    first_chunk_s: float = 60.0
    inter_chunk_s: float = 30.0


@dataclass(frozen=True, eq=False, slots=True)
class Waits:
    """One value per call, in order of time. One request is one unit: of a stream's gaps the longest stands for all.

    ``seconds`` is the wait; of a call that was cut off (``is_cut``) the least that it would have been: its limit, or
    infinity where it failed under none that is known. ``is_hang`` marks calls that outlasted the patience. ``day``
    counts UTC days from the epoch, ``at_s`` is the call's start in seconds from it; both are zero without a date.
    """

    seconds: Floats
    is_cut: Flags
    is_hang: Flags
    day: Days
    at_s: Floats

    def __len__(self) -> int:
        return len(self.seconds)

    @property
    def days(self) -> int:
        """Distinct days that are known."""
        return len(np.unique(self.day[self.day > 0]))

    def where(self, chosen: Flags) -> Waits:
        """Those waits alone."""
        return Waits(
            self.seconds[chosen], self.is_cut[chosen], self.is_hang[chosen], self.day[chosen], self.at_s[chosen]
        )


@dataclass(frozen=True, slots=True)
class Condition:
    """What calls had in common. ``max_tokens`` is the largest output budget among them, None where none was stated."""

    provider: str
    model: str
    stream: bool
    max_tokens: int | None


@dataclass(frozen=True, eq=False, slots=True)
class Observed:
    """All calls of one condition in order of time: one array element per call that was answered, or cut off.

    Seconds; NaN where unknown: ``first_s`` to the first chunk, ``gap_s`` the longest silence after it, ``total_s`` the
    whole call or what was waited until it was cut off, ``limit_s`` the limit that cut it off (infinity where it broke
    under none that is known). Calls that were answered by an error are no waits: a 429 is not fast. ``calls`` counts
    all rows, ``rejected`` those, ``timeouts`` and ``broken`` the ones cut off by a limit and by a failure.
    """

    condition: Condition
    run_ids: tuple[str, ...]
    origins: tuple[str, ...]
    first_s: Floats
    gap_s: Floats
    total_s: Floats
    limit_s: Floats
    is_cut: Flags
    day: Days
    at_s: Floats
    calls: int
    rejected: int
    timeouts: int
    broken: int
    usd_per_call: float | None

    def completed_within(self, deadline_s: float) -> int:
        """How many calls were answered in time."""
        return int(np.count_nonzero(~self.is_cut & (self.total_s <= deadline_s)))

    def waits(self, wait: Wait, patience: Patience) -> Waits:
        """The waits of one kind; empty where no call states them."""
        is_stream = self.condition.stream
        if wait is Wait.FIRST_CHUNK and is_stream:
            is_open = self.is_cut & np.isnan(self.first_s)
            value = self.first_s
        elif wait is Wait.INTER_CHUNK:
            is_open = self.is_cut & ~np.isnan(self.first_s)
            value = self.gap_s if is_stream else np.full_like(self.total_s, np.nan)
        else:
            is_open, value = self.is_cut, self.total_s
        seconds = np.where(is_open, self.limit_s, value)
        is_known = ~np.isnan(seconds)
        if is_known.sum() == is_open.sum():
            is_known = np.zeros_like(is_known)
        found = Waits(seconds, is_open, self._is_hang(patience), self.day, self.at_s)
        return found.where(is_known)

    def _is_hang(self, patience: Patience) -> Flags:
        if not self.condition.stream:
            answered = self.total_s[~self.is_cut & ~np.isnan(self.total_s)]
            longest = _WHOLE_PATIENCE * float(np.median(answered)) if len(answered) else 0.0
            return np.asarray(self.total_s > max(patience.first_chunk_s, longest))
        first = np.where(np.isnan(self.first_s) & self.is_cut, self.total_s, self.first_s)
        with np.errstate(invalid="ignore"):
            return np.asarray((first > patience.first_chunk_s) | (self.gap_s > patience.inter_chunk_s))
