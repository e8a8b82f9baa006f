"""Every mistake a user can make is one line on standard error with the right exit code, and no traceback."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.__main__ import run
from harness.dataset.store import Store
from harness.errors import HarnessError
from harness.places import benchmarks_dir
from harness.plan import cells_of, load_plan
from tests.dataset.rows import a_call, a_cold, a_manifest, an_attempt

Complaint = Callable[[list[str]], tuple[int, str]]

SMALL = """
name = "small"
description = "For tests."
blocks = 1
warmup = 1
arms = ["raw_http", "raw_http-null"]

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
def complain(capsys: pytest.CaptureFixture[str]) -> Complaint:
    """Run a command line; return its exit code and its single line on standard error."""

    def call(arguments: list[str]) -> tuple[int, str]:
        code = run(arguments)
        out, err = capsys.readouterr()
        lines = [line for line in err.splitlines() if line.startswith("harness: ")]
        assert len(lines) == 1, f"expected one line, got {err!r}"
        assert "Traceback" not in err + out
        return code, lines[0]

    return call


@pytest.fixture
def plan(tmp_path: Path) -> Callable[[str, str], str]:
    """Write the small plan with one change; return its path."""

    def write(old: str = "", new: str = "") -> str:
        assert old in SMALL
        path = tmp_path / "plan.toml"
        path.write_text(SMALL.replace(old, new) if old else SMALL)
        return str(path)

    return write


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "blocks = 1",
            "block = 1",
            "block: expected one of the known keys, got an unknown one; did you mean 'blocks'?",
        ),
        ("blocks = 1", 'blocks = "1"', "blocks: expected integer, got '1'"),
        ("blocks = 1", "blocks = 0", "blocks: expected greater than or equal to 1, got 0"),
        ("calls = 2", "calls = 0", "cells.0.calls: expected greater than or equal to 1, got 0"),
        ("calls = 2", "calls = 2.5", "cells.0.calls: expected integer"),
        ("calls = 2", "", "cells.0.calls: expected a value, got nothing"),
        (', "raw_http-null"', ', "openai"', "expected a null arm"),
        ('"raw_http", "raw_http-null"', '"openai", "raw_http-null"', "beside its null arm"),
        ('load = "hot"', 'load = "paced"', "expected service_s"),
        ('load = "hot"', 'load = "warm"', "cells.0.load: expected 'hot' or 'paced'"),
        ("blocks = 1", "blocks = ", "expected TOML, got a syntax error"),
        (
            '"raw_http", "raw_http-null"',
            '"curl", "curl-null"',
            "expected one of raw_http, openai, openai_responses",
        ),
        ('models = ["gpt-5-mini"]', 'models = ["gpt-5-minny"]', "did you mean 'gpt-5-mini'?"),
        ('workload = "chat"', 'workload = "poem"', "poem"),
    ],
)
def test_a_wrong_plan_is_one_line_and_exit_code_2(
    old: str, new: str, expected: str, plan: Callable[[str, str], str], complain: Complaint, tmp_path: Path
) -> None:
    """File, key, expected, got; nothing is measured or written."""
    code, line = complain(["run", plan(old, new), "--results", str(tmp_path / "results")])
    assert expected in line
    assert code == 2
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (
            ["bench", "--plan", "quikc"],
            2,
            ", smoke, standard, switching, transports, watching, workloads or a path",
        ),
        (["run", "missing.toml"], 2, "missing.toml: no such plan"),
        (["run"], 2, "either a plan or --resume"),
        (["run", "smoke", "--backend", "both"], 2, "--backend"),
        (["run", "smoke", "--arms", "openai,,litellm"], 2, "--arms"),
        (["run", "smoke", "--arms", "openai,litellm"], 2, "null arm"),
        (["run", "smoke", "--models", "gpt-9"], 2, "gpt-9"),
        (["run", "smoke", "--seed", "x"], 2, "--seed"),
        (["frobnicate"], 2, "frobnicate"),
        (["list", "colours"], 2, "list: expected one of"),
        (["report", "--results", "nowhere"], 4, "no runs in nowhere"),
        (["recommend", "--results", "nowhere"], 4, "no runs in nowhere"),
        (["run", "--resume", "none", "--results", "nowhere"], 4, "no runs in nowhere"),
        (["replay", "nowhere"], 4, "nowhere"),
    ],
)
def test_a_wrong_command_line_is_one_line(
    arguments: list[str], code: int, expected: str, complain: Complaint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Usage is 2, missing data is 4."""
    monkeypatch.chdir(tmp_path)
    seen, line = complain(arguments)
    assert expected in line
    assert seen == code


@pytest.mark.parametrize("damage", ["missing", "truncated", "corrupt", "version", "binary"])
def test_a_damaged_cassette_is_named(
    damage: str, plan: Callable[[str, str], str], complain: Complaint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 4, the file's name, and what is wrong with it."""
    shutil.copytree(benchmarks_dir(), tmp_path / "benchmarks", ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    monkeypatch.chdir(tmp_path)
    cassette = tmp_path / "benchmarks" / "cassettes" / "openai-gpt-5-mini-chat.cassette.jsonl"
    text = cassette.read_text()
    match damage:
        case "missing":
            cassette.unlink()
        case "truncated":
            cassette.write_text(text[: len(text) - 40])
        case "corrupt":
            head, _, rest = text.partition("\n")
            cassette.write_text(head + "\n" + rest.replace("control", "kontrol", 1))
        case "version":
            cassette.write_text(text.replace('"cassette": 1', '"cassette": 9', 1))
        case "binary":
            cassette.write_bytes(bytes(range(256)))
    code, line = complain(["run", plan("", ""), "--results", str(tmp_path / "results")])
    assert code == 4
    assert ("cassettes" if damage == "missing" else cassette.name) in line


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder with one small run."""
    store = Store(tmp_path / "results")
    manifest = a_manifest()
    store.write_manifest(manifest)
    store.write_block(manifest.run_id, 0, [a_call()], [an_attempt()], [a_cold()])
    return store.root


@pytest.mark.parametrize("damage", ["truncated", "not parquet", "foreign", "manifest"])
def test_a_damaged_dataset_is_named(damage: str, results: Path, complain: Complaint) -> None:
    """Exit code 4 and the file's name, for report and recommend alike."""
    (part,) = (results / "dataset" / "calls").rglob("*.parquet")
    match damage:
        case "truncated":
            part.write_bytes(part.read_bytes()[:-20])
        case "not parquet":
            part.write_bytes(b"hello")
        case "foreign":
            (cold,) = (results / "dataset" / "cold").rglob("*.parquet")
            shutil.copy(cold, part)
        case "manifest":
            (part,) = (results / "runs").glob("*.json")
            part.write_text("{")
    for command in ("report", "recommend"):
        code, line = complain([command, "--results", str(results)])
        assert code == 4
        assert part.name in line


@pytest.mark.real
@pytest.mark.parametrize("where", ["/proc/nothing-can-be-made-here", "/dev/null/results"])
def test_an_unwritable_results_folder_is_said(where: str, plan: Callable[[str, str], str], complain: Complaint) -> None:
    """Exit code 4, the path and the system's reason."""
    code, line = complain(["run", plan("", ""), "--results", where])
    assert code == 4
    assert where in line


@pytest.mark.real
def test_a_full_disk_ends_the_run_in_one_line(
    plan: Callable[[str, str], str], tmp_path: Path, complain: Complaint
) -> None:
    """On a tmpfs too small for a block: exit code 4, and what was there before stays readable."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a small tmpfs here: {mounted.stderr.decode().strip()}")
    try:
        code, line = complain(["run", plan("calls = 2", "calls = 400"), "--results", str(disk / "results")])
        assert code == 4
        assert "No space left" in line
        assert not list((disk / "results").rglob("*calls*/**/*.parquet"))
        assert len(Store(disk / "results").manifests()) <= 1
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.real
def test_control_c_keeps_what_was_measured_and_exits_130(plan: Callable[[str, str], str], tmp_path: Path) -> None:
    """The run is marked incomplete, the way to go on is printed, and going on completes it."""
    path = plan("blocks = 1", "blocks = 40")
    command = [sys.executable, "-m", "harness", "run", path, "--results", str(tmp_path / "results")]
    asked = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits it ignored
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, asked)
    assert process.stderr is not None
    assert "block 1 of 40" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in rest
    kept = Store(tmp_path / "results").latest()
    assert not kept.is_complete
    assert kept.blocks_done >= 1
    assert f"--resume {kept.run_id}" in rest
    assert run(["run", "--resume", kept.run_id, "--results", str(tmp_path / "results")]) == 0
    assert Store(tmp_path / "results").latest().is_complete
    assert len(Store(tmp_path / "results").calls([kept.run_id])) == 40 * 2 * 2


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    """``harness list plans | head -0`` ends quietly."""
    read, write = os.pipe()
    os.close(read)
    result = subprocess.run(
        [sys.executable, "-m", "harness", "list", "plans"], stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert result.returncode == 0
    assert result.stderr == ""


def test_no_home_and_an_odd_locale_are_no_trouble(tmp_path: Path) -> None:
    """The commands work with an almost empty environment."""
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    result = subprocess.run(
        [sys.executable, "-m", "harness", "list", "arms", "--json"],
        env=environment,
        cwd=benchmarks_dir().parent,
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert b"LiteLLM" in result.stdout


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_no_plan_file_can_cause_a_traceback(data: st.DataObject, tmp_path: Path) -> None:
    """Arbitrary bytes and mutations of a good plan either load or raise a HarnessError."""
    at, cut = data.draw(st.integers(0, len(SMALL))), data.draw(st.integers(0, 30))
    mutated = (SMALL[:at] + data.draw(st.text(max_size=12)) + SMALL[at + cut :]).encode("utf-8", "replace")
    path = tmp_path / "fuzz.toml"
    path.write_bytes(data.draw(st.just(mutated) | st.binary(max_size=200)))
    with contextlib.suppress(HarnessError):
        assert cells_of(load_plan(path).plan)
