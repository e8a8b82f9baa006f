"""The wire dialects: one module per provider API, each building requests, answers and the truth inside an answer.

A dialect is added as ``<name>.py`` here and its name in ``DIALECTS``; callers find it by provider and operation.
"""

from __future__ import annotations

import importlib
from typing import cast

from harness.errors import UsageError
from harness.replay.dialects.parts import Dialect

DIALECTS = ("openai_chat", "openai_responses", "anthropic_messages", "gemini_generate")


def dialect_for(provider: str, operation: str) -> Dialect:
    """The dialect that this provider speaks for this operation. Raises UsageError."""
    known = [cast(Dialect, importlib.import_module(f"{__name__}.{name}")) for name in DIALECTS]
    for dialect in known:
        if provider == dialect.PROVIDER and operation in dialect.OPERATIONS:
            return dialect
    pairs = ", ".join(f"{d.PROVIDER} {operation}" for d in known for operation in d.OPERATIONS)
    raise UsageError(f"operation: expected one of {pairs}, got {provider} {operation}")
