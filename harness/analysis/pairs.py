"""Owns who is compared with whom: an arm with every arm it stands on, with its null, async with sync.

Compares nothing itself. Called by ``comparisons`` and ``layers``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from harness import arms as arm_names
from harness.analysis.blocks import ArmBlocks, Block
from harness.analysis.findings import CellKey
from harness.vocabulary import NULL_SUFFIX, Load, Mode

LOCK_STEP = (Load.HOT, Load.PACED)
"""Loads under which one request is in flight at a time, so that the difference of two arms is theirs alone."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two arms over the blocks that both completed; ``base`` and ``arm`` are how a reader names them."""

    cell: CellKey
    base: str
    arm: str
    base_side: ArmBlocks
    arm_side: ArmBlocks
    is_null: bool

    @property
    def blocks(self) -> tuple[int, ...]:
        """Numbers of the complete blocks, ascending."""
        return tuple(sorted(self.base_side.blocks.keys() & self.arm_side.blocks.keys()))

    def sides(self) -> tuple[tuple[Block, ...], tuple[Block, ...]]:
        """The complete blocks of base and arm, aligned."""
        numbers = self.blocks
        return tuple(self.base_side.blocks[n] for n in numbers), tuple(self.arm_side.blocks[n] for n in numbers)


def by_cell(arms: Iterable[ArmBlocks]) -> dict[CellKey, dict[str, ArmBlocks]]:
    """Arms by cell and name, in the order given."""
    cells: dict[CellKey, dict[str, ArmBlocks]] = {}
    for arm in arms:
        cells.setdefault(arm.cell, {})[arm.arm] = arm
    return cells


def arm_pairs(arms: Iterable[ArmBlocks]) -> tuple[Pair, ...]:
    """Per lock-step cell every arm against each arm that it stands on, lowest first; then each null against its own."""
    found: list[Pair] = []
    for cell, present in by_cell(arms).items():
        if cell.load in LOCK_STEP:
            found += _within(cell, present)
    return tuple(pair for pair in found if pair.blocks)


def _within(cell: CellKey, present: dict[str, ArmBlocks]) -> Iterator[Pair]:
    names = sorted(present, key=arm_names.place)
    stands_on = {name: arm_names.foundations(name, frozenset(present)) for name in names}
    nulls = [name for name in names if name.endswith(NULL_SUFFIX)]
    claims = [(base, name) for name in names if name not in nulls for base in stands_on[name]]
    for base, name in sorted(claims, key=lambda claim: (arm_names.place(claim[0]), arm_names.place(claim[1]))):
        yield Pair(cell, base, name, present[base], present[name], is_null=False)
    for name in nulls:
        for base in stands_on[name]:
            yield Pair(cell, base, name, present[base], present[name], is_null=True)


def mode_pairs(arms: Iterable[ArmBlocks]) -> tuple[Pair, ...]:
    """Async minus sync of one arm, for lock-step cells that differ in the mode alone. The cell is the async one."""
    found: list[Pair] = []
    sync: dict[tuple[CellKey, str], ArmBlocks] = {}
    listed = [arm for arm in arms if arm.cell.load in LOCK_STEP and not arm.arm.endswith(NULL_SUFFIX)]
    for side in listed:
        if side.cell.mode == Mode.SYNC:
            sync[_but_for_mode(side.cell), side.arm] = side
    for side in listed:
        base = sync.get((_but_for_mode(side.cell), side.arm))
        if side.cell.mode == Mode.ASYNC and base is not None:
            names = f"{side.arm} {Mode.SYNC}", f"{side.arm} {Mode.ASYNC}"
            found.append(Pair(side.cell, *names, base, side, is_null=False))
    return tuple(pair for pair in found if pair.blocks)


def _but_for_mode(cell: CellKey) -> CellKey:
    return replace(cell, cell_id="", mode="")
