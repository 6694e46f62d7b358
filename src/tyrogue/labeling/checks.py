"""The random checks: in what order the reference sample is asked about, and how a model does on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tyrogue import estimates
from tyrogue.types import Labels, Rows

SAMPLE = 1_000
"""Texts of the reference sample that every model is asked about: for stability, doubt and balance."""

INDEPENDENT = "independent"
CROSS_FITTED = "cross-fitted"

Json = dict[str, Any]


def order_of(reference: Rows, seed: int) -> Rows:
    """Gives the reference sample in the order in which it is asked about: random, and never changing.

    By a hash of the row: the order stays when the sample grows with the pool.
    """
    mixed = (reference.astype(np.uint64) + np.uint64(seed + 1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    return reference[np.argsort(mixed ^ (mixed >> np.uint64(29)), kind="stable")]


@dataclass(frozen=True)
class Checked:
    """Checks with what a model says of them, all as positions of the active classes, (n,) each."""

    true: Labels
    said: Labels

    @classmethod
    def of(cls, rows: Rows, true: Labels, predictions: Mapping[int, int], positions: Mapping[int, int]) -> Checked:
        """Gives the checks that the model was asked about.

        Args:
            rows: labeled rows of the reference sample.
            true: active class ids of their labels, (n,).
            predictions: active class id that the model gives to a row.
            positions: of each active class id.
        """
        pairs = [
            (positions[truth], positions[predictions[row]])
            for row, truth in zip(rows.tolist(), true.tolist(), strict=True)
            if row in predictions
        ]
        both = np.array(pairs, np.int64).reshape(-1, 2)
        return cls(both[:, 0], both[:, 1])

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether the model is right, (n,)."""
        return np.asarray(self.true == self.said)


def audit(checked: Checked, class_ids: list[int], *, population: int, source: str, rng: Generator) -> Json | None:
    """Gives how good a model is on the checks, with intervals; None before the first check.

    Args:
        checked: checks that the model which is judged was not trained on.
        class_ids: active classes in their order.
        population: texts of the pool, of which the checks are a random sample.
        source: `independent`, or `cross-fitted` where each check was judged by a model trained without it.
    """
    n, right = len(checked.true), int(checked.right.sum())
    accuracy = estimates.share(right, n, population)
    if accuracy is None:
        return None
    counts = estimates.confusion(checked.true, checked.said, len(class_ids))
    f1 = estimates.macro_f1_interval(counts, rng, population=population) if n >= estimates.ENOUGH else None
    return {
        "source": source,
        "n": n,
        "correct": right,
        "accuracy": accuracy.value,
        "low": accuracy.low,
        "high": accuracy.high,
        "enough": n >= estimates.ENOUGH,
        "needed": estimates.ENOUGH,
        "majority": float(counts.sum(1).max() / n),
        "macro_f1": None if f1 is None else {**f1._asdict(), "confidence": 0.9},
        "classes": [_of_class(counts, place, class_id) for place, class_id in enumerate(class_ids)],
    }


def _of_class(counts: estimates.Counts, place: int, class_id: int) -> Json:
    hit, true, said = int(counts[place, place]), int(counts[place].sum()), int(counts[:, place].sum())
    return {"class_id": class_id, "checks": true, "found": _told(hit, true), "right": _told(hit, said)}


def _told(hit: int, n: int) -> Json | None:
    told = estimates.share(hit, n) if n >= estimates.ENOUGH_OF_CLASS else None
    return None if told is None else told._asdict()
