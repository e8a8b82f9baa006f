"""The settings as a Python file to paste: ``MODEL_CONFIGS``, LiteLLM's switches, and the guard that makes limits hold.

The output imports the standard library alone. Every value carries its grade, n, guarantee and date in a comment;
what was refused stays visible as a comment; what was not measured (a temperature) is left to the user. Foreign text
(model names, sources) enters as literals and single-line comments only. Called through ``exports``.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Sequence
from textwrap import indent

from harness import guard
from harness.recommend.remarks import WIDTH, comment, condition, literal, paragraph, refusal, standing
from harness.recommend.setting import Setting
from harness.vocabulary import Grade

HEAD = '''"""Settings for calls to LLMs, to paste into your own code or to import as it is.

Written by `harness recommend --format python`. The comment after each value is its grade, the sample behind it, what
it guarantees, and when it was measured. EXAMPLE means: derived from authored latencies, not advice.
"""
'''

CONFIGS_NOTE = """\
# Per model, in seconds, for the output budget in max_tokens (newer OpenAI models: max_completion_tokens).
# "timeout" is what an SDK takes: it bounds each socket read and is no deadline. The guard below makes limits hold:
#   limits = Limits(CONFIG["total_timeout"], CONFIG["first_chunk_timeout"], CONFIG["inter_chunk_timeout"])
#   call(limits, client.chat.completions.create, ...)                   and await acall(limits, ...)
#   for chunk in stream(limits, client.chat.completions.create, ...)    and async for chunk in astream(limits, ...)
"""

INDENT = "    "

TEMPERATURE = '# "temperature": …,  (not measured: yours to choose)\n'

LIMITS = (
    ("timeout", "total_timeout", "per socket read"),
    ("connect_timeout", "connect_timeout", "new connections"),
    ("first_chunk_timeout", "first_chunk_timeout", "streams"),
    ("inter_chunk_timeout", "inter_chunk_timeout", "streams"),
    ("total_timeout", "total_timeout", "wall clock"),
)
"""(key, the setting that gives it, note)."""

LITELLM = "litellm"

RETRIES = (("num_retries", True, "LiteLLM's own"), ("max_retries", False, "the SDK's, beneath it"))
"""(key, whether LiteLLM's ``inner_retries`` decides it or those of an SDK on the model's wire; note)."""


def export(settings: Iterable[Setting], run_ids: Sequence[str], date: str) -> str:
    """The file as text; ``date`` stands in every comment."""
    every = list(settings)
    parts = [
        HEAD,
        "".join(comment(f"From run {run_id}") for run_id in sorted(set(run_ids))),
        _guard(is_imports=True),
        _environment(every, date),
        _behaviour(every, date),
        CONFIGS_NOTE + _configs(every, date),
        "\n" + _guard(is_imports=False),
    ]
    return "\n".join(part for part in parts if part)


def _guard(*, is_imports: bool) -> str:
    """The guard's imports, or the rest of it but its docstring, as it stands in its file."""
    source = inspect.getsource(guard)
    lines = source.splitlines(keepends=True)
    parts = []
    for node in ast.parse(source).body[1:]:
        if isinstance(node, ast.Import | ast.ImportFrom) is not is_imports or _is_export_list(node):
            continue
        start = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
        gap = "\n\n" if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else ""
        parts.append(gap + "".join(lines[start - 1 : node.end_lineno]))
    return "".join(parts)


def _is_export_list(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"


def _environment(settings: list[Setting], date: str) -> str:
    switches = [setting for setting in settings if _is_switch(setting)]
    lines = ["# Before `import litellm`: it reads the first of these while it is imported.\n"] if switches else []
    for setting in switches:
        if setting.value is None:
            lines.append(refusal(setting, setting.setting))
        else:
            entry = f"os.environ.setdefault({literal(setting.setting)}, {literal(setting.value)})"
            lines.append(f"{entry}  {comment(standing(setting, date))}")
    return "".join(lines)


def _behaviour(settings: list[Setting], date: str) -> str:
    lines = ["# How to call. These are conditions of the measurement, for you to follow in your own code.\n"]
    for setting in settings:
        if setting.applies_to.model is None and not _is_switch(setting):
            name = " ".join([setting.setting, *condition(setting)])
            if setting.value is None:
                lines.append(refusal(setting, name))
            else:
                lines.append(paragraph(f"{name} = {literal(setting.value)}: {standing(setting, date)}; {setting.why}"))
    return "".join(lines) if len(lines) > 1 else ""


def _configs(settings: list[Setting], date: str) -> str:
    models = _largest_budgets(settings)
    names = [model for _, model, _ in models]
    lines = ["MODEL_CONFIGS: dict[str, dict[str, Any]] = {\n"]
    for provider, model, budget in models:
        key = model if names.count(model) == 1 else f"{provider}/{model}"
        mine = [s for s in settings if _key(s) == (provider, model, budget)]
        lines.append(indent(_config(key, mine, settings, date), INDENT))
    return "".join([*lines, "}\n"])


def _config(key: str, mine: list[Setting], settings: list[Setting], date: str) -> str:
    entries = [_budget_line(mine)]
    entries += [_line(name, _pick(mine, source), note, date) for name, source, note in LIMITS]
    entries += [_line(name, _retries(settings, mine, wraps=wraps), note, date) for name, wraps, note in RETRIES]
    body = indent(TEMPERATURE + "".join(entries), INDENT)
    return f"{_example_note(mine)}{literal(key)}: {{\n{body}}},\n"


def _example_note(mine: list[Setting]) -> str:
    if not any(setting.grade is Grade.EXAMPLE for setting in mine):
        return ""
    total = _pick(mine, "total_timeout")
    loud = comment("EXAMPLE, not advice: measure your own provider before you rely on these.")
    return loud + (paragraph(total.why, WIDTH - len(INDENT)) if total else "")


def _budget_line(mine: list[Setting]) -> str:
    budget = mine[0].applies_to.max_tokens
    if budget is None:
        return '# "max_tokens": …,  (no output budget known: choose one, and ask again with --max-tokens)\n'
    return f'"max_tokens": {budget},  # the output budget that the limits below were made for\n'


def _line(name: str, setting: Setting | None, note: str, date: str) -> str:
    if setting is None:
        return comment(f'"{name}": not measured')
    if setting.value is None:
        return refusal(setting, f'"{name}"', WIDTH - 2 * len(INDENT))
    return f'"{name}": {literal(setting.value)},  {comment(f"{standing(setting, date)} · {note}")}'


def _pick(mine: list[Setting], name: str) -> Setting | None:
    """The streamed variant where there are two: a whole answer's first byte comes with its last."""
    found = [setting for setting in mine if setting.setting == name]
    return next((s for s in found if s.applies_to.request_stream is not False), found[0] if found else None)


def _retries(settings: list[Setting], mine: list[Setting], *, wraps: bool) -> Setting | None:
    """Of several a refusal first: one layer's silence does not vouch for another's."""
    wires = (None, mine[0].applies_to.provider)
    found = [
        s
        for s in settings
        if s.setting == "inner_retries" and s.applies_to.provider in wires and (s.applies_to.client == LITELLM) is wraps
    ]
    return next((s for s in found if s.value is None), found[0] if found else None)


def _largest_budgets(settings: list[Setting]) -> list[tuple[str, str, int | None]]:
    """One budget per (provider, model): the largest, whose limits are safe for the smaller ones."""
    largest: dict[tuple[str, str], int | None] = {}
    for setting in settings:
        if setting.applies_to.model is not None:
            provider, model, budget = _key(setting)
            largest[provider, model] = max(budget or 0, largest.get((provider, model)) or 0) or None
    return [(provider, model, budget) for (provider, model), budget in sorted(largest.items())]


def _key(setting: Setting) -> tuple[str, str, int | None]:
    return setting.applies_to.provider or "", setting.applies_to.model or "", setting.applies_to.max_tokens


def _is_switch(setting: Setting) -> bool:
    return setting.setting.isupper()
