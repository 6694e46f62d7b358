"""From a file of unlabeled texts to a good classifier with a few hundred labels, without ever waiting."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from tyrogue.learner import Learner
    from tyrogue.pool import Inputs, Pool, Texts
    from tyrogue.strategies import STRATEGIES, Entropy, Random, Tyrogue
    from tyrogue.types import UNLABELED, Selection
    from tyrogue.view import PoolView

_HOME = {
    "Learner": "learner",
    "Inputs": "pool",
    "Pool": "pool",
    "Texts": "pool",
    "STRATEGIES": "strategies",
    "Entropy": "strategies",
    "Random": "strategies",
    "Tyrogue": "strategies",
    "UNLABELED": "types",
    "Selection": "types",
    "PoolView": "view",
}

__all__ = [
    "STRATEGIES",
    "UNLABELED",
    "Entropy",
    "Inputs",
    "Learner",
    "Pool",
    "PoolView",
    "Random",
    "Selection",
    "Texts",
    "Tyrogue",
    "__version__",
]


def __getattr__(name: str) -> Any:
    # Public names are imported when they are first used, so that `import tyrogue` stays light.
    if name not in _HOME:
        raise AttributeError(f"module 'tyrogue' has no attribute {name!r}")
    return getattr(import_module(f"tyrogue.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
