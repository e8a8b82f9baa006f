"""Owns the names of arms: which call path each is, what it is called on a page, and which arm it stands on.

An arm's name is ``<path>[@<environment>][-<bridge>][-null]``: ``litellm``, ``openai@latest``, ``openai-in-thread``,
``openai-null``. A path has a module in ``harness.clients`` (a test holds the two lists together). Pure data and its
grammar; read by ``plan``, ``clients``, ``conductor``, ``analysis`` and ``report``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from harness.errors import UsageError
from harness.vocabulary import NULL_SUFFIX, Mode

Role = Literal["raw", "sdk", "wrapper", "router", "gateway", "other"]
"""Which layer a path is; colours and legends go by it. ``other`` is a path beside the stack."""

NATIVE = "(native)"
"""``below`` of a wrapper: whichever native SDK the cell's provider and operation have."""


@dataclass(frozen=True, slots=True)
class CallPath:
    """One way to call. ``client`` is what is measured (a closed set), ``below`` the path that this one stands on."""

    name: str
    client: str
    label: str
    role: Role
    below: str | None


PATHS = (
    CallPath("raw_http", "raw_http", "bare HTTP", "raw", None),
    CallPath("openai", "openai", "openai SDK", "sdk", "raw_http"),
    CallPath("openai_responses", "openai", "openai SDK, Responses", "sdk", "raw_http"),
    CallPath("anthropic", "anthropic", "anthropic SDK", "sdk", "raw_http"),
    CallPath("google_genai", "google_genai", "google-genai SDK", "sdk", "raw_http"),
    CallPath("openai_aiohttp", "openai", "openai SDK on aiohttp", "other", "openai"),
    CallPath("litellm", "litellm", "LiteLLM", "wrapper", NATIVE),
    CallPath("litellm_responses", "litellm", "LiteLLM, Responses", "wrapper", NATIVE),
    CallPath("litellm_httpx", "litellm", "LiteLLM on httpx", "other", "litellm"),
    CallPath("litellm_router", "litellm", "LiteLLM Router", "router", "litellm"),
    CallPath("litellm_router_many", "litellm", "Router, 3 deployments", "other", "litellm_router"),
    CallPath("litellm_proxy", "litellm", "LiteLLM proxy", "gateway", "litellm_router"),
    CallPath("any_llm", "any_llm", "any-llm", "other", NATIVE),
)
"""Every call path, lowest layer first."""

CONTROLS = {"control_sound": "sound control", "control_broken": "broken control"}
"""Clients of our own whose behaviour under faults is known: one does everything right, one does it wrong."""

CHAINS = {
    "litellm_fallbacks": "LiteLLM, fallbacks=",
    "litellm_router_fallbacks": "Router, fallbacks",
    "litellm_router_spread": "Router, 2 deployments",
    "hybrid_chain": "LiteLLM, then native SDK",
}
"""Fallback chains: paths with a second link. Like the controls they are arms of a fault matrix alone."""

MATRIX_ONLY = CONTROLS | CHAINS

_BY_NAME = {path.name: path for path in PATHS}


@dataclass(frozen=True, slots=True)
class Bridge:
    """A way round a client: the colours of its callers, the client's own colour (None: the caller's), what it is."""

    callers: tuple[Mode, ...]
    callee: Mode | None
    meaning: str
    is_whole_only: bool = False
    is_local: bool = False
    """Whether it touches its own calls alone, so that other arms can share its process."""


BRIDGES: dict[str, Bridge] = {
    "in-thread": Bridge((Mode.ASYNC,), Mode.SYNC, "sync client in a thread pool of its own"),
    "to-thread": Bridge((Mode.ASYNC,), Mode.SYNC, "sync client through asyncio.to_thread"),
    "asyncio-run": Bridge((Mode.SYNC,), Mode.ASYNC, "async client, asyncio.run per call", is_whole_only=True),
    "full-pool": Bridge((Mode.ASYNC,), None, "async client, the loop's default executor busy"),
    "guarded": Bridge(
        (Mode.SYNC, Mode.ASYNC), None, "client under harness.guard: deadlines from outside", is_local=True
    ),
    "collected": Bridge((Mode.SYNC, Mode.ASYNC), None, "client whose calls harness.collect writes down", is_local=True),
    "apart": Bridge((Mode.SYNC,), None, "client under harness.apart: in a thread that can be left behind"),
    "in-process": Bridge((Mode.SYNC,), None, "client in a process that can be killed", is_whole_only=True),
}
"""Ways to call a client other than straight: from the other colour, under a guard, or written down."""

_NAME = re.compile(
    rf"(?P<path>[a-z_]+)(@(?P<environment>[a-z]+))?(-(?P<bridge>{'|'.join(BRIDGES)}))?(?P<null>{NULL_SUFFIX})?"
)


@dataclass(frozen=True, slots=True)
class ArmName:
    """The parts of an arm's name. ``environment`` is empty for the plan's own."""

    path: str
    environment: str = ""
    bridge: str = ""
    is_null: bool = False

    def __str__(self) -> str:
        environment = f"@{self.environment}" if self.environment else ""
        bridge = f"-{self.bridge}" if self.bridge else ""
        return f"{self.path}{environment}{bridge}{NULL_SUFFIX if self.is_null else ''}"


def parse(name: str) -> ArmName:
    """Take a name apart. Raises UsageError where it is none, or its path is unknown."""
    match = _NAME.fullmatch(name)
    if match is None or match["path"] not in _BY_NAME:
        raise UsageError(
            f"arms: expected one of {', '.join(_BY_NAME)} "
            f"(or with {', '.join('-' + bridge for bridge in BRIDGES)}, @latest, {NULL_SUFFIX}), got {name!r}; "
            "see 'harness list arms'"
        )
    return ArmName(match["path"], match["environment"] or "", match["bridge"] or "", bool(match["null"]))


def path_named(name: str) -> CallPath:
    """The call path of that name. Raises UsageError."""
    return _BY_NAME[parse(name).path]


def label(name: str) -> str:
    """What an arm is called on a page: ``LiteLLM``, ``openai SDK in-thread``; the name itself where it is unknown."""
    if name in MATRIX_ONLY:
        return MATRIX_ONLY[name]
    try:
        parts = parse(name)
    except UsageError:
        return name
    said = _BY_NAME[parts.path].label
    said += f" ({parts.environment})" if parts.environment else ""
    said += f", {parts.bridge.replace('-', ' ')}" if parts.bridge else ""
    return f"{said} again (A/A)" if parts.is_null else said


def role(name: str) -> str:
    """The layer of an arm, ``null`` for a control, ``other`` for what stands beside the stack or is unknown."""
    try:
        parts = parse(name)
    except UsageError:
        return "other"
    if parts.is_null:
        return "null"
    return "other" if parts.environment or parts.bridge else _BY_NAME[parts.path].role


def is_beside(name: str) -> bool:
    """Whether an arm stands beside the stack: behind a bridge, in another environment, or on a path of its own.

    Its comparison with its plain form answers a question of its own; a control or an unknown name stands in the stack.
    """
    try:
        parts = parse(name)
    except UsageError:
        return False
    return not parts.is_null and role(name) == "other"


def foundations(name: str, present: frozenset[str]) -> tuple[str, ...]:
    """The arms among ``present`` that this arm stands on, nearest first; absent layers are stepped over.

    A control, a bridge, an environment or a path beside the stack stands on its plain form alone.
    """
    try:
        parts = parse(name)
    except UsageError:
        return ()
    if parts.is_null:
        plain: ArmName | None = replace(parts, is_null=False)
    elif parts.bridge:
        plain = replace(parts, bridge="")
    else:
        plain = replace(parts, environment="") if parts.environment else None
    if plain is not None:
        return (str(plain),) if str(plain) in present else ()
    beside = _BY_NAME[parts.path].role == "other"
    found: list[str] = []
    below = _BY_NAME[parts.path].below
    while below is not None and not (beside and found):
        step = _native(present) if below == NATIVE else below
        if step in present:
            found.append(step)
        below = _BY_NAME[step].below if step else "raw_http"
    return tuple(found)


def _native(present: frozenset[str]) -> str:
    return next((path.name for path in PATHS if path.role == "sdk" and path.name in present), "")


def place(name: str) -> tuple[int, str]:
    """Sort key: the stack from the bottom, variants after their path, controls with theirs."""
    order = [path.name for path in PATHS]
    try:
        parts = parse(name)
    except UsageError:
        return len(order), name
    return order.index(parts.path), name
