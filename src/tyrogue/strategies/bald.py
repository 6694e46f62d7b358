"""BALD: the texts on which thinned copies of the model disagree while each is sure."""

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
class Bald:
    """Takes the n open rows of highest mutual information H[mean p] - mean H[p] between the prediction and
    the weights, over passes with dropout (Houlsby et al., 2011; Gal et al., 2017).

    Attributes:
        passes: K, how many passes.
        dropout: share of the head's inputs dropped; one mask a pass, the same for every text, so that a pass
            is one thinned head.
        full: dropout in the whole model instead: K passes of the encoder over the pool.
    """

    passes: int = 10
    dropout: float = 0.5
    full: bool = False

    cold_start: ClassVar[bool] = False
    whole_pool: ClassVar[bool] = True
    citation: ClassVar[str] = (
        "Houlsby et al. (2011), Bayesian Active Learning for Classification and Preference Learning; "
        "Gal et al. (2017), Deep Bayesian Active Learning with Image Data"
    )

    def __post_init__(self) -> None:
        if self.passes < 1 or not 0 <= self.dropout < 1:
            raise UsageError(f"{self} needs at least 1 pass and a dropout of at least 0 and below 1.")

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        if self.full:
            return parts.most_uncertain(view, n, lambda rows: ops.bald(view.samples(rows, self.passes, rng)))
        masks: list[Floats] = []

        def score(rows: Rows) -> Floats:
            features = view.features(rows)
            if not masks:
                keep = rng.random((self.passes, features.shape[1])) >= self.dropout
                masks.extend(np.asarray(keep / (1 - self.dropout), np.float32))
            return ops.bald(np.stack([view.head(features * mask) for mask in masks]))

        return parts.most_uncertain(view, n, score)
