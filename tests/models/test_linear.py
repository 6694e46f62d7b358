"""The linear model: calibrated, quick to refit, good on real news."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tyrogue import ops
from tyrogue.encoders import CachedEncoder, open_encoder
from tyrogue.errors import NonFinite, NotFitted, UnknownName, UsageError
from tyrogue.models import LinearClassifier, create
from tyrogue.models.linear import standardised
from tyrogue.pool import Inputs
from tyrogue.types import Floats


def embedded(vectors: Floats) -> Inputs:
    inputs = Inputs([""] * len(vectors), embed=lambda _: vectors)
    assert inputs.embeddings is vectors  # computed now, so that `take` keeps its part
    return inputs


def noisy(n: int, seed: int = 0) -> tuple[Inputs, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=n)
    means = np.random.default_rng(99).normal(size=(3, 32))
    return embedded((means[labels] + 2 * rng.normal(size=(n, 32))).astype(np.float32)), labels


def test_refit_is_the_fit_with_c_known() -> None:
    inputs, labels = noisy(80)
    model = LinearClassifier(3)
    model.fit(inputs.take(np.arange(60)), labels[:60], seed=0)
    chosen, version = model.chosen, model.version
    model.refit(inputs, labels)
    assert model.chosen == chosen
    assert model.version != version
    assert chosen is not None
    direct = LinearClassifier(3, c=chosen.c)
    direct.fit(inputs, labels, seed=5)
    logits = direct.infer(inputs).logits / np.float32(chosen.temperature)
    assert_allclose(ops.softmax(model.infer(inputs).logits), ops.softmax(logits), atol=3e-3)


def test_refit_needs_a_fit() -> None:
    with pytest.raises(NotFitted, match="fit first"):
        LinearClassifier(3).refit(*noisy(10))


def test_probabilities_are_calibrated_on_new_texts() -> None:
    model = LinearClassifier(3)
    model.fit(*noisy(120), seed=0)
    inputs, labels = noisy(3000, seed=1)
    p = ops.softmax(model.infer(inputs).logits)
    assert abs(p.max(1).mean() - (p.argmax(1) == labels).mean()) < 0.08


def test_standardised_is_blind_to_scale_and_shift() -> None:
    x = np.random.default_rng(0).normal(size=(5, 16)).astype(np.float32)
    assert_allclose(standardised(x), standardised(7 * x + 3), atol=1e-5)
    assert_allclose(np.linalg.norm(standardised(x), axis=1), 1, atol=1e-6)
    assert (standardised(np.ones((2, 4), np.float32)) == 0).all()


def test_nan_embeddings_leave_the_model_as_it_was() -> None:
    inputs, labels = noisy(30)
    model = LinearClassifier(3)
    model.fit(inputs, labels, seed=0)
    version = model.version
    with pytest.raises(NonFinite):
        model.fit(embedded(np.full((30, 32), np.nan, np.float32)), labels, seed=0)
    assert model.version == version
    assert model.fitted


def test_texts_from_outside_need_an_embedder() -> None:
    model = LinearClassifier(3)
    model.fit(*noisy(30), seed=0)
    with pytest.raises(UsageError, match="encoder"):
        model.infer(Inputs(["text"]))


@pytest.mark.parametrize(
    ("name", "options", "error", "match"),
    [
        ("lineal", {}, UnknownName, "linear"),
        ("linear", {"depth": 3}, UsageError, "depth"),
        ("linear", {"c": -1.0}, UsageError, "positive"),
        ("linear", {"recipe": "papr"}, UnknownName, "paper"),
    ],
)
def test_create_says_what_is_wrong(name: str, options: dict[str, object], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        create(name, n_classes=2, **options)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="at least 1"):
        create("linear", n_classes=0)


def test_real_news_with_a_hundred_labels(datasets_dir: Path) -> None:
    import pyarrow.parquet as pq
    from sklearn.metrics import f1_score

    train = pq.read_table(datasets_dir / "ag_news" / "train.parquet").slice(0, 100)
    test = pq.read_table(datasets_dir / "ag_news" / "test.parquet").slice(0, 300)
    embedder = CachedEncoder(open_encoder(max_length=64), None)
    model = create("linear", n_classes=4, embedder=embedder)
    model.fit(Inputs(train["text"].to_pylist()), train["label"].to_numpy().astype(np.int64), seed=0)
    predicted = model.infer(Inputs(test["text"].to_pylist())).logits.argmax(1)
    assert f1_score(test["label"].to_numpy(), predicted, average="macro") > 0.75
