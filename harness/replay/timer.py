"""Owns being woken at an absolute time on the event loop: a timerfd where there is one, ``loop.call_at`` elsewhere.

asyncio's own timers are up to a millisecond late, because epoll's timeout is rounded up. Called by ``pacing``.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
import time
from collections.abc import Callable
from typing import Literal, Protocol

_TFD_FLAGS = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)
_TFD_TIMER_ABSTIME = 1


class Timer(Protocol):
    """Calls back on the loop at or after the armed time; arming again replaces the time."""

    kind: Literal["timerfd", "asyncio"]

    def arm(self, at_ns: int) -> None:
        """Wake at ``at_ns`` (CLOCK_MONOTONIC), at once if that is past."""

    def disarm(self) -> None:
        """Do not wake."""

    def close(self) -> None:
        """Give back what the timer holds."""


def open_timer(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> Timer:
    """The best timer of this system."""
    try:
        return TimerFd(loop, callback)
    except (OSError, AttributeError):
        return LoopTimer(loop, callback)


class _Itimerspec(ctypes.Structure):
    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


class TimerFd:
    """A Linux timerfd, never read: setting it again clears its expiry, which saves a system call per wake-up."""

    kind: Literal["timerfd", "asyncio"] = "timerfd"
    __slots__ = ("_fd", "_loop", "_pointer", "_settime", "_spec")

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        """Raises OSError or AttributeError where the system has no timerfd."""
        if not sys.platform.startswith("linux"):
            raise OSError("no timerfd")
        libc = ctypes.PyDLL(None, use_errno=True)
        self._spec = _Itimerspec()
        self._pointer = ctypes.byref(self._spec)
        self._settime = libc.timerfd_settime
        self._fd: int = libc.timerfd_create(time.CLOCK_MONOTONIC, _TFD_FLAGS)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._loop = loop
        loop.add_reader(self._fd, callback)

    def arm(self, at_ns: int) -> None:
        self._spec.value_s, self._spec.value_ns = divmod(max(at_ns, 1), 1_000_000_000)
        self._settime(self._fd, _TFD_TIMER_ABSTIME, self._pointer, None)

    def disarm(self) -> None:
        self._spec.value_s = self._spec.value_ns = 0
        self._settime(self._fd, _TFD_TIMER_ABSTIME, self._pointer, None)

    def close(self) -> None:
        self._loop.remove_reader(self._fd)
        os.close(self._fd)


class LoopTimer:
    """``loop.call_at``, for systems without timerfd; the pacer tolerates that it may wake early."""

    kind: Literal["timerfd", "asyncio"] = "asyncio"
    __slots__ = ("_callback", "_handle", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._callback = callback
        self._handle: asyncio.TimerHandle | None = None

    def arm(self, at_ns: int) -> None:
        self.disarm()
        self._handle = self._loop.call_at(at_ns / 1e9, self._callback)

    def disarm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def close(self) -> None:
        self.disarm()
