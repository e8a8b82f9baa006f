"""Authored cassettes: reproducible, and what a client would believe."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.cassette import SUFFIX, load_cassette
from harness.errors import UsageError
from harness.replay.author import author_all, load_figures, main
from harness.replay.dialects import dialect_for, openai_chat
from harness.vocabulary import Operation, Origin
from harness.workload import load_workload
from tests.replay.wire import CASSETTES

BENCHMARKS = CASSETTES.parent
FIGURES = BENCHMARKS / "authored.toml"
AUTHORED = sorted(path.name.removesuffix(SUFFIX) for path in CASSETTES.glob(f"*{SUFFIX}"))


def test_the_committed_cassettes_are_what_the_figures_say(tmp_path: Path) -> None:
    """Byte for byte."""
    arguments = ["--figures", str(FIGURES), "--workloads", str(BENCHMARKS / "workloads"), "--out", str(tmp_path)]
    assert main(arguments) == 0
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(written) == {f"{name}{SUFFIX}" for name in AUTHORED}
    for name, content in written.items():
        assert content == (CASSETTES / name).read_bytes(), name


@pytest.mark.parametrize("name", AUTHORED)
def test_an_authored_cassette_is_marked_and_follows_its_formula(name: str) -> None:
    """Origin, citation, and total = base + per token × tokens."""
    cassette = load_cassette(CASSETTES / f"{name}{SUFFIX}")
    latency = cassette.head.latency
    assert cassette.head.origin is Origin.AUTHORED
    assert latency is not None
    assert "cited" in latency.source
    assert "assumed" in latency.source
    head = cassette.head
    told = dialect_for(head.provider, head.operation).truth(cassette)
    last_token = cassette.offsets_ns[told.content_chunks[-1]] if head.stream else cassette.offsets_ns[-1]
    created = cassette.offsets_ns[0] / 1e9 if head.operation is Operation.BACKGROUND else 0.0
    tokens = _authored_tokens(name) if head.operation is Operation.BACKGROUND else told.output_tokens
    total_s = created + latency.base_s + latency.per_output_token_s * tokens
    assert last_token / 1e9 == pytest.approx(total_s, abs=1e-6)


@pytest.mark.parametrize("name", [name for name in AUTHORED if f"{name}-stream" in AUTHORED])
def test_whole_and_streamed_answers_say_the_same(name: str) -> None:
    """Text, finish reason, tool calls and token counts."""
    whole, stream = (load_cassette(CASSETTES / f"{name}{shape}{SUFFIX}") for shape in ("", "-stream"))
    dialect = dialect_for(whole.head.provider, whole.head.operation)
    assert replace(dialect.truth(stream), content_chunks=()) == dialect.truth(whole)
    assert dialect.truth(stream).content_chunks


@pytest.mark.parametrize("name", AUTHORED)
def test_the_stored_request_is_the_dialects(name: str) -> None:
    """What clients are told to send is what the cassette expects."""
    head = load_cassette(CASSETTES / f"{name}{SUFFIX}").head
    workload = load_workload(BENCHMARKS / "workloads" / f"{head.workload}.toml")
    dialect = dialect_for(head.provider, head.operation)
    assert head.request.body == dialect.request_body(head.model, workload, head.stream, head.operation)
    assert head.request.path == dialect.path(head.model, head.stream)


@pytest.mark.parametrize(
    ("name", "size"),
    [("answer-1kb", 1_000), ("answer-20kb", 20_000), ("answer-200kb", 200_000)],
)
def test_a_sized_answer_has_its_size(name: str, size: int) -> None:
    """The text is exactly as long as the axis says; the body is what the wire shape adds to it."""
    cassette = load_cassette(CASSETTES / f"openai-gpt-5-mini-{name}{SUFFIX}")
    assert len(openai_chat.truth(cassette).text) == size


@pytest.mark.parametrize(
    "provider_model", ["openai-gpt-5-mini", "anthropic-claude-haiku-4-5", "gemini-gemini-2.5-flash"]
)
@pytest.mark.parametrize("count", [10, 100, 2_000])
def test_a_counted_stream_has_its_chunks(provider_model: str, count: int) -> None:
    """As many events with content as the axis says, whoever the provider is."""
    cassette = load_cassette(CASSETTES / f"{provider_model}-chunks-{count}-stream{SUFFIX}")
    told = dialect_for(cassette.head.provider, cassette.head.operation).truth(cassette)
    assert len(told.content_chunks) == count


def _authored_tokens(name: str) -> int:
    """Tokens of the answer that a job was authored with, also where its end does not show them."""
    completed = load_cassette(CASSETTES / f"openai-gpt-5-mini-background-job-completed{SUFFIX}")
    return dialect_for("openai", "background").truth(completed).output_tokens


def test_an_answer_to_an_unknown_workload_is_a_usage_error() -> None:
    """It names the workloads there are."""
    workload = load_workload(BENCHMARKS / "workloads" / "chat.toml")
    with pytest.raises(UsageError, match="expected one of other, got 'chat'"):
        list(author_all(load_figures(FIGURES), {"other": workload}))


def test_a_broken_figures_file_is_one_line_and_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback."""
    (tmp_path / "f.toml").write_text("[[models]]\nprovider = 1\n")
    arguments = ["--figures", str(tmp_path / "f.toml"), "--workloads", str(tmp_path), "--out", str(tmp_path)]
    assert main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1
