"""Owns what measured settings stand on: runs, blocks, days, doubts, and the queries that redo them.

Also the one place that grades a measured behaviour: ``provisional`` at best, because one invocation is one day
and ``certified`` asks for seven (METHOD B 4). Must not decide what to recommend. Called by ``rules``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.analysis.findings import Doubt, Findings
from harness.recommend.setting import AppliesTo, Setting, Value
from harness.vocabulary import Grade, Origin

FLOOR = "raw_http"
"""The instrument's own minimal client: a floor to compare with, not something to recommend."""

SCREENING_BLOCKS = 6
"""Below this an exact signed-rank interval does not exist (METHOD A)."""

STANDARD_BLOCKS = 20

REQUIRED_DAYS = 7


@dataclass(frozen=True, slots=True)
class Ground:
    """The provenance that the measured settings of one client share."""

    run_ids: tuple[str, ...]
    blocks: int
    days: int
    doubts: tuple[Doubt, ...]

    @property
    def authored(self) -> bool:
        """Whether any answer's timing was written here instead of recorded."""
        return Doubt.AUTHORED_LATENCIES in self.doubts

    def query(self, table: str, columns: str, *conditions: str) -> str:
        """A DuckDB query over ``results/dataset/<table>`` for these runs, grouped by its plain columns."""
        runs = ", ".join(quoted(run_id) for run_id in self.run_ids) or "NULL"
        where = " AND ".join([f"run_id IN ({runs})", *conditions])
        source = f"read_parquet('results/dataset/{table}/**/*.parquet', hive_partitioning = false)"
        return f"SELECT {columns} FROM {source} WHERE {where} GROUP BY ALL ORDER BY ALL"  # noqa: S608  (text to show)

    def settle(
        self,
        setting: str,
        value: Value,
        applies_to: AppliesTo,
        *,
        n: int,
        why: str,
        query: str,
        doubts: Iterable[Doubt] = (),
    ) -> Setting:
        """A measured setting: ``provisional`` with its value, or with None (or too few blocks) ``insufficient_data``.

        ``n`` counts blocks or fresh processes.
        """
        if n < SCREENING_BLOCKS:
            value = None
            why = f"{why}; no value yet: n = {n} of the {SCREENING_BLOCKS} that any statement needs"
            doubts = [*doubts, Doubt.FEW_BLOCKS]
        refused = value is None
        gate = f"; provisional: {self.days} of {REQUIRED_DAYS} days"
        return Setting(
            setting=setting,
            value=value,
            unit=None,
            applies_to=applies_to,
            grade=Grade.INSUFFICIENT_DATA if refused else Grade.PROVISIONAL,
            guarantee=None,
            n=n,
            days=self.days,
            required_n=_required_blocks(n, refused=refused),
            origin=None,
            evidence=(*self.run_ids, query),
            why=why if refused else why + gate,
            doubts=tuple(sorted(doubt.value for doubt in {*self.doubts, *doubts})),
        )


def _required_blocks(n: int, *, refused: bool) -> int | None:
    """What the value has, or what a refusal lacks; None where more blocks would not help."""
    if not refused or n < SCREENING_BLOCKS:
        return SCREENING_BLOCKS
    return STANDARD_BLOCKS if n < STANDARD_BLOCKS else None


def ground_of(findings: Findings, *arms: str) -> Ground:
    """Gather the provenance of the runs that measured any of ``arms`` (of all runs without them).

    Doubts that the runs themselves prove are added, should analysis not have named them.
    """
    summaries = [summary for summary in findings.summaries if not arms or summary.arm in arms]
    with_arms = {summary.cell.run_id for summary in summaries}
    runs = [run for run in findings.runs if not arms or run.run_id in with_arms]
    doubts = set(findings.doubts)
    if any(summary.cell.origin == Origin.AUTHORED for summary in summaries):
        doubts.add(Doubt.AUTHORED_LATENCIES)
    if any(not run.is_complete for run in runs):
        doubts.add(Doubt.INCOMPLETE_RUN)
    if findings.calls_failed:
        doubts.add(Doubt.FAILED_CALLS)
    if findings.causality_violations:
        doubts.add(Doubt.CAUSALITY_VIOLATED)
    return Ground(
        run_ids=tuple(sorted({run.run_id for run in runs})),
        blocks=sum(run.blocks_done for run in runs),
        days=len({run.started_at[:10] for run in runs}),
        doubts=tuple(sorted(doubts)),
    )


def subjects(findings: Findings) -> tuple[str, ...]:
    """The clients measured by their plain path (arm named after the client), without the floor; sorted."""
    return tuple(sorted({s.client for s in findings.summaries if s.arm == s.client} - {FLOOR}))


def sole_provider(findings: Findings, client: str) -> str | None:
    """The provider whose wire ``client`` was measured on, None when there were several."""
    providers = {s.cell.provider for s in findings.summaries if s.arm == client}
    return providers.pop() if len(providers) == 1 else None


def span(seconds: Sequence[float]) -> str:
    """The range of some durations (one at least), or the one duration they share."""
    low, high = duration(min(seconds)), duration(max(seconds))
    return low if low == high else f"{low} to {high}"


def quoted(text: str) -> str:
    """``text`` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def share(fractions: Sequence[float]) -> str:
    """The range of some fractions (one at least) in percent, or the one they share."""
    low, high = f"{min(fractions):.0%}", f"{max(fractions):.0%}"
    return low if low == high else f"{low} to {high}"


def percent(rate: float) -> str:
    """A rate as a sentence has it: three digits, in percent."""
    return f"{rate * 100:.3g} %"


def duration(seconds: float) -> str:
    """A duration as a sentence has it: ms below a second."""
    return f"{seconds:.3g} s" if abs(seconds) >= 1 else f"{seconds * 1e3:.3g} ms"
