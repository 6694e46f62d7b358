"""Least confidence: the texts whose best class is least likely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from numpy.random import Generator

from tyrogue import ops
from tyrogue.protocols import View
from tyrogue.strategies import parts
from tyrogue.types import Selection


@dataclass(frozen=True)
class LeastConfidence:
    """Takes the n open rows of highest 1 - max p over the whole pool (Culotta and McCallum, 2005)."""

    cold_start: ClassVar[bool] = False
    whole_pool: ClassVar[bool] = True
    citation: ClassVar[str] = "Culotta and McCallum (2005), Reducing Labeling Effort for Structured Prediction Tasks"

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        return parts.most_uncertain(view, n, lambda rows: ops.least_confidence(view.logits(rows)))
