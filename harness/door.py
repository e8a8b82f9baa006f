"""Owns how a file from outside becomes a validated model, and how a mistake in it becomes one line.

Used by the input formats (plan, workload, cassette). Must not know any of their fields.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.errors import HarnessError, UsageError


class Strict(BaseModel):
    """Base of every input model: unknown keys are errors, values are frozen, no silent coercion of types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Model = TypeVar("Model", bound=BaseModel)


def read_text(path: Path, kind: str, error: type[HarnessError] = UsageError) -> str:
    """Return the file's text. Raises ``error`` with one line when it cannot be read or is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise error(f"{path}: no such {kind}; check the name") from None
    except UnicodeDecodeError as problem:
        raise error(
            f"{path}: expected UTF-8 text, got byte {problem.object[problem.start]:#04x} "
            f"at offset {problem.start}; is this a {kind}?"
        ) from None
    except (OSError, ValueError) as problem:
        raise error(f"{path}: cannot read this {kind}: {_reason(problem)}") from None


def parse_toml(text: str, path: Path) -> dict[str, Any]:
    """Parse TOML. Raises UsageError naming the line."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as problem:
        raise UsageError(f"{path}: expected TOML, got a syntax error: {problem}") from None


def validate(model: type[Model], raw: object, where: str, error: type[HarnessError] = UsageError) -> Model:
    """Validate ``raw``. Raises ``error`` with one line for the first problem: ``where: key: expected …, got …``."""
    try:
        return model.model_validate(raw)
    except ValidationError as problem:
        raise error(f"{where}: {one_line(problem, model)}") from None


def one_line(problem: ValidationError, model: type[BaseModel]) -> str:
    """Render the first of pydantic's errors as ``key: expected …, got …; do …``, and count the others."""
    errors = sorted(problem.errors(include_url=False), key=lambda error: error["type"] != "extra_forbidden")
    first, *rest = errors
    key = ".".join(str(part) for part in first["loc"]) or "(top level)"
    kind = first["type"]
    if kind == "extra_forbidden":
        text = f"{key}: expected one of the known keys, got an unknown one; {_known(model, first['loc'])}"
    elif kind == "missing":
        text = f"{key}: expected a value, got nothing; add this key"
    elif kind == "value_error":
        text = f"{key}: {first['msg'].removeprefix('Value error, ')}"
    else:
        text = f"{key}: expected {_expectation(first['msg'])}, got {_shown(first.get('input'))}"
    return text + (f" (and {len(rest)} more)" if rest else "")


def _expectation(message: str) -> str:
    lowered = message[0].lower() + message[1:]
    for prefix in ("input should be a valid ", "input should be ", "value should "):
        lowered = lowered.removeprefix(prefix)
    return lowered


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _known(model: type[BaseModel], loc: tuple[int | str, ...]) -> str:
    import difflib

    fields = _fields_at(model, loc[:-1])
    close = difflib.get_close_matches(str(loc[-1]), fields, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(sorted(fields))}"


def _fields_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    current: type[BaseModel] = model
    for part in loc:
        if isinstance(part, int):
            continue
        annotation = current.model_fields[part].annotation if part in current.model_fields else None
        nested = [t for t in _types_in(annotation) if issubclass(t, BaseModel)]
        if not nested:
            break
        current = nested[0]
    return list(current.model_fields)


def _types_in(annotation: object) -> list[type]:
    from typing import get_args

    found = [annotation] if isinstance(annotation, type) and not get_args(annotation) else []
    for argument in get_args(annotation):
        found += _types_in(argument)
    return found


def _reason(problem: Exception) -> str:
    return problem.strerror or str(problem) if isinstance(problem, OSError) else str(problem)
