"""DropQuery: texts whose predicted class changes when inputs drop out, one from each of n clusters of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tyrogue import ops
from tyrogue.errors import UsageError
from tyrogue.protocols import View
from tyrogue.strategies import parts
from tyrogue.types import Floats, Selection


@dataclass(frozen=True)
class DropQuery:
    """Drops inputs of the head at random a few times, keeps the rows whose predicted class changes in more
    than half of the passes, clusters their unit vectors into n cells and takes the member nearest to each
    center (Gupte et al., 2024). While fewer than ratio * n rows are kept, fewer changes suffice. Before the first
    fit all rows are clustered.

    Attributes:
        passes: how often inputs are dropped.
        dropout: share of the head's inputs dropped, anew for every text.
        ratio: how many times n rows are kept at least, when there are so many.
    """

    passes: int = 3
    dropout: float = 0.75
    ratio: int = 25

    cold_start: ClassVar[bool] = True
    whole_pool: ClassVar[bool] = True
    citation: ClassVar[str] = "Gupte et al. (2024), Revisiting Active Learning in the Era of Vision Foundation Models"

    def __post_init__(self) -> None:
        if self.passes < 1 or not 0 <= self.dropout < 1 or self.ratio < 1:
            raise UsageError(f"{self} needs at least 1 pass, a ratio of at least 1 and a dropout in [0, 1).")

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        rows, (features,) = parts.sweep(view, view.features)
        if view.fitted:
            changes = self._changes(view, features, rng)
            kept = _kept(changes, self.passes // 2, self.ratio * n, n, rng)
        else:
            changes, kept = np.zeros(len(rows), np.int64), np.arange(len(rows))
        before = parts.ranks(changes[kept].astype(np.float32))
        cells = parts.representatives(ops.unit(features[kept]), n, rng, within=True)
        near = cells.nearest
        return parts.largest_first(rows[kept[near]], cells, changes=changes[kept[near]], rank_before=before[near])

    def _changes(self, view: View, features: Floats, rng: Generator) -> NDArray[np.int64]:
        """Gives for each text in how many passes its predicted class differs."""
        changes = np.zeros(len(features), np.int64)
        for start in range(0, len(features), 4096):
            block = features[start : start + 4096]
            sure = view.head(block).argmax(1)
            for _ in range(self.passes):
                keep = rng.random(block.shape, np.float32) >= self.dropout
                changes[start : start + 4096] += (
                    view.head(block * keep / np.float32(1 - self.dropout)).argmax(1) != sure
                )
        return changes


def _kept(changes: NDArray[np.int64], threshold: int, least: int, n: int, rng: Generator) -> NDArray[np.int64]:
    """Gives the positions with more changes than the threshold, lowered to 0 as long as they are fewer than
    `least`; filled up at random when they are fewer than n."""
    bars = range(threshold, -1, -1)
    kept = next((k for bar in bars if len(k := np.flatnonzero(changes > bar)) >= least), np.flatnonzero(changes > 0))
    others = np.setdiff1d(np.arange(len(changes)), kept)
    missing = min(max(n - len(kept), 0), len(others))
    return np.concatenate([kept, rng.choice(others, missing, replace=False)]) if missing else kept
