"""What counts for a row: from all that was said about it, one current label.

Each annotator's vote is the latest label that he has not taken back. A vote given in review outranks the
others; otherwise the majority counts; between equals, the latest. A skip or a flag takes no label away.

Why a row was asked about is another question: a second look changes its label and never that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, delete, exists, select

from tyrogue.store import schema as s
from tyrogue.store.database import Tx
from tyrogue.store.records import DECISIONS

CHUNK = 5_000
"""Rows named in one statement; SQLite takes 32,766 variables."""

_UNDO = s.journal.alias("undo")
UNDONE: ColumnElement[bool] = (
    exists().where(_UNDO.c.project_id == s.journal.c.project_id, _UNDO.c.undoes == s.journal.c.id).correlate(s.journal)
)
"""Whether a record of the journal was taken back."""

STANDING: tuple[ColumnElement[bool], ...] = (s.journal.c.action.in_(DECISIONS), ~UNDONE)
"""The decisions that nobody took back."""

_ALL = (
    select(s.journal)
    .where(s.journal.c.project_id == bindparam("project"), *STANDING)
    .order_by(s.journal.c.row, s.journal.c.id)
)
_SOME = _ALL.where(s.journal.c.row.in_(bindparam("rows", expanding=True)))
_ROOTS = select(s.classes.c.id, s.classes.c.root_id).where(s.classes.c.project_id == bindparam("project"))


@dataclass(frozen=True)
class Said:
    """One decision about a row that stands."""

    id: int
    annotator: int
    action: str
    class_id: int | None
    kind: str
    created: datetime


@dataclass(frozen=True)
class Verdict:
    label: Said | None
    kind: str | None
    """Why the row was first asked about; `review` where a second look was the first. None without a label."""
    skipped: bool
    flagged: bool
    voters: int
    agreed: bool
    adjudicated: bool
    tied: bool


def verdict(said: Sequence[Said], root: Mapping[int, int]) -> Verdict:
    """Gives what counts for a row.

    Args:
        said: the decisions about it that stand, oldest first.
        root: the active class for which each class counts.
    """
    last = {one.annotator: one for one in said}
    votes = {one.annotator: one for one in said if one.action == "label"}
    reviews = [vote for vote in votes.values() if vote.kind == "review"]
    tally = Counter(root[_class(vote)] for vote in votes.values())
    most = max(tally.values(), default=0)
    running = reviews or [vote for vote in votes.values() if tally[root[_class(vote)]] == most]
    label = max(running, key=lambda vote: vote.id, default=None)
    reviewed = max((vote.id for vote in reviews), default=0)
    return Verdict(
        label=label,
        kind=None if label is None else _origin(said),
        skipped=label is None and any(one.action == "skip" for one in last.values()),
        flagged=any(one.action == "flag" and one.id > reviewed for one in last.values()),
        voters=len(votes),
        agreed=len(tally) <= 1,
        adjudicated=bool(reviews),
        tied=not reviews and list(tally.values()).count(most) > 1,
    )


def _origin(said: Sequence[Said]) -> str:
    """Gives why a row was asked about: the first reason that stands and is no second look.

    A text of the reference sample stays one, whatever came before: a correction must not move it into training.
    """
    kinds = [one.kind for one in said]
    if "reference" in kinds:
        return "reference"
    return next((kind for kind in kinds if kind != "review"), "review")


def judge(tx: Tx, rows: Sequence[int]) -> None:
    """Brings the current labels of these rows up to date with the journal."""
    root = roots(tx)
    for start in range(0, len(rows), CHUNK):
        some = rows[start : start + CHUNK]
        said = _by_row(tx.rows(_SOME, project=tx.project, rows=some))
        found = [truth(tx.project, row, verdict(about, root)) for row, about in said]
        left = sorted(set(some) - {one["row"] for one in found})
        tx.upsert(s.truths, found)
        if left:  # all was taken back
            tx.run(delete(s.truths).where(s.truths.c.project_id == tx.project, s.truths.c.row.in_(left)))


def judge_disputed(tx: Tx) -> None:
    """Does so for the rows that more than one person labeled."""
    t = s.truths
    disputed = tx.rows(select(t.c.row).where(t.c.project_id == tx.project, t.c.voters > 1))
    judge(tx, [r.row for r in disputed])


def truths(tx: Tx) -> Iterator[dict[str, Any]]:
    """Gives the table of current labels as the whole journal says it, by row."""
    root = roots(tx)
    return (truth(tx.project, row, verdict(said, root)) for row, said in _by_row(tx.rows(_ALL, project=tx.project)))


def truth(project: int, row: int, found: Verdict) -> dict[str, Any]:
    label = found.label
    return {
        "project_id": project,
        "row": row,
        "annotation_id": label and label.id,
        "class_id": None if label is None else label.class_id,
        "kind": found.kind,
        "created": label and label.created,
        "skipped": found.skipped,
        "flagged": found.flagged,
        "voters": found.voters,
        "agreed": found.agreed,
        "adjudicated": found.adjudicated,
        "tied": found.tied,
    }


def roots(tx: Tx) -> dict[int, int]:
    """Gives the active class for which each class counts."""
    return {r.id: r.root_id for r in tx.rows(_ROOTS, project=tx.project)}


def _by_row(found: Iterable[Row[Any]]) -> Iterator[tuple[int, list[Said]]]:
    return ((row, [_one(r) for r in group]) for row, group in groupby(found, key=lambda r: r.row))


def _one(r: Row[Any]) -> Said:
    return Said(r.id, r.annotator_id, r.action, r.class_id, r.kind, r.created)


def _class(vote: Said) -> int:
    if vote.class_id is None:
        raise AssertionError(f"Label {vote.id} has no class.")
    return vote.class_id
