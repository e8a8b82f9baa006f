"""Every doubt: that it has advice, that it can be reached, and that it does not come without its cause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd
import pytest

from harness.analysis.analyse import analyse
from harness.analysis.beside import Beside
from harness.analysis.doubts import ADVICE, in_order
from harness.analysis.findings import Doubt
from harness.analysis.run_doubts import causality_violations, delayed_ack_share
from harness.record import Manifest
from tests.analysis.scripted import (
    Condition,
    calls_frame,
    cold_frame,
    constant,
    manifest,
    per_block,
    quiet,
    requests_frame,
)

BLOCKS = 12
FLIPPING = {Doubt.CPU_PRESSURE, Doubt.SENSITIVE_TO_PRESSURE}
ARMS = {
    "openai": constant(400),
    "litellm": constant(900),
    "openai-null": per_block([398, 402] * (BLOCKS // 2)),
}


def rows(*, blocks: int = BLOCKS, stream: bool = False, origin: str = "recorded") -> pd.DataFrame:
    """An undisturbed run's calls: one paced cell, 10 calls of 20 ms service per arm and block."""
    condition = Condition(load="paced", service_ns=20_000_000, stream=stream, origin=origin)
    return calls_frame(ARMS, [condition], blocks=blocks)


@dataclass(frozen=True, slots=True)
class Situation:
    """A run and the doubts that it must raise, no others."""

    doubts: set[Doubt]
    calls: pd.DataFrame = field(default_factory=rows)
    manifest: Manifest = field(default_factory=lambda: manifest(blocks=BLOCKS))
    beside: Beside | None = None


def undisturbed() -> Situation:
    """What every other situation departs from in one respect."""
    return Situation(set())


def edited(doubt: Doubt, arm: str, number: int, **columns: str | int | bool) -> Situation:
    """The undisturbed run with these columns overwritten in the first ``number`` calls of one arm."""
    frame = rows()
    chosen = frame.index[frame["arm"] == arm][:number]
    for column, value in columns.items():
        frame.loc[chosen, column] = value
    return Situation({doubt}, frame)


def strained(doubt: Doubt, **pressure: Any) -> Situation:
    """The undisturbed run with one block measured under pressure."""
    blocks = [replace(quiet(block), **(pressure if block == 3 else {})) for block in range(BLOCKS)]
    return Situation({doubt}, manifest=manifest(blocks=BLOCKS, pressure=blocks))


def without_null_arm() -> Situation:
    """Nothing shows the size of noise."""
    frame = rows()
    return Situation({Doubt.NO_NULL_ARM}, frame[frame["arm"] != "openai-null"])


def biased_null_arm() -> Situation:
    """The second process of the same arm costs 30 µs more in every block."""
    arms = {**ARMS, "openai-null": constant(430)}
    return Situation({Doubt.NULL_ARM_DIFFERS}, calls_frame(arms, [Condition(origin="recorded")], blocks=BLOCKS))


def hidden_by_pressure() -> Situation:
    """Six strained blocks turn a steady +50 µs into nothing."""
    moved = [700.0, 1_250, 800, 1_150, 900, 1_060, *([1_050] * 6)]
    arms = {
        "openai": constant(1_000),
        "litellm": per_block(moved),
        "openai-null": per_block([999, 1_001] * (BLOCKS // 2)),
    }
    calls = calls_frame(arms, [Condition(origin="recorded")], blocks=BLOCKS)
    pressure = [replace(quiet(block), cpu_some_avg10_percent=80.0 if block < 6 else 1.0) for block in range(BLOCKS)]
    return Situation(FLIPPING, calls, manifest(blocks=BLOCKS, pressure=pressure))


def other_library() -> Situation:
    """The two sides send through different HTTP libraries."""
    return edited(Doubt.DIFFERENT_HTTP_LIBRARY, "litellm", 10 * BLOCKS, http_library="aiohttp")


def other_question() -> Situation:
    """The wrapper left out a parameter."""
    calls = rows()
    bodies = dict.fromkeys(ARMS, '{"seed": 7}') | {"litellm": "{}"}
    return Situation({Doubt.DIFFERENT_QUESTION}, calls, beside=Beside(requests=requests_frame(calls, bodies)))


SITUATIONS: dict[str, Callable[[], Situation]] = {
    "undisturbed": undisturbed,
    "nine blocks": lambda: Situation({Doubt.SCREENING}, rows(blocks=9), manifest(blocks=9)),
    "five blocks": lambda: Situation({Doubt.SCREENING, Doubt.FEW_BLOCKS}, rows(blocks=5), manifest(blocks=5)),
    "no null arm": without_null_arm,
    "a null arm that differs": biased_null_arm,
    "somebody waited for a core": lambda: strained(Doubt.CPU_PRESSURE, cpu_some_avg10_percent=40.1),
    "the hypervisor took time": lambda: strained(Doubt.STEAL, steal_percent=5.1),
    "the backend waited for a core": lambda: strained(Doubt.BACKEND_DELAYED, backend_run_delay_ns=10**9),
    "chunks off schedule": lambda: strained(Doubt.PACING_ERROR, pacing_error_p99_ns=1_000_001),
    "the wall clock was stepped": lambda: strained(Doubt.CLOCK_STEPPED, clock_steps=1),
    "stamps of the read": lambda: Situation(
        {Doubt.NO_KERNEL_STAMPS}, manifest=manifest(blocks=BLOCKS, arrival_stamps="read")
    ),
    "a cause after its effect": lambda: edited(Doubt.CAUSALITY_VIOLATED, "openai", 1, pre_send_ns=-1),
    "delayed acknowledgements": lambda: edited(Doubt.DELAYED_ACK_BAND, "openai", 1, overhead_ns=40_000_000),
    "a failed call": lambda: edited(Doubt.FAILED_CALLS, "openai", 1, outcome="error"),
    "a second attempt": lambda: edited(Doubt.EXTRA_ATTEMPTS, "openai", 1, attempts=2),
    "an interrupted run": lambda: Situation(
        {Doubt.INCOMPLETE_RUN}, manifest=manifest(blocks=BLOCKS, is_complete=False)
    ),
    "authored latencies": lambda: Situation({Doubt.AUTHORED_LATENCIES}, rows(origin="authored")),
    "different HTTP libraries": other_library,
    "different questions": other_question,
    "an effect hidden by pressure": hidden_by_pressure,
    "a doubt that the run noted itself": lambda: Situation(
        {Doubt.CLOCK_STEPPED}, manifest=manifest(blocks=BLOCKS, doubts=("clock_stepped",))
    ),
    "a note that is no doubt": lambda: Situation(set(), manifest=manifest(blocks=BLOCKS, doubts=("slept_badly",))),
    "pressure at its bounds": lambda: Situation(
        set(),
        manifest=manifest(
            blocks=BLOCKS,
            pressure=[replace(quiet(0), cpu_some_avg10_percent=40.0, steal_percent=5.0, pacing_error_p99_ns=1_000_000)],
        ),
    ),
    "pressure that the kernel does not report": lambda: Situation(
        set(),
        manifest=manifest(
            blocks=BLOCKS,
            pressure=[
                replace(
                    quiet(0),
                    cpu_some_avg10_percent=None,
                    steal_percent=None,
                    backend_run_delay_ns=None,
                    pacing_error_p99_ns=None,
                )
            ],
        ),
    ),
    "a worker that hung": lambda: Situation(
        {Doubt.LOST_WORKER}, manifest=replace(manifest(blocks=BLOCKS), doubts=("lost_worker", "block 1: it hung"))
    ),
    "a provider that was asked too often": lambda: Situation(
        {Doubt.THROTTLED}, manifest=replace(manifest(blocks=BLOCKS), doubts=("throttled", "throttled: 429 …"))
    ),
    "a block that was interrupted before its first call": lambda: Situation(
        set(), manifest=manifest(blocks=BLOCKS, pressure=[replace(quiet(99), backend_run_delay_ns=10**9)])
    ),
}


def test_every_doubt_has_its_meaning_and_its_remedy() -> None:
    """Two full sentences each; the report prints both."""
    assert set(ADVICE) == set(Doubt)
    assert all(text.endswith(".") and len(text) > 20 for texts in ADVICE.values() for text in texts)
    assert len({texts[0] for texts in ADVICE.values()}) == len(Doubt)


@pytest.mark.parametrize("build", SITUATIONS.values(), ids=SITUATIONS)
def test_a_run_is_doubted_for_what_happened_in_it_and_for_nothing_else(build: Callable[[], Situation]) -> None:
    """Each departure from an undisturbed run raises exactly its own doubts."""
    situation = build()
    found = analyse(situation.calls, cold_frame(), [situation.manifest], beside=situation.beside)
    assert set(found.doubts) == situation.doubts
    assert found.doubts == in_order(found.doubts)


OF_LIMITS = {
    Doubt.SURVIVORSHIP,
    Doubt.CHANGED_LATELY,
    Doubt.STALE,
    Doubt.UNDATED,
    Doubt.POSSIBLE_HANGS,
    Doubt.NO_OUTPUT_BUDGET,
}
"""Doubts about limits from real calls, not about what a run measured (``recommend.rules.waits`` reaches them)."""


def test_the_situations_above_reach_every_doubt() -> None:
    """A new member without a way to reach it fails here."""
    assert set().union(*(build().doubts for build in SITUATIONS.values())) == set(Doubt) - OF_LIMITS


def test_doubts_come_once_each_and_in_the_order_of_their_list() -> None:
    """However they were collected."""
    backwards = [doubt for doubt in reversed(Doubt) for _ in range(2)]
    assert in_order(backwards) == tuple(Doubt)


def test_a_control_does_not_lend_its_own_doubts_to_the_run() -> None:
    """Failures in the null arm are failures of the run; a claim between other arms stays clean."""
    situation = edited(Doubt.FAILED_CALLS, "openai-null", 3, outcome="error")
    found = analyse(situation.calls, cold_frame(), [situation.manifest])
    assert found.doubts == (Doubt.FAILED_CALLS,)
    assert {c.arm: c.doubts for c in found.comparisons} == {"litellm": (), "openai-null": (Doubt.FAILED_CALLS,)}


def test_pressure_is_doubted_only_where_its_block_was_compared() -> None:
    """The comparison lost the strained block, so only the run as a whole is doubted."""
    situation = strained(Doubt.STEAL, steal_percent=50.0)
    kept = situation.calls[(situation.calls["block"] != 3) | (situation.calls["arm"] != "litellm")]
    found = analyse(kept, cold_frame(), [situation.manifest])
    assert {c.arm: c.doubts for c in found.comparisons} == {"litellm": (), "openai-null": (Doubt.STEAL,)}
    assert found.doubts == (Doubt.STEAL,)


@pytest.mark.parametrize(("share_of_time_in_flight", "delayed"), [(0.049, False), (0.051, True)])
def test_the_backend_is_late_past_five_percent_of_the_time_in_flight(
    share_of_time_in_flight: float, delayed: bool
) -> None:
    """By hand: 10 calls of 20 ms + 400, 900 and 398 µs in block 0."""
    in_flight_ns = 10 * (3 * 20_000_000 + 400_000 + 900_000 + 398_000)
    pressure = [replace(quiet(0), backend_run_delay_ns=int(share_of_time_in_flight * in_flight_ns))]
    found = analyse(rows(), cold_frame(), [manifest(blocks=BLOCKS, pressure=pressure)])
    assert (Doubt.BACKEND_DELAYED in found.doubts) is delayed


def test_the_delayed_acknowledgement_band_is_counted_over_usable_whole_answers() -> None:
    """By hand: both ends belong to it, a failed call does not, 2 of 9."""
    frame = calls_frame({"openai": constant(400)}, blocks=1)
    frame.loc[0:4, "overhead_ns"] = [35_000_000, 60_000_000, 34_999_999, 60_000_001, 40_000_000]
    frame.loc[4, "outcome"] = "error"
    assert delayed_ack_share(frame) == pytest.approx(2 / 9)


def test_streams_reach_the_delayed_acknowledgement_band_honestly() -> None:
    """Their overhead adds up over chunks, so they are left out; without whole answers the share is zero."""
    frame = calls_frame({"openai": constant(40_000)}, [Condition(stream=True)])
    assert delayed_ack_share(frame) == 0


@pytest.mark.parametrize("column", ["pre_send_ns", "server_ns", "post_receive_ns"])
def test_a_negative_phase_violates_causality(column: str) -> None:
    """t0 ≤ t1 ≤ t2 ≤ t3: two calls break it, one by both of its ends and counted once; unknown stamps break nothing."""
    frame = calls_frame({"openai": constant(400)}, blocks=1).astype({column: "Int64"})
    frame.loc[0:1, column] = -1
    frame.loc[1, "post_receive_ns"] = -1
    frame.loc[2, column] = pd.NA
    assert causality_violations(frame) == 2
    assert analyse(frame, cold_frame(), [manifest(blocks=1)]).causality_violations == 2


def test_the_doubts_of_several_runs_are_doubts_about_them_together() -> None:
    """One interrupted run and one without kernel stamps: both are said."""
    frames = [rows().assign(run_id=name) for name in ("one", "two")]
    manifests = [
        manifest("one", blocks=BLOCKS, is_complete=False),
        manifest("two", blocks=BLOCKS, arrival_stamps="read"),
    ]
    found = analyse(pd.concat(frames), cold_frame(), manifests)
    assert set(found.doubts) == {Doubt.INCOMPLETE_RUN, Doubt.NO_KERNEL_STAMPS}
