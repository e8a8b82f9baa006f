"""Owns what the user asks of a recommendation: how often a healthy call may be cut off, for which output budget, by
when.

Validated here, trusted by the rules. Built by ``recommend``.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Self

from harness.analysis.limits.waits import Patience
from harness.errors import UsageError

LOWEST_RATE = 1e-9
HIGHEST_RATE = 0.5
MOST_TOKENS = 10**9


@dataclass(frozen=True, slots=True)
class Aim:
    """``false_timeout_rate`` is a fraction of healthy calls; ``max_tokens`` None means the cassettes' own budgets.

    ``deadline_s`` is how long the caller can wait for one call with all its retries, None: for ever. What waits longer
    than the ``patience`` hangs. ``now_s``, seconds from the epoch, is what samples are old or new against.
    """

    false_timeout_rate: float
    max_tokens: int | None
    deadline_s: float | None = None
    patience: Patience = field(default_factory=Patience)
    now_s: float = field(default_factory=time.time)

    @classmethod
    def of(
        cls,
        false_timeout_rate: float,
        max_tokens: int | None,
        deadline_s: float | None = None,
        patience: Patience | None = None,
    ) -> Self:
        """Check the arguments. Raises UsageError with one line."""
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
        patience = patience or Patience()
        for option, seconds in (
            ("--deadline", deadline_s),
            ("--patience", patience.first_chunk_s),
            ("--gap-patience", patience.inter_chunk_s),
        ):
            if seconds is not None and not 0 < seconds < math.inf:
                raise UsageError(f"{option}: expected seconds above 0, got {seconds!r}")
        return cls(float(false_timeout_rate), max_tokens, deadline_s, patience)
