"""Undo: appends that a decision does not stand, and brings what follows from it up to date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, bindparam, select

from tyrogue.errors import Conflict
from tyrogue.store import schema as s
from tyrogue.store.base import Base
from tyrogue.store.database import Tx
from tyrogue.store.items import LEASE_SECONDS, hold, item_row, settle, to_items, was_queued
from tyrogue.store.journal import append, by_id, by_token, check_token
from tyrogue.store.people import annotator_id
from tyrogue.store.records import Annotation, Item
from tyrogue.store.truth import STANDING, judge

a = s.journal
TOGETHER = "together:"
"""Begins the tokens of decisions that were made about several texts at once: together:TOKEN:ROW."""
MOST_TOGETHER = 1_000

_MINE = select(a.c.id, a.c.item_id, a.c.row, a.c.token).where(
    a.c.project_id == bindparam("project"), a.c.annotator_id == bindparam("me"), *STANDING
)
_LAST_DECISION = _MINE.order_by(a.c.id.desc()).limit(1)
_BLOCK = _MINE.where(a.c.id.between(bindparam("first"), bindparam("last")))
_FIRST_OF = _MINE.where(a.c.token == bindparam("token"))


class Undoing(Base):
    def undo(
        self, *, token: str, annotator: str, lease_seconds: float = LEASE_SECONDS, expected: str | None = None
    ) -> tuple[Annotation, Item] | None:
        """Gives the annotator's last decision, now taken back, and its item, now his next; None when he has
        decided nothing. Appends; goes back as far as there are decisions. The same token undoes once.

        What was decided about several texts at once is taken back as a whole (`taken_back` says how much). If it
        began with a text of the queue, that one is given; otherwise all of it returns to the pool, and the item
        given is nobody's. So is that of a second look: the label before it stands again, and nobody is asked.

        Args:
            expected: the token of the decision that has to be the last one; None takes back whichever it is.

        Raises:
            Conflict: the token belongs to a decision, or the last decision is another than the one expected.
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
            _check_expected(expected, decisions)
            first = decisions[0]
            for n, one in enumerate(decisions):
                at = item_row(tx, one.item_id, lock=True)
                append(tx, last + n, at, me, token if one is first else f"{token}:{one.row}", "undo", undoes=one.id)
                settle(tx, at)
            judge(tx, [one.row for one in decisions])
            if not first.token.startswith(TOGETHER) and _comes_again(item_row(tx, first.item_id)):
                hold(tx, me, [first.item_id], lease_seconds, first=True)
            return by_id(tx, first.id), to_items(tx, [item_row(tx, first.item_id)], me)[0]

    def taken_back(self, token: str) -> int:
        """Gives how many decisions the undo with this token took back."""
        with self._read() as tx:
            first = by_token(tx, token)
            if first is None or first.undoes is None:
                return 0
            near = (a.c.project_id == tx.project, a.c.action == "undo", a.c.id >= first.id)
            said = tx.rows(select(a.c.row, a.c.token).where(*near, a.c.id < first.id + MOST_TOGETHER + 1))
            return sum(one.token in (token, f"{token}:{one.row}") for one in said)


def _check_expected(expected: str | None, decisions: Sequence[Row[Any]]) -> None:
    if expected is None:
        return
    if not any(one.token in (expected, f"{TOGETHER}{expected}:{one.row}") for one in decisions):
        raise Conflict(
            "Something else was decided in the meantime, in another window or by a program, so nothing was taken "
            "back. Undo without `expected` takes back the last decision, whichever it is."
        )


def _comes_again(item: Row[Any]) -> bool:
    """Whether a text whose decision was taken back is asked about again."""
    return item.kind != "review" or was_queued(item)


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
    return by_id(tx, first.undoes), to_items(tx, [item_row(tx, first.item)], me)[0]
