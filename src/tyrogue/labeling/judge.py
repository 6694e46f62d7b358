"""The judge: asks each new model about a fixed random sample, when nothing else is to do, and writes the report."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np

from tyrogue import ops, stopping
from tyrogue.corpus.project import Project
from tyrogue.errors import FitStopped
from tyrogue.labeling import report
from tyrogue.labeling.checks import SAMPLE, order_of
from tyrogue.labeling.fitting import Fitter
from tyrogue.labeling.lessons import knows_checks
from tyrogue.labeling.plan import Plan
from tyrogue.labeling.reviewing import VECTORS
from tyrogue.labeling.tiers import Tiers
from tyrogue.store import Store
from tyrogue.types import UNLABELED, Floats, Labels, Rows

SLICE = 32
"""Texts that pass through the model between two looks at what else there is to do."""
FOLDS = 5
OVERDUE_SECONDS = 30.0
"""After so long without a report, one is written although a fit is under way."""


class Judge:
    """Says how good the model in charge is, whenever that has changed.

    Args:
        project, store: whose texts, and where the report goes.
        fitter: has the model in charge.
    """

    def __init__(self, project: Project, store: Store, fitter: Fitter) -> None:
        self.project, self.store, self.fitter = project, store, fitter
        self._seed = Plan.of(project.settings, {}).seed
        self._asked: tuple[str, list[Floats]] = "", []
        self._folds, self._tiers = Folds(store, fitter), Tiers(store, fitter)
        self._reporter = report.Reporter(project, store, fitter.known)
        self._failed = ""
        self._done: tuple[object, ...] = ()
        self._written = time.monotonic()

    @property
    def overdue(self) -> bool:
        """Whether the last report was written long ago."""
        return time.monotonic() - self._written > OVERDUE_SECONDS

    def step(self, plan: Plan, *, unless: Callable[[], bool]) -> bool:
        """Does a part of what is left to do; False when there is nothing, or nothing that can be done now.

        Args:
            unless: whether there is something else to do.
        """
        record = self.fitter.record
        if record is None or self._failed == record.version:
            return False
        try:
            return self._step(plan, unless)
        except Exception:  # a report less; what is wrong with the model is said where it matters, at the batch itself
            traceback.print_exc()
            self._failed = record.version
            return True

    def _step(self, plan: Plan, unless: Callable[[], bool]) -> bool:
        version = self.fitter.version
        if not self._reporter.asked(version):
            return self._ask(version, unless)
        if self.fitter.record is not None and knows_checks(self.fitter.record):
            self._folds.step(plan)
        self._tiers.step(plan)
        now = (version, self.store.journal_position(), self.fitter.known.promoted(), self._folds.done, self._measured())
        if now == self._done:
            return False
        if (place := self.fitter.encoder.place) is not None and self.store.get(VECTORS) != place.name:
            self.store.set(VECTORS, place.name)
        self._reporter.write(version)
        self._done, self._written = now, time.monotonic()
        return True

    def _measured(self) -> tuple[bool, int]:
        told = self.store.settings([f"curve/{self.fitter.version}", "suspects"])
        return f"curve/{self.fitter.version}" in told, int((told.get("suspects") or {}).get("journal", -1))

    def _ask(self, version: str, unless: Callable[[], bool]) -> bool:
        """Asks the model about the sample, slice by slice; what was answered is kept when something comes up."""
        rows = order_of(self.project.corpus.reference, self._seed)[:SAMPLE]
        if self._asked[0] != version:
            self._asked = version, []
        answered = self._asked[1]
        model = self.fitter.model
        if model is None:
            return False
        while len(answered) * SLICE < len(rows):
            start = len(answered) * SLICE
            answered.append(ops.finite(model.infer(self.fitter.inputs(rows[start : start + SLICE])).logits, "logits"))
            if unless():
                return True
        logits = np.concatenate([*answered, np.empty((0, len(self.fitter.class_ids)), np.float32)])
        predicted = np.array(self.fitter.class_ids, np.int64)[logits.argmax(1)]
        self._reporter.note(version, rows, predicted, stopping.uncertainty(logits))
        self._asked = "", []
        return True


class Folds:
    """Scores promoted checks with models that were trained without them: a fifth at a time, in the fits' thread.

    Args:
        store: where the answers go.
        fitter: trains.
    """

    def __init__(self, store: Store, fitter: Fitter) -> None:
        self.store, self.fitter = store, fitter
        self._running: Future[None] | None = None
        self._answers: tuple[str, dict[int, int]] = "", {}
        self._fold = 0
        told = store.get(report.CROSS_FITTED_KEY) or {}
        self.done: str = told.get("version", "")
        """Version of the model for which all is known."""

    def step(self, plan: Plan) -> None:
        """Starts the next fold when the thread is free, and nothing is to be trained for the next batch."""
        version = self.fitter.version
        if self._running is not None and self._running.done():
            running, self._running = self._running, None
            running.result()
        if self.done == version or self._running is not None or self.fitter.busy:
            return
        if self._answers[0] != version:
            self._answers, self._fold = (version, {}), 0
        self._running = self.fitter.aside(lambda: self._score(version, plan))

    def _score(self, version: str, plan: Plan) -> None:
        rows, labels, checks = self._lesson()
        fold, answers = self._fold, self._answers[1]
        held = np.isin(rows, checks[np.arange(len(checks)) % FOLDS == fold])
        ids = self.fitter.class_ids
        if held.any() and len(np.unique(labels[~held])) > 1:
            kind = self.fitter.record.kind if self.fitter.record is not None else self.fitter.timing.kind(plan)
            model = self.fitter.make(kind, len(ids), plan, stop=lambda: self.fitter.hurried)
            try:
                model.fit(self.fitter.inputs(rows[~held]), labels[~held], seed=fold)
            except FitStopped:
                return  # something is to be learned for the next batch: this fold is for later
            said = model.infer(self.fitter.inputs(rows[held])).logits.argmax(1)
            answers |= {row: ids[place] for row, place in zip(rows[held].tolist(), said.tolist(), strict=True)}
        self._fold = fold + 1
        if self._fold == FOLDS:
            told = {"version": version, "rows": list(answers), "predicted": list(answers.values())}
            self.store.set(report.CROSS_FITTED_KEY, told)
            self.done = version

    def _lesson(self) -> tuple[Rows, Labels, Rows]:
        """Gives rows, class positions, and the checks among them in a random order that never changes."""
        rows, labels = self.fitter.training_labels()
        known = labels != UNLABELED
        rows, labels = rows[known], labels[known]
        checks = np.intersect1d(rows, self.fitter.known.checks()[0])
        return rows, labels, order_of(checks, 0)
