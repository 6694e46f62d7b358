"""How good predictions are, on a test set with true labels. The tests hold these against scikit-learn."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from tyrogue import ops
from tyrogue.types import Floats, Labels

ECE_BINS = 15


class Scores(TypedDict):
    """What a model is worth on a test set."""

    accuracy: float
    macro_f1: float
    micro_f1: float
    log_loss: float
    """Nats."""
    ece: float


def evaluate(logits: Floats, labels: Labels) -> Scores:
    """Gives the scores of logits (n, C) for true labels (n,)."""
    predicted = np.asarray(logits).argmax(1).astype(np.int64)
    return {
        "accuracy": accuracy(labels, predicted),
        "macro_f1": macro_f1(labels, predicted),
        "micro_f1": micro_f1(labels, predicted),
        "log_loss": log_loss(logits, labels),
        "ece": ece(logits, labels),
    }


def accuracy(labels: Labels, predicted: Labels) -> float:
    """Gives the share of predictions that are right."""
    return float((labels == predicted).mean())


def counts(labels: Labels, predicted: Labels) -> tuple[Labels, Labels, Labels]:
    """Gives true positives, predicted and actual numbers, for each class that occurs in either."""
    n = int(max(labels.max(), predicted.max())) + 1
    hit = np.bincount(labels[labels == predicted], minlength=n)
    said, true = np.bincount(predicted, minlength=n), np.bincount(labels, minlength=n)
    occurs = (said + true) > 0
    return hit[occurs], said[occurs], true[occurs]


def macro_f1(labels: Labels, predicted: Labels) -> float:
    """Gives the mean F1 over the classes that occur in the labels or the predictions, as published."""
    hit, said, true = counts(labels, predicted)
    return float((2 * hit / (said + true)).mean())


def micro_f1(labels: Labels, predicted: Labels) -> float:
    """Gives F1 over all decisions together; with one label a text it is the accuracy."""
    hit, said, true = counts(labels, predicted)
    return float(2 * hit.sum() / (said + true).sum())


def log_loss(logits: Floats, labels: Labels) -> float:
    """Gives the mean of -ln p(true class)."""
    return float(-ops.log_softmax(logits)[np.arange(len(labels)), labels].mean(dtype=np.float64))


def ece(logits: Floats, labels: Labels, bins: int = ECE_BINS) -> float:
    """Gives the expected calibration error over equal bins of confidence (Guo et al., 2017)."""
    p = ops.softmax(logits)
    confidence, right = p.max(1).astype(np.float64), p.argmax(1) == labels
    bin_of = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    gap = np.bincount(bin_of, weights=right - confidence, minlength=bins)
    return float(np.abs(gap).sum() / len(labels))
