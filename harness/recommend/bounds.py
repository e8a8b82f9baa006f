"""Owns the closed formulas of authored latencies: their tail, and readable values.

Pure arithmetic on numbers, no findings and no settings. Called by ``rules``. Bounds from samples are
``analysis.limits``'.

``lognormal_limit`` serves authored figures only and carries no guarantee. Real latency tails are heavier than the
lognormal, so its quantile is multiplied by the figures' ``tail_factor`` (measured p99 over the lognormal's).
"""

from __future__ import annotations

import math
from statistics import NormalDist

STEPS = ("1", "1.2", "1.5", "2", "2.5", "3", "4", "5", "6", "8", "10")
"""Readable mantissas: rounding up to the next one adds at most a third."""


def lognormal_limit(median_s: float, log_sigma: float, tail_factor: float, rate: float) -> float:
    """The (1 − ``rate``) quantile in seconds of a lognormal, times ``tail_factor``; inf when beyond floats."""
    z = -NormalDist().inv_cdf(rate)
    try:
        return median_s * math.exp(z * log_sigma) * tail_factor
    except OverflowError:
        return math.inf


def rate_per_part(rate: float, parts: int) -> float:
    """The rate at which each of ``parts`` independent waits may overrun so that any of them does at ``rate``."""
    return -math.expm1(math.log1p(-rate) / parts)


def round_up(seconds: float) -> float:
    """The smallest readable value (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8 times a power of ten) ≥ ``seconds`` > 0."""
    exponent = math.floor(math.log10(seconds))
    return next(step for step in (float(f"{text}e{exponent}") for text in STEPS) if step >= seconds)


def round_up_to(seconds: float, digits: int = 3) -> float:
    """The smallest value with so many digits ≥ ``seconds`` > 0: rounding that costs at most one in a hundred."""
    scale = 10.0 ** (digits - 1 - math.floor(math.log10(seconds)))
    return math.ceil(seconds * scale - 1e-9) / scale
