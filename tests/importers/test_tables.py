"""Files of columns: what is read, in which unit, what is refused by row and what as a whole, and what stays out."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest

from harness.dataset.store import Store
from harness.errors import DataError, UsageError
from tests.importers.conftest import Import

GOOD = """\
request_id,timestamp,provider,model,stream,max_tokens,total_s,ttft_ms,completion_tokens,ok,error,api_key,prompt
a1,2026-11-20T10:00:00Z,openai,gpt-5-mini,true,300,2.5,400,120,true,,sk-secret,tell me a secret
a2,2026-11-20 11:00:00+01:00,openai,gpt-5-mini,false,300,3.0,,80,true,,sk-secret,another secret
a3,2026-11-21T10:00:00Z,openai,gpt-5-mini,true,300,0.2,,,false,429: rate limited sk-secret,sk-secret,third
a4,2026-11-21T10:00:00Z,openai,gpt-5-mini,true,300,60,,,false,Request timed out.,sk-secret,fourth
"""


def rows(store: Store, run_id: str) -> pd.DataFrame:
    """The imported calls, in the order of the file."""
    return store.calls([run_id]).sort_values("sequence", ignore_index=True)


def test_columns_are_found_by_their_names(store: Store, bring: Import) -> None:
    """Units by their endings, times with their zones, errors by what they say."""
    found = bring("csv", GOOD)
    assert (found.rows, found.imported, found.quarantined) == (4, 4, 0)
    calls = rows(store, found.run_id)
    assert list(calls["duration_ns"]) == [2.5e9, 3.0e9, 0.2e9, 60e9]
    assert list(calls["time_to_first_chunk_ns"].dropna()) == [400e6]
    assert list(calls["request_stream"]) == [True, False, True, True]
    assert list(calls["outcome"]) == ["ok", "ok", "error", "timeout"]
    assert list(calls["error_type"].dropna()) == ["rate_limited", "timeout.total"]
    assert list(calls["is_censored"]) == [False, False, False, True]
    assert calls["started_at"][0] == calls["started_at"][1] == pd.Timestamp("2026-11-20T10:00:00Z")
    assert set(calls["origin"]) == {"imported"}
    assert set(calls["backend"]) == {"production"}
    assert calls[["cpu_ns", "overhead_ns", "attempts", "client"]].isna().all(axis=None)


def test_what_is_no_measurement_is_not_kept(store: Store, bring: Import) -> None:
    """Prompts, keys, ids and the text of errors reach no file of the dataset."""
    bring("csv", GOOD + "bad,,openai,gpt-5-mini,true,300,sk-secret,,,true,,sk-secret,tell me a secret\n")
    written = [path for path in store.root.rglob("*") if path.is_file()]
    assert any(path.suffix == ".csv" for path in written)
    for path in written:
        held = path.read_bytes()
        assert b"secret" not in held


def test_importing_twice_adds_nothing(store: Store, bring: Import) -> None:
    """The same file is the same run; a longer one brings only the calls that are new."""
    first = bring("csv", GOOD)
    again = bring("csv", GOOD, name="renamed.csv")
    assert (again.was_there, again.run_id, again.imported) == (True, first.run_id, 0)
    longer = bring("csv", GOOD + "a5,2026-11-22T10:00:00Z,openai,gpt-5-mini,true,300,1.5,300,50,true,,,\n")
    assert (longer.imported, longer.repeated) == (1, 4)
    everything = store.calls([each.run_id for each in store.manifests()])
    assert len(everything) == everything["call_id"].nunique() == 5


def test_bad_rows_are_quarantined_and_good_ones_imported(bring: Import) -> None:
    """Each with its place and its reason, and never with what stood there."""
    found = bring(
        "csv",
        "model,duration_s,stream,ttft_s,timestamp,ok\n"
        "m,1.0,true,0.5,2026-11-20T10:00:00Z,true\n"
        "m,soon,true,0.5,2026-11-20T10:00:00Z,true\n"
        "m,-1,true,0.5,2026-11-20T10:00:00Z,true\n"
        "m,0,true,,2026-11-20T10:00:00Z,true\n"
        "m,inf,true,0.5,2026-11-20T10:00:00Z,true\n"
        ",1.0,true,0.5,2026-11-20T10:00:00Z,true\n"
        "m,1.0,maybe,0.5,2026-11-20T10:00:00Z,true\n"
        "m,1.0,true,5.0,2026-11-20T10:00:00Z,true\n"
        "m,1.0,true,0.5,yesterday,true\n"
        "m,1.0,true,0.5,2126-11-20T10:00:00Z,true\n"
        "m,2500000,true,0.5,2026-11-20T10:00:00Z,true\n"
        "m,,true,,2026-11-20T10:00:00Z,true\n"
        "m,1.0,true,0.5,2026-11-20T10:00:00Z,true,one,too,many\n"
        "m,2.0,true,0.5,2026-11-20T10:00:00Z,true\n",
    )
    assert (found.rows, found.imported, found.quarantined) == (14, 2, 12)
    assert found.quarantine is not None
    kept = list(csv.DictReader(found.quarantine.read_text(encoding="utf-8").splitlines()))
    assert [(row["where"], row["number"]) for row in kept][:3] == [("row", "2"), ("row", "3"), ("row", "4")]
    reasons = [row["reason"].partition(":")[0] for row in kept]
    assert reasons == [
        *("duration", "duration", "duration", "duration", "model", "stream", "first_chunk", "started_at"),
        *("started_at", "duration", "duration", "no row of this table"),
    ]
    assert "soon" not in found.quarantine.read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "expected columns that state model and duration"),
        ("model,latency\nm,3\n", "with its unit"),
        ("model,latency_s\n", "got none"),
        ("model,latency_s\nm,?\nm,!\n", "got 2 that cannot be read"),
        ("", "state model and duration"),
        ("\x00\x01\x02 binary \xff", "state model and duration"),
    ],
)
def test_a_foreign_file_is_refused_in_one_line(bring: Import, store: Store, text: str, said: str) -> None:
    """And leaves no run behind."""
    with pytest.raises(DataError) as caught:
        bring("csv", text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert store.manifests() == []


def test_a_missing_file_and_an_unknown_format_are_told(bring: Import, store: Store, tmp_path: Path) -> None:
    """By name."""
    from harness.importers import import_files

    with pytest.raises(DataError, match="nowhere"):
        import_files(store, "csv", [tmp_path / "nowhere.csv"], None, lambda rows: None)
    with pytest.raises(UsageError, match="expected one of csv"):
        import_files(store, "excel", [tmp_path / "nowhere.csv"], None, lambda rows: None)


MAPPING = """
[columns]
model = "deployment"
duration = { column = "elapsed", unit = "ms" }
started_at = { column = "ts", unit = "s" }
first_chunk = "first_us"

[constants]
provider = "azure"
stream = true
timeout_s = 60
"""


def test_a_mapping_names_columns_units_and_constants(store: Store, bring: Import) -> None:
    """Milliseconds, microseconds by the name's ending, seconds from the epoch."""
    found = bring("csv", "deployment,elapsed,ts,first_us\ngpt-5,1500,1795000000,250000\n", MAPPING)
    call = rows(store, found.run_id).iloc[0]
    assert (call["duration_ns"], call["time_to_first_chunk_ns"], call["timeout_ns"]) == (1.5e9, 0.25e9, 60e9)
    assert (call["provider_name"], call["request_model"], bool(call["request_stream"])) == ("azure", "gpt-5", True)
    assert call["started_at"] == pd.Timestamp(1795000000, unit="s", tz="UTC")


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ("[columns]\nmodell = 'm'\n", "columns.modell: expected one of id"),
        ("[columns]\nduration = 'elapsed'\n", "columns.duration: expected a unit"),
        ("[columns]\nduration = { column = 'x', unit = 'minutes' }\n", "unit"),
        ("[constants]\ntimeout = 60\n", "constants.timeout: expected one of"),
        ("[columns\n", "syntax error"),
    ],
)
def test_a_mistaken_mapping_is_told_in_one_line(bring: Import, mapping: str, said: str) -> None:
    """Before any row is read."""
    with pytest.raises(UsageError) as caught:
        bring("csv", "m,elapsed\na,1\n", mapping)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_mapped_column_must_be_there(bring: Import) -> None:
    """Else every row would be without it."""
    with pytest.raises(DataError, match="expected a column 'deployment', as mapped, got model"):
        bring("csv", "model,duration_s\nm,1\n", "[columns]\nmodel = 'deployment'\n")


def test_json_lines_are_read_by_path(store: Store, bring: Import) -> None:
    """A broken line is quarantined; a nested value is a dotted path."""
    found = bring(
        "jsonl",
        '{"request": {"model": "m"}, "duration_s": 1.5, "ok": true}\nnot json\n'
        '{"request": {"model": "m"}, "duration_s": 2.5, "ok": true}\n',
        "[columns]\nmodel = 'request.model'\n",
    )
    assert (found.imported, found.quarantined) == (2, 1)
    assert list(rows(store, found.run_id)["duration_ns"]) == [1.5e9, 2.5e9]


def test_parquet_is_read(store: Store, tmp_path: Path) -> None:
    """With its own types."""
    from harness.importers import import_files

    frame = pd.DataFrame({"model": ["m", "m"], "duration_s": [1.0, 2.0], "stream": [True, False]})
    path = tmp_path / "calls.parquet"
    frame.to_parquet(path)
    (found,) = import_files(store, "parquet", [path], None, lambda rows: None)
    assert list(rows(store, found.run_id)["request_stream"]) == [True, False]


SPEND = """\
request_id,call_type,api_key,spend,total_tokens,prompt_tokens,completion_tokens,startTime,endTime,completionStartTime,\
model,custom_llm_provider,user,messages,status
r1,acompletion,hash,0.01,30,10,20,2026-11-20 10:00:00.000,2026-11-20 10:00:03.500,2026-11-20 10:00:00.400,gpt-5-mini,\
openai,me,"[{""secret"": 1}]",success
r2,acompletion,hash,0.01,30,10,20,2026-11-20 10:00:00.000,2026-11-20 10:00:02.000,2026-11-20 10:00:02.000,gpt-5-mini,\
openai,me,,success
r3,acompletion,hash,0,0,0,0,2026-11-20 10:00:00.000,2026-11-20 10:00:00.100,,gpt-5-mini,openai,me,,failure
"""


def test_litellms_spend_logs_tell_streams_by_their_first_chunk(store: Store, bring: Import) -> None:
    """Completion start equal to the end is a whole answer; a failure is no fast call."""
    found = bring("litellm", SPEND, name="spend.csv")
    calls = rows(store, found.run_id)
    assert list(calls["request_stream"]) == [True, False, False]
    assert list(calls["time_to_first_chunk_ns"].dropna()) == [400e6]
    assert list(calls["duration_ns"]) == [3.5e9, 2.0e9, 0.1e9]
    assert list(calls["outcome"]) == ["ok", "ok", "error"]
    assert set(calls["client"]) == {"litellm"}


def test_llmperfs_zero_latencies_of_failures_are_no_measurements(store: Store, bring: Import) -> None:
    """Too few tokens is an answer all the same."""
    found = bring(
        "llmperf",
        '[{"error_code": null, "ttft_s": 0.4, "end_to_end_latency_s": 2.0, "model": "meta/llama", "error_msg": ""},'
        '{"error_code": -100, "ttft_s": 0.4, "end_to_end_latency_s": 1.0, "model": "meta/llama", "error_msg": "few"},'
        '{"error_code": 429, "ttft_s": 0, "end_to_end_latency_s": 0, "model": "meta/llama", "error_msg": "slow down"}]',
        name="x_individual_responses.json",
    )
    calls = rows(store, found.run_id)
    assert list(calls["outcome"]) == ["ok", "ok", "error"]
    assert list(calls["duration_ns"].dropna()) == [2e9, 1e9]
    assert list(calls["http_response_status_code"].dropna()) == [429]
    assert set(calls["provider_name"]) == {"meta"}


def test_what_a_killed_import_left_does_not_stand_beside_what_it_writes_anew(store: Store, bring: Import) -> None:
    """Though the second time there may be fewer parts: another import brought some of its calls meanwhile."""
    from dataclasses import replace

    first = bring("csv", GOOD)
    store.write_manifest(replace(store.manifest(first.run_id), is_complete=False))
    (part,) = store.root.glob("dataset/calls/**/*.parquet")
    left = part.with_name(part.name.replace("-b0000", "-b0007"))
    left.write_bytes(part.read_bytes())
    again = bring("csv", GOOD)
    assert (again.run_id, again.imported) == (first.run_id, 4)
    assert len(store.calls([first.run_id])) == 4
    assert not left.exists()
