"""Labels that look like mistakes: a model that was trained without them is sure of another class."""

from __future__ import annotations

from typing import Any

import numpy as np

from tyrogue.labeling.lessons import Lesson
from tyrogue.store import Store
from tyrogue.types import Floats, Labels, Rows

SUSPECTS = "suspects"
SURE = 0.5
"""By so much the other class must be more probable than the one that was given."""
MOST = 200

Json = dict[str, Any]


def rank(rows: Rows, labels: Labels, out_of_fold: Floats) -> list[tuple[int, int, float, float]]:
    """Gives (row, predicted class, its probability, probability of the label), most suspicious first.

    Args:
        rows, labels: what was labeled, (n,), classes as columns of `out_of_fold`.
        out_of_fold: (n, C) probabilities, each from a model that was trained without this label.
    """
    predicted = out_of_fold.argmax(1)
    sure = out_of_fold.max(1)
    given = out_of_fold[np.arange(len(rows)), labels]
    order = np.argsort(given - sure, kind="stable")
    suspicious = order[(sure - given)[order] >= SURE][:MOST]
    return [(int(rows[i]), int(predicted[i]), float(sure[i]), float(given[i])) for i in suspicious]


def publish(store: Store, lesson: Lesson, out_of_fold: Floats) -> None:
    """Notes the suspects of a lesson for the review; what was reviewed already is suspected no more.

    The random checks are not among them unless they were promoted: who corrects only those with which the model
    disagrees makes the accuracy look better than it is.
    """
    reviewed = {*store.adjudicated_rows().tolist()}
    label_of = dict(zip(lesson.rows.tolist(), lesson.labels.tolist(), strict=True))
    found = [
        {
            "row": row,
            "label": lesson.class_ids[label_of[row]],
            "predicted": lesson.class_ids[predicted],
            "probability": round(sure, 4),
            "of_label": round(given, 4),
        }
        for row, predicted, sure, given in rank(lesson.rows, lesson.labels, out_of_fold)
        if row not in reviewed
    ]
    store.set(SUSPECTS, {"journal": lesson.journal_position, "labels": len(lesson.rows), "rows": found})


def suspects(store: Store) -> list[Json]:
    """Gives the suspects, most suspicious first, as they were when the last model was trained."""
    told: Json = store.get(SUSPECTS) or {"rows": []}
    return list(told["rows"])
