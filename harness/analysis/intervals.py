"""Owns interval estimates: Hodges–Lehmann with the exact signed-rank interval, its ratio form, t, Clopper–Pearson.

Called by ``comparisons`` and ``layers``. Decides nothing; a missing interval (too few values) is None.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import betaincinv, stdtrit

from harness.analysis.findings import Interval
from harness.analysis.significance import Floats, critical_count, lower_tail, walsh_averages

EXACT = "Hodges–Lehmann, exact signed-rank interval"
RATIO = "Hodges–Lehmann on log ratios, exact signed-rank interval"
STUDENT = "mean, Student's t interval"


def hodges_lehmann(values: Sequence[float] | Floats, confidence: float = 0.95) -> Interval | None:
    """The median of the Walsh averages with the exact distribution-free interval of its centre of symmetry.

    The interval is [W_(c), W_(M+1−c)] of the M ordered Walsh averages, with the largest c for which
    2 P(T ≤ c − 1) ≤ 1 − confidence; the attained level is at least ``confidence`` and is reported. None when no c
    qualifies (at 95 %: fewer than 6 values) and when a value is not finite. Unit: that of ``values``.

    Sources: Hodges & Lehmann 1963, Ann. Math. Statist. 34, 598–611; Lehmann 1963, ibid. 1507–1512 (the interval);
    Hollander & Wolfe 1999, §3.2 (estimate) and §3.3 (interval).
    """
    averages = walsh_averages(values)
    if averages.size == 0 or not np.isfinite(averages).all():
        return None
    c = critical_count(len(values), 1 - confidence)
    if c == 0:
        return None
    return Interval(
        estimate=float(np.median(averages)),
        low=float(averages[c - 1]),
        high=float(averages[-c]),
        confidence=1 - 2 * lower_tail(len(values), c - 1),
        method=EXACT,
    )


def ratio_interval(numerators: Sequence[float] | Floats, denominators: Sequence[float] | Floats) -> Interval | None:
    """Relative difference (0.10 = 10 % more) with its exact interval: HL over log(b/a) per block, exponentiated, − 1.

    None where any value is not positive, or there are too few.
    """
    over, under = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    if not ((over > 0).all() and (under > 0).all()):
        return None
    logs = hodges_lehmann(np.log(over / under))
    if logs is None:
        return None
    return Interval(
        math.expm1(logs.estimate), math.expm1(logs.low), math.expm1(logs.high), logs.confidence, method=RATIO
    )


def student_t(values: Sequence[float] | Floats, confidence: float = 0.95) -> Interval | None:
    """Mean ± t · s/√n (Student 1908): the cross-check. None for fewer than two finite values."""
    array = np.asarray(values, dtype=np.float64)
    if len(array) < 2 or not np.isfinite(array).all():
        return None
    mean, spread = float(array.mean()), float(array.std(ddof=1))
    half = t_quantile(1 - (1 - confidence) / 2, len(array) - 1) * spread / math.sqrt(len(array))
    return Interval(mean, mean - half, mean + half, confidence, STUDENT)


def clopper_pearson(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Exact two-sided interval of a proportion (Clopper & Pearson 1934, Biometrika 26, 404–413); trials ≥ 1."""
    assert 0 <= successes <= trials, "successes are counted among trials"
    assert trials >= 1, "a proportion needs a trial"
    tail = (1 - confidence) / 2
    low = float(betaincinv(successes, trials - successes + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, trials - successes, 1 - tail)) if successes < trials else 1.0
    return Interval(successes / trials, low, high, confidence, "Clopper–Pearson")


def excludes_zero(interval: Interval | None) -> int:
    """−1 or +1 where the whole interval lies below or above zero, else 0 (also without an interval)."""
    if interval is None:
        return 0
    return int(interval.low > 0) - int(interval.high < 0)


def t_quantile(probability: float, degrees: int) -> float:
    """Quantile of Student's t with ``degrees`` of freedom."""
    return float(stdtrit(degrees, probability))
