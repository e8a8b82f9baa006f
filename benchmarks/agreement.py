"""Compares overhead measured through the tap with overhead measured against cassettes, for the same arms and answers.

Run as ``python -m benchmarks.agreement [--blocks N]``. The provider is uvicorn over TLS, which sends the cassette's own
body. Importing this file measures nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.keeping import keep
from benchmarks.provider import running
from harness.analysis.analyse import findings_from
from harness.analysis.findings import Comparison, Findings, Interval
from harness.cassette import load_cassette
from harness.conductor.live import Live
from harness.conductor.progress import Lines
from harness.conductor.run import Campaign, run
from harness.dataset.store import Store
from harness.places import benchmarks_dir
from harness.plan import Plan, PlanFile, arms_of, cells_of, plan_text
from harness.replay.certificates import make_certificate

CASSETTE = "openai-gpt-5-mini-chat"
ARMS = ["raw_http", "raw_http-null", "openai", "litellm"]


def campaign(blocks: int) -> Campaign:
    """Whole answers, hot, both colours."""
    family = {"provider": "openai", "models": ["gpt-5-mini"], "workload": "chat", "modes": ["sync", "async"]}
    raw = {
        "name": "agreement",
        "description": "Overhead through the tap beside overhead against cassettes.",
        "blocks": blocks,
        "warmup": 40,
        "arms": ARMS,
        "cells": [{**family, "streams": [False], "load": "hot", "calls": 60}],
    }
    plan = Plan.model_validate(raw, strict=False)
    file = PlanFile(plan, plan_text(plan), Path("agreement"))
    return Campaign(file, arms_of(plan), cells_of(plan), 1, benchmarks_dir())


def main() -> int:
    """Measure both, print the differences side by side; 1 where the intervals of one difference do not meet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=10)
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    planned = campaign(arguments.blocks)
    cassette = load_cassette(benchmarks_dir() / "cassettes" / f"{CASSETTE}.cassette.jsonl")
    with tempfile.TemporaryDirectory(prefix="llm-call-bench-") as name:
        folder = Path(name)
        made, body, store = make_certificate(folder), folder / "body", Store(folder / "results")
        body.write_bytes(cassette.body)
        with running(certificate=made.certificate, file=body) as provider:
            live = Live({"openai": provider.url}, {"openai": "sk-opens-nothing"}, made.authority)
            for each in (planned, replace(planned, live=live)):
                run(each, store, Lines(each.calls))
        findings = findings_from(store, [manifest.run_id for manifest in store.manifests()])
    pairs = _pairs(findings)
    for pair in pairs:
        print(_line(*pair))
    agreed = all(_agree(*pair) for pair in pairs)
    if arguments.keep:
        lines = [_line(*pair) for pair in pairs]
        required = "the interval of every difference meets the recorded one's"
        keep(arguments.keep, "Overhead through the tap", "; ".join(lines), required, lines, passed=agreed)
    return 0 if agreed else 1


def _pairs(findings: Findings) -> list[tuple[Comparison, Comparison]]:
    """The same difference, recorded and live."""
    named = {(c.cell.backend, c.cell.cell_id, c.base, c.arm): c for c in findings.comparisons if c.metric == "overhead"}
    keys = [key[1:] for key in named if key[0] == "recorded"]
    return [(named["recorded", *key], named["live", *key]) for key in keys]


def _agree(recorded: Comparison, live: Comparison) -> bool:
    return recorded.difference is None or live.difference is None or _meet(recorded.difference, live.difference)


def _line(recorded: Comparison, live: Comparison) -> str:
    verdict = "agree" if _agree(recorded, live) else "DIFFER"
    said = f"recorded {_shown(recorded.difference)}, live {_shown(live.difference)}"
    return f"{recorded.cell.mode} {recorded.arm} − {recorded.base}: {said}: {verdict}"


def _meet(one: Interval, other: Interval) -> bool:
    return one.low <= other.high and other.low <= one.high


def _shown(interval: Interval | None) -> str:
    if interval is None:
        return "no interval below 6 blocks"
    return f"{interval.estimate * 1e6:+.0f} [{interval.low * 1e6:+.0f}, {interval.high * 1e6:+.0f}] µs"


if __name__ == "__main__":
    sys.exit(main())
