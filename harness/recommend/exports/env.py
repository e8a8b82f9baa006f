"""The settings as environment variables: one per model and limit, seconds, with what stands behind each in the line
above.

Called through ``exports``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from harness.recommend.remarks import comment, condition, refusal, standing
from harness.recommend.setting import Setting

_HEAD = "Limits in seconds. EXAMPLE means: derived from authored latencies, not advice."


def export(settings: Iterable[Setting], run_ids: Sequence[str], date: str) -> str:
    """The file as text."""
    lines = [comment(_HEAD), *(comment(f"From run {run_id}") for run_id in sorted(set(run_ids)))]
    seen = set[str]()
    for setting in settings:
        name = _name(setting)
        if setting.applies_to.model is None or name in seen:
            continue
        seen.add(name)
        if setting.value is None:
            lines.append(refusal(setting, name))
        else:
            lines += [comment(" ".join([standing(setting, date), *condition(setting)])), f"{name}={setting.value}\n"]
    return "".join(lines)


def _name(setting: Setting) -> str:
    where = setting.applies_to
    shape = {True: "STREAMED", False: "WHOLE", None: ""}[where.request_stream]
    budget = "" if where.max_tokens is None else f"{where.max_tokens}_TOKENS"
    unit = "S" if setting.unit == "s" else ""
    parts = [where.provider or "", where.model or "", shape, budget, setting.setting, unit]
    return re.sub(r"[^A-Z0-9]+", "_", "_".join(part for part in parts if part).upper()).strip("_")
