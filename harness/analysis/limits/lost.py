"""Owns what a limit costs either way: healthy calls cut off, and time spent waiting for calls that hang.

Both are per 1,000 calls, from waits as they were seen; nothing here is a guarantee. A call that is cut off has cost its
limit in seconds and, as a provider bills what it began, its usual price; what is tried again costs once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.analysis.limits.hangs import Separated
from harness.analysis.limits.survival import survival

PER_CALLS = 1000
_STEPS = 120


@dataclass(frozen=True, slots=True)
class Lost:
    """What a limit of ``seconds`` loses per 1,000 calls: seconds to healthy calls that it cuts off and to hangs that it
    ends, dollars to what is paid for twice; ``cut_share`` is the share of healthy calls cut off.
    """

    seconds: float
    cut_share: float
    to_cuts_s: float
    to_hangs_s: float
    usd: float | None


def lost(separated: Separated, candidates_s: Sequence[float], usd_per_call: float | None = None) -> tuple[Lost, ...]:
    """What each candidate loses, in their order. Empty where no healthy wait is known."""
    healthy = separated.healthy
    if not len(healthy):
        return ()
    curve = survival(healthy)
    hang_share = separated.hangs / (len(healthy) + separated.hangs)
    found = []
    for seconds in candidates_s:
        cut = curve.beyond(seconds) * (1 - hang_share)
        ended = cut + hang_share
        found.append(
            Lost(
                seconds=seconds,
                cut_share=curve.beyond(seconds),
                to_cuts_s=PER_CALLS * cut * seconds,
                to_hangs_s=PER_CALLS * hang_share * seconds,
                usd=None if usd_per_call is None else PER_CALLS * ended * usd_per_call,
            )
        )
    return tuple(found)


def candidates_s(separated: Separated, marks_s: Sequence[float]) -> tuple[float, ...]:
    """Limits from the median wait to the longest mark or wait, evenly on a logarithmic scale, the marks among them."""
    known = separated.healthy.seconds
    known = known[np.isfinite(known)]
    if not len(known):
        return tuple(sorted(set(marks_s)))
    low = max(float(np.median(known)), 1e-3)
    high = max(float(known.max()), *marks_s, low * 2)
    return tuple(sorted({*map(float, np.geomspace(low, high, _STEPS)), *marks_s}))
