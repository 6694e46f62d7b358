"""Entropy: the texts about which the model is most in doubt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from tyrogue import ops
from tyrogue.protocols import View
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

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        score_of = ops.entropy_rawlogit if self.raw_logits else ops.entropy
        rows, scores = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
        for block in view.blocks():
            rows.append(block)
            scores.append(score_of(view.logits(block)))
        every, score = np.concatenate(rows), np.concatenate(scores)
        best = ops.top(score, n)
        return Selection(every[best], score[best], {"step": np.full(len(best), "uncertain")})
