"""Owns the rules by which intervals become a word (``findings.Verdict``). Pure; called by ``comparisons``."""

from __future__ import annotations

from harness.analysis.findings import Interval, Verdict
from harness.analysis.intervals import excludes_zero

ALPHA = 0.05


def verdict(
    exact: Interval | None, cross_check: Interval | None, p_holm: float | None, floor_s: float | None, *, is_null: bool
) -> Verdict:
    """Judge one difference. A null comparison *is* the floor, so it is not held against it: if it differs, it says so.

    Order of the rules: no interval; the two methods disagree about zero; both cover zero; no floor to hold it against;
    the effect is within the floor; Holm withdraws; otherwise the sign.
    """
    if exact is None:
        return Verdict.NOT_ENOUGH_BLOCKS
    sign = excludes_zero(exact)
    if sign != excludes_zero(cross_check):
        return Verdict.INCONCLUSIVE
    if sign == 0:
        return Verdict.NO_DIFFERENCE
    if not is_null and floor_s is None:
        return Verdict.INCONCLUSIVE
    if not is_null and floor_s is not None and abs(exact.estimate) <= floor_s:
        return Verdict.BELOW_NOISE
    if p_holm is None or p_holm > ALPHA:
        return Verdict.INCONCLUSIVE
    return Verdict.SLOWER if sign > 0 else Verdict.FASTER
