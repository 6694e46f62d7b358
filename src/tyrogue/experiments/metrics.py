"""What a learning curve is worth: labeling cost as published and corrected, and the area under the curve.

A *bar* is a share of the macro-F1 that the same model reaches when trained on all of the training data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tyrogue.errors import UsageError

PUBLISHED_FAILURE = 1000.0
"""What a run that never crosses its bar counts as in the published tables."""
PUBLISHED_BATCH = 50

Numbers = Sequence[float] | NDArray[np.float64]


class Interval(NamedTuple):
    """A mean with the half width of its 95% confidence interval (NaN for a single value)."""

    mean: float
    half: float


class Cost(NamedTuple):
    """Labels needed to reach a bar in one run."""

    labels: float
    censored: bool
    """The bar was not reached within the budget; `labels` is then a lower bound."""


def mean_interval(values: Numbers, *, ddof: int = 1) -> Interval:
    """Gives the mean and t(0.975, n-1) * std / sqrt(n). The published tables use `ddof=0`."""
    array = np.asarray(values, np.float64)
    n = len(array)
    if n == 0:
        return Interval(float("nan"), float("nan"))
    if n == 1:
        return Interval(float(array[0]), float("nan"))
    half = stats.t.ppf(0.975, n - 1) * array.std(ddof=ddof) / np.sqrt(n)
    return Interval(float(array.mean()), float(half))


def published_cost(
    labels: Numbers, f1: Numbers, full_f1: float, share: float, *, batch: int = PUBLISHED_BATCH
) -> float:
    """Gives the labeling cost of one run as the paper's notebook computes it.

    That is the number of labels, less the first batch, at the first evaluation with F1 > share * full_f1: with an
    evaluation after each batch, batch * (i - 1) where i counts them from 1. The first batch is free, a later fall below
    the bar is forgiven, and never crossing counts 1000. F1 is rounded to four digits, as in the files that the notebook
    reads.
    """
    above = np.flatnonzero(np.round(np.asarray(f1, np.float64), 4) > share * full_f1)
    return float(np.asarray(labels)[above[0]] - batch) if len(above) else PUBLISHED_FAILURE


def published_interval(costs: Numbers) -> Interval | None:
    """Gives mean and half width as printed in the paper (population std); None, its "-", when all runs failed."""
    if all(cost >= PUBLISHED_FAILURE for cost in costs):
        return None
    mean, half = mean_interval(costs, ddof=0)
    return Interval(round(mean, 1), round(half, 1))


def sustained_cost(labels: Numbers, f1: Numbers, bar: float) -> Cost:
    """Gives the true number of labels at which F1 reaches the bar and stays there at the next evaluation too.

    Between two evaluations the curve is a straight line. A run that has not done so within its budget is
    censored and counts its budget, so that means over runs are restricted means.
    """
    x, y = np.asarray(labels, np.float64), np.asarray(f1, np.float64)
    if len(x) != len(y) or len(x) == 0:
        raise UsageError(f"A curve needs as many labels as scores and at least one; got {len(x)} and {len(y)}.")
    stays = np.flatnonzero((y[:-1] >= bar) & (y[1:] >= bar))
    if not len(stays):
        return Cost(float(x[-1]), True)
    i = int(stays[0])
    if i == 0:
        return Cost(float(x[0]), False)
    rise = y[i] - y[i - 1]
    return Cost(float(x[i - 1] + (bar - y[i - 1]) / rise * (x[i] - x[i - 1])), False)


def area(labels: Numbers, f1: Numbers) -> float:
    """Gives the mean height of the curve between its first and last evaluation (trapezoids)."""
    x, y = np.asarray(labels, np.float64), np.asarray(f1, np.float64)
    if len(x) == 1:
        return float(y[0])
    return float(np.trapezoid(y, x) / (x[-1] - x[0]))
