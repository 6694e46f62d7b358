"""Token ids and batches against the plain tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from tyrogue.backbone import batches, load_backbone, pad, token_lengths, tokenize
from tyrogue.errors import BadInput
from tyrogue.testing.checkpoints import tiny_checkpoint

CPU = torch.device("cpu")
TEXTS = ["good day", "", "a longer text, with marks!", "naïve 漢字", "x " * 300]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_backbone(str(tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "mean", words=["good"]))).tokenizer


def test_ids_and_padding_are_the_plain_tokenizers(tokenizer: Any) -> None:
    tokens = tokenize(tokenizer, TEXTS, 32)
    batch = pad(tokens, np.arange(len(TEXTS)), tokenizer, CPU)
    plain = tokenizer(TEXTS, truncation=True, max_length=32, padding=True, return_tensors="pt")
    assert set(batch) == set(plain)
    for name, tensor in batch.items():
        assert_array_equal(tensor.numpy(), plain[name].numpy())


def test_pairs_keep_both_texts(tokenizer: Any) -> None:
    pairs = [("good day", "x " * 100), ("a", "")]
    tokens = tokenize(tokenizer, pairs, 16)
    plain = tokenizer([a for a, _ in pairs], [b for _, b in pairs], truncation=True, max_length=16)
    assert tokens.ids == plain["input_ids"]
    assert tokens.types == plain["token_type_ids"]
    assert tokens.types is not None
    assert {0, 1} == set(tokens.types[0])


def test_lengths_are_before_any_cut(tokenizer: Any) -> None:
    assert token_lengths(tokenizer, TEXTS).tolist() == [len(tokenizer(t, verbose=False)["input_ids"]) for t in TEXTS]


def test_megabytes_are_cut_before_tokenizing(tokenizer: Any) -> None:
    seen: list[int] = []

    class Watching:
        unk_token_id = tokenizer.unk_token_id
        pad_token_id = tokenizer.pad_token_id
        eos_token_id = None

        def __call__(self, texts: list[str], **options: Any) -> Any:
            seen.extend(map(len, texts))
            return tokenizer(texts, **options)

    tokens = tokenize(Watching(), ["word " * 500_000], 32)
    assert tokens.lengths.tolist() == [32]
    assert max(seen) <= 32 * 64
    assert tokens.ids == tokenize(tokenizer, ["word " * 50], 32).ids


def test_a_text_without_tokens_gets_one() -> None:
    class Bare:
        unk_token_id, pad_token_id, eos_token_id = None, 0, None

        def __call__(self, texts: list[str], **options: Any) -> Any:
            return {"input_ids": [[5] * len(text) for text in texts]}

    tokens = tokenize(Bare(), ["ab", ""], 8)
    assert tokens.ids == [[5, 5], [0]]
    assert pad(tokens, np.array([1, 0]), Bare(), CPU)["attention_mask"].tolist() == [[1, 0], [1, 1]]


def test_mixed_kinds_are_refused(tokenizer: Any) -> None:
    with pytest.raises(BadInput, match="mixed"):
        tokenize(tokenizer, ["a", ("b", "c")], 8)


@given(st.lists(st.integers(1, 512), max_size=80), st.integers(1, 4096))
def test_batches_hold_every_text_once_within_the_budget(lengths: list[int], budget: int) -> None:
    groups = batches(np.array(lengths, np.int64), budget)
    assert sorted(i for group in groups for i in group.tolist()) == list(range(len(lengths)))
    for group in groups:
        assert len(group) == 1 or len(group) * max(lengths[i] for i in group) <= budget
    longest = [max(lengths[i] for i in group) for group in groups]
    assert longest == sorted(longest, reverse=True)


def test_length_of_model_and_pooling_of_checkpoint(tmp_path: Path) -> None:
    assert load_backbone("default").longest == 512
    assert load_backbone("default").pooling == "mean"
    assert load_backbone(str(tiny_checkpoint(tmp_path / "roberta", "roberta"))).longest == 63  # 1 position is padding
    assert load_backbone(str(tiny_checkpoint(tmp_path / "distilbert", "distilbert"))).pooling == "cls"
