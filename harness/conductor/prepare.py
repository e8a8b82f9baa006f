"""Owns the step from a validated plan to concrete cells: each gets its cassette, its question and its truth.

Called by ``conductor.run``. Everything that can be wrong with a plan is found here, before a process is started.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.cassette import SUFFIX, Cassette, Pace, load_cassette
from harness.clients import Question
from harness.conductor.cells import CALL_TIMEOUT_S, CellPlan, can_run
from harness.conductor.join import CellFacts
from harness.errors import DataError, UsageError
from harness.load.outcome import Truth
from harness.plan import Arm, Cell
from harness.prices import load_prices
from harness.replay.dialects import dialect_for
from harness.vocabulary import Backend, Operation, Origin, Outcome
from harness.workload import Workload, load_workload


@dataclass(frozen=True, slots=True)
class Shelf:
    """The cassettes of one folder, by what they hold."""

    folder: Path
    cassettes: tuple[Cassette, ...]

    def find(self, cell: Cell) -> Cassette:
        """The cassette for this cell. Raises UsageError for an unknown model, DataError where one is missing."""
        same_provider = [c for c in self.cassettes if c.head.provider == cell.provider]
        if not same_provider:
            raise UsageError(_unknown("provider", cell.provider, {c.head.provider for c in self.cassettes}))
        same_model = [c for c in same_provider if c.head.model == cell.model]
        if not same_model:
            raise UsageError(_unknown("models", cell.model, {c.head.model for c in same_provider}))
        for cassette in same_model:
            head = cassette.head
            if (head.workload, head.operation, head.stream) == (cell.workload, cell.operation, cell.stream):
                return cassette
        shape = "streamed" if cell.stream else "whole"
        raise DataError(
            f"{self.folder}: expected a {shape} cassette of {cell.provider}/{cell.model} for workload "
            f"{cell.workload!r} ({cell.operation}), got none; record or author one"
        )


def _unknown(key: str, value: str, known: set[str]) -> str:
    close = difflib.get_close_matches(value, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are cassettes of {', '.join(sorted(known)) or 'none'}"
    return f"plan: cells: {key}: expected one that a cassette exists for, got {value!r}; {hint}"


def load_shelf(folder: Path) -> Shelf:
    """Read every cassette of a folder. Raises DataError for a damaged one, or when there is none."""
    paths = sorted(folder.glob(f"*{SUFFIX}"))
    if not paths:
        raise DataError(f"{folder}: expected cassettes (*{SUFFIX}), got none; check the folder")
    return Shelf(folder, tuple(load_cassette(path) for path in paths))


def live_cells(cells: Sequence[CellPlan], timeout_s: float) -> tuple[CellPlan, ...]:
    """The same cells, answered by their providers: nobody knows what they will say, or when."""
    return tuple(
        replace(
            cell,
            facts=replace(
                cell.facts,
                origin=str(Origin.LIVE),
                backend=str(Backend.LIVE),
                timeout_ns=int(timeout_s * 1e9),
                content_chunks=(),
            ),
            truth=Truth(None, None),
            timeout_s=timeout_s,
        )
        for cell in cells
    )


def prepare_cells(cells: Sequence[Cell], arms: Sequence[Arm], shelf: Shelf, workloads: Path) -> tuple[CellPlan, ...]:
    """Make every cell concrete. Raises UsageError or DataError for the first that cannot be, and for an idle arm."""
    read = {name: load_workload(workloads / f"{name}.toml") for name in dict.fromkeys(cell.workload for cell in cells)}
    found = tuple(_prepare(cell, arms, shelf.find(cell), read[cell.workload]) for cell in cells)
    for index, arm in enumerate(arms):
        if not any(index in cell.arms for cell in found):
            raise UsageError(
                f"plan: arms: expected {arm.name} to speak to a provider, an operation and a mode of some cell, "
                "got none; remove it or add a cell"
            )
    return found


def _prepare(cell: Cell, arms: Sequence[Arm], cassette: Cassette, workload: Workload) -> CellPlan:
    head = cassette.head
    known = dialect_for(cell.provider, cell.operation).truth(cassette)
    timeout_s = workload.timeout_s or CALL_TIMEOUT_S
    able = tuple(index for index, arm in enumerate(arms) if can_run(arm, cell))
    if not able:
        raise UsageError(f"plan: cells: expected an arm that can run {cell.cell_id}, got none; add one to arms")
    return CellPlan(
        facts=CellFacts(
            cell, str(head.origin), workload.max_tokens, int(timeout_s * 1e9), content_chunks=known.content_chunks
        ),
        cassette_id=cassette.cassette_id,
        question=question_of(cell, cassette, workload),
        truth=Truth(
            known.text,
            known.finish_reason,
            known.tool_calls,
            _expected(cell, cassette, known.finish_reason, timeout_s),
            is_job=cell.operation is Operation.BACKGROUND,
        ),
        arms=able,
        sizes={
            "axis": workload.axis,
            "kilobytes": len(cassette.body) / 1000,
            "chunks": len(known.content_chunks),
            "messages": len(workload.conversation),
            "tools": len(workload.offered_tools),
            "tokens": {"input": known.input_tokens, "cached": known.cached_tokens, "output": known.output_tokens},
            "reasoning_tokens": known.reasoning_tokens,
        },
        timeout_s=timeout_s,
    )


def question_of(cell: Cell, cassette: Cassette, workload: Workload) -> Question:
    """What the clients are asked to ask in this cell."""
    return Question(
        provider=cell.provider,
        model=cell.model,
        messages=tuple(message.model_dump() for message in workload.conversation),
        max_tokens=workload.max_tokens,
        parameters=workload.parameters,
        stream=cell.stream,
        operation=str(cell.operation),
        tools=tuple(tool.model_dump() for tool in workload.offered_tools),
        structure=workload.structure.model_dump() if workload.structure else None,
        job=workload.job.model_dump(include={"poll_s", "cancel_after"}) if workload.job else None,
        path=cassette.head.request.path,
        body=cassette.head.request.body,
    )


def _expected(cell: Cell, cassette: Cassette, finish_reason: str, timeout_s: float) -> str:
    """What a call of this cell must come to: an answer later than the limit times out, a job ends as it was made to."""
    factor = Pace.parse(cell.pace).factor(cassette.offsets_ns[-1])
    if cassette.offsets_ns[0] * factor > timeout_s * 1e9:
        return Outcome.TIMEOUT.value
    if cell.operation is not Operation.BACKGROUND:
        return Outcome.OK.value
    ending = {"failed": Outcome.ERROR, "length": Outcome.ERROR, "cancelled": Outcome.CANCELLED}
    return ending.get(finish_reason, Outcome.OK).value


def cassette_facts(cells: Sequence[CellPlan], shelf: Shelf, benchmarks: Path) -> list[dict[str, Any]]:
    """What the manifest keeps of the cassettes in use: identity, hash, origin, latency figures, price, size, tokens."""
    prices = load_prices(benchmarks / "prices.toml")
    used = {cell.cassette_id: cell for cell in cells}
    return [
        {
            "cassette_id": cassette.cassette_id,
            "sha256": hashlib.sha256(cassette.body).hexdigest(),
            **cassette.head.model_dump(
                mode="json",
                include={"provider", "model", "workload", "operation", "stream", "origin", "source", "latency"},
            ),
            "total_s": cassette.offsets_ns[-1] / 1e9 if cassette.offsets_ns else None,
            "max_tokens": used[cassette.cassette_id].facts.max_tokens,
            "price": price.model_dump()
            if (price := prices.find(cassette.head.provider, cassette.head.model))
            else None,
            **used[cassette.cassette_id].sizes,
        }
        for cassette in shelf.cassettes
        if cassette.cassette_id in used
    ]
