"""LiteLLM's spend logs out of a real PostgreSQL: what is asked of it, what is refused, and that twice adds nothing."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from harness.dataset.store import Store
from harness.errors import BackendError, DataError, UsageError
from harness.importers import import_files

PASSWORD = "pass-canary-0451"

TABLE = """
create table "LiteLLM_SpendLogs" (
  request_id text primary key, call_type text not null, api_key text not null default '', spend double precision,
  total_tokens integer, prompt_tokens integer, completion_tokens integer,
  "startTime" timestamp(3) not null, "endTime" timestamp(3) not null, "completionStartTime" timestamp(3),
  model text, custom_llm_provider text, "user" text, cache_hit text, messages jsonb, response jsonb, status text
);
insert into "LiteLLM_SpendLogs"
select 'r' || n, 'acompletion', 'sk-canary-key', 0.01, 30, 10, 20,
  timestamp '2026-11-20 10:00:00' + n * interval '1 second',
  timestamp '2026-11-20 10:00:03.5' + n * interval '1 second',
  timestamp '2026-11-20 10:00:00.4' + n * interval '1 second',
  'gpt-5-mini', 'openai', 'user-canary', case when n % 10 = 0 then 'True' else 'False' end,
  '[{"content": "prompt-canary"}]', '{"answer": "answer-canary"}', 'success'
from generate_series(1, 100) as n;
"""


def server_binaries() -> Path | None:
    """Where Debian keeps a PostgreSQL server's programs; None where there is none."""
    on_path = shutil.which("initdb")
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin")) + ([Path(on_path).parent] if on_path else [])
    return places[-1] if places else None


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The address of a server with LiteLLM's table in it."""
    binaries = server_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server here; make system-deps installs Debian's")
    with tempfile.TemporaryDirectory(prefix="llm-call-bench-pg-") as folder:
        data, secret = Path(folder) / "data", Path(folder) / "secret"
        secret.write_text(PASSWORD)
        owner = "postgres" if os.getuid() == 0 else None
        if owner:
            for path in (Path(folder), secret):
                shutil.chown(path, owner)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]

        def run(*command: str) -> None:
            subprocess.run(command, check=True, capture_output=True, user=owner, cwd=folder, timeout=120)

        run(f"{binaries}/initdb", "-D", str(data), "-A", "scram-sha-256", "--pwfile", str(secret), "-U", "litellm")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        run(f"{binaries}/pg_ctl", "-D", str(data), "-w", "-o", options, "-l", f"{folder}/log", "start")
        try:
            url = f"postgresql://litellm:{PASSWORD}@127.0.0.1:{port}/postgres"
            with psycopg.connect(url) as connection:
                connection.execute(TABLE)
            yield url
        finally:
            run(f"{binaries}/pg_ctl", "-D", str(data), "-m", "immediate", "stop")


def brought(store: Store, url: str, form: str = "litellm") -> tuple[int, int, bool]:
    """One import: rows taken, rows quarantined, whether all of it was there."""
    (found,) = import_files(store, form, [url], None, lambda rows: None)
    return found.imported, found.quarantined, found.was_there


@pytest.mark.real
def test_the_table_is_read_where_it_lives(store: Store, database: str) -> None:
    """Answers out of LiteLLM's cache are no latencies of a provider."""
    assert brought(store, database) == (90, 10, False)
    calls = store.calls([each.run_id for each in store.manifests()])
    assert set(calls["duration_ns"]) == {3_500_000_000}
    assert set(calls["time_to_first_chunk_ns"]) == {400_000_000}


@pytest.mark.real
def test_the_same_table_again_adds_nothing_and_new_rows_alone_are_new(store: Store, database: str) -> None:
    """What grew is read again, and known by its ids."""
    brought(store, database)
    assert brought(store, database) == (0, 0, True)
    with psycopg.connect(database) as connection:
        connection.execute(
            "insert into \"LiteLLM_SpendLogs\" select 'new', call_type, api_key, spend, total_tokens, prompt_tokens, "
            "completion_tokens, \"startTime\" + interval '1 day', \"endTime\" + interval '1 day', "
            '"completionStartTime" + interval \'1 day\', model, custom_llm_provider, "user", cache_hit, messages, '
            "response, status from \"LiteLLM_SpendLogs\" where request_id = 'r1'"
        )
    try:
        assert brought(store, database)[0] == 1
    finally:
        with psycopg.connect(database) as connection:
            connection.execute("delete from \"LiteLLM_SpendLogs\" where request_id = 'new'")


@pytest.mark.real
def test_nothing_secret_of_it_reaches_the_disk(store: Store, database: str, tmp_path: Path) -> None:
    """Neither keys, users, prompts and answers, nor the database's own password."""
    brought(store, database)
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert written
    for canary in ("sk-canary-key", "user-canary", "prompt-canary", "answer-canary", PASSWORD):
        assert canary.encode() not in written


@pytest.mark.real
def test_a_database_that_is_none_is_told_in_one_line(store: Store, database: str) -> None:
    """Unreachable, refused, without the table, of another format; the password is in none of the lines."""
    nowhere = database.replace("/postgres", "/nowhere")
    with pytest.raises(BackendError, match="does not exist") as missing:
        brought(store, nowhere)
    with pytest.raises(BackendError, match="password authentication failed") as refused:
        brought(store, database.replace(PASSWORD, "wrong-canary"))
    with pytest.raises(DataError, match="expected a table 'LiteLLM_SpendLogs'"):
        brought(store, database.replace("/postgres", "/template1"))
    with pytest.raises(UsageError, match="expected the format litellm"):
        brought(store, database, "csv")
    for told in (str(missing.value), str(refused.value)):
        assert PASSWORD not in told
        assert "wrong-canary" not in told
        assert "\n" not in told
