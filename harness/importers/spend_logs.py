"""Owns reading LiteLLM's table of spend logs out of its PostgreSQL database, for the importer ``litellm``.

Only the columns that the importer reads are asked for: messages, answers, keys, users and addresses never leave the
database. The server streams them (COPY) into a file of its own folder, gone when they are imported. Needs psycopg.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import BackendError, DataError, UsageError

if TYPE_CHECKING:
    import psycopg

TABLE = "LiteLLM_SpendLogs"
SCHEMES = ("postgresql://", "postgres://")
CONNECT_S = 10

_COLUMNS = """
select column_name from information_schema.columns where table_name = %s and table_schema = any(current_schemas(false))
"""


def is_database(source: str) -> bool:
    """Whether what is to be imported is the address of a database."""
    return source.startswith(SCHEMES)


@contextmanager
def exported(url: str, wanted: Sequence[str]) -> Iterator[Path]:
    """The table's wanted columns as a CSV file, oldest row first, while the context lasts.

    Raises UsageError without a driver, BackendError where the database cannot be reached, DataError without the table.
    """
    try:
        import psycopg
    except ImportError:
        raise UsageError(
            "import: expected psycopg for a PostgreSQL address, got none installed; pip install 'psycopg[binary]'"
        ) from None
    with tempfile.TemporaryDirectory(prefix="llm-call-bench-") as folder:
        path = Path(folder) / f"{TABLE}.csv"
        try:
            with psycopg.connect(url, connect_timeout=CONNECT_S) as connection:
                connection.read_only = True
                _copy(connection, wanted, path)
        except psycopg.ProgrammingError as problem:
            raise UsageError(f"import: expected a PostgreSQL address, got one that is none: {_line(problem)}") from None
        except psycopg.Error as problem:
            raise BackendError(f"import: cannot read {TABLE} from PostgreSQL: {_line(problem)}") from None
        yield path


def _copy(connection: psycopg.Connection[tuple[str, ...]], wanted: Sequence[str], path: Path) -> None:
    from psycopg import sql

    with connection.cursor() as cursor:
        there = {name for (name,) in cursor.execute(_COLUMNS, (TABLE,)).fetchall()}
        if not there:
            raise DataError(f"import: expected a table {TABLE!r} in that database, got none; is it LiteLLM's?")
        names = [sql.Identifier(name) for name in wanted if name in there]
        keys = [sql.Identifier(name) for name in ("startTime", "request_id") if name in there]
        query = sql.SQL("COPY (SELECT {} FROM {} ORDER BY {}) TO STDOUT (FORMAT csv, HEADER)").format(
            sql.SQL(", ").join(names), sql.Identifier(TABLE), sql.SQL(", ").join(keys)
        )
        with cursor.copy(query) as copying, path.open("wb") as file:
            for piece in copying:
                file.write(piece)


def _line(problem: Exception) -> str:
    """The driver's words in one line; it names host, port and user, never the password."""
    return " ".join(str(problem).split())
