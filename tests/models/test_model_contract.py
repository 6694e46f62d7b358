"""The model contract on ours, and the mistakes that it catches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tyrogue.encoders import CachedEncoder, open_encoder
from tyrogue.models import RECIPES, LinearClassifier, Recipe, TransformerClassifier, load
from tyrogue.pool import Inputs
from tyrogue.protocols import Classifier
from tyrogue.testing.checkpoints import tiny_checkpoint
from tyrogue.testing.models import MODEL_CHECKS, ModelCase, name
from tyrogue.types import FitReport, Floats, Inference, Labels, Text

WORDS = ["good", "bad", "day", "news", "dog", "market"]
PRODUCT = replace(RECIPES["product"], min_steps=20, epochs=1, lr=1e-3, head_lr=1e-2, precision="float32")
FINETUNE = replace(RECIPES["finetune"], min_steps=12, epochs=1, lr=1e-3, precision="float32")
PAPER = replace(RECIPES["paper"], epochs=12, batch=4, lr=2e-3)

Check = Callable[[ModelCase, Path], None]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "mean", words=WORDS))


@pytest.fixture(scope="module")
def pooler(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "pooler", "pooler", words=WORDS))


@pytest.fixture(scope="module")
def embedder(tiny: str) -> CachedEncoder:
    return CachedEncoder(open_encoder(tiny, device="cpu", precision="float32"), None)


def transformer(checkpoint: str, recipe: Recipe) -> ModelCase:
    return ModelCase(
        make=lambda n: TransformerClassifier(n, checkpoint, recipe, device="cpu"), inputs=Inputs, load=load
    )


def linear(embedder: CachedEncoder, kind: type[LinearClassifier] = LinearClassifier) -> ModelCase:
    def inputs(texts: Sequence[Text]) -> Inputs:
        return Inputs(texts, embed=embedder.embed)

    return ModelCase(lambda n: kind(n, embedder), inputs, lambda path: load(path, embedder=embedder), continues=False)


@pytest.mark.parametrize("check", MODEL_CHECKS, ids=name)
def test_linear(check: Check, embedder: CachedEncoder, tmp_path: Path) -> None:
    check(linear(embedder), tmp_path)


@pytest.mark.parametrize("check", MODEL_CHECKS, ids=name)
@pytest.mark.parametrize("recipe", [PRODUCT, FINETUNE], ids=["product", "finetune"])
def test_transformer_of_ours(check: Check, recipe: Recipe, tiny: str, tmp_path: Path) -> None:
    check(transformer(tiny, recipe), tmp_path)


@pytest.mark.parametrize("check", MODEL_CHECKS, ids=name)
def test_transformer_paper(check: Check, pooler: str, tmp_path: Path) -> None:
    check(transformer(pooler, PAPER), tmp_path)


@pytest.mark.parametrize("check", [c for c in MODEL_CHECKS if name(c) in ("shapes", "neighbours", "learns", "threads")])
def test_transformer_bfloat16(check: Check, tiny: str, tmp_path: Path) -> None:
    check(transformer(tiny, replace(PRODUCT, precision="bfloat16")), tmp_path)


class Neighbourly(LinearClassifier):
    """Normalises over the batch."""

    def infer(self, inputs: Inputs) -> Inference:
        logits, features = super().infer(inputs)
        return Inference(logits - logits.mean(0) if len(logits) else logits, features)


class Forgetful(LinearClassifier):
    """Has a column only for the classes that it saw."""

    def fit(self, inputs: Inputs, labels: Labels, *, seed: int, start: Classifier | None = None) -> FitReport:
        report = super().fit(inputs, labels, seed=seed, start=start)
        assert self._weights is not None
        self._weights = (self._weights[0][: labels.max() + 1], self._weights[1][: labels.max() + 1])
        return report


class Careless(LinearClassifier):
    """Draws from the global generator."""

    def fit(self, inputs: Inputs, labels: Labels, *, seed: int, start: Classifier | None = None) -> FitReport:
        torch.manual_seed(seed)
        return super().fit(inputs, labels, seed=seed, start=start)


class Sticky(LinearClassifier):
    """Remembers the labels of earlier fits."""

    seen = 0.0

    def fit(self, inputs: Inputs, labels: Labels, *, seed: int, start: Classifier | None = None) -> FitReport:
        report = super().fit(inputs, labels, seed=seed, start=start)
        assert self._weights is not None
        self._weights = (self._weights[0], np.asarray(self._weights[1] + self.seen, np.float32))
        self.seen += np.linspace(0, 1, self.n_classes)  # type: ignore[assignment]
        return report


class Overconfident(LinearClassifier):
    """Gives other logits than its head."""

    def infer(self, inputs: Inputs) -> Inference:
        logits, features = super().infer(inputs)
        return Inference(np.asarray(3 * logits, np.float32), features)


class Still(LinearClassifier):
    """Samples without dropout."""

    def sample(self, inputs: Inputs, k: int, *, seed: int) -> Floats:
        return (
            np.stack([self.infer(inputs).logits] * k) if k else np.empty((0, len(inputs), self.n_classes), np.float32)
        )


class Unversioned(LinearClassifier):
    """Is always the same version."""

    def fit(self, inputs: Inputs, labels: Labels, *, seed: int, start: Classifier | None = None) -> FitReport:
        report = super().fit(inputs, labels, seed=seed, start=start)
        self.version = "v1"
        return report


class Trusting(LinearClassifier):
    """Takes any label."""

    def fit(self, inputs: Inputs, labels: Labels, *, seed: int, start: Classifier | None = None) -> FitReport:
        if len(labels) != len(inputs) or not len(labels):
            return super().fit(inputs, labels, seed=seed, start=start)
        return super().fit(inputs, np.clip(labels, 0, self.n_classes - 1), seed=seed, start=start)


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (Neighbourly, "neighbours"),
        (Forgetful, "unseen_class"),
        (Careless, "generators"),
        (Sticky, "fit_starts_afresh"),
        (Overconfident, "head"),
        (Still, "samples"),
        (Unversioned, "seed"),
        (Trusting, "labels"),
    ],
)
def test_planted_mistakes_are_caught(
    broken: type[LinearClassifier], expected: str, embedder: CachedEncoder, tmp_path: Path
) -> None:
    check = next(c for c in MODEL_CHECKS if name(c) == expected)
    check(linear(embedder), tmp_path / "right")
    with pytest.raises((AssertionError, ValueError)):
        check(linear(embedder, broken), tmp_path / "wrong")


def test_a_loader_that_checks_nothing_is_caught(embedder: CachedEncoder, tmp_path: Path) -> None:
    case = linear(embedder)
    kept: list[Classifier] = []

    def make(n: int) -> Classifier:
        kept.append(LinearClassifier(n, embedder))
        return kept[-1]

    check = next(c for c in MODEL_CHECKS if name(c) == "corrupt")
    with pytest.raises(AssertionError):
        check(ModelCase(make, case.inputs, lambda path: kept[-1]), tmp_path)
