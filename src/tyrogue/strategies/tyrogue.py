"""TYROGUE: random, then diverse, then uncertain (Maekawa et al., 2022)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tyrogue import clustering, ops
from tyrogue.errors import UsageError
from tyrogue.protocols import View
from tyrogue.types import Selection, Stage


@dataclass(frozen=True)
class Tyrogue:
    """Draws candidates at random, keeps the text nearest each of ratio*n k-means centers, and of these takes
    the n on which the model's entropy is highest (Maekawa et al., Findings of EMNLP 2022).

    The cost does not depend on the pool. In round 0 without a model (cold start) the ratio is 1.

    Attributes:
        ratio: r; 1 is diversity only, candidates / n and above is uncertainty only.
        candidates: |D|, how many texts are drawn.
        n_init: k-means restarts; the paper's code uses 10.
        raw_logits: rank by the published stack's -sum z exp(z) instead of entropy. Replication only.
    """

    ratio: int = 3
    candidates: int = 10_000
    n_init: int = 1
    raw_logits: bool = False

    cold_start: ClassVar[bool] = True
    whole_pool: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.ratio < 1 or self.candidates < 1 or self.n_init < 1:
            raise UsageError(f"ratio, candidates and n_init of {self} must be at least 1.")

    @classmethod
    def paper(cls, ratio: int = 3) -> Tyrogue:
        """Gives the published setting: ten k-means restarts."""
        return cls(ratio=ratio, n_init=10)

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        return self.rank(view, self.stage(view, n, rng), n)

    def stage(self, view: View, n: int, rng: Generator) -> Stage:
        cold = view.round == 0 and not view.fitted
        k = n * (1 if cold else self.ratio)
        candidates = view.draw(max(self.candidates, n), rng)  # 1. random: the cost is independent of the pool
        if k >= len(candidates):  # as many centers as texts: uncertainty alone decides
            return Stage(candidates, candidates, {"step": np.full(len(candidates), "random")})
        vectors = ops.unit(view.embeddings(candidates))
        clusters = clustering.kmeans(vectors, k, rng, n_init=self.n_init)
        nearest = clustering.nearest_to_centers(vectors, clusters.centers)  # 2. diverse
        return Stage(candidates, candidates[nearest], _cells(clusters.assigned, k))

    def rank(self, view: View, stage: Stage, n: int) -> Selection:
        if not view.fitted:  # 3. no model yet: what stands for most texts first
            score = np.asarray(stage.facts.get("cluster_size", np.zeros(len(stage.rows))), np.float32)
        else:  # 3. uncertain
            logits = view.logits(stage.rows)
            score = ops.entropy_rawlogit(logits) if self.raw_logits else ops.entropy(logits)
        order = ops.top(score, len(score))
        facts = {name: fact[order] for name, fact in stage.facts.items()}
        return Selection(stage.rows[order], score[order], facts)

    def at(self, ratio: int) -> Tyrogue:
        """Gives the same strategy with the dial elsewhere."""
        return replace(self, ratio=ratio)


def _cells(assigned: NDArray[np.int64], k: int) -> dict[str, NDArray[Any]]:
    sizes = np.bincount(assigned, minlength=k)
    return {
        "step": np.full(k, "diverse"),
        "cluster": np.arange(k),
        "cluster_size": sizes[:k],
    }
