"""Owns what crosses the pipes between conductor and worker: the spec, the commands, the replies, the dump.

A command is one fixed-size struct, a reply one byte (plus a message when something went wrong), so that a turn costs
two short writes. Used by ``load.worker`` on one side and ``conductor.processes`` on the other. No pydantic, no pickle.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any

from harness.clients import Question, Target
from harness.load.outcome import Truth
from harness.record import Marks

COMMAND = struct.Struct("<BHQ")
LENGTH = struct.Struct("<I")
REPLY = struct.Struct("<cIIB")
OK = b"."
FAILED = b"!"
"""Reply to a command whose (last) call did not end as expected; a length-prefixed UTF-8 message follows. Either is
followed by what the command's calls used, and whether all of them told it.
"""


@dataclass(frozen=True, slots=True)
class Used:
    """Tokens that the answers to one command's calls state; ``is_known`` where every one of them did."""

    input_tokens: int
    output_tokens: int
    is_known: bool


class Op(IntEnum):
    """What a worker can be asked to do; ``number`` is the count for WARM and the call number for CALL."""

    WARM = 1
    CALL = 2
    DUMP = 3


@dataclass(frozen=True, slots=True)
class CellSpec:
    """One cell as a worker sees it: what an arm asks there, where, and across which bridge."""

    target: Target
    question: Question
    truth: Truth
    arm: str = ""
    bridge: str = ""


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """One worker process: one client in one colour. ``injected_ns`` plants a known busy-wait in the timed region."""

    client: str
    mode: str
    cells: tuple[CellSpec, ...]
    injected_ns: int = 0


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker's first words: what importing its client cost, and the versions of the distributions it asked for."""

    import_ns: int
    modules_loaded: int
    rss_import_bytes: int
    clock_domain: str
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Dump:
    """Everything a worker measured, sent once at the end of a block.

    ``first_calls`` are (cell, whether its client was there already, ns) in the order made.
    """

    marks: tuple[Marks, ...]
    first_calls: tuple[tuple[int, bool, int], ...]
    rss_after_bytes: int
    foreign_modules: tuple[str, ...]


def dump_spec(spec: WorkerSpec) -> bytes:
    """One line of JSON."""
    return json.dumps(asdict(spec)).encode() + b"\n"


def load_spec(line: bytes) -> WorkerSpec:
    """The inverse of ``dump_spec``; trusted, it comes from our own parent."""
    raw = json.loads(line)
    raw["cells"] = tuple(_cell(cell) for cell in raw["cells"])
    return WorkerSpec(**raw)


def _cell(raw: Mapping[str, Any]) -> CellSpec:
    return CellSpec(
        Target(**raw["target"]), load_question(raw["question"]), load_truth(raw["truth"]), raw["arm"], raw["bridge"]
    )


def load_question(raw: Mapping[str, Any]) -> Question:
    """A question from its JSON."""
    return Question(**{**raw, "messages": tuple(raw["messages"]), "tools": tuple(raw["tools"])})


def load_truth(raw: Mapping[str, Any]) -> Truth:
    """A truth from its JSON."""
    return Truth(**{**raw, "tool_calls": tuple((name, arguments) for name, arguments in raw["tool_calls"])})


def dump_ready(ready: Ready) -> bytes:
    """One line of JSON."""
    return json.dumps(asdict(ready)).encode() + b"\n"


def dump_dump(dump: Dump) -> bytes:
    """Length-prefixed JSON; marks as plain lists in field order."""
    body = json.dumps(
        {
            "marks": [[getattr(marks, name) for name in Marks.__slots__] for marks in dump.marks],
            "first_calls": dump.first_calls,
            "rss_after_bytes": dump.rss_after_bytes,
            "foreign_modules": dump.foreign_modules,
        }
    ).encode()
    return LENGTH.pack(len(body)) + body


def load_dump(body: bytes) -> Dump:
    """The inverse of ``dump_dump``, after its length was read."""
    raw = json.loads(body)
    lists = [list(Marks.__slots__).index(name) for name in ("arrivals_ns", "content_chunks")]
    for values in raw["marks"]:
        for position in lists:
            values[position] = tuple(values[position])
    marks = tuple(Marks(*values) for values in raw["marks"])
    first_calls = tuple((cell, shares, ns) for cell, shares, ns in raw["first_calls"])
    return Dump(marks, first_calls, raw["rss_after_bytes"], tuple(raw["foreign_modules"]))


def dump_reply(*, is_expected: bool, used: Used, failure: str) -> bytes:
    """What a worker answers to a command."""
    head = REPLY.pack(OK if is_expected else FAILED, used.input_tokens, used.output_tokens, used.is_known)
    return head if is_expected else head + message(failure)


def message(text: str) -> bytes:
    """A length-prefixed message that follows ``FAILED``."""
    body = text.encode("utf-8", "replace")[:4096]
    return LENGTH.pack(len(body)) + body
