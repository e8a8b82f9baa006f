"""Owns what days do: whether something changed in the last of them, and the bound that holds on the worst of them.

A day is the unit here: calls of one day share its weather, and thousands of them do not make a second day.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats

from harness.analysis.limits.order import CONFIDENCE, bound_rank
from harness.analysis.limits.waits import Days, Floats, Waits

RECENT_DAYS = 3
"""A change is looked for in the last three days: what is older has become the ground that all else stands on."""

REQUIRED_DAYS = 7
DAYS_FOR_WORST = 19
"""So many days that the worst of them is no better than the next in 19 of 20 cases."""

_LEAST_PER_DAY = 20
_SUMMARIES = (0.5, 0.95)
_FALSE_ALARM = 0.05
_NOTICEABLE = math.log(1.1)
"""A shift of less than a tenth is no change that a limit would feel."""


@dataclass(frozen=True, slots=True)
class Change:
    """Waits changed with ``day``: by ``factor`` at that ``quantile`` of a day."""

    day: int
    quantile: float
    factor: float


def recent_change(waits: Waits) -> Change | None:
    """The clearest change that began within the last days, or None; also None with fewer than four days before it.

    A day's median and 95th percentile (logarithms) are compared: the last one, two or three days with all before them,
    by Student's t on days. What days differ by themselves is therefore no change. The false-alarm rate over all these
    looks is held at 5 % (Bonferroni).
    """
    return min(_changes(waits), key=lambda found: found[0], default=(1.0, None))[1]


def _changes(waits: Waits) -> Iterator[tuple[float, Change]]:
    days, counts = np.unique(waits.day[waits.day > 0], return_counts=True)
    days = days[counts >= _LEAST_PER_DAY]
    looks = [(quantile, last) for quantile in _SUMMARIES for last in range(1, RECENT_DAYS + 1)]
    for quantile, last in looks:
        if len(days) - last <= RECENT_DAYS:
            continue
        each = np.array([_log_quantile(waits.seconds[waits.day == day], quantile) for day in days])
        before, after = each[:-last], each[-last:]
        shift = float(after.mean() - before.mean())
        spread = max(float(before.std(ddof=1)), _sampling_error(waits, days, quantile))
        error = spread * math.sqrt(1 / len(before) + 1 / last)
        t = abs(shift) / error if error else math.inf
        p = 2 * float(stats.t.sf(t, len(before) - 1))
        if p < _FALSE_ALARM / len(looks) and abs(shift) > _NOTICEABLE:
            yield p, Change(int(days[-last]), quantile, math.exp(shift))


def _log_quantile(seconds: Floats, quantile: float) -> float:
    return float(np.log(max(float(np.quantile(seconds, quantile)), 1e-9)))


def _sampling_error(waits: Waits, days: Days, quantile: float) -> float:
    """How far a day's quantile strays by chance alone: half the distance of its distribution-free 68 % interval."""
    per_day = len(waits) / max(len(days), 1)
    half = math.sqrt(quantile * (1 - quantile) / per_day)
    low, high = np.quantile(waits.seconds, [max(quantile - half, 0.0), min(quantile + half, 1.0)])
    return float(np.log(max(high, 1e-9) / max(low, 1e-9))) / 2


def worst_day_bound(waits: Waits, rate: float, confidence: float = CONFIDENCE) -> float | None:
    """The largest of the days' own bounds; None where some day has too few calls for one, or some bound was cut off."""
    bounds = []
    for day in np.unique(waits.day):
        of_day = waits.where(waits.day == day)
        rank = bound_rank(len(of_day), rate, confidence)
        value = None if rank is None else known_value(of_day, rank)
        if value is None:
            return None
        bounds.append(value)
    return max(bounds) if bounds else None


def known_value(waits: Waits, rank: int) -> float | None:
    """The wait at a rank, from 1; None where a call was cut off sooner: it might have been any longer wait."""
    value = float(np.sort(waits.seconds)[rank - 1])
    is_known = not bool((waits.seconds[waits.is_cut] <= value).any())
    return value if is_known else None
