"""Review: every label a page at a time, and second looks that outrank the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, Select, and_, insert, or_, select, true

from tyrogue.errors import Conflict, UsageError
from tyrogue.store import schema as s
from tyrogue.store.base import Base
from tyrogue.store.classes import check_active
from tyrogue.store.database import Tx
from tyrogue.store.items import item_row, new_values, settle, show
from tyrogue.store.journal import append, by_token, check, recorded
from tyrogue.store.labels import its_class, notes_of
from tyrogue.store.people import annotator_id
from tyrogue.store.records import Annotation, NewItem
from tyrogue.store.truth import judge

t, a, c, i = s.truths, s.journal, s.classes, s.items

Only = Literal["flagged", "skipped", "disputed"]


@dataclass(frozen=True)
class Looked:
    """What stands about a row: its label, or why it has none."""

    row: int
    class_id: int | None
    """Active; None of a row that was only skipped or flagged."""
    kind: str | None
    """Why it was first asked about."""
    annotator: str | None
    created: datetime | None
    model_version: str | None
    round: int | None
    note: str | None
    flagged: bool
    skipped: bool
    annotators: int
    agreed: bool
    adjudicated: bool


@dataclass(frozen=True)
class Wanted:
    """Which rows to list: all of what is named must hold."""

    class_id: int | None = None
    annotator: str | None = None
    kind: str | None = None
    """Why it was first asked about; `review` wants those that were looked at again, whatever brought them."""
    round: int | None = None
    only: Only | None = None


class Reviews(Base):
    def looked(
        self,
        wanted: Wanted,
        *,
        limit: int,
        after: tuple[datetime, int] | None = None,
        rows: Sequence[int] | None = None,
    ) -> list[Looked]:
        """Gives what stands about labeled rows, newest label first, then by row downwards.

        Args:
            wanted: what is listed; rows without a label only where it says flagged or skipped.
            limit: most that are given.
            after: created and row of the last one that was given before.
            rows: only these.
        """
        with self._read() as tx:
            page = _standing(tx).where(*_conditions(wanted, rows)).order_by(t.c.created.desc(), t.c.row.desc())
            if wanted.only in ("flagged", "skipped"):
                page = page.order_by(None).order_by(t.c.row.desc())
                page = page if after is None else page.where(t.c.row < after[1])
            elif after is not None:
                created, row = after
                page = page.where(or_(t.c.created < created, and_(t.c.created == created, t.c.row < row)))
            found = tx.rows(page.limit(limit))
            notes = notes_of(tx, [r.row for r in found])
        return [_looked(r, notes.get(r.row)) for r in found]

    def review(
        self,
        *,
        row: int,
        token: str,
        annotator: str,
        action: str,
        class_id: int | None = None,
        note: str | None = None,
    ) -> Annotation:
        """Gives the record of a second look, which is on disk when this returns: it appends, like every decision.

        A label given here outranks those given before and settles a flag; a flag marks the row again; a note is kept
        with it. The same token gives the first record again.

        Raises:
            UsageError: nothing was decided about the row yet, or action, class and note do not go together.
            Conflict: the class is unknown or merged away; the token belongs to another row.
        """
        note = check(token, action, class_id, note)
        with self._write() as tx:
            last = tx.lock()
            me = annotator_id(tx, annotator)
            first = by_token(tx, token)
            if first is not None:
                if first.row != row or first.action == "undo":
                    raise Conflict(f"The token {token!r} was used for row {first.row} before. Make one a decision.")
                return first
            if class_id is not None:
                check_active(tx, class_id)
            at = item_row(tx, _item_of(tx, row, own=action != "note"), lock=True)
            append(tx, last, at, me, token, action, class_id=class_id, note=note)
            if action == "note":
                show(tx, [at.id])
            else:
                settle(tx, at, by=me)
                judge(tx, [row])
            return recorded(tx, token)


def _item_of(tx: Tx, row: int, *, own: bool) -> int:
    """Gives the item that a second look at this row belongs to: with `own` one for review, made where there is none."""
    mine = select(i.c.id, i.c.kind).where(i.c.project_id == tx.project, i.c.row == row, i.c.decided > 0)
    items = tx.rows(mine.order_by(i.c.id.desc()))
    if not items:
        raise UsageError(f"Nothing was decided about row {row} yet. Search for it to label it (POST /api/items).")
    if not own:
        return int(items[0].id)
    reviews = [one.id for one in items if one.kind == "review"]
    if reviews:
        return int(reviews[0])
    new = new_values(tx, NewItem(row, "review")) | {"open": False, "served": tx.now}
    key = tx.connection.execute(insert(i).values(**new)).inserted_primary_key
    if key is None:
        raise Conflict(f"Row {row} could not be opened for review.")
    return int(key[0])


def _standing(tx: Tx) -> Select[Any]:
    return (
        select(t, c.c.root_id, s.annotators.c.name, i.c.model_version, i.c.round)
        .outerjoin(c, its_class())
        .outerjoin(a, and_(a.c.project_id == t.c.project_id, a.c.id == t.c.annotation_id))
        .outerjoin(s.annotators, s.annotators.c.id == a.c.annotator_id)
        .outerjoin(i, i.c.id == a.c.item_id)
        .where(t.c.project_id == tx.project)
    )


def _conditions(wanted: Wanted, rows: Sequence[int] | None) -> list[ColumnElement[bool]]:
    named: list[tuple[Any, ColumnElement[bool]]] = [
        (wanted.class_id, c.c.root_id == wanted.class_id),
        (wanted.annotator, s.annotators.c.name == wanted.annotator),
        (wanted.kind, t.c.adjudicated == true() if wanted.kind == "review" else t.c.kind == wanted.kind),
        (wanted.round, i.c.round == wanted.round),
        (rows, t.c.row.in_([int(row) for row in rows or ()])),
    ]
    only = {
        "flagged": t.c.flagged == true(),
        "skipped": t.c.skipped == true(),
        "disputed": and_(t.c.agreed != true(), t.c.adjudicated != true()),
        None: t.c.annotation_id.is_not(None),
    }
    return [condition for value, condition in named if value is not None] + [only[wanted.only]]


def _looked(r: Row[Any], note: str | None) -> Looked:
    return Looked(
        row=r.row,
        class_id=r.root_id,
        kind=r.kind,
        annotator=r.name,
        created=r.created,
        model_version=r.model_version,
        round=r.round,
        note=note,
        flagged=r.flagged,
        skipped=r.skipped,
        annotators=r.voters,
        agreed=r.agreed,
        adjudicated=r.adjudicated,
    )
