"""Owns the curve of what each limit would cost on the calls that were observed, and the limits in circulation on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.analysis.limits.hangs import separate
from harness.analysis.limits.lost import Lost, candidates_s, lost
from harness.analysis.limits.waits import Condition, Observed, Patience, Wait

CIRCULATING_S = {"SDK default": 600.0, "folklore, gpt-5-mini": 150.0, "folklore, gemini-2.5-flash": 30.0}
"""Limits that people have: the openai and anthropic SDKs' default, and two that were copied around."""

MOST = 12
"""Conditions drawn, those with the most calls."""

_LEAST = 20


@dataclass(frozen=True, slots=True)
class LimitCurve:
    """What each limit on the whole call would lose per 1,000 calls, for one condition; ``points`` by rising limit."""

    condition: Condition
    run_ids: tuple[str, ...]
    n: int
    hangs: int
    points: tuple[Lost, ...]

    def at(self, seconds: float) -> Lost | None:
        """What a limit loses: the last point at or below it."""
        return next((point for point in reversed(self.points) if point.seconds <= seconds), None)


def limit_curves(observed: Sequence[Observed]) -> tuple[LimitCurve, ...]:
    """A curve per condition with enough calls, in their order."""
    chosen = {id(each) for each in sorted(observed, key=lambda each: -each.calls)[:MOST]}
    return tuple(curve for each in observed if id(each) in chosen for curve in _curve(each))


def _curve(observed: Observed) -> Iterator[LimitCurve]:
    separated = separate(observed.waits(Wait.TOTAL, Patience()))
    if len(separated.healthy) >= _LEAST:
        points = lost(separated, candidates_s(separated, tuple(CIRCULATING_S.values())), observed.usd_per_call)
        yield LimitCurve(observed.condition, observed.run_ids, len(separated.healthy), separated.hangs, points)
