"""What the machine says of itself: read from planted files, None where the system does not tell."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import machine
from harness.machine import PressureSnapshot, pressure_snapshot

Plant = Callable[[str, str], None]

CPUINFO = "processor\t: 0\nmodel name\t: Example CPU @ 3 GHz\nflags\t\t: fpu vme hypervisor sse\n"


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """Put a file into a system of its own, whose root is ``tmp_path``."""

    def put(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return put


def test_pressure_stall_is_the_ten_second_average(tmp_path: Path, plant: Plant) -> None:
    """Of the line ``some``, whatever the other lines say."""
    plant("proc/pressure/cpu", "some avg10=12.34 avg60=5.00 avg300=1.00 total=99\nfull avg10=56.78 avg60=0.00\n")
    assert machine.cpu_some_avg10_percent(tmp_path) == 12.34


def test_guest_time_is_not_counted_twice(tmp_path: Path, plant: Plant) -> None:
    """The kernel already has it in user time."""
    plant("proc/stat", "cpu  10 20 30 40 50 60 70 80 1000 1000\ncpu0 1 2 3 4 5 6 7 8 0 0\n")
    assert machine.cpu_jiffies(tmp_path) == (80, 360)


def test_run_delay_is_the_sum_over_threads(tmp_path: Path, plant: Plant) -> None:
    """The second number of each thread's schedstat."""
    plant("proc/7/task/7/schedstat", "1000 250 3\n")
    plant("proc/7/task/8/schedstat", "1000 50 3\n")
    assert machine.run_delay_ns(7, tmp_path) == 300


def test_two_snapshots_make_rates(tmp_path: Path, plant: Plant) -> None:
    """Ten of a hundred jiffies stolen are ten percent; waiting is the difference; the average is the later one."""
    plant("proc/stat", "cpu  0 0 0 1000 0 0 0 5\n")
    plant("proc/pressure/cpu", "some avg10=1.00 avg60=0 avg300=0 total=0\n")
    plant("proc/7/task/7/schedstat", "0 100 0\n")
    before = pressure_snapshot(7, tmp_path)
    plant("proc/stat", "cpu  50 0 0 1040 0 0 0 15\n")
    plant("proc/pressure/cpu", "some avg10=42.00 avg60=0 avg300=0 total=0\n")
    plant("proc/7/task/7/schedstat", "0 900 0\n")
    pressure = pressure_snapshot(7, tmp_path).since(before)
    assert pressure.steal_percent == 10.0
    assert pressure.cpu_some_avg10_percent == 42.0
    assert pressure.run_delay_ns == 800
    assert pressure.duration_ns > 0


def test_no_time_between_snapshots_is_no_rate() -> None:
    """Nothing over nothing is unknown, not a division by zero."""
    snapshot = PressureSnapshot(5, 1.0, 10, 100, 7)
    assert snapshot.since(snapshot).steal_percent is None
    assert snapshot.since(snapshot).run_delay_ns == 0


def test_a_system_that_tells_nothing_gives_none(tmp_path: Path) -> None:
    """As on macOS: every reading is None, none is zero."""
    empty = pressure_snapshot(7, tmp_path)
    change = empty.since(empty)
    assert (change.cpu_some_avg10_percent, change.steal_percent, change.run_delay_ns) == (None, None, None)
    assert machine.rss_bytes(7, tmp_path) is None
    assert machine.governor(tmp_path) is None
    assert machine.memory_bytes(tmp_path) is None
    assert machine.virtualisation(tmp_path) is None
    assert machine.cpu_quota_cores(tmp_path) is None


@pytest.mark.parametrize("text", ["", "cpu", "cpu  1 2 3\n", "cpu  a b c d e f g h\n", "\x00\xff"])
def test_a_garbled_counter_is_unknown(tmp_path: Path, plant: Plant, text: str) -> None:
    """A kernel that writes something else does not end the run."""
    for name in ("proc/stat", "proc/pressure/cpu", "proc/7/task/7/schedstat"):
        plant(name, text)
    snapshot = pressure_snapshot(7, tmp_path)
    assert snapshot.total_jiffies is snapshot.cpu_some_avg10_percent is snapshot.run_delay_ns is None


def test_the_hardware_is_named(tmp_path: Path, plant: Plant) -> None:
    """Model, memory, governor, and the layers in between."""
    plant("proc/cpuinfo", CPUINFO)
    plant("proc/meminfo", "MemTotal:       2048 kB\nMemFree:        1 kB\n")
    plant("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n")
    plant(".dockerenv", "")
    assert machine.cpu_model(tmp_path) == "Example CPU @ 3 GHz"
    assert machine.memory_bytes(tmp_path) == 2048 * 1024
    assert machine.governor(tmp_path) == "powersave"
    assert machine.virtualisation(tmp_path) == "virtual machine, container"


@pytest.mark.parametrize(("text", "cores"), [("150000 100000\n", 1.5), ("max 100000\n", None)])
def test_the_control_groups_quota_is_in_cores(tmp_path: Path, plant: Plant, text: str, cores: float | None) -> None:
    """``max`` is no limit."""
    plant("sys/fs/cgroup/cpu.max", text)
    assert machine.cpu_quota_cores(tmp_path) == cores


def test_free_space_is_that_of_the_nearest_folder_that_exists(tmp_path: Path) -> None:
    """Asked for before the results folder is made."""
    assert (machine.free_bytes(tmp_path / "not" / "yet") or 0) > 0


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_this_machine_tells_what_linux_tells() -> None:
    """The formats above are the real ones: each reading of this process is there and plausible."""
    rss, jiffies = machine.rss_bytes(os.getpid()), machine.cpu_jiffies()
    assert rss is not None
    assert rss > 1_000_000
    assert jiffies[1] is not None
    assert 0 <= jiffies[0] < jiffies[1]
    assert (machine.memory_bytes() or 0) > rss
    assert 1 <= (machine.affinity() or 0) <= (machine.cores() or 0)


def test_a_process_that_is_gone_is_unknown() -> None:
    """The backend may die between two snapshots."""
    assert machine.run_delay_ns(2**22 + 1) is None
    assert machine.rss_bytes(2**22 + 1) is None
