"""When to train, and what comes of it: a fit runs in a thread, so that the queue is kept filled meanwhile."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tyrogue import models
from tyrogue.backbone import use_free_threads
from tyrogue.corpus.project import Project
from tyrogue.encoders.cache import CachedEncoder
from tyrogue.errors import CorruptModel, TyrogueError
from tyrogue.labeling import quality
from tyrogue.labeling.plan import Plan
from tyrogue.learner import rng_of
from tyrogue.pool import Inputs
from tyrogue.protocols import Classifier
from tyrogue.store import KINDS, Store
from tyrogue.types import UNLABELED, FitReport, Labels, Rows

INSTANT = "linear"
"""The model that answers in milliseconds, until the first one of the plan is there."""
FIRST_LABELS = 10
"""With fewer labels nothing is trained: the first batch covers the pool, it does not doubt it."""
IDLE_SECONDS = 20.0
"""After so long without a label, those that wait are trained on."""
GUESS_SECONDS = {"linear": 0.5, "transformer": 40.0}
"""Training time assumed before any was measured."""
KEPT_MODELS = 3
TRAINED_ON = tuple(kind for kind in KINDS if kind != "reference")
"""Labels of the reference sample judge models; no model learns from them."""


class Publication(NamedTuple):
    """A model that has been saved and registered."""

    model: Classifier
    version: str
    class_ids: tuple[int, ...]


@dataclass(frozen=True)
class Lesson:
    """What one fit is given: fixed when it starts, whatever is labeled meanwhile."""

    kind: str
    rows: Rows
    labels: Labels
    class_ids: tuple[int, ...]
    journal_position: int
    round: int
    number: int


class Fitter:
    """Decides when a fit starts, runs it beside the pipeline and publishes the model.

    Attributes:
        model: the current model, or None.
        version: its version, "" when there is none.
        class_ids: class ids in the order of its columns.
    """

    def __init__(self, project: Project, store: Store, encoder: CachedEncoder, *, say: Callable[..., None]) -> None:
        self.project, self.store, self.encoder, self._say = project, store, encoder, say
        self.model: Classifier | None = None
        self.version = ""
        self.class_ids: tuple[int, ...] = store.class_index()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fit")
        self._running: Future[Publication] | None = None
        self._failed_at = -1
        self._wanted = True
        self._load_current()

    def close(self) -> None:
        """Waits for nothing: a fit that is under way is repeated after the next start."""
        self._wanted = False
        self._thread.shutdown(wait=False, cancel_futures=True)

    @property
    def busy(self) -> bool:
        """Whether a fit runs or its model has not been taken yet."""
        return self._running is not None

    @property
    def finished(self) -> bool:
        """Whether a model waits to be taken."""
        return self._running is not None and self._running.done()

    def train_now(self, plan: Plan) -> None:
        """Starts a fit on whatever is new, without waiting for a batch to be full."""
        current = self.store.current_model()
        _, labels = self.training_labels()
        new = self.store.journal_position() != (current.journal_position if current else 0)
        if self._running is None and new and len(np.unique(labels)) > 1:
            self._start_fit(plan.model, plan)

    def training_labels(self) -> tuple[Rows, Labels]:
        """Gives rows and class positions that models may train on: everything but the reference sample."""
        rows, ids = self.store.labels(kinds=TRAINED_ON)
        return rows, self._positions(ids, self.class_ids)

    def take(self) -> Publication | None:
        """Gives the model that has just been finished, once, and makes it the current one.

        Raises:
            TyrogueError: training failed; the model before stays in charge.
        """
        if self._running is None or not self._running.done():
            return None
        finished, self._running = self._running, None
        published = finished.result()
        self.model, self.version, self.class_ids = published
        return published

    def step(self, plan: Plan) -> bool:
        """Starts a fit when the time has come; whether it did."""
        if self._running is not None:
            return False
        kind = self._due(plan)
        if kind is None:
            return False
        self._start_fit(kind, plan)
        return True

    def _start_fit(self, kind: str, plan: Plan) -> None:
        lesson = self._lesson(kind)
        self._failed_at = lesson.journal_position  # until it succeeds: not again before something is new
        self._say("training", f"Training on {len(lesson.rows)} labels", 0.0)
        self._running = self._thread.submit(self._fit, lesson, plan)

    def _due(self, plan: Plan) -> str | None:
        """Gives the kind of model to train now, or None."""
        position = self.store.journal_position()
        current = self.store.current_model()
        if position == (current.journal_position if current else 0) or position == self._failed_at:
            return None
        rows, labels = self.training_labels()
        if len(rows) < FIRST_LABELS or len(np.unique(labels)) < 2:
            return None
        if self.model is None:
            return INSTANT if len(rows) < plan.batch - plan.audited else plan.model
        fresh = len(rows) - (current.labels if current else 0)
        wanted = plan.batch - plan.audited if current is None or current.kind == plan.model else 0
        if current is not None and current.kind != plan.model:
            wanted = max(plan.batch - plan.audited - current.labels, 1)
        return plan.model if self._time_has_come(plan, max(wanted - fresh, 0), fresh) else None

    def _time_has_come(self, plan: Plan, missing: int, fresh: int) -> bool:
        """Whether the labels still missing take no longer than the training will."""
        pace = self.store.pace() or 3.0
        if missing * pace <= self._expected_seconds(plan.model):
            return fresh >= min(FIRST_LABELS, plan.batch // 2) or missing == 0
        return (self.store.seconds_since_decision() or 0.0) > IDLE_SECONDS

    def _expected_seconds(self, kind: str) -> float:
        known = [m.train_seconds for m in self.store.models() if m.kind == kind]
        return float(np.median(known[-3:])) * 1.2 if known else GUESS_SECONDS.get(kind, 30.0)

    def _lesson(self, kind: str) -> Lesson:
        position = self.store.journal_position()
        class_ids = self.store.class_index()
        rows, ids = self.store.labels(kinds=TRAINED_ON)
        last = self.store.last_round()
        number = len(self.store.models()) + 1
        labels = self._positions(ids, class_ids)
        known = labels != UNLABELED
        return Lesson(kind, rows[known], labels[known], class_ids, position, last.number if last else 0, number)

    def _fit(self, lesson: Lesson, plan: Plan) -> Publication:
        started = time.perf_counter()
        use_free_threads()
        model = self._make(lesson.kind, len(lesson.class_ids), plan)
        inputs = self._inputs(lesson.rows)
        report = model.fit(
            inputs,
            lesson.labels,
            seed=int(rng_of(plan.seed, lesson.number, 1).integers(2**31)),
            start=self._start(plan, lesson),
        )
        return self._publish(model, lesson, plan, report, time.perf_counter() - started)

    def _make(self, kind: str, n_classes: int, plan: Plan) -> Classifier:
        return models.create(
            kind,
            n_classes=n_classes,
            embedder=self.encoder,
            checkpoint=plan.checkpoint,
            recipe=plan.recipe,
            max_length=plan.max_length,
        )

    def _start(self, plan: Plan, lesson: Lesson) -> Classifier | None:
        same = self.model is not None and self.class_ids == lesson.class_ids
        continues = models.RECIPES[plan.recipe].continues and lesson.kind == "transformer"
        return self.model if same and continues and type(self.model).__name__ == "TransformerClassifier" else None

    def _publish(self, model: Classifier, lesson: Lesson, plan: Plan, report: FitReport, seconds: float) -> Publication:
        version = f"m{lesson.number}"
        folder = self.project.models_dir / version
        model.save(folder)
        self.store.add_model(
            version,
            kind=lesson.kind,
            path=str(folder.relative_to(self.project.path)),
            round=lesson.round,
            labels=len(lesson.rows),
            train_seconds=seconds,
            journal_position=lesson.journal_position,
            class_ids=lesson.class_ids,
            metrics={"steps": report.steps} | quality.audit(self.store, model, self._inputs, lesson.class_ids),
        )
        self._thread.submit(self._measure, model, lesson, version)
        self._forget_old_models()
        return Publication(model, version, lesson.class_ids)

    def _measure(self, model: Classifier, lesson: Lesson, version: str) -> None:
        """Adds a point to the learning curve; labeling never waits for it."""
        if self._wanted:
            point = quality.curve_point(self.project, model, lesson, self._inputs, self.encoder, self.store)
            if point is not None:
                self.store.set(f"curve/{version}", point)

    def _inputs(self, rows: Rows) -> Inputs:
        return Inputs(lambda: self.project.corpus.texts(rows), rows=rows, embed=self.encoder.embed)

    @staticmethod
    def _positions(ids: Labels, class_ids: tuple[int, ...]) -> Labels:
        where = {class_id: position for position, class_id in enumerate(class_ids)}
        return np.array([where.get(int(class_id), UNLABELED) for class_id in ids], np.int64)

    def _load_current(self) -> None:
        """Takes up the newest model that can be read: a file that was damaged costs a training, not the session."""
        for known in reversed(self.store.models()):
            try:
                self.model = models.load(self.project.path / known.path, embedder=self.encoder)
            except (CorruptModel, FileNotFoundError):
                continue
            self.version, self.class_ids = known.version, tuple(known.class_ids)
            return

    def _forget_old_models(self) -> None:
        for old in self.store.models()[:-KEPT_MODELS]:
            shutil.rmtree(self.project.path / old.path, ignore_errors=True)


__all__ = ["Fitter", "Lesson", "Publication", "TyrogueError"]
