"""Owns what may be tried again, when to ask somebody else, and how long one call can last at worst. METHOD B 6 to 8."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.limits.order import CONFIDENCE, share_bound

MOST_RETRIES = 2
RETRY_BUDGET = 0.1
"""Retries may add this share to the requests; past it a client gives up at once."""

_WORSE = 3.0
"""A second attempt that fails so many times as often as a first is no use."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0


@dataclass(frozen=True, slots=True)
class Attempts:
    """How many first and second attempts were seen, and how many of each failed."""

    first: int
    first_failed: int
    second: int
    second_failed: int


def pauses_s(retries: int) -> tuple[float, ...]:
    """The pause before each retry, doubling, at most: what a client's jitter takes off is not counted on."""
    return tuple(min(FIRST_PAUSE_S * 2**number, LONGEST_PAUSE_S) for number in range(retries))


def worst_case_s(total_s: float, retries: int) -> float:
    """The longest that one call with so many retries can last: (R + 1) · T and every pause between."""
    return (retries + 1) * total_s + sum(pauses_s(retries))


def retries_within(deadline_s: float, total_s: float, attempts: Attempts | None = None) -> int:
    """How many retries fit into the caller's deadline; 0 where a second attempt fails far more often than a first."""
    if attempts is not None and _is_no_use(attempts):
        return 0
    fitting = [number for number in range(MOST_RETRIES + 1) if worst_case_s(total_s, number) <= deadline_s]
    return max(fitting, default=0)


def _is_no_use(attempts: Attempts) -> bool:
    if not attempts.first or not attempts.second:
        return False
    first = max(attempts.first_failed / attempts.first, 1 / attempts.first)
    return attempts.second_failed / attempts.second > _WORSE * first


@dataclass(frozen=True, slots=True)
class Candidate:
    """One deployment: how many of its calls completed within the deadline, and what a call costs."""

    name: str
    within: int
    calls: int
    usd_per_call: float | None


def fallback_order(candidates: Sequence[Candidate], confidence: float = CONFIDENCE) -> tuple[str, ...]:
    """By the lower bound of completing within the deadline, then by price; ties keep the order they are given in."""

    def rank(candidate: Candidate) -> tuple[float, float]:
        failing = candidate.calls - candidate.within
        sure = 1 - share_bound(failing, candidate.calls, confidence) if candidate.calls else 0.0
        return -round(sure, 3), math.inf if candidate.usd_per_call is None else candidate.usd_per_call

    return tuple(candidate.name for candidate in sorted(candidates, key=rank))
