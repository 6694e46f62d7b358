"""The journal: every decision, appended and never changed. What counts for a row follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row, and_, bindparam, insert, select

from tyrogue.errors import Conflict, UsageError
from tyrogue.store import schema as s
from tyrogue.store.base import Base
from tyrogue.store.classes import check_active
from tyrogue.store.database import Tx
from tyrogue.store.items import item_row, settle, show
from tyrogue.store.people import annotator_id
from tyrogue.store.plain import MAX_NAME, note_of, seconds_of
from tyrogue.store.records import ACTIONS, Annotation
from tyrogue.store.truth import judge

a = s.journal
PAGE = 1_000

_UNDO = a.alias("undo")
_RECORDS = (
    select(a, s.annotators.c.name.label("annotator"), s.items.c.model_version, s.items.c.round)
    .add_columns(_UNDO.c.id.is_not(None).label("undone"))  # joined: an EXISTS here makes PostgreSQL read all undos
    .join(s.annotators, s.annotators.c.id == a.c.annotator_id)
    .join(s.items, s.items.c.id == a.c.item_id)
    .outerjoin(_UNDO, and_(_UNDO.c.project_id == a.c.project_id, _UNDO.c.undoes == a.c.id))
    .where(a.c.project_id == bindparam("project"))
)
_BY_TOKEN = _RECORDS.where(a.c.token == bindparam("token"))
_BY_ID = _RECORDS.where(a.c.id == bindparam("id"))
_PAGE = _RECORDS.where(a.c.id > bindparam("after")).order_by(a.c.id).limit(PAGE)


class Journal(Base):
    def annotate(
        self,
        *,
        token: str,
        item: int,
        annotator: str,
        action: str,
        class_id: int | None = None,
        note: str | None = None,
        seconds: float | None = None,
    ) -> Annotation:
        """Gives the record of a decision, which is on disk when this returns.

        A label, skip or flag answers the item; a note does not. The same token gives the first record again.
        A decision on an item that somebody else holds, or has answered, is recorded too: no work is lost.

        Raises:
            UsageError: no such item or action, a label without class, a note without text.
            Conflict: the class is unknown or merged away; the token belongs to something else.
        """
        note = check(token, action, class_id, note)
        seconds = seconds_of(seconds)
        with self._write() as tx:
            last = tx.lock()
            me = annotator_id(tx, annotator)
            first = by_token(tx, token)
            if first is not None:
                if (first.item, first.action == "undo") != (item, False):
                    raise Conflict(f"The token {token!r} was used for item {first.item} before. Make one a decision.")
                return first
            if class_id is not None:
                check_active(tx, class_id)
            at = item_row(tx, item, lock=True)
            append(tx, last, at, me, token, action, class_id=class_id, note=note, seconds=seconds)
            if action == "note":  # answers nothing, and the item was seen
                show(tx, [at.id])
            else:
                settle(tx, at, by=me)
                judge(tx, [at.row])
            return recorded(tx, token)

    def annotations(
        self,
        limit: int = 50,
        before: int | None = None,
        annotator: str | None = None,
        row: int | None = None,
        action: str | None = None,
    ) -> list[Annotation]:
        """Gives what was decided, newest first; `before` an id, for the next page. Undone decisions say so."""
        wanted = _RECORDS.where(a.c.action == action if action else a.c.action != "undo")
        if before is not None:
            wanted = wanted.where(a.c.id < before)
        if annotator is not None:
            wanted = wanted.where(s.annotators.c.name == annotator)
        if row is not None:
            wanted = wanted.where(a.c.row == row)
        with self._read() as tx:
            found = tx.rows(wanted.order_by(a.c.id.desc()).limit(limit), project=tx.project)
        return [_annotation(r) for r in found]

    def annotation_of(self, token: str) -> Annotation | None:
        """Gives the annotation that this token recorded; None when it recorded none."""
        with self._read() as tx:
            return by_token(tx, token)

    def seconds_since_decision(self) -> float | None:
        """Gives the seconds since anybody decided anything; None before the first decision."""
        newest = select(a.c.created).where(a.c.project_id == bindparam("project")).order_by(a.c.id.desc()).limit(1)
        with self._read() as tx:
            found = tx.first(newest, project=tx.project)
            return None if found is None else max(0.0, (tx.now - found.created).total_seconds())

    def journal(self, after: int = 0) -> Iterator[Annotation]:
        """Gives every annotation after this id, undo records among them, oldest first."""
        while True:
            with self._read() as tx:
                found = tx.rows(_PAGE, project=tx.project, after=after)
            yield from (_annotation(r) for r in found)
            if len(found) < PAGE:
                return
            after = found[-1].id

    def journal_position(self) -> int:
        """Gives the id of the last annotation or class event: what follows from the journal changes with it."""
        with self._read() as tx:
            return int(tx.scalar(select(s.projects.c.journal).where(s.projects.c.id == tx.project)))


def check(token: str, action: str, class_id: int | None, note: str | None) -> str | None:
    """Gives the note as it is kept; UsageError unless these make a decision."""
    check_token(token)
    if action not in ACTIONS:
        raise UsageError(f"{action!r} is not an action. Actions: {', '.join(ACTIONS)}.")
    if (action == "label") != (class_id is not None):
        raise UsageError(f"A label needs a class_id and a {action} takes none; class_id is {class_id}.")
    note = note_of(note)
    if action == "note" and note is None:
        raise UsageError("A note needs a text.")
    return note


def check_token(token: str) -> None:
    """Raises UsageError unless this can be a token."""
    if not (1 <= len(token) <= MAX_NAME and token.isprintable()):
        raise UsageError(f"A token has 1 to {MAX_NAME} printable characters. Make a random one for each decision.")


def append(
    tx: Tx,
    last: int,
    item: Row[Any],
    me: int,
    token: str,
    action: str,
    *,
    class_id: int | None = None,
    note: str | None = None,
    seconds: float | None = None,
    undoes: int | None = None,
) -> None:
    """Writes the record after the last one."""
    tx.run(
        insert(a).values(
            project_id=tx.project,
            id=last + 1,
            token=token,
            item_id=item.id,
            row=item.row,
            kind=item.kind,
            annotator_id=me,
            action=action,
            class_id=class_id,
            note=note,
            seconds=seconds,
            created=tx.now,
            undoes=undoes,
        )
    )
    tx.advance(last + 1)


def by_token(tx: Tx, token: str) -> Annotation | None:
    """Gives the annotation that this token recorded; None when it recorded none."""
    found = tx.first(_BY_TOKEN, project=tx.project, token=token)
    return None if found is None else _annotation(found)


def recorded(tx: Tx, token: str) -> Annotation:
    """Gives the annotation that was written just now."""
    found = by_token(tx, token)
    if found is None:
        raise Conflict(f"The decision {token!r} was not recorded.")
    return found


def by_id(tx: Tx, id: int) -> Annotation:
    """Gives the annotation of this number."""
    return _annotation(tx.rows(_BY_ID, project=tx.project, id=id)[0])


def _annotation(r: Row[Any]) -> Annotation:
    return Annotation(
        id=r.id,
        token=r.token,
        item=r.item_id,
        row=r.row,
        annotator=r.annotator,
        action=r.action,
        class_id=r.class_id,
        note=r.note,
        seconds=r.seconds,
        created=r.created,
        undone=bool(r.undone),
        kind=r.kind,
        model_version=r.model_version,
        round=r.round,
        undoes=r.undoes,
    )
