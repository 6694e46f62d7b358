"""Training beside the pipeline: a fit runs in a thread, so that the queue is kept filled meanwhile."""

from __future__ import annotations

import shutil
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from tyrogue import models, ops
from tyrogue.backbone import use_free_threads
from tyrogue.corpus.project import Project
from tyrogue.encoders.cache import CachedEncoder
from tyrogue.labeling import quality, tiers
from tyrogue.labeling.known import Known
from tyrogue.labeling.lessons import Lesson, Publication, knows_checks
from tyrogue.labeling.plan import Plan
from tyrogue.labeling.timing import Timing
from tyrogue.learner import rng_of
from tyrogue.pool import Inputs
from tyrogue.protocols import Classifier
from tyrogue.store import Model, Store
from tyrogue.types import UNLABELED, FitReport, Labels, Rows

TRIED_ON_TEXTS = 32
"""Texts that a new model must give finite logits for before it is put in charge."""
KEPT_MODELS = 3


class Fitter:
    """Runs a fit when it is due and publishes the model.

    A fit that fails (out of memory, diverged, full disk) changes nothing: the model before stays in charge, `error`
    says what happened, and the fit is tried again when something is new or after a pause.

    Attributes:
        known: what was decided so far.
        timing: when a fit is due.
        model: the model in charge, or None.
        record: what the store knows of it.
        error: why the last fit failed; None as soon as one succeeds.
    """

    def __init__(self, project: Project, store: Store, encoder: CachedEncoder, *, say: Callable[..., None]) -> None:
        self.project, self.store, self.encoder, self._say = project, store, encoder, say
        self.known = Known(store)
        self.timing = Timing(store, self.known)
        self.model: Classifier | None = None
        self.record: Model | None = None
        self.error: str | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fit")
        self._running: Future[Publication] | None = None
        self._learning = 0
        self._wanted = True
        self._load_current()

    def close(self, *, patiently: bool = False) -> None:
        """Ends the thread; a fit that is under way is not waited for unless `patiently`: it is repeated after the
        next start."""
        self._wanted = False
        self._thread.shutdown(wait=patiently, cancel_futures=True)

    @property
    def version(self) -> str:
        """Of the model in charge; "" when there is none."""
        return "" if self.record is None else self.record.version

    @property
    def class_ids(self) -> tuple[int, ...]:
        """The classes in the order of the model's columns; without a model, those of the project now."""
        return self.store.class_index() if self.record is None else self.record.class_ids

    @property
    def busy(self) -> bool:
        """Whether a fit runs or its model has not been taken yet."""
        return self._running is not None

    @property
    def hurried(self) -> bool:
        """Whether what is done aside must make room: a fit waits, or the end has come."""
        return self.busy or not self._wanted

    @property
    def finished(self) -> bool:
        """Whether a model waits to be taken."""
        return self._running is not None and self._running.done()

    def train_now(self, plan: Plan) -> None:
        """Starts a fit on whatever is new, without waiting for a batch to be full."""
        _, ids = self.known.labels()
        if self._running is None and self.timing.news(self.record) and len(np.unique(ids)) > 1:
            self._start_fit(self.timing.kind(plan), plan)

    def training_labels(self) -> tuple[Rows, Labels]:
        """Gives rows and class positions that models may train on: everything but the reference sample.

        A class that the model in charge does not know yet is `UNLABELED`.
        """
        rows, ids = self.known.labels()
        return rows, self.positions(ids, self.class_ids)

    def take(self) -> Publication | None:
        """Gives the model that has just been finished, once, and puts it in charge; None when there is none, or when
        the fit failed."""
        if self._running is None or not self._running.done():
            return None
        finished, self._running = self._running, None
        try:
            published = finished.result()
        except Exception as error:  # whatever it was: the model before stays, labeling goes on, `error` says it
            self._note_failure(error)
            return None
        self.model, self.record = published
        self.error = None
        self.timing.succeeded()
        return published

    def reject(self, error: Exception) -> None:
        """Takes the model out of charge: it was put there, and cannot be used. The next fit replaces it."""
        self._note_failure(error)
        self.model = self.record = None

    def step(self, plan: Plan) -> bool:
        """Starts a fit when the time has come; whether it did."""
        if self._running is not None:
            return False
        kind = self.timing.due(plan, self.record)
        if kind is None:
            return False
        self.timing.started(kind)
        self._start_fit(kind, plan)
        return True

    def _start_fit(self, kind: str, plan: Plan) -> None:
        lesson = self._lesson(kind)
        self._learning = lesson.journal_position
        self._say("training", f"Training on {len(lesson.rows)} labels", 0.0)
        self._running = self._thread.submit(self._fit, lesson, plan)

    def _note_failure(self, error: Exception) -> None:
        traceback.print_exception(error)
        self.error = f"The model could not be trained ({type(error).__name__}): {error}"[:500]
        self.timing.failed(self._learning)

    def _lesson(self, kind: str) -> Lesson:
        position = self.store.journal_position()
        class_ids = self.store.class_index()
        rows, ids = self.known.labels()
        last = self.store.last_round()
        number = len(self.store.models()) + 1
        labels = self.positions(ids, class_ids)
        known = labels != UNLABELED
        round, promoted = last.number if last else 0, self.known.promoted()
        return Lesson(kind, rows[known], labels[known], class_ids, position, round, number, promoted)

    def _fit(self, lesson: Lesson, plan: Plan) -> Publication:
        started = time.perf_counter()
        use_free_threads()
        model = self.make(lesson.kind, len(lesson.class_ids), plan)
        inputs = self.inputs(lesson.rows)
        report = model.fit(
            inputs,
            lesson.labels,
            seed=int(rng_of(plan.seed, lesson.number, 1).integers(2**31)),
            start=self._start(plan, lesson),
        )
        if len(inputs):
            ops.finite(model.infer(inputs.take(np.arange(min(len(inputs), TRIED_ON_TEXTS)))).logits, "logits")
        return self._publish(model, lesson, plan, report, time.perf_counter() - started)

    def make(
        self,
        kind: str,
        n_classes: int,
        plan: Plan,
        *,
        stop: Callable[[], bool] | None = None,
        temperature: float | None = None,
    ) -> Classifier:
        """Gives an unfitted model as the plan wants it; its fit ends with FitStopped when `stop` says so.

        Args:
            temperature: of a transformer; what was found on held-out labels when None.
        """
        found = tiers.temperature(self.store) if temperature is None else temperature
        more: dict[str, Any] = {"temperature": found} if kind == "transformer" else {}
        return models.create(
            kind,
            n_classes=n_classes,
            embedder=self.encoder,
            checkpoint=plan.checkpoint,
            recipe=plan.recipe,
            max_length=plan.max_length,
            stop=stop,
            **more,
        )

    def _start(self, plan: Plan, lesson: Lesson) -> Classifier | None:
        same = self.model is not None and self.class_ids == lesson.class_ids
        if self.record is not None and knows_checks(self.record) and not lesson.promoted:
            return None  # what it goes on from must not have seen them either
        continues = models.RECIPES[plan.recipe].continues and lesson.kind == "transformer"
        return self.model if same and continues and type(self.model).__name__ == "TransformerClassifier" else None

    def _publish(self, model: Classifier, lesson: Lesson, plan: Plan, report: FitReport, seconds: float) -> Publication:
        version = f"m{lesson.number}"
        folder = self.project.models_dir / version
        model.save(folder)
        record = self.store.add_model(
            version,
            kind=lesson.kind,
            path=str(folder.relative_to(self.project.path)),
            round=lesson.round,
            labels=len(lesson.rows),
            train_seconds=seconds,
            journal_position=lesson.journal_position,
            class_ids=lesson.class_ids,
            metrics={"steps": report.steps, "promoted": lesson.promoted}
            | quality.audit(self.store, model, lesson, self.inputs, population=len(self.project.corpus)),
        )
        self._thread.submit(self._measure, model, lesson, version)
        self._forget_old_models()
        return Publication(model, record)

    def _measure(self, model: Classifier, lesson: Lesson, version: str) -> None:
        """Says how good the model is; labeling never waits for it."""
        if self._wanted:
            quality.measure(self.project, self.store, self.encoder, model, lesson, version)

    def aside(self, work: Callable[[], None]) -> Future[None]:
        """Does work in the thread of the fits, when none is under way; gives when it is done."""
        return self._thread.submit(work)

    def inputs(self, rows: Rows) -> Inputs:
        """Gives rows of the pool as a model takes them."""
        return Inputs(lambda: self.project.corpus.texts(rows), rows=rows, embed=self.encoder.embed)

    @staticmethod
    def positions(ids: Labels, class_ids: tuple[int, ...]) -> Labels:
        where = {class_id: position for position, class_id in enumerate(class_ids)}
        return np.array([where.get(int(class_id), UNLABELED) for class_id in ids], np.int64)

    def _load_current(self) -> None:
        """Takes up the newest model that can be read: a file that was damaged costs a training, not the session."""
        for known in reversed(self.store.models()[-KEPT_MODELS:]):
            try:
                self.model = models.load(self.project.path / known.path, embedder=self.encoder)
            except Exception as error:  # cut, gone, of another version of some library: it is trained again
                traceback.print_exception(error)
                continue
            self.record = known
            return

    def _forget_old_models(self) -> None:
        for old in self.store.models()[:-KEPT_MODELS]:
            shutil.rmtree(self.project.path / old.path, ignore_errors=True)
