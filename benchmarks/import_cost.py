"""asv suite: what importing each client costs a fresh process, in time and memory."""

from __future__ import annotations

from typing import ClassVar

SWITCHES = (
    "import os; os.environ.update(LITELLM_LOCAL_MODEL_COST_MAP='True', LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS='True')"
)


class Import:
    """Seconds to import one library in a fresh interpreter (LiteLLM with its offline switches set)."""

    params: ClassVar = ["httptools", "openai", "litellm"]
    param_names: ClassVar = ["library"]
    timeout = 120
    number = 1
    repeat = (1, 5, 30.0)

    def timeraw_import(self, library: str) -> tuple[str, str]:
        """asv runs the first text in a fresh process, timed, after the second, untimed."""
        return f"import {library}", SWITCHES


class HarnessHelp:
    """Seconds until ``harness --help`` could answer: the import of the command line."""

    timeout = 60
    number = 1
    repeat = (1, 5, 20.0)

    def timeraw_help(self) -> str:
        """asv runs this text in a fresh process."""
        return "import harness.__main__; harness.__main__.build()"
