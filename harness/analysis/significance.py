"""Owns the exact signed-rank test over block differences, and Holm's correction over a family of tests.

No intervals (``intervals``), no verdicts (``verdicts``). Called by ``intervals``, ``comparisons`` and ``doubts``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ROUNDING = 1e-12
"""Slack of a level such as 1 − 0.95, which is not 0.05 in binary."""


@lru_cache(maxsize=256)
def null_distribution(n: int) -> Floats:
    """P(T = t), t = 0 … n(n+1)/2, of Wilcoxon's signed-rank statistic over ``n`` symmetric differences.

    Exact for every n: each rank joins T with probability ½, so the generating function is Π (1 + z^i)/2, multiplied
    out term by term (Hollander & Wolfe 1999, §3.1, comment 5). Every probability is a dyadic fraction.
    """
    probabilities = np.ones(1)
    for rank in range(1, n + 1):
        without = np.concatenate([probabilities, np.zeros(rank)])
        probabilities = (without + np.concatenate([np.zeros(rank), probabilities])) / 2
    probabilities.flags.writeable = False
    return probabilities


def lower_tail(n: int, statistic: int) -> float:
    """P(T ≤ statistic) under the null; 0 below 0."""
    return float(null_distribution(n)[: statistic + 1].sum()) if statistic >= 0 else 0.0


def critical_count(n: int, alpha: float = 0.05) -> int:
    """The largest c with 2 P(T ≤ c − 1) ≤ alpha: how many of the lowest T reject. 0 where no T can (at 5 %: n < 6)."""
    return int(np.searchsorted(2 * np.cumsum(null_distribution(n)), alpha + ROUNDING, side="right"))


def walsh_averages(differences: Sequence[float] | Floats) -> Floats:
    """The n(n+1)/2 averages (d_i + d_j)/2, i ≤ j, ascending (Walsh 1949; Hollander & Wolfe 1999, §3.2)."""
    values = np.asarray(differences, dtype=np.float64)
    first, second = np.triu_indices(len(values))
    return np.sort((values[first] + values[second]) / 2)


def signed_rank_p(differences: Sequence[float] | Floats) -> float | None:
    """Two-sided exact p-value that the differences are symmetric about zero; None without differences.

    In Tukey's form T⁺ counts the positive Walsh averages and T⁻ the negative ones (Hollander & Wolfe 1999, §3.1).
    Averages of exactly zero (zero differences, and tied ones of opposite sign) count for *both* sides, so each side is
    at least what any breaking of the ties would give: conservative, and the test rejects at a level exactly where the
    closed interval of ``intervals.hodges_lehmann`` at that level excludes zero.
    """
    averages = walsh_averages(differences)
    if averages.size == 0:
        return None
    smaller = min(int((averages <= 0).sum()), int((averages >= 0).sum()))
    return min(1.0, 2 * lower_tail(len(differences), smaller))


def holm(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Holm's step-down adjusted p-values, in the order given; None (no test was possible) stays outside the family.

    Source: Holm 1979, Scand. J. Statist. 6, 65–70. Controls the family-wise error under any dependence.
    """
    tested = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    running = 0.0
    for position, (p, index) in enumerate(tested):
        running = max(running, min(1.0, (len(tested) - position) * p))
        adjusted[index] = running
    return tuple(adjusted)


def can_reject(blocks: int, family: int, alpha: float = 0.05) -> bool:
    """Whether ``blocks`` differences of one sign would survive Holm first among ``family`` tests.

    The smallest two-sided p-value that K blocks can give is 2^(1−K): K = 6 carries one test, 10 carry 25, 20 any.
    """
    return bool(max(1, family) * 2.0 ** (1 - blocks) <= alpha)
