"""Masked language modelling on the pool."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tyrogue.backbone import load_backbone, pad, tokenize
from tyrogue.errors import BadInput
from tyrogue.models import TransformerClassifier
from tyrogue.models.pretraining import corrupted, masked, pretrained_on, train
from tyrogue.pool import Inputs
from tyrogue.testing.checkpoints import tiny_checkpoint

WORDS = ["sun", "moon", "day", "night", "warm", "cold"]
POOL = ["sun day warm sun day warm", "moon night cold moon night cold"] * 40


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_checkpoint(tmp_path_factory.mktemp("checkpoint") / "mean", "mean", words=WORDS))


def test_words_that_go_together_are_guessed_from_one_another(checkpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tyrogue.models.pretraining.LEARNING_RATE", 3e-3)  # the checkpoint is tiny, and knows nothing
    backbone = load_backbone(checkpoint).clone()
    torch.manual_seed(0)
    losses = train(backbone, POOL, steps=150, seed=0)
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:10])
    assert not any(p.requires_grad for p in backbone.parameters())


def test_a_checkpoint_that_has_read_the_pool_is_a_checkpoint(checkpoint: str, tmp_path: Path) -> None:
    before = load_backbone(checkpoint).transformer.state_dict()
    kept = {name: tensor.clone() for name, tensor in before.items()}
    folder = pretrained_on(POOL, tmp_path / "read", checkpoint=checkpoint, steps=3)
    assert all(kept[name].equal(tensor) for name, tensor in load_backbone(checkpoint).transformer.state_dict().items())
    model = TransformerClassifier(2, str(folder), device="cpu")
    assert model.pretrained.pooling == "mean"
    model.fit(Inputs(POOL[:20]), np.arange(20) % 2, seed=0)
    assert (model.infer(Inputs(POOL[:20])).logits.argmax(1) == np.arange(20) % 2).all()
    assert not model.pretrained.transformer.state_dict()["embeddings.word_embeddings.weight"].equal(
        kept["embeddings.word_embeddings.weight"]
    )


def test_what_is_there_is_taken_as_it_is(checkpoint: str, tmp_path: Path) -> None:
    folder = pretrained_on(POOL, tmp_path / "read", checkpoint=checkpoint, steps=1)
    made = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert pretrained_on(POOL, folder, checkpoint=checkpoint, steps=500) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == made
    assert [path.name for path in tmp_path.iterdir()] == ["read"]


def test_without_a_mask_token_there_is_nothing_to_guess(checkpoint: str) -> None:
    backbone = load_backbone(checkpoint).clone()
    backbone.tokenizer = SimpleNamespace(mask_token_id=None)
    with pytest.raises(BadInput, match="no mask token"):
        train(backbone, POOL, steps=1, seed=0)


def test_the_same_seed_reads_in_the_same_way(checkpoint: str) -> None:
    def losses(seed: int) -> list[float]:
        torch.manual_seed(seed)
        return train(load_backbone(checkpoint).clone(), POOL, steps=3, seed=seed)

    assert losses(1) == losses(1) != losses(2)


def test_chosen_tokens_are_words_and_are_masked_replaced_or_left(checkpoint: str) -> None:
    tokenizer, rng = load_backbone(checkpoint).tokenizer, np.random.default_rng(0)
    texts = ["sun day warm moon night cold " * 8, "sun"] * 500
    tokens = tokenize(tokenizer, texts, 64)
    batch = pad(tokens, np.arange(len(texts)), tokenizer, torch.device("cpu"))
    chosen = masked(batch, tokenizer, rng)
    words = (batch["attention_mask"] == 1) & ~torch.isin(batch["input_ids"], torch.tensor(tokenizer.all_special_ids))
    assert not (chosen & ~words).any()
    assert float(chosen[words].float().mean()) == pytest.approx(0.15, abs=0.01)
    seen = corrupted(batch["input_ids"], chosen, tokenizer, len(tokenizer), rng)
    assert seen[~chosen].equal(batch["input_ids"][~chosen])
    now, was = seen[chosen], batch["input_ids"][chosen]
    hidden = now == tokenizer.mask_token_id
    by_chance = 0.1 / len(tokenizer)  # a word that is replaced by itself, or by the mask
    assert float(hidden.float().mean()) == pytest.approx(0.8 + by_chance, abs=0.02)
    assert float((now == was).float().mean()) == pytest.approx(0.1 + by_chance, abs=0.02)
