"""The two hands: one call made by a thread, one by a task. Written twice on purpose, line by line alike.

The measured region holds the call and the marks, nothing else. Called by ``load.worker``.
"""

from __future__ import annotations

from typing import Any

from harness.load.bench import Bench


def drive_sync(bench: Bench, handle: Any, index: int, call_number: int) -> bool:
    """Make one call in this thread. Returns whether it was ok; its marks are in ``bench``."""
    arguments = bench.arguments(index, call_number)
    client, timer, is_stream = bench.client(index), bench.timer, bench.cell(index).question.stream
    result, error, chunks = None, None, []
    bench.before()
    timer.start()
    try:
        if is_stream:
            for chunk in client.stream(handle, arguments):
                timer.chunk()
                chunks.append(chunk)
        else:
            result = client.call(handle, arguments)
    except Exception as problem:  # noqa: BLE001  a failed call is data
        error = problem
    timer.stop()
    return bench.after(index, call_number, result, chunks, error)


async def drive_async(bench: Bench, handle: Any, index: int, call_number: int) -> bool:
    """Make one call in this task. Returns whether it was ok; its marks are in ``bench``."""
    arguments = bench.arguments(index, call_number)
    client, timer, is_stream = bench.client(index), bench.timer, bench.cell(index).question.stream
    result, error, chunks = None, None, []
    bench.before()
    timer.start()
    try:
        if is_stream:
            async for chunk in await client.astream(handle, arguments):
                timer.chunk()
                chunks.append(chunk)
        else:
            result = await client.acall(handle, arguments)
    except Exception as problem:  # noqa: BLE001  a failed call is data
        error = problem
    timer.stop()
    return bench.after(index, call_number, result, chunks, error)
