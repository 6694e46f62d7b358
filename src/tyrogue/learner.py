"""The loop, one step at a time; the caller owns it.

learner.query(50) -> ask somebody -> learner.teach(rows, labels) -> learner.fit() -> again
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tyrogue.errors import PoolExhausted, UsageError
from tyrogue.pool import Inputs, Pool, as_rows
from tyrogue.protocols import Classifier, Strategy, View
from tyrogue.strategies.random import Random
from tyrogue.types import FitReport, Floats, Labels, Rows, Selection
from tyrogue.view import Embedder, Mode, PoolView


def rng_of(seed: int, round: int, purpose: int = 0) -> Generator:
    """Gives the generator of one round: a restart draws what it drew before, whatever happened between."""
    return np.random.default_rng([seed, round, purpose])


def usable(strategy: Strategy, view: View) -> Strategy:
    """Gives the strategy, or Random when there is no model yet and it cannot do without: decided here, nowhere else."""
    return strategy if view.fitted or strategy.cold_start else Random()


class Learner:
    """Teaches a model from the rows that a strategy asks about.

    Args:
        pool: texts and the labels known so far.
        strategy: the acquisition function.
        model: makes a fresh model; called once for each fit.
        embedder: the frozen encoder with its cache.
        n_classes: number of classes.
        mode: what clusters are made of: frozen embeddings (`cached`) or the model's own (`current`).
        seed: of everything drawn here.
        continue_training: fit from the last model, as the paper does, instead of afresh.
    """

    def __init__(
        self,
        pool: Pool,
        strategy: Strategy,
        model: Callable[[], Classifier],
        embedder: Embedder,
        *,
        n_classes: int,
        mode: Mode = "cached",
        seed: int = 0,
        continue_training: bool = False,
    ) -> None:
        self.pool, self.strategy, self.embedder, self.mode = pool, strategy, embedder, mode
        self.n_classes, self.seed, self.continue_training = n_classes, seed, continue_training
        self.round = 0
        self._make = model
        self.model: Classifier = model()
        self._before: dict[int, Floats] = {}
        self.last_view: PoolView | None = None

    def view(self) -> PoolView:
        """Gives what the strategy may know in the current round."""
        unknown = np.full(self.n_classes, np.nan, np.float32)
        before = np.array([self._before.get(row, unknown) for row in self.pool.labeled.tolist()], np.float32)
        return PoolView(
            self.pool,
            self.model,
            self.embedder,
            n_classes=self.n_classes,
            mode=self.mode,
            round=self.round,
            before=before.reshape(-1, self.n_classes),
        )

    def query(self, n: int) -> Selection:
        """Gives the next rows to label, best first; at least min(n, open rows) of them.

        Raises:
            UsageError: n is not positive, or the strategy broke its contract.
            PoolExhausted: no row is open.
        """
        if n < 1:
            raise UsageError(f"A batch of {n} was asked for; it takes at least 1.")
        if self.pool.size == 0:
            raise PoolExhausted(f"All {len(self.pool)} rows are labeled or closed. Import more texts to go on.")
        view = self.view()
        strategy = usable(self.strategy, view)
        n = min(n, view.size)
        selection = strategy.query(view, n, rng_of(self.seed, self.round))
        _check(selection, self.pool, n, strategy)
        self._remember_before(view, selection.rows[:n])
        self.last_view = view
        return selection

    def teach(self, rows: Sequence[int] | Rows, labels: Sequence[int] | Labels) -> None:
        """Records labels; parts of a batch, corrections and `UNLABELED` (undo) are fine."""
        labels = as_rows(labels)
        if len(labels) and labels.max() >= self.n_classes:
            raise UsageError(
                f"Label {labels.max()} is not one of the {self.n_classes} classes (0 to {self.n_classes - 1})."
            )
        self.pool.teach(rows, labels)

    def fit(self) -> FitReport:
        """Fits the model on all labels and opens the next round."""
        if not len(self.pool.labeled):
            raise UsageError("There are no labels to fit on: teach some first.")
        fresh = self._make()
        report = fresh.fit(
            self.inputs(self.pool.labeled),
            self.pool.labels,
            seed=self.fit_seed(self.round),
            start=self.model if self.continue_training and self.model.fitted else None,
        )
        self.model = fresh
        self.round += 1
        return report

    def fit_seed(self, round: int) -> int:
        """Gives the seed of a round's fit: of the order of the texts, and of what is initialised at random."""
        return int(rng_of(self.seed, round, purpose=1).integers(2**31))

    def predicted(self, rows: Rows) -> NDArray[np.bool_]:
        """Gives (n,) whether the strategy had seen a row's probabilities when it asked for its label."""
        return np.array([row in self._before for row in rows.tolist()], bool)

    def repeat(self, rows: Rows, labels: Labels, predicted: Rows) -> FitReport:
        """Does a recorded round again, without its query: what was said of `predicted`, the labels, the fit."""
        if len(predicted):
            for row, p in zip(predicted.tolist(), self.view().probabilities(predicted), strict=True):
                self._before[row] = p
        self.teach(rows, labels)
        return self.fit()

    def inputs(self, rows: Rows) -> Inputs:
        """Gives rows of the pool as a model takes them."""
        return Inputs(lambda: self.pool.texts(rows), rows=rows, embed=self.embedder.embed)

    def _remember_before(self, view: PoolView, rows: Rows) -> None:
        # Only what the strategy has looked at anyway: knowing it must not cost a forward pass.
        known = rows[np.isin(rows, view._inferred.rows)] if view.fitted else rows[:0]
        if len(known):
            for row, p in zip(known.tolist(), view.probabilities(known), strict=True):
                self._before[row] = p


def _check(selection: Selection, pool: Pool, n: int, strategy: Strategy) -> None:
    rows, name = selection.rows, type(strategy).__name__
    if rows.dtype != np.int64 or len(rows) < n:
        raise UsageError(f"{name} gave {len(rows)} rows of {rows.dtype}; {n} of int64 were asked for.")
    if len(np.unique(rows)) != len(rows):
        raise UsageError(f"{name} named a row twice.")
    if not pool.is_open(rows):
        raise UsageError(f"{name} named a row that is labeled or closed.")
    lengths = {len(selection.score), *(len(fact) for fact in selection.facts.values())}
    if lengths != {len(rows)}:
        raise UsageError(f"{name} gave {len(rows)} rows, but scores or facts of lengths {sorted(lengths)}.")
