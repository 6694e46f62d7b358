"""Margin, or breaking ties: the texts between whose two best classes the model is torn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from numpy.random import Generator

from tyrogue import ops
from tyrogue.protocols import View
from tyrogue.strategies import parts
from tyrogue.types import Selection


@dataclass(frozen=True)
class Margin:
    """Takes the n open rows of smallest p(1st) - p(2nd) over the whole pool (Scheffer et al., 2001).

    The score is 1 - margin, so that larger means chosen earlier.
    """

    cold_start: ClassVar[bool] = False
    whole_pool: ClassVar[bool] = True
    citation: ClassVar[str] = "Scheffer et al. (2001), Active Hidden Markov Models for Information Extraction"

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        return parts.most_uncertain(view, n, lambda rows: 1 - ops.margin(view.logits(rows)))
