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
from tyrogue.store.items import LEASE_SECONDS, hold, item_row, settle, show, to_items
from tyrogue.store.people import annotator_id
from tyrogue.store.plain import MAX_NAME, note_of, seconds_of
from tyrogue.store.records import ACTIONS, Annotation, Item
from tyrogue.store.truth import STANDING, judge

a = s.journal
PAGE = 1_000
TOGETHER = "together:"
"""Begins the tokens of decisions that were made about several texts at once: together:TOKEN:ROW."""
MOST_TOGETHER = 1_000

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
_LAST_DECISION = (
    select(a.c.id, a.c.item_id, a.c.row, a.c.token)
    .where(a.c.project_id == bindparam("project"), a.c.annotator_id == bindparam("me"), *STANDING)
    .order_by(a.c.id.desc())
    .limit(1)
)
_BLOCK = select(a.c.id, a.c.item_id, a.c.row, a.c.token).where(
    a.c.project_id == bindparam("project"),
    a.c.annotator_id == bindparam("me"),
    a.c.id.between(bindparam("first"), bindparam("last")),
    *STANDING,
)
_FIRST_OF = select(a.c.id, a.c.item_id, a.c.row, a.c.token).where(
    a.c.project_id == bindparam("project"),
    a.c.annotator_id == bindparam("me"),
    a.c.token == bindparam("token"),
    *STANDING,
)


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

    def undo(
        self, *, token: str, annotator: str, lease_seconds: float = LEASE_SECONDS
    ) -> tuple[Annotation, Item] | None:
        """Gives the annotator's last decision, now taken back, and its item, now his next; None when he has
        decided nothing. Appends; goes back as far as there are decisions. The same token undoes once.

        What was decided about several texts at once is taken back as a whole (`taken_back` says how much). If it
        began with a text of the queue, that one is given; otherwise all of it returns to the pool, and the item
        given is nobody's.

        Raises:
            Conflict: the token belongs to a decision.
        """
        check_token(token)
        with self._write() as tx:
            last = tx.lock()
            me = annotator_id(tx, annotator, lock=True)
            before = by_token(tx, token)
            if before is not None:
                return _undone_before(tx, before, me)
            decision = tx.first(_LAST_DECISION, project=tx.project, me=me)
            if decision is None:
                return None
            decisions = _together(tx, decision, me)
            first = decisions[0]
            for n, one in enumerate(decisions):
                at = item_row(tx, one.item_id, lock=True)
                append(tx, last + n, at, me, token if one is first else f"{token}:{one.row}", "undo", undoes=one.id)
                settle(tx, at)
            judge(tx, [one.row for one in decisions])
            if not first.token.startswith(TOGETHER):
                hold(tx, me, [first.item_id], lease_seconds, first=True)
            return _by_id(tx, first.id), to_items(tx, [item_row(tx, first.item_id)], me)[0]

    def taken_back(self, token: str) -> int:
        """Gives how many decisions the undo with this token took back."""
        with self._read() as tx:
            first = by_token(tx, token)
            if first is None or first.undoes is None:
                return 0
            near = (a.c.project_id == tx.project, a.c.action == "undo", a.c.id >= first.id)
            said = tx.rows(select(a.c.row, a.c.token).where(*near, a.c.id < first.id + MOST_TOGETHER + 1))
            return sum(one.token in (token, f"{token}:{one.row}") for one in said)

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


def _together(tx: Tx, decision: Row[Any], me: int) -> list[Row[Any]]:
    """Gives the decisions that were made together with this one, the one that others were added to first."""
    if not decision.token.startswith(TOGETHER):
        return [decision]
    begins = decision.token.removesuffix(str(decision.row))
    block = tx.rows(_BLOCK, project=tx.project, me=me, first=decision.id - MOST_TOGETHER, last=decision.id)
    others = sorted((one for one in block if one.token == f"{begins}{one.row}"), key=lambda one: one.id)
    own = tx.first(_FIRST_OF, project=tx.project, me=me, token=begins.removeprefix(TOGETHER).removesuffix(":"))
    return others if own is None else [own, *others]


def _undone_before(tx: Tx, first: Annotation, me: int) -> tuple[Annotation, Item]:
    if first.undoes is None:
        raise Conflict(f"The token {first.token!r} belongs to a decision. Make a new one for each undo.")
    return _by_id(tx, first.undoes), to_items(tx, [item_row(tx, first.item)], me)[0]


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


def _by_id(tx: Tx, id: int) -> Annotation:
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
