"""One file per form in which settings leave: ``export(settings, run_ids, date) -> str``, deterministic.

Owns ``EXPORTS``, the literal tuple of names, each a module here that is loaded on demand. Called by ``commands``.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from typing import Protocol, cast

from harness.errors import UsageError
from harness.recommend.setting import Setting

EXPORTS = ("json", "python", "litellm", "openai", "anthropic", "genai", "env", "envoy")


class Exporter(Protocol):
    """What a module here offers."""

    def export(self, settings: Iterable[Setting], run_ids: Sequence[str], date: str) -> str:
        """The text; ``date`` (ISO, a day) is when the runs were made."""


def export(name: str, settings: Iterable[Setting], run_ids: Sequence[str], date: str) -> str:
    """Render the settings in the named form. Raises UsageError listing the known forms."""
    if name not in EXPORTS:
        raise UsageError(f"--format: expected one of {', '.join(EXPORTS)}, got {name!r}")
    module = cast(Exporter, importlib.import_module(f"{__name__}.{name}"))
    return module.export(settings, run_ids, date)
