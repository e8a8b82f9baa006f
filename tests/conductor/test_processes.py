"""A worker that falls silent: a lost worker with the place where it hangs, never a hang of the conductor."""

from __future__ import annotations

import socket

import pytest

from harness.clients import Question, Target
from harness.conductor.processes import WorkerLostError, WorkerProcess, innermost_frames
from harness.load.outcome import Truth
from harness.load.pipe import CellSpec, WorkerSpec


@pytest.mark.real
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_worker_that_hangs_is_lost_and_says_where(mode: str) -> None:
    """The backend takes the request and never answers; the reply's limit ends the wait and names the line."""
    question = Question("openai", "gpt-5-mini", (), None, {}, False, path="/v1/chat/completions")
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        target = Target(f"http://127.0.0.1:{deaf.getsockname()[1]}", "sk-none", 30.0)
        spec = WorkerSpec("raw_http", mode, (CellSpec(target, question, Truth("", "stop")),))
        with WorkerProcess("raw_http", spec, reply_timeout_s=1.0) as worker, pytest.raises(WorkerLostError) as lost:
            worker.warm(0, 1)
    assert "no reply within 1.5 s in " in str(lost.value)
    assert ("raw_http.py" if mode == "sync" else "selectors.py") in str(lost.value)


def test_the_innermost_frames_of_the_calling_thread_are_told() -> None:
    """Whatever the order of threads in what faulthandler writes; libraries are named from their own folder on."""
    told = """Thread 0x01 (most recent call first):
  File "/usr/lib/python3.11/threading.py", line 324 in wait

Current thread 0x02 (most recent call first):
  File "/home/me/.venv/lib/python3.11/site-packages/httpx/_client.py", line 914 in send
  File "/home/me/harness/load/drivers.py", line 28 in drive_sync

Thread 0x03 (most recent call first):
  File "/usr/lib/python3.11/concurrent/futures/thread.py", line 81 in _worker
"""
    assert innermost_frames(told) == ["httpx/_client.py:914 send", "/home/me/harness/load/drivers.py:28 drive_sync"]
