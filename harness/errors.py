"""Owns the one exception family that a user's mistake or a broken backend may raise, and its exit codes.

A message is one line: ``file: key: expected …, got …; do …``. Raised everywhere; caught only in ``harness.__main__``.

    HarnessError
    ├── FindingFailed   1   a gate or a self-test failed
    ├── UsageError      2   the command line, a plan, a workload, a configuration
    ├── BackendError    3   the backend process or credentials
    └── DataError       4   cassettes, Parquet, journals, validation
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_INTERRUPTED = 130


class HarnessError(Exception):
    """A problem that the user can act on; its text is the single line they see."""

    exit_code = 1


class FindingFailed(HarnessError):
    """The measurement worked and its result is a failure (a gate, a self-test)."""

    exit_code = 1


class UsageError(HarnessError):
    """The invocation, a plan or a configuration file is wrong."""

    exit_code = 2


class BackendError(HarnessError):
    """The backend process cannot start, died, or refuses what it was asked."""

    exit_code = 3


class DataError(HarnessError):
    """A file that should hold data is missing, damaged, foreign or does not validate."""

    exit_code = 4
