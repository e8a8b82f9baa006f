"""Waits made up for tests: calls spread over days, exchangeable or not, cut off or hanging."""

from __future__ import annotations

import numpy as np

from harness.analysis.limits.waits import Flags, Floats, Waits

DAY_S = 86_400.0
NOW_DAY = 20_000
NOW_S = NOW_DAY * DAY_S


def spread(seconds: Floats, days: int, cut: Flags | None = None, newest: int = 1, patience_s: float = 60.0) -> Waits:
    """These waits in their order over so many days, the last of them ``newest`` days before now."""
    count = len(seconds)
    day = NOW_DAY - newest - days + 1 + np.arange(count) * days // max(count, 1)
    within = (np.arange(count) * days / max(count, 1)) % 1.0
    is_cut = np.zeros(count, dtype=bool) if cut is None else cut
    return Waits(seconds, is_cut, seconds > patience_s, day.astype(np.int64), (day + within) * DAY_S)


def lognormal(rng: np.random.Generator, count: int, median_s: float = 1.0, sigma: float = 0.5) -> Floats:
    """Waits as providers have them, roughly."""
    found: Floats = median_s * np.exp(sigma * rng.standard_normal(count))
    return found


def heavy(rng: np.random.Generator, count: int) -> Floats:
    """A Pareto tail: one in a hundred waits ten times as long."""
    found: Floats = 0.5 * (1.0 + rng.pareto(2.0, count))
    return found
