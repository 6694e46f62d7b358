"""Several texts at once: a region of the map, or the copies of a text. Each text gets a record of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tyrogue.corpus.project import Project
from tyrogue.errors import Conflict, UsageError
from tyrogue.pool import as_rows
from tyrogue.store import Store
from tyrogue.store.undoing import TOGETHER
from tyrogue.types import Rows

Json = dict[str, Any]


class Regions:
    """Labels and queues many texts of one project.

    The reference sample is always left out: a text that is labeled in sight of its neighbours and their labels is no
    blind check any more. What is decided already stays as it is.
    """

    def __init__(self, project: Project, store: Store) -> None:
        self.project, self.store = project, store

    def label(self, rows: Sequence[int], class_id: int | None, *, token: str, annotator: str) -> list[int]:
        """Gives the rows that were labeled, now or when this token came before; all in one transaction.

        Raises:
            UsageError: a row is not of this project.
            Conflict: the class is unknown or merged away.
        """
        if class_id is None:
            raise UsageError("A region is labeled with a class: class_id is missing.")
        free, _ = self.split(rows)
        mine = f"{TOGETHER}{token}"
        if len(free) and self.store.teach(
            free.tolist(), [class_id] * len(free), token=mine, annotator=annotator, kind="search"
        ):
            return _plain(free)
        return [row for row in _plain(_once(rows)) if self.store.annotation_of(f"{mine}:{row}") is not None]

    def queue(self, rows: Sequence[int], annotator: str) -> tuple[list[int], list[int]]:
        """Gives the rows that stand first in the queue now, in this order, and those of them that nobody had put
        there before: what `withdraw` takes."""
        free, _ = self.split(rows)
        before = {*self.store.pushed_rows().tolist()}
        for row in free[::-1].tolist():
            self.store.push(row, "search", annotator=annotator)
        return _plain(free), [row for row in _plain(free) if row not in before]

    def withdraw(self, rows: Sequence[int], annotator: str) -> list[int]:
        """Gives those of the rows that do not stand first in the queue any more."""
        return self.store.withdraw(_plain(_once(rows)), annotator)

    def split(self, rows: Sequence[int]) -> tuple[Rows, Json]:
        """Gives the rows that may be labeled, and how many were left out for which reason."""
        given, n = _once(rows), len(self.project.corpus)
        if len(given) and not 0 <= given.min() <= given.max() < n:
            raise UsageError(f"Row {given.max()} is not in this project; it has rows 0 to {n - 1}.")
        audit = np.isin(given, self.project.corpus.reference)
        decided = np.isin(given, self.store.answered_rows())
        return given[~audit & ~decided], {"audit": int(audit.sum()), "decided": int((decided & ~audit).sum())}

    def refuse_empty(self, rows: Sequence[int], left_out: Json) -> None:
        """Raises Conflict: there was nothing that could be done."""
        raise Conflict(
            f"None of these {len(rows)} texts can be labeled: {left_out['decided']} are decided already, "
            f"{left_out['audit']} are kept for honest checks."
        )


def _plain(rows: Rows) -> list[int]:
    return [int(row) for row in rows]


def _once(rows: Sequence[int]) -> Rows:
    return as_rows(list(dict.fromkeys(int(row) for row in rows)))
