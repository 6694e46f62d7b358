"""CAL: texts that look like labeled ones but are predicted otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from tyrogue import ops
from tyrogue.errors import UsageError
from tyrogue.protocols import View
from tyrogue.strategies import parts
from tyrogue.types import Floats, Rows, Selection


@dataclass(frozen=True)
class Cal:
    """Takes the n open rows with the highest mean KL(p(neighbor) || p(x)) over their nearest labeled texts,
    in unit vectors of the current model (Margatina et al., 2021). p(neighbor) is the model's prediction on
    the labeled text, not its label.

    Attributes:
        neighbors: k; all labeled texts as long as there are fewer.
    """

    neighbors: int = 10

    cold_start: ClassVar[bool] = False
    whole_pool: ClassVar[bool] = True
    citation: ClassVar[str] = "Margatina et al. (2021), Active Learning by Acquiring Contrastive Examples"

    def __post_init__(self) -> None:
        if self.neighbors < 1:
            raise UsageError(f"neighbors of {self} must be at least 1.")

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        log_p_labeled = ops.log_softmax(view.logits(view.labeled))
        labeled = ops.unit(view.features(view.labeled))
        k = min(self.neighbors, len(labeled))

        def contrast(rows: Rows) -> Floats:
            if not k:  # every label was taken back: nothing to contrast with
                return np.zeros(len(rows), np.float32)
            similarity = ops.unit(view.features(rows)) @ labeled.T
            nearest = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
            return _divergence(log_p_labeled[nearest], ops.log_softmax(view.logits(rows)))

        return parts.most_uncertain(view, n, contrast)


def _divergence(log_p: Floats, log_q: Floats) -> Floats:
    """Gives the mean over k of KL(p || q), shape (n,), of log p (n, k, C) and log q (n, C)."""
    p = np.exp(log_p)
    return np.asarray((p * (log_p - log_q[:, None, :])).sum(-1).mean(-1), np.float32)
