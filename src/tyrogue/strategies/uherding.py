"""UHerding: the texts that cover best what the model is unsure of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.random import Generator

from tyrogue import coverage, ops
from tyrogue.errors import UsageError
from tyrogue.protocols import View
from tyrogue.strategies import parts
from tyrogue.types import Floats, Rows, Selection

LEAST_SIGMA = 0.2
"""Near-duplicate labels would shrink the kernel to a point."""

USUAL_TEMPERATURE = 1.5
"""Small models on few labels are over-confident by about so much."""

TRUST = 20
"""Observed predictions that weigh as much as that expectation."""


@dataclass(frozen=True)
class UHerding:
    """MaxHerding with each y weighted by the model's doubt 1 - margin(softmax(z / T)) (Bae et al., 2025): early
    it covers the pool, later it follows the doubt. Before the first fit the doubt is 1 everywhere.

    Departs from the published code in two places that are noise with few labels: sigma is the 5th percentile
    of the distances between each labeled text and the nearest other one (there, the minimum), and T minimises
    the log-loss of the predictions made just before each label was given (there, calibration on a held-out
    part of the labels after training again).

    Above 10,000 open rows a sample of 4,096 is what is to be covered, and only it is predicted.

    Attributes:
        sigma: width of the kernel; `auto` shrinks it with the spacing of the labels, from 1.
        temperature: T; `auto` as above.
    """

    sigma: float | Literal["auto"] = "auto"
    temperature: float | Literal["auto"] = "auto"

    cold_start: ClassVar[bool] = True
    whole_pool: ClassVar[bool] = True
    citation: ClassVar[str] = "Bae et al. (2025), Uncertainty Herding: One Active Learning Method for All Label Budgets"

    def __post_init__(self) -> None:
        if any(value != "auto" and not value > 0 for value in (self.sigma, self.temperature)):
            raise UsageError(f"sigma and temperature of {self} must be above 0, or auto.")

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        rows, (vectors,) = parts.sweep(view, lambda block: ops.unit(view.static(block)))
        labeled = ops.unit(view.static(view.labeled))
        anchors = parts.anchors(len(rows), rng)
        kernel = coverage.gaussian(spacing(labeled) if self.sigma == "auto" else self.sigma)
        cover = coverage.greedy(
            vectors,
            vectors[anchors],
            min(n, len(rows)),
            kernel,
            weight=self._doubt(view, rows[anchors]),
            covered=coverage.covered_by(vectors[anchors], labeled, kernel),
        )
        selection = parts.covering(rows, cover, n, rng)
        if view.fitted:
            view.logits(selection.rows)  # remembered, so that the next rounds can judge the temperature by them
        return selection

    def _doubt(self, view: View, rows: Rows) -> Floats:
        if not view.fitted:
            return np.ones(len(rows), np.float32)
        t = temperature(view.before, view.labels) if self.temperature == "auto" else self.temperature
        return np.asarray(1 - ops.margin(view.logits(rows) / np.float32(t)), np.float32)


def spacing(labeled: Floats) -> float:
    """Gives the 5th percentile of the distances from each labeled unit vector to the nearest other one."""
    if len(labeled) < 2:
        return 1.0
    distances = ops.squared_distances(labeled, labeled)
    np.fill_diagonal(distances, np.inf)
    return float(np.clip(np.percentile(np.sqrt(distances.min(1)), 5), LEAST_SIGMA, 1.0))


def temperature(before: Floats, labels: Rows) -> float:
    """Gives the T in 0.5 to 8 with the least log-loss of softmax(log p / T) on predictions (n, C) made before
    their labels (n,) were known, drawn toward 1.5 when these are few. Predictions of NaN count for nothing."""
    known = ~np.isnan(before).any(axis=1)
    log_p, labels = np.asarray(np.log(np.maximum(before[known], 1e-12)), np.float32), labels[known]
    grid = np.geomspace(0.5, 8, 41)
    loss = [-ops.log_softmax(log_p / np.float32(t))[np.arange(len(labels)), labels].sum() for t in grid]
    return float(grid[np.argmin(np.array(loss) + TRUST * np.log(grid / USUAL_TEMPERATURE) ** 2)])
