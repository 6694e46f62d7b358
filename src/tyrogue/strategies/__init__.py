"""Acquisition functions: one short file each, all through the same `View`."""

from __future__ import annotations

from collections.abc import Callable

from tyrogue.protocols import Strategy
from tyrogue.strategies.entropy import Entropy
from tyrogue.strategies.random import Random
from tyrogue.strategies.tyrogue import Tyrogue

STRATEGIES: dict[str, Callable[..., Strategy]] = {
    "entropy": Entropy,
    "random": Random,
    "tyrogue": Tyrogue,
}

__all__ = ["STRATEGIES", "Entropy", "Random", "Tyrogue"]
