"""Frozen embeddings and a logistic head: seconds to start, milliseconds to refit."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tyrogue.errors import NonFinite, NotFitted, UsageError
from tyrogue.models import logistic, storage
from tyrogue.models.labels import checked_labels
from tyrogue.pool import Inputs
from tyrogue.protocols import Classifier
from tyrogue.types import FitReport, Floats, Inference, Labels
from tyrogue.view import Embedder

KIND = "linear"


class LinearClassifier:
    """Multinomial logistic regression on frozen embeddings.

    The head sees standardised embeddings (mean 0 over the dimensions, length 1), which any stock architecture
    can compute; what `infer` gives as features are the embeddings themselves, and `head` standardises them.
    C is chosen by cross-validated log-loss at each fit, then the logits are divided by the temperature that
    calibrates the held-out ones, so that the softmax is what to show to people.

    Args:
        n_classes: columns of the head.
        embedder: embeds texts that come without an encoder of their own; may be None.
        c: fixed inverse regularisation; chosen by cross-validation when None.
        calibrate: whether to scale by a temperature; only where C is chosen.
        dropout: share of the features that `sample` drops.
    """

    def __init__(
        self,
        n_classes: int,
        embedder: Embedder | None = None,
        *,
        c: float | None = None,
        calibrate: bool = True,
        dropout: float = 0.1,
    ) -> None:
        if n_classes < 1:
            raise UsageError(f"A model of {n_classes} classes was asked for; it takes at least 1.")
        if (c is not None and c <= 0) or not 0 <= dropout < 1:
            raise UsageError(f"C must be positive and dropout in [0, 1); they are {c} and {dropout}.")
        self.n_classes, self.embedder, self.c = n_classes, embedder, c
        self.calibrate, self.dropout = calibrate, dropout
        self.version = "linear-unfitted"
        self.chosen: logistic.Chosen | None = None
        self._head: logistic.Head | None = None
        self._weights: tuple[Floats, Floats] | None = None

    @property
    def fitted(self) -> bool:
        return self._weights is not None

    @property
    def temperature(self) -> float:
        """What the logits were divided by; 1 before the first fit."""
        return 1.0 if self.chosen is None else self.chosen.temperature

    @property
    def weights(self) -> tuple[Floats, Floats]:
        """Weight (C, d) and bias (C,) on standardised features, temperature included; NotFitted."""
        if self._weights is None:
            raise NotFitted("The linear model has seen no labels yet: fit it first.")
        return self._weights

    def fit(self, inputs: Inputs, labels: Labels, *, seed: int, start: Classifier | None = None) -> FitReport:
        """Learns `labels` (n,) of `inputs`; `start` only says where the search begins.

        Raises:
            UsageError: labels do not fit the texts or the classes.
            NonFinite: the embeddings are not finite; the model is as it was.
        """
        begin, labels = time.perf_counter(), checked_labels(labels, len(inputs), self.n_classes)
        x = standardised(self.features(inputs))
        if self.c is not None:
            chosen = logistic.Chosen(self.c, 1.0, float("nan"), float("nan"), 0)
        else:
            chosen = logistic.choose(x, labels, self.n_classes, seed=seed)
            if not self.calibrate:
                chosen = logistic.Chosen(chosen.c, 1.0, chosen.log_loss, chosen.accuracy, chosen.folds)
        return self._learn(x, labels, chosen, start if isinstance(start, LinearClassifier) else None, begin)

    def refit(self, inputs: Inputs, labels: Labels) -> FitReport:
        """Learns again with the C and temperature of the last fit, from its weights: milliseconds.

        For each new label between two fits. Raises NotFitted before the first one.
        """
        if self.chosen is None:
            raise NotFitted("There is nothing to refit: fit first, which chooses the regularisation.")
        begin, labels = time.perf_counter(), checked_labels(labels, len(inputs), self.n_classes)
        return self._learn(standardised(self.features(inputs)), labels, self.chosen, self, begin)

    def infer(self, inputs: Inputs) -> Inference:
        _ = self.weights  # NotFitted before anything is embedded
        features = self.features(inputs)
        return Inference(self.head(features), features)

    def features(self, inputs: Inputs) -> Floats:
        """Gives the frozen embeddings (n, d)."""
        if not inputs.embeddable and self.embedder is not None:
            return self.embedder.embed(inputs)
        return inputs.embeddings

    def head(self, features: Floats) -> Floats:
        weight, bias = self.weights
        if not len(features):
            return np.empty((0, self.n_classes), np.float32)
        return np.asarray(standardised(features) @ weight.T + bias, np.float32)

    def sample(self, inputs: Inputs, k: int, *, seed: int) -> Floats:
        """Gives logits (k, n, C), each with other features dropped."""
        features, rng = self.infer(inputs).features, np.random.default_rng(seed)
        kept = (rng.random((k, *features.shape), np.float32) >= self.dropout) / np.float32(1 - self.dropout)
        logits = [self.head(np.asarray(features * mask, np.float32)) for mask in kept]
        return np.stack(logits) if k else np.empty((0, len(inputs), self.n_classes), np.float32)

    def save(self, path: Path) -> None:
        weight, bias = self.weights
        facts: dict[str, Any] = {
            "kind": KIND,
            "version": self.version,
            "n_classes": self.n_classes,
            "options": {"c": self.c, "calibrate": self.calibrate, "dropout": self.dropout},
            "chosen": None if self.chosen is None else asdict(self.chosen),
        }
        storage.write(path, {"weight": weight, "bias": bias}, facts)

    @classmethod
    def restore(cls, facts: dict[str, Any], tensors: dict[str, Floats], embedder: Embedder | None) -> LinearClassifier:
        """Gives what `save` wrote."""
        model = cls(int(facts["n_classes"]), embedder, **facts["options"])
        model.chosen = logistic.Chosen(**facts["chosen"]) if facts["chosen"] else None
        head = logistic.Head(tensors["weight"].astype(np.float64), tensors["bias"].astype(np.float64))
        model._head = head.cooled(1 / model.temperature)
        model._weights, model.version = (tensors["weight"], tensors["bias"]), facts["version"]
        return model

    def _learn(
        self, x: Floats, labels: Labels, chosen: logistic.Chosen, start: LinearClassifier | None, begin: float
    ) -> FitReport:
        first = start._head if start is not None and start._head is not None else None
        if first is not None and first.weight.shape != (self.n_classes, x.shape[1]):
            first = None
        head = logistic.fit_head(x, labels, self.n_classes, chosen.c, first)
        scaled = head.cooled(chosen.temperature)
        weight, bias = np.asarray(scaled.weight, np.float32), np.asarray(scaled.bias, np.float32)
        self._head, self._weights, self.chosen = head, (weight, bias), chosen
        self.version = storage.version_of(KIND, weight, bias)
        loss = logistic.log_loss(head(x), labels)
        return FitReport(time.perf_counter() - begin, loss=loss, details={"labels": len(labels), **asdict(chosen)})


def standardised(vectors: Floats) -> Floats:
    """Gives vectors (n, d) with mean 0 over their dimensions and length 1; a constant vector becomes 0.

    Raises:
        NonFinite: one of them is NaN or infinite.
    """
    centred = vectors - vectors.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    if not np.isfinite(length).all():
        raise NonFinite("Some embeddings are NaN or infinite; encode the texts again, in float32.")
    return np.asarray(centred / np.where(length > 0, length, 1), np.float32)
