"""What follows from the journal, computed afresh from all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import and_, delete, func, insert, select, update

from tyrogue.store import schema as s
from tyrogue.store.base import Base
from tyrogue.store.database import Tx
from tyrogue.store.items import QUEUED, overlap
from tyrogue.store.truth import STANDING, truths

i, a = s.items, s.journal


class Rebuild(Base):
    def rebuild(self) -> int:
        """Gives how many derived rows (classes, current labels, decisions an item has) differed from what the
        journal says; all of them say it now. 0 is what a sound project gives."""
        with self._write() as tx:
            tx.lock()
            return _rebuild_classes(tx) + _rebuild_items(tx) + _rebuild_truths(tx)


def _rebuild_classes(tx: Tx) -> int:
    # Annotations refer to classes, so that their rows are brought up to date instead of being made anew.
    mine = select(s.classes).where(s.classes.c.project_id == tx.project)
    stored = {row.id: row._asdict() for row in tx.rows(mine)}
    e = s.class_events
    classes: dict[int, dict[str, Any]] = {}
    for event in tx.rows(select(e).where(e.c.project_id == tx.project).order_by(e.c.id)):
        _replay(tx.project, classes, event)
    tx.upsert(s.classes, list(classes.values()))
    return _differing(stored, classes)


def _replay(project: int, classes: dict[int, dict[str, Any]], event: Any) -> None:
    id = event.class_id
    if event.event == "add":
        classes[id] = {"project_id": project, "id": id, "name": event.name, "position": id, "root_id": id}
    elif event.event == "rename":
        classes[id]["name"] = event.name
    else:
        for one in classes.values():
            one["root_id"] = event.into_id if one["root_id"] == id else one["root_id"]


def _rebuild_items(tx: Tx) -> int:
    count = select(a.c.item_id, func.count(a.c.annotator_id.distinct()).label("n"))
    mine = count.where(a.c.project_id == tx.project, *STANDING).group_by(a.c.item_id)
    decided = {row.item_id: row.n for row in tx.rows(mine)}
    stored = tx.rows(select(i.c.id, i.c.decided).where(i.c.project_id == tx.project))
    wrong = [row.id for row in stored if row.decided != decided.get(row.id, 0)]
    wanted = overlap(tx)
    for id in wrong:
        n = decided.get(id, 0)
        open = and_(QUEUED, n < func.coalesce(i.c.overlap, wanted))
        tx.run(update(i).where(i.c.id == id).values(decided=n, open=open))
    return len(wrong)


def _rebuild_truths(tx: Tx) -> int:
    t = s.truths
    stored = {row.row: row._asdict() for row in tx.rows(select(t).where(t.c.project_id == tx.project))}
    said = {one["row"]: one for one in truths(tx)}
    tx.run(delete(t).where(t.c.project_id == tx.project))
    tx.run(insert(t), list(said.values()))
    return _differing(stored, said)


def _differing(stored: Mapping[int, Mapping[str, Any]], said: Mapping[int, Mapping[str, Any]]) -> int:
    keys: Sequence[int] = sorted(stored.keys() | said.keys())
    return sum(stored.get(key) != said.get(key) for key in keys)
