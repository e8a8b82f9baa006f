"""The settings for one library as code to paste: ``MODEL_CONFIGS``, the guard, one client, and one function that asks.

The file of ``exports.python`` with the models of one provider, and below it the lines of one library. Called by the
modules that name a library.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.recommend.exports import python
from harness.recommend.setting import Setting


def snippet(settings: Sequence[Setting], run_ids: Sequence[str], date: str, provider: str | None, code: str) -> str:
    """The file as text. ``provider`` None keeps every model."""
    mine = [s for s in settings if provider is None or s.applies_to.provider in (provider, None)]
    return f"{python.export(mine, run_ids, date).rstrip()}\n\n\n{code}"


LIMITS_OF = '''\
def limits_of(model: str) -> Limits:
    """What the guard holds a call of this model to."""
    config = MODEL_CONFIGS[model]
    return Limits(config["total_timeout"], config.get("first_chunk_timeout"), config.get("inter_chunk_timeout"))
'''
