"""A scripted run: frames with every column of ``record.Call`` and ``record.Cold``, whose overheads are functions.

No clock and no client: an ``Overhead`` says what each call of an arm costs, so a test knows the truth it plants.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.record import BlockPressure, Call, Cold, Manifest, Request

EPOCH = datetime(2026, 11, 20, 12, tzinfo=UTC)
LIBRARIES = {"raw_http": "none", "openai": "httpx"}


@dataclass(frozen=True, slots=True)
class Condition:
    """One cell: what a row says about the condition it was measured in."""

    model: str = "gpt-5-mini"
    mode: str = "sync"
    stream: bool = False
    load: str = "hot"
    service_ns: int = 0
    provider: str = "openai"
    workload: str = "chat"
    origin: str = "authored"
    operation: str = "chat"

    @property
    def cell_id(self) -> str:
        """The identifier that ``harness.plan`` gives this cell."""
        shape = "stream" if self.stream else "whole"
        operation = "" if self.operation == "chat" else f"{self.operation}/"
        return f"{self.provider}/{self.model}/{operation}{self.workload}/{shape}/{self.mode}/{self.load}"


@dataclass(frozen=True, slots=True)
class Draw:
    """What an overhead function is asked for: ``calls`` overheads (ns) of one arm in one block of one cell."""

    condition: Condition
    arm: str
    block: int
    calls: int
    rng: np.random.Generator


Overhead = Callable[[Draw], NDArray[np.float64]]


def constant(overhead_us: float) -> Overhead:
    """Every call costs the same."""
    return lambda draw: np.full(draw.calls, overhead_us * 1e3)


def noisy(overhead_us: float, *, call_us: float = 20.0, block_us: float = 0.0) -> Overhead:
    """Lognormal-tailed noise per call and, in its own process, a normal shift per block."""

    def draws(draw: Draw) -> NDArray[np.float64]:
        shift = draw.rng.normal(0, block_us)
        tail = draw.rng.lognormal(0, 0.8, draw.calls) * call_us
        return np.maximum(1.0, overhead_us + shift + tail) * 1e3

    return draws


def per_block(overheads_us: Sequence[float]) -> Overhead:
    """Every call of block i costs ``overheads_us[i]``: golden cases are written with this."""
    return lambda draw: np.full(draw.calls, overheads_us[draw.block] * 1e3)


def calls_frame(
    arms: Mapping[str, Overhead],
    conditions: Iterable[Condition] = (Condition(),),
    *,
    blocks: int = 6,
    calls: int = 10,
    seed: int = 1,
    run_id: str = "run-1",
) -> pd.DataFrame:
    """Rows of ``calls``: every arm in every block of every condition, all successful in one attempt."""
    rng = np.random.default_rng(seed)
    parts = [
        _part(Draw(condition, arm, block, calls, rng), overhead, run_id)
        for condition in conditions
        for block in range(blocks)
        for arm, overhead in arms.items()
    ]
    frame = pd.concat(parts, ignore_index=True)
    frame["call_id"] = [str(number) for number in range(len(frame))]
    return frame[[field.name for field in fields(Call)]]


def _part(draw: Draw, overhead: Overhead, run_id: str) -> pd.DataFrame:
    condition, client = draw.condition, draw.arm.removesuffix("-null")
    overhead_ns = np.round(overhead(draw)).astype(np.int64)
    pre_send_ns = overhead_ns * 6 // 10
    post_receive_ns = overhead_ns - pre_send_ns
    library = LIBRARIES.get(client, "httpx" if condition.mode == "sync" else "aiohttp")
    starts = draw.block * 1_000_000_000 + np.arange(draw.calls) * 1_000_000
    delivery_ns = post_receive_ns * 7 // 10

    def stream(values: NDArray[np.int64]) -> pd.Series[int]:
        return pd.Series(values.tolist() if condition.stream else [None] * draw.calls, dtype="Int64")

    return pd.DataFrame(
        {
            "run_id": run_id,
            "cell_id": condition.cell_id,
            "block": draw.block,
            "arm": draw.arm,
            "sequence": np.arange(draw.calls),
            "started_at": pd.to_datetime(np.datetime64(EPOCH.replace(tzinfo=None)) + starts.astype("m8[ns]"), utc=True),
            "scheduled_offset_ns": pd.array([None] * draw.calls, dtype="Int64"),
            "started_offset_ns": starts,
            "client": client,
            "client_version": {"raw_http": "0.1.0", "openai": "2.54.0"}.get(client, "1.106.2"),
            "http_library": library,
            "http_library_version": {"httpx": "0.28.1", "aiohttp": "3.14.5"}.get(library, ""),
            "mode": condition.mode,
            "backend": "recorded",
            "origin": condition.origin,
            "workload": condition.workload,
            "load": condition.load,
            "concurrency": 1,
            "fault": None,
            "operation_name": condition.operation,
            "provider_name": condition.provider,
            "request_model": condition.model,
            "response_model": condition.model,
            "request_stream": condition.stream,
            "request_max_tokens": 300,
            "duration_ns": overhead_ns + condition.service_ns,
            "time_to_first_chunk_ns": stream(pre_send_ns + condition.service_ns // 4 + delivery_ns),
            "time_to_first_content_ns": stream(pre_send_ns + condition.service_ns // 3 + delivery_ns),
            "max_chunk_gap_ns": stream(np.full(draw.calls, condition.service_ns // 4)),
            "chunk_count": stream(np.full(draw.calls, 40)),
            "first_chunk_delivery_ns": stream(delivery_ns * 2),
            "chunk_delivery_ns": stream(delivery_ns),
            "pre_send_ns": pre_send_ns,
            "server_ns": condition.service_ns,
            "post_receive_ns": post_receive_ns,
            "overhead_ns": overhead_ns,
            "cpu_ns": overhead_ns * 9 // 10,
            "gc_ns": 0,
            "attempts": 1,
            "connection_reused": True,
            "usage_input_tokens": 40,
            "usage_output_tokens": 40,
            "usage_reasoning_output_tokens": pd.array([None] * draw.calls, dtype="Int64"),
            "usage_cache_read_input_tokens": pd.array([None] * draw.calls, dtype="Int64"),
            "cost_usd": 0.001 if client == "litellm" else np.nan,
            "litellm_reported_overhead_ns": pd.array(
                overhead_ns // 3 if client == "litellm" else [None] * draw.calls, dtype="Int64"
            ),
            "is_valid_structure": pd.array([None] * draw.calls, dtype="boolean"),
            "client_verdict": None,
            "outcome": "ok",
            "error_type": None,
            "error_class": None,
            "http_response_status_code": 200,
            "timeout_ns": pd.array([None] * draw.calls, dtype="Int64"),
            "is_censored": False,
        }
    )


def cold_frame(arms: Mapping[str, float] | None = None, *, repeats: int = 5, run_id: str = "run-1") -> pd.DataFrame:
    """Rows of ``cold``: per arm an import of that many seconds, growing by 1 % with each repeat. None: no rows."""
    rows = [
        Cold(
            run_id=run_id,
            arm=arm,
            mode=mode,
            repeat=repeat,
            import_ns=int(seconds * 1e9 * (1 + repeat / 100)),
            modules_loaded=int(200 + 600 * seconds),
            rss_import_bytes=int(20e6 + 60e6 * seconds),
            first_call_ns=int(seconds * 3e8 * (1 + repeat / 100)),
            rss_after_bytes=int(24e6 + 70e6 * seconds),
        )
        for arm, seconds in (arms or {}).items()
        for mode in ("sync", "async")
        for repeat in range(repeats)
    ]
    names = [field.name for field in fields(Cold)]
    return pd.DataFrame([[getattr(row, name) for name in names] for row in rows], columns=names)


def requests_frame(calls: pd.DataFrame, bodies: Mapping[str, str | None]) -> pd.DataFrame:
    """Rows of ``requests``: in every cell each of these arms asked with its one body."""
    names = [field.name for field in fields(Request)]
    counts = calls.groupby(["run_id", "cell_id", "block", "arm"]).size().rename("calls").reset_index()
    rows = counts[counts["arm"].isin(bodies)].assign(
        method="POST", target="/v1/chat/completions", request_bytes=100, body=counts["arm"].map(bodies)
    )
    rows["headers"] = pd.Series([("a: b",)] * len(rows), index=rows.index)
    return rows[names]


def quiet(block: int) -> BlockPressure:
    """A block on an undisturbed machine."""
    return BlockPressure(block, 1.0, 0.0, 0, 20_000, 0)


def manifest(
    run_id: str = "run-1",
    *,
    blocks: int = 6,
    pressure: Iterable[BlockPressure] | None = None,
    is_complete: bool = True,
    arrival_stamps: str = "kernel",
    cassettes: Sequence[Mapping[str, object]] = (),
    plan_text: str = "",
    day: int = 0,
    doubts: tuple[str, ...] = (),
) -> Manifest:
    """A run's manifest; ``pressure`` defaults to quiet blocks."""
    listed = [quiet(block) for block in range(blocks)] if pressure is None else pressure
    names = [field.name for field in fields(BlockPressure)]
    return Manifest(
        run_id=run_id,
        schema_version=1,
        semantic_conventions_version="0.1.0",
        started_at=EPOCH + timedelta(days=day),
        finished_at=EPOCH + timedelta(days=day, seconds=150) if is_complete else None,
        plan_name="scripted",
        plan_text=plan_text,
        plan_sha256="0" * 64,
        seed=1,
        backend="recorded",
        blocks_planned=blocks,
        blocks_done=blocks,
        is_complete=is_complete,
        git_commit="abc1234",
        harness_version="0.1.0",
        fingerprint=json.dumps({"arrival_stamps": arrival_stamps, "cpu": {"model": "scripted", "cores": 2}}),
        cassettes=json.dumps(list(cassettes)),
        pressure=json.dumps([{name: getattr(block, name) for name in names} for block in listed]),
        doubts=doubts,
    )
