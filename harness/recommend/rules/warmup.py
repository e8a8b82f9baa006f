"""Warm up at start, per client and mode: a fresh process pays its lazy imports in its first call.

Read from the cold table against the same arm's warm calls; recommended only where even the quickest first call took
longer than the slowest cell's median warm call.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.analysis.findings import ColdSummary, Findings
from harness.recommend.aim import Aim
from harness.recommend.ground import Ground, duration, ground_of, quoted, sole_provider, subjects
from harness.recommend.setting import AppliesTo, Setting


def warm_up_at_start(findings: Findings, aim: Aim) -> Iterator[Setting]:
    """One setting per (client, mode) of the cold table; n counts fresh processes."""
    ground = ground_of(findings)
    known = subjects(findings)
    for cold in sorted((c for c in findings.cold if c.arm in known), key=lambda c: (c.arm, c.mode)):
        yield _setting(ground, findings, cold)


def _setting(ground: Ground, findings: Findings, cold: ColdSummary) -> Setting:
    warm = [s.duration_p50_s for s in findings.summaries if (s.arm, s.cell.mode) == (cold.arm, cold.mode)]
    median, low, high = cold.first_call_s
    shown = bool(warm) and low > max(warm)
    against = f"against {duration(max(warm))} warm" if warm else "and no warm call was measured beside it"
    verdict = "send one call of each kind before taking traffic" if shown else "not told apart from a warm call"
    authored = "; the answers' timing is authored" if ground.authored else ""
    return ground.settle(
        "warm_up_at_start",
        True if shown else None,
        AppliesTo(client=cold.arm, mode=cold.mode, provider=sole_provider(findings, cold.arm)),
        n=cold.repeats,
        why=(
            f"the first call of a fresh process took {duration(median)} ({duration(low)} to {duration(high)}, "
            f"{cold.repeats} processes) {against}, after an import of {duration(cold.import_s[0])}: {verdict}{authored}"
        ),
        query=ground.query(
            "cold",
            "arm, mode, median(first_call_ns) / 1e9 AS first_call_s, median(import_ns) / 1e9 AS import_s, count(*)",
            f"arm = {quoted(cold.arm)}",
            f"mode = {quoted(cold.mode)}",
        ),
    )
