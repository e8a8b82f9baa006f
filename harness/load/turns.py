"""Owns the lock-step order: which arm makes which call next. Pure; called by ``conductor``."""

from __future__ import annotations

import random
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Turn:
    """One call by one arm (index into the arms) in one cell (index into the cells)."""

    cell: int
    arm: int
    sequence: int


def turns(calls_per_cell: Sequence[int], arms: Sequence[Sequence[int]], rng: random.Random) -> Iterator[Turn]:
    """Yield every turn of one block: cells in random order, and inside a cell one request at a time.

    ``arms[cell]`` are the arms that the cell has. Each round draws a random order of them and runs it forwards, then
    backwards (ABBA), so that slow drift and whatever an arm leaves running after its call hit all arms alike. Every
    arm makes exactly the cell's calls.
    """
    for cell in rng.sample(range(len(calls_per_cell)), len(calls_per_cell)):
        order: list[int] = []
        for sequence in range(calls_per_cell[cell]):
            order = order[::-1] if sequence % 2 else rng.sample(list(arms[cell]), len(arms[cell]))
            for arm in order:
                yield Turn(cell, arm, sequence)


def warmups(kinds: Sequence[Hashable], is_hot: Sequence[bool], warmup: int, opening: int = 3) -> list[int]:
    """Warm-up calls per cell of one worker: the code of every kind of cell is warmed by ``warmup`` calls.

    Cells are of one kind when they run the same code: provider, operation and stream. The first hot cell of a kind
    makes the calls (the first cell of that kind where none is hot, as a paced call waits for its service). Every other
    cell makes ``opening``: enough to open its connection and fill its caches.
    """
    counts = [min(opening, warmup)] * len(kinds)
    for kind in set(kinds):
        cells = [cell for cell, other in enumerate(kinds) if other == kind]
        counts[next((cell for cell in cells if is_hot[cell]), cells[0])] = warmup
    return counts
