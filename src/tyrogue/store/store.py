"""The store of a project: its parts under one name."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from sqlalchemy import select

from tyrogue.store import schema as s
from tyrogue.store.adjudication import Adjudication
from tyrogue.store.classes import Classes
from tyrogue.store.credentials import Credentials
from tyrogue.store.database import Clock, Database, Tx, utc_now
from tyrogue.store.journal import Journal
from tyrogue.store.labels import Labels
from tyrogue.store.migrate import migrate
from tyrogue.store.models import Models
from tyrogue.store.people import People
from tyrogue.store.plain import name_of
from tyrogue.store.queue import Queue
from tyrogue.store.rebuild import Rebuild
from tyrogue.store.reviews import Reviews
from tyrogue.store.rounds import Rounds
from tyrogue.store.settings import Settings
from tyrogue.store.teaching import Teaching
from tyrogue.store.undoing import Undoing


class Store(
    Classes,
    People,
    Credentials,
    Rounds,
    Queue,
    Journal,
    Undoing,
    Teaching,
    Adjudication,
    Labels,
    Reviews,
    Models,
    Settings,
    Rebuild,
):
    """One project in one database: classes, annotators, rounds, queue, journal, models, settings.

    State is the journal of annotations and class events, which is append only; everything else about labels
    follows from it. Every method is one transaction of a few statements; what it wrote is on disk when it
    returns (but for reservations and heartbeats, which a power cut may cost). A store may be shared by
    threads, and a database by processes.
    """

    @classmethod
    def open(cls, url: str, project: str = "default", *, clock: Clock = utc_now) -> Self:
        """Gives the store of a project, which is made when it is new; the schema is brought up to date.

        Args:
            url: sqlite:///path/to/project.db or postgresql://user@host/database.
            project: its name; several projects may share a database.
            clock: gives the present moment, aware.

        Raises:
            UsageError: the URL names no database of ours.
            NewerProject: a newer version of tyrogue wrote it.
            ProjectError: the database cannot be used.
        """
        project = name_of("project", project)
        database = Database(url)
        try:
            migrate(database)
            return cls(database, _project(database, project, clock), clock)
        except BaseException:
            database.engine.dispose()
            raise

    def close(self) -> None:
        """Gives the connections back."""
        self._database.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _project(database: Database, name: str, clock: Clock) -> int:
    p = s.projects
    mine = select(p.c.id).where(p.c.name == name)
    with database.read() as connection:
        found = connection.execute(mine).scalar()
    if found is None:
        with database.write() as connection:
            found = connection.execute(mine).scalar()
            if found is None:
                Tx(connection, 0, clock()).upsert(p, [{"name": name, "journal": 0, "created": clock()}], keep=True)
                found = connection.execute(mine).scalar_one()
    return int(found)
