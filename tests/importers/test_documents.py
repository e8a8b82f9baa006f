"""Documents of other tools: what each states, in its own units, and what is left out of it."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from harness.dataset.store import Store
from harness.errors import DataError
from tests.importers.conftest import Import

START_NS = 1_790_000_000_000_000_000


def attributes(**told: Any) -> list[dict[str, Any]]:
    """OTLP's way of writing a mapping; underscores stand for dots."""
    kinds = {str: "stringValue", bool: "boolValue", int: "intValue", float: "doubleValue"}
    return [
        {"key": name.replace("__", "."), "value": {kinds[type(value)]: str(value) if type(value) is int else value}}
        for name, value in told.items()
    ]


def span(seconds: float, *, error: bool = False, events: tuple[Any, ...] = (), **told: Any) -> dict[str, Any]:
    """One span."""
    return {
        "traceId": "t",
        "spanId": f"s{seconds}{len(told)}",
        "startTimeUnixNano": str(START_NS),
        "endTimeUnixNano": str(START_NS + int(seconds * 1e9)),
        "attributes": attributes(**told),
        "events": list(events),
        "status": {"code": 2} if error else {},
    }


OTLP = [
    {
        "resourceSpans": [
            {
                "scopeSpans": [
                    {
                        "spans": [
                            span(
                                2.5,
                                gen_ai__provider__name="openai",
                                gen_ai__operation__name="chat",
                                gen_ai__request__model="gpt-5-mini",
                                gen_ai__request__max_tokens=300,
                                gen_ai__request__stream=True,
                                gen_ai__response__time_to_first_chunk=0.4,
                                gen_ai__input__messages="a secret",
                            ),
                            span(
                                3.5,
                                gen_ai__system="anthropic",
                                gen_ai__request__model="claude",
                                gen_ai__usage__prompt_tokens=10,
                                llm__is_streaming=True,
                                events=({"name": "first_token", "timeUnixNano": str(START_NS + 600_000_000)},),
                            ),
                            span(
                                0.1, error=True, gen_ai__system="openai", gen_ai__request__model="m", error__type="429"
                            ),
                            span(9.0, gen_ai__operation__name="execute_tool", gen_ai__tool__name="search"),
                            span(9.0, http__route="/home"),
                        ]
                    }
                ]
            }
        ]
    }
]

LANGFUSE = [
    {
        "id": "o1",
        "type": "GENERATION",
        "startTime": "2026-11-20T10:00:00.000Z",
        "endTime": "2026-11-20T10:00:02.500Z",
        "completionStartTime": "2026-11-20T10:00:00.400Z",
        "model": "gpt-5-mini",
        "modelParameters": {"max_tokens": 300},
        "usageDetails": {"input": 10, "output": 20},
        "input": "a secret",
        "level": "DEFAULT",
    },
    {"id": "o2", "type": "SPAN", "startTime": "2026-11-20T10:00:00.000Z"},
    {
        "id": "o3",
        "type": "GENERATION",
        "startTime": "2026-11-20T10:00:00.000Z",
        "endTime": "2026-11-20T10:00:09.000Z",
        "model": "gpt-5-mini",
        "level": "ERROR",
        "statusMessage": "Request timed out: a secret",
    },
]

HELICONE = [
    {
        "request_id": "h1",
        "request_created_at": "2026-11-20T10:00:00Z",
        "provider": "OPENAI",
        "request_model": "gpt-5-mini",
        "delay_ms": 2500,
        "time_to_first_token": 400,
        "response_status": 200,
        "request_body": {"stream": True, "max_tokens": 300, "messages": "a secret"},
    }
]

AIPERF = [
    {
        "metadata": {"x_request_id": "a1", "request_start_ns": START_NS, "request_end_ns": START_NS + 2_500_000_000},
        "metrics": {
            "time_to_first_token": {"value": 400.0, "unit": "ms"},
            "request_latency": {"value": 2500.0, "unit": "ms"},
            "inter_chunk_latency": {"value": [5.0, 250.0, 7.0], "unit": "ms"},
        },
        "error": None,
    },
    {
        "metadata": {"x_request_id": "a2", "request_start_ns": START_NS, "request_end_ns": START_NS + 500_000_000},
        "metrics": {"error_isl": {"value": 550, "unit": "tokens"}},
        "error": {"code": 503, "type": "HTTPError", "message": "a secret"},
    },
]

GUIDELLM = {
    "benchmarks": [
        {
            "worker": {"backend_model": "llama"},
            "requests": {
                "successful": [
                    {
                        "request_id": "g1",
                        "start_time": 1_790_000_000.0,
                        "end_time": 1_790_000_002.5,
                        "request_latency": 2.5,
                        "time_to_first_token_ms": 400.0,
                        "inter_token_latency_ms": 20.0,
                        "prompt": "a secret",
                        "prompt_tokens": 10,
                        "output_tokens": 100,
                    }
                ],
                "errored": [
                    {"request_id": "g2", "start_time": 1_790_000_000.0, "end_time": 1_790_000_001.0, "error": "timeout"}
                ],
            },
        }
    ]
}

VLLM = {
    "model_id": "llama",
    "ttfts": [0.4, 0.0],
    "itls": [[0.02, 0.25, 0.03], []],
    "input_lens": [10, 10],
    "output_lens": [4, 0],
    "errors": ["", "ServerDisconnectedError: a secret"],
    "generated_texts": ["a secret", ""],
}

LLMETER = [{"id": "l1", "time_to_first_token": 0.4, "time_to_last_token": 2.5, "num_tokens_output": 20, "error": None}]

HAR = {
    "log": {
        "entries": [
            {
                "startedDateTime": "2026-11-20T10:00:00.000Z",
                "time": 2500,
                "request": {
                    "method": "POST",
                    "url": "https://api.openai.com/v1/chat/completions",
                    "headers": [{"name": "authorization", "value": "Bearer secret"}],
                    "postData": {"text": json.dumps({"model": "gpt-5-mini", "stream": True, "messages": "a secret"})},
                },
                "response": {"status": 200},
                "timings": {"blocked": -1, "dns": 5, "connect": 45, "send": 10, "wait": 340, "receive": 2100},
            },
            {"request": {"method": "GET", "url": "https://example.com/"}, "response": {"status": 200}, "time": 5},
        ]
    }
}

LINES: dict[str, list[Any]] = {
    "otlp": OTLP,
    "langfuse": LANGFUSE,
    "helicone": HELICONE,
    "aiperf": AIPERF,
    "llmeter": LLMETER,
}
WHOLE: dict[str, Any] = {"guidellm": GUIDELLM, "vllm": VLLM, "har": HAR}
MODEL = '[constants]\nmodel = "llama"\n'
NAMELESS = ("aiperf", "llmeter")


def rows(store: Store, run_id: str) -> pd.DataFrame:
    """The imported calls, in the order of the file."""
    return store.calls([run_id]).sort_values("sequence", ignore_index=True)


@pytest.mark.parametrize("form", [*LINES, *WHOLE])
def test_the_first_call_of_each_is_read_in_its_own_units(store: Store, bring: Import, form: str) -> None:
    """2.5 s in all and 0.4 s to the first chunk, however they are written; and no secret is kept."""
    text = "\n".join(map(json.dumps, LINES[form])) if form in LINES else json.dumps(WHOLE[form], indent=1)
    found = bring(form, text, MODEL if form in NAMELESS else "", name="file.json")
    calls = rows(store, found.run_id)
    first = calls.iloc[0]
    if form != "vllm":
        assert first["duration_ns"] == pytest.approx(2.5e9)
    assert first["time_to_first_chunk_ns"] == pytest.approx(0.4e9)
    assert bool(first["request_stream"])
    assert first["outcome"] == "ok"
    for path in store.root.rglob("*"):
        assert not path.is_file() or b"secret" not in path.read_bytes()


def test_a_list_is_read_like_lines(store: Store, bring: Import) -> None:
    """Exports come as either."""
    found = bring("langfuse", json.dumps(LANGFUSE), name="file.json")
    assert found.imported == 2


def test_spans_that_are_no_calls_are_passed_over(store: Store, bring: Import) -> None:
    """Old names and new, the first chunk by attribute or by event, a failure by its status."""
    found = bring("otlp", json.dumps(OTLP[0]), name="spans.json")
    calls = rows(store, found.run_id)
    assert (found.imported, found.quarantined) == (3, 0)
    assert list(calls["provider_name"]) == ["openai", "anthropic", "openai"]
    assert list(calls["time_to_first_chunk_ns"].dropna()) == [0.4e9, 0.6e9]
    assert list(calls["outcome"]) == ["ok", "ok", "error"]
    assert list(calls["error_type"].dropna()) == ["rate_limited"]
    assert calls["request_max_tokens"][0] == 300


def test_the_longest_silence_is_kept_where_gaps_are_stated(store: Store, bring: Import) -> None:
    """A mean says nothing about it."""
    aiperf = rows(store, bring("aiperf", "\n".join(map(json.dumps, AIPERF)), MODEL, name="a.jsonl").run_id)
    assert aiperf["max_chunk_gap_ns"][0] == 0.25e9
    assert list(aiperf["http_response_status_code"].dropna()) == [503]
    vllm = rows(store, bring("vllm", json.dumps(VLLM), name="v.json").run_id)
    assert vllm["max_chunk_gap_ns"][0] == 0.25e9
    assert vllm["duration_ns"][0] == pytest.approx(0.7e9)
    assert list(vllm["error_type"].dropna()) == ["network"]
    guide = rows(store, bring("guidellm", json.dumps(GUIDELLM), name="g.json").run_id)
    assert guide["max_chunk_gap_ns"].isna().all()
    assert list(guide["outcome"]) == ["ok", "timeout"]


@pytest.mark.parametrize("form", [*LINES, *WHOLE])
@pytest.mark.parametrize(
    "text", ["{}", "[1, 2]", "not json at all", '{"resourceSpans": 7, "benchmarks": [3], "log": 1}']
)
def test_foreign_documents_are_refused_in_one_line(store: Store, bring: Import, form: str, text: str) -> None:
    """Whatever they hold instead."""
    with pytest.raises(DataError) as caught:
        bring(form, text, name="file.json")
    assert "\n" not in str(caught.value)
    assert store.manifests() == []
