"""Owns what the user asks of a recommendation: how often a healthy call may be cut off, and for which output budget.

Validated here, trusted by the rules. Built by ``recommend``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from harness.errors import UsageError

LOWEST_RATE = 1e-9
HIGHEST_RATE = 0.5
MOST_TOKENS = 10**9


@dataclass(frozen=True, slots=True)
class Aim:
    """``false_timeout_rate`` is a fraction of healthy calls; ``max_tokens`` None means the cassettes' own budgets."""

    false_timeout_rate: float
    max_tokens: int | None

    @classmethod
    def of(cls, false_timeout_rate: float, max_tokens: int | None) -> Self:
        """Check the two arguments. Raises UsageError with one line."""
        if isinstance(false_timeout_rate, bool) or not LOWEST_RATE <= false_timeout_rate <= HIGHEST_RATE:
            raise UsageError(
                f"--false-timeout-rate: expected a fraction above 0 (from {LOWEST_RATE:g}), at most {HIGHEST_RATE:g}, "
                f"got {false_timeout_rate!r}; write 0.001 for one call in a thousand"
            )
        if max_tokens is not None and (isinstance(max_tokens, bool) or not 1 <= max_tokens <= MOST_TOKENS):
            raise UsageError(
                f"--max-tokens: expected an integer from 1 to {MOST_TOKENS}, got {max_tokens!r}; "
                "give the output budget that your calls send, or leave it out"
            )
        return cls(float(false_timeout_rate), max_tokens)
