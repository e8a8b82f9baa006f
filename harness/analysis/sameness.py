"""Owns whether two call paths asked the provider for the same: the canonical difference of the requests they sent.

A request body is flattened to leaves under canonical paths (``wire_words`` says what is a spelling), so that two bodies
differ where a leaf is on one side only or has another value; spellings and forms are differences that do not matter.
Prompts are compared by their hash, which is all that the journal kept. Pure; called by ``analyse``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pandas as pd

from harness import arms as arm_names
from harness.analysis import wire_words as words
from harness.analysis.audits import Sameness, WireDifference, WireParameters
from harness.analysis.blocks import ArmBlocks
from harness.analysis.keys import CellKey
from harness.analysis.pairs import by_cell
from harness.vocabulary import NULL_SUFFIX

LONGEST_VALUE = 60
NO_VALUE = ""

_SENT = ["run_id", "cell_id", "arm", "target", "headers", "body"]
_TEXTS = re.compile(r"^(messages|contents|input|system|system_instruction|instructions|prompt)\b")
_NAMES = re.compile(r"^(model\b|tools\[\](?!\.type$))")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value of a body. ``path`` and ``spelled`` are aligned: canonical keys, and the keys as sent (``[]`` lists).

    ``value`` is canonical JSON; ``form`` says how it was put where that may differ (``text``, ``text block``).
    """

    path: tuple[str, ...]
    spelled: tuple[str, ...]
    value: str
    form: str = ""


Leaves = Mapping[tuple[str, ...], Leaf]
"""The leaves of a body by canonical path with list positions."""


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One request as the journal shows it. ``size`` is in bytes."""

    target: str
    headers: tuple[str, ...]
    body: Leaves
    size: int = 0

    @classmethod
    def of(cls, target: str, headers: Iterable[str], body: object, size: int = 0) -> WireRequest:
        """From ``name: value`` lines and a parsed body, None where it is no JSON."""
        return cls(target, tuple(headers), leaves(body), size)


def sameness(requests: pd.DataFrame, arms: Sequence[ArmBlocks]) -> tuple[Sameness, ...]:
    """Every arm's most frequent request beside the native SDK's, in cells that have one; controls are left out."""
    found = []
    for cell, sent in _by_cell(requests, arms).items():
        base = next((arm for arm in sent if arm_names.role(arm) == "sdk"), None)
        if base is not None:
            found += [_beside(cell, base, arm, sent) for arm in sent if arm != base and not arm.endswith(NULL_SUFFIX)]
    return tuple(found)


def asked_differently(requests: pd.DataFrame, arms: Sequence[ArmBlocks]) -> frozenset[tuple[CellKey, frozenset[str]]]:
    """The pairs of arms that, in a cell, asked the provider for different things."""
    found = set()
    for cell, sent in _by_cell(requests, arms).items():
        for one, other in combinations(sent, 2):
            if any(difference.matters for difference in differences(sent[one], sent[other])):
                found.add((cell, frozenset({one, other})))
    return frozenset(found)


def wire_parameters(requests: pd.DataFrame, arms: Sequence[ArmBlocks]) -> tuple[WireParameters, ...]:
    """What every arm but the controls put beside model, prompt and tools, as spelled on the wire."""
    return tuple(
        WireParameters(cell, arm, parameters(request))
        for cell, sent in _by_cell(requests, arms).items()
        for arm, request in sent.items()
        if not arm.endswith(NULL_SUFFIX)
    )


def parameters(request: WireRequest) -> tuple[tuple[str, str], ...]:
    """(key, value) of every scalar of the body that is no text, no schema, and neither model nor tool."""
    found: dict[str, str] = {}
    for leaf in request.body.values():
        canonical = dotted(leaf.path)
        if not (_TEXTS.match(canonical) or _NAMES.match(canonical) or words.SCHEMA_ROOTS & set(leaf.path)):
            found.setdefault(dotted(leaf.spelled), shown(leaf.value))
    return tuple(sorted(found.items()))


def differences(base: WireRequest, arm: WireRequest) -> tuple[WireDifference, ...]:
    """What ``arm`` sent otherwise than ``base``: target, body, headers. Repeats over list members are said once."""
    found = [*_targets(base, arm), *_bodies(base, arm), *_headers(base, arm)]
    return tuple(dict.fromkeys(found))


def leaves(body: object) -> Leaves:
    """Flatten a parsed body; nothing and an empty object have no leaves."""
    return dict(_walk(body, _Place())) if body else {}


def dotted(path: Iterable[str]) -> str:
    """``("tools", "[]", "name")`` as ``tools[].name``."""
    return ".".join(part for part in path if part).replace(".[]", "[]")


def shown(value: str) -> str:
    """A canonical value as it reads on a page: a text without its quotes, a long value cut."""
    text = str(json.loads(value)) if value.startswith('"') else value
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def _by_cell(requests: pd.DataFrame, arms: Sequence[ArmBlocks]) -> dict[CellKey, dict[str, WireRequest]]:
    sent = _most_frequent(requests)
    found: dict[CellKey, dict[str, WireRequest]] = {}
    for cell, present in by_cell(arms).items():
        keys = {arm: (cell.run_id, cell.cell_id, arm) for arm in sorted(present, key=arm_names.place)}
        found[cell] = {arm: sent[key] for arm, key in keys.items() if key in sent}
    return found


def _most_frequent(requests: pd.DataFrame) -> dict[tuple[str, str, str], WireRequest]:
    """Each arm's question per run and cell: what it posted most often, a request with a body before one without."""
    posted = requests[requests["method"] == "POST"]
    headers = posted["headers"].map(lambda lines: "\n".join(lines))
    rows = posted.assign(headers=headers, body=posted["body"].fillna(""))
    sums = rows.groupby(_SENT, observed=True, sort=True).agg(calls=("calls", "sum"), size=("request_bytes", "median"))
    table = sums.reset_index()
    table["empty"] = table["body"] == ""
    ordered = table.sort_values(["empty", "calls"], ascending=[True, False], kind="stable")
    first = ordered.drop_duplicates(["run_id", "cell_id", "arm"])
    return {(row["run_id"], row["cell_id"], row["arm"]): _request(row) for row in first.to_dict("records")}


def _request(row: Mapping[Hashable, Any]) -> WireRequest:
    body = json.loads(row["body"]) if row["body"] else None
    return WireRequest.of(row["target"], row["headers"].split("\n"), body, int(row["size"]))


def _beside(cell: CellKey, base: str, arm: str, sent: Mapping[str, WireRequest]) -> Sameness:
    one, other = sent[base], sent[arm]
    return Sameness(cell, base, arm, one.size, other.size, differences(one, other))


# the body


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a walk through a body stands. ``position`` is the canonical path with list indices."""

    position: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    spelled: tuple[str, ...] = ()
    members_are_own: bool = False

    @property
    def key(self) -> str:
        return self.path[-1] if self.path else ""

    def member(self, name: str) -> _Place:
        """One step into an object."""
        key = name if self.members_are_own else _snake(name)
        whole = dotted((*self.path, key))
        if whole in words.HOISTED:
            top = (words.HOISTED[whole],)
            return _Place(top, top, (dotted((*self.spelled, name)),))
        key = words.SYNONYMS.get(whole, key)
        is_own = not self.members_are_own and key in words.OWN_NAMES
        return _Place((*self.position, key), (*self.path, key), (*self.spelled, name), is_own)

    def item(self, index: int) -> _Place:
        """One step into a list."""
        return _Place((*self.position, f"[{index}]"), (*self.path, "[]"), (*self.spelled, "[]"))

    def leaf(self, value: object, form: str = "") -> tuple[tuple[str, ...], Leaf]:
        """A value here."""
        return self.position, Leaf(self.path, self.spelled, _canonical(value), form)


def _walk(value: object, at: _Place) -> Iterator[tuple[tuple[str, ...], Leaf]]:
    if dotted(at.path) == words.LONE_INPUT and isinstance(value, str):
        message = at.item(0)
        yield message.member("role").leaf("user")
        yield message.member("content").leaf(value, "text alone")
    elif isinstance(value, dict) and value:
        for name, inner in value.items():
            if inner is not None:
                yield from _walk(inner, at.member(name))
    elif isinstance(value, list) and (block := _lone_text_block(value, at)) is not None:
        yield at.leaf(block["text"], "text block")
        rest = {name: inner for name, inner in block.items() if name not in ("type", "text")}
        if rest:
            yield from _walk(rest, at.item(0))
    elif isinstance(value, list) and any(isinstance(inner, dict | list) for inner in value):
        for index, inner in enumerate(value):
            yield from _walk(inner, at.item(index))
    else:
        yield _plain_leaf(value, at)


def _lone_text_block(value: list[object], at: _Place) -> dict[str, object] | None:
    if at.key not in words.TEXT_HOLDERS or len(value) != 1 or not isinstance(value[0], dict):
        return None
    is_text = any(value[0].get("type") == kind for kind in words.TEXT_BLOCKS) and "text" in value[0]
    return value[0] if is_text else None


def _plain_leaf(value: object, at: _Place) -> tuple[tuple[str, ...], Leaf]:
    if at.key in words.TEXT_HOLDERS and isinstance(value, str):
        return at.leaf(value, "text")
    if dotted(at.path) in words.TEXT_OR_LIST and isinstance(value, str):
        return at.leaf([value], "text")
    if dotted(at.path) in words.TEXT_OR_LIST:
        return at.leaf(value, "list")
    if at.key in words.UNORDERED and isinstance(value, list):
        return at.leaf(sorted(map(str, value)))
    if at.key == "type" and isinstance(value, str) and words.SCHEMA_ROOTS & set(at.path):
        return at.leaf(value.lower(), value)
    return at.leaf(value)


def _canonical(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def _bodies(base: WireRequest, arm: WireRequest) -> Iterator[WireDifference]:
    ours, theirs = base.body, arm.body
    for position in dict.fromkeys([*ours, *theirs]):
        one, other = ours.get(position), theirs.get(position)
        if one is not None and other is not None:
            yield from _leaf_differences(one, other)
        elif one is not None:
            key, value = dotted(one.spelled), shown(one.value)
            yield WireDifference("dropped", "body", key, value, NO_VALUE, not _says_nothing(one))
        elif other is not None:
            key, value = dotted(other.spelled), shown(other.value)
            yield WireDifference("added", "body", key, NO_VALUE, value, not _says_nothing(other))


def _leaf_differences(one: Leaf, other: Leaf) -> Iterator[WireDifference]:
    for depth, (mine, its) in enumerate(zip(one.spelled, other.spelled, strict=True)):
        if mine != its:
            yield WireDifference("renamed", "body", dotted(one.spelled[: depth + 1]), mine, its, matters=False)
    key = dotted(one.spelled)
    if one.value != other.value:
        yield WireDifference("changed", "body", key, shown(one.value), shown(other.value), matters=True)
    elif one.form != other.form:
        yield WireDifference("changed", "body", key, one.form, other.form, matters=False)


def _says_nothing(leaf: Leaf) -> bool:
    whole, key = dotted(leaf.path), leaf.path[-1] if leaf.path else ""
    if whole in words.SAYS_NOTHING or shown(leaf.value) in words.NO_OPS.get(whole, ()):
        return True
    if leaf.value in ("{}", "[]"):
        return key in words.EMPTY_IS_ABSENT
    return leaf.value == '""' and key in words.EMPTY_TEXT_SAYS_NOTHING


# the target and the headers


def _targets(base: WireRequest, arm: WireRequest) -> Iterator[WireDifference]:
    (path, query), (its_path, its_query) = _split(base.target), _split(arm.target)
    if path != its_path:
        yield WireDifference("changed", "target", "path", path, its_path, matters=True)
    yield from _named("target", query, its_query, frozenset({*query, *its_query}) - words.CREDENTIALS)


def _split(target: str) -> tuple[str, dict[str, str]]:
    path, _, query = target.partition("?")
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    return path, {name: value for name, _, value in pairs}


def _headers(base: WireRequest, arm: WireRequest) -> Iterator[WireDifference]:
    yield from _named("header", _by_name(base.headers), _by_name(arm.headers), words.ASKING_HEADERS)


def _by_name(lines: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        lowered = name.strip().lower()
        found[lowered] = f"{found[lowered]}, {value.strip()}" if lowered in found else value.strip()
    return {name: _header_value(name, value) for name, value in sorted(found.items())}


def _header_value(name: str, value: str) -> str:
    if name not in words.LIST_HEADERS:
        return value
    return ", ".join(sorted({part.strip() for part in value.split(",") if part.strip()}))


def _named(
    place: str, ours: Mapping[str, str], theirs: Mapping[str, str], asking: frozenset[str]
) -> Iterator[WireDifference]:
    for name in dict.fromkeys([*ours, *theirs]):
        one, other = ours.get(name), theirs.get(name)
        if one == other:
            continue
        kind = "added" if one is None else "dropped" if other is None else "changed"
        yield WireDifference(kind, place, name, _cut(one), _cut(other), name in asking)


def _cut(value: str | None) -> str:
    return NO_VALUE if value is None else value if len(value) <= LONGEST_VALUE else value[: LONGEST_VALUE - 1] + "…"
