"""Whether the intervals of the honest accuracy hold the truth as often as they say.

    python benchmarks/coverage.py

Exactly, by enumeration of everything that can be drawn, from an endless stream and from pools of fixed size; and by
simulation through the product's own path: a file is imported again and again under other seeds, the texts that the
model gets wrong lie together in it (as in a sorted file), and the first n texts of the reference sample are checked.
The truth there is the accuracy on the whole pool.

Last, in whole loops: a strategy takes the texts it doubts most out of a pool that is small (a quarter of it is labeled
in the end) or large, a model learns from them, and the truth is the accuracy on the texts that are left, neither
labeled nor checked. They are easier than the checks, which nobody chose: there the intervals may be too low, and this
says how often.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from machine import write
from scipy import stats

from tyrogue import estimates
from tyrogue.corpus.importing import import_source
from tyrogue.corpus.project import Project
from tyrogue.labeling.checks import INDEPENDENT, Checked, audit, order_of
from tyrogue.learner import Learner
from tyrogue.models import LinearClassifier
from tyrogue.pool import Pool, Texts
from tyrogue.protocols import Strategy
from tyrogue.strategies import Entropy, Tyrogue
from tyrogue.testing.views import GivenEmbedder, blobs

SHARES = (0.6, 0.7, 0.8, 0.9, 0.95)
SIZES = (30, 50, 100, 200)
POOLS = (2_000, 20_000)
TEXTS = 2_000
LOOPED, BUDGET, WIDTH = (2_000, 20_000), 500, 16
SPREADS = (0.25, 0.35, 0.5, 0.7, 1.0)
"""Of the classes: from 0.99 to 0.6 accurate."""
Json = dict[str, Any]


def exact(share: float, n: int, pool: int | None) -> float:
    """Gives the probability that the interval of n checks holds the truth."""
    good = round(share * (pool or 0))
    truth = good / pool if pool else share
    drawn = stats.hypergeom(pool, good, n) if pool else stats.binom(n, share)
    ends = (estimates.wilson(k, n, population=pool) for k in range(n + 1))
    return float(sum(drawn.pmf(k) for k, (low, high) in enumerate(ends) if low <= truth <= high))


def cells(found: Any) -> Json:
    """Gives coverage of each cell, their mean and the least of them."""
    table = [{"share": share, "n": n, "coverage": round(found(share, n), 4)} for share in SHARES for n in SIZES]
    values = [cell["coverage"] for cell in table]
    return {"mean": round(float(np.mean(values)), 4), "least": min(values), "cells": table}


def simulated(repeats: int) -> Json:
    """Gives coverage through import, reference sample, its order, and the audit."""
    held = np.zeros((len(SHARES), len(SIZES)))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts.csv"
        file.write_text("text\n" + "".join(f"text number {row}\n" for row in range(TEXTS)))
        for seed in range(repeats):
            order = _checked_rows(file, Path(folder) / f"{seed}.tyrogue", seed)
            held += [[_holds(order[:n], share) for n in SIZES] for share in SHARES]
    at = {(share, n): held[i, j] / repeats for i, share in enumerate(SHARES) for j, n in enumerate(SIZES)}
    return {"repeats": repeats, "texts": TEXTS, **cells(lambda share, n: at[share, n])}


def _checked_rows(file: Path, place: Path, seed: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    import_source(file, place, index_search=False, seed=seed)
    reference = Project.open(place).corpus.reference
    for part in sorted(place.rglob("*"), reverse=True):
        part.rmdir() if part.is_dir() else part.unlink()
    return order_of(reference, seed)


def _holds(rows: np.ndarray[Any, np.dtype[np.int64]], share: float) -> bool:
    wrong_from = round(share * TEXTS)  # rows from here on are mistaken
    true = (rows % 2).astype(np.int64)
    said = np.where(rows < wrong_from, true, 1 - true)
    ids = {0: 0, 1: 1}
    checked = Checked.of(rows, true, dict(zip(rows.tolist(), said.tolist(), strict=True)), ids)
    told = audit(checked, [0, 1], population=TEXTS, source=INDEPENDENT, rng=np.random.default_rng(0))
    return told is not None and told["low"] <= wrong_from / TEXTS <= told["high"]


def loops(repeats: int) -> list[Json]:
    """Gives coverage at the end of whole loops, for pools and strategies that differ in what they take away."""
    found = []
    for pool in LOOPED:
        for name, strategy in (("tyrogue", Tyrogue(candidates=min(pool, 5_000))), ("entropy", Entropy())):
            held: dict[int, list[bool]] = {}  # over all spreads: a cell of its own would need many more loops
            off: list[float] = []
            for seed in range(repeats):
                for spread in SPREADS:
                    told = _looped(pool, spread, strategy, seed)
                    for n, (holds, error) in told.items():
                        held.setdefault(n, []).append(holds)
                        off.append(error)
            table = [
                {"n": n, "loops": len(values), "coverage": round(float(np.mean(values)), 4)}
                for n, values in held.items()
            ]
            values = [cell["coverage"] for cell in table]
            found.append(
                {
                    "pool": pool,
                    "strategy": name,
                    "labels": BUDGET,
                    "repeats": repeats,
                    "mean": round(float(np.mean(values)), 4),
                    "least": min(values),
                    "bias_points": round(100 * float(np.mean(off)), 2),
                    "cells": table,
                }
            )
    return found


def _looped(pool: int, spread: float, strategy: Strategy, seed: int) -> dict[int, tuple[bool, float]]:
    """Gives, for each number of checks, whether the interval holds the accuracy on what is left, and the error."""
    rng = np.random.default_rng([seed, pool])
    vectors, classes = blobs(pool, WIDTH, 4, seed=int(rng.integers(2**31)), spread=spread)
    texts = Pool(
        Texts([str(row) for row in range(pool)]), reference=np.sort(rng.choice(pool, max(SIZES), replace=False))
    )
    embedder = GivenEmbedder(vectors)
    learner = Learner(texts, strategy, lambda: LinearClassifier(4, c=1.0), embedder, n_classes=4, seed=seed)
    while len(texts.labeled) < BUDGET:
        rows = learner.query(50).rows[:50]
        learner.teach(rows, classes[rows])
        learner.fit()
    right = learner.model.infer(learner.inputs(np.arange(pool))).logits.argmax(1) == classes
    order, told = rng.permutation(texts.reference), {}
    for n in SIZES:
        left = np.setdiff1d(np.arange(pool), np.concatenate([order[:n], texts.labeled]))
        truth, checked = float(right[left].mean()), int(right[order[:n]].sum())
        low, high = estimates.wilson(checked, n, population=pool)
        told[n] = low <= truth <= high, checked / n - truth
    return told


def macro_f1(repeats: int) -> list[Json]:
    """Gives how often the bootstrap interval (90%) of macro-F1 holds the truth, for three classes of unequal size."""
    rng, found = np.random.default_rng(0), []
    sizes, recall = np.array([0.5, 0.3, 0.2]), np.array([0.92, 0.85, 0.75])
    joint = np.diag(sizes * recall) + ((1 - np.eye(3)) * (sizes * (1 - recall))[:, None]) / 2
    truth = float(estimates.macro_f1(joint))
    for n in (50, 100, 200, 400):
        drawn = [
            estimates.macro_f1_interval(rng.multinomial(n, joint.ravel()).reshape(3, 3), rng) for _ in range(repeats)
        ]
        told = [one for one in drawn if one is not None]
        held = float(np.mean([one.low <= truth <= one.high for one in told]))
        found.append({"n": n, "told": len(told) / repeats, "coverage": round(held, 4)})
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=1_000)
    parser.add_argument("--loops", type=int, default=60, help="whole loops in each setting")
    options = parser.parse_args()
    repeats = options.repeats
    figures = {
        "endless": cells(lambda share, n: exact(share, n, None)),
        "pools": {str(pool): cells(lambda share, n, pool=pool: exact(share, n, pool)) for pool in POOLS},
        "simulated": simulated(repeats),
        "loops": loops(options.loops),
        "macro_f1": macro_f1(repeats // 2),
    }
    print(write("coverage", figures))
