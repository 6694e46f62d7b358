"""How good a model is, from texts drawn at random and labeled: estimates with their intervals.

The sample is drawn without replacement from a pool of known size, so an interval may be narrower than one for
an endless stream of texts: its variance is that times (N - n) / (N - 1).
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tyrogue.types import Labels

ENOUGH = 30
"""Checks below which no accuracy is told: its interval would span half the scale."""
ENOUGH_OF_CLASS = 10
"""Checks below which nothing is told of one class."""
FEWEST_OF_CLASS = 5
"""Macro-F1 is the mean over classes: with fewer checks than this of one of them it is luck."""
RESAMPLES = 2_000

Counts = NDArray[np.int64]


class Share(NamedTuple):
    """A proportion with its interval."""

    n: int
    correct: int
    value: float
    low: float
    high: float


class Interval(NamedTuple):
    """A value with its interval."""

    value: float
    low: float
    high: float


def wilson(correct: int, n: int, confidence: float = 0.95, population: int | None = None) -> tuple[float, float]:
    """Gives the score interval of a proportion (Wilson, 1927), of a finite pool when its size is given.

    Args:
        correct: how many of the sample.
        n: size of the sample, drawn without replacement.
        population: size of the pool; None for an endless one.
    """
    if n == 0:
        return 0.0, 1.0
    share = correct / n
    if population is not None and n >= population:
        return share, share
    # A sample from a finite pool tells as much as a larger one from an endless pool.
    worth = n if population is None else n * (population - 1) / (population - n)
    z2 = NormalDist().inv_cdf(0.5 + confidence / 2) ** 2
    center = (share * worth + z2 / 2) / (worth + z2)
    half = sqrt(z2 * (share * (1 - share) * worth + z2 / 4)) / (worth + z2)
    low, high = (0.0 if share == 0 else center - half), (1.0 if share == 1 else center + half)
    return max(low, 0.0), min(high, 1.0)


def share(correct: int, n: int, population: int | None = None) -> Share | None:
    """Gives a proportion with its 95% Wilson interval; None of nothing."""
    return None if n == 0 else Share(n, correct, correct / n, *wilson(correct, n, population=population))


def confusion(labels: Labels, predicted: Labels, n_classes: int) -> Counts:
    """Gives how often each true class (rows) was taken for each class (columns), (C, C)."""
    pairs = labels * n_classes + predicted
    return np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes).astype(np.int64)


def macro_f1(counts: NDArray[np.number]) -> NDArray[np.float64]:
    """Gives the mean F1 over classes of confusion counts (..., C, C); a class that occurs nowhere is left out."""
    hit = np.diagonal(counts, axis1=-2, axis2=-1).astype(np.float64)
    either = counts.sum(-1) + counts.sum(-2)
    f1 = np.divide(2 * hit, either, out=np.zeros_like(hit), where=either > 0)
    occurring = np.maximum((either > 0).sum(-1), 1)
    return np.asarray(f1.sum(-1) / occurring, np.float64)


def macro_f1_interval(
    counts: Counts, rng: Generator, *, confidence: float = 0.9, population: int | None = None
) -> Interval | None:
    """Gives macro-F1 with its percentile bootstrap interval; None when a class has fewer than five checks.

    Resampled within each predicted class: which texts the model gives to a class is known for the whole pool, and
    only what they truly are is uncertain.

    Args:
        counts: (C, C) of the sample, true classes by rows.
        population: size of the pool; None for an endless one.
    """
    if (counts.sum(1) < FEWEST_OF_CLASS).any():
        return None
    n, value = int(counts.sum()), float(macro_f1(counts))
    strata = [_resampled(column, rng) for column in counts.T]
    found = macro_f1(np.stack(strata, axis=-1))
    low, high = np.quantile(found, [0.5 - confidence / 2, 0.5 + confidence / 2])
    left = 1.0 if population is None else sqrt(max(population - n, 0) / max(population - 1, 1))
    return Interval(value, *(float(np.clip(value + left * (end - value), 0, 1)) for end in (low, high)))


def _resampled(column: Counts, rng: Generator) -> Counts:
    """Gives true classes of the texts of one predicted class, drawn again and again, (RESAMPLES, C)."""
    n = int(column.sum())
    if n == 0:
        return np.zeros((RESAMPLES, len(column)), np.int64)
    return rng.multinomial(n, column / n, size=RESAMPLES).astype(np.int64)
