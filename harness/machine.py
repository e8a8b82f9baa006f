"""Owns what the machine says of itself: how disturbed it is now, and what it is. Reads only; judges nothing.

Standard library alone: the conductor imports it beside running measurements. Everything is None where the system does
not tell (macOS, containers without /proc/pressure). ``system`` is the root of the file tree: tests plant their own.
Called by ``conductor`` (pressure per block), ``dataset.fingerprint`` and ``doctor``.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.clock import now_ns

ROOT = Path("/")
_STEAL = 7
_JIFFIES = 8
"""user nice system idle iowait irq softirq steal; guest time, which follows, is already in user."""


@dataclass(frozen=True, slots=True)
class Pressure:
    """How disturbed the machine was between two snapshots. ``run_delay_ns``: the watched process waited for a core."""

    duration_ns: int
    cpu_some_avg10_percent: float | None
    steal_percent: float | None
    run_delay_ns: int | None


@dataclass(frozen=True, slots=True)
class PressureSnapshot:
    """The counters at one instant; ``since`` makes a rate of two of them."""

    taken_ns: int
    cpu_some_avg10_percent: float | None
    steal_jiffies: int | None
    total_jiffies: int | None
    run_delay_ns: int | None

    def since(self, earlier: PressureSnapshot) -> Pressure:
        """What happened from ``earlier`` to here. The ten-second average is the one read here."""
        steal = _difference(self.steal_jiffies, earlier.steal_jiffies)
        total = _difference(self.total_jiffies, earlier.total_jiffies)
        return Pressure(
            duration_ns=self.taken_ns - earlier.taken_ns,
            cpu_some_avg10_percent=self.cpu_some_avg10_percent,
            steal_percent=None if steal is None or not total else 100 * steal / total,
            run_delay_ns=_difference(self.run_delay_ns, earlier.run_delay_ns),
        )


def pressure_snapshot(pid: int | None = None, system: Path = ROOT) -> PressureSnapshot:
    """Read all counters now; ``pid`` is the process whose waiting for a core counts (the backend), None for none."""
    steal, total = cpu_jiffies(system)
    return PressureSnapshot(
        taken_ns=now_ns(),
        cpu_some_avg10_percent=cpu_some_avg10_percent(system),
        steal_jiffies=steal,
        total_jiffies=total,
        run_delay_ns=None if pid is None else run_delay_ns(pid, system),
    )


def cpu_some_avg10_percent(system: Path = ROOT) -> float | None:
    """Share of the last ten seconds in which some task waited for a core (PSI), in percent."""
    match = re.search(r"^some avg10=([\d.]+)", _text(system / "proc/pressure/cpu"))
    return float(match[1]) if match else None


def cpu_jiffies(system: Path = ROOT) -> tuple[int, int] | tuple[None, None]:
    """Jiffies stolen by the hypervisor, and all jiffies, over all cores since boot."""
    words = _text(system / "proc/stat").partition("\n")[0].split()[1 : 1 + _JIFFIES]
    if len(words) < _JIFFIES or not all(word.isdecimal() for word in words):
        return None, None
    jiffies = [int(word) for word in words]
    return jiffies[_STEAL], sum(jiffies)


def run_delay_ns(pid: int, system: Path = ROOT) -> int | None:
    """Time that all threads of a process were runnable without a core, since it started (schedstat)."""
    delays = [_text(path).split() for path in (system / f"proc/{pid}/task").glob("*/schedstat")]
    known = [int(words[1]) for words in delays if len(words) == 3 and words[1].isdecimal()]
    return sum(known) if known else None


def rss_bytes(pid: int, system: Path = ROOT) -> int | None:
    """Resident memory of a process."""
    words = _text(system / f"proc/{pid}/statm").split()
    return int(words[1]) * os.sysconf("SC_PAGE_SIZE") if len(words) > 1 else None


def load_average_1min() -> float | None:
    """Runnable tasks, averaged over a minute."""
    try:
        return os.getloadavg()[0]
    except (OSError, AttributeError):
        return None


def cores() -> int | None:
    """Logical cores of the machine."""
    return os.cpu_count()


def affinity() -> int | None:
    """Logical cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def cpu_quota_cores(system: Path = ROOT) -> float | None:
    """Cores that the control group grants, None without a limit."""
    words = _text(system / "sys/fs/cgroup/cpu.max").split()
    if len(words) != 2 or not all(word.isdecimal() for word in words):
        return None
    return int(words[0]) / int(words[1])


def governor(system: Path = ROOT) -> str | None:
    """Frequency governor of the first core; None where the frequency is not ours to see (most virtual machines)."""
    return _text(system / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip() or None


def cpu_model(system: Path = ROOT) -> str | None:
    """Model of the CPU as the kernel names it, else the architecture."""
    names = ("model name", "Model", "cpu model")
    return _after_colon(_text(system / "proc/cpuinfo"), names) or platform.machine() or None


def memory_bytes(system: Path = ROOT) -> int | None:
    """Memory of the machine."""
    words = (_after_colon(_text(system / "proc/meminfo"), ["MemTotal"]) or "").split()
    return int(words[0]) * 1024 if words and words[0].isdecimal() else None


def virtualisation(system: Path = ROOT) -> str | None:
    """Layers between us and the hardware that can be seen: ``virtual machine``, ``container``, both, or None."""
    flags = (_after_colon(_text(system / "proc/cpuinfo"), ["flags"]) or "").split()
    in_container = any((system / mark).exists() for mark in (".dockerenv", "run/.containerenv"))
    seen = ["virtual machine"] * ("hypervisor" in flags) + ["container"] * in_container
    return ", ".join(seen) or None


def free_bytes(path: Path) -> int | None:
    """Free space for us on the file system of ``path``, or of its nearest parent that exists."""
    for each in (path, *path.absolute().parents):
        try:
            return shutil.disk_usage(each).free
        except OSError:
            continue
    return None


def _difference(later: int | None, earlier: int | None) -> int | None:
    return None if later is None or earlier is None else later - earlier


def _after_colon(text: str, names: Iterable[str]) -> str | None:
    for name in names:
        match = re.search(rf"^{name}\s*:\s*(.+)$", text, re.MULTILINE)
        if match:
            return match[1].strip()
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
