"""Authored cassettes: reproducible, and what a client would believe."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cassette import SUFFIX, load_cassette
from harness.errors import UsageError
from harness.replay.author import author_all, load_figures, main
from harness.replay.dialects import openai_chat
from harness.vocabulary import Origin
from harness.workload import load_workload
from tests.replay.wire import CASSETTES

BENCHMARKS = CASSETTES.parent
FIGURES = BENCHMARKS / "authored.toml"
AUTHORED = [f"openai-{model}-chat{shape}" for model in ("gpt-5-mini", "gpt-4o-mini") for shape in ("", "-stream")]


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
    told = openai_chat.truth(cassette)
    last_token = cassette.offsets_ns[-4] if cassette.head.stream else cassette.offsets_ns[-1]
    total_s = latency.base_s + latency.per_output_token_s * told.output_tokens
    assert last_token / 1e9 == pytest.approx(total_s, abs=1e-6)
    assert told.finish_reason == "stop"


@pytest.mark.parametrize("model", ["gpt-5-mini", "gpt-4o-mini"])
def test_whole_and_streamed_answers_say_the_same(model: str) -> None:
    """Text, finish reason and token count."""
    whole, stream = (load_cassette(CASSETTES / f"openai-{model}-chat{s}{SUFFIX}") for s in ("", "-stream"))
    assert openai_chat.truth(whole) == openai_chat.truth(stream)
    assert len(stream.chunks) == openai_chat.truth(stream).output_tokens + 4


def test_the_stored_request_is_the_dialects() -> None:
    """What clients are told to send is what the cassette expects."""
    workload = load_workload(BENCHMARKS / "workloads" / "chat.toml")
    for name in AUTHORED:
        head = load_cassette(CASSETTES / f"{name}{SUFFIX}").head
        assert head.request.body == openai_chat.request_body(head.model, workload, head.stream)


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
