"""The commands that talk to providers, as a user types them: what they say, and with which code they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.provider import question, running
from harness.__main__ import run
from harness.cassette import SUFFIX
from harness.replay.certificates import make_certificate
from tests.replay.wire import Wire, request


def test_a_live_run_without_a_key_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3, before anything is written."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert run(["run", "live", "--live", "--results", str(tmp_path / "r")]) == 3
    assert capsys.readouterr().err == "harness: openai: expected a key in OPENAI_API_KEY, got none; set it\n"
    assert not (tmp_path / "r").exists()


def test_what_belongs_to_a_live_run_belongs_to_it_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2; nobody thinks that a recorded run has a limit on its cost."""
    assert run(["run", "smoke", "--max-cost", "1"]) == 2
    assert "belong to --live" in capsys.readouterr().err
    assert run(["run", "faults-quick", "--live"]) == 2
    assert run(["run", "live", "--live", "--upstream", "nonsense"]) == 2
    assert run(["run", "live", "--backend", "both"]) == 2


def test_a_dry_run_says_what_it_would_cost_and_calls_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a key: calls, tokens, time, expected and worst cost."""
    assert run(["run", "live", "--live", "--dry-run", "--max-cost", "5"]) == 0
    told = json.loads(capsys.readouterr().out)["live"]
    assert told["upstreams"] == {"openai": "https://api.openai.com"}
    assert 0 < told["expected_usd"] < told["worst_usd"]
    assert told["calls"] > told["warmup_calls"] > 0
    assert told["duration_s"] > 0


@pytest.mark.real
def test_record_writes_what_passes_until_it_is_interrupted(tmp_path: Path) -> None:
    """It prints where to point a client, and at the end how much it kept; a client's key is nowhere."""
    made = make_certificate(tmp_path)
    out = tmp_path / "out"
    with running(certificate=made.certificate) as provider:
        command = [sys.executable, "-m", "harness", "record", "--upstream", provider.url, "--out", str(out)]
        command += ["--upstream-ca", str(made.authority), "--workload", "mine"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
        assert process.stdout is not None
        url = process.stdout.readline().split()[0]
        port = int(url.split(":")[2].partition("/")[0])
        wire = Wire(port)
        for number, path in enumerate(("/v1/chat/completions", "/v1/embeddings")):
            headers = {"Authorization": "Bearer sk-canary-recorded-01234567"}
            wire.send(request(f"/live/provider{path}", question(number), headers=headers))
            assert wire.answer()[0] == 200
        wire.close()
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert said == f"1 exchanges recorded in {out}\n"
    assert errors == "1 not recorded: it is no call of a dialect known here\n"
    (cassette,) = out.glob(f"*{SUFFIX}")
    assert cassette.name.startswith("openai-gpt-5-mini-mine-")
    assert "canary" not in cassette.read_text()
