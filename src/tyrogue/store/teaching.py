"""Many labels at once: from a file, or from labeling without the app."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, insert, select

from tyrogue.errors import UsageError
from tyrogue.store import schema as s
from tyrogue.store.base import Base
from tyrogue.store.classes import check_active
from tyrogue.store.database import Tx
from tyrogue.store.items import OPEN, check_items, item_row, new_values, settle
from tyrogue.store.journal import check_token
from tyrogue.store.people import annotator_id
from tyrogue.store.records import NewItem
from tyrogue.store.truth import CHUNK, judge

i = s.items


class Teaching(Base):
    def teach(
        self, rows: Sequence[int], class_ids: Sequence[int], *, token: str, annotator: str, kind: str = "import"
    ) -> int:
        """Gives how many labels were recorded: all in one transaction, or none when this token was used before.

        A text that waits in the queue is answered there; the others get an item of this kind, closed.

        Raises:
            UsageError: rows and classes do not pair up, or a row is named twice.
            Conflict: a class is unknown or merged away.
        """
        rows, class_ids = [int(row) for row in rows], [int(id) for id in class_ids]
        check_token(f"{token}:{max(rows, default=0)}")
        if len(rows) != len(class_ids) or len(set(rows)) != len(rows) or min(rows, default=0) < 0:
            raise UsageError(
                f"{len(rows)} rows came with {len(class_ids)} classes: give each row once, with its class."
            )
        check_items([NewItem(0, kind)])
        with self._write() as tx:
            last = tx.lock()
            for id in sorted(set(class_ids)):
                check_active(tx, id)
            if not rows or _used(tx, f"{token}:{rows[0]}"):
                return 0
            me = annotator_id(tx, annotator)
            waiting, items = _items(tx, rows, kind)
            kinds = {id: kind for row, id in items.items() if row not in waiting} | _kinds(tx, list(waiting.values()))
            tx.run(
                insert(s.journal),
                [
                    {
                        "project_id": tx.project,
                        "id": last + n,
                        "token": f"{token}:{row}",
                        "item_id": items[row],
                        "row": row,
                        "kind": kinds[items[row]],
                        "annotator_id": me,
                        "action": "label",
                        "class_id": class_id,
                        "created": tx.now,
                    }
                    for n, (row, class_id) in enumerate(zip(rows, class_ids, strict=True), start=1)
                ],
            )
            tx.advance(last + len(rows))
            for id in waiting.values():
                settle(tx, item_row(tx, id, lock=True), by=me)
            judge(tx, rows)
            return len(rows)


def _used(tx: Tx, token: str) -> bool:
    used = select(s.journal.c.kind).where(s.journal.c.project_id == tx.project, s.journal.c.token == token)
    return tx.scalar(used) is not None


def _items(tx: Tx, rows: Sequence[int], kind: str) -> tuple[dict[int, int], dict[int, int]]:
    """Gives the items that wait, and the item of each row, new ones made."""
    mine = select(i.c.row, i.c.id).where(i.c.project_id == tx.project)
    waiting: dict[int, int] = {}
    for start in range(0, len(rows), CHUNK):
        found = tx.rows(mine.where(OPEN, i.c.row.in_(rows[start : start + CHUNK])))
        waiting |= {one.row: one.id for one in found}
    newest = tx.scalar(select(func.max(i.c.id))) or 0
    done = {"decided": 1, "open": False, "served": tx.now}
    tx.run(insert(i), [new_values(tx, NewItem(row, kind)) | done for row in rows if row not in waiting])
    return waiting, waiting | {one.row: one.id for one in tx.rows(mine.where(i.c.id > newest))}


def _kinds(tx: Tx, ids: Sequence[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for start in range(0, len(ids), CHUNK):
        some = select(i.c.id, i.c.kind).where(i.c.id.in_(ids[start : start + CHUNK]))
        found |= {one.id: one.kind for one in tx.rows(some)}
    return found
