"""Owns the question whether a distribution is installed in this process's environment, and which version."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from harness.clients import ClientFacts

NOT_INSTALLED = "not installed"


def installed(distribution: str) -> str:
    """The installed version of a distribution, or ``not installed``."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return NOT_INSTALLED


def install_line(facts: ClientFacts) -> str:
    """The line that installs what a call path needs."""
    return f"pip install {facts.install or ' '.join((facts.distribution or '', *facts.needs))}"
