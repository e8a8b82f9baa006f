"""Owns reading our own exports: ``recommendations.json``, and a Python file with ``MODEL_CONFIGS``."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.configs.stated import Stated
from harness.door import read_text
from harness.errors import UsageError

_LIMITS = ("timeout", "first_chunk_timeout", "inter_chunk_timeout", "total_timeout")


def read_json(path: Path) -> list[Stated]:
    """The settings of a recommendation, by model; of several output budgets the largest. Raises UsageError."""
    try:
        found = json.loads(read_text(path, "recommendation"))
        settings = [each for each in found["settings"] if each["applies_to"]["model"] is not None]
        by_model: dict[tuple[str, str], dict[str, Any]] = {}
        for each in sorted(settings, key=lambda each: each["applies_to"]["max_tokens"] or 0):
            values = by_model.setdefault((each["applies_to"]["provider"], each["applies_to"]["model"]), {})
            if each["value"] is not None and (each["applies_to"]["request_stream"] or each["setting"] not in values):
                values[each["setting"]] = each["value"]
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{path}: expected recommendations as harness recommend writes them, got other JSON") from None
    return [_stated(provider, model, values) for (provider, model), values in sorted(by_model.items())]


def read_python(path: Path) -> list[Stated]:
    """The literal ``MODEL_CONFIGS`` of a file, which is not run. Raises UsageError."""
    try:
        tree = ast.parse(read_text(path, "configuration"))
        found = next(ast.literal_eval(value) for value in _assigned(tree, "MODEL_CONFIGS"))
        return [_stated("", name, values) for name, values in found.items()]
    except (SyntaxError, ValueError, StopIteration, AttributeError):
        raise UsageError(f"{path}: expected Python with a literal MODEL_CONFIGS, got none") from None


def _assigned(tree: ast.Module, name: str) -> Iterator[ast.expr]:
    for node in tree.body:
        targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            value = getattr(node, "value", None)
            if isinstance(value, ast.expr):
                yield value


def _stated(provider: str, model: str, values: Mapping[str, Any]) -> Stated:
    limits = {key: _seconds(values.get(key)) for key in _LIMITS}
    retries = values.get("max_retries", values.get("retries"))
    return Stated(
        name=model,
        model=model,
        provider=provider or _provider_of(model),
        retries=retries if isinstance(retries, int) else None,
        retries_key="max_retries" if "max_retries" in values else "retries",
        timeout_s=limits["timeout"],
        first_chunk_s=limits["first_chunk_timeout"],
        inter_chunk_s=limits["inter_chunk_timeout"],
        total_s=limits["total_timeout"],
    )


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _provider_of(model: str) -> str:
    known = {"claude": "anthropic", "gemini": "gemini"}
    return next((provider for word, provider in known.items() if word in model.lower()), "openai")
