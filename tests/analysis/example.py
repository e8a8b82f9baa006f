"""A realistic scripted run, analysed: what tests of ``recommend`` and ``report`` read instead of measuring."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis.analyse import analyse
from harness.analysis.beside import Beside
from harness.analysis.findings import Findings, SelfTest
from harness.record import Manifest
from tests.analysis.befallen import matrix
from tests.analysis.scripted import Condition, Draw, Overhead, calls_frame, cold_frame, manifest

MODEL = "gpt-5-mini"
PLAN = """
name = "scripted"
description = "whole and stream, sync and async, paced and hot"
blocks = 6
warmup = 50
arms = ["raw_http", "openai", "openai-null", "litellm"]

[[cells]]
provider = "openai"
models = ["gpt-5-mini"]
workload = "chat"
modes = ["sync", "async"]
streams = [false, true]
load = "paced"
calls = 60
service_s = 0.02

[[cells]]
provider = "openai"
models = ["gpt-5-mini"]
workload = "chat"
modes = ["sync", "async"]
streams = [false, true]
load = "hot"
calls = 60
"""
CASSETTES = [
    {
        "cassette_id": f"openai-{MODEL}-chat-{shape}",
        "sha256": "0" * 64,
        "provider": "openai",
        "model": MODEL,
        "workload": "chat",
        "stream": shape == "stream",
        "origin": "authored",
        "source": "published figures",
        "max_tokens": 300,
        "latency": {
            "base_s": 0.84,
            "per_output_token_s": 0.0175,
            "log_sigma": 0.55,
            "tail_factor": 1.23,
            "p95_s": 13.8,
            "n": 113,
            "source": "published figures",
        },
    }
    for shape in ("whole", "stream")
]
SELF_TESTS = (
    SelfTest("A/A false positives", "4.2 % of 240", "≤ 7 %", True, "2026-11-20T12:00:00+00:00"),
    SelfTest("50 µs injected", "49.1 µs [44.0, 54.2]", "50 ± 10 µs, covered", True, "2026-11-20T12:00:00+00:00"),
)


def cost(base_us: float) -> Overhead:
    """An arm whose cost grows with streaming, pacing (a cold core) and async, with noise per call and per block."""

    def draws(draw: Draw) -> NDArray[np.float64]:
        condition = draw.condition
        factor = (1.6 if condition.stream else 1.0) * (1.8 if condition.load == "paced" else 1.0)
        typical_us = base_us * factor * (1.15 if condition.mode == "async" else 1.0)
        shift = draw.rng.normal(0, 0.01 * typical_us)
        return (typical_us * draw.rng.lognormal(0, 0.12, draw.calls) + shift) * 1e3

    return draws


ARMS: dict[str, Overhead] = {
    "raw_http": cost(60.0),
    "openai": cost(420.0),
    "openai-null": cost(420.0),
    "litellm": cost(1_600.0),
}


def conditions() -> tuple[Condition, ...]:
    """The cells of the example, in its plan's order."""
    loads = (("paced", 20_000_000), ("hot", 0))
    shapes = product(loads, (False, True), ("sync", "async"))
    return tuple(Condition(MODEL, mode, stream, load, service) for (load, service), stream, mode in shapes)


def example_inputs(blocks: int = 6, calls: int = 60) -> tuple[pd.DataFrame, pd.DataFrame, list[Manifest]]:
    """Calls, cold rows and manifest of the example run; deterministic."""
    frame = calls_frame(ARMS, conditions(), blocks=blocks, calls=calls, seed=1)
    cold = cold_frame({"raw_http": 0.02, "openai": 0.55, "litellm": 1.9})
    plan = PLAN.replace("blocks = 6", f"blocks = {blocks}")
    return frame, cold, [manifest(blocks=blocks, cassettes=CASSETTES, plan_text=plan)]


def example_findings(blocks: int = 6) -> Findings:
    """The findings of that run. At 6 blocks it is a screening, and Holm lets no verdict stand; at 12 or 20 they do."""
    calls, cold, manifests = example_inputs(blocks)
    return analyse(calls, cold, manifests, SELF_TESTS, Beside(faults=matrix()))
