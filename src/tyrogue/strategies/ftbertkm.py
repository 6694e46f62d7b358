"""FTbertKM: one text from each of n clusters of the pool, in the fine-tuned model's own features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from numpy.random import Generator

from tyrogue import ops
from tyrogue.protocols import View
from tyrogue.strategies import parts
from tyrogue.strategies.random import Random
from tyrogue.types import Selection


@dataclass(frozen=True)
class FTbertKM:
    """Takes the texts nearest to n k-means centers of the whole pool in unit vectors of the current model
    (Yuan et al., 2020): r = 1 of TYROGUE without its random draw. Before the first fit these are the
    pre-trained features.

    Attributes:
        random_start: draw the first batch at random, as the published stack does. Replication only.
    """

    random_start: bool = False

    cold_start: ClassVar[bool] = True
    whole_pool: ClassVar[bool] = True
    citation: ClassVar[str] = "Yuan et al. (2020), Cold-start Active Learning through Self-supervised Language Modeling"

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        if self.random_start and not view.fitted:
            return Random().query(view, n, rng)
        rows, (vectors,) = parts.sweep(view, lambda block: ops.unit(view.features(block)))
        cells = parts.representatives(vectors, n, rng)
        return parts.largest_first(rows[cells.nearest], cells)
