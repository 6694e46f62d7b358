"""Which kind of model answers, and at what temperature: judged on labels that the models were not trained on.

The linear model is there at once and the transformer is mostly better, but not on every task with few labels. When
nothing else is to do, both are trained without a third of the labels, three times over; the better log-loss on what was
held out decides which is trained next. Test data have no say.
"""

from __future__ import annotations

import traceback
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tyrogue.errors import FitStopped
from tyrogue.models import crossfit, logistic
from tyrogue.store import Store
from tyrogue.types import UNLABELED, Labels, Rows

if TYPE_CHECKING:
    from tyrogue.labeling.fitting import Fitter
    from tyrogue.labeling.plan import Plan

TIERS = "tiers"
KINDS = ("transformer", "linear")
FEWEST = 50
"""Labels below which nothing is compared."""
GROWN = 1.4
"""It is compared again when there are so many times the labels."""

Json = dict[str, Any]


def kind(store: Store) -> str:
    """Gives the kind of model with the lower held-out log-loss; the transformer until both were compared."""
    told: Json = store.get(TIERS) or {}
    losses = told.get("log_loss", {})
    return min(KINDS, key=lambda name: losses.get(name, np.inf)) if losses else KINDS[0]


def temperature(store: Store) -> float:
    """Gives what the transformer's logits are to be divided by; 1 until it was found."""
    told: Json = store.get(TIERS) or {}
    return float(told.get("temperature", 1.0))


class Tiers:
    """Compares the kinds of models, a fold at a time, in the fits' thread.

    Args:
        store: where the verdict goes.
        fitter: trains.
    """

    def __init__(self, store: Store, fitter: Fitter) -> None:
        self.store, self.fitter = store, fitter
        self._running: Future[None] | None = None
        self._labels = int((store.get(TIERS) or {}).get("labels", 0))
        self._lesson: tuple[Rows, Labels, NDArray[np.int64]] | None = None
        self._class_ids: tuple[int, ...] = ()
        """What the labels of the lesson count, in the order of the columns."""
        self._logits: dict[str, NDArray[np.float64]] = {}
        self._fold = 0

    def step(self, plan: Plan) -> None:
        """Starts the next fold when the thread is free, and nothing is to be trained for the next batch."""
        if self._running is not None and self._running.done():
            running, self._running = self._running, None
            self._take(running)
        if plan.model == "linear" or plan.recipe == "paper" or self._running is not None or self.fitter.busy:
            return
        if self._lesson is None and not self._begin():
            return
        self._running = self.fitter.aside(lambda: self._score(plan))

    def _take(self, done: Future[None]) -> None:
        """Gives up what failed, until there are more labels: nobody waits for a comparison."""
        try:
            done.result()
        except Exception:  # whatever it was (memory, a loss that diverged): the model in charge is as good as before
            traceback.print_exc()
            self._labels, self._lesson = len(self._lesson[0]) if self._lesson else self._labels, None

    def _begin(self) -> bool:
        """Takes the labels there are, if there are enough more than the last time."""
        rows, labels = self.fitter.training_labels()
        rows, labels = rows[labels != UNLABELED], labels[labels != UNLABELED]
        if len(rows) < max(FEWEST, GROWN * self._labels) or np.bincount(labels).max() == len(labels):
            return False
        folds = logistic.stratified(labels, len(rows), crossfit.FOLDS)
        if folds is None:
            return False
        self._lesson, self._class_ids, self._fold = (rows, labels, folds), self.fitter.class_ids, 0
        self._logits = {name: np.zeros((len(rows), len(self._class_ids))) for name in KINDS}
        return True

    def _score(self, plan: Plan) -> None:
        if self._lesson is None:
            return
        if self.fitter.class_ids != self._class_ids:
            self._lesson = None  # a class came or went meanwhile: the labels are counted otherwise
            return
        (rows, labels, folds), n_classes = self._lesson, len(self._class_ids)
        held = folds == self._fold
        for name in KINDS:
            model = self.fitter.make(name, n_classes, plan, stop=lambda: self.fitter.hurried, temperature=1.0)
            try:
                model.fit(self.fitter.inputs(rows[~held]), labels[~held], seed=self._fold)
            except FitStopped:
                return  # something is to be learned for the next batch: this fold is for later
            self._logits[name][held] = model.infer(self.fitter.inputs(rows[held])).logits
        self._fold += 1
        if self._fold == crossfit.FOLDS:
            self._tell(labels)

    def _tell(self, labels: Labels) -> None:
        found = {name: crossfit.HeldOut.of(logits, labels) for name, logits in self._logits.items()}
        told: Json = {
            "labels": len(labels),
            "temperature": found["transformer"].temperature,
            "log_loss": {name: round(one.log_loss, 6) for name, one in found.items()},
            "accuracy": {name: float((self._logits[name].argmax(1) == labels).mean()) for name in KINDS},
        }
        self.store.set(TIERS, told)
        self._labels, self._lesson = len(labels), None
