"""asv suite: the overhead of one call per client and colour, hot, on real sockets through the real worker.

A screening for history: one fresh process, no control arm, no interval. `make bench` is the measurement to cite.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import ClassVar

from harness.clients import Target
from harness.conductor.join import by_call
from harness.conductor.prepare import load_shelf, prepare_cells
from harness.conductor.processes import WorkerProcess
from harness.load.pipe import CellSpec, WorkerSpec
from harness.places import benchmarks_dir
from harness.plan import Arm, Cell
from harness.replay.journal import JournalReader
from harness.replay.launch import start_backend
from harness.replay.routes import base_url
from harness.vocabulary import Load, Mode

WARMUP, CALLS = 50, 200


class Overhead:
    """Median overhead (µs) of 200 hot calls after 50 warm-up calls, in one fresh process."""

    params: ClassVar = (["raw_http", "openai", "litellm"], ["sync", "async"], ["whole", "stream"])
    param_names: ClassVar = ["client", "mode", "shape"]
    timeout = 180
    unit = "us"

    def track_overhead(self, client: str, mode: str, shape: str) -> float:
        """Measure and return the median overhead."""
        folder = benchmarks_dir()
        cell = Cell("asv", "openai", "gpt-5-mini", "chat", Mode(mode), shape == "stream", Load.HOT, CALLS, "none")
        (prepared,) = prepare_cells(
            [cell], [Arm(client, client)], load_shelf(folder / "cassettes"), folder / "workloads"
        )
        with tempfile.TemporaryDirectory() as scratch:
            journal = Path(scratch) / "journal"
            with start_backend(folder / "cassettes", journal, only=[prepared.cassette_id]) as backend:
                target = Target(base_url(backend.port, "none", prepared.cassette_id), "sk-asv", 30.0)
                spec = WorkerSpec(client, mode, (CellSpec(target, prepared.question, prepared.truth),))
                with WorkerProcess("asv", spec) as worker:
                    worker.warm(0, WARMUP)
                    for number in range(1, CALLS + 1):
                        worker.call(0, number)
                    dump = worker.dump()
                entries = by_call(JournalReader(journal).drain())
        overheads = []
        for marks in dump.marks:
            (entry,) = entries[marks.call_number]
            overheads.append(entry.received_ns - marks.started_ns + marks.finished_ns - entry.last_byte_sent_ns)
        return statistics.median(overheads) / 1e3
