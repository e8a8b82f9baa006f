"""Comparisons of runs whose truth is planted: sizes and signs, false positives, families, floors, and what is left out.

Overheads are written in µs and found in seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from harness.analysis.analyse import analyse
from harness.analysis.findings import Comparison, Doubt, Findings, Verdict
from harness.analysis.intervals import excludes_zero
from harness.record import BlockPressure
from harness.vocabulary import Outcome
from tests.analysis.scripted import (
    Condition,
    Overhead,
    calls_frame,
    cold_frame,
    constant,
    manifest,
    noisy,
    per_block,
    quiet,
)

US = 1e-6
STRAINED = BlockPressure(0, 80.0, 0.0, 0, 20_000, 0)
ROBBED = BlockPressure(0, 1.0, 20.0, 0, 20_000, 0)


def analysed(frame: pd.DataFrame, pressure: Iterable[BlockPressure] | None = None) -> Findings:
    """One run's findings, every block of it quiet unless told."""
    blocks = int(frame["block"].max()) + 1
    return analyse(frame, cold_frame(), [manifest(blocks=blocks, pressure=pressure)])


def compared(arms: Mapping[str, Overhead], blocks: int, calls: int = 5, seed: int = 1) -> Findings:
    """Findings of one hot cell of these arms."""
    return analysed(calls_frame(arms, blocks=blocks, calls=calls, seed=seed))


def between(found: Findings, base: str, arm: str) -> Comparison:
    """The one comparison of these two."""
    (one,) = [c for c in (*found.comparisons, *found.modes) if (c.base, c.arm) == (base, arm)]
    return one


def test_a_planted_50_us_is_found_with_its_sign_and_covered() -> None:
    """Noise per call and per process, 20 blocks: slower by 50 µs, within 10."""
    arms = {
        "openai": noisy(400, block_us=5),
        "litellm": noisy(450, block_us=5),
        "openai-null": noisy(400, block_us=5),
    }
    found = compared(arms, blocks=20, calls=100)
    planted, control = between(found, "openai", "litellm"), between(found, "openai", "openai-null")
    assert planted.difference is not None
    assert planted.difference.low <= 50 * US <= planted.difference.high
    assert planted.difference.estimate == pytest.approx(50 * US, abs=10 * US)
    assert planted.verdict is Verdict.SLOWER
    assert control.verdict is Verdict.NO_DIFFERENCE


def test_a_planted_saving_is_found_as_faster() -> None:
    """The sign is arm minus base."""
    arms = {
        "openai": noisy(450, block_us=5),
        "litellm": noisy(400, block_us=5),
        "openai-null": noisy(450, block_us=5),
    }
    saving = between(compared(arms, blocks=20, calls=100), "openai", "litellm")
    assert saving.difference is not None
    assert saving.difference.low <= -50 * US <= saving.difference.high < 0
    assert saving.verdict is Verdict.FASTER


def test_equal_arms_differ_in_at_most_seven_percent_of_simulated_experiments() -> None:
    """400 A/A cells of ten blocks, processes shifted by 20 µs and calls heavy-tailed, nominal 5 %."""
    cells, blocks, calls = 400, 10, 12
    one = calls_frame({"openai": constant(400), "openai-null": constant(400)}, blocks=blocks, calls=calls)
    frame = pd.concat([one.assign(cell_id=f"cell-{number}") for number in range(cells)], ignore_index=True)
    rng = np.random.default_rng(2026)
    shifts = rng.normal(0, 20_000, (cells * blocks * 2, 1))
    noise = rng.lognormal(0, 0.8, (cells * blocks * 2, calls)) * 20_000
    overhead_ns = (400_000 + shifts + noise).round().astype(np.int64)
    frame["overhead_ns"] = overhead_ns.ravel()
    nulls = [c for c in analysed(frame).comparisons if c.is_null]
    assert len(nulls) == cells
    assert sum(excludes_zero(null.difference) != 0 for null in nulls) / cells <= 0.07
    assert {null.verdict for null in nulls} <= {Verdict.NO_DIFFERENCE, Verdict.INCONCLUSIVE}


def test_the_block_differences_are_differences_of_block_medians() -> None:
    """By hand: 430, 400, 410 … minus a constant 400 µs; the raw values are there to redo the statistics."""
    arms = {"openai": constant(400), "litellm": per_block([430, 400, 410, 440, 420, 450])}
    found = between(compared(arms, blocks=6), "openai", "litellm")
    assert found.block_differences_s == pytest.approx([30 * US, 0, 10 * US, 40 * US, 20 * US, 50 * US], abs=1e-12)
    assert found.median_difference_s == pytest.approx(25 * US)
    assert found.difference is not None
    assert (found.difference.low, found.difference.estimate, found.difference.high) == pytest.approx(
        (0, 25 * US, 50 * US), abs=1e-12
    )
    assert (found.blocks, found.calls_per_block) == (6, 5)


def test_the_ratio_stands_beside_the_difference() -> None:
    """500 µs over 400 is 25 % more in every block."""
    ratio = between(compared({"openai": constant(400), "litellm": constant(500)}, 6), "openai", "litellm").ratio
    assert ratio is not None
    assert (ratio.low, ratio.estimate, ratio.high) == pytest.approx((0.25, 0.25, 0.25))


def test_cpu_time_is_the_second_metric() -> None:
    """The scripted CPU time is 90 % of the overhead, and so is its difference."""
    cpu = between(compared({"openai": constant(400), "litellm": constant(500)}, 6), "openai", "litellm").cpu_difference
    assert cpu is not None
    assert cpu.estimate == pytest.approx(90 * US)


@pytest.mark.parametrize(("calls", "carried"), [(16, False), (17, True)])
def test_the_p95_is_compared_only_where_a_hundred_calls_carry_it(calls: int, carried: bool) -> None:
    """Six blocks of 16 calls are 96, of 17 are 102."""
    arms = {"openai": constant(400), "litellm": constant(500)}
    found = between(compared(arms, blocks=6, calls=calls), "openai", "litellm").p95_difference
    assert (found is not None) is carried
    assert found is None or found.estimate == pytest.approx(100 * US)


@pytest.mark.parametrize("blocks", [1, 5])
def test_fewer_than_six_blocks_give_a_median_and_nothing_else(blocks: int) -> None:
    """No interval, no p-value, no minimum detectable effect: not enough blocks."""
    arms = {"openai": constant(400), "litellm": constant(500), "openai-null": constant(400)}
    found = between(compared(arms, blocks), "openai", "litellm")
    assert found.median_difference_s == pytest.approx(100 * US)
    assert found.verdict is Verdict.NOT_ENOUGH_BLOCKS
    estimates = (found.difference, found.t_interval, found.ratio, found.p95_difference, found.cpu_difference)
    claims = (found.p_value, found.p_holm, found.minimum_detectable_s, found.noise_floor_s)
    assert set(estimates + claims) == {None}


@pytest.mark.parametrize(("blocks", "screening"), [(6, True), (9, True), (10, False)])
def test_fewer_than_ten_blocks_are_labelled_screening(blocks: int, screening: bool) -> None:
    """In the comparison and among its doubts."""
    found = between(compared({"openai": constant(1), "litellm": constant(2)}, blocks), "openai", "litellm")
    assert found.is_screening is screening
    assert (Doubt.SCREENING in found.doubts) is screening


CELLS = tuple(Condition(f"model-{number}", mode) for number in range(3) for mode in ("sync", "async"))
STACK = {
    "raw_http": constant(60),
    "openai": constant(400),
    "litellm": constant(900),
    "openai-null": per_block([398, 402] * 5),
}


@pytest.fixture(scope="module")
def stacked() -> Findings:
    """Three models in two colours, the whole stack with a null arm, ten blocks in which every claim is unanimous."""
    return analysed(calls_frame(STACK, CELLS, blocks=10, calls=3))


def test_a_family_is_one_contrast_over_all_cells(stacked: Findings) -> None:
    """Six cells: every p is 2/1024 before and six times that after; other contrasts do not enlarge the family."""
    claims = [c for c in stacked.comparisons if not c.is_null]
    assert len(claims) == 3 * 6
    assert {c.p_value for c in claims} == {2 / 1024}
    assert {c.p_holm for c in claims} == {6 * 2 / 1024}
    assert {c.verdict for c in claims} == {Verdict.SLOWER}


def test_async_minus_sync_is_a_family_per_arm_over_the_models(stacked: Findings) -> None:
    """Equal modes: every p is 1, in three cells per arm; the null arm has no mode comparison of its own."""
    assert len(stacked.modes) == 3 * 3
    assert {(c.base, c.arm) for c in stacked.modes} == {
        (f"{arm} sync", f"{arm} async") for arm in ("raw_http", "openai", "litellm")
    }
    assert {c.cell.mode for c in stacked.modes} == {"async"}
    assert {c.verdict for c in stacked.modes} == {Verdict.NO_DIFFERENCE}


def test_nulls_are_a_family_of_their_own(stacked: Findings) -> None:
    """One control per cell, beside the claims and not among them."""
    nulls = [c for c in stacked.comparisons if c.is_null]
    assert [(c.base, c.arm) for c in nulls] == [("openai", "openai-null")] * 6
    assert {c.verdict for c in nulls} == {Verdict.NO_DIFFERENCE}


def test_unanimous_blocks_do_not_survive_a_family_that_they_cannot_carry() -> None:
    """Six blocks carry one comparison: with two cells Holm withdraws both, and the few blocks are doubted."""
    arms = {"openai": constant(400), "litellm": constant(900), "openai-null": per_block([398, 402] * 3)}
    one, two = (
        analysed(calls_frame(arms, [Condition(f"model-{n}") for n in range(cells)], calls=3)) for cells in (1, 2)
    )
    assert between(one, "openai", "litellm").verdict is Verdict.SLOWER
    withdrawn = [c for c in two.comparisons if not c.is_null]
    assert [(c.p_value, c.p_holm, c.verdict) for c in withdrawn] == [(2 / 64, 4 / 64, Verdict.INCONCLUSIVE)] * 2
    assert all(Doubt.FEW_BLOCKS in c.doubts for c in withdrawn)


NOISY_NULL = per_block([380, 420, 390, 410, 400, 400])


@pytest.mark.parametrize(("litellm_us", "word"), [(410, Verdict.BELOW_NOISE), (430, Verdict.SLOWER)])
def test_a_claim_within_the_runs_own_a_a_bound_is_suppressed(litellm_us: float, word: Verdict) -> None:
    """The null arm ranges over ±20 µs, so 10 µs is noise however steady it looks, and 30 µs is not."""
    arms = {"openai": constant(400), "litellm": constant(litellm_us), "openai-null": NOISY_NULL}
    found = between(compared(arms, 6), "openai", "litellm")
    assert found.noise_floor_s == pytest.approx(20 * US)
    assert found.verdict is word


def test_without_a_null_arm_nothing_is_claimed() -> None:
    """A difference with nothing to hold it against is inconclusive, and the missing null arm is doubted."""
    found = between(compared({"openai": constant(400), "litellm": constant(900)}, 20), "openai", "litellm")
    assert found.noise_floor_s is None
    assert found.verdict is Verdict.INCONCLUSIVE
    assert Doubt.NO_NULL_ARM in found.doubts


def test_between_modes_the_noisier_cell_is_the_floor() -> None:
    """A claim that touches two cells must exceed both of their bounds."""
    calm = {"openai": constant(400), "openai-null": per_block([395, 405] * 3)}
    wild = {"openai": constant(410), "openai-null": per_block([380, 440] * 3)}
    frame = pd.concat([calls_frame(calm, [Condition()]), calls_frame(wild, [Condition(mode="async")])])
    found = between(analysed(frame.reset_index(drop=True)), "openai sync", "openai async")
    assert found.noise_floor_s == pytest.approx(30 * US)
    assert found.verdict is Verdict.BELOW_NOISE


def test_a_null_arm_that_differs_says_so_and_casts_doubt_on_its_cell() -> None:
    """The instrument is biased: the control is judged like any other, and the cell's claims carry the doubt."""
    arms = {"openai": constant(400), "litellm": constant(900), "openai-null": constant(430)}
    found = compared(arms, 10)
    assert between(found, "openai", "openai-null").verdict is Verdict.SLOWER
    assert Doubt.NULL_ARM_DIFFERS in between(found, "openai", "litellm").doubts


def spoilt(how: Mapping[str, str | int | bool]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A run with absurd overheads in every fifth litellm call, marked as ``how`` says, and the same without them."""
    arms = {"openai": noisy(400), "litellm": noisy(500), "openai-null": noisy(400)}
    frame = calls_frame(arms, blocks=10, calls=20)
    bad = (frame["arm"] == "litellm") & (frame["sequence"] % 5 == 0)
    absurd = frame.copy()
    absurd.loc[bad, ["overhead_ns", "duration_ns", "cpu_ns", "pre_send_ns"]] = 9_000_000_000
    for column, value in how.items():
        absurd.loc[bad, column] = value
    return absurd, frame[~bad]


@pytest.mark.parametrize(
    "how",
    [
        *({"outcome": outcome.value, "error_type": "x"} for outcome in Outcome if outcome is not Outcome.OK),
        {"outcome": "timeout", "error_type": "timeout", "is_censored": True},
        {"attempts": 2},
        {"is_censored": True},
    ],
    ids=str,
)
def test_calls_that_failed_or_took_more_than_one_attempt_are_never_pooled(how: Mapping[str, str | int | bool]) -> None:
    """Every estimate is as if they had never been made; only the counts and doubts know of them."""
    absurd, clean = (analysed(frame) for frame in spoilt(how))
    estimates = [replace(c, doubts=()) for c in absurd.comparisons]
    assert estimates == [replace(c, doubts=()) for c in clean.comparisons]
    assert [(s.arm, s.calls, s.ecdf_s, s.cpu_p50_s) for s in absurd.summaries] == [
        (s.arm, s.calls, s.ecdf_s, s.cpu_p50_s) for s in clean.summaries
    ]
    assert absurd.layers == clean.layers


def test_failed_and_censored_calls_are_counted_beside() -> None:
    """40 of litellm's 200 calls; openai's stay untouched."""
    absurd, _ = spoilt({"outcome": "timeout", "error_type": "timeout", "is_censored": True})
    found = analysed(absurd)
    assert {s.arm: (s.calls, s.failed, s.censored) for s in found.summaries} == {
        "openai": (200, 0, 0),
        "litellm": (160, 40, 40),
        "openai-null": (200, 0, 0),
    }
    assert (found.calls_total, found.calls_failed) == (600, 40)
    assert Doubt.FAILED_CALLS in between(found, "openai", "litellm").doubts
    assert Doubt.FAILED_CALLS not in between(found, "openai", "openai-null").doubts


def test_calls_with_more_than_one_attempt_are_doubted_where_they_occurred() -> None:
    """And the attempts per call show how many there were: 240 for 200."""
    absurd, _ = spoilt({"attempts": 2})
    found = analysed(absurd)
    assert Doubt.EXTRA_ATTEMPTS in between(found, "openai", "litellm").doubts
    assert Doubt.EXTRA_ATTEMPTS not in between(found, "openai", "openai-null").doubts
    assert {s.arm: s.attempts_per_call for s in found.summaries}["litellm"] == 1.2


def test_a_block_that_only_one_side_completed_is_left_out() -> None:
    """Differences are within blocks: eight of ten blocks remain, and say so."""
    frame = calls_frame(STACK, blocks=10, calls=3)
    lost = (frame["arm"] == "litellm") & frame["block"].isin([2, 7])
    found = analysed(frame[~lost])
    assert between(found, "openai", "litellm").blocks == 8
    assert between(found, "raw_http", "openai").blocks == 10


def test_arms_that_share_no_block_are_not_compared() -> None:
    """Even blocks of one arm say nothing about odd blocks of another."""
    frame = calls_frame({"openai": constant(1), "litellm": constant(2)}, blocks=12, calls=3)
    even = frame["block"] % 2 == 0
    assert analysed(frame[even == (frame["arm"] == "litellm")]).comparisons == ()


@pytest.mark.parametrize("load", ["closed", "open"])
def test_loads_with_calls_in_flight_together_are_not_compared(load: str) -> None:
    """Under concurrency the difference of two arms is not theirs alone; both are still described."""
    frame = calls_frame(STACK, [Condition(load=load), Condition(mode="async", load=load)], blocks=10, calls=3)
    found = analysed(frame)
    assert (found.comparisons, found.modes, found.layers) == ((), (), ())
    assert len(found.summaries) == 8


@pytest.mark.parametrize("strain", [STRAINED, ROBBED], ids=["cpu", "steal"])
def test_pressured_blocks_are_marked_and_the_result_is_shown_without_them(strain: BlockPressure) -> None:
    """Six disturbed blocks hide what six quiet ones show: both results stand, and their disagreement is doubted."""
    disturbed = [-300.0, 250, -200, 150, -100, 60]
    arms = {
        "openai": constant(1_000),
        "litellm": per_block([*(1_000 + d for d in disturbed), *([1_050.0] * 6)]),
        "openai-null": per_block([999.0, 1_001] * 6),
    }
    pressure = [replace(strain, block=block) if block < 6 else quiet(block) for block in range(12)]
    found = between(analysed(calls_frame(arms, blocks=12), pressure), "openai", "litellm")
    assert found.blocks == 12
    assert found.verdict in (Verdict.NO_DIFFERENCE, Verdict.INCONCLUSIVE)
    assert excludes_zero(found.difference) == 0
    without = found.without_pressured_blocks
    assert without is not None
    assert (without.low, without.estimate, without.high) == pytest.approx((50 * US, 50 * US, 50 * US))
    assert Doubt.SENSITIVE_TO_PRESSURE in found.doubts


def test_too_few_quiet_blocks_have_no_result_of_their_own() -> None:
    """Five quiet blocks of ten give no interval, and so no disagreement either."""
    pressure = [replace(STRAINED, block=block) if block < 5 else quiet(block) for block in range(10)]
    found = between(analysed(calls_frame(STACK, blocks=10, calls=3), pressure), "openai", "litellm")
    assert found.without_pressured_blocks is None
    assert Doubt.CPU_PRESSURE in found.doubts
    assert Doubt.SENSITIVE_TO_PRESSURE not in found.doubts


def test_on_a_quiet_machine_both_results_are_one(stacked: Findings) -> None:
    """Nothing was left out, and nothing is doubted about pressure."""
    assert all(c.without_pressured_blocks == c.difference for c in stacked.comparisons)


def test_every_comparison_states_what_it_could_have_seen(stacked: Findings) -> None:
    """Also where it found nothing: the null arm's ±2 µs make a positive minimum detectable effect."""
    assert all(c.minimum_detectable_s is not None for c in stacked.comparisons)
    assert all((c.minimum_detectable_s or 0) > 1 * US for c in stacked.comparisons if c.is_null)


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    """Whole findings are equal, to the last digit of every median and mean."""
    frame = calls_frame({arm: noisy(400) for arm in STACK}, CELLS[:2], blocks=7, calls=9)
    frame["gc_ns"] = frame["overhead_ns"] // 7
    cold = cold_frame({"openai": 0.5, "litellm": 1.9})
    shuffled = frame.sample(frac=1, random_state=seed)
    before, after = (analyse(rows, cold, [manifest(blocks=7)]) for rows in (frame, shuffled))
    assert before == after


def test_runs_are_never_pooled() -> None:
    """Two runs of six blocks are two screenings, not one standard run."""
    one, two = (calls_frame(STACK, run_id=name, calls=3) for name in ("one", "two"))
    found = analyse(pd.concat([one, two]), cold_frame(), [manifest("one"), manifest("two", day=1)])
    pairs = [c for c in found.comparisons if (c.base, c.arm) == ("openai", "litellm")]
    assert [(c.cell.run_id, c.blocks, c.p_holm) for c in pairs] == [("one", 6, 2 / 64), ("two", 6, 2 / 64)]
