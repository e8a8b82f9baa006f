"""What the collector keeps of calls, what it never looks at, and that it cannot hurt them."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.collect import Collector
from harness.dataset.store import Store
from harness.importers import import_files


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    """One that writes often."""
    found = Collector(tmp_path / "collected", every_s=0.02)
    yield found
    found.close()


def lines(collector: Collector, folder: Path) -> list[dict[str, Any]]:
    """What was written once it is closed."""
    collector.close()
    return [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]


def answer(*, model: str, messages: str, **more: Any) -> Any:
    """A client."""
    return SimpleNamespace(usage=SimpleNamespace(prompt_tokens=10, completion_tokens=20), text=messages)


def chunks(*, model: str, gap_s: float = 0.0, **more: Any) -> Iterator[int]:
    """A stream whose second chunk is late."""
    yield 1
    time.sleep(gap_s)
    yield 2


async def aanswer(**asked: Any) -> Any:
    """The same client, async."""
    return answer(**asked)


async def achunks(**asked: Any) -> AsyncIterator[int]:
    """The same stream, async."""
    return _aiterated(chunks(**asked))


async def _aiterated(items: Iterator[int]) -> AsyncIterator[int]:
    for item in items:
        yield item


def called(collector: Collector, mode: str, **asked: Any) -> Any:
    """One whole call, in either colour."""
    if mode == "sync":
        return collector.call(answer, provider="openai", **asked)
    return asyncio.run(collector.acall(aanswer, provider="openai", **asked))


def streamed(collector: Collector, mode: str, *, used_s: float = 0.0, leave_after: int = 99, **asked: Any) -> None:
    """One stream read in either colour; the reader takes ``used_s`` over every chunk, and may leave early."""

    async def read() -> None:
        items = collector.astream(achunks, provider="openai", **asked)
        count = 0
        async for _ in items:
            time.sleep(used_s)
            count += 1
            if count == leave_after:
                await items.aclose()  # type: ignore[attr-defined]
                return

    if mode == "async":
        asyncio.run(read())
        return
    items = collector.stream(chunks, provider="openai", **asked)
    for count, _ in enumerate(items, 1):
        time.sleep(used_s)
        if count == leave_after:
            items.close()  # type: ignore[attr-defined]
            return


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_call_is_kept_without_what_was_said(collector: Collector, tmp_path: Path, mode: str) -> None:
    """Its time, budget and tokens; the result is the caller's own."""
    found = called(collector, mode, model="m", messages="a secret", max_tokens=300, timeout=60.0)
    assert found.text == "a secret"
    (line,) = lines(collector, tmp_path / "collected")
    assert (line["provider"], line["model"], line["max_tokens"], line["timeout"]) == ("openai", "m", 300, 60.0)
    assert (line["input_tokens"], line["output_tokens"], line["ok"]) == (10, 20, True)
    assert "secret" not in json.dumps(line)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_stream_is_kept_with_its_longest_silence(collector: Collector, tmp_path: Path, mode: str) -> None:
    """What the reader takes over a chunk is no silence of the provider's."""
    streamed(collector, mode, model="m", gap_s=0.05, used_s=0.1)
    (line,) = lines(collector, tmp_path / "collected")
    assert (line["chunks"], line["ok"], line["stream"]) == (2, True, True)
    assert 0.05 <= line["max_gap"] < 0.1
    assert 0.05 <= line["duration"] < 0.15


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_reader_who_leaves_has_cancelled(collector: Collector, tmp_path: Path, mode: str) -> None:
    """It is no answer, and no failure of the provider's."""
    streamed(collector, mode, model="m", leave_after=1)
    (line,) = lines(collector, tmp_path / "collected")
    assert (line["ok"], line["error"], line["chunks"]) == (False, "cancelled", 1)


class RateLimitError(Exception):
    """As a client raises it."""

    status_code = 429


def fail(**more: Any) -> None:
    """A client that is refused."""
    raise RateLimitError("a secret")


async def afail(**more: Any) -> None:
    """The same, async."""
    fail(**more)


def refused(collector: Collector, mode: str) -> None:
    """One refused call, in either colour."""
    if mode == "sync":
        collector.call(fail, provider="openai", model="m")
    else:
        asyncio.run(collector.acall(afail, provider="openai", model="m"))


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_failure_is_kept_by_kind_and_raised(collector: Collector, tmp_path: Path, mode: str) -> None:
    """Never its words."""
    with pytest.raises(RateLimitError):
        refused(collector, mode)
    (line,) = lines(collector, tmp_path / "collected")
    assert (line["ok"], line["error"], line["status"]) == (False, "RateLimitError", 429)
    assert "secret" not in json.dumps(line)


def test_a_disk_that_takes_nothing_costs_the_caller_nothing(tmp_path: Path) -> None:
    """Calls go on, memory is bounded, and what is lost is counted."""
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    collector = Collector(blocked / "in", most_waiting=100, every_s=0.02)
    for _ in range(1000):
        collector.call(answer, provider="openai", model="m", messages="x")
    collector.close()
    assert collector.written == 0
    assert collector.dropped == 1000


def test_a_full_queue_drops_and_counts(tmp_path: Path) -> None:
    """Nobody waits for the writer."""
    collector = Collector(tmp_path / "collected", most_waiting=10, every_s=30.0)
    for _ in range(50):
        collector.keep({"model": "m"})
    assert collector.dropped == 40


def test_threads_and_forks_write_their_own(tmp_path: Path) -> None:
    """No line is lost or torn."""
    collector = Collector(tmp_path / "collected", every_s=0.01)

    def many() -> None:
        for _ in range(200):
            collector.call(answer, provider="openai", model="m", messages="x")

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pid = os.fork()
    if pid == 0:
        collector.call(answer, provider="openai", model="child", messages="x")
        collector.close()
        os._exit(0)
    os.waitpid(pid, 0)
    found = lines(collector, tmp_path / "collected")
    assert len(found) == 801
    assert len({line["id"] for line in found}) == 801


def test_what_was_collected_can_be_imported(collector: Collector, tmp_path: Path) -> None:
    """Twice adds nothing."""
    collector.call(answer, provider="openai", model="m", messages="x", max_tokens=300)
    list(collector.stream(chunks, provider="openai", model="m", gap_s=0.01))
    collector.close()
    store = Store(tmp_path / "results")
    files = sorted((tmp_path / "collected").glob("*.jsonl"))
    (first,) = import_files(store, "collected", files, None, lambda rows: None)
    (again,) = import_files(store, "collected", files, None, lambda rows: None)
    assert (first.imported, first.quarantined, again.was_there) == (2, 0, True)
    calls = store.calls([first.run_id])
    assert calls["max_chunk_gap_ns"].notna().sum() == 1
    assert (calls["started_at"].dt.year >= 2026).all()
