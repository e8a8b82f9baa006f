"""Starting, asking and losing a backend: each failure is one line of the right class."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import BackendError, DataError
from harness.replay.launch import start_backend
from tests.replay.wire import CASSETTES, Wire, request

pytestmark = pytest.mark.real


def test_a_backend_says_what_it_is_and_stops(tmp_path: Path) -> None:
    """Its port answers while it lives, and it is gone afterwards."""
    with start_backend(CASSETTES, tmp_path / "j") as backend:
        assert backend.alive()
        assert backend.info.arrival_stamps in ("kernel", "read")
        assert backend.info.cassettes == tuple(sorted(backend.info.cassettes))
        assert "openai-gpt-5-mini-chat-stream" in backend.info.cassettes
        assert (backend.status().requests, backend.mismatches()) == (0, [])
    assert not backend.alive()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", backend.port), 1)


def test_only_the_named_cassettes_are_served(tmp_path: Path) -> None:
    """``only`` narrows the library; what it left out is a 404."""
    with start_backend(CASSETTES, tmp_path / "j", only=["openai-gpt-5-mini-chat"]) as backend:
        assert backend.info.cassettes == ("openai-gpt-5-mini-chat",)
        wire = Wire(backend.port)
        wire.send(request("/none/openai-gpt-4o-mini-chat/v1/chat/completions"))
        assert wire.answer()[0] == 404
        wire.close()


def test_an_unknown_cassette_name_is_a_data_error(tmp_path: Path) -> None:
    """It names a near one."""
    with pytest.raises(DataError, match="expected a cassette 'openai-gpt-5-mini', got none; did you mean"):
        start_backend(CASSETTES, tmp_path / "j", only=["openai-gpt-5-mini"])


def test_a_port_in_use_is_a_backend_error(tmp_path: Path) -> None:
    """Exit class 3, with the port in the line."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BackendError, match=f"expected a free port, got 127.0.0.1:{port}"):
            start_backend(CASSETTES, tmp_path / "j", port=port)


def test_a_truncated_cassette_is_a_data_error(tmp_path: Path) -> None:
    """Exit class 4, with the file in the line."""
    source = next(CASSETTES.glob("*-stream.cassette.jsonl"))
    (tmp_path / source.name).write_text("".join(source.read_text().splitlines(keepends=True)[:-3]))
    with pytest.raises(DataError, match=rf"{source.name}.*truncated"):
        start_backend(tmp_path, tmp_path / "j")


def test_a_folder_without_cassettes_is_a_data_error(tmp_path: Path) -> None:
    """An empty library cannot answer anything."""
    with pytest.raises(DataError, match="expected at least one"):
        start_backend(tmp_path, tmp_path / "j")


def test_a_journal_that_cannot_be_created_is_a_data_error(tmp_path: Path) -> None:
    """The line names the file."""
    with pytest.raises(DataError, match="cannot create this journal"):
        start_backend(CASSETTES, tmp_path / "missing" / "j")


def test_a_dead_backend_is_noticed(tmp_path: Path) -> None:
    """After a kill it is not alive, and asking is a BackendError, not a traceback from a socket."""
    with start_backend(CASSETTES, tmp_path / "j") as backend:
        os.kill(backend.pid, signal.SIGKILL)
        os.waitid(os.P_PID, backend.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(BackendError):
            backend.status()
        assert not backend.alive()


def test_a_killed_parent_leaves_no_backend_behind(tmp_path: Path) -> None:
    """The child sees its stdin end, whatever ended the parent."""
    code = (
        "import sys, time; from pathlib import Path; from harness.replay.launch import start_backend\n"
        "b = start_backend(Path(sys.argv[1]), Path(sys.argv[2])); print(b.port, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(CASSETTES), str(tmp_path / "j")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=CASSETTES.parents[1]) as parent:
        assert parent.stdout is not None
        wire = Wire(int(parent.stdout.readline()))
        parent.kill()
        assert wire.rest() == b""
        wire.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    """Exit code 0 and nothing on stderr."""
    command = [sys.executable, "-m", "harness.replay", "--cassettes", str(CASSETTES), "--journal", str(tmp_path / "j")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=CASSETTES.parents[1]) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        _, said = process.communicate(timeout=10)
    assert (process.returncode, said) == (0, b"")
