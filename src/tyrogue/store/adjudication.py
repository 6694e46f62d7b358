"""Second looks: a reviewer's label for a row outranks what annotators said, and what they said stays."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from itertools import groupby
from statistics import median
from typing import Any

from sqlalchemy import Row, and_, delete, func, select, true, update

from tyrogue.errors import Conflict
from tyrogue.store import schema as s
from tyrogue.store.base import Base
from tyrogue.store.classes import check_active
from tyrogue.store.database import Tx
from tyrogue.store.items import new_values
from tyrogue.store.journal import append, by_token, check_token
from tyrogue.store.labels import BREAK_SECONDS, midnight
from tyrogue.store.people import annotator_id
from tyrogue.store.plain import note_of
from tyrogue.store.records import Annotation, NewItem, Work
from tyrogue.store.truth import STANDING, judge

a, i, r, t = s.journal, s.items, s.reservations, s.truths
RECENT = 20
"""Labels of which a pace is the median."""


class Adjudication(Base):
    def adjudicate(self, row: int, class_id: int, *, token: str, annotator: str, note: str | None = None) -> Annotation:
        """Gives the record of a label that counts for this row from now on, whatever was said before.

        Nobody is asked about the row any more. Undo takes it back, and then the others count again. The same token
        gives the first record again.

        Raises:
            Conflict: nobody has labeled the row, the class is unknown or merged away, or the token was used.
        """
        check_token(token)
        with self._write() as tx:
            last = tx.lock()
            me = annotator_id(tx, annotator)
            first = by_token(tx, token)
            if first is not None:
                if (first.row, first.kind, first.action) != (row, "review", "label"):
                    raise Conflict(f"The token {token!r} was used for row {first.row} before. Make one a decision.")
                return first
            check_active(tx, class_id)
            asked_before = tx.first(select(i).where(i.c.project_id == tx.project, i.c.row == row).limit(1))
            if asked_before is None:
                raise Conflict(f"Nobody was asked about row {row}: there is nothing to adjudicate.")
            append(tx, last, _review_item(tx, row), me, token, "label", class_id=class_id, note=note_of(note))
            _close(tx, row)
            judge(tx, [row])
            found = by_token(tx, token)
            if found is None:
                raise Conflict(f"The label of row {row} was not recorded. Send it again.")
            return found

    def disputes(self, limit: int = 50, after: int = -1) -> list[tuple[int, bool]]:
        """Gives rows about which annotators disagree and that nobody has adjudicated, ties first, and whether each is
        a tie; `after` how many of them."""
        open_ = and_(t.c.project_id == self._project_id, t.c.agreed != true(), t.c.adjudicated != true())
        wanted = select(t.c.row, t.c.tied).where(open_).order_by(t.c.tied.desc(), t.c.voters.desc(), t.c.row)
        with self._read() as tx:
            return [(found.row, found.tied) for found in tx.rows(wanted.offset(max(after, 0)).limit(limit))]

    def dispute_count(self) -> int:
        """Gives how many rows wait for somebody to adjudicate."""
        open_ = and_(t.c.project_id == self._project_id, t.c.agreed != true(), t.c.adjudicated != true())
        with self._read() as tx:
            return int(tx.scalar(select(func.count()).where(open_)))

    def work(self) -> list[Work]:
        """Gives what each annotator has done, in the order of coming."""
        people = s.annotators
        mine = and_(a.c.project_id == self._project_id, *STANDING)
        counts = select(a.c.annotator_id, a.c.action, func.count().label("n"), func.max(a.c.created).label("last"))
        with self._read() as tx:
            counted = tx.rows(counts.where(mine).group_by(a.c.annotator_id, a.c.action).order_by(a.c.annotator_id))
            today = select(a.c.annotator_id, func.count().label("n")).where(mine, a.c.created >= midnight(tx.now))
            of_today = Counter({row.annotator_id: row.n for row in tx.rows(today.group_by(a.c.annotator_id))})
            names = {row.id: row.name for row in tx.rows(select(people).where(people.c.project_id == tx.project))}
            groups = groupby(counted, key=lambda row: row.annotator_id)
            return [_work(tx, names[who], who, list(rows), of_today[who]) for who, rows in groups]


def _review_item(tx: Tx, row: int) -> Row[Any]:
    values = new_values(tx, NewItem(row, "review")) | {"decided": 1, "open": False, "served": tx.now}
    key = tx.connection.execute(i.insert().values(**values)).inserted_primary_key
    return tx.rows(select(i).where(i.c.id == (key or (-1,))[0]))[0]


def _close(tx: Tx, row: int) -> None:
    waiting = select(i.c.id).where(i.c.project_id == tx.project, i.c.row == row, i.c.open == true())
    tx.run(delete(r).where(r.c.item_id.in_(waiting)))
    tx.run(update(i).where(i.c.project_id == tx.project, i.c.row == row, i.c.open == true()).values(open=False))


def _work(tx: Tx, name: str, who: int, rows: list[Row[Any]], today: int) -> Work:
    n = Counter({row.action: row.n for row in rows})
    last: datetime = max(row.last for row in rows)
    return Work(name, n["label"], n["skip"], n["flag"], today, last, _pace(tx, who))


def _pace(tx: Tx, who: int) -> float | None:
    """The median of the seconds that the page measured for his last labels."""
    given = select(a.c.seconds).where(a.c.project_id == tx.project, a.c.annotator_id == who, a.c.seconds > 0)
    known = given.where(a.c.seconds <= BREAK_SECONDS).order_by(a.c.id.desc()).limit(RECENT)
    took = [row.seconds for row in tx.rows(known)]
    return median(took) if took else None
