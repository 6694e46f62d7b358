"""When to stop labeling: what can be measured while there is no test set. Reasons for people, never a verdict.

stable   consecutive models say the same about a fixed sample (Bloodgood and Vijay-Shanker, 2009)
sure     the model is hardly in doubt about that sample
flat     the random checks have not gained over the last hundred labels
little   the learning curve, prolonged, promises little for the next labels
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tyrogue import ops
from tyrogue.errors import UsageError
from tyrogue.types import Floats, Labels

STABLE = 0.97
"""Kappa of consecutive models, the mean of the last three; 0.99 is reached late with small batches."""
LAST = 3
LOW_UNCERTAINTY = 0.05
"""Mean entropy as a share of the largest possible one."""
LITTLE = 0.005
"""Half a point: gaining less than this in the next hundred labels is little."""
AHEAD = 100
"""Labels over which gains are told and compared."""
POINTS = 4
"""A curve of three unknowns takes more points than that to be fitted."""
STUCK_SHARE = 0.95

_EXPONENTS = np.linspace(0.1, 2.0, 39)
_DRAWS = 4_000

Doubles = NDArray[np.float64]


class Gain(NamedTuple):
    """What more labels are likely worth, with a 90% interval, as shares of 1."""

    expected: float
    low: float
    high: float


def kappa(before: Labels, after: Labels) -> float:
    """Gives Cohen's kappa of two models' predictions of the same texts; 1 when they agree on all of them.

    Raises:
        UsageError: they are not of the same texts, or of none.
    """
    if len(before) != len(after) or not len(before):
        raise UsageError(
            f"{len(before)} and {len(after)} predictions cannot be compared: give them for the same texts."
        )
    agreed = float((before == after).mean())
    classes = np.union1d(before, after)
    chance = sum(float((before == one).mean() * (after == one).mean()) for one in classes)
    return 1.0 if agreed == 1 else (agreed - chance) / (1 - chance)


def uncertainty(logits: Floats) -> float:
    """Gives the mean entropy of predictions (n, C) as a share of ln C: 0 certain, 1 knows nothing."""
    if not len(logits) or logits.shape[1] < 2:
        return 0.0
    return float(ops.entropy(logits).mean() / np.log(logits.shape[1]))


def stuck(predicted: Labels, labels: Labels, n_classes: int) -> bool:
    """Whether a model gives nearly everything to one class while the labels know of others: its predictions are stable
    because it has learned nothing.

    Args:
        predicted: of a sample of the pool.
        labels: what was labeled, of the same classes.
    """
    said = np.bincount(predicted, minlength=n_classes)
    known = np.bincount(labels, minlength=n_classes)
    return bool(len(predicted)) and bool(
        said.max() >= STUCK_SHARE * len(predicted) and known[said.argmax()] < 0.9 * len(labels)
    )


def never_predicted(predicted: Labels, labels: Labels, n_classes: int, *, fewest: int = 5) -> Labels:
    """Gives the classes with at least `fewest` labels that a model gives to no text of the sample."""
    said, known = np.bincount(predicted, minlength=n_classes), np.bincount(labels, minlength=n_classes)
    return np.flatnonzero((known >= fewest) & (said == 0)).astype(np.int64)


def stable(kappas: Sequence[float], *, threshold: float = STABLE) -> bool | None:
    """Whether the last three kappas are high on average; None while there are fewer."""
    return None if len(kappas) < LAST else float(np.mean(kappas[-LAST:])) >= threshold


def expected_gain(
    labels: Sequence[int], scores: Sequence[float], more: int, rng: Generator, *, noise: float = 0.0, luck: float = 0.0
) -> Gain | None:
    """Gives what `more` labels are likely worth when the curve score = a - c * labels ** -g goes on.

    No single curve is believed: exponents are weighted by how well the best a and c for each fit the points, and a, c
    are drawn from their posterior, a at most 1 and c at least 0 (Cortes et al., 1993, for the curve).

    Args:
        labels: numbers of labels, at least four different ones, else None is given.
        scores: reached with them, in [0, 1].
        more: labels after the last.
        noise: standard deviation of a score, as far as known; what the points scatter counts when it is more.
        luck: standard deviation of a model about its curve, see `luck_of`.
    """
    n, y = np.asarray(labels, np.float64), np.asarray(scores, np.float64)
    if len(np.unique(n)) < POINTS:
        return None
    curves = [_curve(n, y, g, more) for g in _EXPONENTS]
    rss = np.array([curve.rss for curve in curves])
    variance = max(float(rss.min()) / max(len(y) - 3, 1), noise**2, 1e-8)
    weights = np.exp((rss.min() - rss) / (2 * variance))
    drawn = rng.choice(len(curves), size=_DRAWS, p=weights / weights.sum())
    height, limit, gain = (np.array([curve[part] for curve in curves])[drawn] for part in range(3))
    deviation = float(np.sqrt(variance / len(y)))
    height = np.maximum(height + deviation * rng.normal(size=_DRAWS), 0)
    middle = y.mean() + deviation * rng.normal(size=_DRAWS)
    possible = middle + height * limit <= 1
    gained = (height * gain)[possible] if possible.any() else height * gain
    # Models scatter about their curve: the one of now may be a lucky one, and so may the next.
    low, high = np.quantile(gained + np.sqrt(2) * luck * rng.normal(size=len(gained)), [0.05, 0.95])
    return Gain(float(gained.mean()), float(low), float(high))


def luck_of(agreements: Sequence[float]) -> float:
    """Gives the standard deviation of a model's accuracy about its curve, from the shares of texts about which models
    agree that follow one another: an eighth of what changes from one to the next.

    That it is proportional is an assumption, and an eighth is cautious: on recorded runs the 90% interval then held
    what came nearly always (benchmarks/stopping.py).
    """
    return float(1 - np.mean(agreements[-LAST:])) / 8 if agreements else 0.0


class _Curve(NamedTuple):
    """The best curve of one exponent: y = mean + height * z(n), z of mean 0 and deviation 1 over the points.

    Height and mean are then uncorrelated, each known to the deviation of a score over the root of their number,
    whatever the exponent.
    """

    height: float
    limit: float
    """z of endless labels."""
    gain: float
    """How much z grows with the labels to come."""
    rss: float


def _curve(n: Doubles, y: Doubles, g: float, more: int) -> _Curve:
    x = -((n / n.max()) ** -g)
    z, deviation = (x - x.mean()) / x.std(), float(x.std())
    height = float((z * y).mean())
    gain = (1 - (1 + more / float(n.max())) ** -g) / deviation
    return _Curve(height, -float(x.mean()) / deviation, gain, float(((y - y.mean() - height * z) ** 2).sum()))
