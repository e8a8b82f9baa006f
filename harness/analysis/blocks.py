"""Owns the step from calls to blocks: per run, cell, arm and block one median, one p95, one mean CPU time.

The block (one fresh process per arm) is the unit of inference, so nothing below it goes on. Called by ``analyse``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from harness.analysis.findings import CellKey
from harness.analysis.frames import ARM_KEYS, NS_PER_S, arm_facts, is_background, whole_ns
from harness.vocabulary import Outcome


@dataclass(frozen=True, slots=True)
class Block:
    """What one process of one arm showed in one cell, successful calls only; seconds."""

    overhead_p50_s: float
    overhead_p95_s: float
    cpu_mean_s: float
    calls: int


@dataclass(frozen=True, slots=True)
class ArmBlocks:
    """One arm in one cell: its blocks by number, and what must be known of it beside its numbers."""

    cell: CellKey
    arm: str
    client: str
    client_version: str
    http_library: str
    http_library_version: str
    calls: int
    failed: int
    censored: int
    attempts: int
    repeated: int
    reused: int
    blocks: Mapping[int, Block]

    @property
    def key(self) -> tuple[str, str, str]:
        """Run, cell and arm, as ``frames.by_arm`` groups rows."""
        return self.cell.run_id, self.cell.cell_id, self.arm


def arm_blocks(calls: pd.DataFrame, measured: pd.DataFrame) -> tuple[ArmBlocks, ...]:
    """Reduce to blocks. ``calls`` are all rows, ``measured`` the usable ones' metrics (``frames.with_metrics``)."""
    counts, blocks = _counts(calls), _blocks(measured)
    facts = arm_facts(calls)
    cells = _cells(facts)
    found = []
    for row in facts.to_dict("records"):
        key = (row["run_id"], row["cell_id"], row["arm"])
        found.append(
            ArmBlocks(
                cell=cells[key[:2]],
                arm=row["arm"],
                client=row["client"],
                client_version=row["client_version"],
                http_library=row["http_library"],
                http_library_version=row["http_library_version"],
                blocks=blocks.get(key, {}),
                **counts[key],
            )
        )
    return tuple(found)


def _cells(facts: pd.DataFrame) -> dict[tuple[str, str], CellKey]:
    first = facts.groupby(["run_id", "cell_id"], sort=True).min().reset_index()
    return {
        (row["run_id"], row["cell_id"]): CellKey(
            cell_id=row["cell_id"],
            provider=row["provider_name"],
            model=row["request_model"],
            workload=row["workload"],
            mode=row["mode"],
            stream=bool(row["request_stream"]),
            load=row["load"],
            backend=row["backend"],
            origin=row["origin"],
            run_id=row["run_id"],
            operation=row["operation_name"],
        )
        for row in first.to_dict("records")
    }


def _counts(calls: pd.DataFrame) -> dict[tuple[str, str, str], dict[str, int]]:
    """Counts by run, cell and arm. A background job is neither failed nor repeated, whatever it came to (``jobs``)."""
    is_plain = ~is_background(calls)
    flags = calls[ARM_KEYS].assign(
        calls=1,
        failed=((calls["outcome"] != Outcome.OK.value) & is_plain).astype("int64"),
        censored=calls["is_censored"].astype("int64"),
        attempts=calls["attempts"].astype("int64"),
        repeated=((calls["attempts"] > 1) & is_plain).astype("int64"),
        reused=calls["connection_reused"].fillna(False).astype("int64"),
    )
    sums = flags.groupby(ARM_KEYS, observed=True).sum()
    return {
        (str(run), str(cell), str(arm)): {str(name): int(value) for name, value in row.items()}
        for (run, cell, arm), row in zip(sums.index, sums.to_dict("records"), strict=True)
    }


def _blocks(measured: pd.DataFrame) -> dict[tuple[str, str, str], dict[int, Block]]:
    grouped = measured.assign(cpu_ns=whole_ns(measured["cpu"])).groupby([*ARM_KEYS, "block"], observed=True)
    table = pd.DataFrame(
        {
            "p50": grouped["overhead"].median(),
            "p95": grouped["overhead"].quantile(0.95),
            "cpu": grouped["cpu_ns"].mean() / NS_PER_S,
            "n": grouped.size(),
        }
    )
    found: dict[tuple[str, str, str], dict[int, Block]] = {}
    for (run, cell, arm, block), p50, p95, cpu, n in table.itertuples(name=None):
        found.setdefault((str(run), str(cell), str(arm)), {})[int(block)] = Block(p50, p95, cpu, int(n))
    return found
