"""Owns the fault scenario format (``benchmarks/faults/*.toml``): what goes wrong on the wire, in which attempts, and
what an honest client may make of it.

Read by ``replay`` (which acts it out) and by ``faults`` (which judges). Must not know HTTP libraries or sockets.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from harness.door import Strict, parse_toml, read_text, validate
from harness.errors import UsageError
from harness.vocabulary import ErrorKind

Primitive = Literal["port", "silence", "drip", "delay", "cut", "truncate", "status", "content"]
Family = Literal["healthy", "connection", "silence", "slow", "cut", "status", "malformed", "ending"]

PORTS = ("refuse", "unreachable", "silent", "closing")
"""Ports of the backend that fail before any request is read: nobody listens; connections never come about; they are
accepted and never read; they are closed as soon as accepted (a connection limit that was reached)."""

TIMEOUTS = tuple(kind for kind in ErrorKind if kind.startswith("timeout."))

EDITS = (
    "malformed_json",
    "html",
    "empty_body",
    "empty_choices",
    "wrong_content_type",
    "error_event",
    "malformed_event",
    "missing_end",
    "content_filter",
    "length",
    "duplicate_events",
    "out_of_order_events",
    "oversized_line",
    "invalid_utf8",
)
"""What ``content`` can do to an answer that arrives in time and with status 200."""

_ATTEMPTS = re.compile(r"every|first|([1-9]\d?)-([1-9]\d?)")


class Act(Strict):
    """One primitive with its parameters; which it needs is checked by ``Scenario``.

    ``after`` is where a silence, a cut or a truncation sets in: the request, the response's head, or half of its body.
    ``interval_s`` is between two bytes (or comments) of a drip, ``delay_s`` how late a head or a first chunk is.
    ``retry_after`` is the header's text; ``{date}`` in it becomes the HTTP date ``date_s`` from now.
    """

    primitive: Primitive
    port: str | None = None
    after: Literal["request", "head", "part"] | None = None
    how: Literal["reset", "fin"] | None = None
    framing: Literal["clean", "length"] | None = None
    what: Literal["bytes", "comments"] | None = None
    before: Literal["head", "first_chunk"] | None = None
    interval_s: float | None = Field(default=None, gt=0)
    delay_s: float | None = Field(default=None, gt=0)
    status: int | None = Field(default=None, ge=300, le=599)
    body: Literal["json", "html", "empty"] | None = None
    retry_after: str | None = None
    date_s: int = 0
    edit: str | None = None

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        given = {name for name in type(self).model_fields if getattr(self, name) is not None}
        needed = {"primitive", *_NEEDS[self.primitive]}
        missing = needed - given
        foreign = given - needed - _ALLOWED.get(self.primitive, set()) - {"date_s"}
        if missing:
            raise ValueError(f"expected {', '.join(sorted(missing))} for {self.primitive}, got none; add it")
        if foreign:
            raise ValueError(f"expected no {', '.join(sorted(foreign))} for {self.primitive}; remove it")
        for name, value, known in (("port", self.port, PORTS), ("edit", self.edit, EDITS)):
            if value is not None and value not in known:
                raise ValueError(f"expected {name} among {', '.join(known)}, got {value!r}")
        return self


_NEEDS: dict[str, set[str]] = {
    "port": {"port"},
    "silence": {"after"},
    "drip": {"what", "interval_s"},
    "delay": {"before", "delay_s"},
    "cut": {"how", "after"},
    "truncate": {"framing"},
    "status": {"status", "body"},
    "content": {"edit"},
}
_ALLOWED = {"status": {"retry_after"}}


class Expected(Strict):
    """What the caller of an honest client gets, told by the wire alone.

    ``answer`` says whether the call can still end well: with the ``whole`` true answer; with the answer ``as_sent``,
    which the fault has changed in a way that the protocol itself marks, or that nothing in it can show; or ``never``.
    ``kinds`` are the errors that an honest client raises (``timeout.*``: any of the four); another kind that has the
    caller do the same is as good. ``ends`` is false where nothing but a limit of the client's ends the wait.
    """

    answer: Literal["whole", "as_sent", "never"] = "never"
    kinds: tuple[Annotated[ErrorKind, Field(strict=False)], ...] = Field(default=(), strict=False)
    ends: bool = True

    @field_validator("kinds", mode="before")
    @classmethod
    def _any_timeout(cls, value: object) -> object:
        if not isinstance(value, list):
            return value
        return [kind for word in value for kind in (TIMEOUTS if word == "timeout.*" else (word,))]

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.answer == "never" and not self.kinds:
            raise ValueError("expected kinds of error where the call cannot end well, got none; add at least one")
        return self


class Scenario(Strict):
    """One thing that goes wrong. ``attempts`` are the requests of a call that it befalls; later ones go well."""

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    description: str
    family: Family
    streams: tuple[bool, ...] = Field(default=(False, True), min_length=1, strict=False)
    providers: tuple[str, ...] = Field(default=("openai", "anthropic", "gemini"), min_length=1, strict=False)
    attempts: str = "every"
    is_representative: bool = Field(default=False, description="part of the short matrix")
    act: Act | None = None
    expected: Expected

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if _ATTEMPTS.fullmatch(self.attempts) is None:
            raise ValueError(f"expected attempts as 'every', 'first' or '1-2', got {self.attempts!r}")
        if (self.act is None) != (self.family == "healthy"):
            raise ValueError("expected an act in every family but 'healthy'")
        if self.act is not None and self.act.primitive == "port" and self.attempts != "every":
            raise ValueError("expected attempts = 'every' for a port: it fails before a request can be told apart")
        return self

    @property
    def port(self) -> str | None:
        """The failing port that calls go to; None for the backend's own."""
        return self.act.port if self.act is not None else None

    @property
    def befallen(self) -> int | None:
        """How many requests of a call it befalls; None for all of them."""
        if self.attempts == "every":
            return None
        return 1 if self.attempts == "first" else int(self.attempts.partition("-")[2])

    def befalls(self, attempt: int) -> bool:
        """Whether the call's attempt with this number, from 1, meets the fault."""
        if self.act is None:
            return False
        match = _ATTEMPTS.fullmatch(self.attempts)
        if match is None or match[1] is None:
            return self.attempts == "every" or attempt == 1
        return int(match[1]) <= attempt <= int(match[2])


def load_scenario(path: Path) -> Scenario:
    """Read one scenario file. Raises UsageError; also where its name is not the file's."""
    scenario = validate(Scenario, parse_toml(read_text(path, "fault"), path), str(path))
    if scenario.name != path.stem:
        raise UsageError(f"{path}: name: expected {path.stem!r} as the file is called, got {scenario.name!r}")
    return scenario


def load_scenarios(folder: Path) -> dict[str, Scenario]:
    """Every scenario of a folder by name, in order of name. Raises UsageError; also where there is none."""
    found = {path.stem: load_scenario(path) for path in sorted(folder.glob("*.toml"))}
    if not found:
        raise UsageError(f"{folder}: expected fault scenarios (*.toml), got none; check the folder")
    return found
