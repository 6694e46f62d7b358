"""What the journal amounts to, read once for each of its records: the trainer asks ten times a second."""

from __future__ import annotations

from tyrogue.labeling.promotion import promoted
from tyrogue.store import KINDS, Store
from tyrogue.types import Labels, Rows

TRAINED_ON = tuple(kind for kind in KINDS if kind != "reference")
"""Labels of the reference sample judge models; no model learns from them unless they were promoted."""


class Known:
    """Labels and answered rows of a project."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._position, self._shared, self._promoted = -1, False, False
        self._labels: tuple[Rows, Labels] | None = None
        self._checks: tuple[Rows, Labels] | None = None
        self._answered: Rows | None = None

    def labels(self) -> tuple[Rows, Labels]:
        """Gives the rows that models may train on, sorted, and the class ids of their labels.

        Where texts go to several people, a tie between them trains nothing until somebody settles it; where they go
        to one, a second label is a correction, and the latest counts.
        """
        self._turn()
        if self._labels is None:
            self._labels = self.store.labels(kinds=KINDS if self._promoted else TRAINED_ON, ties=not self._shared)
        return self._labels

    def checks(self) -> tuple[Rows, Labels]:
        """Gives the labeled rows of the reference sample, sorted, and the class ids of their labels."""
        self._turn()
        if self._checks is None:
            self._checks = self.store.labels(kinds=("reference",))
        return self._checks

    def promoted(self) -> bool:
        """Whether models may train on the checks too."""
        self._turn()
        return self._promoted

    def answered(self) -> Rows:
        """Gives the rows about which a decision stands, sorted."""
        self._turn()
        if self._answered is None:
            self._answered = self.store.answered_rows()
        return self._answered

    def _turn(self) -> None:
        now = self.store.journal_position(), self.store.get("overlap", 1) > 1, promoted(self.store)
        if now != (self._position, self._shared, self._promoted):
            self._position, self._shared, self._promoted = now
            self._labels = self._checks = self._answered = None
