"""The wire dialects: one module per provider API, each building requests, answers and the truth inside an answer.

A dialect is added as ``<name>.py`` here and its name in ``DIALECTS``; callers load it by name.
"""

from __future__ import annotations

DIALECTS = ("openai_chat",)
