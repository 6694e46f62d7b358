"""TYROGUE: random, then diverse, then uncertain (Maekawa et al., 2022)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
from numpy.random import Generator

from tyrogue import clustering, ops
from tyrogue.errors import UsageError
from tyrogue.protocols import View
from tyrogue.strategies import parts
from tyrogue.strategies.balance import COLD, balance
from tyrogue.types import Floats, Selection, Stage


@dataclass(frozen=True)
class Tyrogue:
    """Draws candidates at random, keeps the text nearest each of ratio*n k-means centers, and of these takes
    the n on which the model's entropy is highest (Maekawa et al., Findings of EMNLP 2022).

    The cost does not depend on the pool. In round 0 without a model (cold start) the ratio is 1.

    Attributes:
        ratio: r; 1 is diversity only, candidates / n and above is uncertainty only; `auto` chooses it for each
            round from the labels so far, and says why (`balance`).
        candidates: |D|, how many texts are drawn.
        conditional: find the centers around the labeled vectors, which stay fixed, so that regions that hold
            labels do not come back in each round; costs the embeddings of the labeled rows.
        representative: which text of a cell may be asked: the `nearest` to its center, as published, or one
            `drawn` from it, which shows the classes in the shares that they have.
        n_init: k-means restarts.
        published_kmeans: cluster with scikit-learn's settings of the paper's code (up to 300 iterations).
        raw_logits: rank by the published stack's -sum z exp(z) instead of entropy. Replication only.
    """

    ratio: int | Literal["auto"] = 3
    candidates: int = 10_000
    conditional: bool = False
    representative: Literal["nearest", "drawn"] = "nearest"
    n_init: int = 1
    published_kmeans: bool = False
    raw_logits: bool = False

    cold_start: ClassVar[bool] = True
    whole_pool: ClassVar[bool] = False
    citation: ClassVar[str] = (
        "Maekawa et al. (2022), Low-resource Interactive Active Labeling for Fine-tuning Language Models"
    )

    def __post_init__(self) -> None:
        if (self.ratio != "auto" and self.ratio < 1) or self.candidates < 1 or self.n_init < 1:
            raise UsageError(f"ratio, candidates and n_init of {self} must be at least 1.")
        if self.conditional and self.published_kmeans:
            raise UsageError("The published k-means knows no fixed centers: conditional or published_kmeans, not both.")

    @classmethod
    def paper(cls, ratio: int = 3) -> Tyrogue:
        """Gives the published setting: ten k-means restarts of up to 300 iterations."""
        return cls(ratio=ratio, n_init=10, published_kmeans=True)

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        return self.rank(view, self.stage(view, n, rng), n)

    def stage(self, view: View, n: int, rng: Generator) -> Stage:
        if self.ratio == "auto":
            return self._balanced(view, n, rng)
        cold = view.round == 0 and not view.fitted
        k = n * (1 if cold else self.ratio)
        candidates = view.draw(max(self.candidates, n), rng)  # 1. random: the cost is independent of the pool
        if k >= len(candidates):  # as many centers as texts: uncertainty alone decides
            return Stage(candidates, candidates, {"step": np.full(len(candidates), "random")})
        cells = self._cells(view, ops.unit(view.embeddings(candidates)), k, rng)  # 2. diverse
        largest = ops.top(cells.size.astype(np.float32), k)
        facts = {"step": np.full(k, "diverse"), "cluster": largest, "cluster_size": cells.size[largest]}
        return Stage(candidates, candidates[cells.nearest[largest]], facts)

    def rank(self, view: View, stage: Stage, n: int) -> Selection:
        facts = {**stage.facts, "rank_before": np.arange(len(stage.rows))}
        if not view.fitted:  # 3. no model yet: what stands for most texts first
            size = facts.get("cluster_size", np.zeros(len(stage.rows)))
            return parts.ranked(stage.rows, np.asarray(size, np.float32), **facts)
        logits = view.logits(stage.rows)  # 3. uncertain
        score = ops.entropy_rawlogit(logits) if self.raw_logits else ops.entropy(logits)
        return parts.ranked(stage.rows, score, **{**facts, "step": np.full(len(score), "uncertain")})

    def at(self, ratio: int | Literal["auto"]) -> Tyrogue:
        """Gives the same strategy with the dial elsewhere."""
        return replace(self, ratio=ratio)

    def _balanced(self, view: View, n: int, rng: Generator) -> Stage:
        chosen = balance(view) if view.fitted else COLD
        stage = self.at(chosen.ratio).stage(view, n, rng)
        told = {name: np.full(len(stage.rows), value) for name, value in chosen._asdict().items()}
        return stage._replace(facts={**stage.facts, **told})

    def _cells(self, view: View, vectors: Floats, k: int, rng: Generator) -> parts.Cells:
        fixed = ops.unit(view.embeddings(view.labeled)) if self.conditional and len(view.labeled) else None
        clusters = clustering.kmeans(vectors, k, rng, fixed=fixed, n_init=self.n_init, published=self.published_kmeans)
        if self.representative == "drawn":
            nearest = clustering.drawn_from_cells(vectors, clusters, rng)
        elif fixed is None:
            nearest = clustering.nearest_to_centers(vectors, clusters.centers)
        else:  # what lies nearest to a center may belong to a labeled text
            nearest = clustering.nearest_in_cells(vectors, clusters)
        return parts.Cells(nearest, parts.sizes(clusters))
