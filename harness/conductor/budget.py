"""Owns what a live run may cost: every call is reserved at its worst before it is made, and settled by its usage after.

What is spent and what may still be spent by calls in flight never exceed the limit together, however many are made at
once. Pure but for its lock. Called by ``block`` and, before anything is spent, by ``live``.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from harness.clients import Question
from harness.conductor.cells import CellPlan
from harness.conductor.live import Live
from harness.errors import UsageError
from harness.load.pipe import Used
from harness.prices import Price, PriceList, Tokens, cost_usd


class OverBudget(UsageError):
    """The next call could cost more than is left. What was measured is kept."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Worst:
    """The most that one call of a cell can cost: a token per byte asked, and its whole output budget."""

    tokens: Tokens
    price: Price

    @property
    def usd(self) -> float:
        """In USD, at list price and with nothing cached."""
        return cost_usd(self.tokens, self.price)


def worst_of(question: Question, price: Price | None, *, asked_bytes: int) -> Worst:
    """The worst case of one call. Raises UsageError where nothing bounds it: no price, or no output budget."""
    name = f"{question.provider}/{question.model}"
    if price is None:
        raise UsageError(f"--max-cost: expected a price of {name} in benchmarks/prices.toml, got none; add it")
    if question.max_tokens is None:
        raise UsageError(
            f"--max-cost: expected an output budget (max_tokens) for {name}, got none; set it in the workload"
        )
    return Worst(Tokens(asked_bytes, 0, question.max_tokens), price)


def worst_cases(cells: Sequence[CellPlan], prices: PriceList, live: Live) -> tuple[Worst | None, ...]:
    """The worst case of a call of each cell; None where nothing bounds it. Raises UsageError there, where there is a
    limit.
    """
    found: list[Worst | None] = []
    for cell in cells:
        question = cell.question
        try:
            asked_bytes = len(json.dumps(question.body).encode())
            worst = worst_of(question, prices.find(question.provider, question.model), asked_bytes=asked_bytes)
        except UsageError:
            if live.max_cost_usd is not None:
                raise
            found.append(None)
        else:
            found.append(worst)
    return tuple(found)


class Budget:
    """The limit in USD (None: none), what was spent, and what calls in flight may still spend. Safe among threads."""

    def __init__(self, limit_usd: float | None) -> None:
        self.limit_usd = limit_usd
        self._lock = threading.Lock()
        self._reserved_usd = 0.0
        self.spent_usd = 0.0

    def reserve(self, worst: Worst, calls: int = 1) -> float:
        """Set aside what so many calls can cost; returns it. Raises OverBudget, nothing reserved, where too little is
        left.
        """
        usd = worst.usd * calls
        with self._lock:
            most = self.spent_usd + self._reserved_usd + usd
            if self.limit_usd is not None and most > self.limit_usd:
                raise OverBudget(
                    f"--max-cost: {self.spent_usd:.4f} USD spent, {self._reserved_usd:.4f} USD in flight, and the next "
                    f"call could cost {usd:.4f} USD: more than {self.limit_usd:g} USD; what was measured is kept"
                )
            self._reserved_usd += usd
        return usd

    def settle(self, reserved_usd: float, worst: Worst, used: Used | None) -> float:
        """A call is over: it cost what it used, or, where that is unknown, all that was reserved. Returns that."""
        usd = reserved_usd
        if used is not None:
            usd = cost_usd(Tokens(used.input_tokens, 0, used.output_tokens), worst.price)
        with self._lock:
            self._reserved_usd -= reserved_usd
            self.spent_usd += usd
        return usd
