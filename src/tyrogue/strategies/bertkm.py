"""BERT-KM: one text from each of n clusters of the pool, in the pre-trained embedding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from numpy.random import Generator

from tyrogue import ops
from tyrogue.protocols import View
from tyrogue.strategies import parts
from tyrogue.types import Selection


@dataclass(frozen=True)
class BertKM:
    """Takes the texts nearest to n k-means centers of the whole pool in unit vectors of the frozen encoder
    (the baseline of Yuan et al., 2020). Knows neither labels nor the model.
    """

    cold_start: ClassVar[bool] = True
    whole_pool: ClassVar[bool] = True
    citation: ClassVar[str] = "Yuan et al. (2020), Cold-start Active Learning through Self-supervised Language Modeling"

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        rows, (vectors,) = parts.sweep(view, lambda block: ops.unit(view.static(block)))
        cells = parts.representatives(vectors, n, rng)
        return parts.largest_first(rows[cells.nearest], cells)
