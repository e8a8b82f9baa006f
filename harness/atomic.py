"""Owns how a file comes into being: whole or not at all, whatever dies meanwhile. Called by the stages that write:
``dataset.store``, ``recommend`` and ``report``.

The bytes go to a temporary file in a scratch folder of the same file system (outside every table's glob), are synced,
and are renamed into place. The writer holds a lock on its temporary file, so that a later writer can tell the remains
of a dead writer, which it removes, from those of a living one. Must not know what the bytes mean.
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from harness.errors import DataError

SUFFIX = ".tmp"

_REMEDIES = {
    errno.ENOSPC: "free some space or choose another folder",
    errno.EDQUOT: "free some of your quota or choose another folder",
    errno.EFBIG: "raise the file size limit (ulimit -f) or choose another folder",
    errno.EACCES: "make the folder writable or choose another folder",
    errno.EPERM: "make the folder writable or choose another folder",
    errno.EROFS: "choose a folder on a writable file system",
    errno.ENOTDIR: "remove the file that stands where a folder should be",
    errno.EEXIST: "remove the file that stands where a folder should be",
    errno.EISDIR: "remove the folder that stands where a file should be",
    errno.EXDEV: "keep the folder on one file system",
}


def write_file(target: Path, data: bytes, scratch: Path) -> None:
    """Replace ``target`` by ``data``, atomically and durably; ``scratch`` must be on the same file system.

    Raises DataError (path, reason, remedy) when the system refuses; ``target`` then is as it was, no temporary stays.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch.mkdir(parents=True, exist_ok=True)
        _replace(target, data, scratch)
    except OSError as problem:
        raise DataError(f"{target}: cannot write: {reason(problem)}; {_remedy(problem)}") from None


def remove_stale(scratch: Path) -> int:
    """Remove the temporary files of writers that died; count them. Files of living writers are locked and stay.

    A folder that cannot be looked into is left as it is: the write that follows says what is wrong with it.
    """
    try:
        return sum(_remove_if_stale(path) for path in list(scratch.glob(f"*{SUFFIX}")))
    except OSError:
        return 0


def reason(problem: OSError) -> str:
    """The system's words for a failure, without path and number."""
    return problem.strerror or str(problem) or type(problem).__name__


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte, however many calls that takes."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _replace(target: Path, data: bytes, scratch: Path) -> None:
    temporary, descriptor = _locked_temporary(scratch)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    _sync_folder(target.parent)


def _locked_temporary(scratch: Path) -> tuple[Path, int]:
    while True:
        path = scratch / f"{uuid4().hex}{SUFFIX}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with suppress(OSError):  # a file system without locks: then nobody can clean up, and nothing breaks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return path, descriptor
        os.close(descriptor)  # a cleaner came between creating and locking


def _remove_if_stale(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # some file systems cannot sync a folder; the rename itself has happened
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remedy(problem: OSError) -> str:
    return _REMEDIES.get(problem.errno or 0, "choose another folder")
