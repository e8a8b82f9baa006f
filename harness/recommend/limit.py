"""Owns a limit with what it may be called: from waits to ``certified``, ``provisional`` or a refusal that says what
lacks.

METHOD B 1 to 4 in their order: a wait past the patience is a hang and no part of the bound; what was cut off may not
lie below it; after a change only the days since count; days decide the grade. Authored waits never come here. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.analysis.limits.days import (
    DAYS_FOR_WORST,
    REQUIRED_DAYS,
    Change,
    known_value,
    recent_change,
    worst_day_bound,
)
from harness.analysis.limits.hangs import Separated, separate
from harness.analysis.limits.order import CONFIDENCE, bound_rank, required_n, strongest_rate
from harness.analysis.limits.waits import Waits
from harness.vocabulary import Grade

FRESH_DAYS = 7
MARGIN = 1.5
"""What a bound from few days is multiplied by: days differ, and a week has not seen the worst of them."""

MOST_HANGS = 0.05
"""A model that outlasts the patience more often is slow, not stuck: its waits cannot be told from hangs."""

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit in seconds, or none. ``bound_s`` is the order statistic before ``MARGIN``; ``gates`` say in words what a
    higher grade lacks; ``n`` and ``days`` count the waits that took part, hangs not among them.
    """

    grade: Grade
    seconds: float | None
    bound_s: float | None
    n: int
    days: int
    required_n: int
    strongest_rate: float | None
    gates: tuple[str, ...]
    change: Change | None
    separated: Separated


def limit_of(
    waits: Waits, rate: float, now_s: float, cap_s: float | None = None, confidence: float = CONFIDENCE
) -> Limit:
    """The limit that cuts off at most ``rate`` of healthy calls. ``now_s``: seconds since the epoch, for freshness;
    ``cap_s``: the patience, which no margin exceeds.
    """
    change = recent_change(waits)
    separated = separate(waits if change is None else waits.where(waits.day >= change.day), confidence)
    healthy = separated.healthy
    needed, rank = required_n(rate, confidence), bound_rank(len(healthy), rate, confidence)
    bound_s = None if rank is None else known_value(healthy, rank)
    lacks = _lacks(separated, rate, needed, rank, bound_s)
    gates = _gates(healthy, change, now_s)
    seconds = None
    if lacks is None and bound_s is not None:
        worst_s = worst_day_bound(healthy, rate, confidence) if healthy.days >= DAYS_FOR_WORST else None
        seconds = max(worst_s, bound_s) if worst_s is not None else bound_s * MARGIN
        seconds = seconds if cap_s is None else min(seconds, max(cap_s, bound_s))
    return Limit(
        grade=Grade.INSUFFICIENT_DATA if seconds is None else Grade.PROVISIONAL if gates else Grade.CERTIFIED,
        seconds=seconds,
        bound_s=None if seconds is None else bound_s,
        n=len(healthy),
        days=healthy.days,
        required_n=needed,
        strongest_rate=strongest_rate(len(healthy), confidence) if len(healthy) else None,
        gates=gates if lacks is None else (lacks, *gates),
        change=change,
        separated=separated,
    )


def _lacks(separated: Separated, rate: float, needed: int, rank: int | None, bound_s: float | None) -> str | None:
    """Why there is no value, or None."""
    healthy, hangs = separated.healthy, separated.hangs
    if hangs > MOST_HANGS * (len(healthy) + hangs):
        return f"{hangs} of {len(healthy) + hangs} calls outlast the patience: slow, not stuck; declare a longer one"
    if rank is None:
        return f"{len(healthy)} of the {needed} calls that {rate * 100:.3g} % needs"
    if bound_s is None:
        return f"{int(healthy.is_cut.sum())} calls were cut off below the bound: raise their limit and measure again"
    return None


def _gates(healthy: Waits, change: Change | None, now_s: float) -> tuple[str, ...]:
    gates = []
    if healthy.days < REQUIRED_DAYS:
        undated = "; some calls carry no date" if len(healthy) and (healthy.day == 0).any() else ""
        gates.append(f"{healthy.days} of {REQUIRED_DAYS} days{undated}")
    if healthy.days and (age := (now_s - float(healthy.at_s.max())) / _DAY_S) >= FRESH_DAYS:
        gates.append(f"the newest call is {age:.0f} days old, and {FRESH_DAYS} are too many")
    if change is not None:
        gates.append(f"waits changed by × {change.factor:.2f} within the last days: only calls since then count")
    return tuple(gates)
