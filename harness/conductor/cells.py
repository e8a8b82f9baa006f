"""Owns one cell made concrete, which arms it has, and what a worker is told of it. Pure.

Called by ``conductor.prepare`` (making) and ``conductor.block`` (using).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness import arms as arm_names
from harness.clients import Question, Target, client_named
from harness.conductor.join import CellFacts
from harness.conductor.reach import Reach
from harness.load.outcome import Truth
from harness.load.pipe import CellSpec, WorkerSpec
from harness.plan import Arm, Cell
from harness.vocabulary import Mode, Operation

CALL_TIMEOUT_S = 10.0
"""The clients' own socket timeout while measuring: far above any cassette's service time, below the pipe's."""


@dataclass(frozen=True, slots=True)
class CellPlan:
    """One cell made concrete: its cassette, its question, the truth that its answers are held against, and its arms.

    ``sizes`` are what the manifest keeps of its request and answer: kilobytes, chunks, messages, tools, tokens.
    """

    facts: CellFacts
    cassette_id: str
    question: Question
    truth: Truth
    arms: tuple[int, ...]
    sizes: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float = CALL_TIMEOUT_S

    @property
    def kind(self) -> Hashable:
        """Cells of one kind run the same code of a client."""
        return self.question.provider, self.question.operation, self.question.stream


def can_run(arm: Arm, cell: Cell) -> bool:
    """Whether an arm has this cell: its path speaks to the provider for the operation in the colours it needs."""
    if cell.arms is not None and arm.name not in cell.arms:
        return False
    facts = client_named(arm.path).FACTS
    if not arm.bridge:
        return facts.can(cell.provider, cell.operation, cell.mode)
    bridge = arm_names.BRIDGES[arm.bridge]
    if (
        cell.mode not in bridge.callers
        or cell.operation is not Operation.CHAT
        or (bridge.is_whole_only and cell.stream)
    ):
        return False
    return facts.can(cell.provider, cell.operation, bridge.callee or cell.mode)


@dataclass(frozen=True, slots=True)
class Place:
    """What one arm asks in one cell (its position in the plan); a worker's places are its own numbering of them."""

    arm: Arm
    cell: int


def places_for(cells: Sequence[CellPlan], arms: Sequence[tuple[int, Arm]], mode: Mode) -> tuple[Place, ...]:
    """The places that one worker (its arms, by plan position, in a colour) serves, cell by cell in plan order."""
    return tuple(
        Place(arm, number)
        for number, cell in enumerate(cells)
        for position, arm in arms
        if cell.facts.cell.mode == mode and position in cell.arms
    )


def alias(cell: int) -> str:
    """What a gateway calls a cell."""
    return f"cell-{cell}"


def worker_spec(
    cells: Sequence[CellPlan], places: Sequence[Place], mode: Mode, reach: Reach, gateway_url: str
) -> WorkerSpec:
    """All that one worker is told; its arms are of one path."""
    arm = places[0].arm
    return WorkerSpec(
        client=arm.path,
        mode=mode,
        cells=tuple(_cell_spec(cells[place.cell], place, reach, gateway_url) for place in places),
        injected_ns=arm.injected_ns,
    )


def _cell_spec(cell: CellPlan, place: Place, reach: Reach, gateway_url: str) -> CellSpec:
    arm = place.arm
    target = Target(
        root_url=reach.url(cell.facts.cell, cell.cassette_id, arm),
        api_key=reach.key(cell.facts.cell),
        timeout_s=cell.timeout_s,
        gateway_url=gateway_url,
        gateway_model=alias(place.cell) if gateway_url else "",
    )
    return CellSpec(target, cell.question, cell.truth, arm.name, arm.bridge)
