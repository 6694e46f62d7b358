"""Settings of the project, and what its processes say about themselves."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import select

from tyrogue.errors import UsageError
from tyrogue.store import schema as s
from tyrogue.store.base import Base, setting
from tyrogue.store.items import OVERLAP, close_decided


class Settings(Base):
    def get(self, key: str, default: Any = None) -> Any:
        """Gives the value of a setting, or `default` when it was never set."""
        with self._read() as tx:
            return setting(tx, key, default)

    def set(self, key: str, value: Any) -> None:
        """Sets a setting to anything that JSON can hold.

        `overlap`, the number of annotators that each item goes to, holds for the items that are open now.
        """
        if key == OVERLAP and not (isinstance(value, int) and value >= 1):
            raise UsageError(f"overlap is {value!r}; it is the number of annotators for each text, at least 1.")
        with self._write() as tx:
            if key == OVERLAP:
                tx.lock()
            tx.upsert(s.settings, [{"project_id": tx.project, "key": key, "value": value}])
            if key == OVERLAP:
                close_decided(tx)

    def append(self, key: str, entry: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Gives a setting that is a record of what was decided, `entry` and the present moment added to its end."""
        with self._write() as tx:
            tx.lock()  # two at once must not lose one another's
            told = [*setting(tx, key, []), dict(entry) | {"at": tx.now.isoformat()}]
            tx.upsert(s.settings, [{"project_id": tx.project, "key": key, "value": told}])
        return told

    def settings(self, keys: Collection[str] | None = None) -> dict[str, Any]:
        """Gives all that was set; of these keys only, where some are named."""
        t = s.settings
        mine = select(t).where(t.c.project_id == self._project_id).order_by(t.c.key)
        with self._read() as tx:
            return {r.key: r.value for r in tx.rows(mine if keys is None else mine.where(t.c.key.in_(list(keys))))}

    def report(self, process: str, status: Mapping[str, Any]) -> None:
        """Notes what a process does now: phase, progress, message, error, pid. A heartbeat."""
        with self._write(durable=False) as tx:
            values = {"project_id": tx.project, "process": process, "status": dict(status), "updated": tx.now}
            tx.upsert(s.statuses, [values])

    def status(self, process: str) -> tuple[dict[str, Any], float] | None:
        """Gives what a process said last, and how many seconds ago; None when it never did."""
        t = s.statuses
        with self._read() as tx:
            found = tx.first(select(t).where(t.c.project_id == tx.project, t.c.process == process))
            if found is None:
                return None
            return dict(found.status), max(0.0, (tx.now - found.updated).total_seconds())
