"""Owns what stands in a comment beside a pasted value: grade, sample, promise, condition, refusal.

Foreign text (model names, sources) passes through here on its way into a program: as a literal, or as comment lines
that nothing in it can end. Must not decide anything. Called by ``exports``.
"""

from __future__ import annotations

import textwrap

from harness.analysis.findings import Doubt
from harness.recommend.setting import EXTRAPOLATED, Guarantee, Setting, Value
from harness.vocabulary import Grade

WIDTH = 116
"""Columns of text in a comment line, so that ``# `` and the text fit in 120."""


def literal(value: Value) -> str:
    """``value`` as a Python literal, in double quotes where that needs no escape."""
    if isinstance(value, str):
        plain = value.isascii() and value.isprintable() and not set(value) & {'"', "\\"}
        return f'"{value}"' if plain else ascii(value)
    return repr(value)


def standing(setting: Setting, date: str) -> str:
    """One phrase: how far to trust the value, on how much, since when."""
    grade = "EXAMPLE, not advice" if setting.grade is Grade.EXAMPLE else setting.grade.value
    n = "unknown" if setting.n is None else setting.n
    authored = " · answers' timing authored" if _is_from_authored_runs(setting) else ""
    return f"{grade} · n = {n} · {_promise(setting.guarantee)} · {date}{authored}"


def _is_from_authored_runs(setting: Setting) -> bool:
    return setting.grade is not Grade.EXAMPLE and Doubt.AUTHORED_LATENCIES.value in setting.doubts


def _promise(guarantee: Guarantee | None) -> str:
    if guarantee is None or guarantee.false_timeout_rate is None:
        return "no guarantee"
    rate = f"{guarantee.false_timeout_rate * 100:.3g} %"
    if guarantee.kind == EXTRAPOLATED or guarantee.confidence is None:
        return f"no guarantee (aims at {rate})"
    return f"≤ {rate} false timeouts at {guarantee.confidence:.0%} confidence"


def condition(setting: Setting) -> list[str]:
    """Where a setting that is bound to no model holds, in brackets; nothing where it holds everywhere."""
    where = setting.applies_to
    shape = {None: "", True: "streamed", False: "whole"}[where.request_stream]
    path = " → ".join(end for end in (where.client, where.provider) if end)
    words = [word for word in (path, where.mode, shape) if word]
    return [f"({', '.join(words)})"] if words else []


def refusal(setting: Setting, name: str, width: int = WIDTH) -> str:
    """Comment lines that say what is missing."""
    return paragraph(f"{name}: {Grade.INSUFFICIENT_DATA.value}: {setting.why}", width)


def paragraph(text: str, width: int = WIDTH) -> str:
    """Comment lines of at most ``width``, unless one word is longer."""
    first, *rest = textwrap.wrap(text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return comment(first) + "".join(comment(line, "#   ") for line in rest)


def comment(text: str, mark: str = "# ") -> str:
    """One comment line: whatever could end it or not be encoded is replaced."""
    line = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
    return f"{mark}{line}\n"
