"""Owns reading LiteLLM's configuration: the YAML of ``litellm --config``, and what it states for each model group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # its stubs are a package of their own

from harness.configs.stated import Stated
from harness.door import read_text
from harness.errors import UsageError


def read_config(path: Path) -> dict[str, Any]:
    """The file as mappings. Raises UsageError in one line when it is no configuration of LiteLLM's."""
    try:
        found = yaml.safe_load(read_text(path, "configuration"))
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark is not None else ""
        raise UsageError(f"{path}: expected YAML, got a syntax error{line}") from None
    if not isinstance(found, dict) or not isinstance(found.get("model_list"), list):
        raise UsageError(
            f"{path}: model_list: expected a list of deployments, got none; is this a configuration of LiteLLM?"
        )
    for number, entry in enumerate(found["model_list"]):
        params = entry.get("litellm_params") if isinstance(entry, dict) else None
        if not isinstance(params, dict) or not isinstance(params.get("model"), str) or "model_name" not in entry:
            raise UsageError(f"{path}: model_list.{number}: expected model_name and litellm_params.model, got neither")
    for section in ("router_settings", "litellm_settings"):
        if not isinstance(found.get(section) or {}, dict):
            raise UsageError(f"{path}: {section}: expected a mapping, got {type(found[section]).__name__}")
    return found


def stated(config: Mapping[str, Any]) -> Iterator[Stated]:
    """What each model group promises; the first of its deployments speaks for it."""
    router, settings = config.get("router_settings") or {}, config.get("litellm_settings") or {}
    seen = set[str]()
    for entry in config["model_list"]:
        name, params = str(entry["model_name"]), entry["litellm_params"]
        if name in seen:
            continue
        seen.add(name)
        retries, key = _retries(params, router, settings)
        yield Stated(
            name=name,
            provider=params["model"].partition("/")[0] if "/" in params["model"] else "openai",
            model=params["model"].partition("/")[2] or params["model"],
            client="litellm",
            timeout_s=_first(params.get("timeout"), router.get("timeout"), settings.get("request_timeout")),
            stream_timeout_s=_first(params.get("stream_timeout"), router.get("stream_timeout")),
            retries=retries,
            retries_key=key,
            fallbacks=_fallbacks(name, router.get("fallbacks") or settings.get("fallbacks")),
        )


def _retries(
    params: Mapping[str, Any], router: Mapping[str, Any], settings: Mapping[str, Any]
) -> tuple[int | None, str]:
    policy = router.get("retry_policy") or {}
    stated_at = (
        ("router_settings.retry_policy", policy.get("ServiceUnavailableErrorRetries")),
        ("litellm_params.num_retries", params.get("num_retries")),
        ("router_settings.num_retries", router.get("num_retries")),
        ("litellm_settings.num_retries", settings.get("num_retries")),
    )
    for key, value in stated_at:
        if isinstance(value, int):
            return value, key
    return None, "num_retries"


def _fallbacks(name: str, found: object) -> tuple[str, ...]:
    """The groups that LiteLLM turns to, of a list of one-entry mappings."""
    entries = found if isinstance(found, list) else []
    lists = [entry[name] for entry in entries if isinstance(entry, dict) and isinstance(entry.get(name), list)]
    return tuple(str(each) for each in lists[0] if isinstance(each, str)) if lists else ()


def _first(*values: object) -> float | None:
    return next((float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)), None)
