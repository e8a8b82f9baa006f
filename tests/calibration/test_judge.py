"""The instrument's judgement of itself: each test passes on what it should and fails on what it must."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from harness.analysis.blocks import ArmBlocks, Block
from harness.analysis.findings import CellKey
from harness.calibration.campaigns import (
    BASE,
    DELAYED,
    INJECTED,
    NULL,
    QUICK,
    Copies,
    copies_campaign,
    planted_campaigns,
)
from harness.calibration.judge import false_positives, invariants, pacing, planted_effects
from harness.dataset.self_tests import SelfTestRecord
from harness.places import benchmarks_dir
from harness.vocabulary import Mode

NOW = "2026-01-02T03:04:05+00:00"


def arm(name: str, load: str, overhead_s: Callable[[int], float], blocks: int) -> ArmBlocks:
    """One arm whose median overhead per block is scripted."""
    cell = CellKey(
        cell_id=f"cell/{load}", provider="openai", model="m", workload="chat", mode="sync", stream=False,
        load=load, backend="recorded", origin="authored", run_id="run",
    )  # fmt: skip
    made = {block: Block(overhead_s(block), overhead_s(block), 0.001, 60) for block in range(blocks)}
    return ArmBlocks(
        cell=cell, arm=name, client="openai", client_version="2", http_library="httpx", http_library_version="0",
        calls=60 * blocks, failed=0, censored=0, attempts=60 * blocks, repeated=0, reused=0, blocks=made,
    )  # fmt: skip


def noisy(rng: random.Random, mean_s: float, spread_s: float = 10e-6) -> Callable[[int], float]:
    """A mean with a normal spread between blocks."""
    return lambda block: rng.gauss(mean_s, spread_s)


def planted(injected_s: float = 50e-6, delayed_s: float = 0.0, spread_s: float = 10e-6) -> list[SelfTestRecord]:
    """Judge a scripted planted campaign of 20 blocks."""
    rng = random.Random(3)
    arms = []
    for load, planted_arm in (("hot", (INJECTED, injected_s)), ("paced", (DELAYED, delayed_s))):
        for name, extra_s in ((BASE, 0.0), (NULL, 0.0), planted_arm):
            arms.append(arm(name, load, noisy(rng, 0.001 + extra_s, spread_s), 20))
    return planted_effects(arms, NOW)


def test_copies_of_one_arm_differ_about_as_often_as_the_level_allows() -> None:
    """Normal noise: the rate is near the nominal 5 %, and the record counts its experiments."""
    rng = random.Random(1)
    copies = Copies("openai", copies=6, blocks=200, calls=60)
    record = false_positives([arm(f"c{i}", "hot", noisy(rng, 0.001), 200) for i in range(6)], copies, NOW)
    details = json.loads(record.details)
    assert record.passed
    assert details["experiments"] == 15 * 20
    assert 0.01 < details["rate"] < 0.07
    assert details["rate_low"] < details["rate"] < details["rate_high"]


def test_copies_that_truly_differ_fail_the_test() -> None:
    """An instrument that favours one process is caught."""
    rng = random.Random(1)
    copies = Copies("openai", copies=3, blocks=60, calls=60)
    arms = [arm(f"c{i}", "hot", noisy(rng, 0.001 + i * 40e-6), 60) for i in range(3)]
    assert not false_positives(arms, copies, NOW).passed


def test_the_planted_wait_is_found_and_the_slower_service_is_not() -> None:
    """All three tests of the planted campaign pass on what an honest instrument would see."""
    assert [record.passed for record in planted()] == [True, True, True]


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({"injected_s": 20e-6}, 0),
        ({"injected_s": 90e-6}, 0),
        ({"spread_s": 120e-6}, 1),
        ({"delayed_s": 200e-6}, 2),
    ],
)
def test_each_test_of_the_planted_campaign_can_fail(changes: dict[str, float], failing: int) -> None:
    """A lost effect, a wide interval, an overhead that moves with the service: each fails its own test."""
    assert not planted(**changes)[failing].passed


def rows(n: int, **columns: Any) -> pd.DataFrame:
    """Calls that break nothing."""
    frame = {"pre_send_ns": 10, "server_ns": 20, "post_receive_ns": 30, "duration_ns": 60, "overhead_ns": 40}
    return pd.DataFrame({name: [value] * n for name, value in {**frame, **columns}.items()})


def test_causality_needs_enough_calls_and_no_violation() -> None:
    """20,000 clean calls pass; fewer, a stamp out of order, or a wrong sum do not."""
    assert invariants(rows(20_000), NOW)[0].passed
    assert not invariants(rows(19_999), NOW)[0].passed
    assert not invariants(pd.concat([rows(20_000), rows(1, pre_send_ns=-1, duration_ns=49)]), NOW)[0].passed
    assert not invariants(pd.concat([rows(20_000), rows(1, duration_ns=61)]), NOW)[0].passed


def test_the_delayed_acknowledgement_band_may_hold_one_call_in_ten_thousand() -> None:
    """Three in 20,000 fail."""
    slow = rows(1, overhead_ns=44_000_000)
    assert invariants(pd.concat([rows(20_000), slow, slow]), NOW)[1].passed
    assert not invariants(pd.concat([rows(20_000), slow, slow, slow]), NOW)[1].passed


@pytest.mark.parametrize(
    ("errors", "passed"),
    [([1_000] * 99 + [30_000], True), ([1_000] * 90 + [80_000] * 10, False), ([-30_000] * 5, False)],
)
def test_pacing_fails_when_late_or_early(errors: list[int], passed: bool) -> None:
    """p99 of the send error, and nothing early."""
    frame = pd.DataFrame({"pacing_error_ns": [[error] for error in errors] + [[0]]})
    assert pacing(frame, NOW).passed is passed


def test_the_campaigns_are_what_they_say() -> None:
    """Copies are one client under many names; the planted campaign differs in one thing per arm."""
    copies = copies_campaign(QUICK.copies[0], benchmarks_dir())
    assert {one.path for one in copies.arms} == {"raw_http"}
    assert len({one.name for one in copies.arms}) == 8
    hot, paced = planted_campaigns(QUICK, benchmarks_dir())
    assert {one.name: one.injected_ns for one in hot.arms} == {BASE: 0, NULL: 0, INJECTED: 50_000}
    assert {one.name: one.pace for one in paced.arms} == {BASE: None, NULL: None, DELAYED: "capped:0.025"}
    assert {cell.mode for cell in copies.cells} == {Mode.SYNC}
