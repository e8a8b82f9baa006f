"""A file is there whole or not at all: on a full disk, without permission, with the process killed in mid-write."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import atomic
from harness.dataset.store import Store
from harness.errors import DataError
from tests.dataset.rows import RUN_ID, a_call, a_cold, a_manifest, an_attempt

PROJECT = Path(__file__).parents[2]

KILLED_IN_MID_WRITE = """
import os, signal, sys
from pathlib import Path
from harness import atomic
from harness.dataset.store import Store
from tests.dataset.rows import RUN_ID, a_call, an_attempt

parts = []

def write_half_of_the_last(descriptor, data):
    parts.append(data)
    os.write(descriptor, data[: len(data) // 2] if len(parts) == 5 else data)
    if len(parts) == 5:
        os.kill(os.getpid(), signal.SIGKILL)

atomic.write_all = write_half_of_the_last
Store(Path(sys.argv[1])).write_block(RUN_ID, 1, [a_call(block=1)] * 500, [an_attempt()] * 500, [])
"""

OVER_THE_FILE_SIZE_LIMIT = """
import resource, sys
from pathlib import Path
from harness.dataset.store import Store
from harness.errors import DataError
from tests.dataset.rows import RUN_ID, a_call

resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    Store(Path(sys.argv[1])).write_block(RUN_ID, 0, [a_call(call_id=str(k)) for k in range(5000)], [], [])
except DataError as problem:
    print(problem)
"""

WITHOUT_PERMISSION = """
import os, sys
from pathlib import Path
from harness.dataset.store import Store
from harness.errors import DataError
from tests.dataset.rows import a_manifest

if os.geteuid() == 0:
    os.setuid(65534)
store = Store(Path(sys.argv[1]))
write = lambda: store.write_manifest(a_manifest())
for ask in (write, store.manifests, lambda: store.blocks_done("x"), store.self_tests):
    try:
        ask()
    except DataError as problem:
        print(problem)
"""


def run_python(script: str, root: Path) -> subprocess.CompletedProcess[str]:
    """Run a script from the project's folder with the results folder as its argument."""
    return subprocess.run(
        [sys.executable, "-c", script, str(root)], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
    )


def temporaries(root: Path) -> list[Path]:
    """What lies in the scratch folder."""
    return list((root / ".tmp").glob("*"))


@pytest.mark.real
def test_a_writer_killed_in_mid_write_leaves_no_part_and_the_next_cleans_up(store: Store) -> None:
    """SIGKILL while half of the commit marker is on disk: the block does not exist, and can be written again."""
    store.write_manifest(a_manifest())
    store.write_block(RUN_ID, 0, [a_call()], [an_attempt()], [])
    assert run_python(KILLED_IN_MID_WRITE, store.root).returncode == -signal.SIGKILL
    assert len(temporaries(store.root)) == 1
    reader = Store(store.root)
    assert reader.blocks_done(RUN_ID) == {0}
    assert len(reader.calls([RUN_ID])) == len(reader.attempts([RUN_ID])) == 1
    reader.write_block(RUN_ID, 1, [a_call(block=1, call_id="2")], [an_attempt(call_id="2")], [])
    assert temporaries(store.root) == []
    assert list(reader.calls([RUN_ID])["call_id"]) == list(reader.attempts([RUN_ID])["call_id"]) == ["1", "2"]


@pytest.mark.real
def test_a_real_refusal_of_the_kernel_is_one_line(store: Store) -> None:
    """A file size limit stands in for a full disk: the system itself refuses in mid-write."""
    store.write_manifest(a_manifest())
    done = run_python(OVER_THE_FILE_SIZE_LIMIT, store.root)
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    assert f"-b0000.parquet: cannot write: {os.strerror(errno.EFBIG)}; " in done.stdout
    assert temporaries(store.root) == []
    assert store.blocks_done(RUN_ID) == frozenset()


@pytest.mark.real
def test_a_full_tmpfs_is_one_line(tmp_path: Path) -> None:
    """The real thing, where mounting is allowed: ENOSPC in mid-write."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a tmpfs is not allowed here")
    try:
        store = Store(place / "results")
        store.write_manifest(a_manifest())
        rows = [a_call(call_id=str(k), duration_ns=k * k) for k in range(20_000)]
        with pytest.raises(DataError, match=f"cannot write: {os.strerror(errno.ENOSPC)}; free some space"):
            store.write_block(RUN_ID, 0, rows, [], [])
        assert temporaries(store.root) == []
        assert store.blocks_done(RUN_ID) == frozenset()
    finally:
        subprocess.run(["umount", str(place)], check=True)


def write_run(root: Path, run_id: str) -> None:
    """Write a manifest and five blocks; runs in a process of its own."""
    store = Store(root)
    store.write_manifest(a_manifest(run_id=run_id))
    for block in range(5):
        calls = [a_call(run_id=run_id, block=block, call_id=str(block))]
        store.write_block(run_id, block, calls, [an_attempt(run_id=run_id)], [a_cold(run_id=run_id)])


@pytest.mark.real
def test_processes_that_write_different_runs_at_once_do_not_meet(store: Store) -> None:
    """Neither takes the other's temporary files for a dead writer's."""
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_run, args=(store.root, f"run{k}")) for k in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert len(store.calls(["run0", "run1", "run2"])) == 15
    assert temporaries(store.root) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
def test_a_refused_write_names_path_reason_and_remedy(
    store: Store, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And leaves what was there before, and no temporary."""
    store.write_manifest(a_manifest())

    def refuse(descriptor: int, data: bytes) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(atomic, "write_all", refuse)
    with pytest.raises(DataError) as caught:
        store.write_manifest(a_manifest(blocks_done=1))
    line = str(caught.value)
    assert line.startswith(str(store.root))
    assert f": cannot write: {os.strerror(number)}; " in line
    assert "\n" not in line
    assert temporaries(store.root) == []
    assert store.latest().blocks_done == 0


@pytest.mark.parametrize("name", ["results", "results/.tmp", "results/runs", "results/dataset/runs"])
def test_a_file_in_a_folders_place_is_one_line(tmp_path: Path, name: str) -> None:
    """The user's stray file is named, not overwritten."""
    stray = tmp_path / name
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_text("mine")
    with pytest.raises(DataError, match=r"cannot write: .*; remove the file that stands where a folder should be"):
        Store(tmp_path / "results").write_manifest(a_manifest())
    assert stray.read_text() == "mine"


def test_a_folder_in_a_files_place_is_one_line(store: Store) -> None:
    """The other way round."""
    (store.root / "runs" / f"{RUN_ID}.json").mkdir(parents=True)
    with pytest.raises(DataError, match="remove the folder that stands where a file should be"):
        store.write_manifest(a_manifest())


@pytest.mark.real
def test_a_forbidden_folder_is_one_line(tmp_path: Path) -> None:
    """Permission is the user's to give."""
    tmp_path.chmod(0o000)
    try:
        done = run_python(WITHOUT_PERMISSION, tmp_path / "results")
    finally:
        tmp_path.chmod(0o700)
    assert done.stderr == ""
    writing, *reading = done.stdout.splitlines()
    denied = os.strerror(errno.EACCES)
    assert writing.endswith(f": cannot write: {denied}; make the folder writable or choose another folder")
    assert len(reading) == 3
    assert {line.split(": ", 1)[1] for line in reading} == {f"cannot read: {denied}; make the folder readable"}


def test_a_living_writers_file_is_left_alone(tmp_path: Path) -> None:
    """Locked means alive; unlocked means its writer died."""
    alive, dead = tmp_path / f"alive{atomic.SUFFIX}", tmp_path / f"dead{atomic.SUFFIX}"
    dead.touch()
    with alive.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert atomic.remove_stale(tmp_path) == 1
        assert (alive.exists(), dead.exists()) == (True, False)


def test_every_byte_is_written_however_few_the_system_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short write is not the end."""
    real: Callable[[int, bytes], int] = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:7]))
    atomic.write_file(tmp_path / "target", bytes(range(256)), tmp_path / "scratch")
    assert (tmp_path / "target").read_bytes() == bytes(range(256))


def test_an_interrupted_write_leaves_no_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in mid-write is not an error of the disk: it passes through, and the old content stays."""
    target = tmp_path / "target"
    target.write_text("old")

    def interrupt(descriptor: int, data: bytes) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(atomic, "write_all", interrupt)
    with pytest.raises(KeyboardInterrupt):
        atomic.write_file(target, b"new", tmp_path / "scratch")
    assert target.read_text() == "old"
    assert list((tmp_path / "scratch").iterdir()) == []
