"""Hand-made findings in which every number is chosen: two clients, both modes, streamed and whole, one authored model.

``findings()`` is the sound case; its keyword arguments and ``dataclasses.replace`` make the others.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.findings import (
    ArmSummary,
    CellKey,
    ColdSummary,
    Comparison,
    Doubt,
    Findings,
    Headline,
    Interval,
    LatencyModel,
    RunSummary,
    Verdict,
)

MODEL = "gpt-5-mini"
ARMS = (("raw_http", "raw_http"), ("openai", "openai"), ("openai-null", "openai"), ("litellm", "litellm"))


def cell(
    mode: str = "sync", stream: bool = False, load: str = "paced", origin: str = "authored", run_id: str = "run-1"
) -> CellKey:
    """One condition on the openai wire."""
    shape = "stream" if stream else "whole"
    return CellKey(
        cell_id=f"openai/{MODEL}/chat/{shape}/{mode}/{load}",
        provider="openai",
        model=MODEL,
        workload="chat",
        mode=mode,
        stream=stream,
        load=load,
        backend="recorded",
        origin=origin,
        run_id=run_id,
    )


def interval(estimate: float, half: float) -> Interval:
    """A symmetric 95 % interval."""
    return Interval(estimate, estimate - half, estimate + half, 0.95, "chosen")


def comparison(
    arm: str = "litellm",
    verdict: Verdict = Verdict.SLOWER,
    difference_s: float = 0.0005,
    blocks: int = 20,
    stream: bool = False,
    load: str = "paced",
    cpu: Interval | None = None,
) -> Comparison:
    """Async minus sync of ``arm``."""
    has_interval = blocks >= 6
    return Comparison(
        metric="overhead",
        cell=cell("async", stream, load),
        base=f"{arm} sync",
        arm=f"{arm} async",
        blocks=blocks,
        calls_per_block=60,
        median_difference_s=difference_s,
        difference=interval(difference_s, 0.0001) if has_interval else None,
        t_interval=interval(difference_s, 0.0001) if has_interval else None,
        ratio=None,
        p95_difference=None,
        cpu_difference=cpu,
        without_pressured_blocks=None,
        p_value=0.001 if has_interval else None,
        p_holm=0.002 if has_interval else None,
        minimum_detectable_s=0.0001 if has_interval else None,
        noise_floor_s=0.00005 if has_interval else None,
        is_null=False,
        is_screening=blocks < 10,
        verdict=verdict if has_interval else Verdict.NOT_ENOUGH_BLOCKS,
        block_differences_s=(difference_s,) * blocks,
        doubts=(),
    )


def summary(
    arm: str = "litellm", client: str = "litellm", mode: str = "sync", stream: bool = False, origin: str = "authored"
) -> ArmSummary:
    """1,200 calls, none failed, one request each, 21 ms at the median."""
    return ArmSummary(
        cell=cell(mode, stream, origin=origin),
        arm=arm,
        client=client,
        client_version="1",
        http_library="httpx",
        http_library_version="1",
        calls=1200,
        failed=0,
        censored=0,
        overhead_p50_s=0.001,
        overhead_p95_s=0.002,
        overhead_p99_s=0.003,
        overhead_p999_s=None,
        pre_send_p50_s=0.0006,
        post_receive_p50_s=0.0004,
        duration_p50_s=0.021,
        cpu_p50_s=0.001,
        gc_mean_s=0.0,
        gc_max_s=0.0,
        first_chunk_p50_s=None,
        first_chunk_delivery_p50_s=None,
        chunk_delivery_p50_s=None,
        tail_p50_s=None,
        chunks_p50=None,
        reported_overhead_p50_s=None,
        attempts_per_call=1.0,
        connection_reuse=1.0,
        ecdf_s=(0.001, 0.002),
    )


def cold(arm: str = "litellm", mode: str = "sync", repeats: int = 20) -> ColdSummary:
    """A first call of half a second."""
    return ColdSummary(arm, mode, repeats, (1.9, 1.8, 2.1), (0.5, 0.4, 0.7), 3000, 10**8, 2 * 10**8, "run-1")


def latency(
    origin: str = "authored", n: int | None = 113, model: str = MODEL, max_tokens: int | None = 300
) -> LatencyModel:
    """gpt-5-mini as published."""
    return LatencyModel("openai", model, origin, 0.84, 0.0175, 0.55, 1.23, 13.8, n, max_tokens, "published figures")


def run(run_id: str = "run-1", blocks: int = 20, day: int = 20, is_complete: bool = True) -> RunSummary:
    """One run of a November day."""
    started_at = f"2026-11-{day:02}T12:00:00+00:00"
    return RunSummary(
        run_id,
        "standard",
        "0" * 64,
        started_at,
        240.0,
        1,
        "recorded",
        is_complete,
        blocks,
        20,
        None,
        "0.1.0",
        1,
        (),
        (),
    )


def findings(
    blocks: int = 20,
    arms: Sequence[tuple[str, str]] = ARMS,
    modes: Sequence[str] = ("sync", "async"),
    latencies: Sequence[LatencyModel] = (latency(),),
    comparisons: Sequence[Comparison] | None = None,
    is_complete: bool = True,
) -> Findings:
    """Everything concluded from one run of ``blocks`` blocks; async is slower by half a millisecond throughout."""
    plain = [arm for arm, client in arms if arm == client]
    both = [comparison(arm, blocks=blocks, stream=stream) for arm in plain for stream in (False, True)]
    return Findings(
        runs=(run(blocks=blocks, is_complete=is_complete),),
        headline=Headline((), (), "paced"),
        comparisons=(),
        modes=tuple(both if comparisons is None else comparisons) if set(modes) == {"sync", "async"} else (),
        summaries=tuple(
            summary(arm, client, mode, stream) for arm, client in arms for mode in modes for stream in (False, True)
        ),
        layers=(),
        cold=tuple(cold(arm, mode, blocks) for arm in plain for mode in modes),
        latencies=tuple(latencies),
        doubts=(Doubt.AUTHORED_LATENCIES,),
        calls_total=1200,
        calls_failed=0,
        causality_violations=0,
        self_tests=(),
    )
