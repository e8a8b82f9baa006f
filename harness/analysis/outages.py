"""Owns what retries make of an outage: requests that a failing server receives for the calls that arrive, who gets
through, and how soon all is well again. Pure; called by ``analyse``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from harness import arms as arm_names
from harness.analysis.frames import NS_PER_S
from harness.analysis.outcomes import OutageFacts, is_other_model

_KEYS = ["run_id", "fault", "arm", "provider_name", "mode", "request_stream", "setting"]
_BIN_S = 5.0
"""What the peak is taken over: a server feels seconds, and a shorter stretch would count one call's burst alone."""


def outage_facts(outages: pd.DataFrame | None) -> tuple[OutageFacts, ...]:
    """One entry per run, fault, arm, provider, colour, shape and setting; arms by their place in the stack."""
    if outages is None or outages.empty:
        return ()
    ordered = outages.sort_values([*_KEYS, "arrival"], kind="stable", ignore_index=True)
    found = [_facts(calls) for _, calls in ordered.groupby(_KEYS, sort=False, observed=True)]
    return tuple(sorted(found, key=lambda each: (arm_names.place(each.arm), each.provider)))


def _facts(calls: pd.DataFrame) -> OutageFacts:
    first = calls.iloc[0]
    lasting_s = first["outage_ns"] / NS_PER_S
    begun_s = calls["arrival_offset_ns"].to_numpy() / NS_PER_S
    during, after = calls[begun_s < lasting_s], calls[begun_s >= lasting_s]
    requests = [at_s for at_s in _requests_s(calls) if at_s < lasting_s]
    took_s = during["duration_ns"].dropna() / NS_PER_S
    return OutageFacts(
        run_id=first["run_id"],
        fault=first["fault"],
        arm=first["arm"],
        client_version=first["client_version"],
        provider=first["provider_name"],
        mode=first["mode"],
        stream=bool(first["request_stream"]),
        setting=first["setting"],
        retries_asked=None if pd.isna(first["retries_asked"]) else int(first["retries_asked"]),
        lasting_s=lasting_s,
        every_s=float(calls["arrival_offset_ns"].diff().median()) / NS_PER_S,
        calls=len(during),
        requests=len(requests),
        peak_per_s=_peak_per_s(requests, lasting_s),
        succeeded=_succeeded(during),
        second_link=_by_second_link(during),
        not_back=int(during["duration_ns"].isna().sum()),
        slowest_s=float(took_s.max()) if len(took_s) else None,
        calls_after=len(after),
        failed_after=len(after) - _succeeded(after),
        well_again_s=_well_again_s(after, lasting_s),
    )


def _requests_s(calls: pd.DataFrame) -> Iterator[float]:
    """When each request came, after the first call's start."""
    rows: list[dict[Any, Any]] = calls.to_dict("records")
    for call in rows:
        for offset_ns in call["attempt_offsets_ns"]:
            yield (call["arrival_offset_ns"] + offset_ns) / NS_PER_S


def _peak_per_s(requests_s: Sequence[float], lasting_s: float) -> float:
    width_s = min(_BIN_S, lasting_s)
    counts = [0] * max(int(lasting_s / width_s), 1)
    for at_s in requests_s:
        counts[min(max(int(at_s / width_s), 0), len(counts) - 1)] += 1
    return max(counts) / width_s


def _is_answered(calls: pd.DataFrame) -> pd.Series:
    """Which calls got their true answer; null where nothing came back."""
    return calls["is_true_answer"].map(lambda value: value is not None and bool(value)).astype(bool)


def _succeeded(calls: pd.DataFrame) -> int:
    return int(_is_answered(calls).sum())


def _by_second_link(calls: pd.DataFrame) -> int:
    rows: list[dict[Any, Any]] = calls[_is_answered(calls)].to_dict("records")
    return sum(is_other_model(row["request_model"], row["response_model"]) for row in rows)


def _well_again_s(after: pd.DataFrame, lasting_s: float) -> float | None:
    """From the outage's end to the start of the first call from which on every call got its answer; None: not yet."""
    wrong = after.index[~_is_answered(after)]
    rest = after if wrong.empty else after.loc[after.index > wrong[-1]]
    return None if rest.empty else float(rest["arrival_offset_ns"].iloc[0]) / NS_PER_S - lasting_s
