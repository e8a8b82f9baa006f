"""Both drivers make the same records of the same calls: one brain, two hands."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import replace
from typing import Any

import pytest

from harness.clients import Question, Target
from harness.load.bench import Bench, GcMeter
from harness.load.drivers import drive_async, drive_sync
from harness.load.injected import Injected
from harness.load.outcome import Truth
from harness.load.pipe import CellSpec, Dump, WorkerSpec, dump_dump, dump_spec, load_dump, load_spec
from harness.record import Marks
from tests.load.scripted import ScriptedClient


def spec(*, stream: bool, mode: str) -> WorkerSpec:
    """One cell of a scripted client."""
    question = Question("openai", "scripted-1", ({"role": "user", "content": "hi"},), 5, {}, stream)
    return WorkerSpec("openai", mode, (CellSpec(Target("http://x/v1", "k", 1.0), question, Truth("ab", "stop")),))


def drive(bench: Bench, mode: str, *numbers: int) -> list[bool]:
    """Make calls with the hand of this colour."""
    if mode == "sync":
        return [drive_sync(bench, None, 0, number) for number in numbers]

    async def every() -> list[bool]:
        return [await drive_async(bench, None, 0, number) for number in numbers]

    return asyncio.run(every())


def bench_of(client: Any, *, stream: bool, mode: str) -> Bench:
    """A bench around a scripted client."""
    return Bench(spec(stream=stream, mode=mode), {"": client})


def timeless(marks: Marks) -> Marks:
    """The marks without what differs from run to run."""
    return replace(marks, started_ns=0, finished_ns=0, arrivals_ns=(), cpu_ns=0, gc_ns=0)


SCRIPTS = [ScriptedClient(["", "a", "b"]), ScriptedClient(["x"]), ScriptedClient(["a"], TimeoutError())]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("client", SCRIPTS)
def test_both_colours_make_the_same_records(client: ScriptedClient, stream: bool) -> None:
    """Everything but times is equal."""
    records = []
    for mode in ("sync", "async"):
        bench = bench_of(client, stream=stream, mode=mode)
        drive(bench, mode, 11, 12)
        bench.settle()
        arrivals = [len(marks.arrivals_ns) for marks in bench.marks]
        records.append(([timeless(marks) for marks in bench.marks], arrivals))
    assert records[0] == records[1]


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_stream_is_marked_chunk_by_chunk_in_order(mode: str) -> None:
    """t0 ≤ every arrival ≤ t3, one arrival per chunk, and the first chunk with content is known."""
    bench = bench_of(ScriptedClient(["", "a", "b"]), stream=True, mode=mode)
    assert drive(bench, mode, 1) == [True]
    bench.settle()
    (marks,) = bench.marks
    stamps = [marks.started_ns, *marks.arrivals_ns, marks.finished_ns]
    assert len(marks.arrivals_ns) == 3
    assert stamps == sorted(stamps)
    assert marks.content_chunks == (1, 2)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_warm_up_leaves_no_record(mode: str) -> None:
    """Call number 0 is driven and judged like any other, and not kept."""
    bench = bench_of(ScriptedClient(["a", "b"]), stream=False, mode=mode)
    assert drive(bench, mode, 0, 0) == [True, True]
    bench.settle()
    assert bench.marks == []


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize(
    ("pieces", "error", "outcome"), [(["z"], None, "wrong_content"), (["a"], TimeoutError(), "timeout")]
)
def test_a_failed_call_is_data(mode: str, pieces: list[str], error: Exception | None, outcome: str) -> None:
    """It is reported as not ok and kept with its outcome and its true duration, never as a zero."""
    bench = bench_of(ScriptedClient(pieces, error), stream=False, mode=mode)
    assert drive(bench, mode, 1) == [False]
    bench.settle()
    assert bench.marks[0].outcome == outcome
    assert bench.marks[0].error_type is not None
    assert bench.marks[0].finished_ns > bench.marks[0].started_ns


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("stream", [False, True])
def test_an_injected_wait_is_inside_the_timed_region(mode: str, stream: bool) -> None:
    """The planted effect lengthens the call by at least its size, in every path."""
    bench = bench_of(Injected(ScriptedClient(["a", "b"]), 2_000_000), stream=stream, mode=mode)
    drive(bench, mode, 1)
    bench.settle()
    assert bench.marks[0].finished_ns - bench.marks[0].started_ns >= 2_000_000


def test_cpu_burnt_after_the_call_is_booked_on_it() -> None:
    """Work that a library defers until after its return still costs, and is seen."""
    bench = bench_of(ScriptedClient(["a", "b"]), stream=False, mode="sync")
    drive(bench, "sync", 1)
    sum(number * number for number in range(300_000))
    bench.settle()
    assert bench.marks[0].cpu_ns > bench.marks[0].finished_ns - bench.marks[0].started_ns


def test_a_collection_is_metered() -> None:
    """A pass of the garbage collector shows up in the meter, and nothing else does."""
    meter = GcMeter()
    try:
        assert meter.total_ns == 0
        gc.collect()
        assert meter.total_ns > 0
    finally:
        gc.callbacks.remove(meter._on_pass)


def test_what_crosses_the_pipe_comes_out_as_it_went_in() -> None:
    """Spec and dump survive their encoding."""
    assert load_spec(dump_spec(spec(stream=True, mode="async"))) == spec(stream=True, mode="async")
    counts, said = (1, 2, None, None), (0.5, None, True, "parsed")
    marks = Marks(1, 0, 0, 5, 9, (6, 7), (1,), 3, 0, "ok", None, None, None, 200, "m", *counts, *said)
    dump = Dump((marks,), ((0, False, 12), (1, True, 3)), 5, ())
    assert load_dump(dump_dump(dump)[4:]) == dump
