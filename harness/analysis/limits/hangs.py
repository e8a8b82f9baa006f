"""Owns the difference between slow and stuck: waits past a declared patience are hangs, counted and not waited for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.analysis.limits.order import CONFIDENCE, share_bound
from harness.analysis.limits.waits import Waits

_LEAP = 3.0


@dataclass(frozen=True, slots=True)
class Separated:
    """Healthy waits, and of the others how many, with the upper bound of their probability.

    ``leap`` is set where two neighbours in the healthy top decile lie more than a factor of three apart: what is
    beyond the gap may be hangs shorter than the patience.
    """

    healthy: Waits
    hangs: int
    probability_bound: float
    leap: tuple[float, float] | None


def separate(waits: Waits, confidence: float = CONFIDENCE) -> Separated:
    """Take out the calls that hung, cut off or not."""
    healthy = waits.where(~waits.is_hang)
    hangs = int(waits.is_hang.sum())
    bound = share_bound(hangs, len(waits), confidence) if len(waits) else 1.0
    return Separated(healthy, hangs, bound, _leap(healthy))


def _leap(healthy: Waits) -> tuple[float, float] | None:
    known = np.sort(healthy.seconds[~healthy.is_cut])
    top = known[int(len(known) * 0.9) :]
    if len(top) < 2:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = top[1:] / top[:-1]
    widest = int(np.nanargmax(ratios))
    return (float(top[widest]), float(top[widest + 1])) if ratios[widest] > _LEAP else None
