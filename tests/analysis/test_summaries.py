"""Descriptions of arms and of fresh processes: medians, gated percentiles, what streams add, spreads."""

from __future__ import annotations

import pytest

from harness.analysis.analyse import analyse
from harness.analysis.findings import ArmSummary, Findings
from tests.analysis.scripted import Condition, calls_frame, cold_frame, constant, manifest, noisy, per_block

US = 1e-6
STREAM = Condition(stream=True, load="paced", service_ns=20_000_000)


def summary(found: Findings, arm: str) -> ArmSummary:
    """The one summary of this arm."""
    (one,) = [s for s in found.summaries if s.arm == arm]
    return one


def test_an_arm_is_described_by_medians_over_all_its_calls() -> None:
    """Blocks of 100, 200 and 600 µs: the median call costs 200 µs, 60 % of it before the backend."""
    frame = calls_frame({"openai": per_block([100, 200, 600])}, blocks=3, calls=7)
    one = summary(analyse(frame, cold_frame(), [manifest(blocks=3)]), "openai")
    assert one.calls == 21
    assert one.overhead_p50_s == pytest.approx(200 * US)
    assert one.pre_send_p50_s == pytest.approx(120 * US)
    assert one.post_receive_p50_s == pytest.approx(80 * US)
    assert one.cpu_p50_s == pytest.approx(180 * US)
    assert (one.ecdf_s[0], one.ecdf_s[-1]) == pytest.approx((100 * US, 600 * US))


@pytest.mark.parametrize(("calls", "printed"), [(99, 0), (100, 1), (499, 1), (500, 2), (4_999, 2), (5_000, 3)])
def test_a_percentile_is_printed_only_where_the_calls_carry_it(calls: int, printed: int) -> None:
    """p95 from 100 calls, p99 from 500, p99.9 from 5,000."""
    frame = calls_frame({"openai": noisy(400)}, blocks=1, calls=calls)
    one = summary(analyse(frame, cold_frame(), [manifest(blocks=1)]), "openai")
    percentiles = (one.overhead_p95_s, one.overhead_p99_s, one.overhead_p999_s)
    present = [value for value in percentiles if value is not None]
    assert len(present) == printed
    assert present == sorted(present)
    assert percentiles[:printed] == tuple(present)


def test_a_stream_has_its_chunks_described_and_a_whole_answer_has_not() -> None:
    """100 µs: 40 after the last send, 28 of them a chunk's delivery, so the tail is 12 and the first chunk took 56."""
    found = analyse(
        calls_frame({"openai": constant(100)}, [STREAM, Condition()], blocks=2, calls=3), cold_frame(), [manifest()]
    )
    stream, whole = sorted(found.summaries, key=lambda one: one.cell.stream, reverse=True)
    assert stream.chunk_delivery_p50_s == pytest.approx(28 * US)
    assert stream.tail_p50_s == pytest.approx(12 * US)
    assert stream.first_chunk_delivery_p50_s == pytest.approx(56 * US)
    assert stream.chunks_p50 == 40
    assert {whole.chunk_delivery_p50_s, whole.tail_p50_s, whole.first_chunk_p50_s, whole.chunks_p50} == {None}


def test_litellms_own_figure_stands_beside_the_measured_one() -> None:
    """It is reported, not trusted; arms that report none have none."""
    frame = calls_frame({"openai": constant(300), "litellm": constant(900)})
    found = analyse(frame, cold_frame(), [manifest()])
    assert summary(found, "litellm").reported_overhead_p50_s == pytest.approx(300 * US)
    assert summary(found, "openai").reported_overhead_p50_s is None


def test_garbage_collection_is_shown_by_mean_and_worst_call() -> None:
    """One pass of 75 ms in 60 calls."""
    frame = calls_frame({"openai": constant(300)})
    frame.loc[0, "gc_ns"] = 75_000_000
    one = summary(analyse(frame, cold_frame(), [manifest()]), "openai")
    assert (one.gc_mean_s, one.gc_max_s) == pytest.approx((0.075 / 60, 0.075))


def test_an_arm_without_a_usable_call_is_counted_and_not_described() -> None:
    """A median of nothing is not a number."""
    frame = calls_frame({"openai": constant(300), "litellm": constant(900)})
    frame.loc[frame["arm"] == "litellm", ["outcome", "error_type"]] = ["error", "server"]
    found = analyse(frame, cold_frame(), [manifest()])
    assert [one.arm for one in found.summaries] == ["openai"]
    assert (found.calls_failed, found.calls_total) == (60, 120)


def test_fresh_processes_are_shown_by_median_and_extremes() -> None:
    """Five repeats growing by 1 % each: the third is the median."""
    found = analyse(calls_frame({"openai": constant(300)}), cold_frame({"openai": 2.0}), [manifest()])
    assert [(one.arm, one.mode, one.repeats) for one in found.cold] == [("openai", "async", 5), ("openai", "sync", 5)]
    for one in found.cold:
        assert one.import_s == pytest.approx((2.04, 2.0, 2.08))
        assert one.first_call_s == pytest.approx((0.612, 0.6, 0.624))


def test_without_cold_rows_there_is_no_cold_table() -> None:
    """Imported data has none."""
    assert analyse(calls_frame({"openai": constant(300)}), cold_frame(), [manifest()]).cold == ()
