"""Owns the workload format (``benchmarks/workloads/*.toml``): what is asked, free of any provider's wire shape.

A workload says the messages and the parameters; a client turns it into its own keyword arguments, a cassette holds
the exact request that must arrive. Called by ``conductor``; crosses into workers as plain JSON.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from harness.door import Strict, parse_toml, read_text, validate


class Message(Strict):
    """One turn of the conversation."""

    role: Literal["system", "user", "assistant"]
    content: str = Field(min_length=1)


class Workload(Strict):
    """One kind of request. ``parameters`` are the sampling parameters by their field-wide names."""

    name: str = Field(pattern=r"^[a-z0-9_-]+$")
    description: str
    operation: Literal["chat"] = "chat"
    messages: tuple[Message, ...] = Field(min_length=1, strict=False)
    max_tokens: int | None = Field(default=None, ge=1)
    parameters: dict[str, Any] = Field(default_factory=dict)


def load_workload(path: Path) -> Workload:
    """Read one workload file. Raises UsageError."""
    return validate(Workload, parse_toml(read_text(path, "workload"), path), str(path))
