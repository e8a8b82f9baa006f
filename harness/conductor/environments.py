"""Owns the environments that arms may run in: the interpreter of each, and what is installed there.

``default`` is the one that the harness runs in. Another is a virtual environment beside the checkout, made from a lock
of its own by a make target. Called by ``conductor`` and ``commands``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

from harness.clients import ClientFacts, client_named
from harness.clients.installed import NOT_INSTALLED, install_line, installed
from harness.errors import UsageError
from harness.plan import Arm

DEFAULT = "default"
ROOT = Path(__file__).resolve().parents[2]
_ASK = (
    "import json; from importlib.metadata import distributions; "
    "print(json.dumps({d.metadata['Name'].lower().replace('_', '-'): d.version for d in distributions()}))"
)


def interpreter(environment: str) -> str:
    """The Python of an environment. Raises UsageError with the line that makes it where it is missing."""
    if environment == DEFAULT:
        return sys.executable
    path = ROOT / f".venv-{environment}" / "bin" / "python"
    if not path.is_file():
        raise UsageError(f"environment: expected {environment!r} to be installed, got none; make setup-{environment}")
    return str(path)


def version_in(environment: str, distribution: str) -> str:
    """Version of a distribution in an environment, or ``not installed``."""
    if environment == DEFAULT:
        return installed(distribution)
    return _versions(interpreter(environment)).get(distribution, NOT_INSTALLED)


@cache
def _versions(python: str) -> dict[str, str]:
    answer = subprocess.run([python, "-c", _ASK], capture_output=True, text=True, check=True, timeout=60)
    found: dict[str, str] = json.loads(answer.stdout)
    return found


def lacking(facts: ClientFacts, environment: str) -> tuple[str, ...]:
    """The distributions that a call path needs and the environment has not."""
    needed = (*((facts.distribution,) if facts.distribution else ()), *facts.needs)
    return tuple(name for name in needed if version_in(environment, name) == NOT_INSTALLED)


def check_available(arm: Arm) -> None:
    """Raise UsageError where the arm's environment or a library of its path is not installed."""
    facts = client_named(arm.path).FACTS
    missing = lacking(facts, arm.environment)
    if missing:
        raise UsageError(
            f"arms: {arm.name} needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed "
            f"in the environment {arm.environment!r}; {install_line(facts)}"
        )
