"""What the journal amounts to: current labels, counts, the annotators' pace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Row, Select, and_, func, select, true

from tyrogue.errors import UsageError
from tyrogue.store import schema as s
from tyrogue.store.base import Base
from tyrogue.store.database import Tx
from tyrogue.store.records import KINDS, Counts, LabelRecord, Vote
from tyrogue.store.truth import CHUNK, STANDING, UNDONE, roots
from tyrogue.types import Floats, Rows

t, a, c = s.truths, s.journal, s.classes
PAGE = 1_000
BREAK_SECONDS = 300.0
"""Longer between two labels of one person was a break."""


class Labels(Base):
    def labels(self, kinds: Sequence[str] | None = None, *, ties: bool = True) -> tuple[Rows, NDArray[np.int64]]:
        """Gives the labeled rows, sorted, and the active class of each: what counts now, merges resolved.

        Args:
            kinds: only rows asked about for these reasons. A correction in review changes no reason: a row of the
                reference sample stays `reference`, a queried one `query`.
            ties: with the rows for which no class has more votes than any other, where the latest vote counts.
        """
        wanted = select(t.c.row, c.c.root_id).join(c, its_class()).where(t.c.project_id == self._project_id)
        if kinds is not None:
            unknown = sorted(set(kinds) - set(KINDS))
            if unknown:
                raise UsageError(f"{unknown[0]!r} is not a kind of item. Kinds: {', '.join(KINDS)}.")
            wanted = wanted.where(t.c.kind.in_(kinds))
        if not ties:
            wanted = wanted.where(t.c.tied != true())
        with self._read() as tx:
            found = tx.rows(wanted.order_by(t.c.row))
        pairs = np.array([(r.row, r.root_id) for r in found], np.int64).reshape(-1, 2)
        return _frozen(pairs[:, 0].copy()), _frozen(pairs[:, 1].copy())

    def label_records(self) -> Iterator[LabelRecord]:
        """Gives each labeled row with all that an export tells about its label, by row."""
        after = -1
        while True:
            with self._read() as tx:
                page = _described().where(t.c.project_id == tx.project, t.c.row > after).order_by(t.c.row).limit(PAGE)
                found = tx.rows(page)
                notes = notes_of(tx, [r.row for r in found])
            yield from (_label_record(r, notes.get(r.row)) for r in found)
            if len(found) < PAGE:
                return
            after = found[-1].row

    def votes(self, rows: Sequence[int] | None = None) -> list[Vote]:
        """Gives the current label of each annotator for each row (of these), by row: what agreement rests on."""
        people = s.annotators
        model = s.items.c.model_version
        given = select(a, people.c.name, model).join(people, people.c.id == a.c.annotator_id).where(*STANDING)
        given = given.join(s.items, s.items.c.id == a.c.item_id)
        if rows is not None:
            given = given.where(a.c.row.in_(list(rows)))
        with self._read() as tx:
            root = roots(tx)
            mine = given.where(a.c.project_id == tx.project, a.c.action == "label")
            found = tx.rows(mine.order_by(a.c.row, a.c.annotator_id, a.c.id))
        # Who both labels and reviews a row has two votes: what he said first, and what settled it.
        last = {(r.row, r.annotator_id, r.kind == "review"): _vote(r, root[r.class_id]) for r in found}
        return list(last.values())

    def before(self, rows: Rows, n_classes: int | None = None) -> Floats:
        """Gives the probabilities (len(rows), n_classes) seen when each row was first decided, in the order of
        `class_index`; a class that the model did not know has 0, a row asked without a model NaN."""
        with self._read() as tx:
            active = [r.id for r in tx.rows(_active(tx))]
            root, known = roots(tx), _class_ids(tx)
            seen = _seen(tx, [int(row) for row in rows])
        place = {id: n for n, id in enumerate(active)}
        width = len(active) if n_classes is None else n_classes
        found = np.full((len(rows), width), np.nan, np.float32)
        for n, row in enumerate(rows.tolist()):
            version, probabilities = seen.get(row, (None, None))
            ids = known.get(version, active) if probabilities else []
            if probabilities and len(ids) == len(probabilities):
                found[n] = 0
                for id, p in zip(ids, probabilities, strict=True):
                    if p is not None and place.get(root.get(id, -1), width) < width:
                        found[n, place[root[id]]] += p
        found.flags.writeable = False
        return found

    def skipped_rows(self) -> Rows:
        """Gives the rows that were skipped and have no label, sorted."""
        return self._rows(t.c.skipped == true())

    def flagged_rows(self) -> Rows:
        """Gives the rows that somebody flagged and that were not reviewed since, sorted."""
        return self._rows(t.c.flagged == true())

    def adjudicated_rows(self) -> Rows:
        """Gives the rows whose label was given or confirmed in review, sorted."""
        return self._rows(t.c.adjudicated == true())

    def answered_rows(self) -> Rows:
        """Gives the rows about which a decision stands (a label, a skip or a flag), sorted."""
        return self._rows(true())

    def label_of(self, row: int) -> int | None:
        """Gives the active class of a row's current label; None when it has none."""
        wanted = select(c.c.root_id).select_from(t).join(c, its_class())
        with self._read() as tx:
            found = tx.first(wanted.where(t.c.project_id == tx.project, t.c.row == row))
        return None if found is None else int(found.root_id)

    def labels_of(self, rows: Sequence[int]) -> dict[int, int]:
        """Gives the active class of the current label of each of these rows that has one."""
        wanted, found = select(t.c.row, c.c.root_id).select_from(t).join(c, its_class()), dict[int, int]()
        with self._read() as tx:
            for start in range(0, len(rows), CHUNK):
                some = [int(row) for row in rows[start : start + CHUNK]]
                mine = wanted.where(t.c.project_id == tx.project, t.c.row.in_(some))
                found |= {one.row: int(one.root_id) for one in tx.rows(mine)}
        return found

    def disputed_rows(self) -> Rows:
        """Gives the rows whose annotators disagree and that nobody has reviewed, sorted."""
        return self._rows(and_(t.c.agreed != true(), t.c.adjudicated != true()))

    def counts(self) -> Counts:
        """Gives the numbers that the page shows."""
        with self._read() as tx:
            root = roots(tx)
            mine = t.c.project_id == tx.project
            columns = (t.c.class_id, t.c.kind, t.c.skipped, t.c.flagged)
            groups = tx.rows(select(*columns, func.count().label("n")).where(mine).group_by(*columns))
            today = tx.scalar(select(func.count()).where(mine, t.c.created >= midnight(tx.now)))
        by_class, by_kind = {id: 0 for id, into in root.items() if id == into}, dict[str, int]()
        for group in groups:
            if group.class_id is not None:
                by_class[root[group.class_id]] += group.n
                by_kind[group.kind] = by_kind.get(group.kind, 0) + group.n
        skipped = sum(group.n for group in groups if group.skipped)
        flagged = sum(group.n for group in groups if group.flagged)
        return Counts(sum(by_class.values()), skipped, flagged, by_class, by_kind, int(today))

    def labeled(self) -> int:
        """Gives how many rows have a label: `counts().labeled`, in a tenth of the time."""
        with self._read() as tx:
            return int(tx.scalar(select(func.count()).where(t.c.project_id == tx.project, t.c.class_id.is_not(None))))

    def pace(self, annotator: str | None = None, last: int = 20) -> float | None:
        """Gives the median seconds that a label takes this annotator, from his last ones.

        Without a name: the seconds between two labels of the team, whose members' rates add up. None when
        there is nothing to tell from.
        """
        names = s.annotators
        given = select(a, names.c.name).join(names, names.c.id == a.c.annotator_id).where(*STANDING)
        with self._read() as tx:
            mine = given.where(a.c.project_id == tx.project, a.c.action == "label")
            if annotator is not None:
                mine = mine.where(names.c.name == annotator)
            found = tx.rows(mine.order_by(a.c.id.desc()).limit(last + 1))
        by_person: dict[str, list[Row[Any]]] = defaultdict(list)
        for r in found:
            by_person[r.name].append(r)
        paces = [pace for rows in by_person.values() if (pace := _pace(rows[:last], rows)) is not None]
        return 1 / sum(1 / pace for pace in paces) if paces else None

    def _rows(self, condition: ColumnElement[bool]) -> Rows:
        with self._read() as tx:
            found = tx.rows(select(t.c.row).where(t.c.project_id == tx.project, condition).order_by(t.c.row))
        return _frozen(np.array([r.row for r in found], np.int64))


def _vote(r: Row[Any], class_id: int) -> Vote:
    return Vote(r.row, r.name, class_id, r.kind, r.created, r.model_version, r.seconds)


def _frozen(array: NDArray[np.int64]) -> NDArray[np.int64]:
    array.flags.writeable = False
    return array


def its_class() -> ColumnElement[bool]:
    """How a current label finds its class."""
    return and_(c.c.project_id == t.c.project_id, c.c.id == t.c.class_id)


def _active(tx: Tx) -> Select[Any]:
    return select(c.c.id).where(c.c.project_id == tx.project, c.c.root_id == c.c.id).order_by(c.c.position)


def _class_ids(tx: Tx) -> dict[str | None, list[int]]:
    m = s.models
    return {
        r.version: r.class_ids for r in tx.rows(select(m.c.version, m.c.class_ids).where(m.c.project_id == tx.project))
    }


def _seen(tx: Tx, rows: Sequence[int]) -> dict[int, tuple[str | None, list[float] | None]]:
    """The probabilities that came with the first decided item of each row."""
    i, seen = s.items, dict[int, tuple[str | None, list[float] | None]]()
    for start in range(0, len(rows), CHUNK):
        some = select(i.c.row, i.c.model_version, i.c.probabilities).where(
            i.c.project_id == tx.project, i.c.row.in_(rows[start : start + CHUNK]), i.c.decided > 0
        )
        for r in tx.rows(some.order_by(i.c.id)):
            if r.probabilities is not None:
                seen.setdefault(r.row, (r.model_version, r.probabilities))
    return seen


def midnight(now: datetime) -> datetime:
    return now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)


def _pace(rows: Sequence[Row[Any]], all_rows: Sequence[Row[Any]]) -> float | None:
    """The median over a person's labels, newest first: the seconds measured in the page, else since the last."""
    since = [(newer.created - older.created).total_seconds() for newer, older in pairwise(all_rows)]
    took = [r.seconds if r.seconds is not None else (since[n] if n < len(since) else None) for n, r in enumerate(rows)]
    known = [seconds for seconds in took if seconds is not None and 0 < seconds <= BREAK_SECONDS]
    return median(known) if known else None


def _described() -> Select[Any]:
    i = s.items
    return (
        select(t, c.c.root_id, s.annotators.c.name, a.c.seconds, i.c.model_version, i.c.round, i.c.probabilities)
        .join(c, its_class())
        .join(a, and_(a.c.project_id == t.c.project_id, a.c.id == t.c.annotation_id))
        .join(s.annotators, s.annotators.c.id == a.c.annotator_id)
        .join(i, i.c.id == a.c.item_id)
    )


def notes_of(tx: Tx, rows: Sequence[int]) -> dict[int, str]:
    """Gives the notes on these rows that stand, oldest first, one a line."""
    noted = select(a.c.row, a.c.note).where(a.c.project_id == tx.project, a.c.row.in_(rows), a.c.note.is_not(None))
    found: dict[int, list[str]] = defaultdict(list)
    for r in tx.rows(noted.where(~UNDONE).order_by(a.c.id)):
        found[r.row].append(r.note)
    return {row: "\n".join(notes) for row, notes in found.items()}


def _label_record(r: Row[Any], note: str | None) -> LabelRecord:
    return LabelRecord(
        row=r.row,
        class_id=r.root_id,
        kind=r.kind,
        annotator=r.name,
        created=r.created,
        seconds=r.seconds,
        model_version=r.model_version,
        round=r.round,
        probabilities=r.probabilities,
        note=note,
        flagged=r.flagged,
        annotators=r.voters,
        agreed=r.agreed,
        adjudicated=r.adjudicated,
        tied=r.tied,
    )
