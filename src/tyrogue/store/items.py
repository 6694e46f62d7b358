"""Items of the queue as the statements of several parts see them: who may have them, what closes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Integer, Row, and_, bindparam, delete, exists, func, or_, select, true, update

from tyrogue.errors import UsageError
from tyrogue.store import schema as s
from tyrogue.store.base import setting
from tyrogue.store.database import ROW_LOCK, Tx
from tyrogue.store.records import KINDS, Item, NewItem
from tyrogue.store.truth import STANDING

LEASE_SECONDS = 600.0
OVERLAP = "overlap"

i, r, a = s.items, s.reservations, s.journal

OPEN: ColumnElement[bool] = i.c.open == true()
QUEUED: ColumnElement[bool] = or_(i.c.round.is_not(None), i.c.priority != 0)
"""Whether an item ever stood in the queue; the others were made for labels that came without being asked for."""

_ME, _NOW = bindparam("me", type_=Integer), bindparam("now", type_=s.UtcTime)
_LIVE = and_(r.c.item_id == i.c.id, r.c.expires > _NOW)
DECIDES_ANEW: ColumnElement[bool] = (
    exists().where(a.c.item_id == r.c.item_id, a.c.annotator_id == r.c.annotator_id, *STANDING).correlate(r)
)
"""Whether who reserves an item has a decision on it that stands (after the undo of a correction)."""

_OTHERS = select(func.count()).where(_LIVE, r.c.annotator_id != _ME, ~DECIDES_ANEW).correlate(i).scalar_subquery()
_MINE = exists().where(_LIVE, r.c.annotator_id == _ME).correlate(i)
_DECIDED = exists().where(a.c.item_id == i.c.id, a.c.annotator_id == _ME, *STANDING).correlate(i)

AVAILABLE: tuple[ColumnElement[bool], ...] = (
    i.c.project_id == bindparam("project"),
    OPEN,
    i.c.decided + _OTHERS < func.coalesce(i.c.overlap, bindparam("wanted", type_=Integer)),
    ~_MINE,
    or_(i.c.decided == 0, ~_DECIDED),
)
"""Whether annotator `me` may be given an item `now`, when as many as `wanted` may."""

_ITEM = select(i).where(i.c.project_id == bindparam("project"), i.c.id == bindparam("item"))
_ITEM_LOCKED = _ITEM.with_for_update(**ROW_LOCK)
_NUMBER_DECIDED = select(func.count(a.c.annotator_id.distinct())).where(a.c.item_id == bindparam("item"), *STANDING)
_ITEMS = bindparam("items", type_=Integer, expanding=True)
_UNTIL = select(r.c.item_id, r.c.expires).where(r.c.annotator_id == _ME, r.c.item_id.in_(_ITEMS), r.c.expires > _NOW)
_LABELS = (
    select(a.c.item_id, s.classes.c.root_id)
    .join(s.classes, and_(s.classes.c.project_id == a.c.project_id, s.classes.c.id == a.c.class_id))
    .where(a.c.annotator_id == _ME, a.c.item_id.in_(_ITEMS), a.c.action == "label")
    .order_by(a.c.id)
)


def overlap(tx: Tx) -> int:
    """Gives how many annotators are wanted for an item that does not say so itself."""
    return int(setting(tx, OVERLAP, 1))


def close_decided(tx: Tx) -> None:
    """Closes the items that have all the decisions that are wanted; who holds one may still finish it."""
    tx.run(
        update(i)
        .where(i.c.project_id == tx.project, OPEN, i.c.decided >= func.coalesce(i.c.overlap, overlap(tx)))
        .values(open=False)
    )


def item_row(tx: Tx, item: int, *, lock: bool = False) -> Row[Any]:
    """Gives the item's row; UsageError when this project has none of this number."""
    found = tx.first(_ITEM_LOCKED if lock else _ITEM, project=tx.project, item=item)
    if found is None:
        raise UsageError(f"There is no queue item {item} in this project. POST /api/next gives the next ones.")
    return found


def check_items(items: Sequence[NewItem]) -> None:
    """Raises UsageError unless these can be queued."""
    for item in items:
        if item.kind not in KINDS:
            raise UsageError(f"{item.kind!r} is not a kind of item. Kinds: {', '.join(KINDS)}.")
        if item.row < 0:
            raise UsageError(f"Row {item.row} cannot be in a pool: rows count from 0.")
        if item.overlap is not None and item.overlap < 1:
            raise UsageError(f"Row {item.row} wants {item.overlap} annotators; it takes at least 1.")


def new_values(tx: Tx, item: NewItem) -> dict[str, Any]:
    """Gives the columns of an item that nobody has seen yet."""
    return {
        "project_id": tx.project,
        "round": None,
        "priority": 0,
        "position": 0,
        "row": int(item.row),
        "kind": item.kind,
        "score": None if item.score is None or not np.isfinite(item.score) else float(item.score),
        "facts": dict(item.facts),
        "model_version": item.model_version,
        "probabilities": None if item.probabilities is None else [float(p) for p in item.probabilities],
        "blind": bool(item.blind),
        "overlap": item.overlap,
        "created": tx.now,
        "served": None,
        "decided": 0,
        "open": True,
    }


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
    show(tx, ids)


def show(tx: Tx, ids: Sequence[int]) -> None:
    """Notes that items were shown to somebody: from now on they are never replaced."""
    tx.run(update(i).where(i.c.id.in_(ids), i.c.served.is_(None)).values(served=tx.now))


def was_queued(item: Row[Any]) -> bool:
    """Whether an item ever stood in the queue: `QUEUED`, of a row that was read."""
    return item.round is not None or item.priority != 0


def settle(tx: Tx, item: Row[Any], *, by: int | None = None) -> None:
    """Brings an item up to date with the decisions on it; who decided it holds it no longer, and nobody else
    does once it is closed. A closed item opens again only when a decision was taken back, and then only if it
    ever stood in the queue: a text whose label nobody asked for goes back to the pool."""
    decided = int(tx.scalar(_NUMBER_DECIDED, item=item.id))
    wanted = item.overlap if item.overlap is not None else overlap(tx)
    open = was_queued(item) and decided < wanted and (item.open or decided < item.decided)
    served = func.coalesce(i.c.served, tx.now)
    tx.run(update(i).where(i.c.id == item.id).values(decided=decided, open=open, served=served))
    held = delete(r).where(r.c.item_id == item.id)
    if not open:
        tx.run(held)
    elif by is not None:
        tx.run(held.where(r.c.annotator_id == by))


def to_items(tx: Tx, rows: Iterable[Row[Any]], annotator: int | None) -> list[Item]:
    """Gives the items as this annotator sees them."""
    rows = list(rows)
    ids = [row.id for row in rows]
    if annotator is None or not rows:
        return [_item(row, None, None) for row in rows]
    until = {found.item_id: found.expires for found in tx.rows(_UNTIL, me=annotator, items=ids, now=tx.now)}
    label = {found.item_id: found.root_id for found in tx.rows(_LABELS, me=annotator, items=ids)}
    return [_item(row, until.get(row.id), label.get(row.id)) for row in rows]


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
