"""How good the model is, said honestly: on texts that it was not trained on, or called what it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tyrogue import estimates, models, ops
from tyrogue.corpus.project import Project, is_project
from tyrogue.corpus.sqlite import SqliteCorpus
from tyrogue.labeling import suspects
from tyrogue.labeling.lessons import Lesson
from tyrogue.pool import Inputs
from tyrogue.protocols import Classifier
from tyrogue.store import Store
from tyrogue.types import UNLABELED, Floats, Labels, Rows
from tyrogue.view import Embedder

TEST = "test"
"""Folder of the project that holds the gold file."""
TEST_TEXTS = 1000
"""At most so many texts of the gold file are predicted for a point of the curve while people label."""
FOLDS = 5

InputsOf = Callable[[Rows], Inputs]


def test_corpus(project: Project) -> SqliteCorpus | None:
    """Gives the gold file that came with `--test`, or None."""
    place = project.path / TEST
    return Project.open(place).corpus if is_project(place) else None


def audit(store: Store, model: Classifier, lesson: Lesson, inputs_of: InputsOf, *, population: int) -> dict[str, Any]:
    """Gives the accuracy on the labeled part of the reference sample; nothing when the model was trained on it.

    Args:
        population: texts of the pool, of which the sample is a part.
    """
    rows, ids = store.labels(kinds=("reference",))
    if not len(rows) or lesson.promoted:
        return {}
    predicted = np.array(lesson.class_ids)[model.infer(inputs_of(rows)).logits.argmax(1)]
    told = estimates.share(int((predicted == ids).sum()), len(rows), population)
    return {} if told is None else {"audit": _audited(told)}


def measure(
    project: Project, store: Store, embedder: Embedder, model: Classifier, lesson: Lesson, version: str
) -> None:
    """Notes how good a new model is: a point of the learning curve, and labels that look like mistakes."""

    def inputs_of(rows: Rows) -> Inputs:
        return Inputs(lambda: project.corpus.texts(rows), rows=rows, embed=embedder.embed)

    out_of_fold = cross_validate(lesson.rows, lesson.labels, len(lesson.class_ids), inputs_of, embedder)
    point = curve_point(project, model, lesson, out_of_fold, embedder, store)
    if point is not None:
        store.set(f"curve/{version}", point)
    if out_of_fold is not None:
        suspects.publish(store, lesson, out_of_fold)


def _audited(told: estimates.Share) -> dict[str, Any]:
    return {"n": told.n, "correct": told.correct, "accuracy": told.value, "low": told.low, "high": told.high}


def curve_point(
    project: Project, model: Classifier, lesson: Lesson, out_of_fold: Floats | None, embedder: Embedder, store: Store
) -> dict[str, Any] | None:
    """Gives a point of the learning curve: on the gold file when there is one, else cross-validated."""
    test = test_corpus(project)
    if test is not None:
        names = {c.name: position for position, c in enumerate(_ordered(store, lesson.class_ids))}
        rows = np.arange(len(test), dtype=np.int64)
        if len(rows) > TEST_TEXTS:
            rows = np.sort(np.random.default_rng(0).choice(rows, TEST_TEXTS, replace=False))
        gold = np.array([names.get(name or "", UNLABELED) for name in test.gold(rows)], np.int64)
        inputs = Inputs(test.texts(rows[gold != UNLABELED]), embed=embedder.embed)
        predicted = model.infer(inputs).logits.argmax(1) if len(inputs) else np.empty(0, np.int64)
        return _point("test", lesson, gold[gold != UNLABELED], predicted)
    return None if out_of_fold is None else _point("cross-validated", lesson, lesson.labels, out_of_fold.argmax(1))


def cross_validate(
    rows: Rows, labels: Labels, n_classes: int, inputs_of: InputsOf, embedder: Embedder
) -> Floats | None:
    """Gives for each label the probabilities (n, C) of a linear model that was trained on the other folds; None for too
    few labels."""
    if len(rows) < 4 * FOLDS or len(np.unique(labels)) < 2:
        return None
    fold = np.random.default_rng(0).permutation(len(rows)) % FOLDS
    found = np.empty((len(rows), n_classes), np.float32)
    for held_out in range(FOLDS):
        model = models.create("linear", n_classes=n_classes, embedder=embedder)
        model.fit(inputs_of(rows[fold != held_out]), labels[fold != held_out], seed=0)
        found[fold == held_out] = ops.softmax(model.infer(inputs_of(rows[fold == held_out])).logits)
    return found


def _point(source: str, lesson: Lesson, gold: Labels, predicted: Labels) -> dict[str, Any]:
    from sklearn.metrics import accuracy_score, f1_score  # half a second that the first text must not wait for

    return {
        "source": source,
        "labels": len(lesson.rows),
        "kind": lesson.kind,
        "accuracy": float(accuracy_score(gold, predicted)),
        "value": float(f1_score(gold, predicted, average="macro", zero_division=0)),
    }


def _ordered(store: Store, class_ids: tuple[int, ...]) -> list[Any]:
    known = {c.id: c for c in store.classes()}
    return [known[class_id] for class_id in class_ids]
