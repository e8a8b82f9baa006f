"""The stack of one cell: every layer adds to the one below, and the sum is the whole."""

from __future__ import annotations

import pytest

from harness.analysis.analyse import analyse
from harness.analysis.findings import Layer
from tests.analysis.scripted import Overhead, calls_frame, cold_frame, constant, manifest, per_block

US = 1e-6


def stack(arms: dict[str, Overhead], blocks: int = 6) -> tuple[Layer, ...]:
    """Layers of one cell of these arms."""
    return analyse(calls_frame(arms, blocks=blocks), cold_frame(), [manifest(blocks=blocks)]).layers


def test_each_layer_adds_to_the_one_below() -> None:
    """60 µs of HTTP, 340 of SDK, 1,600 of LiteLLM."""
    found = stack(
        {"litellm": constant(2_000), "openai-null": constant(400), "openai": constant(400), "raw_http": constant(60)}
    )
    assert [layer.label for layer in found] == ["bare HTTP", "openai SDK", "LiteLLM"]
    assert [layer.adds_s for layer in found] == pytest.approx([60 * US, 340 * US, 1_600 * US])
    assert [layer.cumulative_s for layer in found] == pytest.approx([60 * US, 400 * US, 2_000 * US])


def test_what_a_layer_adds_is_the_estimate_inside_its_interval() -> None:
    """Walsh averages of 10, 20 … 60 have the median 35; the lowest layer stands on nothing and has no interval."""
    found = stack({"raw_http": constant(100), "openai": per_block([110, 120, 130, 140, 150, 160])})
    assert found[0].interval is None
    interval = found[1].interval
    assert interval is not None
    assert (interval.low, found[1].adds_s, interval.high) == pytest.approx((10 * US, 35 * US, 60 * US))


def test_with_too_few_blocks_a_layer_adds_the_median_difference() -> None:
    """Three blocks: no interval, still a picture."""
    found = stack({"raw_http": constant(100), "openai": per_block([110, 120, 190])}, blocks=3)
    assert found[1].adds_s == pytest.approx(20 * US)
    assert found[1].interval is None


def test_a_stack_without_its_ground_starts_with_what_is_there() -> None:
    """Without bare HTTP the SDK's layer is its own whole overhead."""
    found = stack({"openai": constant(400), "litellm": constant(2_000)})
    assert [layer.arm for layer in found] == ["openai", "litellm"]
    assert [layer.adds_s for layer in found] == pytest.approx([400 * US, 1_600 * US])
