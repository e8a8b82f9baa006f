"""The commands, thin: one file each, with a function ``command`` whose signature is the command line.

``COMMANDS`` is in help order. A file imports its stage inside the function, so that ``harness --help`` stays quick.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, cast

COMMANDS = (
    ("bench", "bench"),
    ("run", "run"),
    ("report", "report"),
    ("recommend", "recommend"),
    ("verify", "verifying"),
    ("advise", "advising"),
    ("import", "importing"),
    ("record", "record"),
    ("replay", "replay"),
    ("self", "self_test"),
    ("doctor", "doctor"),
    ("list", "listing"),
)


def load_command(module: str) -> Callable[..., Any]:
    """The function behind a command."""
    return cast(Callable[..., Any], importlib.import_module(f"harness.commands.{module}").command)
