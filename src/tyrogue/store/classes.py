"""Classes: rows with ids. Adding, renaming and merging append events; the table of classes follows from them."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Row, func, insert, select, update

from tyrogue.errors import Conflict
from tyrogue.store import schema as s
from tyrogue.store.base import Base
from tyrogue.store.database import Tx
from tyrogue.store.plain import name_of
from tyrogue.store.records import Class, ClassEvent
from tyrogue.store.truth import judge_disputed


class Classes(Base):
    def classes(self, active_only: bool = False) -> list[Class]:
        """Gives the classes by position, merged ones among them unless `active_only`."""
        with self._read() as tx:
            found = _classes(tx)
        return [c for c in found if c.active or not active_only]

    def class_index(self) -> tuple[int, ...]:
        """Gives the ids of the active classes by position: label i of a model is the i-th of them."""
        c = s.classes
        active = select(c.c.id).where(c.c.project_id == self._project_id, c.c.root_id == c.c.id).order_by(c.c.position)
        with self._read() as tx:
            return tuple(row.id for row in tx.rows(active))

    def add_class(self, name: str) -> Class:
        """Gives the new class, last in position. Raises Conflict when an active class has this name."""
        name = name_of("class", name)
        with self._write() as tx:
            last = tx.lock()
            _check_free(tx, name, None)
            new = int(
                tx.scalar(select(func.count()).select_from(s.classes).where(s.classes.c.project_id == tx.project))
            )
            _record(tx, last, "add", new, name=name)
            return _class(tx, new)

    def rename_class(self, id: int, name: str) -> Class:
        """Gives the class under its new name. Raises Conflict: unknown, merged, or the name is taken."""
        name = name_of("class", name)
        with self._write() as tx:
            last = tx.lock()
            check_active(tx, id)
            _check_free(tx, name, id)
            _record(tx, last, "rename", id, name=name)
            return _class(tx, id)

    def merge_class(self, id: int, into: int) -> Class:
        """Gives class `into`, for which all labels of class `id` count from now on.

        Raises:
            Conflict: one of them is unknown or merged already, or they are the same.
        """
        with self._write() as tx:
            last = tx.lock()
            check_active(tx, id)
            check_active(tx, into)
            if id == into:
                raise Conflict(f"Class {id} cannot be merged into itself. Name another one.")
            _record(tx, last, "merge", id, into=into)
            judge_disputed(tx)  # votes that differed may agree now
            return _class(tx, into)

    def class_events(self) -> Iterator[ClassEvent]:
        """Gives what was done to classes, oldest first."""
        e = s.class_events
        with self._read() as tx:
            found = tx.rows(select(e).where(e.c.project_id == tx.project).order_by(e.c.id))
        return (ClassEvent(r.id, r.event, r.class_id, r.name, r.into_id, r.created) for r in found)


def check_active(tx: Tx, id: int) -> None:
    """Raises Conflict unless the class can be given to a text."""
    row = _row(tx, id)
    if row.root_id != id:
        into = _row(tx, row.root_id)
        raise Conflict(f"Class {row.name!r} ({id}) was merged into {into.name!r} ({into.id}). Use that one.")


def apply_event(tx: Tx, event: str, id: int, name: str | None, into: int | None) -> None:
    """Does to the table of classes what an event says."""
    c = s.classes
    mine = update(c).where(c.c.project_id == tx.project)
    if event == "add":
        tx.run(insert(c).values(project_id=tx.project, id=id, name=name, position=id, root_id=id))
    elif event == "rename":
        tx.run(mine.where(c.c.id == id).values(name=name))
    else:
        tx.run(mine.where(c.c.root_id == id).values(root_id=into))


def _record(tx: Tx, last: int, event: str, id: int, *, name: str | None = None, into: int | None = None) -> None:
    tx.run(
        insert(s.class_events).values(
            project_id=tx.project, id=last + 1, event=event, class_id=id, name=name, into_id=into, created=tx.now
        )
    )
    tx.advance(last + 1)
    apply_event(tx, event, id, name, into)


def _row(tx: Tx, id: int) -> Row[tuple[int, str, int]]:
    c = s.classes
    found = tx.first(select(c.c.id, c.c.name, c.c.root_id).where(c.c.project_id == tx.project, c.c.id == id))
    if found is None:
        raise Conflict(f"There is no class {id}. GET /api/classes lists those there are.")
    return found


def _check_free(tx: Tx, name: str, but: int | None) -> None:
    c = s.classes
    same = select(c.c.id).where(c.c.project_id == tx.project, c.c.name == name, c.c.root_id == c.c.id)
    taken = tx.scalar(same)
    if taken is not None and taken != but:
        raise Conflict(f"There is a class {name!r} already ({taken}). Choose another name, or merge the two.")


def _class(tx: Tx, id: int) -> Class:
    return next(c for c in _classes(tx) if c.id == id)


def _classes(tx: Tx) -> list[Class]:
    c, t = s.classes, s.truths
    rows = tx.rows(select(c).where(c.c.project_id == tx.project).order_by(c.c.position))
    given = select(t.c.class_id, func.count().label("n")).where(t.c.project_id == tx.project).group_by(t.c.class_id)
    root = {r.id: r.root_id for r in rows}
    labeled = dict.fromkeys(root, 0)
    for r in tx.rows(given.where(t.c.class_id.is_not(None))):
        labeled[root[r.class_id]] += r.n
    return [
        Class(r.id, r.name, r.position, None if r.root_id == r.id else r.root_id, r.root_id == r.id, labeled[r.id])
        for r in rows
    ]
