"""What the parts of the store share: the way to a transaction on this project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tyrogue.store.database import Clock, Database, Tx


class Base:
    """One project in one database."""

    def __init__(self, database: Database, project_id: int, clock: Clock) -> None:
        self._database, self._project_id, self._clock = database, project_id, clock

    @contextmanager
    def _read(self) -> Iterator[Tx]:
        with self._database.read() as connection:
            yield Tx(connection, self._project_id, self._clock())

    @contextmanager
    def _write(self) -> Iterator[Tx]:
        """Gives a writing transaction; what it did is on disk when the block ends."""
        with self._database.write() as connection:
            yield Tx(connection, self._project_id, self._clock())
