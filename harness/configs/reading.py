"""Owns which reader a configuration file gets. Called by ``commands``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.configs import litellm_yaml, pasted
from harness.configs.stated import Stated
from harness.errors import UsageError


@dataclass(frozen=True, slots=True)
class Configuration:
    """A file as read: what it states, and of LiteLLM's the file itself."""

    stated: tuple[Stated, ...]
    litellm: Mapping[str, Any] | None


def read_configuration(path: Path) -> Configuration:
    """Read .yaml (LiteLLM's), .json (recommendations) or .py (``MODEL_CONFIGS``). Raises UsageError."""
    match path.suffix.lower():
        case ".yaml" | ".yml":
            config = litellm_yaml.read_config(path)
            return Configuration(tuple(litellm_yaml.stated(config)), config)
        case ".json":
            return Configuration(tuple(pasted.read_json(path)), None)
        case ".py":
            return Configuration(tuple(pasted.read_python(path)), None)
    raise UsageError(f"{path}: expected .yaml (LiteLLM's), .json or .py (this harness's exports), got {path.suffix!r}")
