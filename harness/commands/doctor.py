"""``harness doctor``: is this machine fit to measure, in seconds."""

from __future__ import annotations

from harness.commands.options import RESULTS, AsJson, Results, print_json


def command(results: Results = RESULTS, as_json: AsJson = False) -> None:
    """Check cores, load, clocks, ports, space and versions, and say what to do about each."""
    from dataclasses import asdict

    from harness.doctor import checks, gather
    from harness.errors import FindingFailed

    found = checks(gather(results))
    if as_json:
        print_json({"checks": [asdict(check) for check in found]})
    else:
        for check in found:
            print(f"{check.status:<4}  {check.name}: {check.found}" + (f"; {check.advice}" if check.advice else ""))
    failed = [check.name for check in found if check.status == "fail"]
    if failed:
        raise FindingFailed(f"doctor: not fit to measure: {', '.join(failed)}")
