"""What the parts of the store share: the way to a transaction on this project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import select

from tyrogue.store import schema as s
from tyrogue.store.database import Clock, Database, Tx


def setting(tx: Tx, key: str, default: Any = None) -> Any:
    """Gives a setting's value."""
    found = tx.first(select(s.settings.c.value).where(s.settings.c.project_id == tx.project, s.settings.c.key == key))
    return default if found is None else found.value


class Base:
    """One project in one database."""

    def __init__(self, database: Database, project_id: int, clock: Clock) -> None:
        self._database, self._project_id, self._clock = database, project_id, clock

    @contextmanager
    def _read(self) -> Iterator[Tx]:
        with self._database.read() as connection:
            yield Tx(connection, self._project_id, self._clock())

    @contextmanager
    def _write(self, *, durable: bool = True) -> Iterator[Tx]:
        """Gives a writing transaction; what it did is on disk when the block ends, where that is asked for."""
        with self._database.write(durable=durable) as connection:
            yield Tx(connection, self._project_id, self._clock())
