"""Owns the product-limit estimate (Kaplan and Meier 1958): how long calls wait when some of them were cut off.

It estimates and bounds nothing: a limit's guarantee comes from ``order``. Where no call was cut off it is the plain
share of longer waits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.analysis.limits.waits import Floats, Waits


@dataclass(frozen=True, eq=False, slots=True)
class Survival:
    """The share of calls that wait longer than each of ``seconds`` (ascending); flat between them, unknown past
    ``known_until_s``, where the longest wait was one that was cut off.
    """

    seconds: Floats
    share: Floats
    known_until_s: float

    def beyond(self, seconds: float) -> float:
        """The share of calls that wait longer than ``seconds``."""
        step = int(np.searchsorted(self.seconds, seconds, side="right"))
        return 1.0 if step == 0 else float(self.share[step - 1])


def survival(waits: Waits) -> Survival:
    """The estimate; a call cut off at the moment when another ended counts as waiting longer."""
    ended, counts = np.unique(waits.seconds[~waits.is_cut], return_counts=True)
    ordered = np.sort(waits.seconds)
    at_risk = len(ordered) - np.searchsorted(ordered, ended, side="left")
    share: Floats = np.cumprod(1.0 - counts / at_risk).astype(np.float64)
    known = float(ordered[-1]) if len(ordered) else 0.0
    return Survival(ended, share, known)
