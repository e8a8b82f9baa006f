"""Owns the closed formulas behind limits: how many samples a bound needs, and the tail of an authored latency.

Pure arithmetic on numbers, no findings and no settings. Called by ``rules.timeouts``.

``required_n`` and ``strongest_rate`` are the two readings of the distribution-free order-statistic bound
(Wilks 1941, "Determination of sample sizes for setting tolerance limits"): the largest of n exchangeable samples lies
above the (1 − rate) quantile with probability 1 − (1 − rate)^n, so a confidence c needs n ≥ ln(1 − c) / ln(1 − rate).

``lognormal_limit`` serves authored figures only and carries no guarantee. Real latency tails are heavier than the
lognormal, so its quantile is multiplied by the figures' ``tail_factor`` (measured p99 over the lognormal's).
"""

from __future__ import annotations

import math
from statistics import NormalDist

CONFIDENCE = 0.95

STEPS = ("1", "1.2", "1.5", "2", "2.5", "3", "4", "5", "6", "8", "10")
"""Readable mantissas: rounding up to the next one adds at most a third."""


def required_n(rate: float, confidence: float = CONFIDENCE) -> int:
    """Samples needed before a bound for ``rate`` false timeouts exists at ``confidence``: 59 at 5 %, 2,995 at 0.1 %."""
    return math.ceil(math.log(1 - confidence) / math.log1p(-rate))


def strongest_rate(n: int, confidence: float = CONFIDENCE) -> float:
    """The smallest false-timeout rate that ``n`` ≥ 1 samples can certify at ``confidence``."""
    return -math.expm1(math.log(1 - confidence) / n)


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
