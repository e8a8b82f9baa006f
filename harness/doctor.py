"""Owns whether this machine is fit to measure: facts gathered in a second, and what to do about each. Called by
``commands``; changes nothing on the machine.

``checks`` is pure; ``gather`` looks. A ``fail`` makes numbers wrong or the run impossible, a ``warn`` noisier.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from harness import machine
from harness.clock import clock_domain, now_ns
from harness.replay.arrival import ANCILLARY_BYTES, ask_for_stamps

Status = Literal["ok", "warn", "fail"]

SUBJECTS = ("litellm", "openai")
SLEEPS = 200
SLEEP_S = 0.001
STAMP_TRIES = 20
MIB = 1 << 20

_DISTRIBUTION = "llm-call-bench"
_SHM = Path("/dev/shm")  # noqa: S108 - looked at for its free space, not written to
_DMA_LATENCY = "/dev/cpu_dma_latency"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's answer. ``advice`` is empty when nothing needs doing."""

    name: str
    status: Status
    found: str
    advice: str


@dataclass(frozen=True, slots=True)
class Pin:
    """A subject's version as this project pins it and as installed; None where there is none."""

    name: str
    pinned: str | None
    installed: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What ``gather`` saw; None where the system does not tell."""

    python: tuple[int, int, int]
    cores: int | None
    load_average_1min: float | None
    cpu_some_avg10_percent: float | None
    steal_percent: float | None
    governor: str | None
    clock_domain: str
    has_arrival_stamps: bool
    can_hold_dma_latency: bool
    can_bind_loopback: bool
    shm_free_bytes: int | None
    results_free_bytes: int | None
    pins: tuple[Pin, ...]
    oversleep_p99_ns: int


def checks(facts: Facts) -> list[Check]:
    """Judge the facts, one check each, in the order in which they are shown."""
    return [
        _python(facts.python),
        _cores(facts.cores),
        _load(facts.load_average_1min, facts.cores or 1),
        _pressure(facts.cpu_some_avg10_percent),
        _steal(facts.steal_percent),
        _governor(facts.governor),
        _timer(facts.oversleep_p99_ns),
        _clock(facts.clock_domain),
        _arrival_stamps(facts.has_arrival_stamps),
        _dma_latency(facts.can_hold_dma_latency),
        _loopback(facts.can_bind_loopback),
        _shared_memory(facts.shm_free_bytes),
        _disk(facts.results_free_bytes),
        *(_pin(pin) for pin in facts.pins),
    ]


def gather(results: Path = Path("results")) -> Facts:
    """Look at the machine, for about half a second; ``results`` is where the dataset would be written."""
    before = machine.pressure_snapshot()
    oversleep = oversleep_p99_ns()
    pressure = machine.pressure_snapshot().since(before)
    return Facts(
        python=sys.version_info[:3],
        cores=machine.affinity() or machine.cores(),
        load_average_1min=machine.load_average_1min(),
        cpu_some_avg10_percent=pressure.cpu_some_avg10_percent,
        steal_percent=pressure.steal_percent,
        governor=machine.governor(),
        clock_domain=clock_domain(),
        has_arrival_stamps=has_arrival_stamps(),
        can_hold_dma_latency=can_open_dma_latency(),
        can_bind_loopback=can_bind_loopback(),
        shm_free_bytes=machine.free_bytes(_SHM) if _SHM.is_dir() else None,
        results_free_bytes=machine.free_bytes(results),
        pins=tuple(Pin(name, _pinned(name), _installed(name)) for name in SUBJECTS),
        oversleep_p99_ns=oversleep,
    )


def oversleep_p99_ns() -> int:
    """How late this machine wakes a sleeper: 99th percentile over 200 sleeps of 1 ms."""
    late = []
    for _ in range(SLEEPS):
        started = now_ns()
        time.sleep(SLEEP_S)
        late.append(now_ns() - started - int(SLEEP_S * 1e9))
    return sorted(late)[int(0.99 * SLEEPS) - 1]


def has_arrival_stamps() -> bool:
    """Whether the kernel stamps what arrives on a loopback TCP connection, tried on one.

    The first socket that asks makes the kernel switch stamping on in the background, so a few bytes are tried.
    """
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            if not ask_for_stamps(server):
                return False
            with socket.create_connection(server.getsockname(), timeout=1) as client:
                accepted, _ = server.accept()
                with accepted:
                    accepted.settimeout(1)
                    return any(_arrives_stamped(client, accepted) for _ in range(STAMP_TRIES))
    except OSError:
        return False


def _arrives_stamped(sender: socket.socket, receiver: socket.socket) -> bool:
    sender.sendall(b"x")
    if receiver.recvmsg(1, ANCILLARY_BYTES)[1]:
        return True
    time.sleep(0.005)
    return False


def can_bind_loopback() -> bool:
    """Whether a server can listen on 127.0.0.1."""
    try:
        socket.create_server(("127.0.0.1", 0)).close()
    except OSError:
        return False
    return True


def can_open_dma_latency() -> bool:
    """Whether deep sleep of the cores could be held off; opened and closed without asking for it."""
    try:
        os.close(os.open(_DMA_LATENCY, os.O_WRONLY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def _pinned(name: str) -> str | None:
    try:
        wanted = requires(_DISTRIBUTION) or []
    except PackageNotFoundError:
        return None
    return next((line.partition("==")[2] for line in wanted if line.startswith(f"{name}==")), None)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _graded(name: str, found: str, advice: str, *, fail: bool = False, warn: bool = False) -> Check:
    status: Status = "fail" if fail else "warn" if warn else "ok"
    return Check(name, status, found, "" if status == "ok" else advice)


def _python(found: Sequence[int]) -> Check:
    return _graded("python", ".".join(map(str, found)), "install Python 3.11 or later", fail=tuple(found[:2]) < (3, 11))


def _cores(found: int | None) -> Check:
    return _graded(
        "cores",
        "unknown" if found is None else str(found),
        "give this process two cores: client and backend must not wait for each other",
        fail=found is not None and found < 2,
        warn=found is None,
    )


def _load(found: float | None, cores: int) -> Check:
    return _graded(
        "load average",
        "unknown" if found is None else f"{found:.2f} on {cores} cores",
        "wait for other work to end, or stop it",
        warn=found is not None and found > 0.5 * cores,
    )


def _pressure(found: float | None) -> Check:
    return _graded(
        "CPU pressure",
        "not told by this system" if found is None else f"{found:.1f} % of the last 10 s",
        "stop other work; without /proc/pressure (psi=1) disturbed blocks cannot be marked",
        fail=found is not None and found > 40,
        warn=found is None or found > 10,
    )


def _steal(found: float | None) -> Check:
    return _graded(
        "steal",
        "not told by this system" if found is None else f"{found:.1f} %",
        "the hypervisor gives this machine's time to others: measure elsewhere or at another hour",
        warn=found is not None and found > 5,
    )


def _governor(found: str | None) -> Check:
    return _graded(
        "frequency governor",
        found or "not visible here",
        "set it for the measurement: cpupower frequency-set -g performance",
        warn=found not in (None, "performance"),
    )


def _timer(found_ns: int) -> Check:
    return _graded(
        "timer",
        f"sleeps wake {found_ns / 1000:.0f} µs late (p99)",
        "a busy or throttled machine paces badly: stop other work, avoid power saving",
        warn=found_ns > 1_000_000,
    )


def _clock(found: str) -> Check:
    return _graded(
        "clock domain",
        "readable" if found else "not told by this system",
        "client and backend must run under one kernel; here that cannot be checked",
        warn=not found,
    )


def _arrival_stamps(found: bool) -> Check:
    return _graded(
        "kernel arrival stamps",
        "available" if found else "not available",
        "the backend's wake-up (30–90 µs) will count as client overhead: trust differences, not absolute values",
        warn=not found,
    )


def _dma_latency(found: bool) -> Check:
    return _graded(
        "/dev/cpu_dma_latency",
        "can be held" if found else "cannot be opened",
        "run as root, or allow writing to it, so that cores do not sleep deeply between calls",
        warn=not found,
    )


def _loopback(found: bool) -> Check:
    return _graded(
        "loopback port",
        "can listen on 127.0.0.1" if found else "cannot listen on 127.0.0.1",
        "allow this process to listen on 127.0.0.1: the backend needs one port",
        fail=not found,
    )


def _shared_memory(found: int | None) -> Check:
    return _graded(
        "shared memory",
        "none" if found is None else f"{found // MIB} MiB free",
        "the journal lies in /dev/shm: free 256 MiB, or enlarge it (docker: --shm-size=1g)",
        fail=found is not None and found < 32 * MIB,
        warn=found is None or found < 256 * MIB,
    )


def _disk(found: int | None) -> Check:
    return _graded(
        "disk for results",
        "unknown" if found is None else f"{found // MIB} MiB free",
        "free 1 GiB, or choose another folder with --results",
        fail=found is not None and found < 64 * MIB,
        warn=found is None or found < 1024 * MIB,
    )


def _pin(pin: Pin) -> Check:
    pinned = f"=={pin.pinned}" if pin.pinned else ""
    return _graded(
        pin.name,
        pin.installed or "not installed",
        f"install it as pinned: pip install {pin.name}{pinned}",
        fail=pin.installed is None,
        warn=pin.pinned is not None and pin.installed != pin.pinned,
    )
