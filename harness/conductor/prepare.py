"""Owns the step from a validated plan to concrete cells: each gets its cassette, its question and its truth.

Called by ``conductor.run``. Everything that can be wrong with a plan is found here, before a process is started.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.cassette import SUFFIX, Cassette, load_cassette
from harness.clients import Question, client_named
from harness.conductor.block import CALL_TIMEOUT_S, CellPlan, installed
from harness.conductor.join import CellFacts
from harness.errors import DataError, UsageError
from harness.load.outcome import Truth
from harness.plan import Arm, Cell
from harness.replay.dialects.openai_chat import truth
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
            if cassette.head.workload == cell.workload and cassette.head.stream == cell.stream:
                return cassette
        shape = "streamed" if cell.stream else "whole"
        raise DataError(
            f"{self.folder}: expected a {shape} cassette of {cell.provider}/{cell.model} for workload "
            f"{cell.workload!r}, got none; record or author one"
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


def prepare_cells(cells: Sequence[Cell], shelf: Shelf, workloads: Path) -> tuple[CellPlan, ...]:
    """Make every cell concrete. Raises UsageError or DataError for the first that cannot be."""
    return tuple(_prepare(cell, shelf.find(cell), load_workload(workloads / f"{cell.workload}.toml")) for cell in cells)


def _prepare(cell: Cell, cassette: Cassette, workload: Workload) -> CellPlan:
    known = truth(cassette)
    messages = tuple(message.model_dump() for message in workload.messages)
    facts = CellFacts(cell, str(cassette.head.origin), workload.max_tokens, int(CALL_TIMEOUT_S * 1e9))
    question = Question(cell.provider, cell.model, messages, workload.max_tokens, workload.parameters, cell.stream)
    return CellPlan(facts, cassette.cassette_id, question, Truth(known.text, known.finish_reason))


def check_arms(arms: Sequence[Arm]) -> None:
    """Raise UsageError for an arm that does not exist or whose library is not installed."""
    for arm in arms:
        distribution = client_named(arm.client).FACTS.distribution
        if distribution and installed(distribution) == "not installed":
            raise UsageError(
                f"arms: {arm.name} needs {distribution}, which is not installed; pip install {distribution}"
            )


def cassette_facts(cells: Sequence[CellPlan], shelf: Shelf) -> list[dict[str, Any]]:
    """What the manifest keeps of the cassettes in use: identity, hash, origin, and the latency figures they cite."""
    budgets = {cell.cassette_id: cell.facts.max_tokens for cell in cells}
    return [
        {
            "cassette_id": cassette.cassette_id,
            "sha256": hashlib.sha256(cassette.body).hexdigest(),
            **cassette.head.model_dump(
                mode="json", include={"provider", "model", "workload", "stream", "origin", "source", "latency"}
            ),
            "max_tokens": budgets[cassette.cassette_id],
        }
        for cassette in shelf.cassettes
        if cassette.cassette_id in budgets
    ]
