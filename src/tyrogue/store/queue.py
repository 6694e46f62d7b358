"""The queue: texts waiting for a decision, and who has which in hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
from sqlalchemy import Integer, and_, bindparam, delete, exists, false, func, insert, or_, select, true, update

from tyrogue.errors import Conflict, UsageError
from tyrogue.pool import frozen
from tyrogue.store import schema as s
from tyrogue.store.base import Base
from tyrogue.store.database import ROW_LOCK, Tx
from tyrogue.store.items import (
    AVAILABLE,
    DECIDES_ANEW,
    LEASE_SECONDS,
    OPEN,
    QUEUED,
    check_items,
    hold,
    item_row,
    new_values,
    overlap,
    to_items,
)
from tyrogue.store.people import annotator_id
from tyrogue.store.records import Item, NewItem
from tyrogue.store.truth import CHUNK
from tyrogue.types import Rows

MOST = 1_000
i, r = s.items, s.reservations

_NEXT = (
    select(i.c.id)
    .where(*AVAILABLE, i.c.id.not_in(bindparam("taken", expanding=True)))
    .order_by(i.c.priority, i.c.round, i.c.position, i.c.id)
    .limit(bindparam("n", type_=Integer))
    .with_for_update(skip_locked=True, **ROW_LOCK)
)
_UNSEEN = and_(OPEN, i.c.served.is_(None), i.c.decided == 0, i.c.priority == 0)
"""Whether nobody has seen an item yet: what a better ranking of its round replaces."""
_STILL = select(i.c.id).where(*AVAILABLE, i.c.id.in_(bindparam("locked", expanding=True)))


class Queue(Base):
    def enqueue(
        self, round_number: int, items: Sequence[NewItem], *, replace: bool = False, limit: int | None = None
    ) -> int:
        """Gives how many items were appended to the queue of a round, after those it has.

        Rows that are in the queue already, or were ever answered, are left out. With `replace`, what was never
        shown of this round goes first: a better ranking replaces it, and never what somebody has seen. With
        `limit`, the round holds at most so many items afterwards, those that it kept counted.
        """
        check_items(items)
        with self._write() as tx:
            tx.lock()
            _check_round(tx, round_number)
            if replace:
                tx.run(_unseen(tx, round_number))
            known = _known(tx, [item.row for item in items])
            fresh = {item.row: item for item in reversed(items) if item.row not in known}
            new = [item for item in items if fresh.get(item.row) is item]
            if limit is not None:
                new = new[: max(limit - _size(tx, round_number), 0)]
            _append(tx, round_number, new)
            _note_model(tx, round_number, items)
            return len(new)

    def push(
        self,
        row: int,
        kind: str,
        *,
        score: float | None = None,
        facts: dict[str, Any] | None = None,
        model_version: str | None = None,
        probabilities: list[float] | None = None,
        blind: bool = False,
        overlap: int | None = None,
        annotator: str | None = None,
    ) -> Item:
        """Gives the item that puts this text first in the queue, before those pushed earlier.

        A text that waits in the queue already moves to the front and stays the item it is. With `annotator`,
        it is reserved as that person's next.
        """
        new = NewItem(row, kind, score, facts or {}, model_version, probabilities, blind, overlap)
        check_items([new])
        with self._write() as tx:
            tx.lock()
            front = _front(tx)
            waiting = tx.scalar(select(i.c.id).where(i.c.project_id == tx.project, i.c.row == row, OPEN))
            if waiting is None:
                waiting = _insert(tx, new, front)
            else:
                tx.run(update(i).where(i.c.id == waiting).values(priority=front))
            return _pushed(tx, waiting, annotator)

    def pushed_rows(self) -> Rows:
        """Gives the rows that wait before all batches, because a person asked for them, sorted."""
        with self._read() as tx:
            found = tx.rows(select(i.c.row).where(i.c.project_id == tx.project, OPEN, i.c.priority < 0))
        return frozen(np.unique(np.array([row.row for row in found], np.int64)))

    def withdraw(self, rows: Sequence[int], annotator: str) -> list[int]:
        """Gives those of the rows, sorted, that wait before all batches no more: who put them there thought better.

        A text of a batch returns to its place in it, any other to the pool. What was decided, and what somebody else
        has in hand, stays as it is.
        """
        with self._write() as tx:
            tx.lock()
            me = annotator_id(tx, annotator, lock=True)
            others = exists().where(r.c.item_id == i.c.id, r.c.annotator_id != me, r.c.expires > tx.now).correlate(i)
            unsaid = (i.c.project_id == tx.project, OPEN, i.c.priority < 0, i.c.decided == 0, ~others)
            found = tx.rows(select(i.c.id, i.c.row).where(*unsaid, i.c.row.in_(rows)))
            ids = [one.id for one in found]
            tx.run(delete(r).where(r.c.item_id.in_(ids)))
            tx.run(update(i).where(i.c.id.in_(ids), i.c.round.is_(None)).values(open=False))
            tx.run(update(i).where(i.c.id.in_(ids)).values(priority=0))
            return sorted(one.row for one in found)

    def reserve(self, annotator: str, n: int, *, lease_seconds: float = LEASE_SECONDS) -> list[Item]:
        """Gives up to n items for this annotator: first those he holds, in their order, then the next ones.

        They are his until the lease ends, which asking again prolongs; then they return to the queue. Nobody
        gets an item twice, and no more people get it than are wanted (setting `overlap`, 1).
        """
        if not 1 <= n <= MOST:
            raise UsageError(f"{n} items were asked for; 1 to {MOST:,} can be had at a time.")
        with self._write(durable=False) as tx:  # a power cut may cost a reservation, which nobody was promised
            me = annotator_id(tx, annotator, lock=True)
            held = _held(tx, me)[:n]
            expires = tx.now + timedelta(seconds=lease_seconds)
            if held:
                tx.run(update(r).where(r.c.annotator_id == me, r.c.item_id.in_(held)).values(expires=expires))
            taken = _take(tx, me, n - len(held))
            hold(tx, me, taken, lease_seconds)
            order = {id: place for place, id in enumerate([*held, *taken])}
            rows = tx.rows(select(i).where(i.c.id.in_(order)))
            return to_items(tx, sorted(rows, key=lambda row: order[row.id]), me)

    def release(self, annotator: str) -> int:
        """Gives how many items this annotator held; they return to the queue."""
        with self._write() as tx:
            me = annotator_id(tx, annotator, lock=True)
            return tx.run(delete(r).where(r.c.project_id == tx.project, r.c.annotator_id == me, r.c.expires > tx.now))

    def ready(self, round: int | None = None, *, fresh: bool = False) -> int:
        """Gives how many items (of this round) wait and nobody has in hand; `fresh`: nor has decided, so that
        whoever comes may have them."""
        with self._read() as tx:
            waiting = [i.c.project_id == tx.project, OPEN]
            if fresh:
                waiting.append(i.c.decided == 0)
            if round is not None:
                waiting.append(i.c.round == round)
            # Few items are in hand: counting those is cheaper than asking each waiting one.
            full = (
                select(i.c.id)
                .join(r, r.c.item_id == i.c.id)
                .where(*waiting, r.c.project_id == tx.project, r.c.expires > tx.now, ~DECIDES_ANEW)
                .group_by(i.c.id, i.c.decided, i.c.overlap)
                .having(func.count() + i.c.decided >= func.coalesce(i.c.overlap, overlap(tx)))
            )
            total = tx.scalar(select(func.count()).select_from(i).where(*waiting))
            return int(total) - int(tx.scalar(select(func.count()).select_from(full.subquery())))

    def kept(self, round_number: int) -> Counter[str]:
        """Gives how many items of each kind a new ranking of this round would leave as they are."""
        with self._read() as tx:
            mine = select(i.c.kind, func.count().label("n")).where(
                i.c.project_id == tx.project, i.c.round == round_number
            )
            return Counter({row.kind: row.n for row in tx.rows(mine.where(~_UNSEEN).group_by(i.c.kind))})

    def seen(self, rows: Sequence[int]) -> list[int]:
        """Gives those of the rows that somebody has been shown, sorted."""
        found: set[int] = set()
        with self._read() as tx:
            for start in range(0, len(rows), CHUNK):
                some = (i.c.project_id == tx.project, i.c.row.in_(rows[start : start + CHUNK]))
                found.update(row.row for row in tx.rows(select(i.c.row).where(*some, ~_UNSEEN)))
        return sorted(found)

    def item(self, id: int, annotator: str | None = None) -> Item:
        """Gives an item; with `annotator`, also his reservation and last label of it."""
        with self._read() as tx:
            who = s.annotators
            me = tx.scalar(select(who.c.id).where(who.c.project_id == tx.project, who.c.name == annotator))
            return to_items(tx, [item_row(tx, id)], me)[0]

    def queued_rows(self, *, shown: bool = False, without_unseen_of: int | None = None) -> Rows:
        """Gives the rows in the queue, reserved ones included, sorted: not to be drawn again.

        Args:
            shown: only those that somebody has seen.
            without_unseen_of: leave out what a new ranking of this round would replace.
        """
        with self._read() as tx:
            wanted = select(i.c.row).where(i.c.project_id == tx.project, OPEN)
            if shown:
                wanted = wanted.where(i.c.served.is_not(None))
            if without_unseen_of is not None:
                wanted = wanted.where(~_UNSEEN | i.c.round.is_(None) | (i.c.round != without_unseen_of))
            waiting = tx.rows(wanted)
            live = (r.c.project_id == tx.project, r.c.expires > tx.now)
            # After an undo, somebody may have an item in hand that is closed.
            held = tx.rows(select(i.c.row).join(r, r.c.item_id == i.c.id).where(*live))
        return frozen(np.unique(np.array([row.row for row in (*waiting, *held)], np.int64)))

    def held_rows(self, annotator: str) -> Rows:
        """Gives the rows that this annotator has in hand, sorted."""
        who = s.annotators
        mine = select(i.c.row).join(r, r.c.item_id == i.c.id).join(who, who.c.id == r.c.annotator_id)
        with self._read() as tx:
            live = (r.c.project_id == tx.project, r.c.expires > tx.now, who.c.name == annotator)
            rows = np.unique(np.array([row.row for row in tx.rows(mine.where(*live))], np.int64))
        rows.flags.writeable = False
        return rows


def _check_round(tx: Tx, number: int) -> None:
    t = s.rounds
    if tx.scalar(select(t.c.number).where(t.c.project_id == tx.project, t.c.number == number)) is None:
        raise Conflict(f"Round {number} was not opened. Call open_round({number}, ...) first.")


def _unseen(tx: Tx, round_number: int) -> Any:
    return delete(i).where(i.c.project_id == tx.project, i.c.round == round_number, _UNSEEN)


def _known(tx: Tx, rows: Sequence[int]) -> set[int]:
    known: set[int] = set()
    for start in range(0, len(rows), CHUNK):
        some = [int(row) for row in rows[start : start + CHUNK]]
        mine = (i.c.project_id == tx.project, i.c.row.in_(some), or_(QUEUED, i.c.decided > 0))
        known.update(one.row for one in tx.rows(select(i.c.row).where(*mine)))
    return known


def _size(tx: Tx, round_number: int) -> int:
    return int(tx.scalar(select(func.count()).where(i.c.project_id == tx.project, i.c.round == round_number)))


def _append(tx: Tx, round_number: int, new: Sequence[NewItem]) -> None:
    of_round = select(func.max(i.c.position)).where(i.c.project_id == tx.project, i.c.round == round_number)
    last = tx.scalar(of_round)
    start = 0 if last is None else int(last) + 1
    values = [new_values(tx, item) | {"round": round_number, "position": start + n} for n, item in enumerate(new)]
    tx.run(insert(i), values)


def _insert(tx: Tx, new: NewItem, priority: int) -> int:
    key = tx.connection.execute(insert(i).values(**new_values(tx, new) | {"priority": priority})).inserted_primary_key
    if key is None:
        raise Conflict(f"Row {new.row} could not be queued.")
    return int(key[0])


def _note_model(tx: Tx, number: int, items: Sequence[NewItem]) -> None:
    queried = next((item for item in items if item.kind == "query"), None)
    if queried is not None:
        t = s.rounds
        mine = update(t).where(t.c.project_id == tx.project, t.c.number == number)
        tx.run(mine.values(ranked_with=queried.model_version))


def _front(tx: Tx) -> int:
    """Gives a priority before all that were ever given: no two pushed items share one."""
    lowest = select(func.min(i.c.priority)).where(i.c.project_id == tx.project)
    found = [int(tx.scalar(lowest.where(i.c.open == state)) or 0) for state in (true(), false())]
    return min(*found, 0) - 1


def _pushed(tx: Tx, item: int, annotator: str | None) -> Item:
    if annotator is None:
        return to_items(tx, [item_row(tx, item)], None)[0]
    me = annotator_id(tx, annotator, lock=True)
    live = select(r.c.annotator_id).where(r.c.item_id == item, r.c.expires > tx.now, r.c.annotator_id != me)
    if tx.scalar(live) is None:  # somebody else has it in hand: it stays there
        hold(tx, me, [item], LEASE_SECONDS, first=True)
    return to_items(tx, [item_row(tx, item)], me)[0]


def _held(tx: Tx, me: int) -> list[int]:
    live = select(r.c.item_id).where(r.c.project_id == tx.project, r.c.annotator_id == me, r.c.expires > tx.now)
    return [row.item_id for row in tx.rows(live.order_by(r.c.ordinal, r.c.item_id))]


def _take(tx: Tx, me: int, n: int) -> list[int]:
    """Locks the next n items that this annotator may have, passing over those that another transaction holds."""
    terms = {"project": tx.project, "me": me, "now": tx.now, "wanted": overlap(tx)}
    taken: list[int] = []
    while len(taken) < n:
        locked = [row.id for row in tx.rows(_NEXT, taken=taken, n=n - len(taken), **terms)]
        # Under READ COMMITTED the first statement may have judged reservations as they were before the lock;
        # a statement after it sees them as they are.
        still = {row.id for row in tx.rows(_STILL, locked=locked, **terms)} if locked else set()
        taken += [id for id in locked if id in still]
        if not locked:
            break
    return taken
