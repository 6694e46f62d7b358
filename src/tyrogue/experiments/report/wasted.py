"""How redundant the batches of each strategy are, against those of Random, and whether that foretells anything."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from tyrogue.experiments.redundancy import METRICS
from tyrogue.experiments.report.study import Arm, Chapter
from tyrogue.experiments.report.tables import NOTHING, Table

RANDOM = "random"
FEWEST = 30
"""Batches below which a correlation is not told."""


def redundancy(chapter: Chapter) -> Table | None:
    """Each metric's mean over rounds, seeds and datasets, as a share of Random's; last, its correlation with the gain
    in F1 that the batch brought. None where nothing was measured, or no Random was run."""
    base = next((arm for arm in chapter.arms if arm.name == RANDOM), None)
    names = [name for name in METRICS if any(np.isfinite(_values(chapter, d, a, name)).any() for d, a in _all(chapter))]
    if base is None or not names:
        return None
    rows = [(arm.title, *(_share(chapter, arm, base, name) for name in names)) for arm in chapter.arms]
    rows.append(("correlation with the gain in F1", *(_correlation(chapter, name) for name in names)))
    return Table(
        "Redundancy of the batches, Random = 1",
        ("Strategy", *(name.replace("_", " ") for name in names)),
        tuple(rows),
        "Mean over rounds and seeds divided by that of Random on the same dataset, then the mean over datasets; in the "
        "space of the frozen encoder, the same for all. Last row: Pearson's correlation of a batch's metric with the "
        "macro-F1 that it added, both less their mean over all runs of the same dataset and round.",
    )


def _all(chapter: Chapter) -> list[tuple[str, Arm]]:
    return [(dataset, arm) for dataset in chapter.datasets for arm in chapter.arms]


def _values(chapter: Chapter, dataset: str, arm: Arm, name: str) -> NDArray[np.float64]:
    """Gives (seeds, rounds), (0, 0) without runs."""
    values = chapter.over_rounds(dataset, arm, name)[1]
    return values if values.ndim == 2 else np.zeros((0, 0))


def _share(chapter: Chapter, arm: Arm, base: Arm, name: str) -> str:
    shares = []
    for dataset in chapter.datasets:
        own, random = (_values(chapter, dataset, a, name) for a in (arm, base))
        if np.isfinite(own).any() and np.isfinite(random).any() and (of := float(np.nanmean(random))) > 1e-9:
            shares.append(float(np.nanmean(own)) / of)
    return f"{np.mean(shares):.2f}" if shares else NOTHING


def _correlation(chapter: Chapter, name: str) -> str:
    metric, gain = [], []
    for dataset in chapter.datasets:
        parts = [(_values(chapter, dataset, a, name), _values(chapter, dataset, a, "macro_f1")) for a in chapter.arms]
        parts = [part for part in parts if part[0].shape[1] > 1]
        if not parts:
            continue
        length = min(values.shape[1] for values, _ in parts)
        told = np.concatenate([values[:, 1:length] for values, _ in parts])
        gained = np.concatenate([np.diff(f1[:, :length], axis=1) for _, f1 in parts])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a round that nobody measured
            metric.append((told - np.nanmean(told, axis=0)).ravel())
            gain.append((gained - np.nanmean(gained, axis=0)).ravel())
    if not metric:
        return NOTHING
    x, y = np.concatenate(metric), np.concatenate(gain)
    known = np.isfinite(x) & np.isfinite(y)
    if known.sum() < FEWEST or x[known].std() < 1e-12 or y[known].std() < 1e-12:
        return NOTHING
    return f"{np.corrcoef(x[known], y[known])[0, 1]:+.2f}"
