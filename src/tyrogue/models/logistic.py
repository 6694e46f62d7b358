"""Multinomial logistic regression for few labels: regularisation and temperature by cross-validation.

The objective is scikit-learn's, C * sum of cross-entropies + |W|^2 / 2, intercepts free. Fitted in the space
that the texts span (n < d with few labels), warm-started along the path of C, so that choosing C by five
folds takes a fraction of a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from tyrogue.types import Labels

Doubles = NDArray[np.float64]

C_GRID = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
DEFAULT_C = 10.0
ENOUGH_FOR_FOLDS = 10
ENOUGH_FOR_TEMPERATURE = 30
_ROUGH = 1e-6
"""Enough to compare two values of C."""


@dataclass(frozen=True)
class Head:
    """A linear head: logits = features @ weight.T + bias."""

    weight: Doubles
    """(C, d)"""
    bias: Doubles
    """(C,)"""

    def __call__(self, features: NDArray[Any]) -> Doubles:
        return np.asarray(features @ self.weight.T + self.bias, np.float64)

    def cooled(self, temperature: float) -> Head:
        """Gives the head whose logits are divided by `temperature`."""
        return Head(self.weight / temperature, self.bias / temperature)


@dataclass(frozen=True)
class Chosen:
    """What cross-validation chose, and how it did there."""

    c: float
    temperature: float
    log_loss: float
    """Mean held-out log-loss at `c`, at `temperature`; NaN without folds."""
    accuracy: float
    folds: int


def fit_head(
    features: NDArray[Any],
    labels: Labels,
    n_classes: int,
    c: float,
    start: Head | None = None,
    *,
    tolerance: float = 1e-9,
) -> Head:
    """Gives the head that minimises the objective; a class without labels gets a low column.

    Args:
        features: (n, d).
        labels: (n,), n >= 1.
        n_classes: columns of the head.
        c: inverse strength of the regularisation.
        start: where the search starts; the optimum does not depend on it.
        tolerance: relative decrease of the objective at which the search ends.
    """
    x = np.asarray(features, np.float64)
    present, targets = np.unique(labels, return_inverse=True)
    basis, reduced = _span(x)
    first = None if start is None else np.hstack([start.weight[present] @ basis, start.bias[present, None]])
    coefficients = _minimise(reduced, targets, len(present), c, first, tolerance)
    return _all_columns(coefficients[:, :-1] @ basis.T, coefficients[:, -1], x, present, n_classes)


def choose(
    features: NDArray[Any], labels: Labels, n_classes: int, *, seed: int, grid: tuple[float, ...] = C_GRID
) -> Chosen:
    """Gives C and temperature with the lowest held-out log-loss; the defaults where there are too few labels."""
    folds = stratified(labels, seed)
    if folds is None or len(np.unique(labels)) < 2:
        return Chosen(DEFAULT_C, 1.0, float("nan"), float("nan"), 0)
    # Distances and products are all that matters, so the folds can work in the span of all texts.
    held_out = _held_out_logits(_span(np.asarray(features, np.float64))[1], labels, n_classes, folds, grid)
    best = int(np.argmin([log_loss(logits, labels) for logits in held_out]))
    temperature = best_temperature(held_out[best], labels)
    accuracy = float((held_out[best].argmax(1) == labels).mean())
    return Chosen(
        grid[best], temperature, log_loss(held_out[best] / temperature, labels), accuracy, int(folds.max()) + 1
    )


def best_temperature(logits: Doubles, labels: Labels) -> float:
    """Gives T in [1/4, 4] with the lowest log-loss of logits / T; 1 where there are too few labels to tell."""
    if len(labels) < ENOUGH_FOR_TEMPERATURE:
        return 1.0
    limit = np.log(4.0)
    found = minimize_scalar(
        lambda log_t: log_loss(logits / np.exp(log_t), labels), bounds=(-limit, limit), method="bounded"
    )
    return float(np.exp(found.x))


def stratified(labels: Labels, seed: int, folds: int = 5) -> NDArray[np.int64] | None:
    """Gives in which fold each label is held out, every class spread as evenly as it can be; None for too few."""
    n = len(labels)
    if n < ENOUGH_FOR_FOLDS:
        return None
    rng = np.random.default_rng(seed)
    order = rng.permutation(n)
    order = order[np.argsort(labels[order], kind="stable")]
    of = np.empty(n, np.int64)
    of[order] = np.arange(n) % folds
    return of


def _held_out_logits(
    x: Doubles, labels: Labels, n_classes: int, folds: NDArray[np.int64], grid: tuple[float, ...]
) -> list[Doubles]:
    """Logits (n, C) of each text from the heads that did not see it, for each C up the grid until it is clear
    that the best one was passed."""
    heads: dict[int, Head] = {}
    held_out: list[Doubles] = []
    losses: list[float] = []
    for c in grid:
        logits = np.empty((len(labels), n_classes))
        for fold in range(int(folds.max()) + 1):
            held = folds == fold
            heads[fold] = fit_head(x[~held], labels[~held], n_classes, c, heads.get(fold), tolerance=_ROUGH)
            logits[held] = heads[fold](x[held])
        held_out.append(logits)
        losses.append(log_loss(logits, labels))
        if losses[-1] > 1.1 * min(losses) or (len(losses) > 2 and losses[-1] > losses[-2] > losses[-3]):
            break
    return held_out


def _span(x: Doubles) -> tuple[Doubles, Doubles]:
    """An orthonormal basis (d, k) of the rows of x, and their coordinates (n, k) in it; exact, k <= d."""
    if 2 * len(x) >= x.shape[1]:  # not worth the change
        return np.eye(x.shape[1]), x
    basis, triangle = np.linalg.qr(x.T)
    return np.asarray(basis), np.asarray(triangle.T)


def _minimise(
    x: Doubles, targets: NDArray[np.intp], k: int, c: float, first: Doubles | None, tolerance: float
) -> Doubles:
    """Weights and intercepts (k, d + 1) of k classes."""
    n, d = x.shape
    if k == 1:
        return np.zeros((1, d + 1))
    one_hot, every = np.eye(k)[targets], np.arange(n)

    def objective(flat: Doubles) -> tuple[float, Doubles]:
        w = flat.reshape(k, d + 1)
        logits = x @ w[:, :d].T + w[:, d]
        log_z = log_sum_exp(logits)
        value = c * float((log_z - logits[every, targets]).sum()) + 0.5 * float((w[:, :d] ** 2).sum())
        residual = c * (np.exp(logits - log_z[:, None]) - one_hot)
        return value, np.hstack([residual.T @ x + w[:, :d], residual.sum(0)[:, None]]).ravel()

    begin = np.zeros(k * (d + 1)) if first is None else np.asarray(first, np.float64).ravel()
    found = minimize(
        objective, begin, jac=True, method="L-BFGS-B", options={"maxiter": 500, "ftol": tolerance, "gtol": 1e-6 * c}
    )
    return np.asarray(found.x, np.float64).reshape(k, d + 1)


def _all_columns(weight: Doubles, bias: Doubles, x: Doubles, present: Labels, n_classes: int) -> Head:
    """Spreads the fitted columns; a class never seen gets on average the probability of one imagined label."""
    centred = bias - bias.mean()  # the objective does not see a common shift
    full_weight = np.zeros((n_classes, x.shape[1]))
    full_weight[present] = weight
    certainty = log_sum_exp(x @ weight.T + centred)
    odds = -float(log_sum_exp(-certainty[None])[0]) + np.log(len(x))  # at this bias they average 1 to 1
    full_bias = np.full(n_classes, odds - np.log(len(x) + n_classes))
    full_bias[present] = centred
    return Head(full_weight, full_bias)


def log_loss(logits: Doubles, labels: Labels) -> float:
    """Gives the mean of -log p(label)."""
    return float((log_sum_exp(logits) - logits[np.arange(len(labels)), labels]).mean())


def log_sum_exp(logits: Doubles) -> Doubles:
    """Gives log of the sum of exp over the last axis (n,); many times faster than scipy's on small arrays."""
    most = logits.max(axis=1)
    return np.asarray(np.log(np.exp(logits - most[:, None]).sum(axis=1)) + most)
