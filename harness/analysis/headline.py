"""Owns which comparisons answer the question of the first screen. Called by ``analyse``."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.findings import Comparison, Headline, RunSummary
from harness.vocabulary import NULL_SUFFIX, Load

BASE, ARM = "openai", "litellm"


def headline(comparisons: Sequence[Comparison], runs: Sequence[RunSummary]) -> Headline:
    """LiteLLM minus the SDK in the paced cells (hot where none is paced) of the plan's first model, with their nulls.

    Of several runs the newest complete one that has such comparisons speaks, else the newest that has any. Runs are
    never mixed. ``comparisons`` come in plan order; empty tuples when nothing was compared.
    """
    asked = [c for c in comparisons if (c.base, c.arm) == (BASE, ARM)]
    spoken = {c.cell.run_id for c in asked}
    speakers = sorted((r for r in runs if r.run_id in spoken), key=lambda run: (run.is_complete, run.started_at))
    if not speakers:
        return Headline((), (), Load.PACED.value)
    own = [c for c in asked if c.cell.run_id == speakers[-1].run_id]
    load = Load.PACED if any(c.cell.load == Load.PACED for c in own) else Load.HOT
    of_load = [c for c in own if c.cell.load == load]
    first = of_load[0].cell
    chosen = tuple(c for c in of_load if (c.cell.provider, c.cell.model) == (first.provider, first.model))
    cells = {c.cell for c in chosen}
    nulls = tuple(c for c in comparisons if c.cell in cells and (c.base, c.arm) == (BASE, BASE + NULL_SUFFIX))
    return Headline(chosen, nulls, load.value)
