"""Greedy maximum coverage: the one computation under ProbCover, MaxHerding and UHerding.

How well a chosen vector x covers a target y is a kernel k(x, y) in [0, 1]; a batch covers y as well as its
best member does. The objective sum_y w(y) max_x k(x, y) is submodular, so that a gain computed earlier is an
upper bound of the gain now and most candidates are never looked at again (lazy greedy, Minoux, 1978). The
picks are exactly those of the plain greedy algorithm, and no n x m matrix is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tyrogue.types import Floats

Positions = NDArray[np.int64]

Kernel = Callable[[Floats], Floats]
"""Turns cosine similarities (any shape) into coverage in [0, 1]."""

BLOCK_CELLS = 1_000_000
"""Similarities held at a time."""

LOOK_AGAIN = 32
"""Candidates whose outdated gain is computed anew at a time."""


class Cover(NamedTuple):
    """What greedy coverage chose."""

    chosen: Positions
    """Positions of the candidates, best first; fewer than asked when nothing was left to gain."""
    gains: Floats
    """What each added to the mean weighted coverage, never increasing."""


def gaussian(sigma: float) -> Kernel:
    """Gives exp(-(distance / sigma)^2) between unit vectors."""
    scale = np.float32(2 / sigma**2)

    def kernel(similarity: Floats) -> Floats:
        exponent = similarity - np.float32(1)  # -distance^2 / 2; rounding may put it above 0
        exponent *= scale
        return np.asarray(np.exp(np.minimum(exponent, 0, out=exponent), out=exponent), np.float32)

    return kernel


def ball(radius: float) -> Kernel:
    """Gives 1 where the distance between unit vectors is below the radius, else 0."""
    return lambda similarity: np.asarray(2 - 2 * similarity < radius**2, np.float32)


def covered_by(targets: Floats, chosen: Floats, kernel: Kernel) -> Floats:
    """Gives how well each target (m, d) is covered by the best of the chosen (k, d), shape (m,)."""
    covered = np.zeros(len(targets), np.float32)
    step = max(1, BLOCK_CELLS // max(1, len(chosen)))
    for start in range(0, len(targets) if len(chosen) else 0, step):
        some = slice(start, start + step)
        covered[some] = kernel(targets[some] @ chosen.T).max(1)
    return covered


def greedy(
    candidates: Floats,
    targets: Floats,
    n: int,
    kernel: Kernel,
    *,
    weight: Floats | None = None,
    covered: Floats | None = None,
) -> Cover:
    """Chooses up to n of the candidates (unit vectors, (c, d)) that cover the targets (unit vectors, (m, d)) best.

    Ties go to the lower position. Stops early when no candidate gains anything.

    Args:
        weight: (m,) what covering each target is worth; 1 when None.
        covered: (m,) how well each target is covered before; 0 when None.
    """
    worth = np.full(len(targets), 1, np.float32) if weight is None else np.asarray(weight, np.float32)
    worth = worth / np.float32(max(len(targets), 1))
    held = np.zeros(len(targets), np.float32) if covered is None else np.array(covered, np.float32)

    def gains_of(some: Positions, held: Floats) -> Floats:
        return _gains(candidates[some], targets, kernel, worth, held)

    bound = _gains(candidates, targets, kernel, worth, held)
    current = np.ones(len(candidates), bool)
    chosen, gains = list[int](), list[float]()
    while len(chosen) < n:
        best = _settle(bound, current, gains_of, held)
        if bound[best] <= 0:
            break
        chosen.append(best)
        gains.append(bound[best])
        held = np.maximum(held, kernel(targets @ candidates[best]))
        bound[best] = -np.inf
        current[:] = False
    return Cover(np.array(chosen, np.int64), np.array(gains, np.float32))


def _settle(
    bound: Floats, current: NDArray[np.bool_], gains_of: Callable[[Positions, Floats], Floats], held: Floats
) -> int:
    """Gives the first position of the largest gain, computing anew as few outdated gains as it can."""
    while True:
        best = int(bound.argmax())
        if current[best] or bound[best] <= 0:
            return best
        outdated = np.where(current, -np.inf, bound)
        size = min(LOOK_AGAIN, len(bound))
        some = np.union1d(np.argpartition(-outdated, size - 1)[:size], [best])
        some = some[~current[some] & (bound[some] > 0)]
        # a gain cannot have grown; rounding could pretend so
        bound[some] = np.minimum(bound[some], gains_of(some, held))
        current[some] = True


def _gains(candidates: Floats, targets: Floats, kernel: Kernel, worth: Floats, held: Floats) -> Floats:
    gains = np.empty(len(candidates), np.float32)
    step = max(1, BLOCK_CELLS // max(1, len(targets)))
    for start in range(0, len(candidates), step):
        some = slice(start, start + step)
        gain = kernel(candidates[some] @ targets.T)
        gain -= held
        gains[some] = np.maximum(gain, 0, out=gain) @ worth
    return gains
