"""TYROGUE with steps 2 and 3 swapped: random, then uncertain, then diverse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from numpy.random import Generator

from tyrogue import ops
from tyrogue.errors import UsageError
from tyrogue.protocols import View
from tyrogue.strategies import parts
from tyrogue.types import Selection


@dataclass(frozen=True)
class Swapped:
    """Draws candidates at random, keeps the ratio * n in most doubt and takes of these the texts nearest to
    n k-means centers. Maekawa et al. (2022) argue for the other order; their released code for this one
    returned the wrong rows, so that the two were never compared.

    Attributes:
        ratio: how many times n uncertain rows are clustered. 25 as in DropQuery.
        candidates: |D|, how many texts are drawn and predicted.
        by: the measure of doubt.
    """

    ratio: int = 25
    candidates: int = 10_000
    by: Literal["margin", "entropy"] = "margin"

    cold_start: ClassVar[bool] = False
    whole_pool: ClassVar[bool] = False
    citation: ClassVar[str] = "Maekawa et al. (2022), the order they argue against; compare Gupte et al. (2024)"

    def __post_init__(self) -> None:
        if self.ratio < 1 or self.candidates < 1:
            raise UsageError(f"ratio and candidates of {self} must be at least 1.")

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        candidates = view.draw(max(self.candidates, n), rng)
        logits = view.logits(candidates)
        doubt = ops.entropy(logits) if self.by == "entropy" else 1 - ops.margin(logits)
        most = ops.top(doubt, self.ratio * n)
        uncertain = candidates[most]
        cells = parts.representatives(ops.unit(view.embeddings(uncertain)), n, rng)
        near = cells.nearest
        return parts.largest_first(uncertain[near], cells, doubt=doubt[most[near]], rank_before=near)
