"""Owns the workload format (``benchmarks/workloads/*.toml``): what is asked, free of any provider's wire shape.

A workload says the messages, the tools, the shape of the answer and the parameters; a client turns it into its own
keyword arguments, a cassette holds the request that must arrive. Called by ``conductor`` and ``replay.author``;
crosses into workers as plain JSON.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from harness.door import Strict, parse_toml, read_text, validate

_FILLER = (
    ("user", "Note for later, item {n}: the control arm of run {n} was measured before its treatment."),
    ("assistant", "Noted as item {n}: run {n}, control before treatment."),
)
_TOOL = "lookup_{n}"


class Message(Strict):
    """One turn of the conversation."""

    role: Literal["system", "user", "assistant"]
    content: str = Field(min_length=1)


class Tool(Strict):
    """One tool the model may call; ``parameters`` is its JSON schema, none for a free-form (text) input."""

    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    description: str
    parameters: dict[str, Any] | None = None


class Structure(Strict):
    """The shape an answer must have: any JSON object (``json``), or one that a JSON schema accepts (``schema``)."""

    kind: Literal["json", "schema"]
    name: str = Field(default="answer", pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    json_schema: dict[str, Any] = Field(default_factory=dict)


class Job(Strict):
    """How a background job is to end, and how its caller follows it: a question every ``poll_s``, cancelling instead of
    the ``cancel_after``-th one. ``late_s`` is when its creation is answered, where that is late.
    """

    ending: Literal["completed", "failed", "incomplete", "cancelled"]
    poll_s: float = Field(gt=0, le=10)
    cancel_after: int | None = Field(default=None, ge=1)
    late_s: float | None = Field(default=None, gt=0)


class Workload(Strict):
    """One kind of request. ``parameters`` are the sampling parameters by their field-wide names.

    ``history`` and ``toolbox`` grow a request to that many messages and tools, written here from a pattern, so that a
    slope per message or per tool can be measured. ``streams`` are the shapes that the workload is asked in, ``job``
    makes it a background job, ``axis`` says along which size its siblings differ: of the answer, its content chunks,
    the messages of history or the tools offered.
    """

    name: str = Field(pattern=r"^[a-z0-9_-]+$")
    description: str
    messages: tuple[Message, ...] = Field(min_length=1, strict=False)
    max_tokens: int | None = Field(default=None, ge=1)
    parameters: dict[str, Any] = Field(default_factory=dict)
    tools: tuple[Tool, ...] = Field(default=(), strict=False)
    structure: Structure | None = None
    history: int | None = Field(default=None, ge=1, le=10_000)
    toolbox: int | None = Field(default=None, ge=1, le=1_000)
    streams: tuple[bool, ...] = Field(default=(False, True), min_length=1, strict=False)
    timeout_s: float | None = Field(default=None, gt=0, description="the clients' own timeout, where not the usual")
    job: Job | None = None
    axis: Literal["kilobytes", "chunks", "messages", "tools"] | None = None

    @model_validator(mode="after")
    def _history_holds_the_messages(self) -> Self:
        if self.history is not None and self.history < len(self.messages):
            raise ValueError(f"expected history of at least the {len(self.messages)} messages, got {self.history}")
        return self

    @property
    def conversation(self) -> tuple[Message, ...]:
        """All messages: the leading system ones, the grown history, then the rest."""
        systems = tuple(message for message in self.messages if message.role == "system")
        rest = tuple(message for message in self.messages if message.role != "system")
        missing = (self.history or 0) - len(self.messages)
        filler = tuple(_filler(number) for number in range(missing))
        return (*systems, *filler, *rest)

    @property
    def offered_tools(self) -> tuple[Tool, ...]:
        """All tools: the written ones, then the grown ones."""
        missing = max(0, (self.toolbox or 0) - len(self.tools))
        return (*self.tools, *(_grown_tool(number) for number in range(missing)))


def load_workload(path: Path) -> Workload:
    """Read one workload file. Raises UsageError."""
    return validate(Workload, parse_toml(read_text(path, "workload"), path), str(path))


def _filler(number: int) -> Message:
    role, text = _FILLER[number % 2]
    return Message(role="user" if role == "user" else "assistant", content=text.format(n=number // 2 + 1))


def _grown_tool(number: int) -> Tool:
    return Tool(
        name=_TOOL.format(n=number + 1),
        description=f"Look up one figure in table {number + 1} of the measurements.",
        parameters={
            "type": "object",
            "properties": {
                "row": {"type": "string", "description": "Which row."},
                "column": {"type": "string", "enum": ["median", "p95", "n"]},
            },
            "required": ["row", "column"],
            "additionalProperties": False,
        },
    )
