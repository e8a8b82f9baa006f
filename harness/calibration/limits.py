"""Owns the limits' test against known truth: calls are made up, a limit is certified, and calls to come are held to it.

Each kind of truth is calibrated many times over; a limit holds when no more of the next day's healthy calls exceed it
than its rate says. What the algorithm refuses is no calibration. Pure but for the clock in a record.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from harness.analysis.limits.waits import Flags, Floats, Waits
from harness.dataset.self_tests import SelfTestRecord
from harness.recommend.limit import limit_of
from harness.vocabulary import Grade

CALIBRATIONS = 1000
REQUIRED = 0.935
RATE = 0.05

_NOW_DAY = 20_000
_DAY_S = 86_400.0
_TO_COME = 20_000
_HANG_S = 100.0

Draw = Callable[[np.random.Generator, int, float], Floats]
"""Waits of a day: generator, how many, and by how much that day's are stretched."""


@dataclass(frozen=True, slots=True)
class Truth:
    """One kind of provider: how its calls are spread, over how many days, and what is done to them.

    ``day_sigma`` is the spread of days' own stretches (logarithms), ``drift`` the growth per day, ``cut_at`` the
    quantile at which calls are cut off by a limit of their own, ``hangs`` the share of calls that hang.
    """

    name: str
    draw: Draw
    days: int
    per_day: int
    day_sigma: float = 0.0
    drift: float = 0.0
    cut_at: float | None = None
    hangs: float = 0.0


def _lognormal(rng: np.random.Generator, count: int, stretch: float) -> Floats:
    found: Floats = stretch * np.exp(0.55 * rng.standard_normal(count))
    return found


def _heavy(rng: np.random.Generator, count: int, stretch: float) -> Floats:
    found: Floats = stretch * 0.5 * (1.0 + rng.pareto(2.0, count))
    return found


def _mixed(rng: np.random.Generator, count: int, stretch: float) -> Floats:
    """Most tasks short, some ten times as long."""
    long = rng.random(count) < 0.08
    found: Floats = stretch * np.exp(0.4 * rng.standard_normal(count)) * np.where(long, 10.0, 1.0)
    return found


TRUTHS = (
    Truth("lognormal", _lognormal, 8, 80),
    Truth("heavy tail", _heavy, 8, 80),
    Truth("mixed tasks", _mixed, 8, 80),
    Truth("cut off by a limit", _lognormal, 8, 80, cut_at=0.995),
    Truth("hangs", _lognormal, 8, 80, hangs=0.005),
    Truth("days that differ, two weeks", _lognormal, 14, 80, day_sigma=0.12),
    Truth("days that differ, a month", _lognormal, 28, 120, day_sigma=0.12),
    Truth("drifting by 1 % a day", _lognormal, 14, 80, drift=0.01),
)
"""What limits are tried on."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """How often limits held under one truth; ``share`` is the mean share of calls to come that they cut off."""

    truth: str
    calibrations: int
    certified: int
    held: int
    share: float


def limit_tests(say: Callable[[str], None], calibrations: int = CALIBRATIONS) -> list[SelfTestRecord]:
    """A record per truth."""
    records = []
    for truth in TRUTHS:
        say(f"limits: {truth.name}")
        records.append(_record(calibrate(truth, calibrations)))
    return records


def calibrate(truth: Truth, calibrations: int, seed: int = 1) -> Calibrated:
    """Certify a limit again and again, and hold calls to come to it."""
    rng = np.random.default_rng(seed)
    shares = list(_shares(truth, rng, calibrations))
    held = sum(share <= RATE for share in shares)
    return Calibrated(truth.name, calibrations, len(shares), held, float(np.mean(shares)) if shares else math.nan)


def _shares(truth: Truth, rng: np.random.Generator, calibrations: int) -> Iterator[float]:
    """The share of the next day's healthy calls that each certified limit cuts off."""
    for _ in range(calibrations):
        found = limit_of(_history(truth, rng), RATE, _NOW_DAY * _DAY_S)
        if found.grade is Grade.CERTIFIED and found.seconds is not None:
            to_come = truth.draw(rng, _TO_COME, _stretch(truth, rng, truth.days))
            yield float(np.mean(to_come > found.seconds))


def _stretch(truth: Truth, rng: np.random.Generator, day: int) -> float:
    return float(np.exp(truth.day_sigma * rng.standard_normal()) * (1 + truth.drift) ** day)


def _history(truth: Truth, rng: np.random.Generator) -> Waits:
    per_day = [truth.draw(rng, truth.per_day, _stretch(truth, rng, day)) for day in range(truth.days)]
    seconds = np.concatenate(per_day)
    is_cut: Flags = np.zeros(len(seconds), dtype=bool)
    if truth.cut_at is not None:
        limit = float(np.quantile(truth.draw(rng, _TO_COME, 1.0), truth.cut_at))
        is_cut = seconds > limit
        seconds = np.minimum(seconds, limit)
    is_hang: Flags = rng.random(len(seconds)) < truth.hangs
    seconds = np.where(is_hang, _HANG_S, seconds)
    day = _NOW_DAY - truth.days + np.repeat(np.arange(truth.days), truth.per_day)
    at_s = np.asarray(day * _DAY_S, dtype=np.float64)
    return Waits(seconds, is_cut, is_hang, day.astype(np.int64), at_s)


def _record(found: Calibrated) -> SelfTestRecord:
    passed = found.certified > 0 and found.held >= REQUIRED * found.certified
    share = f"{found.held / found.certified:.1%}" if found.certified else "none"
    return SelfTestRecord(
        name=f"Limits, {found.truth}",
        found=f"{share} of {found.certified:,} certified limits hold (of {found.calibrations:,} tried); they cut off "
        f"{found.share:.2%} where {RATE:.0%} are allowed",
        required=f"≥ {REQUIRED:.1%} hold",
        passed=passed,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        details=json.dumps({"certified": found.certified, "held": found.held, "share": found.share}),
    )
