"""``harness self``: the instrument against known truth; the result is kept under ``results/self/``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from harness.commands.options import RESULTS, AsJson, Results, print_json


def command(
    quick: Annotated[bool, typer.Option("--quick", help="Minutes instead of hours.")] = False,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Plant known effects, run A/A experiments, check the invariants; exit 1 when one fails."""
    import json
    from dataclasses import asdict

    from harness.calibration.campaigns import FULL, QUICK
    from harness.calibration.limits import limit_tests
    from harness.calibration.measure import self_tests
    from harness.conductor.progress import shown
    from harness.dataset.store import Store
    from harness.errors import FindingFailed
    from harness.places import benchmarks_dir

    records = limit_tests(lambda line: print(line, file=sys.stderr)) + self_tests(
        QUICK if quick else FULL, benchmarks_dir(), shown
    )
    Store(results).write_self_tests(records)
    failed = [record.name for record in records if not record.passed]
    if as_json:
        tests = [{**asdict(record), "details": json.loads(record.details)} for record in records]
        print_json({"passed": not failed, "tests": tests})
    else:
        for record in records:
            print(f"{'ok' if record.passed else 'FAIL':<4}  {record.name}: {record.found}; required: {record.required}")
    if failed:
        raise FindingFailed(f"self: {len(failed)} of {len(records)} tests failed: {', '.join(failed)}")
