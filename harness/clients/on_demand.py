"""Owns handles that need more than a target: a Router needs the model, any-llm the provider, and opening knows neither.

Such a handle holds the library's own objects by what they are for, each built at the first call for it, a warm-up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class OnDemand(dict[str, Any]):
    """What a library needs to be called, by key; a key that is missing is built."""

    def __init__(self, build: Callable[[str], Any]) -> None:
        super().__init__()
        self._build = build

    def __missing__(self, key: str) -> Any:
        built = self[key] = self._build(key)
        return built
