"""Owns the stack HTTP → SDK → LiteLLM → Router → proxy per cell: what each layer adds over the one below.

Called by ``analyse``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from harness import arms as arm_names
from harness.analysis.blocks import ArmBlocks
from harness.analysis.findings import CellKey, Comparison, Layer
from harness.analysis.pairs import by_cell

STACKED = ("raw", "sdk", "wrapper", "router", "gateway")
"""Roles that stand on one another, lowest first; whatever is beside the stack is compared, not stacked."""


def layers(arms: Iterable[ArmBlocks], comparisons: Iterable[Comparison]) -> tuple[Layer, ...]:
    """The layers of every cell that has a comparison, lowest first, cells in the order given."""
    steps = {(c.cell, c.base, c.arm): c for c in comparisons if not c.is_null}
    compared = {cell for cell, _, _ in steps}
    return tuple(
        layer for cell, present in by_cell(arms).items() if cell in compared for layer in _stack(cell, present, steps)
    )


def _stack(
    cell: CellKey, present: Mapping[str, ArmBlocks], steps: Mapping[tuple[CellKey, str, str], Comparison]
) -> Iterator[Layer]:
    below, cumulative_s = "", 0.0
    for arm in sorted(present, key=arm_names.place):
        step = steps.get((cell, below, arm))
        if arm_names.role(arm) not in STACKED or not present[arm].blocks or (below and step is None):
            continue
        adds_s = _own_overhead_s(present[arm]) if step is None else _added_s(step)
        cumulative_s += adds_s
        yield Layer(cell, arm, arm_names.label(arm), adds_s, step.difference if step else None, cumulative_s)
        below = arm


def _own_overhead_s(arm: ArmBlocks) -> float:
    """Median over blocks of the blocks' median overheads: the lowest layer stands on nothing."""
    return float(np.median([block.overhead_p50_s for block in arm.blocks.values()]))


def _added_s(step: Comparison) -> float:
    return step.difference.estimate if step.difference else step.median_difference_s
