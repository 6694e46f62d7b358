"""One database: engine, transactions, errors in our words.

SQLite: WAL, synchronous=FULL, foreign keys; every writing transaction is BEGIN IMMEDIATE, so that writers
queue at its start and none is ever told "database is locked" halfway. PostgreSQL: READ COMMITTED; whatever
appends to the journal first locks its project's row.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Executable, Row, Select, Table, create_engine, event, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from tyrogue.errors import MissingExtra, ProjectError, UsageError
from tyrogue.store import schema as s
from tyrogue.store.plain import plain

BUSY_SECONDS = 30.0
WRITES = "tyrogue_writes"
LEVELS = {True: "FULL", False: "NORMAL"}
"""SQLite's synchronous: FULL has every commit on disk before it returns; after a power cut NORMAL may lack the last
ones, and is never damaged."""
ROW_LOCK: dict[str, Any] = {"key_share": True}
"""FOR NO KEY UPDATE: holds off other writers of a row, and lets them refer to it. A plain FOR UPDATE would make
whoever inserts a reference to the project wait for its lock while he holds an item: a deadlock."""

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Tx:
    """A transaction on one project."""

    connection: Connection
    project: int
    now: datetime

    def rows(self, statement: Select[*tuple[Any, ...]], **values: Any) -> Sequence[Row[*tuple[Any, ...]]]:
        """Gives what a query finds; `values` fill its `bindparam`s (a statement built once costs a tenth)."""
        return self.connection.execute(statement, values).all()

    def first(self, statement: Select[*tuple[Any, ...]], **values: Any) -> Row[Any] | None:
        return self.connection.execute(statement, values).first()

    def scalar(self, statement: Select[*tuple[Any, ...]], **values: Any) -> Any:
        return self.connection.execute(statement, values).scalar()

    def run(self, statement: Executable, values: Sequence[Mapping[str, Any]] | None = None) -> int:
        """Gives the number of rows that changed."""
        if values is None:
            return self.connection.execute(statement).rowcount
        return self.connection.execute(statement, values).rowcount if values else 0

    def upsert(self, table: Table, values: Sequence[Mapping[str, Any]], *, keep: bool = False) -> None:
        """Inserts rows; those whose primary key exists are overwritten, or kept as they are."""
        if values:
            statement = _upsert(self.connection.dialect.name, table, tuple(values[0]), keep)
            self.connection.execute(statement, values)

    def lock(self) -> int:
        """Gives the number of the last journal record; nobody else appends until this transaction ends."""
        project = select(s.projects.c.journal).where(s.projects.c.id == self.project)
        return int(self.scalar(project.with_for_update(**ROW_LOCK)))

    def advance(self, last: int) -> None:
        """Notes the number of the last journal record."""
        self.run(update(s.projects).where(s.projects.c.id == self.project).values(journal=last))


@cache
def _upsert(dialect: str, table: Table, given: tuple[str, ...], keep: bool) -> Executable:
    insert: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = insert(table)
    key = [column.name for column in table.primary_key]
    values = {name: statement.excluded[name] for name in given if name not in key}
    if keep or not values:
        chosen: Executable = statement.on_conflict_do_nothing()
    else:
        chosen = statement.on_conflict_do_update(index_elements=key, set_=values)
    return chosen


class Database:
    """An engine and the way to its transactions."""

    def __init__(self, url: str) -> None:
        self.url = parse(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        # SQLite's own waiting is polling with long sleeps; threads of one process take turns fairly instead.
        self._turn: AbstractContextManager[object] = threading.Lock() if self.sqlite else nullcontext()
        self.engine = _sqlite(self.url) if self.sqlite else _postgres(self.url)

    @property
    def name(self) -> str:
        """The database without its password."""
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._translated(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Connection]:
        """Gives a writing transaction; what it did is on disk when the block ends, where that is asked for."""
        with self._turn, self._translated(), self.engine.connect() as connection:
            connection.execution_options(**{WRITES: LEVELS[durable]})
            with connection.begin():
                yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise ProjectError(f"{self.name}: {_remedy(str(error.orig))}") from error


def parse(url: str) -> URL:
    """Gives the URL with the driver that is used; UsageError when it names no database of ours."""
    try:
        parsed = make_url(url.replace("postgres://", "postgresql://", 1) if url.startswith("postgres://") else url)
        backend = parsed.get_backend_name()
    except (ArgumentError, NoSuchModuleError):
        backend = ""
    if backend == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise UsageError("A store needs a file: sqlite:///path/to/project.db")
        return parsed
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise UsageError(
        f"{url.split('://')[0]!r} is not a database of tyrogue. Use sqlite:///path/to/project.db or "
        "postgresql://user@host/database."
    )


def _dumps(value: Any) -> str:
    return json.dumps(plain(value), ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def _sqlite(url: URL) -> Engine:
    folder = Path(url.database or "").parent
    if not folder.is_dir():
        raise ProjectError(f"The folder {folder} does not exist. Create it, or import a file first.")
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, json_serializer=_dumps, pool_size=20)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions begin where `begin` below says, nowhere else
        _set_wal(connection)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        level = connection.get_execution_options().get(WRITES)
        if level is not None and connection.info.get(WRITES) != level:
            connection.exec_driver_sql(f"PRAGMA synchronous={level}")
            connection.info[WRITES] = level
        connection.exec_driver_sql("BEGIN" if level is None else "BEGIN IMMEDIATE")

    return engine


def _set_wal(connection: Any) -> None:
    # The change to WAL needs the file for itself and does not wait for it: processes that open a new
    # project at the same moment try again.
    deadline = time.monotonic() + BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except connection.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _postgres(url: URL) -> Engine:
    try:
        return create_engine(url, json_serializer=_dumps, pool_size=20, pool_pre_ping=True)
    except ImportError as error:
        raise MissingExtra("psycopg", "postgres", "A PostgreSQL database") from error


_REMEDIES = {
    "database is locked": "another process has been writing for 30 s. End it, then try again.",
    "disk is full": "the disk is full; nothing of this was recorded. Free some space, then try again.",
    "disk I/O error": "the disk does not answer; nothing of this was recorded. Check it and its free space.",
    "not a database": "the file is not a database of tyrogue. Give another path, or restore it from a copy.",
    "malformed": "the file is damaged. Restore it from a copy; `sqlite3 FILE .recover` saves what can be read.",
    "readonly": "the file cannot be written. Check its permissions.",
    "unable to open": "the file cannot be opened. Check the path and its permissions.",
    "connect": "the server does not answer. Check that it runs, and the address, user and password.",
}


def _remedy(seen: str) -> str:
    for sign, remedy in _REMEDIES.items():
        if sign in seen:
            return f"{seen.strip()}: {remedy}"
    return seen.strip()
