"""Owns what of a passing exchange may be written down: secrets and identities are replaced, each by as many characters.

What is secret is known in three ways: by the name it goes under (a header, a query parameter, a member of the body), by
having gone under such a name elsewhere in the same exchange, and by its look. Of an answer's headers only those on a
list keep their values. Pure. Called by ``recorder`` before anything is written.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, unquote, unquote_plus

import brotli

PLACEHOLDER = "x"
SHORTEST_SECRET = 6
"""A shorter value is no secret that could be looked for: it would be found in every other word."""

_SECRET_NAME = re.compile(
    r"(?:^|[-_.])(?:authorization|auth|key|api[-_]?key|apikey|subscription[-_]?key|token|access[-_]?token|secret|cookie|"
    r"credentials?|passw(?:or)?d|sig(?:nature)?|session|bearer|jwt)(?:$|[-_.])",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SCHEMES = frozenset({"bearer", "basic", "digest", "negotiate", "apikey"})
_NOT_SECRET = frozenset({"prompt_cache_key", "max_tokens", "max_completion_tokens", "max_output_tokens"})
_IDENTITY = frozenset(
    {
        *("user", "user_id", "end_user", "safety_identifier", "prompt_cache_key", "session_id", "organization"),
        *("organization_id", "org_id", "project", "project_id", "account", "account_id", "tenant", "tenant_id"),
        *("customer", "customer_id", "email", "device_id", "metadata", "labels"),
    }
)
"""Members of a request that name somebody; what stands below them is replaced whole."""

_LOOKS = re.compile(
    rb"(?<![A-Za-z0-9])(?:"
    rb"sk-[A-Za-z0-9_\-]{8,}|sk_[A-Za-z0-9_\-]{8,}|pk-[A-Za-z0-9_\-]{16,}|rk-[A-Za-z0-9_\-]{16,}|"
    rb"AIza[A-Za-z0-9_\-]{20,}|ya29\.[A-Za-z0-9_\-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{12,}|"
    rb"gsk_[A-Za-z0-9]{16,}|xai-[A-Za-z0-9]{16,}|hf_[A-Za-z0-9]{16,}|pplx-[A-Za-z0-9]{16,}|r8_[A-Za-z0-9]{16,}|"
    rb"gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|glpat-[A-Za-z0-9_\-]{16,}|xox[abprs]-[A-Za-z0-9\-]{10,}|"
    rb"eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*|"
    rb"org-[A-Za-z0-9]{8,}|proj_[A-Za-z0-9]{8,}|req_[A-Za-z0-9]{8,}|user-[A-Za-z0-9]{16,}|"
    rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    rb")"
)
"""What keys, tokens and identities of organisations, projects, users and requests look like."""

_BEARER = re.compile(rb"(?i)(\b(?:bearer|basic)[ \t]+)((?=[a-z._~+/\-]*[0-9])[a-z0-9._~+/\-]{6,}=*)")

_KEPT_HEADERS = re.compile(
    r"content-(?:type|encoding|length|language)|transfer-encoding|connection|cache-control|date|server|vary|via|"
    r"retry-after(?:-ms)?|x-should-retry|(?:x|anthropic)-ratelimit-(?:limit|remaining|reset)[a-z-]*|trailer|"
    r"openai-(?:processing-ms|version|model)|server-timing|x-envoy-upstream-service-time|x-litellm-(?:version|model-id)|"
    r"alt-svc|accept-ranges|age|etag|expires|strict-transport-security|x-content-type-options|x-accel-buffering",
    re.IGNORECASE,
)


class NotScrubbable(Exception):
    """What would be written cannot be cleaned; the text says why."""


def is_secret_name(name: str) -> bool:
    """Whether what goes under this name is a secret."""
    lowered = _CAMEL.sub("_", name).lower()
    return lowered not in _NOT_SECRET and bool(_SECRET_NAME.search(lowered))


def names_somebody(name: str) -> bool:
    """Whether what stands under this name of a request's member names a user, an organisation or the like."""
    return name.lower() in _IDENTITY


def secrets_of(headers: Iterable[tuple[bytes, bytes]], target: str, body: Any) -> frozenset[bytes]:
    """Every secret that a request carries under a telling name, in the spellings in which it could come back."""
    found = {
        part
        for name, value in headers
        if is_secret_name(name.decode("latin-1"))
        for part in _parts(value.decode("latin-1"))
    }
    for pair in target.partition("?")[2].split("&"):
        name, _, value = pair.partition("=")
        if is_secret_name(unquote_plus(name)):
            found |= {value, unquote(value), unquote_plus(value)}
    found |= set(_named(body))
    spelled = {form for text in found for form in (text, quote(text, safe=""), json.dumps(text)[1:-1])}
    return frozenset(
        form.encode("utf-8", "surrogatepass")
        for form in spelled
        if len(form) >= SHORTEST_SECRET and form.lower() not in _SCHEMES
    )


def scrubbed_bytes(text: bytes, secrets: Iterable[bytes]) -> bytes:
    """The text with every secret in it replaced, as long as before."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, PLACEHOLDER.encode() * len(secret))
    text = _BEARER.sub(lambda found: found[1] + PLACEHOLDER.encode() * len(found[2]), text)
    return _LOOKS.sub(lambda found: PLACEHOLDER.encode() * len(found[0]), text)


def scrubbed_target(target: str, secrets: Iterable[bytes]) -> str:
    """A path and query whose secret parameters are replaced."""
    path, mark, query = target.partition("?")
    pairs = [pair.partition("=") for pair in query.split("&")]
    shown = "&".join(
        name + sign + (PLACEHOLDER * len(value) if is_secret_name(unquote_plus(name)) else value)
        for name, sign, value in pairs
    )
    return scrubbed_bytes((path + mark + shown).encode("utf-8", "surrogatepass"), secrets).decode("utf-8", "replace")


def scrubbed_request(body: dict[str, Any], secrets: Iterable[bytes]) -> dict[str, Any]:
    """A request's JSON, secrets and whoever is named in it replaced."""
    known = tuple(secrets)
    return {_text(name, known): _member(name, value, known) for name, value in body.items()}


def scrubbed_headers(pairs: Iterable[tuple[str, str]], secrets: Iterable[bytes]) -> tuple[tuple[str, str], ...]:
    """An answer's headers: values of known, harmless ones as they are, of all others replaced; cookies left out."""
    known = tuple(secrets)
    return tuple(
        (name, _text(value, known) if _KEPT_HEADERS.fullmatch(name) else PLACEHOLDER * len(value))
        for name, value in pairs
        if "cookie" not in name.lower()
    )


def scrubbed_pieces(pieces: Iterable[bytes], encoding: str, secrets: Iterable[bytes]) -> tuple[bytes, ...]:
    """An answer's body, piece by piece: a secret is found across pieces, and every piece keeps its length.

    Raises NotScrubbable where a compressed body holds one, or cannot be looked into.
    """
    kept, known = tuple(pieces), tuple(secrets)
    body = b"".join(kept)
    if encoding.strip().lower() not in ("", "identity"):
        plain = _decompressed(body, encoding)
        if scrubbed_bytes(plain, known) != plain:
            raise NotScrubbable(f"its body holds a secret inside {encoding}: ask for it without compression")
        return kept
    clean = scrubbed_bytes(body, known)
    ends = [sum(map(len, kept[: number + 1])) for number in range(len(kept))] if len(kept) < 64 else list(_ends(kept))
    starts = [0, *ends[:-1]]
    return tuple(clean[start:end] for start, end in zip(starts, ends, strict=True))


def without_prompts(value: Any, keys: frozenset[str], skipped: frozenset[str], *, below: bool = False) -> Any:
    """JSON in which every text below one of ``keys`` is a placeholder of the same length."""
    if isinstance(value, str):
        return PLACEHOLDER * len(value) if below else value
    if isinstance(value, list):
        return [without_prompts(item, keys, skipped, below=below) for item in value]
    if isinstance(value, dict):
        return {
            name: member if name in skipped else without_prompts(member, keys, skipped, below=below or name in keys)
            for name, member in value.items()
        }
    return value


def _ends(pieces: tuple[bytes, ...]) -> Iterator[int]:
    end = 0
    for piece in pieces:
        end += len(piece)
        yield end


def _parts(value: str) -> Iterator[str]:
    """A header's value and the words in it: ``Bearer sk-…`` holds a secret, and so does every cookie."""
    yield value
    for word in re.split(r"[\s;,]+", value):
        yield word
        yield word.partition("=")[2]


def _named(value: Any, *, is_named: bool = False) -> Iterator[str]:
    if isinstance(value, str):
        if is_named:
            yield value
    elif isinstance(value, list):
        for item in value:
            yield from _named(item, is_named=is_named)
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _named(member, is_named=is_named or is_secret_name(name) or names_somebody(name))


def _member(name: str, value: Any, secrets: tuple[bytes, ...]) -> Any:
    if is_secret_name(name) or names_somebody(name):
        return _blank(value)
    if isinstance(value, str):
        return _text(value, secrets)
    if isinstance(value, list):
        return [_member("", item, secrets) for item in value]
    if isinstance(value, dict):
        return {_text(inner, secrets): _member(inner, member, secrets) for inner, member in value.items()}
    return value


def _blank(value: Any) -> Any:
    if isinstance(value, str):
        return PLACEHOLDER * len(value)
    if isinstance(value, list):
        return [_blank(item) for item in value]
    if isinstance(value, dict):
        return {name: _blank(member) for name, member in value.items()}
    return value


def _text(text: str, secrets: tuple[bytes, ...]) -> str:
    return scrubbed_bytes(text.encode("utf-8", "surrogatepass"), secrets).decode("utf-8", "surrogatepass")


def _decompressed(body: bytes, encoding: str) -> bytes:
    try:
        match encoding.strip().lower():
            case "gzip" | "x-gzip":
                return zlib.decompressobj(wbits=47).decompress(body)
            case "deflate":
                return zlib.decompressobj().decompress(body)
            case "br":
                return bytes(brotli.Decompressor().process(body))
    except (zlib.error, brotli.error) as problem:
        raise NotScrubbable(f"its body is no {encoding}: {problem}") from None
    raise NotScrubbable(f"its body is compressed as {encoding[:20]!r}, which cannot be looked into")
