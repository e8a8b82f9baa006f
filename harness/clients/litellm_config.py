"""LiteLLM's configuration file against the installed LiteLLM: which of its fields exist, and the Router that it means.

LiteLLM ignores what it does not know, a misspelt limit included. Called in a process of its own by ``verify``.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from harness.clients.litellm import API_BASE

_SECTIONS = (
    "model_list",
    "litellm_settings",
    "router_settings",
    "general_settings",
    "environment_variables",
    "credential_list",
    "callback_settings",
    "guardrails",
    "mcp_servers",
    "include",
    "files_settings",
    "finetune_settings",
    "vector_store_registry",
    "search_tools",
    "default_team_settings",
    "assistant_settings",
)
_ENTRY = ("model_name", "litellm_params", "model_info", "access_groups", "blocked")
_OF_THE_PROXY = ("cache_params", "callbacks", "default_team_settings", "fallbacks", "mode", "priority_reservation")
"""Keys of ``litellm_settings`` that the proxy reads itself and LiteLLM has no attribute for."""

_LIMITS = ("timeout", "stream_timeout", "request_timeout")


def unknown_fields(config: Mapping[str, Any]) -> list[str]:
    """One line per field that the installed LiteLLM has no use for: where it stands, and what it may have meant."""
    return list(_unknown_fields(config))


def _unknown_fields(config: Mapping[str, Any]) -> Iterator[str]:
    from litellm import Router  # type: ignore[attr-defined]
    from litellm.types.router import AllowedFailsPolicy, RetryPolicy

    yield from _unknown("", config, _SECTIONS)
    for number, entry in enumerate(config.get("model_list") or ()):
        yield from _unknown(f"model_list.{number}", entry, _ENTRY)
        yield from _unknown(f"model_list.{number}.litellm_params", entry.get("litellm_params") or {}, _params())
    router = config.get("router_settings") or {}
    yield from _unknown("router_settings", router, tuple(inspect.signature(Router.__init__).parameters)[1:])
    yield from _unknown(
        "router_settings.retry_policy", router.get("retry_policy") or {}, tuple(RetryPolicy.model_fields)
    )
    for group, policy in (router.get("model_group_retry_policy") or {}).items():
        yield from _unknown(
            f"router_settings.model_group_retry_policy.{group}", policy, tuple(RetryPolicy.model_fields)
        )
    allowed = router.get("allowed_fails_policy") or {}
    yield from _unknown("router_settings.allowed_fails_policy", allowed, tuple(AllowedFailsPolicy.model_fields))
    yield from _unknown("litellm_settings", config.get("litellm_settings") or {}, _settings())


def _params() -> tuple[str, ...]:
    import litellm
    from litellm.types.router import LiteLLM_Params
    from litellm.types.utils import all_litellm_params

    signature = inspect.signature(litellm.completion).parameters
    return tuple({*LiteLLM_Params.model_fields, *all_litellm_params, *signature})


def _settings() -> tuple[str, ...]:
    import litellm

    return (*(name for name in vars(litellm) if not name.startswith("_")), *_OF_THE_PROXY)


def _unknown(where: str, found: Mapping[str, Any], known: tuple[str, ...]) -> Iterator[str]:
    for key in found:
        if key not in known:
            close = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {close[0]}?" if close else "remove it"
            yield f"{where}.{key}: LiteLLM has no such field and ignores it; {hint}".lstrip(".")


def router_over(config: Mapping[str, Any], model: str, url: str, api_key: str, scale: float) -> Any:
    """The Router that the file means, as the proxy builds it, with every deployment at ``url`` under the name ``model``
    (``provider/model``), every limit multiplied by ``scale``, and no group to fall back to: each is tried by itself.
    """
    import litellm
    from litellm import Router  # type: ignore[attr-defined]

    for key, value in (config.get("litellm_settings") or {}).items():
        if isinstance(value, bool | int | float | str) and hasattr(litellm, key):
            setattr(litellm, key, _scaled(key, value, scale))
    provider = model.partition("/")[0]
    entries = deepcopy(list(config.get("model_list") or ()))
    for entry in entries:
        params = {key: _scaled(key, value, scale) for key, value in entry["litellm_params"].items()}
        params |= {"model": model, "api_base": url + API_BASE[provider], "api_key": api_key}
        entry["litellm_params"] = {key: value for key, value in params.items() if key not in ("api_version",)}
    settings = {
        key: _scaled(key, value, scale)
        for key, value in (config.get("router_settings") or {}).items()
        if key in inspect.signature(Router.__init__).parameters
        and not key.startswith("redis")
        and "fallbacks" not in key
    }
    return Router(model_list=entries, **settings)


def _scaled(key: str, value: Any, scale: float) -> Any:
    is_limit = key in _LIMITS and isinstance(value, int | float) and not isinstance(value, bool)
    return value * scale if is_limit else value
