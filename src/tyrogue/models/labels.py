"""Labels on their way into a fit."""

from __future__ import annotations

import numpy as np

from tyrogue.errors import UsageError
from tyrogue.types import Labels


def checked_labels(labels: Labels, n: int, n_classes: int) -> Labels:
    """Gives int64 labels (n,); UsageError when they do not fit the texts or the classes."""
    labels = np.asarray(labels)
    if labels.shape != (n,):
        raise UsageError(f"{n} texts came with labels of shape {labels.shape}: give one label for each text.")
    if not n:
        raise UsageError("There are no labels to fit on: teach some first.")
    if labels.min() < 0 or labels.max() >= n_classes:
        bad = int(labels[(labels < 0) | (labels >= n_classes)][0])
        raise UsageError(f"Label {bad} is not one of the {n_classes} classes (0 to {n_classes - 1}).")
    return labels.astype(np.int64)
