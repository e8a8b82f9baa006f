"""Owns when a percentile may be printed at all, and the points of an ECDF. Called by ``summaries``."""

from __future__ import annotations

import numpy as np

from harness.analysis.significance import Floats

REQUIRED_CALLS = ((0.5, 1), (0.95, 100), (0.99, 500), (0.999, 5_000))
"""Calls that a percentile needs: five expected above it, so that it is not the sample's maximum by another name."""

ECDF_POINTS = 200


def is_carried(probability: float, calls: int) -> bool:
    """Whether ``calls`` values carry this percentile (p95: 100, p99: 500, p99.9: 5,000). Raises KeyError for others."""
    return calls >= dict(REQUIRED_CALLS)[probability]


def percentile(values: Floats, probability: float) -> float | None:
    """The percentile by linear interpolation between order statistics, or None where n does not carry it."""
    return float(np.quantile(values, probability)) if is_carried(probability, len(values)) else None


def ecdf_points(values: Floats, points: int = ECDF_POINTS) -> tuple[float, ...]:
    """At most ``points`` quantiles at equally spaced probabilities from 0 to 1, ascending: the ECDF, ready to draw."""
    if len(values) == 0:
        return ()
    grid = np.linspace(0, 1, min(points, len(values)))
    return tuple(np.quantile(values, grid).tolist())
