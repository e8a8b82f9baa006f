"""The way from frames to findings: what it refuses, what it accepts, and that it stays JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pandas as pd
import pytest

from harness.analysis.analyse import Source, analyse, findings_from
from harness.analysis.findings import SelfTest
from harness.dataset.self_tests import SelfTestRecord
from harness.dataset.store import Store
from harness.errors import DataError
from harness.record import Attempt, Call, FaultCase, FirstCall, Manifest, OutageCall, Request
from tests.analysis.example import example_findings, example_inputs
from tests.analysis.scripted import calls_frame, cold_frame, constant, manifest

FRAME = calls_frame({"openai": constant(400), "openai-null": constant(400)})


def no_rows(columns: Iterable[str]) -> pd.DataFrame:
    """A table that was never written."""
    return pd.DataFrame(columns=list(columns))


@dataclass(frozen=True, slots=True)
class FakeStore:
    """A dataset held in frames."""

    frame: pd.DataFrame
    runs: tuple[Manifest, ...]
    records: tuple[SelfTestRecord, ...] = ()

    def calls(self, run_ids: Sequence[str]) -> pd.DataFrame:
        return self.frame[self.frame["run_id"].isin(run_ids)]

    def cold(self, run_ids: Sequence[str]) -> pd.DataFrame:
        return cold_frame(dict.fromkeys(run_ids, 1.0))

    def requests(self, run_ids: Sequence[str]) -> pd.DataFrame:
        return no_rows(field.name for field in fields(Request))

    def traffic(self, run_ids: Sequence[str]) -> pd.DataFrame:
        return no_rows(("run_id", "cell_id", "arm", "connections"))

    def first_calls(self, run_ids: Sequence[str]) -> pd.DataFrame:
        return no_rows(field.name for field in fields(FirstCall))

    def faults(self, run_ids: Sequence[str]) -> pd.DataFrame:
        return no_rows(field.name for field in fields(FaultCase))

    def outages(self, run_ids: Sequence[str]) -> pd.DataFrame:
        return no_rows(field.name for field in fields(OutageCall))

    def waits(self, run_ids: Sequence[str]) -> pd.DataFrame:
        return no_rows(("run_id", "provider"))

    def attempts(self, run_ids: Sequence[str]) -> pd.DataFrame:
        return no_rows(field.name for field in fields(Attempt))

    def manifests(self) -> Sequence[Manifest]:
        return self.runs

    def self_tests(self) -> Sequence[SelfTestRecord]:
        return self.records


def test_the_scripted_frame_has_the_columns_of_a_call() -> None:
    """What the tests here analyse is what the dataset gives."""
    assert list(FRAME.columns) == [field.name for field in fields(Call)]


def test_findings_are_json() -> None:
    """No NaN, no infinity, nothing that asdict cannot lay open."""
    text = json.dumps(asdict(example_findings(6)), allow_nan=False)
    assert json.loads(text)["calls_total"] == 6 * 60 * 4 * 8


def test_categories_give_the_same_findings_as_strings() -> None:
    """How the strings are held is the reader's business."""
    calls, cold, manifests = example_inputs(6, 5)
    words = [name for name in calls.columns if calls[name].dtype == "str"]
    assert {"arm", "cell_id", "outcome", "origin"} <= set(words)
    categories = calls.astype(dict.fromkeys(words, "category"))
    assert analyse(categories, cold, manifests) == analyse(calls, cold, manifests)


def test_nullable_integers_give_the_same_findings_as_floats() -> None:
    """The dataset gives float64 with NaN."""
    calls, cold, manifests = example_inputs(6, 5)
    nullable = [name for name in calls.columns if str(calls[name].dtype) == "Int64"]
    assert "chunk_delivery_ns" in nullable
    assert analyse(calls.astype(dict.fromkeys(nullable, "float64")), cold, manifests) == analyse(calls, cold, manifests)


def test_an_empty_table_is_one_line() -> None:
    """Nothing was measured."""
    with pytest.raises(DataError, match=r"^calls: expected at least one row, got [^\n]*$"):
        analyse(FRAME.iloc[:0], cold_frame(), [manifest()])


def test_a_foreign_table_is_one_line() -> None:
    """It names the first column that is missing."""
    with pytest.raises(DataError, match=r"^calls: expected the column 'overhead_ns', got none; [^\n]*$"):
        analyse(FRAME.drop(columns="overhead_ns"), cold_frame(), [manifest()])


def test_a_run_without_rows_is_one_line() -> None:
    """It was interrupted in its first block."""
    with pytest.raises(DataError, match=r"^run run-2: expected calls [^\n]*$"):
        analyse(FRAME, cold_frame(), [manifest(), manifest("run-2")])


def test_rows_without_their_run_are_one_line() -> None:
    """A copy of results/dataset without results/runs."""
    with pytest.raises(DataError, match=r"^run run-1: expected its manifest [^\n]*$"):
        analyse(FRAME, cold_frame(), [])


def test_of_a_store_only_the_chosen_runs_are_analysed() -> None:
    """Rows, manifests and cold rows of the others stay out; self-tests come along without their details."""
    frame = pd.concat([FRAME, FRAME.assign(run_id="run-2")], ignore_index=True)
    record = SelfTestRecord("A/A", "4 %", "≤ 7 %", passed=True, measured_at="2026-11-20", details="{}")
    found = findings_from(FakeStore(frame, (manifest(), manifest("run-2")), (record,)), ["run-2", "run-2"])
    assert [run.run_id for run in found.runs] == ["run-2"]
    assert {one.cell.run_id for one in found.summaries} == {"run-2"}
    assert found.calls_total == len(FRAME)
    assert found.self_tests == (SelfTest("A/A", "4 %", "≤ 7 %", passed=True, measured_at="2026-11-20"),)


def test_an_unknown_run_is_one_line() -> None:
    """Before anything is read."""
    with pytest.raises(DataError, match=r"^run nope: expected a run of this dataset, got none[^\n]*$"):
        findings_from(FakeStore(FRAME, (manifest(),)), ["nope"])


def test_the_dataset_is_a_source(tmp_path: Path) -> None:
    """The seam holds for the type checker, and an empty dataset knows no run."""
    source: Source = Store(tmp_path)
    with pytest.raises(DataError, match="nope"):
        findings_from(source, ["nope"])
