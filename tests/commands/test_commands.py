"""The commands do what the table of commands says, on a real small run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.__main__ import run
from harness.commands import COMMANDS, load_command
from harness.door import parse_toml
from harness.plan import Plan, PlanFile, cells_of, plan_text
from tests.commands.test_bad_input import SMALL


def test_every_command_has_a_help_line() -> None:
    """A command without a docstring would be listed without a word."""
    for _, module in COMMANDS:
        assert (load_command(module).__doc__ or "").strip()


def test_help_names_every_command() -> None:
    """``harness --help`` is the table of contents."""
    result = subprocess.run([sys.executable, "-m", "harness", "--help"], capture_output=True, text=True, check=True)
    for name, _ in COMMANDS:
        assert f"\n  {name} " in result.stdout


def test_help_loads_nothing_heavy() -> None:
    """The stages are imported by the commands that run them."""
    code = (
        "import sys, harness.__main__ as m; m.build(); "
        "print(*[n for n in ('pandas', 'pyarrow', 'scipy', 'duckdb', 'matplotlib', 'openai', 'litellm', 'pydantic') "
        "if n in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []


@pytest.mark.parametrize("what", ["arms", "plans", "metrics"])
def test_a_list_is_one_json_document(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With ``--json``: one document with a schema version."""
    assert run(["list", what, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema_version"] == 1
    assert document[what]


def test_a_dry_run_measures_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Cells, arms and the number of calls, and no results folder."""
    assert run(["bench", "--plan", "quick", "--dry-run", "--results", str(tmp_path / "results")]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["calls"] == document["blocks"] * len(document["arms"]) * sum(c["calls"] for c in document["cells"])
    assert not (tmp_path / "results").exists()


def test_a_plan_survives_being_written_and_read() -> None:
    """A narrowed plan is stored as text in the manifest, and resumed from it."""
    plan = Plan.model_validate(parse_toml(SMALL, Path("small.toml")))
    again = Plan.model_validate(parse_toml(plan_text(plan), Path("again.toml")))
    assert again == plan
    assert cells_of(again) == cells_of(plan)
    assert PlanFile(plan, SMALL, Path("x")).sha256 != PlanFile(plan, plan_text(plan), Path("x")).sha256


@pytest.mark.real
@pytest.mark.slow
def test_bench_measures_reports_and_recommends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two lines: the headline and the page; beside the page the recommendations; report and recommend work again."""
    plan = tmp_path / "plan.toml"
    plan.write_text(SMALL.replace('"raw_http", "raw_http-null"', '"openai", "openai-null", "litellm"'))
    places = ["--results", str(tmp_path / "results"), "--reports", str(tmp_path / "reports")]
    assert run(["bench", "--plan", str(plan), *places]) == 0
    out = capsys.readouterr().out.splitlines()
    page = tmp_path / "reports" / "latest" / "index.html"
    assert len(out) == 2
    assert out[1] == str(page)
    assert page.stat().st_size > 10_000
    settings = json.loads((page.parent / "recommendations.json").read_text())["settings"]
    assert all(one["value"] is None for one in settings if one["grade"] == "insufficient_data")
    assert {one["grade"] for one in settings if one["origin"] == "authored"} <= {"example", "insufficient_data"}
    assert run(["report", "--results", places[1], "--out", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "index.html").is_file()
    capsys.readouterr()
    assert run(["recommend", "--results", places[1], "--format", "python"]) == 0
    compile(capsys.readouterr().out, "config.py", "exec")
    assert run(["recommend", "--results", places[1], "--false-timeout-rate", "2"]) == 2
