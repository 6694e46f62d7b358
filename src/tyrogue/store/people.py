"""Annotators."""

from __future__ import annotations

from sqlalchemy import select, update

from tyrogue.errors import UsageError
from tyrogue.store import schema as s
from tyrogue.store.base import Base
from tyrogue.store.database import Tx
from tyrogue.store.plain import name_of
from tyrogue.store.records import ROLES, Annotator


def annotator_id(tx: Tx, name: str, role: str = "annotator") -> int:
    """Gives the id of the annotator of this name, who is made when there is none."""
    a, name = s.annotators, name_of("annotator", name)
    mine = select(a.c.id).where(a.c.project_id == tx.project, a.c.name == name)
    found = tx.scalar(mine)
    if found is None:
        tx.upsert(a, [{"project_id": tx.project, "name": name, "role": role, "created": tx.now}], keep=True)
        found = tx.scalar(mine)
    return int(found)


class People(Base):
    def annotator(self, name: str, role: str = "annotator") -> Annotator:
        """Gives the annotator of this name, who is made with this role when there is none."""
        _check(role)
        with self._write() as tx:
            found = annotator_id(tx, name, role)
            row = tx.first(select(s.annotators).where(s.annotators.c.id == found))
            assert row is not None
        return Annotator(row.id, row.name, row.role)

    def annotators(self) -> list[Annotator]:
        """Gives everybody who has been here, in the order of coming."""
        a = s.annotators
        with self._read() as tx:
            return [
                Annotator(r.id, r.name, r.role)
                for r in tx.rows(select(a).where(a.c.project_id == tx.project).order_by(a.c.id))
            ]

    def set_role(self, name: str, role: str) -> Annotator:
        """Gives the annotator with the new role."""
        _check(role)
        with self._write() as tx:
            found = annotator_id(tx, name, role)
            tx.run(update(s.annotators).where(s.annotators.c.id == found).values(role=role))
        return Annotator(found, name_of("annotator", name), role)


def _check(role: str) -> None:
    if role not in ROLES:
        raise UsageError(f"{role!r} is not a role. Roles: {', '.join(ROLES)}.")
