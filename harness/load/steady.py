"""Owns calls that arrive at a steady pace in one process, whatever became of those before: how a service meets an
outage. Each call is observed as ``probe`` observes one; what is left behind belongs to all of them and tells nothing.

Runs in a child that ``zygote`` forked. Loads no SDK but the client's own.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence

from harness.clients import Client
from harness.load.probe import Begin, CaseSpec, Dialled, Observed, Tell, make_async, make_sync, warm_async, warm_sync


def lasting_s(specs: Sequence[CaseSpec], every_s: float) -> float:
    """From the first arrival until the last call is given up."""
    return every_s * (len(specs) - 1) + specs[-1].window_s


def steady_sync(client: Client, specs: Sequence[CaseSpec], every_s: float, begin: Begin, tell: Tell) -> None:
    """Make a sound call, then each case's in a thread of its own, all over one client."""
    warm_sync(client, specs[0])
    handle, dialled = client.open_sync(specs[0].target), Dialled()

    def make(spec: CaseSpec) -> None:
        call = Observed(client, spec, dialled)
        make_sync(call, handle, call.begin())
        tell(call.report(None, None))

    threads, started_s = [], time.monotonic()
    for turn, spec in enumerate(specs):
        time.sleep(max(started_s + turn * every_s - time.monotonic(), 0))
        begin(spec)
        threads.append(threading.Thread(target=make, args=(spec,), daemon=True))
        threads[-1].start()
    for thread in threads:
        thread.join()


async def steady_async(client: Client, specs: Sequence[CaseSpec], every_s: float, begin: Begin, tell: Tell) -> None:
    """Make a sound call, then each case's in a task of its own, all over one client."""
    await warm_async(client, specs[0])
    handle, dialled = await client.open_async(specs[0].target), Dialled()

    async def make(spec: CaseSpec) -> None:
        call = Observed(client, spec, dialled)
        await make_async(call, handle, call.begin())
        tell(call.report(None, None))

    tasks, started_s = [], time.monotonic()
    for turn, spec in enumerate(specs):
        await asyncio.sleep(max(started_s + turn * every_s - time.monotonic(), 0))
        begin(spec)
        tasks.append(asyncio.create_task(make(spec)))
    await asyncio.gather(*tasks)


STEADY: dict[str, Callable[[Client, Sequence[CaseSpec], float, Begin, Tell], None]] = {
    "sync": steady_sync,
    "async": lambda client, specs, every_s, begin, tell: asyncio.run(steady_async(client, specs, every_s, begin, tell)),
}
