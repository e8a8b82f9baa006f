"""The collector as an arm: every call is written down while it is measured, and nothing of it stays."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any, cast

import pytest

from harness.clients import Client, Target
from harness.load.bridges import bridged
from tests.load.scripted import ScriptedClient

TARGET = Target("http://x", "k", 1.0)


def written(subject: Any) -> list[dict[str, Any]]:
    """What its collector wrote, once it has."""
    folder = Path(subject._folder.name)
    end_s = time.monotonic() + 5
    while time.monotonic() < end_s:
        lines = [json.loads(line) for path in folder.glob("*.jsonl") for line in path.read_text().splitlines()]
        if len(lines) == 2:
            return lines
        time.sleep(0.05)
    raise AssertionError("it wrote nothing")


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_calls_and_streams_are_written_and_the_answer_is_the_clients(mode: str) -> None:
    """One whole, one streamed; the folder goes with the client."""
    subject = cast(Any, bridged(cast(Client, ScriptedClient(["", "a", "b"])), "collected"))

    async def both() -> tuple[str, str, list[dict[str, Any]]]:
        handle = await subject.open_async(TARGET)
        whole = str(await subject.acall(handle, {}))
        stream = "".join([piece async for piece in await subject.astream(handle, {})])
        found = written(subject)
        await subject.close_async(handle)
        return whole, stream, found

    if mode == "async":
        whole, stream, found = asyncio.run(both())
    else:
        handle = subject.open_sync(TARGET)
        whole, stream = str(subject.call(handle, {})), "".join(subject.stream(handle, {}))
        found = written(subject)
        subject.close_sync(handle)
    assert (whole, stream) == ("ab", "ab")
    assert sorted((line["stream"], line["ok"]) for line in found) == [(False, True), (True, True)]
    assert not Path(subject._folder.name).exists()
