"""Real fault matrices, small: real processes, sockets and Parquet, on the two clients whose behaviour is known."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

from harness.conductor.fault_run import FaultCampaign, run_faults
from harness.conductor.progress import Quiet
from harness.dataset.store import Store
from harness.errors import UsageError
from harness.fault_plan import FaultPlan, FaultPlanFile, fault_plan_text, read_fault_plan
from harness.places import benchmarks_dir

pytestmark = pytest.mark.real


def plan(**changes: object) -> FaultPlanFile:
    """The two controls under every fault, both colours, both shapes, with limits of half a second."""
    raw: dict[str, object] = {
        "name": "small",
        "description": "For tests.",
        "faults": "all",
        "settings": ["limited"],
        "arms": ["control_sound", "control_broken"],
        "models": {"openai": "gpt-5-mini"},
        "modes": ["sync", "async"],
        "streams": [False, True],
        "limit_s": 0.7,
        "retries": 2,
        "window_s": 1.6,
        **changes,
    }
    found = FaultPlan.model_validate(raw, strict=False)
    return FaultPlanFile(found, fault_plan_text(found), Path("small.toml"))


def campaign(**changes: object) -> FaultCampaign:
    """Its campaign."""
    return FaultCampaign(plan(**changes), 1, benchmarks_dir())


def measured(folder: Path, **changes: object) -> pd.DataFrame:
    """Run it, and read it back from Parquet."""
    store = Store(folder)
    result = run_faults(campaign(**changes), store, Quiet())
    assert result.manifest.is_complete
    return store.faults([result.manifest.run_id])


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """One matrix of both controls."""
    return measured(tmp_path_factory.mktemp("matrix"))


def test_the_sound_control_holds_under_every_fault(cases: pd.DataFrame) -> None:
    """A matrix that accuses it accuses the innocent."""
    sound = cases[cases["arm"] == "control_sound"]
    accused = sound[sound["verdict"] != "held"]
    assert accused[["case_id", "verdict", "error_kind", "duration_ns"]].to_dict("records") == []
    assert len(sound) > 150


@pytest.mark.parametrize(
    ("family", "verdict"),
    [("silence", "hung"), ("cut", "wrong_success"), ("status", "multiplied"), ("malformed", "wrong_success")],
)
def test_the_broken_control_is_caught(cases: pd.DataFrame, family: str, verdict: str) -> None:
    """Each of its sins where it commits it: no limits, invented answers, hidden requests."""
    broken = cases[(cases["arm"] == "control_broken") & (cases["family"] == family)]
    assert (broken["findings"].map(lambda found: verdict in found)).sum() > len(broken) / 2


def test_the_broken_controls_wrong_exception_is_caught(cases: pd.DataFrame) -> None:
    """Every refusal looks like a bad key."""
    refused = cases[(cases["arm"] == "control_broken") & (cases["fault"] == "status-503")]
    assert all("misclassified" in found for found in refused["findings"])
    assert (refused["attempts"] == 3).all()


def test_a_healthy_call_holds_for_both(cases: pd.DataFrame) -> None:
    """The broken one works as long as nothing breaks."""
    healthy = cases[cases["fault"] == "healthy"]
    assert set(healthy["verdict"]) == {"held"}
    assert (healthy["attempts"] == 1).all()
    assert healthy["is_true_answer"].all()


def test_rows_say_what_happened_when(cases: pd.DataFrame) -> None:
    """A killed call has no duration; the peer saw the limit close the connection; attempts have their times."""
    hung = cases[cases["outcome"] == "killed"]
    assert hung["duration_ns"].isna().all()
    timed_out = cases[(cases["arm"] == "control_sound") & (cases["fault"] == "silence-after-request")]
    assert timed_out["duration_ns"].between(0.69e9, 0.95e9).all()
    assert timed_out["peer_closed_offset_ns"].between(0.69e9, 1.0e9).all()
    assert set(timed_out["error_kind"]) == {"timeout.first_chunk"}
    assert (cases["attempt_offsets_ns"].map(len) == cases["attempts"].fillna(0)).all()
    assert cases["case_id"].is_unique


def test_repeated_cases_agree(tmp_path: Path) -> None:
    """Three times the same verdicts, or the matrix says nothing."""
    found = measured(tmp_path, faults="representative", repeats=3, modes=["async"])
    kinds = found.groupby(["fault", "arm", "request_stream"])["verdict"].nunique()
    assert kinds[kinds > 1].to_dict() == {}


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """No process, no file in memory or in the temporary folder, also of calls that hung."""
    before = {process.pid for process in psutil.process_iter()}
    shm = {path.name for path in Path("/dev/shm").glob("llm-call-bench-*")}
    measured(tmp_path, faults=["silence-after-request", "drip"], modes=["sync"])
    time.sleep(0.2)
    ours = [p for p in psutil.process_iter(["cmdline"]) if p.pid not in before and "harness" in str(p.info["cmdline"])]
    assert ours == []
    assert {path.name for path in Path("/dev/shm").glob("llm-call-bench-*")} == shm
    assert [path.name for path in (tmp_path / ".tmp").glob("*")] == []


def test_calls_keep_arriving_around_an_outage(tmp_path: Path) -> None:
    """Two seconds of failure under three retries a call, then none; one row a call, in order, in both colours."""
    store = Store(tmp_path)
    outage = {"lasting_s": 2, "every_s": 0.4, "calls": 8}
    faults = ["status-503"]
    found = campaign(faults=faults, settings=["retrying"], streams=[False], outage=outage)
    run_id = run_faults(found, store, Quiet()).manifest.run_id
    calls = store.outages([run_id])
    assert len(calls) == 2 * 2 * 8
    assert store.faults([run_id]).empty
    for (arm, _), group in calls.groupby(["arm", "mode"], observed=True):
        ordered = group.sort_values("arrival")
        begun_s = ordered["arrival_offset_ns"].to_numpy() / 1e9
        assert (abs(begun_s - 0.4 * ordered["arrival"].to_numpy()) < 0.3).all()
        during, after = ordered[begun_s < 1.9], ordered[begun_s > 2.1]
        assert after["is_true_answer"].all()
        assert (after["attempts"] == 1).all()
        assert (during["attempts"] >= (1 if arm == "control_sound" else 2)).all()
        assert set(during["outcome"]) >= {"raised"}


def test_an_outage_of_a_port_is_refused_in_one_line() -> None:
    """No request ever comes to where it could be answered again."""
    outage = {"lasting_s": 2, "every_s": 0.4, "calls": 8}
    for faults in (["refuse"], "all"):
        with pytest.raises(UsageError, match="expected faults that an outage can end, got"):
            _ = campaign(faults=faults, outage=outage).scenarios


def test_a_matrix_killed_in_the_middle_can_be_resumed(tmp_path: Path) -> None:
    """What was finished stays valid, nothing runs on, and going on completes it with each case once."""
    path = tmp_path / "small.toml"
    path.write_text(plan(faults=["silence-after-request", "status-503", "refuse"]).text)
    results = str(tmp_path / "results")
    command = [sys.executable, "-m", "harness", "run", str(path), "--results", results]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert "block" in process.stderr.readline()
    children = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=10)
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []
    store = Store(Path(results))
    kept = store.latest()
    assert not kept.is_complete
    assert 1 <= len(store.blocks_done(kept.run_id)) < kept.blocks_planned
    resume = [sys.executable, "-m", "harness", "run", "--resume", kept.run_id, "--results", results]
    subprocess.run(resume, check=True, capture_output=True, timeout=120)
    found = store.faults([kept.run_id])
    assert store.latest().is_complete
    assert len(found) == campaign(faults=["silence-after-request", "status-503", "refuse"]).cases
    assert found["case_id"].is_unique


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ('faults = ["drop"]', "plan: faults: expected one of"),
        ('arms = ["openai-null"]', "expected call paths without bridges and nulls"),
        ('arms = ["nobody"]', "expected one of raw_http"),
        ("window_s = 1.0", "expected window_s of at least 2 × limit_s"),
        ('arms = ["litellm_fallbacks"]', "expected fallback = a provider for chains"),
        ('settings = ["wild"]', "settings"),
    ],
)
def test_a_mistake_in_a_plan_is_one_line(tmp_path: Path, changes: str, told: str) -> None:
    """Before anything is started."""
    key = changes.partition(" = ")[0]
    lines = [changes if line.startswith(f"{key} = ") else line for line in plan().text.splitlines()]
    with pytest.raises(UsageError) as caught:
        run_faults(
            FaultCampaign(read_fault_plan("\n".join(lines), tmp_path / "x.toml"), 1, benchmarks_dir()),
            Store(tmp_path),
            Quiet(),
        )
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
