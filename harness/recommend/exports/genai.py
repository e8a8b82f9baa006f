"""The settings for google-genai. Its own timeout is a total in async code, where it ends healthy streams, and bounds
each read in sync code: the guard stands in for both. Called through ``exports``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.recommend.exports.snippets import LIMITS_OF, snippet
from harness.recommend.setting import Setting

_CODE = f'''\
from google import genai

client = genai.Client()  # one for the process; no timeout of its own: in async code it would end healthy streams


{LIMITS_OF}

def ask(model: str, contents: Any, **more: Any) -> Any:
    """One whole answer, or DeadlineExceeded at the total limit."""
    return call(limits_of(model), client.models.generate_content, model=model, contents=contents, **more)


def ask_streamed(model: str, contents: Any, **more: Any) -> Iterator[Any]:
    """The chunks of an answer, or DeadlineExceeded when the first, the next or the last is late."""
    return stream(limits_of(model), client.models.generate_content_stream, model=model, contents=contents, **more)
'''


def export(settings: Iterable[Setting], run_ids: Sequence[str], date: str) -> str:
    """The file as text."""
    return snippet(list(settings), run_ids, date, "gemini", _CODE)
