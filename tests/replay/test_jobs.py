"""Background jobs: created, polled along the cassette's timeline, cancelled, forgotten."""

from __future__ import annotations

import itertools
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.cassette import Cassette, Head, Pace, RecordedRequest, RecordedResponse
from harness.errors import DataError
from harness.replay.exchange import Exchange, Framing
from harness.replay.jobs import Job, Jobs, Script, asked_about
from harness.replay.launch import start_backend
from harness.replay.library import Library
from harness.vocabulary import Operation, Origin
from tests.replay.conftest import MS, Running
from tests.replay.wire import Wire, request, save

RECORDED = "resp_" + "ab" * 24
CREATE = {"model": "m", "input": "hello", "background": True}
PATH = "/v1/responses"
STATES = ("queued", "in_progress", "completed")
_numbers = itertools.count(1)


def state(status: str, job_id: str = RECORDED) -> bytes:
    """One recorded body; spaces and an umlaut show that bytes are kept."""
    return json.dumps({"id": job_id, "object": "response", "status": status, "note": "ü"}, ensure_ascii=False).encode()


def job_cassette(
    name: str = "job",
    offsets_ns: tuple[int, ...] = (0, 20 * MS, 60 * MS),
    chunks: tuple[bytes, ...] = tuple(map(state, STATES)),
) -> Cassette:
    """A job that is queued, works and ends."""
    head = Head(
        cassette=1,
        origin=Origin.AUTHORED,
        provider="p",
        model="m",
        workload="w",
        operation=Operation.BACKGROUND,
        stream=False,
        head_offset_ns=0,
        request=RecordedRequest(method="POST", path=PATH, body=dict(CREATE)),
        response=RecordedResponse(
            status=200, headers=(("content-type", "application/json"), ("x-region", "a")), framing="content-length"
        ),
    )
    return Cassette(name, head, offsets_ns, chunks)


def created(pace: str = "recorded", *, at: int = 0, jobs: Jobs | None = None, cassette: Cassette | None = None) -> Job:
    """A new job of a script at one pace."""
    return (jobs or Jobs()).create(Script(cassette or job_cassette(), 0, Pace.parse(pace)), at)


def body_of(exchange: Exchange) -> dict[str, Any]:
    """The JSON of an answer; its length must be right."""
    head, _, body = b"".join(exchange.messages).partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}\r\n" in head.decode() + "\r\n"
    found: dict[str, Any] = json.loads(body)
    return found


def status_after(job: Job, now_ns: int) -> str:
    """What a retrieval at this time says."""
    job.retrieve(now_ns)
    return str(body_of(job.answer(Framing.KEEP_ALIVE))["status"])


@pytest.mark.parametrize(
    ("pace", "factor"), [("recorded", 1.0), ("scaled:2", 2.0), ("capped:0.03", 0.5), ("capped:60", 1.0)]
)
def test_a_job_passes_through_its_states_on_the_paces_timeline(pace: str, factor: float) -> None:
    """Each state holds from its scaled offset after the creation on, to the nanosecond."""
    job, start = created(pace, at=1000), 1000
    second, third = round(20 * MS * factor), round(60 * MS * factor)
    times = [start, start + second - 1, start + second, start + third - 1, start + third, start + 10 * third]
    assert [status_after(job, at) for at in times] == [STATES[n] for n in (0, 0, 1, 1, 2, 2)]


def test_a_job_never_goes_back() -> None:
    """Arrival stamps of two connections may be a little out of order."""
    job = created()
    assert [status_after(job, at) for at in (20 * MS, 19 * MS, -1)] == ["in_progress"] * 3


def test_without_a_pace_each_retrieval_moves_on_by_one() -> None:
    """All offsets are 0 there, and a client must still see the job working."""
    job = created("none")
    assert body_of(job.creation(Framing.KEEP_ALIVE))["status"] == "queued"
    assert [status_after(job, 0) for _ in range(4)] == ["in_progress", "completed", "completed", "completed"]


@pytest.mark.parametrize("pace", ["recorded", "none"])
def test_a_cancelled_job_stays_where_it_was(pace: str) -> None:
    """The current state with another status, then and from then on; cancelling again changes nothing."""
    job = created(pace)
    status_after(job, 20 * MS)
    for _ in range(2):
        job.cancel(21 * MS)
        assert body_of(job.answer(Framing.KEEP_ALIVE)) == {**json.loads(state("cancelled")), "id": job.job_id}
    assert status_after(job, 100 * MS) == "cancelled"


@pytest.mark.parametrize("last", ["completed", "failed", "incomplete"])
def test_cancelling_a_finished_job_returns_it_unchanged(last: str) -> None:
    """However it ended, with the recorded bytes."""
    job = created(cassette=job_cassette(chunks=(state("queued"), state("in_progress"), state(last))))
    job.cancel(60 * MS)
    assert b"".join(job.answer(Framing.KEEP_ALIVE).messages).endswith(state(last, job.job_id))
    assert status_after(job, 70 * MS) == last


def test_every_creation_makes_a_job_with_an_id_of_the_recorded_length() -> None:
    """Two creations, two ids; the bytes are the recorded ones but for the id."""
    jobs = Jobs()
    ids = [created(jobs=jobs).job_id for _ in range(100)]
    assert len(set(ids)) == 100
    assert {len(job_id) for job_id in ids} == {len(RECORDED)}
    assert RECORDED not in ids
    job = created(jobs=jobs)
    for exchange, status in ((job.creation(Framing.CLOSE), "queued"), (job.answer(Framing.CLOSE), "queued")):
        assert b"".join(exchange.messages).endswith(b"\r\n\r\n" + state(status, job.job_id))


def test_a_late_creation_is_a_late_answer() -> None:
    """Its offset is the cassette's, scaled; retrievals are answered at once, with the cassette's headers."""
    late = job_cassette(offsets_ns=(4 * MS, 20 * MS, 60 * MS))
    job = created("scaled:2", cassette=replace(late, head=late.head.model_copy(update={"head_offset_ns": 4 * MS})))
    creation, answer = job.creation(Framing.KEEP_ALIVE), job.answer(Framing.KEEP_ALIVE)
    assert (creation.offsets_ns, creation.immediate, creation.head_alone) == ((8 * MS,), False, False)
    assert (answer.offsets_ns, answer.immediate, answer.matched, len(answer.messages)) == ((0,), True, True, 1)
    assert b"content-type: application/json\r\nx-region: a\r\n" in answer.messages[0]


def test_an_early_head_of_a_late_creation_leaves_alone() -> None:
    """As with every other answer."""
    creation = created(cassette=job_cassette(offsets_ns=(4 * MS, 20 * MS, 60 * MS))).creation(Framing.KEEP_ALIVE)
    assert (creation.offsets_ns, creation.head_alone, len(creation.messages)) == ((0, 4 * MS), True, 2)


def test_the_oldest_jobs_are_forgotten() -> None:
    """Memory has an end."""
    jobs = Jobs(most=3)
    ids = [created(jobs=jobs).job_id for _ in range(5)]
    assert [jobs.find(job_id, 0) is not None for job_id in ids] == [False, False, True, True, True]


def test_a_job_belongs_to_its_cassette() -> None:
    """Another cassette does not know it."""
    jobs = Jobs()
    job = created(jobs=jobs)
    assert jobs.find(job.job_id, 0) is job
    assert jobs.find(job.job_id, 1) is None


def test_targets_of_different_jobs_look_alike() -> None:
    """Only known ids are replaced, only whole segments of the path."""
    jobs = Jobs()
    first, second = (created(jobs=jobs).job_id for _ in range(2))
    assert jobs.without_id(f"{PATH}/{first}/cancel?x={first}") == f"{PATH}/{{id}}/cancel?x={first}"
    assert jobs.without_id(f"{PATH}/{second}") == f"{PATH}/{{id}}"
    assert jobs.without_id(f"{PATH}/{RECORDED}") == f"{PATH}/{RECORDED}"


@pytest.mark.parametrize(
    ("method", "path", "asked"),
    [
        ("GET", "/v1/responses/resp_1", ("resp_1", False)),
        ("GET", "/v1/responses/resp_1?include=x", ("resp_1", False)),
        ("POST", "/v1/responses/resp_1/cancel", ("resp_1", True)),
        ("POST", "/v1/responses", None),
        ("POST", "/v1/responses/resp_1", None),
        ("GET", "/v1/responses/resp_1/cancel", None),
        ("GET", "/v1/responses/resp_1/input_items", None),
        ("DELETE", "/v1/responses/resp_1", None),
        ("GET", "/v1/responses/", None),
        ("GET", "/v2/responses/resp_1", None),
        ("POST", "/v1/responses//cancel", None),
    ],
)
def test_what_is_asked_about_a_job(method: str, path: str, asked: tuple[str, bool] | None) -> None:
    """Retrieving and cancelling below the path that creates; all else is a creation or a mismatch."""
    assert asked_about(PATH, method, path) == asked


@pytest.mark.parametrize(
    "chunks",
    [
        (),
        (b"{}",),
        (b"",),
        (b"\xff",),
        (b"[" * 100_000,),
        (state("queued", "short"),),
        (b'{"id": "resp_' + b"a" * 48 + b'"}',),
        (state("queued"), state("completed", "resp_" + "cd" * 24)),
    ],
)
def test_a_cassette_that_holds_no_job_is_a_data_error(chunks: tuple[bytes, ...]) -> None:
    """At the start, in one line that names it; never at the first poll."""
    with pytest.raises(DataError, match="job: chunk"):
        Library([job_cassette(chunks=chunks, offsets_ns=tuple(range(len(chunks))))])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A backend with two job cassettes."""
    folder: Path = tmp_path_factory.mktemp("jobs")
    save(job_cassette(), folder)
    save(job_cassette("other"), folder)
    with start_backend(folder, folder / "journal") as backend:
        running = Running(backend, folder / "journal")
        yield running
        running.hang_up()


def create(wire: Wire, prefix: str = "/recorded/job", *, call_id: object = None) -> dict[str, Any]:
    """Create a job; its first body."""
    wire.send(request(f"{prefix}{PATH}", CREATE, call_id=call_id))
    return answered(wire)


def retrieve(wire: Wire, job_id: str, prefix: str = "/recorded/job", *, call_id: int = 0) -> dict[str, Any]:
    """Retrieve a job; its body."""
    wire.send(f"GET {prefix}{PATH}/{job_id} HTTP/1.1\r\nHost: x\r\nx-harness-call-id: {call_id}\r\n\r\n".encode())
    return answered(wire)


def answered(wire: Wire, expected: int = 200) -> dict[str, Any]:
    """The JSON of the next response."""
    status, body = wire.answer()
    assert status == expected
    found: dict[str, Any] = json.loads(body)
    return found


@pytest.mark.real
def test_a_job_is_created_and_polled_to_its_end_over_a_socket(served: Running) -> None:
    """States follow the clock: never ahead of their offset, all under one id, each request in the journal."""
    number, wire = next(_numbers), served.connect()
    seen: list[dict[str, Any]] = []
    job = create(wire, call_id=number)
    deadline = time.monotonic() + 10
    while not seen or (seen[-1]["status"] != "completed" and time.monotonic() < deadline):
        seen.append(retrieve(wire, job["id"], call_id=number))
    assert job["status"] == "queued"
    assert {body["id"] for body in seen} == {job["id"]}
    first, *polls = served.entries(number)
    assert [entry.attempt for entry in (first, *polls)] == list(range(1, len(polls) + 2))
    assert {(e.matched, e.exchange_index, e.status, e.completed) for e in polls} == {(True, 0, 200, True)}
    for entry, body in zip(polls, seen, strict=True):
        age = entry.received_ns - first.received_ns
        assert body["status"] == STATES[(age >= 20 * MS) + (age >= 60 * MS)]


@pytest.mark.real
def test_polls_have_one_shape_whatever_the_job(served: Running) -> None:
    """A thousand jobs must not use up the shapes."""
    number, wire = next(_numbers), served.connect()
    for _ in range(5):
        retrieve(wire, create(wire, "/none/job")["id"], "/none/job", call_id=number)
    shapes = {entry.shape for entry in served.entries(number)}
    assert len(shapes) == 1
    (found,) = [shape for shape in served.backend.shapes() if shape.shape in shapes]
    assert (found.method, found.target, found.body, found.bytes) == ("GET", f"{PATH}/{{id}}", None, 0)


@pytest.mark.real
def test_identical_creations_on_one_connection_make_different_jobs(served: Running) -> None:
    """The fast path never answers for a job: a retried create is seen as a second job."""
    wire = served.connect()
    assert len({create(wire)["id"] for _ in range(6)}) == 6


@pytest.mark.real
def test_a_job_is_cancelled_over_a_socket(served: Running) -> None:
    """The cancel's answer and every later retrieval say so, also from another connection."""
    wire, other = served.connect(), served.connect()
    job_id = create(wire)["id"]
    wire.send(request(f"/recorded/job{PATH}/{job_id}/cancel", b""))
    assert answered(wire)["status"] == "cancelled"
    assert retrieve(other, job_id)["status"] == "cancelled"


@pytest.mark.real
def test_an_unknown_job_is_a_404_in_openais_shape(served: Running) -> None:
    """The recorded id itself, another cassette's job, and nonsense; each is kept as a mismatch."""
    number, wire = next(_numbers), served.connect()
    known = create(wire)["id"]
    for prefix, job_id in (("/none/job", RECORDED), ("/none/other", known), ("/none/job", "resp_x")):
        before = served.backend.status().mismatches
        wire.send(f"GET {prefix}{PATH}/{job_id} HTTP/1.1\r\nx-harness-call-id: {number}\r\n\r\n".encode())
        error = answered(wire, 404)["error"]
        assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", None, None)
        assert job_id in error["message"]
        assert served.backend.status().mismatches == before + 1
    assert {(entry.matched, entry.status) for entry in served.entries(number)} == {(False, 404)}


@pytest.mark.real
def test_another_question_creates_no_job(served: Running) -> None:
    """It is a mismatch like any other."""
    wire = served.connect()
    wire.send(request(f"/none/job{PATH}", {**CREATE, "input": "other"}))
    assert "input: expected 'hello', got 'other'" in answered(wire, 422)["error"]["message"]
    wire.send(f"DELETE /none/job{PATH}/{create_id(served)} HTTP/1.1\r\n\r\n".encode())
    assert "method: expected POST, got 'DELETE'" in answered(wire, 422)["error"]["message"]


def create_id(served: Running) -> str:
    """The id of a new job."""
    return str(create(served.connect(), "/none/job")["id"])


@pytest.mark.real
def test_old_http_can_poll_too(served: Running) -> None:
    """HTTP/1.0 gets its answer and a closed connection."""
    job_id = create_id(served)
    with socket.create_connection(("127.0.0.1", served.backend.port), 10) as sock:
        sock.sendall(f"GET /none/job{PATH}/{job_id} HTTP/1.0\r\n\r\n".encode())
        found = b""
        while piece := sock.recv(65_536):
            found += piece
    assert found.endswith(state("in_progress", job_id))
