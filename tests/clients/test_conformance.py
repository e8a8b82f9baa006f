"""Every call path, both colours, over every workload it supports: what came back, not only success."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest

from harness import arms as arm_names
from harness.clients import CLIENTS, Client, client_named
from harness.conductor.cells import CellPlan, alias, can_run, places_for, worker_spec
from harness.conductor.environments import DEFAULT, lacking
from harness.conductor.gateway import Deployment, Gateway
from harness.conductor.prepare import load_shelf, prepare_cells
from harness.conductor.processes import WorkerProcess
from harness.conductor.reach import Reach
from harness.errors import UsageError
from harness.load.pipe import CellSpec, Dump, WorkerSpec
from harness.places import benchmarks_dir
from harness.plan import Arm, Cell
from harness.record import Marks
from harness.replay.dialects import dialect_for
from harness.replay.dialects.parts import Truth
from harness.replay.journal import JournalEntry, JournalReader
from harness.replay.launch import BackendProcess, start_backend
from harness.vocabulary import Load, Mode, Operation

pytestmark = pytest.mark.real

NUMBERS = itertools.count(1)
SEEN: dict[int, JournalEntry] = {}
"""What the backend saw of each call so far."""

AT_ONCE = 2
KEY = "sk-test"
ARMS = tuple(Arm(name, name) for name in CLIENTS)
PATHS_AND_MODES = [(name, mode) for name in CLIENTS for mode in client_named(name).FACTS.modes]

VARIANTS = ("litellm_httpx", "litellm_router_many")
"""Paths whose code is another path's, over another transport or more deployments: asked the plain chats alone."""

DEVIATIONS = {
    ("any_llm", "gemini-gemini-2.5-flash-tools-stream"): "finish_reason_differs",
}
"""What a library makes of a right answer although it was handed one: (path, cassette) → how the call is judged.

any-llm 1.27 gives a streamed Gemini tool call the finish reason ``stop``, and the same whole answer ``tool_calls``.
"""


def lacks_proxy() -> bool:
    """Whether the gateway cannot be started here."""
    return bool(lacking(client_named("litellm_proxy").FACTS, DEFAULT))


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
    if lacks_proxy():
        pytest.skip("the extra 'proxy' is not installed")
    index = CLIENTS.index("litellm_proxy")
    deployments = [
        Deployment(
            alias(n),
            cell.question.provider,
            cell.question.model,
            Reach(backend[0].port).url(cell.facts.cell, cell.cassette_id),
            KEY,
            10.0,
        )
        for n, cell in enumerate(every_cell())
        if index in cell.arms
    ]
    with Gateway(deployments) as process:
        yield process.url


def spec_of(name: str, mode: str, port: int, gateway_url: str) -> tuple[WorkerSpec, tuple[int, ...]]:
    """A worker with every cell that this path has in this colour."""
    places = places_for(every_cell(), [(CLIENTS.index(name), Arm(name, name))], Mode(mode))
    if name in VARIANTS:
        places = tuple(each for each in places if every_cell()[each.cell].facts.cell.workload == "chat")
    spec = worker_spec(every_cell(), places, Mode(mode), Reach(port), gateway_url)
    return spec, tuple(each.cell for each in places)


@dataclass(frozen=True, slots=True)
class Told:
    """What a path's process told: of its own cells (``numbers``), and of those behind them that ask for something else,
    with what their warm-up calls said.
    """

    dump: Dump
    numbers: tuple[int, ...]
    refusals: list[str | None]


Measured = dict[tuple[str, str], Future[Told]]


def told_by(name: str, mode: str, port: int, gateway_url: str) -> Told:
    """Every cell of a path called once, after a warm-up call (a job: none); then chats that no cassette holds."""
    spec, numbers = spec_of(name, mode, port, gateway_url)
    others = () if name == "litellm_proxy" else tuple(asking_otherwise(spec, numbers))
    with WorkerProcess(name, replace(spec, cells=(*spec.cells, *others))) as worker:
        for local, number in enumerate(numbers):
            worker.warm(local, 0 if every_cell()[number].question.job else 1)
            worker.call(local, next(NUMBERS))
        refusals = []
        for local in range(len(numbers), len(numbers) + len(others)):
            refusals.append(worker.warm(local, 1).failure)
            worker.call(local, next(NUMBERS))
        return Told(worker.dump(), numbers, refusals)


def asking_otherwise(spec: WorkerSpec, numbers: tuple[int, ...]) -> Iterator[CellSpec]:
    """The path's chats with another question."""
    other = [{"role": "user", "content": "Hm?"}]
    for cell, number in zip(spec.cells, numbers, strict=True):
        planned = every_cell()[number]
        if planned.facts.cell.workload == "chat" and "gpt-4o" not in planned.cassette_id:
            body = {**cell.question.body, "messages": other, "contents": [], "input": "Hm?"}
            yield replace(cell, question=replace(cell.question, messages=tuple(other), body=body))


@pytest.fixture(scope="module")
def measured(backend: tuple[BackendProcess, JournalReader], request: pytest.FixtureRequest) -> Iterator[Measured]:
    """What each selected path saw, two of them at work at a time: nothing here depends on how long it takes."""
    wanted = [
        item for item in request.session.items if isinstance(item, pytest.Function) and "measured" in item.fixturenames
    ]
    pairs = [(str(item.callspec.params["name"]), str(item.callspec.params["mode"])) for item in wanted]
    needs_gateway = any(name == "litellm_proxy" for name, _ in pairs) and not lacks_proxy()
    url = request.getfixturevalue("gateway") if needs_gateway else ""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            (name, mode): pool.submit(told_by, name, mode, backend[0].port, url if name == "litellm_proxy" else "")
            for name, mode in dict.fromkeys(pairs)
            if url or name != "litellm_proxy"
        }


@pytest.mark.slow
@pytest.mark.parametrize(("name", "mode"), PATHS_AND_MODES)
def test_a_path_brings_the_content_of_every_workload_it_supports(
    name: str,
    mode: str,
    backend: tuple[BackendProcess, JournalReader],
    measured: Measured,
) -> None:
    """Text, finish reason, tool calls and usage are the cassette's; one matched request each (a job: several)."""
    if (name, mode) not in measured:
        pytest.skip("the extra 'proxy' is not installed")
    told = measured[name, mode].result()
    assert told.dump.foreign_modules == ()
    SEEN.update({entry.call_number: entry for entry in backend[1].drain() if entry.call_number})
    for marks in told.dump.marks:
        if marks.cell >= len(told.numbers):
            continue
        cell = every_cell()[told.numbers[marks.cell]]
        deviation = DEVIATIONS.get((name, cell.cassette_id))
        expected = ("wrong_content", deviation) if deviation else (cell.truth.outcome, marks.error_type)
        assert (marks.outcome, marks.error_type) == expected, (cell.cassette_id, marks.error_class)
        if marks.outcome == "ok" and cell.question.job is None:
            entry = SEEN[marks.call_number]
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
    name: str, mode: str, backend: tuple[BackendProcess, JournalReader], measured: Measured
) -> None:
    """A request that matches no cassette is answered with a 4xx; the call is an error with its status, never ok."""
    told = measured[name, mode].result()
    assert told.refusals
    assert None not in told.refusals
    refused = [marks for marks in told.dump.marks if marks.cell >= len(told.numbers)]
    assert {marks.outcome for marks in refused} == {"error"}
    SEEN.update({entry.call_number: entry for entry in backend[1].drain() if entry.call_number})
    entries = [SEEN[marks.call_number] for marks in refused]
    assert {entry.status for entry in entries} == {422}
    assert {entry.attempt for entry in entries} == {1}, "retries are off"


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
