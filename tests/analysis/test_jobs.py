"""Background jobs: each ending under its own name, many requests by design, and no part in any overhead."""

from __future__ import annotations

import json
from dataclasses import asdict

import pandas as pd
import pytest

from harness.analysis.analyse import analyse
from harness.analysis.findings import Doubt, Findings
from harness.report.build import render
from tests.analysis.scripted import Condition, calls_frame, cold_frame, constant, manifest

JOB = Condition(workload="job-failed", operation="background", load="paced")
ARMS = {"openai_responses": constant(400), "litellm_responses": constant(900)}


def jobs(calls: int = 4) -> pd.DataFrame:
    """One block of jobs: five requests each and no overhead, as the join leaves them."""
    frame = calls_frame(ARMS, [JOB], blocks=1, calls=calls)
    phases = ["overhead_ns", "pre_send_ns", "server_ns", "post_receive_ns"]
    return frame.assign(attempts=5, duration_ns=400_000_000, **dict.fromkeys(phases, float("nan")))


def ended(frame: pd.DataFrame, sequence: int, outcome: str, kind: str | None) -> pd.DataFrame:
    """The job of that number ended like this, whoever followed it."""
    found = frame.astype({"error_type": "object"})
    found.loc[found["sequence"] == sequence, ["outcome", "error_type"]] = [outcome, kind]
    return found


def analysed(calls: pd.DataFrame) -> Findings:
    """The findings of a run."""
    return analyse(calls, cold_frame(), [manifest(blocks=1)])


def test_endings_are_counted_under_their_names() -> None:
    """The most frequent first; requests are a mean, the duration a median."""
    calls = ended(ended(jobs(), 0, "error", "job_failed"), 1, "error", "job_failed")
    calls.loc[calls["sequence"] == 3, "attempts"] = 7
    calls.loc[calls["sequence"] == 3, "duration_ns"] = 900_000_000
    first, second = analysed(calls).jobs
    assert (first.arm, second.arm) == ("openai_responses", "litellm_responses")
    assert first.endings == (("error", "job_failed", 2), ("ok", None, 2))
    assert first.requests_per_call == pytest.approx(5.5)
    assert first.duration_p50_s == pytest.approx(0.4)
    assert first.calls == 4


def test_how_a_job_ended_raises_no_doubt() -> None:
    """Neither its requests nor its failure: both are the workload's."""
    found = analysed(ended(jobs(), 0, "timeout", "timeout"))
    assert Doubt.FAILED_CALLS not in found.doubts
    assert Doubt.EXTRA_ATTEMPTS not in found.doubts
    assert (found.calls_total, found.calls_failed) == (8, 0)


def test_a_failed_call_beside_jobs_still_counts() -> None:
    """Only the jobs are set apart."""
    calls = pd.concat([jobs(), calls_frame({"openai": constant(400)}, blocks=1, calls=4)], ignore_index=True)
    calls.loc[(calls["arm"] == "openai") & (calls["sequence"] == 0), ["outcome", "error_type"]] = ["error", "other"]
    calls.loc[(calls["arm"] == "openai") & (calls["sequence"] == 1), "attempts"] = 3
    found = analysed(calls)
    assert found.calls_failed == 1
    assert {Doubt.FAILED_CALLS, Doubt.EXTRA_ATTEMPTS} <= set(found.doubts)


def test_jobs_have_no_overhead_even_in_one_request() -> None:
    """A job that was over at once waits as little as a call, and still is no call."""
    calls = calls_frame({**ARMS, "openai_responses-null": constant(400)}, [JOB], blocks=6, calls=3)
    found = analysed(calls)
    assert (found.summaries, found.comparisons, found.modes, found.layers) == ((), (), (), ())
    assert len(found.jobs) == 3


def test_a_run_of_jobs_alone_builds_a_page() -> None:
    """Nothing to compare, and everything said that can be; and the findings stay JSON."""
    found = analysed(ended(jobs(), 0, "cancelled", "job_cancelled"))
    json.dumps(asdict(found), allow_nan=False)
    assert "job cancelled" in render(found, (), "")


def test_other_operations_are_no_jobs() -> None:
    """Responses are answered in one request."""
    assert analysed(calls_frame(ARMS, [Condition(operation="responses")], blocks=1)).jobs == ()
