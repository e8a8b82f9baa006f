"""Sizes of connection pools and executors: from measurements under concurrency, which no run holds yet."""

from __future__ import annotations

from collections.abc import Iterator

from harness.analysis.findings import Findings
from harness.recommend.aim import Aim
from harness.recommend.ground import ground_of
from harness.recommend.setting import AppliesTo, Setting
from harness.vocabulary import Grade

_SIZES = ("connection_pool_size", "executor_threads")


def pools(findings: Findings, aim: Aim) -> Iterator[Setting]:
    """A refusal each: calls made one at a time say nothing about how many connections or threads bind."""
    ground = ground_of(findings)
    for name in _SIZES:
        yield Setting(
            setting=name,
            value=None,
            unit=None,
            applies_to=AppliesTo(),
            grade=Grade.INSUFFICIENT_DATA,
            guarantee=None,
            n=0,
            days=None,
            required_n=None,
            origin=None,
            evidence=(*ground.run_ids, ground.query("calls", "concurrency, count(*) AS n")),
            why="no calls were measured side by side, and one at a time they say nothing about what binds",
            doubts=(),
        )
