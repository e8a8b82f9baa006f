"""Owns which blocks were measured on a disturbed machine, and from which bounds on. Marks blocks, never drops them.

Called by ``comparisons``, ``doubts`` and ``provenance``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields

from harness.errors import DataError
from harness.record import BlockPressure, Manifest

CPU_SOME_AVG10_PERCENT = 40.0
STEAL_PERCENT = 5.0
PACING_ERROR_P99_NS = 1_000_000
RUN_DELAY_SHARE = 0.05
"""Share of the time with a call in flight that the backend may wait for a core (schedstat's ``run_delay``). Waiting
before a send lands in server time, which is subtracted; past this share the load is no longer the one described."""


def pressures(manifest: Manifest) -> tuple[BlockPressure, ...]:
    """The run's pressure per block. Raises DataError when the manifest's JSON is not a list of them."""
    try:
        rows = json.loads(manifest.pressure or "[]")
        if not isinstance(rows, list):
            raise TypeError(type(rows).__name__)
        names = [f.name for f in fields(BlockPressure)]
        return tuple(BlockPressure(**{name: row[name] for name in names}) for row in rows)
    except (ValueError, TypeError, KeyError) as problem:
        raise DataError(
            f"run {manifest.run_id}: pressure: expected a list of block pressures, got {type(problem).__name__}: "
            f"{problem}; the manifest is damaged"
        ) from None


def short_of_cpu(block: BlockPressure) -> bool:
    """Somebody waited for a core more than 40 % of the time (PSI cpu some avg10)."""
    return (block.cpu_some_avg10_percent or 0.0) > CPU_SOME_AVG10_PERCENT


def robbed(block: BlockPressure) -> bool:
    """The hypervisor took more than 5 % of the time."""
    return (block.steal_percent or 0.0) > STEAL_PERCENT


def pressured_blocks(blocks: Iterable[BlockPressure]) -> frozenset[int]:
    """Numbers of the blocks under either pressure."""
    return frozenset(block.block for block in blocks if short_of_cpu(block) or robbed(block))
