"""The pool: a corpus and what is known of its rows so far.

What is known is sparse: sorted arrays of the labeled and the closed rows. Nothing here is O(pool), except
`blocks`, which is for the baselines that look at every row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import overload

import numpy as np
from numpy.random import Generator

from tyrogue.errors import UsageError
from tyrogue.protocols import Corpus
from tyrogue.types import UNLABELED, Floats, Labels, Rows, Text

NO_ROWS: Rows = np.empty(0, np.int64)
NO_ROWS.flags.writeable = False


def as_rows(rows: Sequence[int] | Rows) -> Rows:
    """Gives an int64 array of its own."""
    return np.array(rows, dtype=np.int64).reshape(-1)


def frozen(rows: Rows) -> Rows:
    """Gives the array read-only: what is given out is not the taker's to change."""
    rows.flags.writeable = False
    return rows


class Inputs(Sequence[Text]):
    """Texts on their way into a model, with their rows and lazily computed embeddings.

    Args:
        texts: the texts, or a function that fetches them when they are first needed (a linear model on
            cached embeddings never needs them).
        rows: their rows in the pool; None for texts from outside.
        embed: gives the frozen encoder's embeddings (n, d) of these inputs.
    """

    def __init__(
        self,
        texts: Sequence[Text] | Callable[[], Sequence[Text]],
        *,
        rows: Rows | None = None,
        embed: Callable[[Inputs], Floats] | None = None,
    ) -> None:
        if callable(texts) and rows is None:
            raise UsageError("Inputs fetched by a function need their rows.")
        self._texts, self.rows, self._embed = texts, rows, embed
        self._embeddings: Floats | None = None

    def __len__(self) -> int:
        return len(self.rows) if self.rows is not None else len(self.texts)

    @property
    def texts(self) -> Sequence[Text]:
        if callable(self._texts):
            self._texts = self._texts()
        return self._texts

    @overload
    def __getitem__(self, index: int) -> Text: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Text]: ...
    def __getitem__(self, index: int | slice) -> Text | Sequence[Text]:
        return self.texts[index]

    @property
    def embeddable(self) -> bool:
        """Whether `embeddings` can be had: these inputs came with an encoder, or were embedded already."""
        return self._embed is not None or self._embeddings is not None

    @property
    def embeddings(self) -> Floats:
        """(n, d) of the frozen encoder, computed once."""
        if self._embeddings is None:
            if self._embed is None:
                raise UsageError("These inputs came without an encoder; pass `embed=` to Inputs.")
            self._embeddings = self._embed(self)
        return self._embeddings

    def take(self, positions: Rows) -> Inputs:
        """Gives the inputs at these positions; embeddings already computed are kept."""
        rows = None if self.rows is None else self.rows[positions]
        part = Inputs(
            (lambda: [self.texts[int(i)] for i in positions])
            if rows is not None
            else [self.texts[int(i)] for i in positions],
            rows=rows,
            embed=self._embed,
        )
        if self._embeddings is not None:
            part._embeddings = self._embeddings[positions]
        return part


class Texts:
    """A corpus in memory, for experiments and tests. Repeated texts count one by one, as in the paper."""

    def __init__(self, texts: Sequence[Text], *, collapse_duplicates: bool = False) -> None:
        self._texts = texts
        self._copies: dict[Text, list[int]] = {}
        if collapse_duplicates:
            for row, text in enumerate(texts):
                self._copies.setdefault(text, []).append(row)

    def __len__(self) -> int:
        return len(self._texts)

    def texts(self, rows: Rows) -> list[Text]:
        return [self._texts[row] for row in rows.tolist()]

    def duplicates(self, rows: Rows) -> Rows:
        if not self._copies:
            return NO_ROWS
        copies = {c for row in rows.tolist() for c in self._copies[self._texts[row]]}
        return as_rows(sorted(copies - set(rows.tolist())))


class Pool:
    """A corpus and the labels known so far.

    Args:
        corpus: texts by row.
        reference: rows kept aside at import (audit, stability, drift); never drawn.

    Attributes:
        labeled: rows with a label, sorted; read-only.
        labels: aligned with `labeled`.
        closed: rows that are never drawn though they hold no label: queued, reserved, skipped, the
            reference sample, exact duplicates of these and of labeled texts; sorted, read-only.
    """

    def __init__(self, corpus: Corpus, *, reference: Rows | Sequence[int] = NO_ROWS) -> None:
        self.corpus = corpus
        self.reference = frozen(as_rows(reference))
        self._labels: dict[int, int] = {}
        self._closed: set[int] = set()
        self._copies: set[int] = set()
        self._arrays: tuple[Rows, Labels, Rows, Rows] | None = None
        if len(self.reference):
            self.close(self.reference)

    def __len__(self) -> int:
        return len(self.corpus)

    def texts(self, rows: Rows) -> list[Text]:
        return self.corpus.texts(rows)

    @property
    def labeled(self) -> Rows:
        return self._known[0]

    @property
    def labels(self) -> Labels:
        return self._known[1]

    @property
    def closed(self) -> Rows:
        return self._known[2]

    @property
    def size(self) -> int:
        """Number of open rows."""
        return len(self) - len(self._known[3])

    def teach(self, rows: Sequence[int] | Rows, labels: Sequence[int] | Labels) -> None:
        """Records labels, corrects them, or takes them back (`UNLABELED`). Exact duplicates close with them."""
        rows, labels = as_rows(rows), as_rows(labels)
        if len(rows) != len(labels):
            raise UsageError(f"{len(rows)} rows came with {len(labels)} labels: give one label for each row.")
        self._check(rows)
        for row, label in zip(rows.tolist(), labels.tolist(), strict=True):
            if label == UNLABELED:
                self._labels.pop(row, None)
            else:
                self._labels[row] = label
        if (labels == UNLABELED).any():
            known = as_rows([*self._labels, *self._closed])
            self._copies = set(self.corpus.duplicates(known).tolist()) if len(known) else set()
        else:
            self._copies.update(self.corpus.duplicates(rows).tolist())
        self._arrays = None

    def close(self, rows: Sequence[int] | Rows) -> None:
        """Takes rows, and exact duplicates of them, out of what can be drawn."""
        rows = as_rows(rows)
        self._check(rows)
        self._closed.update(rows.tolist())
        self._copies.update(self.corpus.duplicates(rows).tolist())
        self._arrays = None

    def draw(self, n: int, rng: Generator) -> Rows:
        """Gives min(n, size) open rows, uniform, without replacement, sorted, in O(n + labeled + closed)."""
        taken = self._known[3]
        n = min(n, self.size)
        ranks = np.sort(rng.choice(self.size, size=n, replace=False, shuffle=False)) if n else NO_ROWS
        return self._open(ranks, taken)

    def blocks(self, size: int = 4096) -> Iterator[Rows]:
        """Gives all open rows in ascending blocks of `size`."""
        taken, n = self._known[3], self.size
        for start in range(0, n, size):
            yield self._open(np.arange(start, min(start + size, n), dtype=np.int64), taken)

    def is_open(self, rows: Rows) -> bool:
        """Whether every one of these rows can be asked about."""
        inside = bool(((rows >= 0) & (rows < len(self))).all())
        return inside and not bool(np.isin(rows, self._known[3], assume_unique=False).any())

    @staticmethod
    def _open(ranks: Rows, taken: Rows) -> Rows:
        # The k-th open row is k plus the number of taken rows before it; taken[i] - i open rows lie before
        # the i-th taken one, so a binary search counts them.
        before = np.searchsorted(taken - np.arange(len(taken)), ranks, side="right")
        return np.asarray(ranks + before, np.int64)

    @property
    def _known(self) -> tuple[Rows, Labels, Rows, Rows]:
        if self._arrays is None:
            labeled = as_rows(sorted(self._labels))
            labels = as_rows([self._labels[row] for row in labeled.tolist()])
            closed = as_rows(sorted((self._closed | self._copies) - self._labels.keys()))
            taken = np.union1d(labeled, closed)
            self._arrays = (frozen(labeled), frozen(labels), frozen(closed), frozen(taken))
        return self._arrays

    def _check(self, rows: Rows) -> None:
        if len(rows) and (rows.min() < 0 or rows.max() >= len(self)):
            bad = rows[(rows < 0) | (rows >= len(self))][0]
            raise UsageError(f"Row {bad} is not in this pool of {len(self)} rows (0 to {len(self) - 1}).")
