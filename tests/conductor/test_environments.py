"""What is not installed is listed with the line that installs it, and stops a plan before anything is measured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.__main__ import run
from harness.clients import client_named
from harness.conductor import environments
from harness.conductor.environments import check_available, interpreter, lacking, version_in
from harness.errors import UsageError
from harness.plan import Arm

LATEST = Arm("openai@latest", "openai", environment="latest")

PLAN = """
name = "small"
description = "For tests."
blocks = 1
warmup = 1
arms = ["openai", "openai-null", "openai@latest"]

[[cells]]
provider = "openai"
models = ["gpt-5-mini"]
workload = "chat"
modes = ["sync"]
streams = [false]
load = "hot"
calls = 2
"""


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Environments are looked for in an empty folder."""
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    return tmp_path


def test_an_environment_that_was_not_made_is_named_with_the_line_that_makes_it(elsewhere: Path) -> None:
    """Before anything is asked of it."""
    with pytest.raises(UsageError, match="make setup-latest"):
        interpreter("latest")
    with pytest.raises(UsageError, match="make setup-latest"):
        check_available(LATEST)


@pytest.mark.real
def test_a_library_that_an_environment_lacks_is_named_with_its_install_line(elsewhere: Path) -> None:
    """A real interpreter without the SDK."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(elsewhere / ".venv-latest")], check=True)
    assert version_in("latest", "openai") == "not installed"
    assert lacking(client_named("openai").FACTS, "latest") == ("openai",)
    with pytest.raises(UsageError, match=r"openai@latest needs openai, which is not installed.*pip install"):
        check_available(LATEST)


def test_a_plan_that_needs_what_is_absent_stops_before_measuring(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, one line, nothing written."""
    (elsewhere / "plan.toml").write_text(PLAN)
    assert run(["run", str(elsewhere / "plan.toml"), "--results", str(elsewhere / "results")]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "make setup-latest" in said[0]
    assert not (elsewhere / "results").exists()


def test_the_list_has_it_as_unavailable(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the line, among the arms that can be had."""
    assert run(["list", "arms"]) == 0
    lines = {line.split("  ")[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "make setup-latest" in lines["openai@latest"]
    assert "make setup-latest" not in lines["openai"]
