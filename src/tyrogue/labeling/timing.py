"""When to train: a model is worth most when it is there for the first text of the next batch."""

from __future__ import annotations

import time

import numpy as np

from tyrogue.labeling import tiers
from tyrogue.labeling.known import Known
from tyrogue.labeling.lessons import knows_checks
from tyrogue.labeling.plan import Plan
from tyrogue.store import Model, Store

INSTANT = "linear"
"""The model that answers in milliseconds, until the first one of the plan is there."""
FIRST_LABELS = 10
"""With fewer labels nothing is trained: the first batch covers the pool, it does not doubt it."""
IDLE_SECONDS = 20.0
"""After so long without a label, those that wait are trained on."""
GUESS_SECONDS = {"linear": 0.5, "transformer": 20.0}
"""Training time assumed before any was measured."""
RETRY_SECONDS = (10.0, 60.0, 300.0)
"""Pauses after the first, second, ... fit in a row that failed; a new label ends the first ones early."""


class Timing:
    """Says when a fit is due, and of which kind of model."""

    def __init__(self, store: Store, known: Known) -> None:
        self.store, self.known = store, known
        self._in_time_for: int | None = None
        self._failures, self._failed_at, self._retry_at = 0, -1, 0.0

    def kind(self, plan: Plan) -> str:
        """Gives the kind of model that shall be in charge: the plan's, or what the labels say is better."""
        return tiers.kind(self.store) if plan.model == "auto" else plan.model

    def news(self, current: Model | None) -> bool:
        """Whether there is anything that the model in charge does not know, or knows and shall not."""
        learned = 0 if current is None else current.journal_position
        return self.store.journal_position() != learned or self._promotion_changed(current)

    def due(self, plan: Plan, current: Model | None) -> str | None:
        """Gives the kind of model to train now, or None.

        Args:
            current: the model in charge.
        """
        if not self.news(current) or self._resting():
            return None
        rows, ids = self.known.labels()
        if len(rows) < FIRST_LABELS or len(np.unique(ids)) < 2:
            return None
        kind = self.kind(plan)
        if self._promotion_changed(current):
            return kind
        if current is None:
            return INSTANT if len(rows) < plan.batch - plan.audited else kind
        return kind if self._time_has_come(plan, kind, len(rows) - current.labels) else None

    def started(self, kind: str) -> None:
        """Takes note of the batch that a fit which starts now is in time for: it is not due again for the same."""
        self._in_time_for = self._batch_that_ends_with_it(kind)

    def failed(self, position: int) -> None:
        """Takes note that a fit on the labels up to this position in the journal failed: the next one waits."""
        pause = RETRY_SECONDS[min(self._failures, len(RETRY_SECONDS) - 1)]
        self._failures, self._failed_at, self._retry_at = self._failures + 1, position, time.monotonic() + pause
        self._in_time_for = None

    def succeeded(self) -> None:
        """Takes note that a fit went well."""
        self._failures = 0

    def _promotion_changed(self, current: Model | None) -> bool:
        """Whether the model in charge was trained with the checks and shall not be, or the other way round."""
        return current is not None and knows_checks(current) != self.known.promoted()

    def _resting(self) -> bool:
        """Whether the last fit failed and it is too early for another."""
        if not self._failures or time.monotonic() >= self._retry_at:
            return False
        return self.store.journal_position() == self._failed_at or self._failures >= len(RETRY_SECONDS)

    def _time_has_come(self, plan: Plan, kind: str, fresh: int) -> bool:
        """Whether labels wait to be learned, and there is no better moment for it ahead."""
        labeled = self.store.current_round()
        # Of what was queued: the last batch of a pool is smaller than a batch.
        answered, queued = (labeled.answered, labeled.queued) if labeled is not None else (0, 0)
        overdue = fresh - answered >= (plan.batch - plan.audited) / 2  # of batches that are over
        over = overdue or answered >= queued
        if not plan.ahead:
            return over or not len(self.store.queued_rows())
        if over:
            return True
        ending = self._batch_that_ends_with_it(kind)
        if ending not in (None, self._in_time_for) and fresh >= min(FIRST_LABELS, plan.batch // 2):
            return True
        return (self.store.seconds_since_decision() or 0.0) > IDLE_SECONDS

    def _batch_that_ends_with_it(self, kind: str) -> int | None:
        """Gives the round of which people will have taken the last text by the time that a training is over, or None.

        The new model is then there when the first text of the next batch is handed out, and chooses all of it; texts
        that wait in somebody's hands are taken. Counted from the labels that the last model had, the fits would drift
        against the batches, and come when one is half shown.
        """
        batch = self.store.current_round(unshown=True)
        if batch is None:
            return None
        pace = self.store.pace() or 3.0
        return batch.number if (batch.queued - batch.shown) * pace <= self.expected_seconds(kind) else None

    def expected_seconds(self, kind: str) -> float:
        """Gives how long a fit will take, from the last ones."""
        known = [m.train_seconds for m in self.store.models() if m.kind == kind]
        return float(np.median(known[-3:])) * 1.2 if known else GUESS_SECONDS.get(kind, 30.0)
