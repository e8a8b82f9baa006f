"""The pacer on a fake clock: never early, two wake-ups, bounded bursts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.replay.pacing import BURST_NS, EARLY_NS, SPIN_NS, Pacer


class FakeTimer:
    """Remembers when it was armed; ``Scene.run`` wakes it then."""

    kind: Literal["timerfd", "asyncio"] = "timerfd"

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback
        self.armed: list[int | None] = []

    def arm(self, at_ns: int) -> None:
        self.armed.append(at_ns)

    def disarm(self) -> None:
        self.armed.append(None)

    def close(self) -> None:
        self.armed.append(None)


class Scene:
    """A clock that advances with every reading, a timer, a pacer."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.now = 0
        self.pacer = Pacer(loop, self._open, self.read)
        self.sent: list[tuple[str, int, int]] = []

    def _open(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> FakeTimer:
        self.timer = FakeTimer(callback)
        return self.timer

    def read(self) -> int:
        self.now += 1_000
        return self.now

    def run(self, wakes: int = 10_000) -> None:
        """Wake the timer whenever it asks until it no longer does."""
        while self.timer.armed and (at := self.timer.armed[-1]) is not None and wakes:
            self.now = max(self.now, at)
            self.timer.callback()
            wakes -= 1


class Stream:
    """Sends at given deadlines, each send taking a while."""

    def __init__(self, scene: Scene, name: str, deadlines: list[int], send_takes_ns: int = 0) -> None:
        self.scene, self.name, self.takes = scene, name, send_takes_ns
        self.left = list(deadlines)
        scene.pacer.schedule(self.left[0], self)

    def send_due(self) -> int:
        self.scene.sent.append((self.name, self.left.pop(0), self.scene.now))
        self.scene.now += self.takes
        return self.left[0] if self.left else 0


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that never runs; the pacer only hands it to its timer."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def test_it_wakes_twice_and_spins_the_rest(loop: asyncio.AbstractEventLoop) -> None:
    """300 µs before the deadline, then 60 µs before it."""
    scene = Scene(loop)
    Stream(scene, "a", [5_000_000])
    scene.run()
    assert scene.timer.armed == [5_000_000 - EARLY_NS, 5_000_000 - SPIN_NS, None]
    ((_, deadline, sent),) = scene.sent
    assert 0 <= sent - deadline < 2_000


@given(st.lists(st.lists(st.integers(1, 20_000_000), min_size=1, max_size=8), min_size=1, max_size=6))
def test_nothing_is_sent_early_or_out_of_order(deadlines: list[list[int]]) -> None:
    """Whatever the streams: all sends happen, each stream in order, none before its deadline."""
    loop = asyncio.new_event_loop()
    scene = Scene(loop)
    for number, times in enumerate(deadlines):
        Stream(scene, str(number), sorted(times))
    scene.run()
    loop.close()
    assert all(sent >= deadline for _, deadline, sent in scene.sent)
    for number, times in enumerate(deadlines):
        assert [at for name, at, _ in scene.sent if name == str(number)] == sorted(times)


def test_a_burst_yields_to_the_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Many due sends at once are cut into pieces of 200 µs, so that requests are still read."""
    scene = Scene(loop)
    for number in range(100):
        Stream(scene, str(number), [1_000_000], send_takes_ns=20_000)
    scene.now = 1_000_000
    sent = []
    while len(scene.sent) < 100:
        before = scene.now
        scene.timer.callback()
        sent.append(scene.now - before)
    assert len(sent) > 5
    assert max(sent) <= BURST_NS + 50_000


def test_a_send_that_schedules_an_earlier_deadline_loses_neither(loop: asyncio.AbstractEventLoop) -> None:
    """A finished answer may start the next queued one from inside its last send."""
    scene = Scene(loop)

    class Starter(Stream):
        def send_due(self) -> int:
            following = super().send_due()
            if len(self.left) == 1:
                Stream(self.scene, "b", [self.scene.now - 500_000])
            return following

    Starter(scene, "a", [1_000_000, 2_000_000])
    scene.run()
    assert [(name, at) for name, at, _ in scene.sent if name == "a"] == [("a", 1_000_000), ("a", 2_000_000)]
    assert [name for name, _, _ in scene.sent] == ["a", "b", "a"]
