"""ALPS: one text from each of n clusters of what surprises the language model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from tyrogue import ops
from tyrogue.protocols import View
from tyrogue.strategies import parts
from tyrogue.types import Floats, Selection


@dataclass(frozen=True)
class Alps:
    """Describes each text by the masked-LM loss at sampled positions (0 elsewhere), scales these vectors to
    length 1 and takes the texts nearest to n k-means centers of the whole pool (Yuan et al., 2020).

    Raises:
        MissingHead: the model has no masked-LM head; the message names one that has.
    """

    cold_start: ClassVar[bool] = True
    whole_pool: ClassVar[bool] = True
    citation: ClassVar[str] = "Yuan et al. (2020), Cold-start Active Learning through Self-supervised Language Modeling"

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        rows, losses = [], []
        for block in view.blocks():
            rows.append(block)
            losses.append(view.surprisal(block, rng))
        every = np.concatenate(rows)
        cells = parts.representatives(ops.unit(_aligned(losses)), n, rng)
        return parts.largest_first(every[cells.nearest], cells)


def _aligned(losses: list[Floats]) -> Floats:
    """Gives the blocks as one array: position in the text decides the column, missing positions are 0."""
    width = max(block.shape[1] for block in losses)
    return np.concatenate([np.pad(block, ((0, 0), (0, width - block.shape[1]))) for block in losses])
