"""Every client, both colours, whole and streamed, against the real backend: the content, not only success."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cassette import load_cassette
from harness.clients import CLIENTS, Client, Question, Target, client_named
from harness.conductor.processes import WorkerProcess
from harness.errors import UsageError
from harness.load.outcome import Truth
from harness.load.pipe import CellSpec, WorkerSpec
from harness.places import benchmarks_dir
from harness.replay.dialects.openai_chat import truth
from harness.replay.journal import JournalReader
from harness.replay.launch import BackendProcess, start_backend
from harness.replay.routes import base_url
from harness.workload import load_workload

pytestmark = pytest.mark.real

CASSETTES = benchmarks_dir() / "cassettes"
NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BackendProcess, JournalReader]]:
    """One backend for all clients, and what it saw."""
    journal = tmp_path_factory.mktemp("journal") / "journal"
    with start_backend(CASSETTES, journal) as process:
        yield process, JournalReader(journal)


def question_for(model: str, *, stream: bool) -> Question:
    """The shipped chat workload."""
    workload = load_workload(benchmarks_dir() / "workloads" / "chat.toml")
    messages = tuple(message.model_dump() for message in workload.messages)
    return Question("openai", model, messages, workload.max_tokens, workload.parameters, stream)


def cassette_name(model: str, *, stream: bool) -> str:
    """The shipped cassette of a model."""
    return f"openai-{model}-chat" + ("-stream" if stream else "")


SHAPES = [(model, stream) for model in ("gpt-5-mini", "gpt-4o-mini") for stream in (False, True)]


def spec_for(name: str, mode: str, port: int, asked_model: str | None = None) -> WorkerSpec:
    """A worker with one cell per model and shape; ``asked_model`` asks for another model than the cassette holds."""
    cells = []
    for model, stream in SHAPES:
        cassette_id = cassette_name(model, stream=stream)
        known = truth(load_cassette(CASSETTES / f"{cassette_id}.cassette.jsonl"))
        target = Target(base_url(port, "none", cassette_id) + "/v1", "sk-test", 10.0)
        question = question_for(asked_model or model, stream=stream)
        cells.append(CellSpec(target, question, Truth(known.text, known.finish_reason)))
    return WorkerSpec(name, mode, tuple(cells))


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_brings_the_cassettes_content_in_one_request(
    name: str, mode: str, backend: tuple[BackendProcess, JournalReader]
) -> None:
    """Whole and streamed, two models: text, finish reason and usage are the cassette's; one matched request each."""
    process, journal = backend
    journal.drain()
    with WorkerProcess(name, spec_for(name, mode, process.port)) as worker:
        for cell in range(len(SHAPES)):
            assert worker.warm(cell, 1) is None
            assert worker.call(cell, next(NUMBERS)) is None
        dump = worker.dump()
    assert dump.foreign_modules == ()
    assert [marks.outcome for marks in dump.marks] == ["ok"] * len(SHAPES)
    entries = {entry.call_number: entry for entry in journal.drain() if entry.call_number}
    for marks, (model, stream) in zip(dump.marks, SHAPES, strict=True):
        known = truth(load_cassette(CASSETTES / f"{cassette_name(model, stream=stream)}.cassette.jsonl"))
        entry = entries[marks.call_number]
        assert marks.output_tokens == known.output_tokens
        assert (entry.matched, entry.status, entry.attempt) == (True, 200, 1)
        assert entry.connection_reused or stream, "a whole answer leaves its connection for the next call"
        assert marks.started_ns <= entry.received_ns <= entry.last_byte_sent_ns <= marks.finished_ns
        assert len(marks.arrivals_ns) == (len(entry.chunk_sent_ns) - 1 if stream else 0)


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_that_asks_for_something_else_is_refused_and_says_so(
    name: str, mode: str, backend: tuple[BackendProcess, JournalReader]
) -> None:
    """A request that matches no cassette is answered with a 4xx; the call is an error with its status, never ok."""
    process, journal = backend
    journal.drain()
    with WorkerProcess(name, spec_for(name, mode, process.port, asked_model="gpt-5-nano")) as worker:
        for cell in range(len(SHAPES)):
            failure = worker.warm(cell, 1)
            assert failure is not None
            assert "gpt-5-nano" in failure
            worker.call(cell, next(NUMBERS))
        dump = worker.dump()
    assert {(marks.outcome, marks.error_type, marks.status_code) for marks in dump.marks} == {
        ("error", "client_error", 422)
    }
    asked = [entry for entry in journal.drain() if entry.call_number]
    assert [entry.attempt for entry in asked] == [1] * len(SHAPES), "retries are off"


def test_an_unknown_client_is_refused_by_name() -> None:
    """UsageError listing what there is."""
    with pytest.raises(UsageError, match="raw_http, openai, litellm"):
        client_named("openay")


def test_the_client_files_have_the_same_functions_in_the_same_order() -> None:
    """Two client files diff cleanly: what the protocol names, each defines, in its order."""
    expected = [name for name in vars(Client) if not name.startswith("_") and name != "FACTS"]
    for name in CLIENTS:
        defined = [
            node.name
            for node in ast.parse(Path(str(vars(client_named(name))["__file__"])).read_text()).body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        assert [function for function in defined if function in expected] == expected, name
