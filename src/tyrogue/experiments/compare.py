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
    """Two-sided, of the sign-flip test; `holm` corrects several of them."""
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

    With the few seeds that experiments have, a bootstrap p value would be far too small; p is that of the
    sign-flip test on the same pairs. None when they have no cell in common.
    """
    by_dataset = paired(scores, a, b)
    if not by_dataset:
        return None
    draws = np.zeros(resamples)
    for values in by_dataset.values():
        draws += values[rng.integers(len(values), size=(resamples, len(values)))].mean(1) / len(by_dataset)
    mean = float(np.mean([values.mean() for values in by_dataset.values()]))
    low, high = np.quantile(draws, [0.025, 0.975])
    p = sign_flip_p(list(by_dataset.values()), rng, resamples)
    return Difference(mean, float(low), float(high), p, sum(map(len, by_dataset.values())))


def sign_flip_p(groups: Sequence[NDArray[np.float64]], rng: Generator, resamples: int = RESAMPLES) -> float:
    """Gives the two-sided p of "no difference" for paired differences in groups that weigh the same.

    If there is none, each difference is as likely with the other sign (Fisher's randomization test). All
    signs are tried where there are at most `resamples` of them, else that many at random.
    """
    weighted = np.concatenate([values / (len(values) * len(groups)) for values in groups])
    n, observed = len(weighted), abs(weighted.sum())
    if 2**n <= resamples:
        signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
        return float((np.abs(signs @ weighted) >= observed - 1e-12).mean())
    signs = rng.choice(np.array([-1, 1], np.int8), size=(resamples, n))
    return float(((np.abs(signs @ weighted) >= observed - 1e-12).sum() + 1) / (resamples + 1))


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
    """Gives by strategy and dataset how far it lies below the best strategy there, known only afterwards.

    Over the seeds that both have, and the best is one of those with the most seeds: the luck of a single seed is no
    bar for the others.
    """
    seeds = {(name, d): sum(cell[0] == d for cell in of) for name, of in scores.items() for d in _datasets(of)}
    found: dict[str, dict[str, float]] = {name: {} for name in scores}
    for dataset in sorted({d for _, d in seeds}):
        most = max(n for (_, d), n in seeds.items() if d == dataset)
        of_dataset = {name: {c: s for c, s in of.items() if c[0] == dataset} for name, of in scores.items()}
        rivals = [name for name in scores if seeds.get((name, dataset)) == most]
        for name, regret in hindsight_regrets(of_dataset, rivals).items():
            found[name] |= {d: max(value, 0.0) for d, value in regret.items()}
    return found


def _datasets(by_cell: Mapping[Cell, float]) -> set[str]:
    return {dataset for dataset, _ in by_cell}


def hindsight_regrets(scores: Scores, rivals: Sequence[str]) -> dict[str, dict[str, float]]:
    """Gives by strategy and dataset how far it lies below the best of the rivals, known only afterwards.

    The largest of mean(score(rival) - score(strategy)) over the seeds that both have: below 0 for a strategy that
    beats them all, never below 0 for a rival itself.
    """
    regrets: dict[str, dict[str, float]] = {}
    for name in scores:
        for rival in rivals:
            for dataset, ahead in paired(scores, rival, name).items():
                of = regrets.setdefault(name, {})
                of[dataset] = max(of.get(dataset, -np.inf), float(ahead.mean()))
    return regrets
