"""MaxHerding: the texts that cover the pool best under a smooth kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from numpy.random import Generator

from tyrogue import coverage, ops
from tyrogue.errors import UsageError
from tyrogue.protocols import View
from tyrogue.strategies import parts
from tyrogue.types import Selection


@dataclass(frozen=True)
class MaxHerding:
    """Adds n times the open row that raises the mean over the pool of max k(x, y), x labeled or chosen, the most;
    k(x, y) = exp(-(distance / sigma)^2) between unit vectors of the frozen encoder (Bae et al., 2024). `score` is
    what each adds.

    Above 10,000 open rows a sample of 4,096 is what is to be covered.

    Attributes:
        sigma: width of the kernel.
    """

    sigma: float = 1.0

    cold_start: ClassVar[bool] = True
    whole_pool: ClassVar[bool] = True
    citation: ClassVar[str] = "Bae et al. (2024), Generalized Coverage for More Robust Low-Budget Active Learning"

    def __post_init__(self) -> None:
        if not self.sigma > 0:
            raise UsageError(f"sigma of {self} must be above 0.")

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        rows, (vectors,) = parts.sweep(view, lambda block: ops.unit(view.static(block)))
        targets = vectors[parts.anchors(len(rows), rng)]
        kernel = coverage.gaussian(self.sigma)
        covered = coverage.covered_by(targets, ops.unit(view.static(view.labeled)), kernel)
        cover = coverage.greedy(vectors, targets, min(n, len(rows)), kernel, covered=covered)
        return parts.covering(rows, cover, n, rng)
