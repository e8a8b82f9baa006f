"""Owns what live providers took, free of any client: from the tap's stamps on the provider's side of every request.

First byte and end count from just before the request left for the provider; so the network to there is in them, and
neither the client nor the tap. Requests that failed are counted by kind, never pooled. Called by ``analyse``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from harness.analysis.percentiles import percentile
from harness.analysis.significance import Floats
from harness.record import Manifest

_WORDS = ("openai_processing_ns", "envoy_upstream_service_ns", "server_timing_ns")
_FEW = 20
"""Answers of different lengths that a time per output token needs."""


@dataclass(frozen=True, slots=True)
class ProviderLatency:
    """One provider's answers in one condition of one live run; times in s, None where n does not carry a percentile.

    ``failures`` are (kind, count): a status as text, or the upstream's failure. ``says_s`` is the median of what it
    says of itself. ``tap_s`` is the median of what the tap added. ``per_token_s`` is the slope of the total over output
    tokens (least squares). ``cassette_s`` is the total of the cassette of the same question, for drift.
    """

    run_id: str
    provider: str
    model: str
    operation: str
    workload: str
    stream: bool
    requests: int
    answered: int
    failures: tuple[tuple[str, int], ...]
    first_byte_s: tuple[float | None, float | None, float | None]
    total_s: tuple[float | None, float | None, float | None]
    max_gap_s: tuple[float | None, float | None, float | None]
    output_tokens: float | None
    per_token_s: float | None
    says_s: float | None
    tap_s: float | None
    new_connections: int
    cassette_s: float | None


def provider_latencies(
    attempts: pd.DataFrame, calls: pd.DataFrame, manifests: Sequence[Manifest]
) -> tuple[ProviderLatency, ...]:
    """Rows of ``attempts`` that the tap passed on, with their calls, by condition."""
    passed = attempts[attempts["upstream_sent_ns"].notna() | attempts["upstream_failure"].notna()]
    if passed.empty:
        return ()
    keys = ["run_id", "provider_name", "request_model", "operation_name", "workload", "request_stream"]
    told = calls[["run_id", "call_id", *keys[1:], "usage_output_tokens", "server_ns"]]
    joined = passed.merge(told, on=["run_id", "call_id"], how="inner")
    recorded = {manifest.run_id: json.loads(manifest.cassettes) for manifest in manifests}
    groups = joined.groupby(keys, observed=True, sort=True)
    return tuple(_latency(key, group, recorded) for key, group in groups)


def _latency(
    key: tuple[object, ...], rows: pd.DataFrame, recorded: dict[str, list[dict[str, object]]]
) -> ProviderLatency:
    run_id, provider, model, operation, workload, stream = key
    is_answered = rows["upstream_failure"].isna() & (rows["status"] < 400)
    good = rows[is_answered]
    sent = good["upstream_sent_ns"].astype("float64")
    total = ((good["upstream_last_byte_ns"] - sent) / 1e9).to_numpy(dtype=np.float64)
    first = ((good["upstream_first_byte_ns"] - sent) / 1e9).to_numpy(dtype=np.float64)
    tokens: Floats = np.asarray(good["usage_output_tokens"].astype("float64"), dtype=np.float64)
    says = good[list(_WORDS)].astype("float64").max(axis=1).dropna()
    tap = good["server_ns"].astype("float64") / 1e9 - total
    return ProviderLatency(
        run_id=str(run_id),
        provider=str(provider),
        model=str(model),
        operation=str(operation),
        workload=str(workload),
        stream=bool(stream),
        requests=len(rows),
        answered=len(good),
        failures=_failures(rows[~is_answered]),
        first_byte_s=_spread(first),
        total_s=_spread(total),
        max_gap_s=_spread(
            np.array([_longest_gap(*pair) for pair in zip(good["chunk_sent_ns"], good["pacing_error_ns"], strict=True)])
            / 1e9
        ),
        output_tokens=float(np.nanmedian(tokens)) if np.isfinite(tokens).any() else None,
        per_token_s=_slope(tokens, total),
        says_s=float(says.median()) / 1e9 if len(says) else None,
        tap_s=float(tap.median()) if tap.notna().any() else None,
        new_connections=int((~good["upstream_connection_reused"].astype(bool)).sum()),
        cassette_s=_cassette_s(recorded.get(str(run_id), []), provider, model, operation, workload, stream),
    )


def _failures(rows: pd.DataFrame) -> tuple[tuple[str, int], ...]:
    kinds = (
        rows["upstream_failure"].astype("object").where(rows["upstream_failure"].notna(), rows["status"].astype(str))
    )
    return tuple((str(kind), int(count)) for kind, count in kinds.value_counts().items())


def _spread(values: Floats) -> tuple[float | None, float | None, float | None]:
    if not len(values):
        return None, None, None
    return percentile(values, 0.5), percentile(values, 0.95), percentile(values, 0.99)


def _longest_gap(sent_ns: Sequence[int], late_ns: Sequence[int]) -> float:
    """The longest silence of the provider inside one answer, by the instants at which its pieces arrived."""
    came = np.asarray(sent_ns, dtype=float) - np.asarray(late_ns, dtype=float)
    return float(np.diff(came).max()) if len(came) > 1 else 0.0


def _slope(tokens: Floats, total_s: Floats) -> float | None:
    known = np.isfinite(tokens)
    if known.sum() < _FEW or np.ptp(tokens[known]) == 0:
        return None
    return float(np.polyfit(tokens[known], total_s[known], 1)[0])


def _cassette_s(
    cassettes: list[dict[str, object]],
    provider: object,
    model: object,
    operation: object,
    workload: object,
    stream: object,
) -> float | None:
    wanted = (provider, model, operation, workload, bool(stream))
    for told in cassettes:
        if (told["provider"], told["model"], told["operation"], told["workload"], told["stream"]) == wanted:
            found = told.get("total_s")
            return float(found) if isinstance(found, int | float) else None
    return None
