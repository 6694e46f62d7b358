"""The few types that cross a seam.

A *row* is the position of a text in its pool, for ever. It is the only index that crosses a seam:
functions on arrays return positions of their argument, and the caller turns them back into rows in the
same line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
"""Positions in the pool, shape (n,)."""

Labels = NDArray[np.int64]
"""Class indices aligned with some rows, shape (n,); `UNLABELED` where there is none."""

Floats = NDArray[np.float32]
"""Any array of float32."""

Text = str | tuple[str, str]
"""One text, or a pair of texts (paraphrase, inference)."""

UNLABELED = -1


class Inference(NamedTuple):
    """What one forward pass gives."""

    logits: Floats
    """(n, n_classes), not normalised."""
    features: Floats
    """(n, d), the input of the classification head, from the same pass."""


class Selection(NamedTuple):
    """The answer of a strategy, best first: the first n rows are the batch, the rest a ranked reserve."""

    rows: Rows
    score: Floats
    """Aligned with `rows`; larger means chosen earlier. What it measures is the strategy's own."""
    facts: Mapping[str, NDArray[Any]]
    """Aligned with `rows`: what the page's "why this one?" tells (step, cluster, cluster_size, ...)."""


class Stage(NamedTuple):
    """The part of a query that needs no labels, prepared ahead and stored with its round."""

    candidates: Rows
    """What was drawn from the pool."""
    rows: Rows
    """What is left for ranking, no row twice."""
    facts: Mapping[str, NDArray[Any]]
    """Aligned with `rows`."""


@dataclass(frozen=True)
class FitReport:
    """What training did, for the round's record."""

    seconds: float
    steps: int = 0
    loss: float = float("nan")
    """Mean training loss at the end; never shown as a quality."""
    details: Mapping[str, Any] = field(default_factory=dict)
