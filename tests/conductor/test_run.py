"""Real runs, small: real processes, sockets and Parquet, on the bare-HTTP arm, which starts in a blink."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.conductor.progress import Quiet
from harness.conductor.run import Campaign, run
from harness.dataset.store import Store
from harness.errors import BackendError, DataError, UsageError
from harness.places import benchmarks_dir
from harness.plan import Arm, Plan, PlanFile, arms_of, cells_of, plan_text
from harness.record import Manifest

pytestmark = pytest.mark.real


def small_plan(**changes: object) -> PlanFile:
    """Two blocks of a bare-HTTP arm and its null, both colours, whole and streamed, hot; a paced cell."""
    family = {"provider": "openai", "models": ["gpt-5-mini"], "workload": "chat", "modes": ["sync", "async"]}
    raw = {
        "name": "small",
        "description": "For tests.",
        "blocks": 2,
        "warmup": 3,
        "arms": ["raw_http", "raw_http-null"],
        "cells": [
            {**family, "streams": [False, True], "load": "hot", "calls": 4},
            {**family, "streams": [False], "load": "paced", "service_s": 0.01, "calls": 3},
        ],
        **changes,
    }
    plan = Plan.model_validate(raw, strict=False)
    return PlanFile(plan, plan_text(plan), Path("small.toml"))


def campaign(file: PlanFile | None = None) -> Campaign:
    """The campaign of a small plan."""
    file = file or small_plan()
    return Campaign(file, arms_of(file.plan), cells_of(file.plan), 1, benchmarks_dir())


class Meddling(Quiet):
    """Does something once, at the given call."""

    def __init__(self, at_call: int, what: Callable[[], None]) -> None:
        self._left = at_call
        self._what = what
        self.said: list[str] = []

    def call_done(self) -> None:
        """Count down."""
        self._left -= 1
        if self._left == 0:
            self._what()

    def say(self, line: str) -> None:
        """Keep."""
        self.said.append(line)


def children(marker: str) -> list[int]:
    """Process ids of this process's children whose command line has the marker."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                command = (entry / "cmdline").read_bytes().decode()
            except OSError:
                continue
            if parent == os.getpid() and marker in command:
                found.append(int(entry.name))
    return found


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """No worker or backend outlives its run."""
    yield
    deadline = time.monotonic() + 5
    while (left := children("harness.load.worker") + children("harness.replay")) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left == []


def test_a_run_writes_complete_rows_that_join(tmp_path: Path) -> None:
    """Every call is ok with one attempt, its parts sum to its duration; cold rows come from fresh processes."""
    store = Store(tmp_path)
    result = run(campaign(), store, Quiet())
    run_id = result.manifest.run_id
    calls, attempts, cold = store.calls([run_id]), store.attempts([run_id]), store.cold([run_id])
    assert result.manifest.is_complete
    assert result.failures == ()
    assert len(calls) == campaign().calls == 2 * 2 * (4 * 4 + 2 * 3)
    assert set(calls["outcome"]) == {"ok"}
    assert calls["overhead_ns"].notna().all()
    assert (calls["pre_send_ns"] + calls["server_ns"] + calls["post_receive_ns"] == calls["duration_ns"]).all()
    assert (calls[["pre_send_ns", "server_ns", "post_receive_ns"]] >= 0).all(axis=None)
    assert sorted(calls["call_id"]) == sorted(attempts["call_id"])
    assert (calls.loc[calls["load"] == "paced", "server_ns"] >= 10_000_000).all()
    assert len(cold) == 2 * 4
    streams = calls[calls["request_stream"]]
    assert (streams["time_to_first_chunk_ns"] <= streams["duration_ns"]).all()
    assert (streams["chunk_count"] > 10).all()


def test_a_killed_worker_costs_one_block_and_the_run_goes_on(tmp_path: Path) -> None:
    """The block is measured again in fresh processes; the dataset holds each call once."""
    progress = Meddling(7, lambda: os.kill(children("harness.load.worker")[0], signal.SIGKILL))
    result = run(campaign(), Store(tmp_path), progress)
    assert result.manifest.is_complete
    assert len(progress.said) == 1
    assert "SIGKILL" in progress.said[0]
    assert result.manifest.doubts == ("lost_worker", progress.said[0])
    assert len(Store(tmp_path).calls([result.manifest.run_id])) == campaign().calls


def test_a_dead_backend_ends_the_run_and_keeps_the_finished_blocks(tmp_path: Path) -> None:
    """BackendError in one line; the first block is there, and the run can be resumed to the full dataset."""
    first_block = campaign().calls // 2
    progress = Meddling(first_block + 5, lambda: os.kill(children("harness.replay")[0], signal.SIGKILL))
    store = Store(tmp_path)
    with pytest.raises(BackendError, match="backend"):
        run(campaign(), store, progress)
    kept = store.latest()
    assert (kept.blocks_done, kept.is_complete) == (1, False)
    assert len(store.calls([kept.run_id])) == first_block
    resumed = run(campaign(), store, Quiet(), resume=kept)
    assert resumed.manifest.run_id == kept.run_id
    assert resumed.manifest.is_complete
    assert len(store.calls([kept.run_id])) == campaign().calls
    assert store.calls([kept.run_id])["call_id"].is_unique


def test_a_run_killed_before_its_last_manifest_is_completed_by_resuming(tmp_path: Path) -> None:
    """All blocks are on disk, the manifest is one behind: resuming measures nothing and marks the run complete."""
    store = Store(tmp_path)
    manifest = run(campaign(small_plan(blocks=1)), store, Quiet()).manifest
    behind = replace(manifest, blocks_done=0, is_complete=False, finished_at=None)
    store.write_manifest(behind)
    resumed = run(campaign(small_plan(blocks=1)), store, Quiet(), resume=behind).manifest
    assert (resumed.is_complete, resumed.blocks_done) == (True, 1)
    assert store.latest().is_complete


def test_a_run_is_not_resumed_under_other_versions(tmp_path: Path) -> None:
    """One run is one population."""
    store = Store(tmp_path)
    manifest = run(campaign(small_plan(blocks=1)), store, Quiet()).manifest
    altered: Manifest = replace(manifest, fingerprint='{"versions": {"openai": "0.0.1"}}')
    with pytest.raises(UsageError, match="versions"):
        run(campaign(), store, Quiet(), resume=altered)


def test_a_request_that_no_cassette_holds_fails_the_run_loudly(tmp_path: Path) -> None:
    """The message says what differed, and nothing of the block is kept."""
    benchmarks = tmp_path / "benchmarks"
    subprocess.run(["cp", "-r", str(benchmarks_dir()), str(benchmarks)], check=True)
    workload = benchmarks / "workloads" / "chat.toml"
    workload.write_text(workload.read_text().replace("need a control arm", "need two control arms"))
    sdk = small_plan(blocks=1, arms=["openai", "openai-null"])
    with pytest.raises(DataError, match="messages"):
        run(replace(campaign(sdk), benchmarks=benchmarks), Store(tmp_path / "results"), Quiet())
    assert Store(tmp_path / "results").latest().blocks_done == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": ["gpt-5-minni"]}, "did you mean 'gpt-5-mini'"),
        ({"provider": "opnai"}, "did you mean 'openai'"),
    ],
)
def test_an_unknown_model_or_provider_stops_before_measuring(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    """UsageError with the nearest name; no process was started and nothing written."""
    family = {"provider": "openai", "models": ["gpt-5-mini"], "workload": "chat", "modes": ["sync"], "streams": [False]}
    file = small_plan(cells=[{**family, "load": "hot", "calls": 1, **changes}])
    with pytest.raises(UsageError, match=message):
        run(campaign(file), Store(tmp_path), Quiet())
    assert not list(tmp_path.iterdir())


def test_an_injected_wait_appears_in_the_overhead_and_a_slower_service_does_not(tmp_path: Path) -> None:
    """Planted effects, found where they belong: within one run, as a comparison."""
    arms = (
        Arm("raw_http", "raw_http"),
        Arm("raw_http-null", "raw_http"),
        Arm("late", "raw_http", injected_ns=5_000_000),
        Arm("slow", "raw_http", pace="capped:0.03"),
    )
    store = Store(tmp_path)
    result = run(replace(campaign(small_plan(blocks=1)), arms=arms), store, Quiet())
    calls = store.calls([result.manifest.run_id])
    paced = calls[calls["load"] == "paced"]

    def median_ns(arm: str, column: str) -> float:
        return float(paced.loc[paced["arm"] == arm, column].median())

    assert median_ns("late", "overhead_ns") - median_ns("raw_http", "overhead_ns") > 4_000_000
    assert median_ns("slow", "server_ns") > 2.5 * median_ns("raw_http", "server_ns")
    assert median_ns("slow", "overhead_ns") < median_ns("raw_http", "overhead_ns") + 4_000_000


def test_a_killed_conductor_leaves_no_process_and_a_run_to_resume(tmp_path: Path) -> None:
    """kill -9 in the second block: the first is on disk, workers and backend end by themselves."""
    before = set(Path("/dev/shm").glob("llm-call-bench-*"))
    plan = tmp_path / "plan.toml"
    plan.write_text(small_plan(blocks=50).text)
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "run", str(plan), "--results", str(tmp_path / "results")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert "block 1 of 50" in process.stderr.readline()
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    mine = [pid for pid in pids if _parent(pid) == process.pid]
    process.kill()
    process.wait()
    process.stderr.close()
    assert mine
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() and _parent(pid) for pid in mine) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in mine if _parent(pid)]
    assert set(Path("/dev/shm").glob("llm-call-bench-*")) <= before, "the journal has no name that could stay behind"
    kept = Store(tmp_path / "results").latest()
    assert kept.blocks_done >= 1
    assert len(Store(tmp_path / "results").calls([kept.run_id])) >= campaign().calls // 2


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
