"""Rows of the fault matrix, each beside a script of at most 20 lines that uses the library directly and knows nothing
of this project: the same exception, the same finish reason, the same requests on the wire, and where one hangs both do.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.cassette import SUFFIX, load_cassette
from harness.conductor.backends import backend_of_run
from harness.conductor.fault_run import FaultCampaign
from harness.conductor.group_run import Floor, GroupRun
from harness.conductor.matrix import Matrix
from harness.conductor.processes import worker_environment
from harness.fault_plan import FaultPlan, FaultPlanFile
from harness.places import benchmarks_dir
from harness.record import FaultCase
from harness.replay.launch import BackendProcess
from harness.replay.ledger import Ledger
from harness.replay.routes import base_url
from harness.vocabulary import finish_word

pytestmark = pytest.mark.real
SCRIPTS = sorted(path for path in (Path(__file__).parent / "by_hand").glob("*.py") if path.name != "__init__.py")
MODELS = {"openai": "gpt-5-mini", "anthropic": "claude-haiku-4-5", "gemini": "gemini-2.5-flash"}
LINES_AT_MOST = 20
SOONER_S = 0.3
COLD_S = 3.0
"""How much longer a script may take: its time holds the building of a client and a first call."""

WAITED_S = 10.0


@dataclass(frozen=True, slots=True)
class Named:
    """The case that a script's first line names."""

    fault: str
    arm: str
    provider: str
    mode: str
    stream: bool


def named(script: Path) -> Named:
    """Read the first line."""
    fault, arm, provider, mode, shape, setting = script.read_text().partition("\n")[0].removeprefix("# ").split("/")
    assert setting == "limited"
    return Named(fault, arm, provider, mode, shape == "stream")


@dataclass(frozen=True, slots=True)
class Bench:
    """A backend with faults, its journal's entries by call, and the matrix's rows for every script."""

    backend: BackendProcess
    ledger: Ledger
    rows: dict[Named, FaultCase]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """Every named case measured once, an arm and a colour at a time."""
    wanted: defaultdict[tuple[str, str, str], set[Named]] = defaultdict(set)
    for script in SCRIPTS:
        case = named(script)
        wanted[case.arm, case.provider, case.mode].add(case)
    folder = benchmarks_dir()
    with backend_of_run(folder / "cassettes", [], folder / "faults") as (backend, journal):
        ledger, rows = Ledger(journal), dict[Named, FaultCase]()
        for block, ((arm, provider, mode), cases) in enumerate(wanted.items()):
            plan = FaultPlan.model_validate(
                {
                    "name": "by-hand",
                    "description": "For tests.",
                    "faults": sorted({case.fault for case in cases}),
                    "settings": ["limited"],
                    "arms": [arm],
                    "models": {provider: MODELS[provider]},
                    "fallback": provider,
                    "modes": [mode],
                    "streams": [False, True],
                    "limit_s": 1.0,
                    "retries": 2,
                    "window_s": 4.0,
                },
                strict=False,
            )
            matrix: Matrix = FaultCampaign(FaultPlanFile(plan, "", Path("by-hand.toml")), 1, folder).matrix
            (group,) = matrix.groups()
            for row in GroupRun(matrix, block, group, backend, ledger, Floor()).rows(lambda: None).faults:
                rows[Named(row.fault, arm, provider, mode, row.request_stream)] = row
        ledger.take(0)
        yield Bench(backend, ledger, rows)


def test_there_are_at_least_twenty_short_scripts() -> None:
    """And they import nothing of this project."""
    assert len(SCRIPTS) >= 20
    for script in SCRIPTS:
        text = script.read_text()
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
        assert len(lines) <= LINES_AT_MOST, script
        imported = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
        assert not any((node.module or "").startswith("harness") for node in imported)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_the_matrix_says_what_a_script_by_hand_sees(script: Path, bench: Bench) -> None:
    """One process of its own, the library as its documentation shows it."""
    case = named(script)
    row = bench.rows[case]
    shape = "-stream" if case.stream else ""
    cassette = f"{case.provider}-{MODELS[case.provider]}-chat{shape}"
    asked = load_cassette(benchmarks_dir() / "cassettes" / f"{cassette}{SUFFIX}").head.request.body
    bench.ledger.take(0)
    found = told_by(script, [base_url(bench.backend.port, "none", cassette, case.fault), json.dumps(asked)])
    time.sleep(0.2)
    assert len(bench.ledger.take(0)) == row.attempts
    if found is None:
        assert row.outcome == "killed"
        return
    assert row.duration_ns is not None
    assert -SOONER_S < found["seconds"] - row.duration_ns / 1e9 < COLD_S
    assert found["error"] == row.error_class
    assert row.error_class is not None or finish_word(found["finish"]) == row.finish_reason


def told_by(script: Path, arguments: list[str]) -> dict[str, Any] | None:
    """What a script prints; None when it is still waiting long after every limit of the plan."""
    command = [sys.executable, str(script), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=worker_environment()) as process:
        try:
            out, said = process.communicate(timeout=WAITED_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return None
    assert out, said[-500:]
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found
