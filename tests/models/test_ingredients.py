"""Ingredients of a recipe that the presets may leave out: contrastive start, adapters, class weights, head alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.special import log_softmax

from tyrogue.errors import UsageError
from tyrogue.models import Recipe, TransformerClassifier, load
from tyrogue.models.adapters import adapt, merge
from tyrogue.models.contrastive import TEMPERATURE, contrastive_loss
from tyrogue.models.crossfit import FOLDS
from tyrogue.models.logistic import best_temperature, stratified
from tyrogue.models.network import Network
from tyrogue.models.training import class_weights
from tyrogue.pool import Inputs
from tyrogue.testing.checkpoints import tiny_checkpoint
from tyrogue.testing.models import toy

SMALL = Recipe(epochs=2, batch=4, lr=1e-3, dropout=0.0, precision="float32")
TEXTS, LABELS = Inputs(toy().texts), toy().labels


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_checkpoint(tmp_path_factory.mktemp("checkpoint") / "mean", "mean", words=["good", "bad", "day"]))


def slow_contrastive_loss(features: np.ndarray, labels: np.ndarray) -> float:
    """Equation 2 of Khosla et al. (2020), anchor by anchor."""
    z = features / np.linalg.norm(features, axis=1, keepdims=True)
    terms = []
    for i in range(len(z)):
        others = [a for a in range(len(z)) if a != i]
        companions = [p for p in others if labels[p] == labels[i]]
        if companions:
            total = sum(np.exp(z[i] @ z[a] / TEMPERATURE) for a in others)
            terms.append(-np.mean([np.log(np.exp(z[i] @ z[p] / TEMPERATURE) / total) for p in companions]))
    return float(np.mean(terms)) if terms else 0.0


@pytest.mark.parametrize("labels", [[0, 0, 1, 1, 2], [0, 1, 2, 3, 4], [1, 1, 1, 1, 1], [0, 0, 0, 1, 2]])
def test_contrastive_loss_is_the_papers(labels: list[int]) -> None:
    features = np.random.default_rng(0).normal(size=(5, 6))
    loss = contrastive_loss(torch.tensor(features, requires_grad=True), torch.tensor(labels))
    assert float(loss.detach()) == pytest.approx(slow_contrastive_loss(features, np.array(labels)), rel=1e-5, abs=1e-7)
    torch.autograd.backward(loss)  # also where no text has a companion


def test_contrastive_start_changes_the_features_and_leaves_the_classes_apart(checkpoint: str) -> None:
    recipe, told = replace(SMALL, contrastive_steps=30, max_steps=0, head_first=True), list[tuple[int, int]]()
    model = TransformerClassifier(2, checkpoint, recipe, device="cpu", progress=lambda *at: told.append(at[:2]))

    def spread(features: np.ndarray) -> float:
        z = features / np.linalg.norm(features, axis=1, keepdims=True)
        same, cosines = LABELS[:, None] == LABELS[None, :], z @ z.T
        return float(cosines[same].mean() - cosines[~same].mean())

    before = spread(model.features(TEXTS))
    report = model.fit(TEXTS, LABELS, seed=0)
    assert (report.steps, told) == (30, [(done, 30) for done in range(1, 31)])
    assert spread(model.features(TEXTS)) > before + 0.2


def test_a_contrastive_start_is_made_again_where_training_goes_on_from_another_model(checkpoint: str) -> None:
    recipe = replace(SMALL, contrastive_steps=20, max_steps=0, head_first=True)
    first, second = (TransformerClassifier(2, checkpoint, recipe, device="cpu") for _ in range(2))
    first.fit(TEXTS, 1 - LABELS, seed=0)
    assert second.fit(TEXTS, LABELS, seed=0, start=first).steps == 20
    assert (second.infer(TEXTS).logits.argmax(1) == LABELS).mean() > 0.9
    assert (first.infer(TEXTS).logits.argmax(1) == 1 - LABELS).mean() > 0.9


def test_progress_goes_on_from_the_contrastive_start_to_the_fine_tuning(checkpoint: str) -> None:
    told, recipe = list[tuple[int, int]](), replace(SMALL, contrastive_steps=3, min_steps=4, max_steps=4)
    TransformerClassifier(2, checkpoint, recipe, device="cpu", progress=lambda *at: told.append(at[:2])).fit(
        TEXTS, LABELS, seed=0
    )
    assert told == [(done, 7) for done in range(1, 8)]


def test_head_alone_is_logistic_regression_on_the_pretrained_features(checkpoint: str) -> None:
    model = TransformerClassifier(2, checkpoint, replace(SMALL, max_steps=0, head_first=True), device="cpu")
    before = model.features(TEXTS)
    report = model.fit(TEXTS, LABELS, seed=0)
    assert (report.steps, report.loss) == (0, 0.0)
    assert_allclose(model.features(TEXTS), before, atol=1e-6)
    assert (model.infer(TEXTS).logits.argmax(1) == LABELS).mean() > 0.7


def test_adapters_learn_a_difference_of_low_rank_and_leave_a_stock_network(checkpoint: str) -> None:
    model = TransformerClassifier(2, checkpoint, replace(SMALL, lora_rank=2, epochs=6), device="cpu")
    model.fit(TEXTS, LABELS, seed=0)
    before, after = model.pretrained.transformer.state_dict(), model.network.backbone.transformer.state_dict()
    assert set(before) == set(after)
    moved = [name for name in before if not before[name].equal(after[name])]
    assert moved
    assert all(".layer." in name and name.endswith("weight") for name in moved)
    for name in moved:
        assert np.linalg.matrix_rank((after[name] - before[name]).numpy(), tol=1e-6) <= 2


def test_merging_changes_no_answer(checkpoint: str) -> None:
    network = Network(TransformerClassifier(2, checkpoint, SMALL, device="cpu").pretrained.clone(), 2)
    adapt(network, 2)
    for name, parameter in network.named_parameters():
        if name.endswith(".up"):
            torch.nn.init.normal_(parameter, std=0.1)
    batch = network.tokenizer(["good day", "bad"], return_tensors="pt", padding=True)
    with torch.no_grad():
        adapted = network.backbone(dict(batch))
        merge(network)
        assert_allclose(network.backbone(dict(batch)).numpy(), adapted.numpy(), atol=1e-5)


def test_class_weights_are_one_over_the_root_and_one_on_average() -> None:
    labels = torch.tensor([0] * 16 + [1] * 4 + [2])
    weights = class_weights(labels, 4)
    assert float(weights[1] / weights[0]) == pytest.approx(2)
    assert float(weights[2] / weights[0]) == pytest.approx(4)
    assert float(weights[labels].mean()) == pytest.approx(1)
    assert torch.isfinite(weights).all()


def test_class_weights_weigh_the_loss(checkpoint: str) -> None:
    rows = np.concatenate([np.flatnonzero(LABELS == 0), np.flatnonzero(LABELS == 1)[:2]])
    few, labels, losses = TEXTS.take(rows), LABELS[rows], list[float]()
    untrained = TransformerClassifier(2, checkpoint, replace(SMALL, max_steps=0), device="cpu")
    untrained.fit(few, labels, seed=0)
    recipe = replace(SMALL, class_weights=True, epochs=1, batch=len(rows))
    weighed = TransformerClassifier(2, checkpoint, recipe, device="cpu", progress=lambda *told: losses.append(told[2]))
    weighed.fit(few, labels, seed=0)
    weights = 1 / np.sqrt(np.bincount(labels))[labels]
    surprise = -log_softmax(untrained.infer(few).logits, axis=1)[np.arange(len(rows)), labels]
    assert losses[0] == pytest.approx((weights * surprise).sum() / weights.sum(), rel=1e-4)
    assert losses[0] != pytest.approx(surprise.mean(), rel=1e-4)


@pytest.mark.parametrize("change", [{"lora_rank": -1}, {"contrastive_steps": -1}])
def test_negative_ingredients_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        replace(SMALL, **change)


def test_a_temperature_divides_the_logits_and_is_kept(checkpoint: str, tmp_path: Path) -> None:
    plain = TransformerClassifier(2, checkpoint, SMALL, device="cpu")
    cooled = TransformerClassifier(2, checkpoint, SMALL, device="cpu", temperature=2.0)
    for model in (plain, cooled):
        model.fit(TEXTS, LABELS, seed=0)
    assert_allclose(cooled.infer(TEXTS).logits, plain.infer(TEXTS).logits / 2, atol=1e-5)
    cooled.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert isinstance(again, TransformerClassifier)
    assert again.temperature == 2.0
    assert_allclose(again.infer(TEXTS).logits, cooled.infer(TEXTS).logits, atol=1e-5)
    # Who goes on from it goes on from its weights as they were trained.
    further = [TransformerClassifier(2, checkpoint, SMALL, device="cpu") for _ in range(2)]
    for model, start in zip(further, (plain, cooled), strict=True):
        model.fit(TEXTS, LABELS, seed=1, start=start)
    assert_allclose(further[0].infer(TEXTS).logits, further[1].infer(TEXTS).logits, atol=1e-4)


def test_calibration_finds_the_temperature_of_held_out_labels(checkpoint: str) -> None:
    model = TransformerClassifier(2, checkpoint, SMALL, device="cpu", calibrate=True)
    model.fit(TEXTS, LABELS, seed=0)
    plain = TransformerClassifier(2, checkpoint, SMALL, device="cpu")
    folds = stratified(LABELS, 0, FOLDS)
    assert folds is not None
    held_out = np.empty((len(LABELS), 2))
    for fold in range(FOLDS):  # by hand
        held = np.flatnonzero(folds == fold)
        kept = np.flatnonzero(folds != fold)
        plain.fit(TEXTS.take(kept), LABELS[kept], seed=fold)
        held_out[held] = plain.infer(TEXTS.take(held)).logits
    assert model.temperature == pytest.approx(best_temperature(held_out, LABELS), rel=1e-3)
