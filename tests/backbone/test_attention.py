"""Our attention against torch's, and the numbers that a pooled vector must have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from tyrogue.backbone import load_backbone, pad, tokenize
from tyrogue.backbone.attention import SHORT, attention
from tyrogue.backbone.network import pool, pooling_of, standardise
from tyrogue.errors import BadInput


class Bidirectional(torch.nn.Module):
    is_causal = False


@pytest.mark.parametrize("length", [1, 7, SHORT, SHORT + 1])
@pytest.mark.parametrize("masked", [True, False])
def test_attention_is_softmax_of_products(length: int, masked: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, v = torch.randn(3, 2, 4, length, 8, generator=generator)
    mask = torch.ones(2, 1, length, length, dtype=torch.bool)
    mask[1, :, :, length // 2 + 1 :] = False
    ours, _ = attention(Bidirectional(), q, k, v, mask if masked else None, scaling=8**-0.5)
    scores = q @ k.transpose(2, 3) / 8**0.5
    if masked:
        scores = scores.masked_fill(~mask, -torch.inf)
    assert_allclose(ours.numpy(), (scores.softmax(-1) @ v).transpose(1, 2).numpy(), atol=1e-5)


def test_a_causal_model_sees_the_left_only() -> None:
    q, k, v = torch.randn(3, 1, 2, 5, 8, generator=torch.Generator().manual_seed(0))
    ours, _ = attention(torch.nn.Module(), q, k, v, None, scaling=8**-0.5)
    assert_allclose(ours[0, 0].numpy(), v[0, :, 0].numpy(), atol=1e-5)  # the first token: itself alone


def test_short_texts_take_the_fast_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the real model, whose calls carry options of their own."""
    called: list[int] = []

    def watched(module: torch.nn.Module, query: torch.Tensor, key: torch.Tensor, *rest: Any, **options: Any) -> Any:
        called.append(key.shape[2])
        return sdpa_attention_forward(module, query, key, *rest, **options)

    monkeypatch.setattr("tyrogue.backbone.attention.sdpa_attention_forward", watched)
    backbone = load_backbone("default")
    for words in (20, SHORT + 20):
        tokens = tokenize(backbone.tokenizer, ["word " * words, "a"], 256)
        with torch.inference_mode():
            backbone(pad(tokens, np.arange(2), backbone.tokenizer, torch.device("cpu")))
    assert called == [SHORT + 22] * 6


def test_pooling_leaves_padding_out() -> None:
    hidden = torch.tensor([[[1.0, 5.0], [3.0, 1.0], [99.0, 99.0]]])
    mask = torch.tensor([[1, 1, 0]])
    expected = {"mean": [2, 3], "cls": [1, 5], "max": [3, 5], "lasttoken": [3, 1]}
    for pooling, vector in expected.items():
        assert pool(hidden, mask, pooling).tolist() == [vector]  # type: ignore[arg-type]


def test_standardised_vectors() -> None:
    z = standardise(torch.randn(3, 50, generator=torch.Generator().manual_seed(0)) * 4 + 1)
    assert_allclose(z.mean(1).numpy(), 0, atol=1e-6)
    assert_allclose(z.var(1, unbiased=False).numpy(), 1, atol=1e-4)


def test_pooling_configs_old_and_new() -> None:
    assert pooling_of({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}) == "cls"
    assert pooling_of({"pooling_mode": "mean", "embedding_dimension": 3}) == "mean"
    assert pooling_of({"pooling_mode": ["max"]}) == "max"
    for config in ({"pooling_mode": ["max", "mean"]}, {"pooling_mode": "weightedmean"}, {}):
        with pytest.raises(BadInput, match="--model linear"):
            pooling_of(config)
