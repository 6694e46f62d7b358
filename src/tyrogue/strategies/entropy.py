"""Entropy: the texts about which the model is most in doubt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from numpy.random import Generator

from tyrogue import ops
from tyrogue.protocols import View
from tyrogue.strategies import parts
from tyrogue.types import Selection


@dataclass(frozen=True)
class Entropy:
    """Takes the n open rows of highest predictive entropy over the whole pool (Lewis and Gale, 1994).

    Attributes:
        raw_logits: rank by -sum z exp(z) of unnormalised logits, as the published stack does. Replication only.
    """

    raw_logits: bool = False

    cold_start: ClassVar[bool] = False
    whole_pool: ClassVar[bool] = True
    citation: ClassVar[str] = "Lewis and Gale (1994), A Sequential Algorithm for Training Text Classifiers"

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        score = ops.entropy_rawlogit if self.raw_logits else ops.entropy
        return parts.most_uncertain(view, n, lambda rows: score(view.logits(rows)))
