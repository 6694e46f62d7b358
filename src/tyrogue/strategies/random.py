"""Random: the control that every comparison needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from tyrogue.protocols import View
from tyrogue.types import Selection


@dataclass(frozen=True)
class Random:
    """Draws the batch uniformly without replacement (Lewis and Gale, 1994, as the usual control)."""

    cold_start: ClassVar[bool] = True
    whole_pool: ClassVar[bool] = False
    citation: ClassVar[str] = "Lewis and Gale (1994), A Sequential Algorithm for Training Text Classifiers"

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        rows = rng.permutation(view.draw(n, rng))
        return Selection(rows, np.zeros(len(rows), np.float32), {"step": np.full(len(rows), "random")})
