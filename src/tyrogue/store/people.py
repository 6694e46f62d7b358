"""Annotators."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, bindparam, select, update

from tyrogue.errors import UsageError
from tyrogue.store import schema as s
from tyrogue.store.base import Base
from tyrogue.store.database import ROW_LOCK, Tx
from tyrogue.store.plain import name_of
from tyrogue.store.records import ROLES, Annotator

_ID = select(s.annotators.c.id).where(
    s.annotators.c.project_id == bindparam("project"), s.annotators.c.name == bindparam("name")
)
_ID_LOCKED = _ID.with_for_update(**ROW_LOCK)


def annotator_id(tx: Tx, name: str, role: str = "annotator", *, lock: bool = False) -> int:
    """Gives the id of the annotator of this name, who is made when there is none.

    With `lock`, nobody else touches his reservations until the transaction ends: two windows of one person
    would otherwise lock the same rows in different orders.
    """
    name, find = name_of("annotator", name), _ID_LOCKED if lock else _ID
    found = tx.scalar(find, project=tx.project, name=name)
    if found is None:
        values = {"project_id": tx.project, "name": name, "role": role, "created": tx.now}
        tx.upsert(s.annotators, [values], keep=True)
        found = tx.scalar(find, project=tx.project, name=name)
    return int(found)


class People(Base):
    def annotator(self, name: str, role: str = "annotator") -> Annotator:
        """Gives the annotator of this name, who is made with this role when there is none."""
        _check(role)
        with self._write() as tx:
            found = annotator_id(tx, name, role)
            row = tx.first(select(s.annotators).where(s.annotators.c.id == found))
            assert row is not None
        return _annotator(row)

    def annotators(self) -> list[Annotator]:
        """Gives everybody who has been here, in the order of coming."""
        a = s.annotators
        with self._read() as tx:
            return [_annotator(r) for r in tx.rows(select(a).where(a.c.project_id == tx.project).order_by(a.c.id))]

    def set_role(self, name: str, role: str) -> Annotator:
        """Gives the annotator with the new role."""
        _check(role)
        with self._write() as tx:
            found = annotator_id(tx, name, role)
            mine = s.annotators.c.id == found
            tx.run(update(s.annotators).where(mine).values(role=role))
            return _annotator(tx.rows(select(s.annotators).where(mine))[0])


def _annotator(row: Row[Any]) -> Annotator:
    return Annotator(row.id, row.name, row.role, row.password is not None, row.left)


def _check(role: str) -> None:
    if role not in ROLES:
        raise UsageError(f"{role!r} is not a role. Roles: {', '.join(ROLES)}.")
