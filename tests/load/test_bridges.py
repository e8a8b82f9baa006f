"""A bridge crosses where it says, and changes nothing of the answer."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any, cast

import pytest

from harness.arms import BRIDGES
from harness.clients import Client, Target
from harness.load.bridges import BUSY_S, bridged
from tests.load.scripted import ScriptedClient

TARGET = Target("http://x", "k", 1.0)


class Threads(ScriptedClient):
    """Keeps which thread made each call and each chunk, and which loop."""

    def __init__(self) -> None:
        super().__init__(["", "a", "b"])
        self.threads: list[int] = []
        self.loops: list[int] = []

    def call(self, handle: Any, arguments: dict[str, Any]) -> Any:
        """Noted."""
        self.threads.append(threading.get_ident())
        return super().call(handle, arguments)

    def stream(self, handle: Any, arguments: dict[str, Any]) -> Any:
        """Every chunk noted."""
        for piece in super().stream(handle, arguments):
            self.threads.append(threading.get_ident())
            yield piece

    async def acall(self, handle: Any, arguments: dict[str, Any]) -> Any:
        """Noted."""
        self.loops.append(id(asyncio.get_running_loop()))
        return await super().acall(handle, arguments)


class Offloading(ScriptedClient):
    """An async client that needs a thread of the loop's default executor, as LiteLLM's does."""

    async def acall(self, handle: Any, arguments: dict[str, Any]) -> Any:
        """Through the executor."""
        return await asyncio.get_running_loop().run_in_executor(None, self.call, handle, arguments)


async def asked(subject: Any, *, stream: bool) -> str:
    """Open, ask once, close."""
    handle = await subject.open_async(TARGET)
    try:
        if stream:
            return "".join([piece async for piece in await subject.astream(handle, {})])
        return str(await subject.acall(handle, {}))
    finally:
        await subject.close_async(handle)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("bridge", ["in-thread", "to-thread"])
def test_the_sync_client_works_off_the_loops_thread(bridge: str, stream: bool) -> None:
    """Whole answers and every single chunk."""
    client = Threads()
    assert asyncio.run(asked(bridged(cast(Client, client), bridge), stream=stream)) == "ab"
    assert len(client.threads) == (3 if stream else 1)
    assert threading.get_ident() not in client.threads
    assert client.closed == 1


def test_a_loop_of_its_own_for_every_call() -> None:
    """A new client each time, closed each time."""
    client = Threads()
    subject = bridged(cast(Client, client), "asyncio-run")
    handle = subject.open_sync(TARGET)
    assert [subject.call(handle, {}) for _ in range(3)] == ["ab"] * 3
    assert len(client.loops) == 3
    assert client.closed == 3
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()


def test_a_busy_executor_delays_who_needs_it_and_nobody_else() -> None:
    """The known effect of this bridge: its holder lets a job through only between two of its turns."""

    async def longest(client: ScriptedClient) -> float:
        subject = bridged(cast(Client, client), "full-pool")
        handle = await subject.open_async(TARGET)
        await asyncio.sleep(BUSY_S / 2)
        took = []
        for _ in range(3):
            started = time.monotonic()
            await subject.acall(handle, {})
            took.append(time.monotonic() - started)
            await asyncio.sleep(BUSY_S / 2)
        await subject.close_async(handle)
        return max(took)

    assert asyncio.run(longest(Offloading(["x"]))) > BUSY_S / 4
    assert asyncio.run(longest(ScriptedClient(["x"]))) < BUSY_S / 4


def test_every_bridge_has_its_wrapper_and_none_leaves_the_client_alone() -> None:
    """The names of arms and the wrappers are one list."""
    client = cast(Client, ScriptedClient(["x"]))
    assert bridged(client, "") is client
    for bridge in BRIDGES:
        assert bridged(client, bridge) is not client
        assert bridged(client, bridge).FACTS is client.FACTS
