"""Owns the audit of costs: what a client says a call cost and used, beside the cassette's tokens × list price.

Prices and tokens are those that the run's manifest kept. Pure; called by ``analyse``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from harness.analysis.audits import CostAudit, UsageAudit
from harness.analysis.blocks import ArmBlocks
from harness.analysis.findings import CellKey
from harness.analysis.frames import by_arm
from harness.analysis.provenance import cassettes
from harness.door import validate
from harness.errors import DataError
from harness.prices import Price, Tokens, cost_usd
from harness.record import Manifest
from harness.vocabulary import Operation, Outcome

AUDITED = "litellm"
"""This client is audited even where it reports no cost: that it tracks costs is one of its features."""

_PICO_USD = 12
"""Decimals to which two reported costs are the same cost."""

_Condition = tuple[str, str, str, str, str, bool]


@dataclass(frozen=True, slots=True)
class _Bill:
    """What an answer of one cassette is billed for, and at which price."""

    tokens: Tokens
    reasoning: int
    price: Price | None


def audit_costs(calls: pd.DataFrame, arms: Sequence[ArmBlocks], manifests: Sequence[Manifest]) -> tuple[CostAudit, ...]:
    """One audit per arm and cell, in the order of ``arms``, of successful calls alone.

    Arms that report no cost anywhere are left out unless they are LiteLLM's, cells whose cassette's tokens are not in
    the manifest always. Raises DataError for a damaged manifest.
    """
    bills = {key: bill for manifest in manifests for key, bill in _bills(manifest)}
    reporting = _reporting(calls, arms)
    answered = calls[calls["outcome"] == Outcome.OK.value]
    groups = by_arm(answered)
    found = []
    for arm in arms:
        group, bill = groups.get(arm.key), bills.get(_condition(arm.cell))
        if group is not None and bill is not None and (arm.cell.run_id, arm.arm) in reporting:
            found.append(_audit(arm, group, bill))
    return tuple(found)


def _reporting(calls: pd.DataFrame, arms: Sequence[ArmBlocks]) -> set[tuple[str, str]]:
    with_cost = calls.loc[calls["cost_usd"].notna(), ["run_id", "arm"]].drop_duplicates()
    said = {(str(run_id), str(arm)) for run_id, arm in with_cost.itertuples(index=False, name=None)}
    return said | {(arm.cell.run_id, arm.arm) for arm in arms if arm.client == AUDITED}


def _audit(arm: ArmBlocks, group: pd.DataFrame, bill: _Bill) -> CostAudit:
    reported = group["cost_usd"].dropna().astype("float64")
    return CostAudit(
        cell=arm.cell,
        arm=arm.arm,
        calls=len(group),
        input_tokens=bill.tokens.input,
        cached_tokens=bill.tokens.cached,
        output_tokens=bill.tokens.output,
        reasoning_tokens=bill.reasoning,
        list_price_usd=None if bill.price is None else cost_usd(bill.tokens, bill.price),
        reported_usd=float(reported.median()) if len(reported) else None,
        reported_distinct=int(reported.round(_PICO_USD).nunique()),
        usage=UsageAudit(
            input=_usage(group["usage_input_tokens"], bill.tokens.input),
            cached=_usage(group["usage_cache_read_input_tokens"], bill.tokens.cached),
            output=_usage(group["usage_output_tokens"], bill.tokens.output),
            reasoning=_usage(group["usage_reasoning_output_tokens"], bill.reasoning),
        ),
    )


def _usage(reported: pd.Series[Any], truth: int) -> str:
    if (reported.dropna().astype("int64") != truth).any():
        return "different"
    return "missing" if truth and reported.isna().any() else "equal"


def _condition(cell: CellKey) -> _Condition:
    return cell.run_id, cell.provider, cell.model, cell.workload, cell.operation, cell.stream


def _bills(manifest: Manifest) -> Iterator[tuple[_Condition, _Bill]]:
    for cassette in cassettes(manifest):
        try:
            if "tokens" in cassette:
                yield _key(manifest.run_id, cassette), _bill(cassette)
        except (KeyError, TypeError) as problem:
            raise DataError(
                f"run {manifest.run_id}: cassettes: expected an object with its tokens, "
                f"got {type(problem).__name__}: {problem}; the manifest is damaged"
            ) from None


def _key(run_id: str, cassette: Mapping[str, Any]) -> _Condition:
    provider, model, workload = (cassette[name] for name in ("provider", "model", "workload"))
    return run_id, provider, model, workload, cassette.get("operation", str(Operation.CHAT)), cassette["stream"]


def _bill(cassette: Mapping[str, Any]) -> _Bill:
    price = cassette["price"]
    return _Bill(
        Tokens(**cassette["tokens"]),
        cassette["reasoning_tokens"],
        None if price is None else validate(Price, price, "cassettes: price", DataError),
    )
