"""The entry point: builds the command line from ``harness.commands.COMMANDS`` and turns errors into exit codes.

A user's mistake is one line on standard error and the exit code of its ``HarnessError``; Ctrl-C is 130.
"""

from __future__ import annotations

import os
import sys

import typer

from harness.commands import COMMANDS, load_command
from harness.errors import EXIT_INTERRUPTED, HarnessError

_ClickError = typer.BadParameter.__mro__[2]
"""The usage-error base of the click that typer carries (typer names only its children in public)."""


def build() -> typer.Typer:
    """The command line; each command imports its stage only when it runs."""
    app = typer.Typer(
        name="harness",
        help="Measure what each way to call an LLM costs, and learn which limits to set.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    for name, module in COMMANDS:
        app.command(name=name)(load_command(module))
    return app


def main() -> None:
    """Run one command and exit with its code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line. Returns the exit code; never lets a user's mistake become a traceback."""
    try:
        code = build()(arguments, prog_name="harness", standalone_mode=False)
        sys.stdout.flush()
    except HarnessError as problem:
        return _complain(str(problem), problem.exit_code)
    except KeyboardInterrupt:
        return _complain("interrupted", EXIT_INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit:  # typer's answer to a closed pipe: nobody is reading any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except _ClickError as problem:  # type: ignore[misc]  # mypy cannot see through __mro__
        return _complain(getattr(problem, "format_message", problem.__str__)() + "; see 'harness --help'", 2)
    if code == EXIT_INTERRUPTED:
        return _complain("interrupted", EXIT_INTERRUPTED)
    return code if isinstance(code, int) else 0


def _complain(line: str, code: int) -> int:
    print(f"harness: {' '.join(line.split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
