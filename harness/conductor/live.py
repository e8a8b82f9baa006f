"""Owns what a live run needs beside its plan: providers' URLs and keys, what it may cost, how often it may ask; and the
look at each provider before anything is measured.

Keys come from the environment, go to workers through their pipes, and are shown nowhere. Called by ``commands`` and
``run``.
"""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.clients.raw_http import key_headers
from harness.errors import BackendError, UsageError
from harness.replay.address import parse_upstream
from harness.replay.launch import BackendProcess, Passing
from harness.replay.tapping import PREFIX

BASE_URLS = {
    "openai": "https://api.openai.com",
    "anthropic": "https://api.anthropic.com",
    "gemini": "https://generativelanguage.googleapis.com",
}
"""Where providers are, unless told otherwise; without a version segment."""

KEY_NAMES = {
    "openai": ("OPENAI_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
}
"""The variables that hold a provider's key, the first that is set."""

CALL_TIMEOUT_S = 120.0
_LOOK_S = 20.0
_MODELS = {"gemini": "/v1beta/models"}
_LONGEST_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Live:
    """How a live run is to go. ``record`` is a folder for cassettes; ``per_minute`` bounds requests to a provider."""

    upstreams: Mapping[str, str]
    keys: Mapping[str, str] = field(repr=False)
    authorities: Path | None = None
    record: Path | None = None
    max_cost_usd: float | None = None
    per_minute: float | None = None

    @property
    def passing(self) -> Passing:
        """What the backend is told."""
        return Passing(self.upstreams, self.authorities, self.record)


def live_to(
    providers: Iterable[str],
    told: Mapping[str, str],
    environment: Mapping[str, str] = os.environ,
    **more: Any,
) -> Live:
    """A live run to these providers; ``told`` are URLs that stand in for their own. Raises UsageError, or BackendError
    for a missing key.
    """
    wanted = tuple(dict.fromkeys(providers))
    for name in told:
        if name not in wanted:
            raise UsageError(f"--upstream: expected a provider of the plan ({', '.join(wanted)}), got {name!r}")
    urls = {name: told.get(name) or BASE_URLS.get(name, "") for name in wanted}
    for name, url in urls.items():
        if not url:
            raise UsageError(f"--upstream: expected {name}=<url>, for no address of {name} is known here")
        parse_upstream(url)
    return Live(urls, {name: _key(name, environment) for name in wanted}, **more)


def _key(provider: str, environment: Mapping[str, str]) -> str:
    names = KEY_NAMES.get(provider, (f"{provider.upper()}_API_KEY",))
    found = next((environment[name].strip() for name in names if environment.get(name, "").strip()), "")
    if not found:
        raise BackendError(f"{provider}: expected a key in {' or '.join(names)}, got none; set it")
    if not found.isascii() or not found.isprintable():
        raise BackendError(f"{provider}: expected a key of plain characters in {names[0]}, got others; set it again")
    return found


def look_at(live: Live, backend: BackendProcess) -> None:
    """Ask every provider for its list of models, through the tap. Raises BackendError where it cannot be reached, does
    not speak HTTP as expected, or refuses the key; an answer of another kind says that somebody is there.
    """
    for provider in live.upstreams:
        status, body = _asked(backend, provider, live.keys[provider])
        if status in (401, 403):
            raise BackendError(f"{provider}: expected a key that it accepts, got {status}; check the key")
        failure = _failure(body)
        if status == 502 and failure:
            raise BackendError(f"{failure}; nothing was measured")


def _asked(backend: BackendProcess, provider: str, key: str) -> tuple[int, bytes]:
    connection, path = backend.connection(_LOOK_S), _MODELS.get(provider, "/v1/models")
    try:
        connection.request("GET", f"{PREFIX}{provider}{path}", headers=dict(key_headers(provider, key)))
        answer = connection.getresponse()
        return answer.status, answer.read(1 << 16)
    except TimeoutError:
        raise BackendError(
            f"{provider}: expected an answer within {_LOOK_S:g} s, got none; nothing was measured"
        ) from None
    except (OSError, http.client.HTTPException) as problem:
        raise BackendError(
            f"{provider}: expected an answer, got {type(problem).__name__}; nothing was measured"
        ) from None
    finally:
        connection.close()


def _failure(body: bytes) -> str:
    """The tap's own words, where the answer is the tap's."""
    try:
        error = json.loads(body)["error"]
        return str(error["message"]) if error["type"] == "upstream_failure" else ""
    except (ValueError, KeyError, TypeError):
        return ""


class Throttle:
    """When a provider may be asked again: a token bucket of one, and what its 429s demand. Pure but for the clock."""

    def __init__(self, per_minute: float | None) -> None:
        self._every_s = 60.0 / per_minute if per_minute else 0.0
        self._free_s: dict[str, float] = {}
        self._refused: dict[str, int] = {}
        self.throttled = 0

    def wait_s(self, provider: str, now_s: float, requests: int = 1) -> float:
        """How long to wait before the next requests; they count as made then."""
        at_s = max(self._free_s.get(provider, now_s), now_s)
        self._free_s[provider] = at_s + self._every_s * requests
        return at_s - now_s

    def refused(self, provider: str, retry_after_s: float | None, now_s: float) -> None:
        """A request was answered 429: wait as long as was asked for, else twice as long with every one in a row."""
        self.throttled += 1
        times = self._refused[provider] = self._refused.get(provider, 0) + 1
        pause_s = min(2.0 ** (times - 1), _LONGEST_WAIT_S) if retry_after_s is None else retry_after_s
        self._free_s[provider] = max(self._free_s.get(provider, now_s), now_s + min(pause_s, _LONGEST_WAIT_S))

    def answered(self, provider: str) -> None:
        """It was answered otherwise."""
        self._refused.pop(provider, None)

    def hold(self, provider: str, requests: int = 1) -> None:
        """Wait for this provider's turn."""
        pause_s = self.wait_s(provider, time.monotonic(), requests)
        if pause_s > 0:
            time.sleep(pause_s)
