"""Owns the way from rows of real calls to ``Observed``: one per provider, model, stream and output budget.

Time follows tokens, so calls are kept apart by what they were allowed to generate: budgets up to 128, 256, … each with
those between; calls without one by themselves. Vectorised; called by ``analyse``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from harness.analysis.limits.waits import Condition, Observed
from harness.vocabulary import ErrorKind, Outcome

SMALLEST_BUDGET = 128
"""Output tokens; budgets below share one bucket."""

_KEYS = ["provider", "model", "stream", "bucket"]
_NONE = -1.0
_DAY_S = 86_400.0
_UNANSWERED = {ErrorKind.NETWORK, ErrorKind.CANCELLED, ErrorKind.OTHER, ErrorKind.MALFORMED}
"""Failures that came without an answer, unless a status says that there was one."""


def observed(calls: pd.DataFrame) -> tuple[Observed, ...]:
    """Rows of ``Store.waits`` by condition, in the order of provider, model, stream and budget."""
    if calls.empty:
        return ()
    keyed = calls.assign(bucket=_bucket(calls["max_tokens"]))
    groups = keyed.groupby(_KEYS, observed=True, sort=True)
    return tuple(_observed(group) for _, group in groups)


def _bucket(max_tokens: pd.Series[float]) -> pd.Series[float]:
    """The power of two at or above each budget; −1 without one."""
    at_least = max_tokens.clip(lower=SMALLEST_BUDGET).to_numpy(dtype=float)
    return pd.Series(np.exp2(np.ceil(np.log2(at_least))), index=max_tokens.index).fillna(_NONE)


def _observed(group: pd.DataFrame) -> Observed:
    is_own = (group["outcome"] == Outcome.TIMEOUT) | group["is_censored"]
    is_fine = (group["outcome"].isin([Outcome.OK, Outcome.WRONG_CONTENT])) & ~is_own
    failed = ~is_fine & ~is_own
    is_broken = failed & ~group["is_answered"] & group["error_type"].isin(_UNANSWERED)
    counted = group[is_fine | is_own | is_broken]
    is_cut = ~is_fine[counted.index].to_numpy()
    total = counted["total_s"].to_numpy(dtype=float)
    limit = counted["limit_s"].to_numpy(dtype=float)
    own = is_own[counted.index].to_numpy()
    limit = np.where(np.isnan(limit), np.where(own & ~np.isnan(total), total, np.inf), limit)
    at = counted["at_s"].to_numpy(dtype=float)
    budgets = group["max_tokens"].dropna()
    first = group.iloc[0]
    known = group["cost_usd"].dropna()
    return Observed(
        condition=Condition(
            provider=str(first["provider"]),
            model=str(first["model"]),
            stream=bool(first["stream"]),
            max_tokens=int(budgets.max()) if len(budgets) else None,
        ),
        run_ids=tuple(sorted(map(str, group["run_id"].unique()))),
        origins=tuple(sorted(map(str, group["origin"].unique()))),
        first_s=counted["first_s"].to_numpy(dtype=float),
        gap_s=counted["gap_s"].to_numpy(dtype=float),
        total_s=np.where(np.isnan(total) & is_cut, 0.0, total),
        limit_s=limit,
        is_cut=is_cut,
        day=np.floor(at / _DAY_S).astype(np.int64),
        at_s=at,
        calls=len(group),
        rejected=int((failed & ~is_broken).sum()),
        timeouts=int(is_own.sum()),
        broken=int(is_broken.sum()),
        usd_per_call=float(known.mean()) if len(known) else None,
    )
