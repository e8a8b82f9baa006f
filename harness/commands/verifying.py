"""``harness verify``: a configuration put to the test, limit by limit."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.options import AsJson, print_json

if TYPE_CHECKING:
    from harness.verify.trials import Judged


def command(
    config: Annotated[Path, typer.Argument(help="LiteLLM's .yaml, or .json or .py as harness recommend writes them.")],
    as_json: AsJson = False,
) -> None:
    """Prove that each limit of a configuration fires when it says, with as many requests as it says."""
    from harness.configs.reading import read_configuration
    from harness.errors import FindingFailed
    from harness.places import benchmarks_dir
    from harness.verify.run import verify

    found = verify(read_configuration(config), benchmarks_dir(), lambda line: print(line, file=sys.stderr))
    if as_json:
        print_json(
            {
                "config": str(config),
                "holds": found.holds,
                "unknown_fields": list(found.unknown),
                "limits": [asdict(each) for each in found.judged],
                "not_tried": list(found.skipped),
            }
        )
    else:
        for line in [*(f"✗ {each}" for each in found.unknown), *map(_line, found.judged)]:
            print(line)
        for line in found.skipped:
            print(f"– {line}")
    if not found.holds:
        broken = sum(each.holds is False for each in found.judged) + len(found.unknown)
        raise FindingFailed(f"{config}: {broken} of its lines do not do what they say")


def _line(each: Judged) -> str:
    mark = {True: "✓", False: "✗", None: "·"}[each.holds]
    stated = f" {each.stated}" if each.stated else ""
    return f"{mark} {each.name}: {each.limit}{stated}: {each.found}"
