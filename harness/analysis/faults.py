"""Owns what the cases of a fault matrix come to: outcomes with their repetitions, and what retries make of one call.

Verdicts were given when the case was measured, with the journal at hand; nothing here changes one. Pure; called by
``analyse``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import pandas as pd

from harness import arms as arm_names
from harness.analysis.findings import ArmSummary
from harness.analysis.frames import NS_PER_S
from harness.analysis.outcomes import FaultOutcome, RetryFacts, Unclassified, is_other_model

_KEYS = ["run_id", "fault", "arm", "provider_name", "mode", "request_stream", "setting"]
_FAILING, _ONE_SECOND, _HALF_A_MINUTE = "status-503", "rate-limited-1s", "rate-limited-30s"


def fault_outcomes(faults: pd.DataFrame | None) -> tuple[FaultOutcome, ...]:
    """One outcome per kind of case: arms by their place in the stack, then fault, provider, colour, shape, setting."""
    if faults is None or faults.empty:
        return ()
    ordered = faults.sort_values([*_KEYS, "repeat"], kind="stable").to_dict("records")
    grouped = groupby(ordered, key=lambda row: tuple(row[key] for key in _KEYS))
    found = [_outcome(list(rows)) for _, rows in grouped]
    return tuple(sorted(found, key=lambda each: (arm_names.place(each.arm), each.provider)))


def retry_facts(outcomes: Sequence[FaultOutcome]) -> tuple[RetryFacts, ...]:
    """What retries make of one call, per arm, provider, colour and setting that was measured with a failing server."""
    return tuple(_retry_facts(outcomes))


def unclassified(outcomes: Sequence[FaultOutcome], summaries: Sequence[ArmSummary]) -> tuple[Unclassified, ...]:
    """Call paths to whose measured version no fault was put: what holds for another version is not taken for it.

    Empty without a matrix. Paths without a version of their own (the floor) are not asked after.
    """
    known = {(each.arm, each.client_version) for each in outcomes}
    if not known:
        return ()
    measured = dict.fromkeys((_plain(each.arm), each.client_version) for each in summaries)
    return tuple(
        Unclassified(arm, version, tuple(sorted({other for path, other in known if path == arm})))
        for arm, version in measured
        if (arm, version) not in known and arm_names.role(arm) != "raw"
    )


def _plain(arm: str) -> str:
    """The arm without bridge and null."""
    return str(replace(arm_names.parse(arm), bridge="", is_null=False))


def _outcome(rows: list[dict[Any, Any]]) -> FaultOutcome:
    row = rows[0]
    offsets = row["attempt_offsets_ns"]
    return FaultOutcome(
        run_id=row["run_id"],
        fault=row["fault"],
        family=row["family"],
        arm=row["arm"],
        client=row["client"],
        client_version=row["client_version"],
        provider=row["provider_name"],
        mode=row["mode"],
        stream=bool(row["request_stream"]),
        setting=row["setting"],
        limit_s=_seconds(row["limit_ns"]),
        window_s=row["window_ns"] / NS_PER_S,
        retries_asked=_whole(row["retries_asked"]),
        outcome=row["outcome"],
        duration_s=_seconds(row["duration_ns"]),
        error_kind=_text(row["error_kind"]),
        error_class=_text(row["error_class"]),
        error_is_own=None if row["error_is_own"] is None else bool(row["error_is_own"]),
        status=_whole(row["http_response_status_code"]),
        finish_reason=_text(row["finish_reason"]),
        is_true_answer=None if row["is_true_answer"] is None else bool(row["is_true_answer"]),
        is_second=is_other_model(row["request_model"], _text(row["response_model"])),
        attempts=_whole(row["attempts"]),
        last_attempt_s=max(offsets) / NS_PER_S if len(offsets) else None,
        verdict=row["verdict"],
        findings=tuple(row["findings"]),
        verdicts=tuple(each["verdict"] for each in rows),
    )


def _retry_facts(outcomes: Iterable[FaultOutcome]) -> Iterator[RetryFacts]:
    places: dict[tuple[str, ...], list[FaultOutcome]] = {}
    for each in outcomes:
        places.setdefault(_place(each), []).append(each)
    for cases in places.values():
        whole = {each.fault: each for each in cases if not each.stream}
        failing = whole.get(_FAILING)
        if failing is not None and failing.attempts is not None:
            yield _facts_of(failing, failing.attempts, whole, cases)


def _facts_of(
    failing: FaultOutcome, requests: int, whole: Mapping[str, FaultOutcome], cases: Sequence[FaultOutcome]
) -> RetryFacts:
    second, minute = whole.get(_ONE_SECOND), whole.get(_HALF_A_MINUTE)
    back = [each for each in cases if each.duration_s is not None]
    longest = max(back, key=lambda each: each.duration_s or 0, default=None)
    return RetryFacts(
        run_id=failing.run_id,
        arm=failing.arm,
        provider=failing.provider,
        mode=failing.mode,
        setting=failing.setting,
        retries_asked=failing.retries_asked,
        requests=requests,
        wall_s=failing.duration_s,
        promised_s=failing.limit_s,
        waits_for_1_s=None if second is None else _waited(second),
        sleeps_for_30_s=None if minute is None else minute.duration_s is None,
        longest_s=None if longest is None else longest.duration_s,
        longest_under="" if longest is None else longest.fault,
        overran=sum(each.overran for each in cases),
        not_back=len(cases) - len(back),
    )


def _place(each: FaultOutcome) -> tuple[str, str, str, str, str]:
    return each.run_id, each.arm, each.provider, each.mode, each.setting


def _waited(each: FaultOutcome) -> bool:
    """Whether a second request left, and no sooner than the second that was asked for."""
    return (each.attempts or 0) > 1 and (each.last_attempt_s or 0) >= (each.attempts or 2) - 1 - 0.05


def _seconds(value: Any) -> float | None:
    return None if pd.isna(value) else float(value) / NS_PER_S


def _whole(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)


def _text(value: Any) -> str | None:
    return None if value is None or pd.isna(value) else str(value)
