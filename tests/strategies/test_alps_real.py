"""ALPS on a real network: a small BERT with a masked-LM head, made here, through the model's own forward pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tyrogue.errors import MissingHead
from tyrogue.learner import rng_of
from tyrogue.models import TransformerClassifier
from tyrogue.pool import Inputs, Pool, Texts
from tyrogue.strategies import Alps
from tyrogue.testing.checkpoints import tiny_checkpoint
from tyrogue.types import Floats
from tyrogue.view import PoolView

TEXTS = [f"{word} {other} number {i}" for i, (word, other) in enumerate([("good", "film"), ("bad", "meal")] * 15)]


class NoVectors:
    """ALPS asks for surprisal, never for embeddings."""

    def embed(self, inputs: Inputs) -> Floats:
        raise AssertionError("ALPS asked for embeddings")


def view_of(checkpoint: str) -> PoolView:
    model = TransformerClassifier(2, checkpoint)
    return PoolView(Pool(Texts(TEXTS)), model, NoVectors(), n_classes=2)


def test_alps_chooses_from_the_surprise_of_a_masked_lm(tmp_path: Path) -> None:
    checkpoint = str(tiny_checkpoint(tmp_path / "bert", "masked-lm"))
    first = Alps().query(view_of(checkpoint), 6, rng_of(0, 0))
    again = Alps().query(view_of(checkpoint), 6, rng_of(0, 0))
    assert first.rows[:6].tolist() == again.rows[:6].tolist()
    assert len(np.unique(first.rows[:6])) == 6


def test_a_network_without_the_head_is_refused_with_one_that_has_it() -> None:
    with pytest.raises(MissingHead, match="bert-base-cased"):
        Alps().query(view_of("default"), 6, rng_of(0, 0))
