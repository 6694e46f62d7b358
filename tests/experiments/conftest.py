"""A task of Gaussian classes whose texts are their own names, and a model that is quick and exact to repeat."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from tyrogue.errors import NotFitted
from tyrogue.experiments.data import Examples, Task
from tyrogue.experiments.embeddings import Precomputed
from tyrogue.pool import Inputs
from tyrogue.protocols import Classifier
from tyrogue.types import FitReport, Floats, Inference, Labels


@dataclass
class Centroids:
    """Scores classes by the distance to their mean; `version` retells how the model came to be."""

    n_classes: int
    means: Floats | None = None
    version: str = "none"
    fits: list[int] = field(default_factory=list)
    """Numbers of labels of all fits of all models of a factory."""

    @property
    def fitted(self) -> bool:
        return self.means is not None

    def fit(self, inputs: Inputs, labels: Labels, *, seed: int, start: Classifier | None = None) -> FitReport:
        clock = time.perf_counter()
        vectors = inputs.embeddings
        old = start.means if isinstance(start, Centroids) else None
        means: Floats = np.zeros((self.n_classes, vectors.shape[1]), np.float32)
        if old is not None:
            means += old / 2
        for label in np.unique(labels):
            means[label] += vectors[labels == label].mean(0)
        self.means = means
        self.fits.append(len(labels))
        assert inputs.rows is not None
        told = (start.version if start else "", seed, inputs.rows.tolist(), labels.tolist())
        self.version = f"{hash(str(told)) & 0xFFFFFFFF:08x}"
        return FitReport(time.perf_counter() - clock)

    def infer(self, inputs: Inputs) -> Inference:
        return Inference(self.head(inputs.embeddings), inputs.embeddings)

    def features(self, inputs: Inputs) -> Floats:
        return inputs.embeddings

    def head(self, features: Floats) -> Floats:
        if self.means is None:
            raise NotFitted("not fitted")
        distances = ((features[:, None] - self.means[None]) ** 2).sum(2)
        return np.asarray(-distances, np.float32)

    def sample(self, inputs: Inputs, k: int, *, seed: int) -> Floats:
        noise = np.random.default_rng(seed).normal(0, 0.1, (k, len(inputs), self.n_classes))
        return np.asarray(self.infer(inputs).logits[None] + noise, np.float32)

    def save(self, path: Path) -> None:
        raise NotImplementedError


@dataclass
class Toy:
    """A task with embeddings and models."""

    task: Task
    embedder: Precomputed
    fits: list[int] = field(default_factory=list)

    def model(self) -> Classifier:
        return self.model_of(self.task.n_classes)

    def model_of(self, n_classes: int) -> Classifier:
        return Centroids(n_classes, fits=self.fits)


def make_toy(n_train: int = 300, n_test: int = 120, classes: int = 3, seed: int = 0) -> Toy:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n_train + n_test)
    vectors = rng.normal(size=(classes, 8))[labels] + rng.normal(0, 0.9, (n_train + n_test, 8))
    texts = [f"text {i} of class {label}" for i, label in enumerate(labels)]
    train = Examples(texts[:n_train], labels[:n_train])
    test = Examples(texts[n_train:], labels[n_train:])
    names = tuple(f"class {i}" for i in range(classes))
    return Toy(Task("toy", names, train, test), Precomputed(vectors.astype(np.float16)))


@pytest.fixture
def toy() -> Toy:
    return make_toy()


@pytest.fixture(scope="session")
def toys() -> Callable[..., Toy]:
    return make_toy
