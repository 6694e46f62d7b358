"""The view computes what is asked, once, keeps a block of a sweep and counts what it spent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tyrogue import ops
from tyrogue.errors import MissingHead, NonFinite, NotFitted
from tyrogue.pool import Inputs, Pool, Texts
from tyrogue.testing.views import GivenEmbedder, GivenModel, blobs, given
from tyrogue.types import Floats, Inference
from tyrogue.view import PoolView

RNG = np.random.default_rng
WEIGHTS = np.asarray(RNG(0).normal(size=(6, 3)), np.float32)
VECTORS, _ = blobs(100, 6, 3)


class Counting(GivenModel):
    passes = 0

    def infer(self, inputs: Inputs) -> Inference:
        self.passes += 1
        return super().infer(inputs)


def _view(**more: object) -> PoolView:
    pool = Pool(Texts([str(i) for i in range(100)]))
    pool.teach([3, 50], [0, 1])
    return PoolView(pool, Counting(VECTORS, WEIGHTS), GivenEmbedder(VECTORS + 1), n_classes=3, **more)  # type: ignore[arg-type]


def test_gives_what_model_and_encoder_say() -> None:
    view, rows = _view(), np.array([7, 99, 0, 7])
    assert np.array_equal(view.features(rows), VECTORS[rows])
    assert np.allclose(view.logits(rows), VECTORS[rows] @ WEIGHTS, atol=1e-5)
    assert np.allclose(view.probabilities(rows), ops.softmax(VECTORS[rows] @ WEIGHTS), atol=1e-5)
    assert np.array_equal(view.static(rows), VECTORS[rows] + 1)
    assert np.array_equal(_view(mode="cached").embeddings(rows), VECTORS[rows] + 1)
    assert np.array_equal(_view(mode="current").embeddings(rows), VECTORS[rows])


def test_a_row_passes_once_in_a_round() -> None:
    view = _view()
    view.logits(np.arange(10))
    view.features(np.arange(5, 15))
    view.logits(np.arange(15))
    assert view.spent.rows_inferred == 15
    view.static(np.arange(10))
    view.static(np.arange(12))
    assert view.spent.rows_embedded == 12


def test_a_block_passes_once_and_is_forgotten_after() -> None:
    view = _view()
    model = view.model
    assert isinstance(model, Counting)
    for block in view.blocks(30):
        features, logits = view.features(block), view.logits(block)
        assert np.allclose(features @ WEIGHTS, logits, atol=1e-5)
        view.embeddings(block)
        view.static(block)
    assert model.passes == 4
    assert view.spent.rows_inferred == view.spent.rows_embedded == 98
    assert view._inferred.block is None
    assert not len(view._inferred.rows)
    view.logits(np.arange(2))
    assert model.passes == 5


def test_an_abandoned_sweep_leaves_no_block() -> None:
    view = _view()
    for block in view.blocks(30):
        view.logits(block)
        break
    blocks = view.blocks(30)
    kept = next(blocks)
    view.logits(kept)
    blocks.close()  # type: ignore[attr-defined]
    assert view._block is None


def test_part_of_a_block_is_remembered_as_usual() -> None:
    view = _view()
    for block in view.blocks(30):
        view.logits(block[:2])
    assert len(view._inferred.rows) == 8


def test_what_is_given_out_cannot_be_written_to() -> None:
    view, rows = _view(), np.arange(4)
    arrays: list[NDArray[Any]] = [
        view.logits(rows),
        view.features(rows),
        view.static(rows),
        view.labeled,
        view.labels,
        view.before,
    ]
    arrays += [view.draw(3, RNG(0)), *view.blocks(50)]
    for block in view.blocks(50):
        arrays += [view.logits(block), view.static(block)]
    assert not any(array.flags.writeable for array in arrays)


def test_an_unfitted_model_gives_features_and_no_logits() -> None:
    view = given(VECTORS, WEIGHTS, fitted=False)
    assert np.array_equal(view.features(np.arange(3)), VECTORS[:3])
    asks: list[Callable[[], Floats]] = [
        lambda: view.logits(np.arange(3)),
        lambda: view.probabilities(np.arange(3)),
        lambda: view.head(VECTORS[:3]),
        lambda: view.samples(np.arange(3), 2, RNG(0)),
    ]
    for ask in asks:
        with pytest.raises(NotFitted, match="teach some labels"):
            ask()
    pool = Pool(Texts(["a"] * 100))
    nothing = PoolView(pool, None, GivenEmbedder(VECTORS), n_classes=3)
    assert np.array_equal(nothing.features(np.arange(3)), VECTORS[:3])
    assert not nothing.fitted


class Diverged(GivenModel):
    def features(self, inputs: Inputs) -> Floats:
        return super().features(inputs) * np.float32(np.nan)


def test_nan_is_refused_everywhere() -> None:
    pool = Pool(Texts(["a"] * 100))
    view = PoolView(pool, Diverged(VECTORS, WEIGHTS), GivenEmbedder(VECTORS * np.nan), n_classes=3)
    rows = np.arange(3)
    for ask in (
        lambda: view.logits(rows),
        lambda: view.features(rows),
        lambda: view.static(rows),
        lambda: view.samples(rows, 2, RNG(0)),
        lambda: view.surprisal(rows, RNG(0)),
        lambda: view.head(np.full((1, 6), np.nan, np.float32)),
        lambda: [view.logits(block) for block in view.blocks()],
    ):
        with pytest.raises(NonFinite, match="diverged"):
            ask()


def test_without_a_masked_lm_head_surprisal_names_a_model() -> None:
    view = PoolView(Pool(Texts(["a"])), None, GivenEmbedder(VECTORS), n_classes=3)
    with pytest.raises(MissingHead, match="bert-base-cased"):
        view.surprisal(np.arange(1), RNG(0))


def test_samples_and_surprisal_follow_the_generator() -> None:
    view, rows = _view(), np.arange(5)
    one, same, other = (view.samples(rows, 3, RNG(seed)) for seed in (1, 1, 2))
    assert one.shape == (3, 5, 3)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert view.spent.rows_inferred == 45
    assert np.array_equal(view.surprisal(rows, RNG(1)), view.surprisal(rows, RNG(1)))
