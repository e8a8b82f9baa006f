"""Owns writing authored cassettes: published latency figures and an answer written here become exact bytes in time.

Deterministic: the same figures and workloads give the same files, and a test holds the committed ones to that.
Run as ``python -m harness.replay.author --figures FILE --workloads DIR --out DIR``; not part of a benchmark run.

The timeline: the first chunk (head and role) leaves at ``base_s``, the k-th token ``k × per_output_token_s`` later; the
closing events follow the last token by ``CLOSING_GAP_NS`` each. A whole answer leaves when its last token would.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import Field

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
from harness.replay.dialects import openai_chat
from harness.vocabulary import Origin
from harness.workload import Workload, load_workload

CLOSING_GAP_NS = 200_000
_CREATED = 1_762_000_000
_TOKEN = re.compile(r"\s*(?:\w+|[^\w\s])")


class AuthoredModel(Strict):
    """One model and the latency somebody published for it."""

    provider: str
    model: str
    response_model: str
    system_fingerprint: str | None = None
    latency: LatencyFigures


class AuthoredAnswer(Strict):
    """The answer to one workload, the same for all models."""

    workload: str
    input_tokens: int = Field(ge=1)
    text: str = Field(min_length=1)


class Figures(Strict):
    """``authored.toml``."""

    models: tuple[AuthoredModel, ...] = Field(min_length=1, strict=False)
    answers: tuple[AuthoredAnswer, ...] = Field(min_length=1, strict=False)


def load_figures(path: Path) -> Figures:
    """Read the figures. Raises UsageError."""
    return validate(Figures, parse_toml(read_text(path, "figures file"), path), str(path))


def author_all(figures: Figures, workloads: dict[str, Workload]) -> Iterator[Cassette]:
    """Every model × answer, whole and streamed. Raises UsageError where an answer's workload is missing."""
    for model in figures.models:
        for answer in figures.answers:
            if answer.workload not in workloads:
                raise UsageError(
                    f"answers: workload: expected one of {', '.join(sorted(workloads))}, got {answer.workload!r}"
                )
            for stream in (False, True):
                yield author(model, answer, workloads[answer.workload], stream)


def author(model: AuthoredModel, answer: AuthoredAnswer, workload: Workload, stream: bool) -> Cassette:
    """One cassette."""
    cassette_id = f"{model.provider}-{model.model}-{workload.name}" + ("-stream" if stream else "")
    completion = openai_chat.Completion(
        response_id=f"chatcmpl-{_characters(cassette_id, 29)}",
        created=_CREATED,
        model=model.response_model,
        pieces=tuple(_TOKEN.findall(answer.text)),
        input_tokens=answer.input_tokens,
        system_fingerprint=model.system_fingerprint,
    )
    chunks = openai_chat.stream(completion) if stream else (openai_chat.whole(completion),)
    offsets = _timeline(model.latency, len(completion.pieces), stream)
    head = Head(
        cassette=1,
        origin=Origin.AUTHORED,
        provider=model.provider,
        model=model.model,
        workload=workload.name,
        stream=stream,
        source=model.latency.source,
        latency=model.latency,
        head_offset_ns=offsets[0],
        request=RecordedRequest(
            method=openai_chat.METHOD,
            path=openai_chat.PATH,
            body=openai_chat.request_body(model.model, workload, stream),
        ),
        response=RecordedResponse(
            status=200,
            headers=_headers(cassette_id, offsets[0], stream),
            framing="chunked" if stream else "content-length",
        ),
    )
    return Cassette(cassette_id, head, offsets, chunks)


def _timeline(latency: LatencyFigures, tokens: int, stream: bool) -> tuple[int, ...]:
    base, step = round(latency.base_s * 1e9), round(latency.per_output_token_s * 1e9)
    last = base + step * tokens
    if not stream:
        return (last,)
    return (*(base + step * k for k in range(tokens + 1)), *(last + CLOSING_GAP_NS * k for k in (1, 2, 3)))


def _headers(cassette_id: str, first_byte_ns: int, stream: bool) -> tuple[tuple[str, str], ...]:
    """What the API sends, without cookies and with nobody's account in it."""
    return (
        ("date", "Sat, 01 Nov 2025 12:26:40 GMT"),
        ("content-type", "text/event-stream; charset=utf-8" if stream else "application/json"),
        ("access-control-expose-headers", "X-Request-ID"),
        ("openai-organization", "authored"),
        ("openai-processing-ms", str(first_byte_ns // 1_000_000)),
        ("openai-version", "2020-10-01"),
        ("x-ratelimit-limit-requests", "30000"),
        ("x-ratelimit-limit-tokens", "150000000"),
        ("x-ratelimit-remaining-requests", "29999"),
        ("x-ratelimit-remaining-tokens", "149999964"),
        ("x-ratelimit-reset-requests", "2ms"),
        ("x-ratelimit-reset-tokens", "0s"),
        ("x-request-id", f"req_{_characters(cassette_id + ':request', 32)}"),
        ("strict-transport-security", "max-age=31536000; includeSubDomains; preload"),
        ("x-content-type-options", "nosniff"),
        ("server", "cloudflare"),
        ("cf-cache-status", "DYNAMIC"),
    )


def _characters(seed: str, count: int) -> str:
    return hashlib.sha256(seed.encode()).hexdigest()[:count]


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
