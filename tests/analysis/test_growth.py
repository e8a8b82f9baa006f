"""How overhead grows: planted slopes come back exactly, sizes come from the manifest, and grown cells stay apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.analysis.analyse import analyse
from harness.analysis.audits import Growth
from harness.analysis.blocks import ArmBlocks, Block
from harness.analysis.findings import Findings
from harness.analysis.growth import growth, is_grown
from harness.analysis.keys import CellKey, Interval
from harness.errors import DataError
from tests.analysis.scripted import Condition, Draw, Overhead, calls_frame, cold_frame, constant, manifest

US = 1e-6
SIZES = {"history-1": 1.0, "history-20": 20.0, "history-200": 200.0}
KEY = CellKey("id", "openai", "gpt-5-mini", "history-1", "sync", False, "hot", "recorded", "authored", "run-1")


def per_unit(sizes: Mapping[str, float], base_us: float, slopes_us: Sequence[float]) -> Overhead:
    """``base_us`` plus, in block i, ``slopes_us[i]`` for every unit of the cell's size (plain cells have none)."""

    def draws(draw: Draw) -> NDArray[np.float64]:
        slope_us = slopes_us[draw.block % len(slopes_us)]
        return np.full(draw.calls, (base_us + slope_us * sizes.get(draw.condition.workload, 0.0)) * 1e3)

    return draws


def facts(workload: str, size: float, axis: str | None = "messages", **others: object) -> dict[str, object]:
    """What a manifest holds of a cassette, as far as growth reads it."""
    named = {"provider": "openai", "model": "gpt-5-mini", "workload": workload, "operation": "chat", "stream": False}
    return {**named, "latency": None, "axis": axis, "messages": size, "tools": 0, **others}


def analysed(
    arms: Mapping[str, Overhead],
    sizes: Mapping[str, float] = SIZES,
    *,
    blocks: int = 6,
    plain: bool = False,
    drop: tuple[str, str, int] | None = None,
) -> Findings:
    """The findings of these arms over these sizes, beside a plain chat if asked; ``drop`` is a (cell's workload, arm,
    block) that did not happen."""
    conditions = [Condition(workload=name) for name in sizes] + ([Condition()] if plain else [])
    frame = calls_frame(arms, conditions, blocks=blocks)
    if drop is not None:
        workload, arm, block = drop
        gone = (frame["workload"] == workload) & (frame["arm"] == arm) & (frame["block"] == block)
        frame = frame[~gone]
    cassettes = [facts(name, size) for name, size in sizes.items()] + [facts("chat", 1, axis=None)]
    return analyse(frame, cold_frame(), [manifest(blocks=blocks, cassettes=cassettes)])


def grown(arms: Mapping[str, Overhead], sizes: Mapping[str, float] = SIZES, blocks: int = 6) -> dict[str, Growth]:
    """Growth by arm."""
    return {one.arm: one for one in analysed(arms, sizes, blocks=blocks).growth}


def test_a_planted_slope_comes_back_with_its_exact_interval() -> None:
    """Block slopes 1 … 6 µs: the Walsh averages have the median 3.5, and at K = 6 the interval is their whole range."""
    found = grown({"openai": per_unit(SIZES, 400, [1, 2, 3, 4, 5, 6])})["openai"]
    assert found.slope is not None
    assert (found.slope.low, found.slope.estimate, found.slope.high) == pytest.approx((1 * US, 3.5 * US, 6 * US))
    assert found.slope.confidence == pytest.approx(0.96875)
    assert found.slope_median_s == pytest.approx(3.5 * US)
    assert (found.axis, found.mode, found.load, found.blocks) == ("messages", "sync", "hot", 6)


def test_the_points_are_medians_over_blocks_at_each_size() -> None:
    """400 µs and 3.5 µs a message, ten calls in each of six blocks."""
    points = grown({"openai": per_unit(SIZES, 400, [1, 2, 3, 4, 5, 6])})["openai"].points
    assert [(point.size, point.calls) for point in points] == [(1, 60), (20, 60), (200, 60)]
    assert [point.overhead_p50_s for point in points] == pytest.approx([403.5 * US, 470 * US, 1_100 * US])


def test_below_six_blocks_a_median_stands_for_the_interval() -> None:
    """No interval exists; the slope does."""
    found = grown({"openai": per_unit(SIZES, 400, [1, 2, 9])}, blocks=3)["openai"]
    assert found.slope is None
    assert found.slope_median_s == pytest.approx(2 * US)


def test_litellm_is_held_against_the_native_sdk_block_by_block() -> None:
    """Slopes that vary together differ by exactly 2 µs in every block; what is below has no such base."""
    wandering = [1.0, 5.0, 2.0, 8.0, 3.0, 9.0]
    found = grown(
        {
            "raw_http": per_unit(SIZES, 60, wandering),
            "openai": per_unit(SIZES, 400, wandering),
            "litellm": per_unit(SIZES, 900, [slope + 2 for slope in wandering]),
        }
    )
    over = found["litellm"].slope_over_base
    assert found["litellm"].base == "openai"
    assert over is not None
    assert (over.low, over.estimate, over.high) == pytest.approx((2 * US,) * 3)
    assert [(found[arm].base, found[arm].slope_over_base) for arm in ("raw_http", "openai")] == [(None, None)] * 2


def test_the_control_has_a_slope_and_its_difference_is_nothing() -> None:
    """The null arm stands beside its own arm, as everywhere."""
    arm = per_unit(SIZES, 400, [3])
    found = grown({"openai": arm, "openai-null": arm})
    assert found["openai-null"].slope == found["openai"].slope
    over = found["openai-null"].slope_over_base
    assert found["openai-null"].base == "openai"
    assert over is not None
    assert (over.low, over.high) == pytest.approx((0, 0))


def test_a_line_is_linear_and_a_bend_is_not() -> None:
    """R² is 1 on a line; two sizes, or no growth at all, leave nothing to explain."""
    bend = {"history-1": 0.0, "history-20": 200.0, "history-200": 200.0}

    def bent(draw: Draw) -> NDArray[np.float64]:
        return np.full(draw.calls, (400 + bend[draw.condition.workload]) * 1e3)

    assert grown({"openai": per_unit(SIZES, 400, [3])})["openai"].linearity == pytest.approx(1)
    curved = grown({"openai": bent})["openai"].linearity
    assert curved is not None
    assert curved < 0.5
    two = {"history-1": 1.0, "history-20": 20.0}
    assert grown({"openai": per_unit(two, 400, [3])}, two)["openai"].linearity is None
    assert grown({"openai": constant(400)})["openai"].linearity is None


def test_a_block_without_one_of_the_sizes_takes_no_part() -> None:
    """Six complete blocks of seven remain, the odd one out."""
    slopes = [1, 2, 3, 4, 5, 6, 100]
    found = analysed({"openai": per_unit(SIZES, 400, slopes)}, blocks=7, drop=("history-20", "openai", 6)).growth
    assert found[0].blocks == 6
    assert found[0].slope is not None
    assert found[0].slope.high == pytest.approx(6 * US)


def test_a_block_that_the_base_lacks_takes_no_part_in_the_difference() -> None:
    """The arm keeps its seven blocks; the difference is over six."""
    arms = {"openai": per_unit(SIZES, 400, [1]), "litellm": per_unit(SIZES, 900, [2, 3, 4, 5, 6, 7, 100])}
    found = {one.arm: one for one in analysed(arms, blocks=7, drop=("history-1", "openai", 6)).growth}
    over = found["litellm"].slope_over_base
    assert found["litellm"].blocks == 7
    assert over is not None
    assert (over.low, over.high) == pytest.approx((1 * US, 6 * US))


def test_one_size_grows_nowhere() -> None:
    """A slope needs two sizes; equal sizes are one."""
    one = {"history-20": 20.0}
    assert grown({"openai": per_unit(one, 400, [3])}, one) == {}
    same = {"history-20": 20.0, "history-21": 20.0}
    assert grown({"openai": per_unit(same, 400, [3])}, same) == {}


@given(factor=st.floats(0.01, 1_000), medians=st.lists(st.tuples(*[st.floats(1e-5, 1e-1)] * 3), min_size=6, max_size=9))
def test_larger_units_have_larger_slopes(factor: float, medians: list[tuple[float, float, float]]) -> None:
    """Counted in units ``factor`` times as small, every size is ``factor`` times as large and the slope shrinks so."""
    arms = [_side(name, [row[index] for row in medians]) for index, name in enumerate(SIZES)]

    def slope_at(scale: float) -> Interval:
        listed = [facts(name, size * scale) for name, size in SIZES.items()]
        (one,) = growth(arms, [manifest(cassettes=listed)])
        assert one.slope is not None
        return one.slope

    scaled, plain = slope_at(factor), slope_at(1)
    for found, expected in ((scaled.estimate, plain.estimate), (scaled.low, plain.low), (scaled.high, plain.high)):
        assert found * factor == pytest.approx(expected, rel=1e-6, abs=1e-15)


def _side(workload: str, medians_s: list[float]) -> ArmBlocks:
    blocks = {number: Block(median, median, 0.0, 10) for number, median in enumerate(medians_s)}
    cell = replace(KEY, workload=workload, cell_id=workload)
    return ArmBlocks(cell, "openai", "openai", "2.54.0", "httpx", "0.28.1", 10, 0, 0, 10, 0, 10, blocks)


def test_cells_along_an_axis_are_in_growth_alone() -> None:
    """Comparisons, layers, summaries and the headline are the plain chat's; every call is counted."""
    arms = {"raw_http": constant(60), "openai": constant(400), "openai-null": constant(400), "litellm": constant(900)}
    found = analysed(arms, plain=True)
    assert {one.cell.workload for one in (*found.comparisons, *found.headline.comparisons)} == {"chat"}
    assert {one.cell.workload for one in found.summaries} == {one.cell.workload for one in found.layers} == {"chat"}
    assert {one.arm for one in found.growth} == set(arms)
    assert found.calls_total == 4 * 4 * 6 * 10


def test_async_and_sync_along_an_axis_are_not_compared() -> None:
    """Each mode has its own slope."""
    conditions = [Condition(workload=name, mode=mode) for name in SIZES for mode in ("sync", "async")]
    frame = calls_frame({"openai": per_unit(SIZES, 400, [3])}, conditions)
    found = analyse(frame, cold_frame(), [manifest(cassettes=[facts(name, size) for name, size in SIZES.items()])])
    assert found.modes == ()
    assert sorted(one.mode for one in found.growth) == ["async", "sync"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"stream": True}, False),
        ({"operation": "responses"}, False),
        ({"workload": "chat"}, False),
        ({"run_id": "run-2"}, False),
    ],
)
def test_a_cell_is_grown_where_its_own_runs_cassette_has_an_axis(change: dict[str, object], expected: bool) -> None:
    """Provider, model, workload, operation, stream and run must all agree."""
    listed = [facts("history-1", 1), facts("chat", 1, axis=None)]
    assert is_grown(replace(KEY, **change), [manifest(cassettes=listed), manifest("run-2")]) is expected  # type: ignore[arg-type]  # parametrised


def test_a_manifest_from_before_there_were_axes_has_none() -> None:
    """No operation, no axis, no size: a plain cell."""
    old = {"provider": "openai", "model": "gpt-5-mini", "workload": "history-1", "stream": False}
    assert not is_grown(KEY, [manifest(cassettes=[old])])


@pytest.mark.parametrize("text", ["{}", "[3]", "["])
def test_damaged_cassettes_are_one_line(text: str) -> None:
    """It names the run and the field."""
    with pytest.raises(DataError, match=r"^run run-1: cassettes: expected [^\n]*damaged$"):
        is_grown(KEY, [replace(manifest(), cassettes=text)])
