"""Comparing strategies on the same datasets and seeds.

All functions take *scores*: for each strategy, its score (larger is better) in each *cell*, a dataset and a
seed. Only cells that both strategies have are compared, so a missing run costs power, never fairness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import stats

Cell = tuple[str, int]
"""A dataset and a seed."""
Scores = Mapping[str, Mapping[Cell, float]]

RESAMPLES = 10_000


class Difference(NamedTuple):
    """How much one strategy is ahead of another, over paired cells."""

    mean: float
    low: float
    high: float
    """Ends of the 95% bootstrap interval."""
    p: float
    """Two-sided; `holm` corrects several of them."""
    cells: int


def paired(scores: Scores, a: str, b: str) -> dict[str, NDArray[np.float64]]:
    """Gives score(a) - score(b) by dataset, one value for each seed that both have."""
    common = sorted(set(scores[a]) & set(scores[b]))
    return {
        dataset: np.array([scores[a][cell] - scores[b][cell] for cell in cells])
        for dataset, cells in groupby(common, key=lambda cell: cell[0])
    }


def paired_bootstrap(scores: Scores, a: str, b: str, rng: Generator, resamples: int = RESAMPLES) -> Difference | None:
    """Gives how far `a` is ahead of `b`: seeds are resampled within each dataset, datasets weigh the same.

    None when they have no cell in common.
    """
    by_dataset = paired(scores, a, b)
    if not by_dataset:
        return None
    draws = np.zeros(resamples)
    for values in by_dataset.values():
        draws += values[rng.integers(len(values), size=(resamples, len(values)))].mean(1) / len(by_dataset)
    mean = float(np.mean([values.mean() for values in by_dataset.values()]))
    low, high = np.quantile(draws, [0.025, 0.975])
    beyond = min((draws <= 0).sum(), (draws >= 0).sum())
    p = min(1.0, 2 * (beyond + 1) / (resamples + 1))
    return Difference(mean, float(low), float(high), float(p), sum(map(len, by_dataset.values())))


def holm(p_values: Sequence[float]) -> list[float]:
    """Gives the p values corrected for their number (Holm, 1979), in the order given."""
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in corrected]


def win_matrix(scores: Scores, names: Sequence[str]) -> NDArray[np.float64]:
    """Gives (k, k): the share of common cells in which the row beats the column, ties half; NaN where none."""
    wins = np.full((len(names), len(names)), np.nan)
    for i, a in enumerate(names):
        for j, b in enumerate(names):
            differences = [d for values in paired(scores, a, b).values() for d in values] if i != j else []
            if differences:
                wins[i, j] = float(np.mean([1.0 if d > 0 else 0.5 if d == 0 else 0.0 for d in differences]))
    return wins


def mean_ranks(scores: Scores) -> dict[str, float]:
    """Gives each strategy's mean rank (1 is best, ties share) over the cells that all strategies have."""
    names = sorted(scores)
    common = sorted(set.intersection(*(set(scores[name]) for name in names))) if names else []
    if not common:
        return {name: float("nan") for name in names}
    table = np.array([[scores[name][cell] for name in names] for cell in common])
    ranks = stats.rankdata(-table, axis=1).mean(0)
    return dict(zip(names, (float(rank) for rank in ranks), strict=True))


def regrets(scores: Scores) -> dict[str, dict[str, float]]:
    """Gives by strategy and dataset how far its mean score lies below the best strategy's, known afterwards."""
    means: dict[str, dict[str, float]] = {}
    for name, by_cell in scores.items():
        for dataset in {cell[0] for cell in by_cell}:
            values = [score for (at, _), score in by_cell.items() if at == dataset]
            means.setdefault(dataset, {})[name] = float(np.mean(values))
    return {name: {d: max(of.values()) - of[name] for d, of in sorted(means.items()) if name in of} for name in scores}
