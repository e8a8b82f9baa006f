"""Owns which comparisons answer the question of the first screen. Called by ``analyse``."""

from __future__ import annotations

from collections.abc import Sequence

from harness import arms as arm_names
from harness.analysis.findings import Comparison, Headline, RunSummary
from harness.vocabulary import NULL_SUFFIX, Load, Operation

ARM = "litellm"
PLAIN_WORKLOAD = "chat"


def headline(comparisons: Sequence[Comparison], runs: Sequence[RunSummary]) -> Headline:
    """LiteLLM minus the native SDK in the paced cells (hot where none is paced) of each provider's first model.

    Plain chats speak where there are any, else the first workload that the plan lists. Of several runs the newest
    complete one that has such comparisons speaks, else the newest that has any. Runs are never mixed. ``comparisons``
    come in plan order; empty tuples when nothing was compared.
    """
    asked = [c for c in comparisons if c.arm == ARM and arm_names.role(c.base) == "sdk"]
    spoken = {c.cell.run_id for c in asked}
    speakers = sorted((r for r in runs if r.run_id in spoken), key=lambda run: (run.is_complete, run.started_at))
    if not speakers:
        return Headline((), (), Load.PACED.value)
    own = [c for c in asked if c.cell.run_id == speakers[-1].run_id]
    load = Load.PACED if any(c.cell.load == Load.PACED for c in own) else Load.HOT
    of_load = [c for c in own if c.cell.load == load]
    plain = [c for c in of_load if (c.cell.operation, c.cell.workload) == (Operation.CHAT, PLAIN_WORKLOAD)]
    first = (plain or of_load)[0].cell
    alike = [c for c in of_load if (c.cell.operation, c.cell.workload) == (first.operation, first.workload)]
    models: dict[str, str] = {}
    for comparison in alike:
        models.setdefault(comparison.cell.provider, comparison.cell.model)
    chosen = tuple(c for c in alike if models[c.cell.provider] == c.cell.model)
    sides = {(c.cell, c.base) for c in chosen}
    nulls = tuple(c for c in comparisons if (c.cell, c.base) in sides and c.arm == c.base + NULL_SUFFIX)
    return Headline(chosen, nulls, load.value)
