"""The settings for the openai SDK (and any provider that speaks its interface). Called through ``exports``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.recommend.exports.snippets import LIMITS_OF, snippet
from harness.recommend.setting import Setting

_CODE = f'''\
import openai

client = openai.OpenAI(max_retries=0)  # one for the process: retries are yours to make, in one layer


{LIMITS_OF}

def ask(model: str, messages: list[Any], **more: Any) -> Any:
    """One whole answer, or DeadlineExceeded at the total limit."""
    config = MODEL_CONFIGS[model]
    return call(
        limits_of(model), client.chat.completions.create, model=model, messages=messages, timeout=config["timeout"],
        **more
    )


def ask_streamed(model: str, messages: list[Any], **more: Any) -> Iterator[Any]:
    """The chunks of an answer, or DeadlineExceeded when the first, the next or the last is late."""
    return stream(
        limits_of(model),
        client.chat.completions.create,
        model=model,
        messages=messages,
        stream=True,
        timeout=MODEL_CONFIGS[model]["timeout"],
        **more,
    )
'''


def export(settings: Iterable[Setting], run_ids: Sequence[str], date: str) -> str:
    """The file as text."""
    return snippet(list(settings), run_ids, date, None, _CODE)
