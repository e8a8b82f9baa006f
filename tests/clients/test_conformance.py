"""Every call path, both colours, over every workload it supports: what came back, not only success."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from harness import arms as arm_names
from harness.clients import CLIENTS, Client, client_named
from harness.conductor.cells import CellPlan, alias, can_run, cells_for, root_url, worker_spec
from harness.conductor.environments import DEFAULT, lacking
from harness.conductor.gateway import Deployment, Gateway
from harness.conductor.prepare import load_shelf, prepare_cells
from harness.conductor.processes import WorkerProcess
from harness.errors import UsageError
from harness.load.pipe import WorkerSpec
from harness.places import benchmarks_dir
from harness.plan import Arm, Cell
from harness.record import Marks
from harness.replay.dialects import dialect_for
from harness.replay.dialects.parts import Truth
from harness.replay.journal import JournalReader
from harness.replay.launch import BackendProcess, start_backend
from harness.vocabulary import Load, Mode, Operation

pytestmark = pytest.mark.real

NUMBERS = itertools.count(1)
KEY = "sk-test"
ARMS = tuple(Arm(name, name) for name in CLIENTS)
PATHS_AND_MODES = [(name, mode) for name in CLIENTS for mode in client_named(name).FACTS.modes]

DEVIATIONS = {
    ("any_llm", "gemini-gemini-2.5-flash-tools-stream"): "finish_reason_differs",
}
"""What a library makes of a right answer although it was handed one: (path, cassette) → how the call is judged.

any-llm 1.27 gives a streamed Gemini tool call the finish reason ``stop``, and the same whole answer ``tool_calls``.
"""


@cache
def every_cell() -> tuple[CellPlan, ...]:
    """One cell per shipped cassette and colour; whole and streamed answers at once, jobs with time to pass through."""
    shelf = load_shelf(benchmarks_dir() / "cassettes")
    cells = []
    for cassette, mode in itertools.product(shelf.cassettes, Mode):
        head = cassette.head
        is_job = head.operation is Operation.BACKGROUND
        pace = ("recorded" if head.workload == "job-late" else "capped:0.3") if is_job else "none"
        cells.append(
            Cell(
                cell_id=f"{cassette.cassette_id}/{mode}",
                provider=head.provider,
                model=head.model,
                workload=head.workload,
                mode=mode,
                stream=head.stream,
                load=Load.PACED if is_job else Load.HOT,
                calls=1,
                pace=pace,
                operation=head.operation,
            )
        )
    return prepare_cells(cells, ARMS, shelf, benchmarks_dir() / "workloads")


@cache
def truths() -> dict[str, Truth]:
    """What each shipped cassette says."""
    shelf = load_shelf(benchmarks_dir() / "cassettes")
    return {c.cassette_id: dialect_for(c.head.provider, c.head.operation).truth(c) for c in shelf.cassettes}


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BackendProcess, JournalReader]]:
    """One backend for all clients, and what it saw."""
    journal = tmp_path_factory.mktemp("journal") / "journal"
    with start_backend(benchmarks_dir() / "cassettes", journal) as process, JournalReader(journal) as reader:
        yield process, reader


@pytest.fixture(scope="module")
def gateway(backend: tuple[BackendProcess, JournalReader]) -> Iterator[str]:
    """One LiteLLM proxy in front of every chat cell."""
    if lacking(client_named("litellm_proxy").FACTS, DEFAULT):
        pytest.skip("the extra 'proxy' is not installed")
    index = CLIENTS.index("litellm_proxy")
    deployments = [
        Deployment(alias(n), cell.question.provider, cell.question.model, root_url(cell, backend[0].port), KEY, 10.0)
        for n, cell in enumerate(every_cell())
        if index in cell.arms
    ]
    with Gateway(deployments) as process:
        yield process.url


def spec_of(name: str, mode: str, port: int, gateway_url: str) -> tuple[WorkerSpec, tuple[int, ...]]:
    """A worker with every cell that this path has in this colour."""
    numbers = cells_for(every_cell(), CLIENTS.index(name), Mode(mode))
    return worker_spec(every_cell(), Arm(name, name), numbers, Mode(mode), port, gateway_url), numbers


@pytest.mark.slow
@pytest.mark.parametrize(("name", "mode"), PATHS_AND_MODES)
def test_a_path_brings_the_content_of_every_workload_it_supports(
    name: str, mode: str, backend: tuple[BackendProcess, JournalReader], request: pytest.FixtureRequest
) -> None:
    """Text, finish reason, tool calls and usage are the cassette's; one matched request each (a job: several)."""
    process, journal = backend
    url = request.getfixturevalue("gateway") if name == "litellm_proxy" else ""
    spec, numbers = spec_of(name, mode, process.port, url)
    journal.drain()
    with WorkerProcess(name, spec) as worker:
        for local, number in enumerate(numbers):
            worker.warm(local, 0 if every_cell()[number].question.job else 1)
            worker.call(local, next(NUMBERS))
        dump = worker.dump()
    assert dump.foreign_modules == ()
    seen = {entry.call_number: entry for entry in journal.drain() if entry.call_number}
    for marks in dump.marks:
        cell = every_cell()[numbers[marks.cell]]
        deviation = DEVIATIONS.get((name, cell.cassette_id))
        expected = ("wrong_content", deviation) if deviation else (cell.truth.outcome, marks.error_type)
        assert (marks.outcome, marks.error_type) == expected, (cell.cassette_id, marks.error_class)
        if marks.outcome == "ok" and cell.question.job is None:
            entry = seen[marks.call_number]
            assert (entry.matched, entry.status, entry.attempt) == (True, 200, 1), cell.cassette_id
            assert marks.started_ns <= entry.received_ns <= entry.last_byte_sent_ns <= marks.finished_ns
            check_usage(name, cell, marks)


def check_usage(name: str, cell: CellPlan, marks: Marks) -> None:
    """Input and output tokens as the answer states them, wherever the client hands them on."""
    told = truths()[cell.cassette_id]
    if marks.output_tokens is not None:
        assert (marks.input_tokens, marks.output_tokens) == (told.input_tokens, told.output_tokens), cell.cassette_id


@pytest.mark.parametrize(("name", "mode"), [pair for pair in PATHS_AND_MODES if pair[0] != "litellm_proxy"])
def test_a_path_that_asks_for_something_else_is_refused_and_says_so(
    name: str, mode: str, backend: tuple[BackendProcess, JournalReader]
) -> None:
    """A request that matches no cassette is answered with a 4xx; the call is an error with its status, never ok."""
    process, journal = backend
    spec, numbers = spec_of(name, mode, process.port, "")
    chats = [
        local
        for local, number in enumerate(numbers)
        if every_cell()[number].facts.cell.workload == "chat" and "gpt-4o" not in every_cell()[number].cassette_id
    ]
    asked = tuple(
        replace(
            spec.cells[local],
            question=replace(
                spec.cells[local].question,
                messages=({"role": "user", "content": "Hm?"},),
                body={
                    **spec.cells[local].question.body,
                    "messages": [{"role": "user", "content": "Hm?"}],
                    "contents": [],
                    "input": "Hm?",
                },
            ),
        )
        for local in chats
    )
    journal.drain()
    with WorkerProcess(name, replace(spec, cells=asked)) as worker:
        for cell in range(len(asked)):
            assert worker.warm(cell, 1) is not None
            worker.call(cell, next(NUMBERS))
        dump = worker.dump()
    assert {marks.outcome for marks in dump.marks} == {"error"}
    requests = [entry for entry in journal.drain() if entry.call_number]
    assert {entry.status for entry in requests} == {422}
    assert [entry.attempt for entry in requests] == [1] * len(asked), "retries are off"


def test_an_unknown_client_is_refused_by_name() -> None:
    """UsageError listing what there is."""
    with pytest.raises(UsageError, match="raw_http, openai"):
        client_named("openay")


def test_the_paths_and_the_client_files_are_the_same_list() -> None:
    """A call path without a file, or a file without a name, would be listed and not found, or never listed."""
    assert set(CLIENTS) == {path.name for path in arm_names.PATHS}
    for name in CLIENTS:
        assert client_named(name).FACTS.name == name


def test_the_client_files_have_the_same_functions_in_the_same_order() -> None:
    """Two client files diff cleanly: what the protocol names, each has, and defines in its order."""
    expected = [name for name in vars(Client) if not name.startswith("_") and name != "FACTS"]
    for name in CLIENTS:
        module = client_named(name)
        defined = [
            node.name
            for node in ast.parse(Path(str(vars(module)["__file__"])).read_text()).body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in expected
        ]
        assert defined == [function for function in expected if function in defined], name
        assert all(callable(getattr(module, function)) for function in expected), name


@pytest.mark.parametrize("path", arm_names.PATHS, ids=lambda path: path.name)
def test_every_path_has_a_cell_somewhere(path: arm_names.CallPath) -> None:
    """A path that speaks to no provider of any shipped cassette could never be measured."""
    assert any(can_run(Arm(path.name, path.name), cell.facts.cell) for cell in every_cell())
