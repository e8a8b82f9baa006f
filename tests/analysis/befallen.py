"""A scripted fault matrix: small, deterministic, with every verdict somewhere."""

from __future__ import annotations

from dataclasses import asdict
from itertools import product
from typing import Any

import pandas as pd

from harness.record import FaultCase, OutageCall
from harness.vocabulary import FaultVerdict

RUN_ID = "run-1"
ARMS = ("control_sound", "control_broken", "openai", "litellm", "litellm_fallbacks")
FAULTS = {
    "healthy": "healthy",
    "silence-after-request": "silence",
    "truncated-cleanly": "cut",
    "status-503": "status",
    "rate-limited-1s": "status",
    "rate-limited-30s": "status",
}
SETTINGS = ("default", "limited", "retrying", "guarded")
_WORST = {
    ("silence-after-request", "control_broken"): FaultVerdict.HUNG,
    ("truncated-cleanly", "control_broken"): FaultVerdict.WRONG_SUCCESS,
    ("truncated-cleanly", "litellm"): FaultVerdict.WRONG_SUCCESS,
    ("silence-after-request", "openai"): FaultVerdict.LATE,
    ("status-503", "litellm"): FaultVerdict.MULTIPLIED,
    ("rate-limited-1s", "litellm"): FaultVerdict.MISCLASSIFIED,
    ("rate-limited-1s", "openai"): FaultVerdict.LEAKED,
    ("rate-limited-30s", "litellm"): FaultVerdict.UNCLASSIFIED,
}


def a_case(fault: str = "status-503", arm: str = "openai", **changes: Any) -> FaultCase:
    """One row; an honest error in time unless told otherwise."""
    facts: dict[str, Any] = {
        "run_id": RUN_ID,
        "block": 0,
        "case_id": f"{fault}/{arm}",
        "repeat": 0,
        "fault": fault,
        "family": FAULTS.get(fault, "status"),
        "arm": arm,
        "client": arm,
        "client_version": "2.54.0",
        "http_library": "httpx",
        "http_library_version": "0.28.1",
        "mode": "sync",
        "provider_name": "openai",
        "request_model": "gpt-5-mini",
        "request_stream": False,
        "setting": "limited",
        "limit_ns": 1_000_000_000,
        "retries_asked": 0,
        "window_ns": 5_000_000_000,
        "duration_ns": 120_000_000,
        "chunk_count": None,
        "outcome": "raised",
        "error_kind": "server_error",
        "error_class": "openai.InternalServerError",
        "error_is_own": True,
        "http_response_status_code": 503,
        "finish_reason": None,
        "is_true_answer": None,
        "response_model": None,
        "attempts": 1,
        "attempt_offsets_ns": (1_000_000,),
        "connects": 1,
        "peer_closed_offset_ns": None,
        "threads_left": 0,
        "descriptors_left": 1,
        "tasks_left": None,
        "loop_lag_ns": None,
        "verdict": "held",
        "findings": (),
    }
    return FaultCase(**{**facts, **changes})


def answered(model: str, finish_reason: str = "stop", *, is_true: bool = True) -> dict[str, Any]:
    """The fields of a call that returned."""
    return {
        "outcome": "returned",
        "error_kind": None,
        "error_class": None,
        "error_is_own": None,
        "http_response_status_code": None,
        "finish_reason": finish_reason,
        "is_true_answer": is_true,
        "response_model": model,
    }


KILLED: dict[str, Any] = {
    "outcome": "killed",
    "duration_ns": None,
    "error_kind": None,
    "error_class": None,
    "error_is_own": None,
    "http_response_status_code": None,
}


def frame(*cases: FaultCase) -> pd.DataFrame:
    """The rows as the dataset gives them back."""
    found = pd.DataFrame([asdict(case) for case in cases])
    for column in ("limit_ns", "retries_asked", "duration_ns", "attempts", "http_response_status_code", "chunk_count"):
        found[column] = found[column].astype("float64")
    for column in ("error_is_own", "is_true_answer"):
        found[column] = found[column].astype("object").where(found[column].notna(), None)
    return found


def matrix() -> pd.DataFrame:
    """Every arm under every fault, both colours, both shapes, every setting."""
    return frame(
        *(
            _scripted(fault, arm, mode, stream, setting)
            for fault, arm, mode, stream, setting in product(FAULTS, ARMS, ("sync", "async"), (False, True), SETTINGS)
        )
    )


def _scripted(fault: str, arm: str, mode: str, stream: bool, setting: str) -> FaultCase:
    verdict = _WORST.get((fault, arm), FaultVerdict.HELD)
    facts: dict[str, Any] = {}
    if verdict is FaultVerdict.HUNG:
        facts = dict(KILLED)
    elif fault == "healthy" or verdict is FaultVerdict.WRONG_SUCCESS:
        facts = answered("gpt-5-mini-2025-08-07", is_true=fault == "healthy")
    elif arm == "litellm_fallbacks":
        facts = answered("claude-haiku-4-5-20251001") | {"attempts": 2, "attempt_offsets_ns": (1_000_000, 90_000_000)}
    elif verdict is FaultVerdict.MULTIPLIED:
        facts = {"attempts": 5, "attempt_offsets_ns": tuple(range(0, 5_000_000, 1_000_000))}
    return a_case(
        fault,
        arm,
        mode=mode,
        request_stream=stream,
        setting=setting,
        limit_ns=None if setting == "default" else 1_000_000_000,
        retries_asked={"default": None, "retrying": 2}.get(setting, 0),
        verdict=str(verdict),
        findings=() if verdict is FaultVerdict.HELD else (str(verdict),),
        **facts,
    )


def an_arrival(arrival: int, **changes: Any) -> OutageCall:
    """One call of an outage of 4 s to which one comes every second; it fails at once, with one request."""
    facts: dict[str, Any] = {
        "run_id": RUN_ID,
        "block": 0,
        "arm": "openai",
        "client": "openai",
        "client_version": "2.54.0",
        "http_library": "httpx",
        "http_library_version": "0.28.1",
        "mode": "sync",
        "provider_name": "openai",
        "request_model": "gpt-5-mini",
        "request_stream": False,
        "setting": "retrying",
        "limit_ns": 7_000_000_000,
        "retries_asked": 2,
        "fault": "status-503",
        "outage_ns": 4_000_000_000,
        "arrival": arrival,
        "arrival_offset_ns": arrival * 1_000_000_000,
        "duration_ns": 100_000_000,
        "outcome": "raised",
        "error_kind": "server_error",
        "error_class": "openai.InternalServerError",
        "is_true_answer": None,
        "response_model": None,
        "attempts": 1,
        "attempt_offsets_ns": (1_000_000,),
    }
    return OutageCall(**{**facts, **changes})


def arrivals(*calls: OutageCall) -> pd.DataFrame:
    """The rows as the dataset gives them back."""
    found = pd.DataFrame([asdict(call) for call in calls])
    for column in ("limit_ns", "retries_asked", "duration_ns"):
        found[column] = found[column].astype("float64")
    found["is_true_answer"] = found["is_true_answer"].astype("object").where(found["is_true_answer"].notna(), None)
    return found
