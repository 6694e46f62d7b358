"""What a model says of labels that it was not trained on: for its temperature, and to compare kinds of models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tyrogue.models import logistic
from tyrogue.pool import Inputs
from tyrogue.protocols import Classifier
from tyrogue.types import Labels

FOLDS = 3
"""A fine-tuned model costs a fit for each."""

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class HeldOut:
    """How good held-out logits are once they are divided by the temperature that suits them best."""

    temperature: float
    log_loss: float
    """At that temperature."""

    @classmethod
    def of(cls, logits: Doubles, labels: Labels) -> HeldOut:
        """Judges logits (n, C) of labels (n,)."""
        temperature = logistic.best_temperature(logits, labels)
        return cls(temperature, logistic.log_loss(logits / temperature, labels))


def held_out_logits(
    make: Callable[[], Classifier], inputs: Inputs, labels: Labels, folds: NDArray[np.int64], *, seed: int
) -> Doubles:
    """Gives logits (n, C) of each text from a model that was trained without its fold.

    Args:
        make: gives a fresh model.
        folds: (n,) of each label, see `logistic.stratified`.
    """
    found: Doubles | None = None
    for fold in range(int(folds.max()) + 1):
        held = folds == fold
        model = make()
        model.fit(inputs.take(np.flatnonzero(~held)), labels[~held], seed=seed + fold)
        logits = model.infer(inputs.take(np.flatnonzero(held))).logits
        found = np.zeros((len(labels), logits.shape[1])) if found is None else found
        found[held] = logits
    assert found is not None
    return found
