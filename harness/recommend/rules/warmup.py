"""Warm up at start, per client and mode: a fresh process pays its lazy imports in its first call.

Read from the cold table against the same arm's warm calls; recommended only where even the quickest first call took
longer than the slowest cell's median warm call.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.analysis.findings import ColdSummary, Findings
from harness.recommend.aim import Aim
from harness.recommend.ground import (
    SCREENING_BLOCKS,
    Ground,
    duration,
    ground_of,
    quoted,
    sole_provider,
    span,
    subjects,
)
from harness.recommend.setting import AppliesTo, Setting

SEND = "send one call of each kind before taking traffic"

SLOWER = "slower than every warm median"

SAME = "not told apart from a warm call"


def warm_up_at_start(findings: Findings, aim: Aim) -> Iterator[Setting]:
    """One setting per (client, mode) of the cold table, over all runs; n counts fresh processes."""
    known = subjects(findings)
    for arm, mode in sorted({(cold.arm, cold.mode) for cold in findings.cold if cold.arm in known}):
        same = [cold for cold in findings.cold if (cold.arm, cold.mode) == (arm, mode)]
        warm = [s.duration_p50_s for s in findings.summaries if (s.arm, s.cell.mode) == (arm, mode)]
        yield _setting(ground_of(findings, arm), sole_provider(findings, arm), same, warm)


def _setting(ground: Ground, provider: str | None, colds: list[ColdSummary], warm: list[float]) -> Setting:
    arm, mode, processes = colds[0].arm, colds[0].mode, sum(cold.repeats for cold in colds)
    shown = bool(warm) and min(cold.first_call_s[1] for cold in colds) > max(warm)
    return ground.settle(
        "warm_up_at_start",
        True if shown else None,
        AppliesTo(client=arm, mode=mode, provider=provider),
        n=processes,
        why=_why(ground, colds, warm, _verdict(processes, shown=shown)),
        query=ground.query(
            "cold",
            "arm, mode, median(first_call_ns) / 1e9 AS first_call_s, median(import_ns) / 1e9 AS import_s, count(*)",
            f"arm = {quoted(arm)}",
            f"mode = {quoted(mode)}",
        ),
    )


def _verdict(processes: int, *, shown: bool) -> str:
    """Advice only where there is a value: a refusal reports what it saw."""
    if not shown:
        return SAME
    return SLOWER if processes < SCREENING_BLOCKS else SEND


def _why(ground: Ground, colds: list[ColdSummary], warm: list[float], verdict: str) -> str:
    extremes = span([bound for cold in colds for bound in cold.first_call_s])
    against = f"against {duration(max(warm))} warm" if warm else "and no warm call was measured beside it"
    authored = "; the answers' timing is authored" if ground.authored else ""
    return (
        f"the first call of a fresh process took {span([cold.first_call_s[0] for cold in colds])} ({extremes}, "
        f"{sum(cold.repeats for cold in colds)} processes) {against}, after an import of "
        f"{span([cold.import_s[0] for cold in colds])}: {verdict}{authored}"
    )
