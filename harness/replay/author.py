"""Owns writing authored cassettes: published latency figures and an answer written here become exact bytes in time.

Deterministic: the same figures and workloads give the same files, and a test holds the committed ones to that.
Run as ``python -m harness.replay.author --figures FILE --workloads DIR --out DIR``; not part of a benchmark run.

The timeline: the first event (head and opening) leaves at ``base_s``, the piece that completes the k-th token at
``base_s + k × per_output_token_s``; events around the content follow one another by ``EVENT_GAP_NS``. A whole answer
leaves when its last token would.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from harness.cassette import (
    SUFFIX,
    Cassette,
    Head,
    LatencyFigures,
    RecordedRequest,
    RecordedResponse,
    dump_cassette,
)
from harness.door import Strict, parse_toml, read_text, validate
from harness.errors import EXIT_OK, HarnessError, UsageError
from harness.replay.dialects import dialect_for, openai_responses
from harness.replay.dialects.parts import Completion, Dialect, ToolCall
from harness.vocabulary import Finish, Operation, Origin
from harness.workload import Workload, load_workload

EVENT_GAP_NS = 200_000
_CREATED = 1_762_000_000
_TOKEN = re.compile(r"\s*(?:\w+|[^\w\s])")
_WORDS = re.findall(
    r"\w+",
    "a control arm shows how large a difference appears when nothing was changed so read every figure beside the "
    "interval that carries it and ask what the machine was doing while it was measured",
)


class AuthoredModel(Strict):
    """One model and the latency somebody published for it. ``tokens_per_event`` is what one streamed event carries."""

    provider: str
    model: str
    response_model: str
    system_fingerprint: str | None = None
    tokens_per_event: int = Field(default=1, ge=1)
    latency: LatencyFigures


class AuthoredTool(Strict):
    """The call of a tool in an authored answer; ``input`` is JSON, or plain text for a free-form tool."""

    name: str
    input: dict[str, Any] | str


class AuthoredAnswer(Strict):
    """The answer to one workload, the same for all models unless ``models`` narrows them.

    ``kilobytes`` or ``pieces`` write a text of that size, or of that many streamed pieces, in place of ``text``.
    """

    workload: str
    input_tokens: int = Field(ge=1)
    text: str = ""
    kilobytes: int | None = Field(default=None, ge=1, le=1_000)
    pieces: int | None = Field(default=None, ge=1, le=100_000)
    tool_calls: tuple[AuthoredTool, ...] = Field(default=(), strict=False)
    finish: Literal["stop", "length", "tool_calls"] = "stop"
    cached_tokens: int = Field(default=0, ge=0)
    reasoning_tokens: int = Field(default=0, ge=0)
    models: tuple[str, ...] | None = Field(default=None, strict=False)
    operations: tuple[Literal["chat", "responses"], ...] = Field(default=("chat",), min_length=1, strict=False)

    @model_validator(mode="after")
    def _something_is_said(self) -> Self:
        said = [bool(self.text), self.kilobytes is not None, self.pieces is not None]
        if sum(said) > 1 or not (any(said) or self.tool_calls):
            raise ValueError("expected one of text, kilobytes and pieces, or tool_calls")
        return self

    def tokens(self) -> tuple[str, ...]:
        """The text as tokens; joined they are the text."""
        if self.kilobytes is not None:
            return tuple(_filled(self.kilobytes * 1000))
        if self.pieces is not None:
            return tuple(islice(_endless_tokens(), self.pieces))
        return tuple(_TOKEN.findall(self.text))


class Figures(Strict):
    """``authored.toml``."""

    models: tuple[AuthoredModel, ...] = Field(min_length=1, strict=False)
    answers: tuple[AuthoredAnswer, ...] = Field(min_length=1, strict=False)


def load_figures(path: Path) -> Figures:
    """Read the figures. Raises UsageError."""
    return validate(Figures, parse_toml(read_text(path, "figures file"), path), str(path))


def author_all(figures: Figures, workloads: dict[str, Workload]) -> Iterator[Cassette]:
    """Every model × answer × operation, in every shape of the workload. Raises UsageError for a missing workload."""
    for answer in figures.answers:
        if answer.workload not in workloads:
            raise UsageError(
                f"answers: workload: expected one of {', '.join(sorted(workloads))}, got {answer.workload!r}"
            )
        workload = workloads[answer.workload]
        for model in figures.models:
            if answer.models is not None and model.model not in answer.models:
                continue
            if workload.job is not None:
                yield author_job(model, answer, workload)
                continue
            for operation in answer.operations:
                if operation == "responses" and model.provider != "openai":
                    continue
                for stream in workload.streams:
                    yield author(model, answer, workload, Operation(operation), stream=stream)


def author(
    model: AuthoredModel, answer: AuthoredAnswer, workload: Workload, operation: Operation, *, stream: bool
) -> Cassette:
    """One cassette of one exchange."""
    dialect = dialect_for(model.provider, operation)
    cassette_id = cassette_name(model, workload, operation, stream=stream)
    tokens = answer.tokens()
    per_event = 1 if answer.pieces is not None else model.tokens_per_event
    completion = _completion(cassette_id, model, answer, tokens, per_event)
    if stream:
        events = dialect.stream(completion)
        chunks = (*events.opening, *events.content, *events.closing)
        counts = len(events.opening), len(events.content), len(events.closing)
        offsets = _timeline(model.latency, completion.output_tokens, counts)
    else:
        chunks = (dialect.whole(completion),)
        offsets = (_last_token_ns(model.latency, completion.output_tokens),)
    head = _head(model, workload, operation, dialect, completion, offsets[0], stream=stream)
    return Cassette(cassette_id, head, offsets, chunks)


def author_job(model: AuthoredModel, answer: AuthoredAnswer, workload: Workload) -> Cassette:
    """A background job: its creation answered at once (or late), each later state in its turn."""
    assert workload.job is not None
    operation = Operation.BACKGROUND
    cassette_id = cassette_name(model, workload, operation, stream=False)
    completion = _completion(cassette_id, model, answer, answer.tokens(), 1)
    states = openai_responses.job_states(completion, workload.job.ending)
    created = round((workload.job.late_s or 0.05) * 1e9)
    ended = created + _last_token_ns(model.latency, completion.output_tokens)
    offsets = tuple(created + (ended - created) * number // (len(states) - 1) for number in range(len(states)))
    dialect = dialect_for(model.provider, operation)
    head = _head(model, workload, operation, dialect, completion, created, stream=False)
    return Cassette(cassette_id, head, offsets, states)


def cassette_name(model: AuthoredModel, workload: Workload, operation: Operation, *, stream: bool) -> str:
    """``openai-gpt-5-mini-chat-stream``; the operation stands in it where it is not the plain chat."""
    kind = () if operation is Operation.CHAT else (operation.value,)
    return "-".join((model.provider, model.model, *kind, workload.name, *(("stream",) if stream else ())))


def _completion(
    seed: str, model: AuthoredModel, answer: AuthoredAnswer, tokens: tuple[str, ...], per_event: int
) -> Completion:
    pieces = tuple("".join(tokens[start : start + per_event]) for start in range(0, len(tokens), per_event))
    called = tuple(_tool_call(tool) for tool in answer.tool_calls)
    said = len(tokens) + sum(len(_TOKEN.findall(call.arguments)) for call in called)
    return Completion(
        seed=hashlib.sha256(seed.encode()).hexdigest(),
        created=_CREATED,
        model=model.response_model,
        pieces=pieces,
        input_tokens=answer.input_tokens,
        output_tokens=said + answer.reasoning_tokens,
        finish=Finish.TOOL_CALLS if called else Finish(answer.finish),
        cached_tokens=answer.cached_tokens,
        reasoning_tokens=answer.reasoning_tokens,
        tool_calls=called,
        system_fingerprint=model.system_fingerprint,
    )


def _tool_call(tool: AuthoredTool) -> ToolCall:
    if isinstance(tool.input, str):
        return ToolCall(tool.name, tool.input, is_free_form=True)
    return ToolCall(tool.name, json.dumps(tool.input, separators=(",", ":"), ensure_ascii=False))


def _head(
    model: AuthoredModel,
    workload: Workload,
    operation: Operation,
    dialect: Dialect,
    completion: Completion,
    first_byte_ns: int,
    *,
    stream: bool,
) -> Head:
    return Head(
        cassette=1,
        origin=Origin.AUTHORED,
        provider=model.provider,
        model=model.model,
        workload=workload.name,
        operation=operation,
        stream=stream,
        source=model.latency.source,
        latency=model.latency,
        head_offset_ns=first_byte_ns,
        request=RecordedRequest(
            method="POST",
            path=dialect.path(model.model, stream),
            body=dialect.request_body(model.model, workload, stream, operation),
        ),
        response=RecordedResponse(
            status=200,
            headers=dialect.headers(completion, first_byte_ns, stream),
            framing="chunked" if stream else "content-length",
        ),
    )


def _last_token_ns(latency: LatencyFigures, tokens: int) -> int:
    return round(latency.base_s * 1e9) + round(latency.per_output_token_s * 1e9) * tokens


def _timeline(latency: LatencyFigures, tokens: int, counts: tuple[int, int, int]) -> tuple[int, ...]:
    """Offsets of opening, content and closing events; content is spread evenly over the tokens' time."""
    opening, content, closing = counts
    base, last = round(latency.base_s * 1e9), _last_token_ns(latency, tokens)
    spread = [base + (last - base) * number // content for number in range(1, content + 1)]
    opened = [base + EVENT_GAP_NS * number for number in range(opening)]
    closed = [last + EVENT_GAP_NS * number for number in range(1, closing + 1)]
    return tuple(sorted([*opened, *spread, *closed]))


def _endless_tokens() -> Iterator[str]:
    number = 0
    while True:
        yield (" " if number else "") + _WORDS[number % len(_WORDS)]
        number += 1


def _filled(size: int) -> Iterator[str]:
    for token in _endless_tokens():
        if size <= 0:
            return
        yield token[:size]
        size -= len(token)


def main(argv: Sequence[str] | None = None) -> int:
    """Write the cassettes; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m harness.replay.author", description="Write authored cassettes.")
    parser.add_argument("--figures", type=Path, required=True, metavar="FILE")
    parser.add_argument("--workloads", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    arguments = parser.parse_args(argv)
    try:
        workloads = [load_workload(path) for path in sorted(arguments.workloads.glob("*.toml"))]
        for cassette in author_all(load_figures(arguments.figures), {w.name: w for w in workloads}):
            path = arguments.out / f"{cassette.cassette_id}{SUFFIX}"
            path.write_text(dump_cassette(cassette), encoding="utf-8")
            print(path)
    except HarnessError as problem:
        print(problem, file=sys.stderr)
        return problem.exit_code
    except OSError as problem:
        print(f"{problem.filename}: cannot write: {problem.strerror}", file=sys.stderr)
        return UsageError.exit_code
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
