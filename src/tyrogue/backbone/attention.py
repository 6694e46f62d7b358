"""Attention that is fast on short texts on a CPU.

torch's fused attention is made for long sequences. On a CPU in bfloat16, plain matrix products are faster on short
ones, most of all in training, and slower from about 256 tokens on (benchmarks/throughput.py measures it).
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "tyrogue"
SHORT = 160
"""Longest padded length, in tokens, at which plain products are used."""


def attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Gives softmax(q k / sqrt(d)) v as transformers' attention interface asks, (batch, length, heads, d)."""
    # Without a mask, a module that does not say otherwise attends to the left only.
    causal = attention_mask is None and getattr(module, "is_causal", True)
    same_heads = query.shape[1] == key.shape[1]
    # Options that say something (a window, a bias on positions) are torch's business.
    special = any(value is not None for name, value in options.items() if name != "position_ids")
    short = query.device.type == "cpu" and key.shape[-2] <= SHORT
    plain = short and same_heads and not causal and not special
    if not plain:
        fused: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **options
        )
        return fused
    scores = query @ key.transpose(-1, -2) * (scaling if scaling is not None else query.shape[-1] ** -0.5)
    if attention_mask is not None:
        scores = scores.masked_fill(~attention_mask, torch.finfo(scores.dtype).min)
    weights = torch.nn.functional.dropout(scores.softmax(-1), dropout, training=dropout > 0)
    return (weights.to(value.dtype) @ value).transpose(1, 2).contiguous(), None


def use_fast_attention(model: Any) -> None:
    """Switches a transformer to `attention` where its architecture allows another one."""
    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    if getattr(model.config, "_attn_implementation", None) == "sdpa" and not getattr(model.config, "is_decoder", False):
        model.set_attn_implementation(NAME)
