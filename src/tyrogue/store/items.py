"""Items of the queue as the statements of several parts see them: who may have them, what closes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, exists, func, or_, select, update

from tyrogue.errors import UsageError
from tyrogue.store import schema as s
from tyrogue.store.database import Tx
from tyrogue.store.records import Item
from tyrogue.store.settings import setting
from tyrogue.store.truth import standing

LEASE_SECONDS = 600.0

i, r, a = s.items, s.reservations, s.journal


def overlap(tx: Tx) -> int:
    """Gives how many annotators are wanted for an item that does not say so itself."""
    found = setting(tx, "overlap", 1)
    return max(1, int(found)) if isinstance(found, int | float) else 1


def item_row(tx: Tx, item: int, *, lock: bool = False) -> Row[Any]:
    """Gives the item's row; UsageError when this project has none of this number."""
    statement = select(i).where(i.c.project_id == tx.project, i.c.id == item)
    found = tx.first(statement.with_for_update() if lock else statement)
    if found is None:
        raise UsageError(f"There is no queue item {item} in this project. POST /api/next gives the next ones.")
    return found


def available(tx: Tx, annotator: int, wanted: int) -> list[ColumnElement[bool]]:
    """The conditions under which an item may be reserved for this annotator now."""
    live = and_(r.c.item_id == i.c.id, r.c.expires > tx.now)
    others = select(func.count()).where(live, r.c.annotator_id != annotator).correlate(i).scalar_subquery()
    mine = exists().where(live, r.c.annotator_id == annotator).correlate(i)
    decided = standing().where(a.c.item_id == i.c.id, a.c.annotator_id == annotator).correlate(i).exists()
    return [
        i.c.project_id == tx.project,
        open_(),
        i.c.decided + others < func.coalesce(i.c.overlap, wanted),
        ~mine,
        or_(i.c.decided == 0, ~decided),
    ]


def open_() -> ColumnElement[bool]:
    from sqlalchemy import true

    return i.c.open == true()


def hold(tx: Tx, annotator: int, ids: Sequence[int], lease: float, *, first: bool = False) -> None:
    """Reserves items for an annotator, after those he holds or before them; they count as served."""
    if not ids:
        return
    end = func.min(r.c.ordinal) if first else func.max(r.c.ordinal)
    held = tx.scalar(select(end).where(r.c.project_id == tx.project, r.c.annotator_id == annotator)) or 0
    start = held - len(ids) if first else held + 1
    expires = tx.now + timedelta(seconds=lease)
    tx.upsert(
        r,
        [
            {
                "item_id": id,
                "annotator_id": annotator,
                "project_id": tx.project,
                "ordinal": start + n,
                "expires": expires,
            }
            for n, id in enumerate(ids)
        ],
    )
    tx.run(update(i).where(i.c.id.in_(ids), i.c.served.is_(None)).values(served=tx.now))


def settle(tx: Tx, item: Row[Any], *, by: int | None = None) -> None:
    """Brings an item up to date with the decisions on it; who decided it holds it no longer, and nobody else
    does once it is closed."""
    standing_ = standing().where(a.c.item_id == item.id).subquery()
    decided = int(tx.scalar(select(func.count(standing_.c.annotator_id.distinct()))))
    wanted = item.overlap if item.overlap is not None else overlap(tx)
    tx.run(
        update(i)
        .where(i.c.id == item.id)
        .values(decided=decided, open=decided < wanted, served=func.coalesce(i.c.served, tx.now))
    )
    held = delete(r).where(r.c.item_id == item.id)
    if decided >= wanted:
        tx.run(held)
    elif by is not None:
        tx.run(held.where(r.c.annotator_id == by))


def to_items(tx: Tx, rows: Iterable[Row[Any]], annotator: int | None) -> list[Item]:
    """Gives the items as this annotator sees them."""
    rows = list(rows)
    ids = [row.id for row in rows]
    until, label = (_until(tx, ids, annotator), _labels(tx, ids, annotator)) if annotator is not None else ({}, {})
    return [_item(row, until.get(row.id), label.get(row.id)) for row in rows]


def _until(tx: Tx, ids: Sequence[int], annotator: int) -> dict[int, Any]:
    mine = select(r.c.item_id, r.c.expires).where(r.c.annotator_id == annotator, r.c.item_id.in_(ids))
    return {row.item_id: row.expires for row in tx.rows(mine.where(r.c.expires > tx.now))}


def _labels(tx: Tx, ids: Sequence[int], annotator: int) -> dict[int, int]:
    given = (
        select(a.c.item_id, s.classes.c.root_id)
        .join(s.classes, and_(s.classes.c.project_id == a.c.project_id, s.classes.c.id == a.c.class_id))
        .where(a.c.annotator_id == annotator, a.c.item_id.in_(ids), a.c.action == "label")
        .order_by(a.c.id)
    )
    return {row.item_id: row.root_id for row in tx.rows(given)}


def _item(row: Row[Any], until: Any, label: int | None) -> Item:
    return Item(
        id=row.id,
        row=row.row,
        kind=row.kind,
        round=row.round,
        position=row.position,
        score=row.score,
        facts=row.facts,
        model_version=row.model_version,
        probabilities=row.probabilities,
        blind=row.blind,
        created=row.created,
        answered=not row.open,
        reserved_until=until,
        label=label,
    )
