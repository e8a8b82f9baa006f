"""What a run says of itself: its manifest, its plan's order, its cassettes' latencies."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from harness.analysis.pressure import pressures
from harness.analysis.provenance import cell_order, fingerprint, has_kernel_stamps, latency_models, run_summary
from harness.errors import DataError
from harness.record import BlockPressure
from tests.analysis.example import CASSETTES, PLAN, conditions
from tests.analysis.scripted import manifest, quiet

WRONG_FIGURES = json.dumps([{**CASSETTES[0], "latency": 3}])


def test_a_run_is_summarised_with_its_environment_laid_flat() -> None:
    """Nested facts keep their path; texts stay as they are."""
    found = run_summary(manifest(blocks=8))
    assert (found.duration_s, found.blocks_done, found.is_complete) == (150.0, 8, True)
    assert found.environment == (("arrival_stamps", "kernel"), ("cpu.model", "scripted"), ("cpu.cores", "2"))


def test_an_interrupted_run_has_no_duration() -> None:
    """It never finished."""
    assert run_summary(manifest(is_complete=False)).duration_s is None


def test_blocks_under_pressure_are_named() -> None:
    """More than 40 % of PSI or more than 5 % of steal; exactly the bound is still quiet; unknown is quiet."""
    strained = [
        BlockPressure(1, 40.0, 5.0, 0, 0, 0),
        BlockPressure(2, 40.1, 0.0, 0, 0, 0),
        BlockPressure(3, 0.0, 5.1, 0, 0, 0),
        BlockPressure(4, None, None, None, None, 0),
    ]
    assert run_summary(manifest(pressure=[quiet(0), *strained])).pressured_blocks == (2, 3)


def test_cells_have_the_order_of_their_plan() -> None:
    """As the example writes it: paced before hot, whole before stream, sync before async."""
    order = cell_order(manifest(plan_text=PLAN))
    assert sorted(order, key=lambda cell: order[cell]) == [condition.cell_id for condition in conditions()]


@pytest.mark.parametrize("text", ["", "not toml [", 'name = "another version"'])
def test_a_plan_that_no_longer_validates_orders_nothing(text: str) -> None:
    """Old runs stay readable."""
    assert cell_order(manifest(plan_text=text)) == {}


def test_each_latency_is_listed_once() -> None:
    """The whole answer's cassette and the stream's state the same figures."""
    (one,) = latency_models([manifest(cassettes=CASSETTES), manifest("run-2", cassettes=CASSETTES)])
    assert (one.model, one.origin, one.base_s, one.n, one.max_tokens) == ("gpt-5-mini", "authored", 0.84, 113, 300)


def test_cassettes_without_figures_state_no_latency() -> None:
    """Recorded ones speak for themselves."""
    assert latency_models([manifest(cassettes=[{**CASSETTES[0], "latency": None}])]) == ()


@pytest.mark.parametrize(("stamps", "kernel"), [("kernel", True), ("read", False), ("", False)])
def test_kernel_stamps_are_what_the_fingerprint_says(stamps: str, kernel: bool) -> None:
    """Unknown counts as the read."""
    assert has_kernel_stamps(manifest(arrival_stamps=stamps)) is kernel


@pytest.mark.parametrize("text", ["{", "[]", "3"])
def test_a_damaged_fingerprint_is_one_line(text: str) -> None:
    """It names the run and the field."""
    with pytest.raises(DataError, match=r"^run run-1: fingerprint: expected .*, got [^\n]*$"):
        fingerprint(replace(manifest(), fingerprint=text))


@pytest.mark.parametrize("text", ["{", "{}", "3", '[{"block": 1}]', "[4]"])
def test_damaged_pressure_is_one_line(text: str) -> None:
    """It names the run and the field."""
    with pytest.raises(DataError, match=r"^run run-1: pressure: expected [^\n]*damaged$"):
        pressures(replace(manifest(), pressure=text))


@pytest.mark.parametrize("text", ["{}", "[3]", '[{"latency": {}}]', '[{"latency": 3}]', WRONG_FIGURES])
def test_damaged_cassettes_are_one_line(text: str) -> None:
    """It names the run and the field."""
    with pytest.raises(DataError, match=r"^run run-1: cassettes: expected [^\n]*damaged$"):
        latency_models([replace(manifest(), cassettes=text)])
