"""Owns what a comparison could have seen: the minimum detectable effect. Called by ``comparisons``."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.analysis.intervals import t_quantile
from harness.analysis.significance import Floats, critical_count, lower_tail

EFFICIENCY = 3 / math.pi
"""Asymptotic relative efficiency of the signed-rank test to t under normality (Hodges & Lehmann 1956)."""


def minimum_detectable(differences: Sequence[float] | Floats, alpha: float = 0.05, power: float = 0.8) -> float | None:
    """The shift that the exact test at ``alpha`` finds with probability ``power``, given these blocks' spread.

        MDE = (t(1 − a/2; K−1) + t(power; K−1)) · s / √(K · 3/π)

    with s the standard deviation of the K block differences and a ≤ alpha the level that the exact test attains with
    K blocks (0.031 at K = 6). Cohen 1988, §2.3, with t quantiles in place of normal ones because s is estimated.
    One comparison alone, before Holm. Unit: that of ``differences``. None where the test cannot reject (K < 6).
    """
    rejecting = critical_count(len(differences), alpha)
    if rejecting == 0:
        return None
    attained = 2 * lower_tail(len(differences), rejecting - 1)
    degrees = len(differences) - 1
    quantiles = t_quantile(1 - attained / 2, degrees) + t_quantile(power, degrees)
    spread = float(np.std(np.asarray(differences, dtype=np.float64), ddof=1))
    return quantiles * spread / math.sqrt(len(differences) * EFFICIENCY)
